import re

import numpy as np
import pytest

from snn_deploy import InputError
from snn_deploy.arrays import AnyArray
from snn_deploy.inputs.data import Data, check_data
from snn_deploy.ir.network import Input, Network, Population
from snn_deploy.neurons import Lif
from snn_deploy.options.inputs import InputOptions
from snn_deploy.pipeline.finetuned import refuse_overlap

NET = Network((Input("in", (3,)),), (Population("p", (3,), Lif.of(3)),), (), ("p",))
RNG = np.random.default_rng(0)
TEST = RNG.integers(0, 5, (6, 4, 3)).astype(np.uint8)


def data(x: AnyArray, source: str, steps: int | None = None) -> Data:
    return check_data(x, NET, source, options=InputOptions(steps=steps))


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (TEST[[3]], "1 of 1 samples are also in test.npz (the first: 0 there is 3 here)"),
        (np.concatenate([TEST + 9, TEST[:2]]), "2 of 8 samples"),
        (TEST[[5]].astype(np.float32), "0 there is 5 here"),
    ],
)
def test_samples_that_are_tested_are_refused(train: AnyArray, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        refuse_overlap(data(train, "train.npz"), data(TEST, "test.npz"))


def test_static_samples_are_compared_by_their_value() -> None:
    still = TEST[:, 0]
    with pytest.raises(InputError, match="1 of 1"):
        refuse_overlap(data(still[[2]], "train", 4), data(still, "test", 4))


def test_one_other_value_makes_another_sample() -> None:
    other = TEST.copy()
    other[:, 1, 1] += 1
    refuse_overlap(data(other, "train"), data(TEST, "test"))
    other[0] = TEST[0]
    with pytest.raises(InputError, match="1 of 6"):
        refuse_overlap(data(other, "train"), data(TEST, "test"))
