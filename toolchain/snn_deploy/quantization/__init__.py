"""Choosing integers: registers, weights, inputs, scales and ranges; `passes/quantize.py`
joins them."""
