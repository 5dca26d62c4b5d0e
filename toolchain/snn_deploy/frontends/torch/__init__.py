"""From a live PyTorch module to a Network; nothing else in the toolchain needs torch."""

from snn_deploy.frontends.torch.from_torch import from_torch
from snn_deploy.frontends.torch.record import record

__all__ = ["from_torch", "record"]
