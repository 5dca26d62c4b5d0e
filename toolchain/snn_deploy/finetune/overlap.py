"""Training samples must not be test samples: what was learned by heart proves nothing."""

import hashlib
from collections.abc import Iterator

import numpy as np

from snn_deploy.errors import InputError
from snn_deploy.inputs.data import Data


def refuse_overlap(train: Data, test: Data) -> None:
    """Refuse training samples that are identical to test samples, value for value.

    Raises:
        InputError: There are such; says how many, and the first pair.
    """
    known = {digest: i for i, digest in enumerate(_digests(test))}
    shared = [(i, known[d]) for i, d in enumerate(_digests(train)) if d in known]
    if shared:
        mine, other = shared[0]
        raise InputError(
            f"--finetune {train.source}: {len(shared)} of {train.samples} samples are also "
            f"in {test.source} (the first: {mine} there is {other} here), so the accuracy "
            f"would prove nothing; train on samples that are not tested"
        )


def _digests(data: Data) -> Iterator[bytes]:
    """Yield a digest of each sample's values, whatever type they are stored as."""
    names = sorted(data.x)
    for i in range(data.samples):
        digest = hashlib.sha256()
        for name in names:
            values = data.x[name][i, :1] if data.static else data.x[name][i]
            plain = np.ascontiguousarray(values, np.float64) + 0.0  # -0 becomes 0
            digest.update(plain.tobytes())
        yield digest.digest()
