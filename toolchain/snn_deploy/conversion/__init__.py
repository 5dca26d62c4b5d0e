"""Quantized ANNs become spiking networks that give the same integers."""
