"""Fine-tuning: a Network trained until the board's integers hold it without loss.

Needs PyTorch, which nothing else of the line does: import it late.
"""
