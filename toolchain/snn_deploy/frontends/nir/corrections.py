"""Correct: Graph -> Graph, where numbers do not mean what NIR says they mean.

Norse writes time constants 1000 times too small, sinabs writes them in steps, and sinabs
and Rockpool decay by exp(-dt/tau). The corrected graph is what they should have written:
its forward Euler step, at the dt that was settled, is the framework's own. What no exporter
of theirs can have written is refused, since nothing says what it would mean.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from snn_deploy.arrays import FloatArray
from snn_deploy.errors import InputError, option
from snn_deploy.files.hdf5 import Value
from snn_deploy.frontends.nir.graph import NEURONS, Graph, Node
from snn_deploy.ir.network import Assumption

CLOSE = 1e-5  # relative; parameters went through float32 (6e-8) several times
FLOAT32 = 6e-8  # relative rounding of float32
NORSE_DT = 1e-3  # norse 1.1.0, utils/export_nir.py: multiplied into every time constant

Values: TypeAlias = Mapping[str, FloatArray]


@dataclass(frozen=True)
class Correction:
    """How to read the neurons of one framework; dt is as in `Settings`.

    Attributes:
        misfit: From a neuron and dt to why the framework cannot have written it, or None;
            dt None leaves out what depends on it.
        correct: From the graph, a neuron and dt to the parameters that change, by name.
        assumed: From the graph to what reading it so assumes.
    """

    misfit: Callable[[Node, float | None], str | None]
    correct: Callable[[Graph, Node, float], Values]
    assumed: Callable[[Graph], tuple[Assumption, ...]]


def correct(graph: Graph, profile: str, dt: float | None) -> Graph:
    """Return the graph in the terms of the specification; `dt` as in Settings.

    Raises:
        InputError: There is a neuron that the framework cannot have written.
    """
    nodes = graph.of_kind(*(NEURONS - {"Threshold"}))
    if profile not in CORRECTIONS or dt is None or not nodes:
        return graph
    correction = CORRECTIONS[profile]
    with np.errstate(all="ignore"):  # what becomes infinite is judged where it is used
        changed = {n.name: _corrected(correction, graph, n, dt) for n in nodes}
    assumed = (*graph.assumptions, *correction.assumed(graph))
    return replace(graph, nodes={**graph.nodes, **changed}, assumptions=assumed)


def _corrected(correction: Correction, graph: Graph, node: Node, dt: float) -> Node:
    why = correction.misfit(node, dt)
    if why:
        raise node.fail(why)
    values: Mapping[str, Value] = correction.correct(graph, node, dt)
    return replace(node, values={**node.values, **values})


def taus(graph: Graph) -> FloatArray:
    """Return all finite time constants in the file, in its own unit."""
    keys = ("tau", "tau_mem", "tau_syn")
    found = [n.real(k).ravel() for n in graph.of_kind(*NEURONS) for k in keys if n.has(k)]
    every = np.concatenate(found) if found else np.zeros(0)
    return every[np.isfinite(every)]


def norse_scale(graph: Graph) -> float:
    """Return by what the time constants of a Norse file are too small: NORSE_DT or 1.

    Raises:
        InputError: Some would have to be seconds, others not.
    """
    found = taus(graph)
    if not found.size or found.min() >= NORSE_DT:
        return 1.0
    if found.max() < NORSE_DT:
        return NORSE_DT
    raise InputError(
        f"{graph.source}: time constants go from {found.min():g} to {found.max():g} s, but "
        f"Norse 1.1 writes either all of them times {NORSE_DT:g} or, with to_nir(dt=1.0), "
        f"all in seconds; export again, or choose another {option('profile')}"
    )


def rockpool_r(tau: FloatArray, dt: float) -> FloatArray:
    """Return what Rockpool writes as r: tau/dt * exp(-dt/tau), both in seconds."""
    return tau / dt * np.exp(-dt / tau)


def _norse_misfit(node: Node, dt: float | None) -> str | None:
    return None  # whatever r and v_leak are, Norse could run it


def _norse(graph: Graph, node: Node, dt: float) -> Values:
    if node.kind in ("I", "IF"):
        return {"r": node.real("r") / dt}  # functional/iaf.py has no dt
    scale = norse_scale(graph)
    keys = ("tau", "tau_mem", "tau_syn")
    values = {key: node.real(key) / scale for key in keys if node.has(key)}
    if node.has("w_in") and (node.real("w_in") == 1).all():
        values["w_in"] = values["tau_syn"] / dt
    return values


def _norse_assumed(graph: Graph) -> tuple[Assumption, ...]:
    noted = []
    if taus(graph).size and norse_scale(graph) == 1:
        why = f"none below {NORSE_DT:g}, as to_nir(dt=1.0) writes them"
        noted.append(Assumption("time constants", "in seconds", why))
    elif taus(graph).size:
        why = f"all below {NORSE_DT:g}; to_nir of Norse 1.1 multiplies them by its dt"
        noted.append(Assumption("time constants", f"times {1 / NORSE_DT:g}", why))
    cuba = graph.of_kind("CubaLI", "CubaLIF")
    if any((node.real("w_in") == 1).all() for node in cuba):
        why = "Norse 1.1 writes no w_in, which would have to be tau_syn/dt"
        noted.append(Assumption("synaptic current", "grows by the input itself", why))
    return tuple(noted)


def _sinabs_misfit(node: Node, dt: float | None) -> str | None:
    if node.kind not in ("IF", "LI", "LIF"):
        return f"sinabs writes no {node.kind}; choose another {option('profile')}"
    if node.has("tau") and np.exp(-1 / node.real("tau").min()) < FLOAT32:
        return (
            f"tau is {node.real('tau').min():g}, but sinabs writes it in steps, of which "
            "nothing would be left after one; if it is in seconds, give another "
            f"{option('profile')}"
        )
    return _not_one(node, "r", "sinabs") or _leaks_upwards(node, "sinabs")


def _sinabs(graph: Graph, node: Node, dt: float) -> Values:
    if node.kind == "IF":
        return {"r": node.real("r") / dt}
    tau = euler_tau(node.real("tau"), 1.0, dt)
    return {"tau": tau, "r": tau / dt} if node.kind == "LI" else {"tau": tau}


def _sinabs_assumed(graph: Graph) -> tuple[Assumption, ...]:
    lost = "default of sinabs, which the file cannot tell"
    noted = [Assumption("lowest membrane", "none", f"min_v_mem=None: {lost}")]
    if graph.of_kind("LI", "LIF"):
        why = "convention of sinabs, whatever --dt is"
        noted.append(Assumption("decay", "exp(-1/tau) per step", why))
    if graph.of_kind("LIF"):
        scaled = "LIF scales it by 1 - exp(-1/tau)"
        noted.append(Assumption("input", scaled, f"norm_input=True: {lost}"))
    if graph.of_kind("LI"):
        noted.append(Assumption("input", "LI takes it whole", f"norm_input=False: {lost}"))
    return tuple(noted)


def _rockpool_misfit(node: Node, dt: float | None) -> str | None:
    if node.kind not in ("LI", "LIF", "CubaLIF"):
        return f"Rockpool writes no {node.kind}; choose another {option('profile')}"
    r, tau = node.real("r"), node.real("tau_mem" if node.has("tau_mem") else "tau")
    if dt is not None and not np.allclose(r, rockpool_r(tau, dt), rtol=CLOSE, atol=0.0):
        return (
            f"r is {r.ravel()[0]:g}, but Rockpool writes tau/dt * exp(-dt/tau), which is "
            f"{rockpool_r(tau, dt).ravel()[0]:g} for dt {dt:g} s; "
            f"give the {option('dt')} that is meant, or another {option('profile')}"
        )
    w_in = _not_one(node, "w_in", "Rockpool") if node.has("w_in") else None
    return w_in or _leaks_upwards(node, "Rockpool")


def _rockpool(graph: Graph, node: Node, dt: float) -> Values:
    if node.kind == "CubaLIF":
        mem = euler_tau(node.real("tau_mem"), dt, dt)
        syn, left = euler_tau(node.real("tau_syn"), dt, dt), node.real("tau_syn")
        w_in = np.exp(-dt / left) * syn / dt  # the input decays in its own step
        return {"tau_mem": mem, "r": mem / dt, "tau_syn": syn, "w_in": w_in}
    tau = euler_tau(node.real("tau"), dt, dt)
    taken = np.exp(-dt / node.real("tau")) if node.kind == "LI" else 1.0
    return {"tau": tau, "r": taken * tau / dt}


def _rockpool_assumed(graph: Graph) -> tuple[Assumption, ...]:
    convention = "convention of Rockpool"
    noted = [Assumption("decay", "exp(-dt/tau) per step", convention)]
    if graph.of_kind("LI", "CubaLIF"):
        decays = "the input of LI and CubaLIF decays in its own step"
        noted.append(Assumption("input", decays, convention))
    if graph.of_kind("LIF", "CubaLIF"):
        why = "Rockpool's exporter leaves out the bias of neurons"
        noted.append(Assumption("bias of neurons", "0", why))
    return tuple(noted)


def euler_tau(tau: FloatArray, step: float, dt: float) -> FloatArray:
    """Return the time constant for which 1 - dt/tau is exp(-step/tau) of the given ones.

    tau: in the unit of `step`; the result is in the unit of `dt`, infinite without leak.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(dt / -np.expm1(-step / tau), np.float64)


def _not_one(node: Node, key: str, who: str) -> str | None:
    value = node.real(key)
    if (value == 1).all():
        return None
    return (
        f"{key} is {value[value != 1][0]:g}, but {who} writes 1; choose another "
        f"{option('profile')}"
    )


def _leaks_upwards(node: Node, who: str) -> str | None:
    if not node.has("v_leak") or not node.real("v_leak").any():
        return None
    return f"v_leak is not 0, as {who} writes it; choose another {option('profile')}"


CORRECTIONS: Mapping[str, Correction] = {
    "norse": Correction(_norse_misfit, _norse, _norse_assumed),
    "sinabs": Correction(_sinabs_misfit, _sinabs, _sinabs_assumed),
    "rockpool": Correction(_rockpool_misfit, _rockpool, _rockpool_assumed),
}
