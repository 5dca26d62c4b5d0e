"""sinabs 3.1 neurons, step by step as `sinabs/layers/functional/lif.py` computes them.

Decays are exp(-1 / tau) with tau in steps. A synaptic current decays in the step in which
its input arrives, so an input of 1 adds alpha_syn. `v >= threshold` fires; by default
(`MultiSpike`) as many spikes as thresholds fit into the membrane, trunc(v / threshold) in
the module's own precision, where ours is float64: a quotient within 6e-8 of a whole number
may round to it in float32.
"""

from typing import Any

import numpy as np
import torch

from snn_deploy.frontends.torch.modules import Handler, on_steps, sum_pool
from snn_deploy.frontends.torch.session import Session, broadcast
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.neurons import Lif, MultiLevel


def neuron(session: Session, module: Any, x: Traced) -> Any:
    """LIF, IAF, ExpLeak, and their Squeeze forms."""
    return _fire(session, module, x)


def recurrent(session: Session, module: Any, x: Traced) -> Any:
    """LIFRecurrent, IAFRecurrent: fed what rec_connect makes of the last step's spikes."""
    return _fire(session, module, x, module.rec_connect)


def _fire(session: Session, module: Any, x: Traced, back: Any = None) -> Any:
    session.frameworks.setdefault("sinabs")
    _check(session, module)

    def connect(out: Traced) -> Traced:
        made = on_steps(lambda s, m, t: m(t), session, back, out)
        return made.reshape((*out.lead, *out.signal.shape))  # type: ignore[no-any-return]

    def make(shape: tuple[int, ...]) -> Lif:
        return _lif(module, shape)

    return session.fire(module, x, make, connect if back is not None else None, 1)


def _lif(module: Any, shape: tuple[int, ...]) -> Lif:
    n = int(np.prod(shape))
    keep = broadcast(module.alpha_mem_calculated, shape)
    syn = module.alpha_syn_calculated
    alpha = np.zeros(n) if syn is None else broadcast(syn, shape)
    gain = (1.0 - keep if module.norm_input else np.ones(n)) * (
        np.ones(n) if syn is None else alpha
    )
    values = {"alpha": alpha, "beta": keep, "gain": gain}
    if module.spike_fn is None:
        return Lif.of(n, threshold=np.inf, amount=0.0, spiking=False, **values)
    threshold = broadcast(module.spike_threshold, shape)
    high = most_spikes(module.spike_fn)
    lowest = -np.inf if module.min_v_mem is None else broadcast(module.min_v_mem, shape)
    if high != 1 or module.min_v_mem is not None:
        return MultiLevel.of(n, threshold=threshold, high=high, v_min=lowest, **values)
    soft = type(module.reset_fn).__name__ == "MembraneSubtract"
    taken = getattr(module.reset_fn, "subtract_value", None)
    return Lif.of(
        n,
        threshold=threshold,
        amount=threshold if taken is None else broadcast(taken, shape),
        reset="subtract" if soft else "zero",
        inclusive=True,
        **values,
    )


def most_spikes(spike_fn: Any) -> float | None:
    """Return how many spikes a neuron sends in one step at most, None if that is unknown.

    spike_fn: of sinabs.activation, a class or an object; infinite for MultiSpike.
    """
    name = _name(spike_fn)
    if name == "SingleSpike":
        return 1.0
    most = getattr(spike_fn, "max_num_spikes_per_bin", None)
    if name == "MultiSpike" or (name == "MaxSpike" and most is None):
        return float("inf")
    return float(most) if name == "MaxSpike" and most is not None else None


def _check(session: Session, module: Any) -> None:
    """Refuse what the step above does not describe."""
    name = session.name_of(module)
    if module.min_v_mem is not None:
        _check_floor(session, name, module)
    if module.spike_fn is not None:
        _check_reset(session, name, module.reset_fn)
        _check_spikes(session, name, module)


def _check_floor(session: Session, name: str, module: Any) -> None:
    """Refuse a lowest membrane where the neuron is not reset by its threshold."""
    lowest = float(torch.as_tensor(module.min_v_mem).max())
    taken = getattr(module.reset_fn, "subtract_value", 0.0)
    reset = module.spike_fn is not None and taken is None
    if not reset or lowest > 0:
        session.refuse(
            f"{name!r} keeps its membrane at or above min_v_mem {lowest:g}, which only "
            "neurons that spike and subtract their threshold do here, with 0 or less; "
            "build it with min_v_mem=None, or with MembraneSubtract()"
        )


def _check_reset(session: Session, name: str, reset: Any) -> None:
    if _name(reset) == "MembraneReset" and reset.reset_value != 0:
        session.refuse(
            f"{name!r}: MembraneReset adds its reset_value {reset.reset_value:g} in every "
            "step, spike or not (sinabs 3.1), which is no reset; use reset_value=0"
        )
    elif _name(reset) not in ("MembraneReset", "MembraneSubtract"):
        session.refuse(
            f"{name!r}: reset_fn {_name(reset)} is not known; use MembraneSubtract() or "
            "MembraneReset()"
        )


def _check_spikes(session: Session, name: str, module: Any) -> None:
    most = most_spikes(module.spike_fn)
    if most is None:
        session.refuse(
            f"{name!r}: spike_fn {_name(module.spike_fn)} is not known; use MultiSpike, "
            "MaxSpike(n) or SingleSpike (from sinabs.activation)"
        )
        return
    taken = getattr(module.reset_fn, "subtract_value", 0.0)
    own = taken is None or bool((torch.as_tensor(taken) == module.spike_threshold).all())
    if most > 1 and not own:
        session.refuse(
            f"{name!r} fires several spikes per step ({_name(module.spike_fn)}), each of "
            f"which takes the threshold off here, but its reset is {module.reset_fn}; use "
            "MembraneSubtract(), or spike_fn=SingleSpike (from sinabs.activation)"
        )


def _name(thing: Any) -> str:
    return thing.__name__ if isinstance(thing, type) else type(thing).__name__


def repeat(session: Session, module: Any, x: Traced) -> Any:
    """Repeat: a layer on each step."""
    return on_steps(lambda s, m, t: m.module(t), session, module, x)


def flatten_time(session: Session, module: Any, x: Traced) -> Any:
    """FlattenTime: batch and time in one dimension."""
    return Traced.of(session, x.signal, (int(np.prod(x.lead)),), None, x.whole)


def unflatten_time(session: Session, module: Any, x: Traced) -> Any:
    """UnflattenTime: batch and time in two dimensions."""
    lead = (int(module.batch_size), int(np.prod(x.lead)) // int(module.batch_size))
    return Traced.of(session, x.signal, lead, 1, x.whole)


def merge(session: Session, module: Any, x: Traced, y: Traced) -> Any:
    """Merge: the sum of two branches of one shape."""
    if x.signal.shape != y.signal.shape:
        session.refuse(
            f"{session.name_of(module)!r} adds {list(y.signal.shape)} to "
            f"{list(x.signal.shape)}; give both branches the same shape"
        )
        return x
    return torch.add(x, y)


_PLAIN = ("LIF", "LIFSqueeze", "IAF", "IAFSqueeze", "ExpLeak", "ExpLeakSqueeze")
NEURONS: dict[str, Handler] = {
    **dict.fromkeys(_PLAIN, neuron),
    **dict.fromkeys(("LIFRecurrent", "IAFRecurrent"), recurrent),
    "SumPool2d": sum_pool, "Repeat": repeat, "FlattenTime": flatten_time,
    "UnflattenTime": unflatten_time, "Merge": merge,
}  # fmt: skip
