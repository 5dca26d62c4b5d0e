"""Converted networks on the float reference simulator, held against the integer ANN."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from snn_deploy import InputError
from snn_deploy.conversion import running
from snn_deploy.conversion.integers.ann import QuantAnn, evaluate
from snn_deploy.conversion.methods import METHODS
from snn_deploy.conversion.running import answers, feed, steps_to_rest
from snn_deploy.conversion.to_network import to_network
from snn_deploy.ir.network import Network
from snn_deploy.names import ConversionName
from snn_deploy.neurons import MultiLevel
from snn_deploy_simulators import reference
from support.random_anns import levels, random_ann

SEEDS = range(12)
SAMPLES = 20


def ran(net: Network, ann: QuantAnn, method: ConversionName, x: Any, steps: int) -> Any:
    return reference.run(net, feed(ann, METHODS[method], x, steps))


def answered(
    net: Network, ann: QuantAnn, method: ConversionName, x: Any, steps: int
) -> Any:
    recording = ran(net, ann, method, x, steps)
    return answers(ann, METHODS[method], recording.outputs[ann.output], steps)


def with_delays(net: Network, seed: int) -> Network:
    """Return the network with 0 to 3 steps of delay on every projection."""
    rng = np.random.default_rng(seed)
    late = [replace(p, delay=int(rng.integers(0, 4))) for p in net.projections]
    return replace(net, projections=tuple(late))


def without_tracer(net: Network) -> Network:
    """Return the network with neurons whose total is not bounded."""
    free = [
        replace(
            p,
            neuron=replace(
                p.neuron,
                floor=np.full(p.neuron.n, -np.inf),
                ceiling=np.full(p.neuron.n, np.inf),
            ),
        )
        if isinstance(p.neuron, MultiLevel)
        else p
        for p in net.populations
    ]
    return replace(net, populations=tuple(free))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("method", "steps"), [("group", 1), ("graded", 1), ("st-bif", 150)]
)
def test_every_layer_sends_what_the_ann_computes(
    seed: int, method: ConversionName, steps: int
) -> None:
    ann = random_ann(seed)
    x = levels(ann, SAMPLES, seed)
    wanted = evaluate(ann, x)
    recording = ran(to_network(ann, METHODS[method]), ann, method, x, steps)
    for layer in ann.layers[:-1]:
        sent = recording.outputs[layer.name].sum(1)
        np.testing.assert_array_equal(sent, wanted[layer.name], err_msg=layer.name)
        assert np.unique(sent).size >= 3
    got = answers(ann, METHODS[method], recording.outputs["out"], steps)
    np.testing.assert_array_equal(got, wanted["out"])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("method", "steps"), [("graded", 20), ("st-bif", 200)])
def test_with_a_tracer_the_order_of_arrival_does_not_matter(
    seed: int, method: ConversionName, steps: int
) -> None:
    ann = random_ann(seed)
    x = levels(ann, SAMPLES, seed)
    net = with_delays(to_network(ann, METHODS[method]), seed)
    got = answered(net, ann, method, x, steps)
    np.testing.assert_array_equal(got, evaluate(ann, x)["out"])


@pytest.mark.parametrize(("method", "steps"), [("graded", 20), ("st-bif", 200)])
def test_without_the_tracer_it_is_wrong(method: ConversionName, steps: int) -> None:
    exact = []
    for seed in SEEDS:
        ann = random_ann(seed)
        x = levels(ann, SAMPLES, seed)
        net = without_tracer(with_delays(to_network(ann, METHODS[method]), seed))
        exact.append(
            (answered(net, ann, method, x, steps) == evaluate(ann, x)["out"]).all()
        )
    assert not any(exact)


def test_group_neurons_are_exact_in_one_step_only() -> None:
    ann = random_ann(0)
    x = levels(ann, SAMPLES, 0)
    net = with_delays(to_network(ann, METHODS["group"]), 0)
    got = answered(net, ann, "group", x, 20)
    assert (got != evaluate(ann, x)["out"]).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_recurrent_network_is_exact_at_every_step_of_the_sequence(seed: int) -> None:
    ann = random_ann(seed, recurrent=True)
    x = levels(ann, SAMPLES, seed, 30)
    wanted = evaluate(ann, x)
    recording = ran(to_network(ann, METHODS["graded"]), ann, "graded", x, 1)
    for layer in ann.layers[:-1]:
        sent = recording.outputs[layer.name].cumsum(1)
        np.testing.assert_array_equal(sent, wanted[layer.name], err_msg=layer.name)
        assert (np.diff(sent, axis=1) != 0).any()
    got = answers(ann, METHODS["graded"], recording.outputs["out"], 1)
    np.testing.assert_array_equal(got, wanted["out"])


@pytest.mark.parametrize("window", [3])
def test_a_recurrent_network_may_take_longer_windows(window: int) -> None:
    ann = random_ann(3, recurrent=True)
    x = levels(ann, SAMPLES, 3, 10)
    net = to_network(ann, METHODS["graded"], window=window)
    got = answered(net, ann, "graded", x, window)
    np.testing.assert_array_equal(got, evaluate(ann, x)["out"])


@pytest.mark.parametrize(("method", "bits"), [("rate", 1), ("multi-bit", 2)])
def test_rates_come_close_as_steps_grow(method: ConversionName, bits: int) -> None:
    ann = random_ann(5, signed=False)
    x = levels(ann, 100, 5)
    wanted = evaluate(ann, x)["out"]
    net = to_network(ann, METHODS[method], spike_bits=bits)
    errors = [
        np.abs(answered(net, ann, method, x, steps) - wanted).mean() for steps in (2, 8, 64)
    ]
    assert errors[0] > errors[1] > errors[2] > 0
    assert errors[2] < np.abs(wanted - wanted.mean(0)).mean() / 2


def test_all_weights_and_thresholds_of_exact_methods_are_even_whole_numbers() -> None:
    net = to_network(random_ann(1), METHODS["st-bif"])
    numbers = [p.map.weight for p in net.projections]  # type: ignore[union-attr]
    numbers += [p.neuron.threshold for p in net.populations[:-1]]
    assert all(bool((v % 2 == 0).all()) for v in numbers)
    assert all(bool((p.neuron.v0 % 1 == 0).all()) for p in net.populations)


def test_steps_to_rest_are_the_last_with_a_spike() -> None:
    ann = random_ann(2)
    x = levels(ann, 10, 2)
    net = to_network(ann, METHODS["st-bif"])
    rest = steps_to_rest(net, ann, METHODS["st-bif"], x)
    long = ran(net, ann, "st-bif", x, 300).outputs
    active = np.any([long[f"h{i}"].any(2) for i in range(3)], axis=0)
    assert rest.tolist() == [int(np.flatnonzero(a)[-1]) + 1 for a in active]
    assert rest.min() > 1
    got = answered(net, ann, "st-bif", x, int(rest.max()))
    np.testing.assert_array_equal(got, evaluate(ann, x)["out"])


def test_a_network_that_does_not_rest_in_time_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ann = random_ann(2)
    monkeypatch.setattr(running, "MOST", 16)
    net = to_network(ann, METHODS["st-bif"])
    with pytest.raises(InputError, match="still sends spikes after 8 steps; use method gr"):
        steps_to_rest(net, ann, METHODS["st-bif"], levels(ann, 10, 2))


REFUSED = [
    ("rate", {}, r"'rate' sends no negative spikes, but 'h0', 'h1', 'h2' has negative"),
    (
        "st-bif",
        {"recurrent": True},
        "'st-bif' cannot keep a recurrent network exact.*graded",
    ),
    ("group", {"recurrent": True}, "'group' cannot keep a recurrent network exact"),
    ("rate", {"recurrent": True}, "recurrent network exact.*no negative spikes"),
]


@pytest.mark.parametrize(("method", "kind", "message"), REFUSED)
def test_what_a_method_cannot_express_is_refused(
    method: ConversionName, kind: dict[str, bool], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        to_network(random_ann(0, **kind), METHODS[method])
