"""sinabs: profile, pattern, and what its numbers mean; held against sinabs 3.1.3.

Source: layers/functional/lif.py, activation (2.0.3 alike). It writes time constants in
steps, and decays by exp(-1/tau).
"""

import numpy as np

from snn_deploy.errors import option
from snn_deploy.frontends.nir.frameworks.exported import (
    ENDS,
    euler_tau,
    leaks_upwards,
    not_one,
    taus,
    written_by,
)
from snn_deploy.frontends.nir.frameworks.profile import Correction, Profile, Reading, Values
from snn_deploy.frontends.nir.graph.graph import Graph, Node
from snn_deploy.ir.network import Assumption
from snn_deploy.options.reading import ReadingOptions

FLOAT32 = 6e-8  # relative rounding of float32
# Of the nodes that it can write.
KINDS = ENDS | {"Conv1d", "Conv2d", "SumPool2d", "Flatten", "IF", "LI", "LIF"}


def _pattern(graph: Graph) -> Reading | None:
    found = taus(graph)
    if not written_by(graph, KINDS, CORRECTION) or (found.size and found.min() < 1):
        return None
    seen = "r == 1, v_leak == 0 in every neuron, every tau at least 1, as if in steps"
    if not found.size:
        seen = "every neuron is an IF with r == 1, as if a step were 1"
    return Reading("sinabs", None, seen, settles=False)


def _misfit(node: Node, dt: float | None) -> str | None:
    if node.kind not in ("IF", "LI", "LIF"):
        return f"sinabs writes no {node.kind}; choose another {option('profile')}"
    if node.has("tau") and np.exp(-1 / node.real("tau").min()) < FLOAT32:
        return (
            f"tau is {node.real('tau').min():g}, but sinabs writes it in steps, of which "
            "nothing would be left after one; if it is in seconds, give another "
            f"{option('profile')}"
        )
    return not_one(node, "r", "sinabs") or leaks_upwards(node, "sinabs")


def _correct(graph: Graph, node: Node, dt: float, said: ReadingOptions) -> Values:
    if node.kind == "IF":
        return {"r": node.real("r") / dt}
    tau = euler_tau(node.real("tau"), 1.0, dt)
    whole = node.kind == "LI" or said.norm_input == "no"
    return {"tau": tau, "r": tau / dt} if whole else {"tau": tau}


def _assumed(graph: Graph, said: ReadingOptions) -> tuple[Assumption, ...]:
    lost = "default of sinabs, which the file cannot tell"
    noted = []
    if graph.of_kind("LI", "LIF"):
        why = "convention of sinabs, whatever --dt is"
        noted.append(Assumption("decay", "exp(-1/tau) per step", why))
    if graph.of_kind("LIF"):
        noted.append(Assumption("synaptic current", "none", f"tau_syn=None: {lost}"))
    if graph.of_kind("LI"):
        noted.append(Assumption("input", "LI takes it whole", f"norm_input=False: {lost}"))
    return tuple(noted)


CORRECTION = Correction(_misfit, _correct, _assumed)
PROFILE = Profile(
    "sinabs", "sinabs 3.1",
    dt=None, reset="subtract", inclusive=True, in_steps=True,
    lost={
        "reset": ("subtract", "zero"),
        "spikes_per_step": ("many", "one"),
        "floor": ("none", "threshold", "VALUE"),
        "norm_input": ("yes", "no"),
    },
    pattern=_pattern, correction=CORRECTION,
)  # fmt: skip
