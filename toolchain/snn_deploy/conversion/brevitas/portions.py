"""Samples in portions that fit memory."""

from collections.abc import Iterator

import torch

BATCH = 256  # samples per pass; ours


def batches(samples: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield the samples [N, ...] in order, BATCH at a time."""
    for first in range(0, len(samples), BATCH):
        yield samples[first : first + BATCH]
