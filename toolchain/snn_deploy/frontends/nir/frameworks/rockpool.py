"""Rockpool: profile, pattern, and what its numbers mean; after the source of 3.0.3.dev.

Source: nn/modules/torch/{lif_torch,lif_neuron_torch}.py. It decays by exp(-dt/tau). Tests
run a loop written after it, since Rockpool itself installs packages when it is imported.
"""

import numpy as np
from scipy.special import lambertw

from snn_deploy.arrays import FloatArray
from snn_deploy.errors import option
from snn_deploy.frontends.nir.frameworks.exported import (
    ENDS,
    euler_tau,
    leaks_upwards,
    not_one,
    same,
    written_by,
)
from snn_deploy.frontends.nir.frameworks.profile import Correction, Profile, Reading, Values
from snn_deploy.frontends.nir.graph.graph import NEURONS, Graph, Node
from snn_deploy.ir.network import Assumption
from snn_deploy.options.reading import ReadingOptions

KINDS = ENDS | {"Linear", "LI", "LIF", "CubaLIF"}  # of the nodes that it can write


def _pattern(graph: Graph) -> Reading | None:
    if not written_by(graph, KINDS, CORRECTION):
        return None
    dt = _dt_of(graph)
    if dt is None:
        return None
    seen = f"r == tau/dt * exp(-dt/tau) for dt = {dt:g} s in every neuron"
    return Reading("rockpool", dt, seen, settles=False)


def _dt_of(graph: Graph) -> float | None:
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
    if dt > 0 and all(same(r, _r_of(tau, dt)) for tau, r in taus_and_r):
        return dt
    return None


def _misfit(node: Node, dt: float | None) -> str | None:
    if node.kind not in ("LI", "LIF", "CubaLIF"):
        return f"Rockpool writes no {node.kind}; choose another {option('profile')}"
    r, tau = node.real("r"), node.real("tau_mem" if node.has("tau_mem") else "tau")
    if dt is not None and not same(r, _r_of(tau, dt)):
        return (
            f"r is {r.ravel()[0]:g}, but Rockpool writes tau/dt * exp(-dt/tau), which is "
            f"{_r_of(tau, dt).ravel()[0]:g} for dt {dt:g} s; "
            f"give the {option('dt')} that is meant, or another {option('profile')}"
        )
    w_in = not_one(node, "w_in", "Rockpool") if node.has("w_in") else None
    return w_in or leaks_upwards(node, "Rockpool")


def _correct(graph: Graph, node: Node, dt: float, said: ReadingOptions) -> Values:
    if node.kind == "CubaLIF":
        mem = euler_tau(node.real("tau_mem"), dt, dt)
        syn, left = euler_tau(node.real("tau_syn"), dt, dt), node.real("tau_syn")
        w_in = np.exp(-dt / left) * syn / dt  # the input decays in its own step
        return {"tau_mem": mem, "r": mem / dt, "tau_syn": syn, "w_in": w_in}
    tau = euler_tau(node.real("tau"), dt, dt)
    taken = np.exp(-dt / node.real("tau")) if node.kind == "LI" else 1.0
    return {"tau": tau, "r": taken * tau / dt}


def _assumed(graph: Graph, said: ReadingOptions) -> tuple[Assumption, ...]:
    convention = "convention of Rockpool"
    noted = [Assumption("decay", "exp(-dt/tau) per step", convention)]
    if graph.of_kind("LI", "CubaLIF"):
        decays = "the input of LI and CubaLIF decays in its own step"
        noted.append(Assumption("input", decays, convention))
    if graph.of_kind("LIF", "CubaLIF"):
        why = "Rockpool's exporter leaves out the bias of neurons"
        noted.append(Assumption("bias of neurons", "0", why))
    return tuple(noted)


def _r_of(tau: FloatArray, dt: float) -> FloatArray:
    """Return what Rockpool writes as r: tau/dt * exp(-dt/tau), both in seconds."""
    return tau / dt * np.exp(-dt / tau)


CORRECTION = Correction(_misfit, _correct, _assumed)
PROFILE = Profile(
    "rockpool", "Rockpool 3",
    dt=None, reset="subtract", inclusive=True,
    lost={"spikes_per_step": ("many", "one")},
    pattern=_pattern, correction=CORRECTION,
)  # fmt: skip
