"""Inputs: what a file of samples means, encoders for values, bins for events."""
