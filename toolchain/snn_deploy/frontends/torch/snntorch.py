"""snnTorch 1.0 neurons, step by step as `snntorch/_neurons/*.py` compute them.

With reset "subtract" the threshold comes off one step after the spike, behind the leak.
With "zero", Leaky forgets its membrane, while all others lose the whole step after the
spike, its input included. The recurrent bias is there in every step. `mem > threshold`
fires.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from snn_deploy.frontends.torch.firing import fires_at_threshold
from snn_deploy.frontends.torch.modules import Handler
from snn_deploy.frontends.torch.session import MEMBRANE, Session, broadcast
from snn_deploy.frontends.torch.signal import through
from snn_deploy.frontends.torch.state import ModuleState, check_given
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.neurons import Lif


def leaky(session: Session, module: Any, x: Traced, mem: Any = None) -> Any:
    """Leaky: u = beta * u + x."""
    return _neuron(session, module, x, (mem,), 0, _beta_only(module))


def lapicque(session: Session, module: Any, x: Traced, mem: Any = None) -> Any:
    """Lapicque: u = (1 - dt/RC) * u + x * dt/C."""
    rc = module.R * module.C

    def values() -> dict[str, Any]:
        gain = module.R * (1 / rc) * module.time_step
        return {"beta": 1 - module.time_step / rc, "gain": gain}

    return _neuron(session, module, x, (mem,), 1, values)


def synaptic(
    session: Session, module: Any, x: Traced, syn: Any = None, mem: Any = None
) -> Any:
    """Synaptic: i = alpha * i + x; u = beta * u + i."""
    hold = int(module.reset_delay)
    return _neuron(session, module, x, (syn, mem), hold, _alpha_and_beta(module))


def rleaky(
    session: Session, module: Any, x: Traced, spk: Any = None, mem: Any = None
) -> Any:
    """RLeaky: Leaky that is fed its own spikes of the step before."""
    _check_spikes(session, module, spk)
    hold = int(module.reset_delay)
    return _neuron(session, module, x, (mem,), hold, _beta_only(module), recurrent=True)


def rsynaptic(
    session: Session,
    module: Any,
    x: Traced,
    spk: Any = None,
    syn: Any = None,
    mem: Any = None,
) -> Any:
    """RSynaptic: Synaptic that is fed its own spikes of the step before."""
    _check_spikes(session, module, spk)
    if not module.reset_delay:
        session.refuse(
            f"{session.name_of(module)!r}: RSynaptic(reset_delay=False) of snnTorch 1.0.0 "
            "fails when it runs; use reset_delay=True"
        )
    values = _alpha_and_beta(module)
    return _neuron(session, module, x, (syn, mem), 1, values, recurrent=True)


def _beta_only(module: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {"beta": module.beta.clamp(0, 1)}


def _alpha_and_beta(module: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {"alpha": module.alpha.clamp(0, 1), "beta": module.beta.clamp(0, 1)}


def _neuron(
    session: Session,
    module: Any,
    x: Traced,
    states: tuple[Any, ...],
    hold: int,
    values: Callable[[], dict[str, Any]],
    recurrent: bool = False,
) -> Any:
    """Return what the module returns: spikes, and states unless they are hidden."""
    session.frameworks.setdefault("snntorch")
    check_given(session, module, states)
    _check(session, module)
    inclusive = fires_at_threshold(session, module, module.spike_grad)

    def make(shape: tuple[int, ...]) -> Lif:
        n = int(np.prod(shape))
        wide = {k: broadcast(v, shape) for k, v in values().items()}
        threshold = broadcast(module.threshold, shape)
        options = {"inclusive": inclusive, **_reset(module, threshold, hold)}
        return Lif.of(n, threshold=threshold, **options, **wide)

    own = module.recurrent if recurrent else None
    out = session.fire(module, x, make, own)
    spikes = _graded(session, module, out)
    if module.init_hidden and not module.output:
        return spikes
    name = session.name_of(module)
    membrane = _membrane(session, module, x, values, own)
    mem = ModuleState(session, name, "mem") if membrane is None else membrane
    others = [ModuleState(session, name, "syn")] if len(states) == 2 else []
    return (spikes, *others, mem)


def _reset(module: Any, threshold: Any, hold: int) -> dict[str, Any]:
    match module.reset_mechanism:
        case "subtract":
            return {"reset": "subtract_late", "amount": threshold}
        case "zero":
            return {"reset": "zero", "hold": hold}
        case _:
            return {"reset": "subtract", "amount": 0.0}


def _check(session: Session, module: Any) -> None:
    """Refuse what the step above does not describe."""
    name = session.name_of(module)
    if module.reset_mechanism == "subtract" and not getattr(module, "reset_delay", True):
        session.refuse(
            f"{name!r}: with reset_delay=False and reset 'subtract' snnTorch subtracts a "
            "second time where the membrane is still above the threshold, which no single "
            "reset describes; use reset_delay=True, or reset_mechanism='zero'"
        )
    if module.inhibition or module.state_quant:
        what = "inhibition" if module.inhibition else "state_quant"
        session.refuse(f"{name!r}: {what} has no equivalent; switch it off")


def _check_spikes(session: Session, module: Any, spk: Any) -> None:
    """Refuse spikes handed in that are not the module's own of the step before."""
    terms = spk.signal.terms if isinstance(spk, Traced) else ()
    if [t.pre for t in terms] in ([], [session.name_of(module)]):
        check_given(session, module, () if terms else (spk,))
        return
    session.refuse(
        f"{session.name_of(module)!r} is handed spikes of other neurons as its own; add "
        "them to its input"
    )


def _graded(session: Session, module: Any, out: Traced) -> Traced:
    """Return the spikes times graded_spikes_factor."""
    factor = getattr(module, "graded_spikes_factor", torch.tensor(1.0))
    wide = broadcast(factor, out.signal.shape)
    if bool((wide == 1).all()):
        return out
    scale = session.maps.scale(wide)
    return session.traced(through(session.maps, out.signal, scale, out.signal.shape), out)


def _membrane(
    session: Session,
    module: Any,
    x: Traced,
    values: Callable[[], dict[str, Any]],
    recurrent: Any,
) -> Traced | None:
    """Return the membrane in this step; None if spikes reset it."""
    if module.reset_mechanism != "none" or recurrent is not None:
        return None

    def make(shape: tuple[int, ...]) -> Lif:
        wide = {k: broadcast(v, shape) for k, v in values().items()}
        n = int(np.prod(shape))
        return Lif.of(n, threshold=np.inf, amount=0.0, spiking=False, **wide)

    session.membranes.add(session.name_of(module) + MEMBRANE)
    return session.fire(module, x, make, ending=MEMBRANE)


def one_to_one(session: Session, module: Any, x: Traced) -> Any:
    """RecurrentOneToOne: x * V."""
    scale = session.maps.scale(broadcast(module.V, x.signal.shape))
    return session.traced(through(session.maps, x.signal, scale, x.signal.shape), x)


NEURONS: dict[str, Handler] = {
    "Leaky": leaky, "Lapicque": lapicque, "Synaptic": synaptic,
    "RLeaky": rleaky, "RSynaptic": rsynaptic, "RecurrentOneToOne": one_to_one,
}  # fmt: skip
