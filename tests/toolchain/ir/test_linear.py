"""Two readings of every map (apply, matrix) agree with each other and with PyTorch."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from snn_deploy.ir.linear import apply, compose, fold, matrix
from snn_deploy.ir.maps import Chain, Conv, Dense, Pool, Scale, Sparse


@st.composite
def images(draw: st.DrawFn) -> tuple[int, int, int]:
    """Draw the shape of a small image."""
    return draw(st.integers(1, 3)), draw(st.integers(4, 9)), draw(st.integers(4, 9))


def pair(draw: st.DrawFn, low: int, high: int) -> tuple[int, int]:
    return draw(st.integers(low, high)), draw(st.integers(low, high))


@st.composite
def convolutions(draw: st.DrawFn, shape: tuple[int, int, int] | None = None) -> Conv:
    """Draw a convolution, and let PyTorch say what shape its output has."""
    shape = shape or draw(images())
    groups = draw(st.sampled_from([1, shape[0]]))
    channels = groups * draw(st.integers(1, 2))
    kernel, stride = pair(draw, 1, 3), pair(draw, 1, 2)
    padding, dilation = pair(draw, 0, 2), pair(draw, 1, 1 + (min(shape[1:]) > 5))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    weight = rng.normal(size=(channels, shape[0] // groups, *kernel))
    out = torch.nn.functional.conv2d(
        torch.zeros(1, *shape, dtype=torch.float64),
        torch.tensor(weight), None, stride, padding, dilation, groups,
    )  # fmt: skip
    size = (out.shape[1], out.shape[2], out.shape[3])
    return Conv(weight, shape, size, stride, padding, dilation, groups)


def values(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, n))


def by_torch(conv: Conv, x: np.ndarray) -> np.ndarray:
    image = torch.tensor(x.reshape(-1, *conv.in_shape))
    out = torch.nn.functional.conv2d(
        image, torch.tensor(conv.weight), None, conv.stride, conv.padding, conv.dilation, conv.groups
    )  # fmt: skip
    return np.asarray(out.numpy().reshape(len(x), -1))


@given(convolutions())
def test_convolution_is_that_of_pytorch_in_both_readings(conv: Conv) -> None:
    x = values(conv.n_pre)
    expected = by_torch(conv, x)
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(apply(conv, x), expected, atol=1e-12)
    np.testing.assert_allclose((matrix(conv) @ x.T).T, expected, atol=1e-12)


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1)])
def test_pooling_is_that_of_pytorch(
    average: bool, kernel: int, stride: int, padding: int
) -> None:
    x = values(2 * 7 * 8)
    out = torch.nn.functional.avg_pool2d(
        torch.tensor(x.reshape(2, 2, 7, 8)), kernel, stride, padding
    ).numpy()
    expected = out * (1 if average else kernel**2)
    pool = Pool(
        (kernel,) * 2, (2, 7, 8), out.shape[1:], (stride,) * 2, (padding,) * 2, average
    )
    np.testing.assert_allclose(apply(pool, x), expected.reshape(2, -1), atol=1e-12)
    np.testing.assert_allclose((matrix(pool) @ x.T).T, expected.reshape(2, -1), atol=1e-12)


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    """Draw conv, pool, conv, scale, dense ... in a row."""
    shape = draw(images())
    maps: list[Dense | Sparse | Conv | Pool | Scale] = []
    size = int(np.prod(shape))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    for kind in draw(st.lists(st.sampled_from("cpsd"), min_size=1, max_size=4)):
        if kind == "c" and shape[0] and min(shape[1:]) >= 6:
            conv = draw(convolutions(shape))
            maps.append(conv)
            shape = conv.out_shape
        elif kind == "p" and min(shape[1:]) >= 4:
            k, s = draw(st.integers(1, 3)), draw(st.integers(1, 3))
            out = (shape[0], (shape[1] - k) // s + 1, (shape[2] - k) // s + 1)
            maps.append(Pool((k, k), shape, out, (s, s), (0, 0), draw(st.booleans())))
            shape = out
        elif kind == "s":
            per_channel = draw(st.booleans())
            factor = rng.normal(size=shape[0] if per_channel else int(np.prod(shape)))
            repeat = shape[1] * shape[2] if per_channel else 1
            maps.append(Scale(np.repeat(factor, repeat)))
        elif kind == "d":
            maps.append(Dense(rng.normal(size=(5, int(np.prod(shape))))))
            shape = (5, 1, 1)
    return Chain(tuple(maps), size)


@given(chains())
def test_folding_a_chain_changes_nothing(chain: Chain) -> None:
    x = values(chain.n)
    folded = fold(chain)
    assert isinstance(folded, Dense | Conv | Sparse)
    np.testing.assert_allclose(apply(folded, x), apply(chain, x), atol=1e-9)
    np.testing.assert_allclose((matrix(folded) @ x.T).T, apply(chain, x), atol=1e-9)


def test_pooling_before_a_padded_convolution_stays_one_convolution() -> None:
    pool = Pool((2, 2), (3, 8, 8), (3, 4, 4), (2, 2), (0, 0), True)
    conv = Conv(np.ones((4, 3, 3, 3)), (3, 4, 4), (4, 4, 4), (1, 1), (1, 1))
    folded = fold(Chain((pool, conv), pool.n_pre))
    assert isinstance(folded, Conv)
    assert folded.weight.shape == (4, 3, 6, 6)
    assert folded.stride == (2, 2)


def test_convolution_that_would_leak_into_the_padding_becomes_sparse() -> None:
    first = Conv(np.ones((1, 1, 3, 3)), (1, 6, 6), (1, 6, 6), (1, 1), (1, 1))
    folded = compose(first, first)
    assert isinstance(folded, Sparse)
    assert not np.array_equal(folded.matrix.toarray()[0, :3], [9.0, 9.0, 9.0])


def test_empty_chain_is_the_identity() -> None:
    folded = fold(Chain((), 4))
    assert isinstance(folded, Sparse)
    np.testing.assert_array_equal(folded.matrix.toarray(), np.eye(4))


def test_stored_zero_weights_stay_stored() -> None:
    weight = np.array([[0.0, 1.0], [2.0, 0.0]])
    assert matrix(Dense(weight)).nnz == 4
    assert isinstance(matrix(Dense(weight)), sp.csr_array)
