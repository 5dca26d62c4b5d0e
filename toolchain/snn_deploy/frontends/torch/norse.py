"""Norse 1.1 neurons, step by step as `norse/torch/functional/*.py` compute them.

Forward Euler with time constants per second and dt in the module. An input jumps onto the
synaptic current, which charges the membrane before it decays. Membranes start at v_leak,
those of IAF at v_reset. `v > v_th` fires.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from snn_deploy.frontends.torch.modules import Handler
from snn_deploy.frontends.torch.session import Session, broadcast
from snn_deploy.frontends.torch.state import ModuleState, check_given
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.frontends.torch.weights import dense
from snn_deploy.neurons import Lif

# Of norse.torch.functional.threshold: those that are a step at 0 in forward.
STEPS = ("super", "heaviside", "triangle", "tanh", "circ", "heavi_erfc", "adjoint")


def box(session: Session, module: Any, x: Traced, state: Any = None) -> Any:
    """LIFBoxCell: v = v + dt/tau * (v_leak - v + x)."""
    return _neuron(session, module, x, state, lambda p: _membrane(module, p))


def cuba(session: Session, module: Any, x: Traced, state: Any = None) -> Any:
    """LIFCell, LIF: i = i + x; v = v + dt/tau_mem * (v_leak - v + i); i decays."""
    return _neuron(session, module, x, state, lambda p: _both(module, p))


def iaf(session: Session, module: Any, x: Traced, state: Any = None) -> Any:
    """IAFCell, IAF: v = v + x."""
    return _neuron(session, module, x, state, lambda p: {"v0": p.v_reset})


def box_readout(session: Session, module: Any, x: Traced, state: Any = None) -> Any:
    """LIBoxCell: the membrane of a LIFBoxCell that does not fire."""
    return _readout(session, module, x, state, lambda p: _membrane(module, p))


def cuba_readout(session: Session, module: Any, x: Traced, state: Any = None) -> Any:
    """LICell, LI: the membrane of a LIFCell that does not fire."""
    return _readout(session, module, x, state, lambda p: _both(module, p))


def linear_readout(session: Session, module: Any, x: Traced, state: Any = None) -> Any:
    """LILinearCell: LICell behind weights of its own."""
    fed = dense(session, x, module.input_weights, None)
    return _readout(session, module, fed, state, lambda p: _both(module, p))


def recurrent(session: Session, module: Any, x: Traced, state: Any = None) -> Any:
    """LIFRecurrentCell, LIFRecurrent: LIF behind weights, fed its last spikes."""
    fed = dense(session, x, module.input_weights, None)
    weights = module.recurrent_weights

    def back(out: Traced) -> Traced:
        return dense(session, out, weights, None)

    return _neuron(session, module, fed, state, lambda p: _both(module, p), back)


def _membrane(module: Any, p: Any) -> dict[str, Any]:
    """Return the Euler step, whose shares Norse computes in the precision of its
    parameters."""
    share = (module.dt * p.tau_mem_inv).double()
    return {"beta": 1.0 - share, "gain": share, "bias": share * p.v_leak, "v0": p.v_leak}


def _both(module: Any, p: Any) -> dict[str, Any]:
    return {"alpha": 1.0 - (module.dt * p.tau_syn_inv).double(), **_membrane(module, p)}


def _neuron(
    session: Session,
    module: Any,
    x: Traced,
    state: Any,
    values: Callable[[Any], dict[str, Any]],
    back: Callable[[Traced], Traced] | None = None,
) -> Any:
    p = module.p
    _note(session, module, state)
    if p.method not in STEPS:
        session.refuse(
            f"{session.name_of(module)!r}: its threshold method {p.method!r} is no step; "
            f"use one of {', '.join(STEPS)}"
        )
    how = getattr(getattr(p, "reset_method", None), "__name__", "reset_value")
    if how not in ("reset_value", "reset_subtract"):
        session.refuse(
            f"{session.name_of(module)!r}: reset method {how!r} is not known; use "
            "reset_value or reset_subtract"
        )

    def make(shape: tuple[int, ...]) -> Lif:
        wide = {k: broadcast(v, shape) for k, v in values(p).items()}
        return Lif.of(
            int(np.prod(shape)),
            threshold=broadcast(p.v_th, shape),
            v_reset=broadcast(p.v_reset, shape),
            reset="subtract" if how == "reset_subtract" else "zero",
            **wide,
        )

    out = session.fire(module, x, make, back)
    return out, ModuleState(session, session.name_of(module), "state")


def _readout(
    session: Session,
    module: Any,
    x: Traced,
    state: Any,
    values: Callable[[Any], dict[str, Any]],
) -> Any:
    _note(session, module, state)

    def make(shape: tuple[int, ...]) -> Lif:
        wide = {k: broadcast(v, shape) for k, v in values(module.p).items()}
        n = int(np.prod(shape))
        return Lif.of(n, threshold=np.inf, amount=0.0, spiking=False, **wide)

    return session.fire(module, x, make), ModuleState(
        session, session.name_of(module), "state"
    )


def _note(session: Session, module: Any, state: Any) -> None:
    session.frameworks.setdefault("norse")
    session.seconds.setdefault(float(module.dt))
    check_given(session, module, (state,))


def lift(session: Session, module: Any, x: Any) -> Any:
    """Lift: a layer or cell on each step of a sequence."""
    value = x[0] if isinstance(x, tuple) else x
    flat = Traced.of(session, value.signal, (int(np.prod(value.lead)),), None, True)
    made = module.lifted_module(flat)
    out, rest = made if isinstance(made, tuple) else (made, None)
    back = Traced.of(session, out.signal, value.lead, value.time, True)
    return back if rest is None else (back, rest)


def recurrent_sequence(session: Session, module: Any, x: Traced, state: Any = None) -> Any:
    """RecurrentSequential: layers in turn, fed the last step's output of one of them."""
    if not isinstance(module.output_modules, int):
        session.refuse(
            f"{session.name_of(module)!r}: RecurrentSequential with several output_modules "
            "fails in Norse 1.1; give one"
        )
        return x, None
    check_given(session, module, (state,))

    def body(before: Traced) -> Traced:
        outputs, _ = module.module(x + before, None)
        return outputs[module.output_modules]  # type: ignore[no-any-return]

    out = session.loop(module, x, x.signal.shape, body)
    return out, ModuleState(session, session.name_of(module), "state")


NEURONS: dict[str, Handler] = {
    "LIFBoxCell": box, "LIFCell": cuba, "LIF": cuba, "IAFCell": iaf, "IAF": iaf,
    "LIBoxCell": box_readout, "LICell": cuba_readout, "LI": cuba_readout,
    "LILinearCell": linear_readout, "LIFRecurrentCell": recurrent,
    "LIFRecurrent": recurrent, "Lift": lift, "RecurrentSequential": recurrent_sequence,
}  # fmt: skip
