"""Which framework may have written a file: the patterns that exporters leave in numbers.

Node names and dtypes count only in choosing between two frameworks whose numbers agree.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import lambertw

from snn_deploy.arrays import FloatArray
from snn_deploy.frontends.nir.corrections import (
    CLOSE,
    CORRECTIONS,
    NORSE_DT,
    rockpool_r,
    taus,
)
from snn_deploy.frontends.nir.graph import NEURONS, RESETTING, Graph, Node, walk
from snn_deploy.names import ProfileName

SNNTORCH_DT = 1e-4  # snntorch 1.0.0, export_nir.py: written into every time constant
SNNTORCH_INPUT = "input"  # nirtorch.extract_nir_graph names every Input so
# torch.fx names inputs: "x" as in `forward(self, x)`, "input_1" for nn.Sequential's `input`
SPIKINGJELLY_INPUTS = frozenset({"x", "input_1"})

# What the exporters can write; nested graphs are flat by now.
_BOTH = frozenset({"Input", "Output", "Affine", "Linear", "Conv2d", "AvgPool2d", "Flatten"})
_SNNTORCH = _BOTH | {"Port", "LIF", "CubaLIF"}
_SPIKINGJELLY = _BOTH | {"Conv1d", "IF", "LIF", "CubaLIF"}
_ENDS = frozenset({"Input", "Output", "Affine"})
_NORSE = _ENDS | {"Conv2d", "IF", "LI", "LIF", "CubaLIF"}
_SINABS = _ENDS | {"Conv1d", "Conv2d", "SumPool2d", "Flatten", "IF", "LI", "LIF"}
_ROCKPOOL = _ENDS | {"Linear", "LI", "LIF", "CubaLIF"}


@dataclass(frozen=True)
class Reading:
    """A profile that the numbers in a file are consistent with.

    Attributes:
        profile: Its name, a key of PROFILES.
        dt: Seconds per step that follow from the numbers; None if they leave it open.
        evidence: What was seen, in words.
        settles: Whether it is enough to choose this profile, if no other framework fits;
            False for the specification.
    """

    profile: ProfileName
    dt: float | None
    evidence: str
    settles: bool


def detect(graph: Graph) -> tuple[Reading, ...]:
    """Return the readings that the file is consistent with, the specification's last.

    A dt that follows from r counts for the specification only if it is a power of ten: any
    tau and r imply some dt. The parameters of each neuron have to fit each other.
    """
    dt = implied_dt(graph)
    if dt is not None and not f"{dt:.4e}".startswith("1.0000"):
        dt = None
    seen = "the NIR specification reads every file"
    seen += f"; r == tau/dt or 1/dt for dt = {dt:g} s in every neuron" if dt else ""
    patterns = PATTERNS.values() if graph.of_kind(*NEURONS) else ()
    with np.errstate(all="ignore"):  # numbers that overflow fit no pattern
        found = [pattern(graph) for pattern in patterns]
    return (*(reading for reading in found if reading), Reading("nir", dt, seen, False))


def implied_dt(graph: Graph) -> float | None:
    """Return the dt for which every leaky neuron has r == tau/dt and every IF r == 1/dt."""
    steps = {dt for node in graph.of_kind(*NEURONS) for dt in _implied(node)}
    plausible = all(np.isfinite(dt) and 0 < dt < 1 for dt in steps)
    if not steps or not plausible or max(steps) > min(steps) * (1 + 2 * CLOSE):
        return None
    middle = float(np.median(list(steps)))
    return float(f"{middle:.6g}")  # six digits are what float32 rounding leaves


def _snntorch(graph: Graph) -> Reading | None:
    neurons = graph.of_kind(*NEURONS)
    if any(node.kind not in _SNNTORCH for node in graph.nodes.values()):
        return None
    if not all(
        _has_unit_gain(node, SNNTORCH_DT) and _rests_at_zero(node) for node in neurons
    ):
        return None
    if _input_names(graph) <= SPIKINGJELLY_INPUTS:
        return None
    seen = f"r == tau/dt for dt = {SNNTORCH_DT:g} s, v_leak == v_reset == 0 in every neuron"
    recurrent = bool(walk(sorted(n.name for n in graph.of_kind("Input")), graph.after).back)
    named = _input_names(graph) == {SNNTORCH_INPUT}
    seen += ", a recurrent layer" if recurrent else ""
    return Reading("snntorch", SNNTORCH_DT, seen, settles=named or recurrent)


def _spikingjelly(graph: Graph) -> Reading | None:
    neurons = graph.of_kind(*NEURONS)
    if any(node.kind not in _SPIKINGJELLY for node in graph.nodes.values()):
        return None
    dt = implied_dt(graph)
    implied = any(True for node in neurons for _ in _implied(node))
    if (dt is None and implied) or not all(
        _fits_spikingjelly(node, dt) for node in neurons
    ):
        return None
    if walk(sorted(n.name for n in graph.of_kind("Input")), graph.after).back:
        return None  # its exporter cannot trace recurrent containers
    named = _input_names(graph) <= SPIKINGJELLY_INPUTS
    if dt is None and not named:
        return None  # r == 1 alone is what everybody writes
    seen = "parameters uniform, float64, v_leak == v_reset"
    if dt is not None:
        seen += f", r == tau/dt or 1/dt for dt = {dt:g} s"
    if named:
        seen += f", Input named {sorted(_input_names(graph))[0]!r} as torch.fx does"
    return Reading("spikingjelly", dt, seen, settles=named and dt is not None)


def _norse(graph: Graph) -> Reading | None:
    found = taus(graph)
    if not _written_by(graph, "norse", _NORSE) or (found.size and found.max() >= NORSE_DT):
        return None
    keys = [(node, key) for node in graph.of_kind(*NEURONS) for key in ("r", "w_in")]
    if not all((node.real(key) == 1).all() for node, key in keys if node.has(key)):
        return None
    seen = f"r == 1 in every neuron, every tau below {NORSE_DT:g} s, which is Norse's step"
    if not found.size:
        seen = "every neuron is an IF with r == 1, which adds up its input"
    return Reading("norse", NORSE_DT, seen, settles=False)


def _sinabs(graph: Graph) -> Reading | None:
    found = taus(graph)
    if not _written_by(graph, "sinabs", _SINABS) or (found.size and found.min() < 1):
        return None
    seen = "r == 1, v_leak == 0 in every neuron, every tau at least 1, as if in steps"
    if not found.size:
        seen = "every neuron is an IF with r == 1, as if a step were 1"
    return Reading("sinabs", None, seen, settles=False)


def _rockpool(graph: Graph) -> Reading | None:
    if not _written_by(graph, "rockpool", _ROCKPOOL):
        return None
    dt = _rockpool_dt(graph)
    if dt is None:
        return None
    seen = f"r == tau/dt * exp(-dt/tau) for dt = {dt:g} s in every neuron"
    return Reading("rockpool", dt, seen, settles=False)


def _rockpool_dt(graph: Graph) -> float | None:
    """Return the dt of two digits for which every r is tau/dt * exp(-dt/tau).

    Any tau and r imply some dt, but rarely a round one.
    """
    taus_and_r = [
        (node.real("tau_mem" if node.has("tau_mem") else "tau"), node.real("r"))
        for node in graph.of_kind(*NEURONS)
    ]
    tau, r = (values.ravel()[0] for values in taus_and_r[0])
    if not (np.isfinite(tau) and np.isfinite(r) and r > 0):
        return None
    # dt/tau * exp(dt/tau) == 1/r
    dt = float(f"{tau * lambertw(1 / r).real:.2g}")
    if dt > 0 and all(_same(r, rockpool_r(tau, dt)) for tau, r in taus_and_r):
        return dt
    return None


def _written_by(graph: Graph, profile: str, kinds: frozenset[str]) -> bool:
    """Whether there is nothing in the graph that the framework's exporter cannot write."""
    if any(node.kind not in kinds for node in graph.nodes.values()):
        return False
    if _input_names(graph) <= SPIKINGJELLY_INPUTS:
        return False
    misfit = CORRECTIONS[profile].misfit
    if any(misfit(node, None) for node in graph.of_kind(*NEURONS)):
        return False
    return not any(node.real("v_reset").any() for node in graph.of_kind(*RESETTING))


