"""Quantized PyTorch modules of Brevitas; nothing else in the package needs torch."""
