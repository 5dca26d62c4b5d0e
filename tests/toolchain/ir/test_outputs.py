"""One output of several: the same spikes, without what only the others need."""

from typing import Any

import numpy as np
import pytest

from snn_deploy import deploy
from snn_deploy.errors import InputError
from snn_deploy.ir.maps import Chain, Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.ir.outputs import with_output
from snn_deploy.neurons import Lif
from snn_deploy_simulators.reference import run


def network() -> Network:
    """Return x -> trunk -> main, with an auxiliary head trunk -> side -> aux."""
    rng = np.random.default_rng(0)
    sizes = {"x": 8, "trunk": 12, "main": 3, "side": 6, "aux": 4}
    edges = [("x", "trunk"), ("trunk", "main"), ("trunk", "side"), ("side", "aux")]

    def chain(pre: str, post: str) -> Chain:
        weight = rng.normal(0.2, 0.5, (sizes[post], sizes[pre]))
        return Chain((Dense(weight),), sizes[pre])

    return Network(
        inputs=(Input("x", (8,)),),
        populations=tuple(
            Population(n, (k,), Lif.of(k, beta=0.5)) for n, k in sizes.items() if n != "x"
        ),
        projections=tuple(Projection(a, b, chain(a, b), 0) for a, b in edges),
        outputs=("main", "aux"),
        decoder="final",
    )


def x() -> Any:
    return (np.random.default_rng(1).random((20, 10, 8)) < 0.4).astype(np.uint8)


@pytest.mark.parametrize(("name", "left"), [("main", {"trunk", "main"}), ("aux", None)])
def test_the_chosen_output_sends_the_same(name: str, left: set[str] | None) -> None:
    net = network()
    one = with_output(net, name)
    assert one.outputs == (name,)
    assert {p.name for p in one.populations} == (left or {"trunk", "side", "aux"})
    expected = run(net, x().astype(float)).outputs[name]
    assert expected.any()
    np.testing.assert_array_equal(run(one, x().astype(float)).outputs[name], expected)
    assert one.decoder == ("final" if name == "main" else None)
    assert "left out" in [a.name for a in one.assumptions]


def test_nothing_chosen_changes_nothing() -> None:
    net = network()
    assert with_output(net, None) is net


def test_an_output_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        InputError, match="head='side': no such output; there are main, aux"
    ):
        with_output(network(), "side")


def test_the_report_is_of_the_chosen_output() -> None:
    report = deploy(network(), "loihi2", input=x(), head="aux", decode="count")
    assert report.answer is not None
    assert report.answer.output == "aux"
    assert [layer.name for layer in report.layers] == ["trunk", "side", "aux"]
    both = deploy(network(), "loihi2", input=x(), decode="count")
    assert both.answer is not None
    assert "the first of 2 outputs is read, head reads another" in (both.answer.chosen_by)
    assert len(both.layers) == 4
