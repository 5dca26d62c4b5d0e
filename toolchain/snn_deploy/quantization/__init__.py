"""Choosing integers: registers, weights, inputs, scales and ranges; `quantize.py` joins
them."""
