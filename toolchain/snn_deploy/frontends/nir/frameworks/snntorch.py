"""snnTorch: profile and pattern; held against snnTorch 1.0.0 step by step.

Source: export_nir.py for dt, _neurons/*.py for the step.
"""

from snn_deploy.frontends.nir.frameworks.exported import (
    FX_INPUTS,
    LAYERS,
    LEAKY,
    has_cycle,
    has_unit_gain,
    input_names,
)
from snn_deploy.frontends.nir.frameworks.profile import Profile, Reading
from snn_deploy.frontends.nir.graph.graph import NEURONS, Graph, Node

DT = 1e-4  # written into every time constant
INPUT = "input"  # nirtorch.extract_nir_graph names every Input so
KINDS = LAYERS | {"Port", "LIF", "CubaLIF"}  # of the nodes that it can write


def _pattern(graph: Graph) -> Reading | None:
    neurons = graph.of_kind(*NEURONS)
    if any(node.kind not in KINDS for node in graph.nodes.values()):
        return None
    if not all(has_unit_gain(node, DT) and _rests_at_zero(node) for node in neurons):
        return None
    if input_names(graph) <= FX_INPUTS:
        return None
    seen = f"r == tau/dt for dt = {DT:g} s, v_leak == v_reset == 0 in every neuron"
    recurrent = has_cycle(graph)
    named = input_names(graph) == {INPUT}
    seen += ", a recurrent layer" if recurrent else ""
    return Reading("snntorch", DT, seen, settles=named or recurrent)


def _rests_at_zero(node: Node) -> bool:
    return not node.real("v_leak").any() and not node.real("v_reset").any()


def _misfit(node: Node, dt: float) -> str | None:
    if node.kind not in LEAKY or has_unit_gain(node, dt):
        return None
    return f"snnTorch writes r = tau/dt and no other, and dt is {dt:g} s"


PROFILE = Profile(
    "snntorch", "snnTorch 1.0",
    dt=DT, reset="subtract", inclusive=False, late=True, zero_holds=True,
    rounding=1e-6, float32=True,
    lost={"reset": ("subtract", "zero", "none")},
    pattern=_pattern, misfit=_misfit,
)  # fmt: skip
