"""lava-dl's CUBA neuron in whole numbers, one after the other."""

from typing import Any

import numpy as np

THRESHOLD = 80  # vThMant of the files that the tests write


def cuba(sent: Any, decay_u: int, decay_v: int, bias: Any = 0) -> Any:
    """Return spikes [T, n] of neurons that are sent `sent` [T, n] in whole weights, with a
    bias of whole weights; spikes and thresholds are in 64ths (lava-dl 0.6, slayer CUBA)."""
    steps, n = sent.shape
    mantissa = np.broadcast_to(np.trunc(bias), n).astype(int)  # NetDict.astype(int)
    spikes = np.zeros((steps, n), np.int64)
    for i in range(n):
        u = v = 0
        for t in range(steps):
            u = _toward_zero(u, decay_u) + 64 * int(sent[t, i])
            v = _toward_zero(v, decay_v) + u + 64 * int(mantissa[i])
            if v > 64 * THRESHOLD:
                spikes[t, i], v = 1, 0
    return spikes


def _toward_zero(state: int, decay: int) -> int:
    size = abs(state) * (4096 - decay) >> 12
    return size if state >= 0 else -size