PATTERNS: Mapping[str, Callable[[Graph], Reading | None]] = {
    "snntorch": _snntorch,
    "spikingjelly": _spikingjelly,
    "norse": _norse,
    "sinabs": _sinabs,
    "rockpool": _rockpool,
}


def _implied(node: Node) -> Iterator[float]:
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


def _has_unit_gain(node: Node, dt: float) -> bool:
    """Whether an input of 1 charges the membrane by 1."""
    if node.kind == "LIF":
        return _same(node.real("r") * dt, node.real("tau"))
    return _same(node.real("r") * dt, node.real("tau_mem")) and _same(
        node.real("w_in") * dt, node.real("tau_syn")
    )


def _rests_at_zero(node: Node) -> bool:
    return not node.real("v_leak").any() and not node.real("v_reset").any()


def _fits_spikingjelly(node: Node, dt: float | None) -> bool:
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
        return dt is not None and _same(node.real("r") * dt, np.ones(()))
    if node.kind == "CubaLIF":
        return dt is not None and _has_unit_gain(node, dt) and not node.real("v_leak").any()
    if not _same(node.real("v_leak"), node.real("v_reset")):
        return False
    decays_input = bool(np.all(node.real("r") == 1))
    return decays_input or (dt is not None and _has_unit_gain(node, dt))


def _same(a: FloatArray, b: FloatArray) -> bool:
    return bool(np.allclose(a, b, rtol=CLOSE, atol=0.0))


def _input_names(graph: Graph) -> set[str]:
    return {node.name for node in graph.of_kind("Input")}
