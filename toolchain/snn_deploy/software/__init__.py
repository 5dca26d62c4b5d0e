"""Energies that papers estimate without a chip, beside those of one, never added to them."""
