"""from_torch: a live PyTorch module -> Network.

The module's own forward is run once, on tensors that have a shape and a meaning but no
values (`tensor`), with every layer and every neuron known here standing in for itself; so
forward may do whatever Python can, loop over time included. Neurons keep the exact step of
their framework. Weights, biases, BatchNorm, pooling, reshaping and sums in between become
the maps of projections; what is not affine and no neuron is refused, all of it at once.

Read from the module, never from its state: the network starts from rest.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import torch

from snn_deploy.errors import InputError
from snn_deploy.frontends.torch.build import build
from snn_deploy.frontends.torch.complaints import check
from snn_deploy.frontends.torch.functions import call, nothing_known, unsupported
from snn_deploy.frontends.torch.known import (
    FRAMEWORKS,
    HANDLERS,
    handler_of,
    is_changed_neuron,
    title_of,
)
from snn_deploy.frontends.torch.modules import Handler
from snn_deploy.frontends.torch.session import INPUT, Session
from snn_deploy.frontends.torch.signal import Signal, SignalTerm
from snn_deploy.frontends.torch.tensor import Traced, traced_in
from snn_deploy.ir.network import Network

# Where frames of a traceback are that are not the user's.
OUTSIDE = (str(Path(torch.__file__).parent), str(Path(__file__).parents[2]))
Find: TypeAlias = Callable[[torch.nn.Module], Handler | None]


def from_torch(
    module: torch.nn.Module,
    sample_input: torch.Tensor,
    *,
    steps: int | None = None,
    profile: str | None = None,
) -> Network:
    """Return the network that `module` computes.

    sample_input: what forward takes, batch included; only its shape counts, and whether it
    is binary. It is one step [B, *shape], unless the neurons themselves take sequences
    (SpikingJelly with step_mode "m" and Norse: [T, B, *shape]; sinabs: [B, T, *shape], or
    [B * T, *shape] in front of Squeeze layers) or `steps` is given. steps: how many steps
    sample_input holds, for a forward that loops over them. profile: the framework; None:
    whichever the modules are of.

    Supported beside the neurons of the four frameworks: Linear, Conv1d/2d (grouped too),
    BatchNorm in evaluation, Dropout, average pooling of any kind, maximum pooling of
    spikes, everything that only moves values or adds them up, loops over time.

    Raises:
        InputError: Something in the module has no equivalent; everything is named.
    """
    if not isinstance(module, torch.nn.Module) or not torch.is_tensor(sample_input):
        raise InputError(
            f"from_torch takes a module and a tensor, not {type(module).__name__} and "
            f"{type(sample_input).__name__}"
        )
    module = _unwrapped(module)
    session = Session(
        type(module).__name__, _names(module), sample_input.dtype, call,
        sample=tuple(sample_input.shape),
    )  # fmt: skip
    x = _input(session, module, sample_input, steps)
    with torch.no_grad(), standing_in(session, module), unchanged(module):
        result = _run(session, module, x)
    _check_profile(session, profile)
    _check_turns(session, sample_input, steps)
    return build(session, x.signal.shape, result)


def _unwrapped(module: torch.nn.Module) -> torch.nn.Module:
    """Return the module that torch.compile or DataParallel runs elsewhere."""
    inner = getattr(module, "_orig_mod", None)
    if isinstance(module, torch.nn.DataParallel):
        inner = module.module
    return _unwrapped(inner) if isinstance(inner, torch.nn.Module) else module


def _names(module: torch.nn.Module) -> dict[int, str]:
    return {id(m): name for name, m in module.named_modules() if name}


def _run(session: Session, module: torch.nn.Module, x: Traced) -> Any:
    """Run forward; whatever fails behind something unsupported fails because of it."""
    try:
        result = module(x)
    except InputError:
        if not (session.unsupported or session.refused):
            raise
    except Exception as error:
        if not (session.unsupported or session.refused):
            raise _failed(session, x, error) from error
    else:
        return result
    check(session)
    return None


def _failed(session: Session, x: Traced, error: Exception) -> InputError:
    """Return what to say of a forward that raised: where, and whose mistake it may be."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith(OUTSIDE)]
    place = f" at line {own[-1].lineno} of {own[-1].name}" if own else ""
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    hint = "a sample input of the shape it takes, and let forward depend on no values"
    if own and frames[-1] is own[-1]:
        hint = "it what it needs, since this exception is its own"
    return InputError(
        f"{session.title}: its forward fails on a traced tensor {list(x.shape)}{place} "
        f"({what}); give {hint}"
    )


def _check_profile(session: Session, profile: str | None) -> None:
    if profile is not None and profile not in FRAMEWORKS:
        raise InputError(
            f"unknown profile {profile!r}; from_torch knows {', '.join(FRAMEWORKS)}"
        )
    others = [name for name in session.frameworks if name != profile]
    if profile is not None and others:
        raise InputError(
            f"{session.title}: profile {profile!r} was given, but it has neurons of "
            f"{', '.join(others)}; leave the profile out"
        )


# --- input ----------------------------------------------------------------------------


