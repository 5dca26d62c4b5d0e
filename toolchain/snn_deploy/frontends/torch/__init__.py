"""From a live PyTorch module to a Network; the only part of the toolchain that needs torch."""

from snn_deploy.frontends.torch.convert import from_torch

__all__ = ["from_torch"]
