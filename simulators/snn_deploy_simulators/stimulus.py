"""Encode float inputs as what an integer network is fed: payloads and biases per sample."""

from collections.abc import Mapping

import numpy as np

from snn_deploy.arrays import AnyArray, IntArray, is_static
from snn_deploy.errors import InputError
from snn_deploy.ir.linear import apply
from snn_deploy.ir.quant import Drive, QuantInput, QuantNetwork, Stimulus


def encode(net: QuantNetwork, x: Mapping[str, AnyArray]) -> Stimulus:
    """Return the stimulus for x: per input [N, T, *shape] (any view, e.g. one frame
    repeated).

    Raises:
        InputError: A value does not fit the payload of its input, or changes over time
            where the target takes a bias per sample.
    """
    samples, steps = next(iter(x.values())).shape[:2]
    driven = {d.input for d in net.drives}
    spikes = {p.name: _payloads(p, x[p.name]) for p in net.inputs if p.name not in driven}
    bias: dict[str, IntArray] = {}
    for drive in net.drives:
        value = _bias(drive, x[drive.input])
        bias[drive.post] = bias[drive.post] + value if drive.post in bias else value
    return Stimulus(samples, steps, spikes, bias)


def _payloads(port: QuantInput, x: AnyArray) -> AnyArray:
    frames = x[:, :1] if x.strides[1] == 0 else x
    if port.payload_bits == 0:
        values = (np.asarray(frames) != 0).astype(np.int8)
    else:
        scaled = np.rint(np.asarray(frames, np.float64) * port.scale)
        _check_width(port, scaled)
        values = scaled.astype(np.int32)
    flat = values.reshape(*values.shape[:2], -1)
    return np.broadcast_to(flat, (len(flat), x.shape[1], flat.shape[2]))


def _check_width(port: QuantInput, scaled: AnyArray) -> None:
    """Unsigned payloads may use all bits, signed ones all but the sign."""
    low, high = float(scaled.min(initial=0)), float(scaled.max(initial=0))
    limit = (1 << port.payload_bits) - 1 if low >= 0 else (1 << (port.payload_bits - 1)) - 1
    if max(high, -low) > limit:
        raise InputError(
            f"input {port.name!r}: a value needs payload {max(high, -low):.0f} at scale "
            f"{port.scale:g}, but {port.payload_bits} bits hold {limit}; calibrate with "
            "data that covers this range"
        )


def _bias(drive: Drive, x: AnyArray) -> IntArray:
    """Return the bias per sample [N, n], rounded to its mantissa and shifted by its
    exponent."""
    if not is_static(x):
        raise InputError(
            f"input {drive.input!r}: its values change from step to step, but this target "
            "has binary spikes only and takes an analog input as one bias per sample; "
            "encode it as spikes, or use a target with graded spikes (loihi2)"
        )
    current = apply(drive.map, np.asarray(x[:, 0], np.float64).reshape(len(x), -1))
    scaled = (current + drive.offset) * drive.scale / 2.0**drive.bias_exp
    mantissa = np.clip(np.rint(scaled), -4096, 4095).astype(np.int64)
    return mantissa << drive.bias_exp