def _input(
    session: Session, module: torch.nn.Module, sample: torch.Tensor, steps: int | None
) -> Traced:
    """Return what stands for the input, with its leading dimensions told apart."""
    time = time_axis(module)
    if steps is not None:
        time = _given_axis(sample, steps, time)
    session.steps = None if time is None else sample.shape[time]
    count = 1 if time is None else 2
    if sample.dim() <= count:
        raise InputError(
            f"{session.title}: the sample input {list(sample.shape)} has no dimensions "
            f"behind its {count} of {'batch' if time is None else 'batch and time'}; give "
            "a batch of samples"
        )
    shape = tuple(sample.shape[count:])
    binary = bool(((sample == 0) | (sample == 1)).all())
    whole = time is not None or any(is_squeezed(m) for m in module.modules())
    signal = Signal(shape, (SignalTerm(INPUT, (), 0 if whole else None),), binary=binary)
    return Traced.of(session, signal, tuple(sample.shape[:count]), time, whole)


def _given_axis(sample: torch.Tensor, steps: int, time: int | None) -> int | None:
    """Return the dimension of the sample that holds `steps` steps; None if none does, and
    forward shows the same for so many steps."""
    fits = [i for i in (0, 1) if sample.dim() > i and sample.shape[i] == steps]
    if time is not None:
        return time
    return fits[0] if fits else None


def _check_turns(session: Session, sample: torch.Tensor, steps: int | None) -> None:
    """Raise InputError unless there were as many steps as were given."""
    if steps is None or session.turns == steps:
        return
    raise InputError(
        f"{session.title}: steps {steps} was given, but the sample input "
        f"{list(sample.shape)} has no time dimension of that size in front, and forward "
        f"runs {session.turns} steps; give [T, B, *shape] or [B, T, *shape]"
    )


def time_axis(module: torch.nn.Module) -> int | None:
    """Return the time dimension that the neurons themselves take, None if they take one
    step."""
    for m in module.modules():
        package, name = _kind(m)
        if package == "spikingjelly" and getattr(m, "step_mode", "s") == "m":
            return 0
        if package == "norse" and name in ("LIF", "IAF", "LI", "LIFRecurrent", "Lift"):
            return 0
        if package == "sinabs" and _is_stateful(m) and not name.endswith("Squeeze"):
            return 1
    return None


def is_squeezed(m: torch.nn.Module) -> bool:
    """Whether it takes batch and time in one dimension."""
    package, name = _kind(m)
    return package == "sinabs" and name.endswith("Squeeze")


def _is_stateful(m: torch.nn.Module) -> bool:
    return any(base.__name__ == "StatefulLayer" for base in type(m).__mro__)


def _kind(m: torch.nn.Module) -> tuple[str, str]:
    return type(m).__module__.split(".")[0], type(m).__name__


# --- modules --------------------------------------------------------------------------


@contextmanager
def unchanged(module: torch.nn.Module) -> Iterator[None]:
    """Put the buffers of `module` back at the end: quantizers in training watch weights."""
    before = [
        (m, name, buffer, buffer.clone())
        for m in module.modules()
        for name, buffer in m._buffers.items()
        if buffer is not None
    ]
    try:
        yield
    finally:
        for m, name, buffer, content in before:
            m._buffers[name] = buffer
            if not torch.equal(buffer, content):
                buffer.set_(content)  # type: ignore[call-overload]


@contextmanager
def standing_in(
    session: Session, module: torch.nn.Module, find: Find | None = None
) -> Iterator[None]:
    """Let every known layer in `module` do its handler's work instead of its forward.

    find: what stands in for a module; `handler_of` unless it is given.
    """
    replaced: list[tuple[torch.nn.Module, Any]] = []
    try:
        for m in module.modules():
            handler = (find or _handler)(m)
            if handler is not None:
                replaced.append((m, m.__dict__.get("forward")))
                m.forward = _forward(session, m, handler)
        yield
    finally:
        for m, before in replaced:
            del m.__dict__["forward"]
            if before is not None:
                m.forward = before


def _handler(m: torch.nn.Module) -> Handler | None:
    """Return what stands in for a module; None if its own forward shows what it does.

    A module of a framework without parts, but also without a rule, has no equivalent; so
    has a neuron of SpikingJelly, whose one part is its surrogate.
    """
    found, package = handler_of(m), _kind(m)[0]
    if found is not None:
        return found
    if is_changed_neuron(m) or type(m).__module__.startswith("torch.ao.nn.quantized"):
        return _unknown
    if "forward" in m.__dict__:
        return None
    is_neuron = package == "spikingjelly" and ".neuron" in type(m).__module__
    if package not in HANDLERS or (any(True for _ in m.children()) and not is_neuron):
        return None
    return _unknown


def _unknown(session: Session, module: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
    def forward(*values: Any, **named: Any) -> Any:
        return type(module).forward(module, *values, **named)

    what = f"{session.name_of(module)!r} ({title_of(module)})"
    try:
        return unsupported(session, what, forward, args, kwargs)
    except Exception:
        return nothing_known(session, what, args, kwargs)


def _forward(
    session: Session, module: torch.nn.Module, handler: Handler
) -> Callable[..., Any]:
    def forward(*args: Any, **kwargs: Any) -> Any:
        if not traced_in((args, kwargs)):
            return type(module).forward(module, *args, **kwargs)
        ended = any(t.ended for t in traced_in((args, kwargs)))
        made = None if ended else handler(session, module, *args, **kwargs)
        if made is None:
            return _unknown(session, module, *args, **kwargs)
        return made

    return forward
