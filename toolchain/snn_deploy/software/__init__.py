"""Energies that papers estimate without a chip; they stand beside those of one, apart."""
