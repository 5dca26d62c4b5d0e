"""Norse: profile, pattern, and what its numbers mean; held against Norse 1.1.0.

Source: torch/functional/{lif,lif_box,iaf}.py, torch/module for the start. It writes time
constants 1000 times too small.
"""

from snn_deploy.errors import InputError, option
from snn_deploy.frontends.nir.frameworks.exported import ENDS, taus, written_by
from snn_deploy.frontends.nir.frameworks.profile import Correction, Profile, Reading, Values
from snn_deploy.frontends.nir.graph.graph import NEURONS, Graph, Node
from snn_deploy.ir.network import Assumption
from snn_deploy.options.reading import ReadingOptions

DT = 1e-3  # utils/export_nir.py: multiplied into every time constant
KINDS = ENDS | {"Conv2d", "IF", "LI", "LIF", "CubaLIF"}  # of the nodes that it can write


def _pattern(graph: Graph) -> Reading | None:
    found = taus(graph)
    if not written_by(graph, KINDS, CORRECTION) or (found.size and found.max() >= DT):
        return None
    keys = [(node, key) for node in graph.of_kind(*NEURONS) for key in ("r", "w_in")]
    if not all((node.real(key) == 1).all() for node, key in keys if node.has(key)):
        return None
    seen = f"r == 1 in every neuron, every tau below {DT:g} s, which is Norse's step"
    if not found.size:
        seen = "every neuron is an IF with r == 1, which adds up its input"
    return Reading("norse", DT, seen, settles=False)


def _misfit(node: Node, dt: float | None) -> str | None:
    return None  # whatever r and v_leak are, Norse could run it


def _correct(graph: Graph, node: Node, dt: float, said: ReadingOptions) -> Values:
    if node.kind in ("I", "IF"):
        return {"r": node.real("r") / dt}  # functional/iaf.py has no dt
    scale = _scale_of(graph)
    keys = ("tau", "tau_mem", "tau_syn")
    values = {key: node.real(key) / scale for key in keys if node.has(key)}
    if node.has("w_in") and (node.real("w_in") == 1).all():
        values["w_in"] = values["tau_syn"] / dt
    return values


def _assumed(graph: Graph, said: ReadingOptions) -> tuple[Assumption, ...]:
    noted = []
    if taus(graph).size and _scale_of(graph) == 1:
        why = f"none below {DT:g}, as to_nir(dt=1.0) writes them"
        noted.append(Assumption("time constants", "in seconds", why))
    elif taus(graph).size:
        why = f"all below {DT:g}; to_nir of Norse 1.1 multiplies them by its dt"
        noted.append(Assumption("time constants", f"times {1 / DT:g}", why))
    cuba = graph.of_kind("CubaLI", "CubaLIF")
    if any((node.real("w_in") == 1).all() for node in cuba):
        why = "Norse 1.1 writes no w_in, which would have to be tau_syn/dt"
        noted.append(Assumption("synaptic current", "grows by the input itself", why))
    return tuple(noted)


def _scale_of(graph: Graph) -> float:
    """Return by what the time constants of a Norse file are too small: DT or 1.

    Raises:
        InputError: Some would have to be seconds, others not.
    """
    found = taus(graph)
    if not found.size or found.min() >= DT:
        return 1.0
    if found.max() < DT:
        return DT
    raise InputError(
        f"{graph.source}: time constants go from {found.min():g} to {found.max():g} s, but "
        f"Norse 1.1 writes either all of them times {DT:g} or, with to_nir(dt=1.0), "
        f"all in seconds; export again, or choose another {option('profile')}"
    )


CORRECTION = Correction(_misfit, _correct, _assumed)
PROFILE = Profile(
    "norse", "Norse 1.1",
    dt=DT, reset="v_reset", inclusive=False, starts_at="v_leak",
    lost={"reset": ("v_reset", "subtract")},
    pattern=_pattern, correction=CORRECTION,
)  # fmt: skip
