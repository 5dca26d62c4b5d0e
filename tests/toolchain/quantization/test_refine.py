import numpy as np
import pytest

from snn_deploy.arrays import AnyArray
from snn_deploy.board.board import load_board
from snn_deploy.ir.network import Network
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.quantization.quantize import quantize
from snn_deploy.quantization.refine import Scoring, everything_wide, refine, stored_twice
from snn_deploy_simulators import integer, reference
from snn_deploy_simulators.stimulus import encode
from support.random_models import calibration, random_model

SEED = 4  # a network of several layers


def wide_ones(quant: QuantNetwork) -> list[str]:
    return [a.name for a in quant.assumptions if a.value.startswith("stored twice")]


def arrays(quant: QuantNetwork) -> int:
    return len(quant.projections)


def refined(
    net: Network, x: AnyArray, agreement: Scoring, *, fits: bool = True
) -> QuantNetwork:
    board, data = load_board("loihi2"), calibration(net, x)
    plain = quantize(net, board, data)
    return refine(net, board, data, agreement, lambda q: fits, plain, agreement(plain))


def test_it_widens_the_projection_that_buys_most_and_stops() -> None:
    net, x = random_model(SEED)
    assert len(net.projections) >= 2

    def agreement(quant: QuantNetwork) -> float:
        last = net.projections[-1]
        twice = [p for p in quant.projections if (p.pre, p.post) == (last.pre, last.post)]
        return 0.9 + 0.1 * (len(twice) == 2) + 0.001 * arrays(quant)

    quant = refined(net, x, agreement)
    assert wide_ones(quant) == [
        f"weights of {net.projections[-1].pre} -> {net.projections[-1].post}"
    ]


def test_where_only_all_help_it_takes_all_but_those_not_needed() -> None:
    net, x = random_model(SEED)
    plain, n = arrays(quantize(net, load_board("loihi2"))), len(net.projections)

    def agreement(quant: QuantNetwork) -> float:
        return 1.0 if arrays(quant) >= plain + n - 1 else 0.5

    quant = refined(net, x, agreement)
    assert arrays(quant) == plain + n - 1


def test_what_does_not_fit_is_not_taken() -> None:
    net, x = random_model(SEED)
    quant = refined(net, x, lambda q: 0.5, fits=False)
    assert wide_ones(quant) == []


@pytest.mark.parametrize("seed", [5, 6, 9])
def test_widening_makes_spikes_agree_better(seed: int) -> None:
    net, x = random_model(seed)
    board, data = load_board("loihi2"), calibration(net, x)
    floats = reference.run(net, x).outputs

    def agreement(quant: QuantNetwork) -> float:
        whole = integer.run(quant, encode(quant, {"in": x})).outputs
        return float(
            np.mean(
                [
                    (floats[k] == whole[k]).mean()
                    for k in floats
                    if floats[k].dtype == np.float32
                ]
            )
        )

    narrow = quantize(net, board, data, weight_bits=4)
    once = agreement(narrow)
    wide = refine(
        net, board, data, agreement, lambda q: True, narrow, once,
        target=0.9999, weight_bits=4,
    )  # fmt: skip
    assert agreement(wide) > once


def test_all_weights_are_stored_twice_as_far_as_they_fit() -> None:
    net, x = random_model(SEED)
    board, data = load_board("loihi2"), calibration(net, x)
    n = len(net.projections)
    names = [f"{p.pre} -> {p.post}" for p in net.projections]
    plain = quantize(net, board, data)
    whole = everything_wide(net, board, data, lambda q: True)
    assert list(stored_twice(whole, net)) == names
    most = len(plain.projections) + n - 1
    fewer = everything_wide(net, board, data, lambda q: len(q.projections) <= most)
    assert list(stored_twice(fewer, net)) == names[:-1]
    none = everything_wide(net, board, data, lambda q: False)
    assert stored_twice(none, net) == ()
