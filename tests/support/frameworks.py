"""The training frameworks, imported without the warnings that they print on import."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import nir
    import norse
    import sinabs
    import snntorch
    import spikingjelly
    import torch

__all__ = ["nir", "norse", "sinabs", "snntorch", "spikingjelly", "torch"]
