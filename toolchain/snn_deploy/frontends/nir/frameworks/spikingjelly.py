"""SpikingJelly: profile and pattern; held against SpikingJelly 2.0.0 step by step.

Source: activation_based/nir_exchange, functional/neuron.py.
"""

import numpy as np

from snn_deploy.frontends.nir.frameworks.exported import (
    FX_INPUTS,
    LAYERS,
    LEAKY,
    has_cycle,
    has_unit_gain,
    implied,
    implied_dt,
    input_names,
    same,
)
from snn_deploy.frontends.nir.frameworks.profile import Profile, Reading
from snn_deploy.frontends.nir.graph.graph import NEURONS, Graph, Node

KINDS = LAYERS | {"Conv1d", "IF", "LIF", "CubaLIF"}  # of the nodes that it can write


def _pattern(graph: Graph) -> Reading | None:
    neurons = graph.of_kind(*NEURONS)
    if any(node.kind not in KINDS for node in graph.nodes.values()):
        return None
    dt = implied_dt(graph)
    some = any(True for node in neurons for _ in implied(node))
    if (dt is None and some) or not all(_fits(node, dt) for node in neurons):
        return None
    if has_cycle(graph):
        return None  # its exporter cannot trace recurrent containers
    named = input_names(graph) <= FX_INPUTS
    if dt is None and not named:
        return None  # r == 1 alone is what everybody writes
    seen = "parameters uniform, float64, v_leak == v_reset"
    if dt is not None:
        seen += f", r == tau/dt or 1/dt for dt = {dt:g} s"
    if named:
        seen += f", Input named {sorted(input_names(graph))[0]!r} as torch.fx does"
    return Reading("spikingjelly", dt, seen, settles=named and dt is not None)


def _fits(node: Node, dt: float | None) -> bool:
    """Whether the exporter of SpikingJelly could have written this neuron."""
    for value in node.values.values():
        array = np.asarray(value)
        if (
            array.dtype != np.float64
            or array.size == 0
            or (array != array.ravel()[0]).any()
        ):
            return False
    if node.kind == "IF":
        return dt is not None and same(node.real("r") * dt, np.ones(()))
    if node.kind == "CubaLIF":
        return dt is not None and has_unit_gain(node, dt) and not node.real("v_leak").any()
    if not same(node.real("v_leak"), node.real("v_reset")):
        return False
    decays_input = bool(np.all(node.real("r") == 1))
    return decays_input or (dt is not None and has_unit_gain(node, dt))


def _misfit(node: Node, dt: float) -> str | None:
    decays_input = node.kind == "LIF" and bool((node.real("r") == 1).all())
    if node.kind not in LEAKY or decays_input or has_unit_gain(node, dt):
        return None
    return f"SpikingJelly writes r = 1 or r = tau/dt, and dt is {dt:g} s"


PROFILE = Profile(
    "spikingjelly", "SpikingJelly 2.0",
    dt=1e-4, reset="v_reset", inclusive=True, starts_at="v_reset",
    pattern=_pattern, misfit=_misfit,
)  # fmt: skip
