import numpy as np
import pytest
import scipy.sparse as sp

from snn_deploy import InputError
from snn_deploy.conversion.integers.folding import fold_whole
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Chain, Conv, Dense, Pool, Scale, Sparse

RNG = np.random.default_rng(0)
CONV = Conv(RNG.integers(-7, 8, (4, 2, 3, 3)), (2, 6, 6), (4, 6, 6), padding=(1, 1))
CHANNELS = Scale(np.repeat([0.5, -0.25, 3.0, 0.1], 36))
POOL = Pool((2, 2), (4, 6, 6), (4, 3, 3), (2, 2), (0, 0), True)
DENSE = Dense(RNG.integers(-7, 8, (5, 36)))
SEVENTHS = Sparse(sp.csr_array(np.array([[1, 2, 0], [0, 0, 3]]) / np.float32(7)))

CHAINS = {
    "nothing": ((), 72),
    "convolution": ((CONV,), 72),
    "gain per channel": ((CONV, CHANNELS), 72),
    "gain, then an average per channel": ((CONV, CHANNELS, POOL), 72),
    "average, then dense": ((CONV, Scale(np.full(144, 0.3)), POOL, DENSE), 72),
    "shares as real numbers": ((SEVENTHS,), 3),
}


@pytest.mark.parametrize("name", CHAINS)
def test_whole_numbers_times_units_are_the_chain(name: str) -> None:
    maps, n = CHAINS[name]
    folded, unit = fold_whole(maps, np.full(n, 0.7))
    assert folded.stored.dtype == np.int64
    assert folded.stored.any()
    wanted = 0.7 * matrix(Chain(maps, n)).toarray()
    got = unit[:, None] * matrix(folded).toarray()
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-12)


def test_convolutions_stay_convolutions() -> None:
    folded, _ = fold_whole((CONV, CHANNELS, POOL), np.ones(72))
    assert isinstance(folded, Conv)


def test_sources_of_different_scales_may_be_gated_but_not_summed() -> None:
    scale = np.array([0.5, 2.0, 0.25])
    gate = Sparse(sp.csr_array(np.diag([1, -3, 2])))
    _, unit = fold_whole((gate,), scale)
    assert unit.tolist() == [0.5, 2.0, 0.25]
    with pytest.raises(InputError, match=r"different scales are summed.*QuantIdentity"):
        fold_whole((Dense(np.ones((1, 3))),), scale)


def test_real_weights_are_refused() -> None:
    with pytest.raises(InputError, match=r"weights are real numbers; quantize them"):
        fold_whole((Dense(np.array([[0.1, 0.37]])),), np.ones(2))
