"""Coding: the values of one input, as they stand in a file -> what is fed per step."""

from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError, option
from snn_deploy.files.limits import check_memory
from snn_deploy.inputs import encoders
from snn_deploy.inputs.axes import axes_hint
from snn_deploy.ir.network import Assumption, Input
from snn_deploy.options.inputs import InputOptions


@dataclass(frozen=True, eq=False)
class Coded:
    """What is fed into one input; N samples, T model steps.

    Attributes:
        values: [N, T, *shape], or [N, *shape] if `steps` is None.
        steps: T; None if the values are shown for as long as is asked for.
        note: What the encoder did, None if there was nothing to decide.
    """

    values: AnyArray
    steps: int | None
    note: Assumption | None


def code(
    values: AnyArray,
    port: Input,
    number: int,
    options: InputOptions,
    source: str,
) -> Coded:
    """Encode `values` [N, *shape] or [N, T, *shape] for `port` as `options` says.

    number: of the port among the inputs; each has random numbers of its own.

    Raises:
        InputError: The values have a shape or range that the port or encoder cannot take.
    """
    if options.encode == "delta":
        return _changes(values, port, options, source)
    length = length_of(values, port, source)
    values = encoders.scaled(values, options.gain)
    if options.encode in (None, "direct"):
        return Coded(values, length, _direct_note(values, port, length, options))
    encoders.check_share(values, options, source)
    shown = length or _needed(options, source)
    if options.encode == "latency":
        if length is not None:
            raise InputError(
                f"{source}: the values for input {port.name!r} change over {length} steps, "
                f"but {option('encode', 'latency')} takes one per sample, [N, "
                f"{_axes(port.shape)}]"
            )
        check_memory(source, shown * values.size, "encoded")
        what = f"one spike per value x at step round((1 - x) x {shown - 1}), none for 0"
        spikes = encoders.latency(values, shown)
        return Coded(spikes, shown, _note(port, options, what))
    frames = values if length else np.broadcast_to(
        values[:, None], (len(values), shown, *values.shape[1:])
    )  # fmt: skip
    check_memory(source, frames.size, "encoded")
    spikes = encoders.rate(frames, shown, (options.encoder_seed, number))
    what = f"in each step a spike with probability x, seed {options.encoder_seed}"
    return Coded(spikes, shown, _note(port, options, what))


def length_of(values: AnyArray, port: Input, source: str) -> int | None:
    """Return T of [N, T, *shape], None for [N, *shape].

    Raises:
        InputError: The values have any other shape, or there are none.
    """
    n = len(port.shape)
    timed = values.ndim == n + 2 and values.shape[2:] == port.shape
    static = values.ndim == n + 1 and values.shape[1:] == port.shape
    if not (timed or static):
        axes = _axes(port.shape)
        raise InputError(
            f"{source}: the values for input {port.name!r} are {list(values.shape)}, but "
            f"it takes [N, T, {axes}] (a value per step) or [N, {axes}] (one for all steps)"
            f"{axes_hint(values.shape, port.shape)}"
        )
    _check_some(values, port, source)
    return int(values.shape[1]) if timed else None


def _changes(values: AnyArray, port: Input, options: InputOptions, source: str) -> Coded:
    place = values.shape[2:]
    if place == port.shape:
        form = "signed -1 and +1"
    elif place in _places(port.shape):
        form = "ON and OFF channels"
    else:
        takes = " or ".join(
            f"[N, T, {_axes(s)}]" for s in (port.shape, *sorted(_places(port.shape)))
        )
        raise InputError(
            f"{source}: the values for input {port.name!r} are {list(values.shape)}, but "
            f"{option('encode', 'delta')} takes changes over time, {takes}"
        )
    _check_some(values, port, source)
    check_memory(source, 8 * values.size, "differences")
    signed = encoders.delta(encoders.scaled(values, options.gain), options.delta_threshold)
    spikes = signed if place == port.shape else encoders.as_channels(signed, port.shape)
    what = f"a change by {options.delta_threshold:g} or more since the last step, as {form}"
    return Coded(spikes, values.shape[1], _note(port, options, what))


def _places(shape: tuple[int, ...]) -> set[tuple[int, ...]]:
    """Return the shapes of values whose changes fill `shape` with OFF and ON channels."""
    if len(shape) == 1:
        return {(shape[0] // 2,)} if shape[0] % 2 == 0 else set()
    return {shape[1:]} if shape[0] == 2 else set()


def _check_some(values: AnyArray, port: Input, source: str) -> None:
    if 0 in values.shape:
        raise InputError(
            f"{source}: the values for input {port.name!r} are {list(values.shape)}: "
            f"nothing to run; give at least one sample of one step"
        )


def _needed(options: InputOptions, source: str) -> int:
    if options.steps is None:
        raise InputError(
            f"{source}: holds one value per sample and no time axis; say with "
            f"{option('steps', 'T')} over how many steps "
            f"{option('encode', options.encode)} spreads it"
        )
    return options.steps


def _direct_note(
    values: AnyArray, port: Input, length: int | None, options: InputOptions
) -> Assumption | None:
    if length is None:
        low, high = float(values.min()), float(values.max())
        same = f"{low:g} to {high:g}, the same in every step"
        if options.encode is None:
            what = f"no --encode was given for values from {same}"
            return Assumption(f"encoder of input {port.name!r}", "direct", what)
        return _note(port, options, f"values from {same}")
    if options.encode is None and options.gain == 1.0:
        return None
    return _note(port, options, "values as they are, step by step")


def _note(port: Input, options: InputOptions, what: str) -> Assumption:
    by = "--encode" if options.encode else "--gain"
    gain = "" if options.gain == 1.0 else f", after gain {options.gain:g}"
    name = f"encoder of input {port.name!r}"
    return Assumption(name, options.encode or "direct", f"{by}: {what}{gain}")


def _axes(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))
