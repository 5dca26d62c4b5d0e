"""SpikingJelly 2.0 neurons and containers, step by step as they compute them.

v_reset None subtracts the threshold at once; else the membrane starts at v_reset, leaks to
it and is set to it. What its surrogates do at the threshold itself is tried out: they fire.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from snn_deploy.frontends.torch.arithmetic import add
from snn_deploy.frontends.torch.firing import fires_at_threshold
from snn_deploy.frontends.torch.modules import LAYERS, Handler, on_steps
from snn_deploy.frontends.torch.session import Session, broadcast
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.frontends.torch.weights import affine, numbers
from snn_deploy.ir.maps import Dense
from snn_deploy.neurons import Lif


def integrate(session: Session, module: Any, x: Traced) -> Any:
    """IFNode: v = v + x."""
    return _neuron(session, module, x, lambda rest: {})


def half_threshold(session: Session, module: Any, x: Traced) -> Any:
    """HalfThresholdIFNode: an IFNode that starts at half its threshold."""
    return _neuron(session, module, x, lambda rest: {"v0": module.v_threshold / 2})


def leak(session: Session, module: Any, x: Traced) -> Any:
    """LIFNode: v = v + (x - (v - rest)) / tau, or v - (v - rest) / tau + x."""
    return _neuron(session, module, x, _leaking(1.0 / float(module.tau), module))


def parametric(session: Session, module: Any, x: Traced) -> Any:
    """ParametricLIFNode: LIFNode whose 1 / tau is learned."""
    share = float(module.w.detach().sigmoid())
    return _neuron(session, module, x, _leaking(share, module))


def cuba(session: Session, module: Any, x: Traced) -> Any:
    """CUBALIFNode: c = c_decay * c + x; v = v_decay * v + c."""
    return _neuron(
        session, module, x, lambda rest: {"alpha": module.c_decay, "beta": module.v_decay}
    )


def _leaking(share: float, module: Any) -> Callable[[float], dict[str, Any]]:
    gain = share if module.decay_input else 1.0
    return lambda rest: {"beta": 1.0 - share, "gain": gain, "bias": share * rest}


def _neuron(
    session: Session,
    module: Any,
    x: Traced,
    values: Callable[[float], dict[str, Any]],
) -> Any:
    session.frameworks.setdefault("spikingjelly")
    inclusive = fires_at_threshold(session, module, module.surrogate_function)
    soft = module.v_reset is None
    rest = 0.0 if soft else float(module.v_reset)

    def make(shape: tuple[int, ...]) -> Lif:
        own = {"v0": rest, **values(rest)}
        return Lif.of(
            int(np.prod(shape)),
            threshold=float(module.v_threshold),
            v_reset=rest,
            reset="subtract" if soft else "zero",
            inclusive=inclusive,
            **{k: broadcast(v, shape) for k, v in own.items()},
        )

    return session.fire(module, _sequence(session, module, x), make)


def _sequence(session: Session, module: Any, x: Traced) -> Traced:
    """Refuse a single-step module that is fed a whole sequence as if it were one step."""
    if getattr(module, "step_mode", "s") == "s" and x.whole and len(x.lead) > 1:
        session.refuse(
            f"{session.name_of(module)!r} has step_mode 's' among modules with 'm', so "
            "that it takes all steps for one; call functional.set_step_mode(net, 'm')"
        )
    return x


def readout_if(session: Session, module: Any, x: Traced) -> Any:
    """NonSpikingIFNode: the membrane of an integrator."""
    return _readout(session, module, x, {"beta": 1.0, "gain": 1.0})


def readout_lif(session: Session, module: Any, x: Traced) -> Any:
    """NonSpikingLIFNode: v = v + (x - v) / tau."""
    share = 1.0 / float(module.tau)
    return _readout(session, module, x, {"beta": 1.0 - share, "gain": share})


def _readout(session: Session, module: Any, x: Traced, values: dict[str, float]) -> Any:
    session.frameworks.setdefault("spikingjelly")

    def make(shape: tuple[int, ...]) -> Lif:
        n = int(np.prod(shape))
        return Lif.of(n, threshold=np.inf, amount=0.0, spiking=False, **values)

    if module.decode is not None:
        session.assume(
            "decoding",
            f"{session.name_of(module)!r} gives its membrane in every step",
            f"its decode {module.decode!r} is left to --decode",
        )
    return session.fire(module, x, make)


def delay(session: Session, module: Any, x: Traced) -> Any:
    """Delay by whole steps."""
    return session.traced(x.signal.late(int(module.delay_steps)), x)


def voting(session: Session, module: Any, x: Traced) -> Any:
    """VotingLayer: the mean of each group of neighbours."""
    size = int(module.voting_size)
    n_out = x.signal.n // size

    def make() -> Dense:
        weight = np.zeros((n_out, x.signal.n))
        weight[:, : n_out * size] = np.kron(np.eye(n_out), np.full((1, size), 1.0 / size))
        return Dense(weight)

    return affine(session, x, session.maps.of(module, make), (n_out,), None)


def recurrent(session: Session, module: Any, x: Traced) -> Any:
    """LinearRecurrentContainer: sub_module(rc([x, y of the step before]))."""
    weight, bias = numbers(module.rc.weight), module.rc.bias
    n_in = x.signal.n
    fresh = session.maps.of(module, lambda: Dense(weight[:, :n_in].copy()), "x")
    back = session.maps.of(module, lambda: Dense(weight[:, n_in:].copy()), "y")
    offset = None if bias is None else numbers(bias)

    def body(before: Traced) -> Traced:
        shape = (len(weight),)
        driven = affine(session, x, fresh, shape, offset)
        fed_back = affine(session, before, back, shape, None)
        return _body(module, add(session, driven, fed_back))

    return session.loop(module, x, (int(module.sub_module_out_features),), body)


def elementwise(session: Session, module: Any, x: Traced) -> Any:
    """ElementWiseRecurrentContainer: sub_module(function(y of the step before, x))."""

    def body(before: Traced) -> Traced:
        return _body(module, module.element_wise_function(before, x))

    return session.loop(module, x, x.signal.shape, body)


def _body(module: Any, x: Traced) -> Traced:
    """Return what the module inside a container makes of each step."""
    flat = Traced.of(x.session, x.signal, (int(np.prod(x.lead)),), None, x.whole)
    out = module.sub_module(flat)
    return Traced.of(x.session, out.signal, x.lead, x.time, x.whole)


def steps(session: Session, module: Any, x: Traced) -> Any:
    """Return what the children of a container make of each step, in turn."""

    def forward(session: Session, module: Any, t: Traced) -> Any:
        for child in module:
            t = child(t)
        return t

    return on_steps(forward, session, module, x)


def _layer(name: str) -> Callable[..., Any]:
    """Return the handler of SpikingJelly's form of one of torch's layers."""

    def handler(session: Session, module: Any, x: Traced) -> Any:
        if getattr(module, "step_mode", "s") == "m":
            return on_steps(LAYERS[name], session, module, x)
        return LAYERS[name](session, module, x)

    return handler


STATELESS = (
    "Linear", "Conv1d", "Conv2d", "BatchNorm1d", "BatchNorm2d", "MaxPool1d", "MaxPool2d",
    "AvgPool1d", "AvgPool2d", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "Flatten",
    "Dropout", "Dropout2d", "ConvTranspose1d", "ConvTranspose2d", "Upsample",
)  # fmt: skip

NEURONS: dict[str, Handler] = {
    "IFNode": integrate, "SimpleIFNode": integrate, "HalfThresholdIFNode": half_threshold,
    "LIFNode": leak, "SimpleLIFNode": leak, "ParametricLIFNode": parametric,
    "CUBALIFNode": cuba, "NonSpikingIFNode": readout_if, "NonSpikingLIFNode": readout_lif,
    "Delay": delay, "VotingLayer": voting, "LinearRecurrentContainer": recurrent,
    "ElementWiseRecurrentContainer": elementwise,
    "SeqToANNContainer": steps, "MultiStepContainer": steps, "StepModeContainer": steps,
    **{name: _layer(name) for name in STATELESS},
}  # fmt: skip
