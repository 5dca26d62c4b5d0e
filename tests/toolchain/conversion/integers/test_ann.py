from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from snn_deploy import DoesNotFitError, InputError
from snn_deploy.conversion.integers.ann import (
    AnnLayer,
    AnnSource,
    Port,
    QuantAnn,
    activation,
    check_ann,
    encode,
    evaluate,
)
from snn_deploy.ir.maps import Conv, Dense
from support.random_anns import levels, random_ann


def one_layer(**changes: Any) -> AnnLayer:
    values: dict[str, Any] = {
        "name": "a",
        "shape": (2,),
        "sources": (AnnSource("input", Dense(np.array([[1, 2, 3], [0, -1, 4]]))),),
        "bias": np.array([5, -1]),
        "theta": np.array([3, 7]),
        "low": -2,
        "high": 3,
        "scale": np.ones(2),
    }
    return AnnLayer(**(values | changes))


def small(layer: AnnLayer) -> QuantAnn:
    out = AnnSource("a", Dense(np.array([[1, -1]])))
    readout = AnnLayer("out", (1,), (out,), np.array([2]), None, 0, 0, np.ones(1))
    return QuantAnn(Port("input", (3,), -4, 4, 0.5), (layer, readout), "out")


def test_a_layer_by_hand() -> None:
    ours = evaluate(small(one_layer()), np.array([[1, -2, 4], [-4, 0, 0]]))
    # 1*1 + 2*-2 + 3*4 + 5 = 14 -> 14/3 = 4.67 -> 5, clipped to 3; 2 + 16 - 1 = 17 -> 2.43.
    assert ours["a"].tolist() == [[3, 2], [0, 0]]
    assert ours["out"].tolist() == [[3], [2]]


@given(st.integers(-(10**6), 10**6), st.integers(0, 5000), st.integers(1, 255))
def test_levels_are_the_nearest_and_nothing_ties(total: int, half: int, high: int) -> None:
    theta = 2 * half + 1
    layer = one_layer(theta=np.array([theta]), low=-high, high=high, shape=(1,))
    got = int(activation(layer, np.array([[float(total)]]))[0, 0])
    exact = Fraction(total, theta)
    assert exact - int(exact) not in (Fraction(1, 2), Fraction(-1, 2))
    assert got == max(-high, min(high, round(exact)))


def test_a_convolution_sums_as_pytorch_does() -> None:
    rng = np.random.default_rng(0)
    weight = rng.integers(-9, 10, (4, 2, 3, 3))
    conv = Conv(weight, (4, 5, 5), (4, 3, 3), (2, 2), (1, 1), groups=2)
    out = AnnLayer(
        "out",
        (4, 3, 3),
        (AnnSource("input", conv),),
        np.zeros(36, int),
        None,
        0,
        0,
        np.ones(36),
    )
    x = rng.integers(-8, 8, (6, 4, 5, 5))
    ours = evaluate(QuantAnn(Port("input", (4, 5, 5), -8, 7, 1.0), (out,), "out"), x)["out"]
    theirs = torch.nn.functional.conv2d(
        torch.from_numpy(x), torch.from_numpy(weight), stride=2, padding=1, groups=2
    )
    assert ours.dtype == np.int64
    np.testing.assert_array_equal(ours, theirs.numpy())


def test_a_recurrent_layer_hears_itself_a_step_ago() -> None:
    ann = random_ann(1, recurrent=True)
    x = levels(ann, 5, 1, 6)
    whole = evaluate(ann, x)
    np.testing.assert_array_equal(evaluate(ann, x[:, :4])["out"], whole["out"][:, :4])
    layer = ann.layers[0]
    fed, back = (s.map.weight for s in layer.sources)  # type: ignore[union-attr]
    total = x[:, 5] @ fed.T + whole["h0"][:, 4] @ back.T + layer.bias
    np.testing.assert_array_equal(activation(layer, total.astype(float)), whole["h0"][:, 5])
    assert (whole["h0"][:, 4] @ back.T).any()


def test_samples_are_rounded_half_to_even_and_clipped() -> None:
    port = Port("input", (6,), -4, 4, 0.5)
    samples = np.array([[0.25, 0.75, -0.25, 99.0, -99.0, 1.1]])
    assert encode(port, samples).tolist() == [[0, 2, 0, 4, -4, 2]]


BAD_LAYERS: list[tuple[dict[str, Any], str]] = [
    ({"theta": np.array([3, 4])}, "'a': theta has to be odd"),
    ({"theta": np.array([3, -1])}, "'a': theta has to be odd and positive"),
    ({"low": 1}, r"'a': levels 1\.\.3 leave out 0"),
    (
        {"sources": (AnnSource("b", Dense(np.ones((2, 3)))),)},
        "'a': 'b' is not computed before",
    ),
    (
        {"sources": (AnnSource("a", Dense(np.ones((2, 2)))),)},
        "'a': 'a' is not computed before",
    ),
    (
        {"sources": (AnnSource("input", Dense(np.full((2, 3), 0.5))),)},
        "'a': weights from 'input' are not whole",
    ),
]


@pytest.mark.parametrize(("changes", "message"), BAD_LAYERS)
def test_a_layer_that_breaks_the_rules_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_ann(small(one_layer(**changes)))


def test_an_output_has_to_be_a_readout() -> None:
    with pytest.raises(InputError, match="output 'a' is no readout"):
        check_ann(replace(small(one_layer()), output="a"))


def test_sums_beyond_24_bits_are_refused_by_name_with_the_bound() -> None:
    heavy = one_layer(sources=(AnnSource("input", Dense(np.full((2, 3), 1 << 19))),))
    with pytest.raises(
        DoesNotFitError, match=r"'a': sums reach 62914\d\d, beyond the 4194304"
    ):
        check_ann(small(heavy))


BAD_INPUTS = [
    (np.zeros((2, 4)), r"shape \[2, 4\] do not fit \[N, \.\.\.\] of \[3\]"),
    (np.full((1, 3), 5), r"takes whole numbers -4\.\.4, but gets 5\.\.5; encode"),
    (np.full((1, 3), 0.5), "takes whole numbers"),
]


@pytest.mark.parametrize(("x", "message"), BAD_INPUTS)
def test_inputs_that_are_no_levels_are_refused(x: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(small(one_layer()), x)
