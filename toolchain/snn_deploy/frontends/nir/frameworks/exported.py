"""What exporters leave in the numbers of a file, as far as several frameworks share it."""

from collections.abc import Iterator

import numpy as np

from snn_deploy.arrays import FloatArray
from snn_deploy.errors import option
from snn_deploy.frontends.nir.frameworks.profile import Correction
from snn_deploy.frontends.nir.graph.graph import NEURONS, RESETTING, Graph, Node, walk

CLOSE = 1e-5  # relative; parameters went through float32 (6e-8) several times
# torch.fx names inputs: "x" as in `forward(self, x)`, "input_1" for nn.Sequential's `input`
FX_INPUTS = frozenset({"x", "input_1"})
# Nodes that all exporters can write, and those that torch.fx finds.
ENDS = frozenset({"Input", "Output", "Affine"})
LEAKY = frozenset({"LI", "LIF", "CubaLI", "CubaLIF"})
LAYERS = ENDS | {"Linear", "Conv2d", "AvgPool2d", "Flatten"}


def implied_dt(graph: Graph) -> float | None:
    """Return the dt for which every leaky neuron has r == tau/dt and every IF r == 1/dt; 1
    where time constants are in steps."""
    steps = {dt for node in graph.of_kind(*NEURONS) for dt in implied(node)}
    plausible = all(np.isfinite(dt) and 0 < dt < 1 + CLOSE for dt in steps)
    if not steps or not plausible or max(steps) > min(steps) * (1 + 2 * CLOSE):
        return None
    middle = float(np.median(list(steps)))
    return float(f"{middle:.6g}")  # six digits are what float32 rounding leaves


def implied(node: Node) -> Iterator[float]:
    """Yield the time steps that a neuron's parameters imply; r == 1 implies none."""
    cuba = [("tau_mem", "r"), ("tau_syn", "w_in")]
    leaky = [("tau", "r")]
    by_kind = {
        "IF": [("", "r")],
        "LIF": leaky,
        "LI": leaky,
        "CubaLIF": cuba,
        "CubaLI": cuba,
    }
    for tau_key, gain_key in by_kind.get(node.kind, []):
        gain = node.real(gain_key)
        if np.all(gain == 1):
            continue
        with np.errstate(all="ignore"):
            tau = node.real(tau_key) if tau_key else np.ones(())
            steps = np.divide(tau, gain)
        if np.isfinite(steps).any():  # tau and r of a perfect integrator are both infinite
            steps = steps[np.isfinite(steps)]
            yield float(steps.min())
            yield float(steps.max())


def has_unit_gain(node: Node, dt: float) -> bool:
    """Whether an input of 1 charges the membrane by 1."""
    if node.kind in ("LI", "LIF"):
        return same(node.real("r") * dt, node.real("tau"))
    return same(node.real("r") * dt, node.real("tau_mem")) and same(
        node.real("w_in") * dt, node.real("tau_syn")
    )


def same(a: FloatArray, b: FloatArray) -> bool:
    """Whether all values are equal but for rounding on the way."""
    return bool(np.allclose(a, b, rtol=CLOSE, atol=0.0))


def input_names(graph: Graph) -> set[str]:
    """Return the names of the Input nodes."""
    return {node.name for node in graph.of_kind("Input")}


def taus(graph: Graph) -> FloatArray:
    """Return all finite time constants in the file, in its own unit."""
    keys = ("tau", "tau_mem", "tau_syn")
    found = [n.real(k).ravel() for n in graph.of_kind(*NEURONS) for k in keys if n.has(k)]
    every = np.concatenate(found) if found else np.zeros(0)
    return every[np.isfinite(every)]


def euler_tau(tau: FloatArray, step: float, dt: float) -> FloatArray:
    """Return the time constant for which 1 - dt/tau is exp(-step/tau) of the given ones.

    tau: in the unit of `step`; the result is in the unit of `dt`, infinite without leak.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(dt / -np.expm1(-step / tau), np.float64)


def not_one(node: Node, key: str, who: str) -> str | None:
    """Return why a parameter that `who` writes as 1 is not its, or None."""
    value = node.real(key)
    if (value == 1).all():
        return None
    return (
        f"{key} is {value[value != 1][0]:g}, but {who} writes 1; choose another "
        f"{option('profile')}"
    )


def leaks_upwards(node: Node, who: str) -> str | None:
    """Return why a leak to another value than 0 is not of `who`, or None."""
    if not node.has("v_leak") or not node.real("v_leak").any():
        return None
    return f"v_leak is not 0, as {who} writes it; choose another {option('profile')}"


def written_by(graph: Graph, kinds: frozenset[str], correction: Correction) -> bool:
    """Whether there is nothing in the graph that a framework's exporter cannot write.

    kinds: of the nodes that it writes; nested graphs are flat by now.
    """
    if any(node.kind not in kinds for node in graph.nodes.values()):
        return False
    if input_names(graph) <= FX_INPUTS:
        return False
    if any(correction.misfit(node, None) for node in graph.of_kind(*NEURONS)):
        return False
    return not any(node.real("v_reset").any() for node in graph.of_kind(*RESETTING))


def has_cycle(graph: Graph) -> bool:
    """Whether a signal can come back to where it was."""
    return bool(walk(sorted(input_names(graph)), graph.after).back)
