"""Small networks written out by hand, for golden files and for single facts."""

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from snn_deploy.ir import quant
from snn_deploy.ir.maps import Connection, Conv, Dense, Sparse
from snn_deploy.neurons.multi_level import OFF


def population(
    name: str, shape: tuple[int, ...], lag: int, model: str = "lif", **values: object
) -> quant.QuantPopulation:
    """Return a population; values are registers, broadcast to [n], or fields."""
    n = int(np.prod(shape))
    registers = {"du": 4095, "dv": 256, "bias_mant": 0, "bias_exp": 0, "vth": 100}
    extra = {"soft_lif": {"amount": 100 << 6}, "refractory_lif": {"hold": 2}}
    registers |= extra.get(model, {})
    if model == "multi_level":
        del registers["vth"]
        registers |= {"theta": 600, "shift": 2, "low": -3, "high": 5, "floor": -4}
        registers |= {"ceiling": 9, "member": 0, "plane": 0}
    registers |= {k: v for k, v in values.items() if k in (*registers, "hold", "amount")}  # type: ignore[misc]
    params = {k: np.array(np.broadcast_to(v, n), np.int64) for k, v in registers.items()}
    one = np.ones(n)
    made = quant.QuantPopulation(
        name, shape, model, params, np.zeros(n, np.int64), one, 0 * one, lag
    )
    return replace(made, **{k: v for k, v in values.items() if k not in registers})  # type: ignore[arg-type]


def projection(
    pre: str, post: str, connection: Connection, **values: object
) -> quant.QuantProjection:
    """Return a projection of 8 mixed bits, exponent 0 and no delay, unless said."""
    made = quant.QuantProjection(pre, post, connection, quant.SignMode.MIXED, 8, 0, 0, 0)
    return replace(made, **values)  # type: ignore[arg-type]


def network(
    inputs: tuple[quant.QuantInput, ...],
    populations: tuple[quant.QuantPopulation, ...],
    projections: tuple[quant.QuantProjection, ...],
    outputs: tuple[str, ...],
    drives: tuple[quant.Drive, ...] = (),
) -> quant.QuantNetwork:
    return quant.QuantNetwork(inputs, drives, populations, projections, outputs, "loihi")


def weights(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """Return even weights by a formula, so that golden files do not hang on a generator."""
    i = np.arange(int(np.prod(shape))).reshape(shape)
    return (2 * ((i * 37 + 11) % 91 - 30)).astype(np.int16)


def stimulus(net: quant.QuantNetwork, samples: int = 2, steps: int = 8) -> quant.Stimulus:
    """Return spikes (or payloads 0..5) by a formula."""
    spikes = {}
    for port in net.inputs:
        i = np.arange(samples * steps * port.n).reshape(samples, steps, port.n)
        high = 6 if port.payload_bits else 2
        spikes[port.name] = ((i * 7 + i // 5) % 11 % high).astype(np.int32)
    return quant.Stimulus(samples, steps, spikes, {})


def stock_network() -> quant.QuantNetwork:
    """Return conv -> sum pool -> dense readout: every process is Lava's own."""
    conv = Conv(weights(2, 1, 3, 2), (1, 4, 5), (2, 4, 4), padding=(1, 0))
    pool = Conv(np.full((2, 1, 2, 2), 64, np.int16), (2, 4, 4), (2, 2, 2), (2, 2), groups=2)
    readout = population("out", (3,), 3, vth=131071, bias_mant=5, spiking=False)
    return network(
        (quant.QuantInput("image", (1, 4, 5), 8, 1.0),),
        (
            population(
                "conv", (2, 4, 4), 1, vth=120, bias_mant=[3] * 16 + [-2] * 16, bias_exp=4
            ),
            population("pool", (2, 2, 2), 2, vth=160, dv=4000),
            readout,
        ),
        (
            projection("image", "conv", conv, payload_bits=8),
            projection(
                "conv", "pool", pool, weight_exp=1, sign_mode=quant.SignMode.EXCITATORY
            ),
            projection("pool", "out", Dense(weights(3, 8)), weight_exp=-2),
        ),
        ("out",),
    )


def held_network() -> quant.QuantNetwork:
    """Return two inputs, a recurrent soft LIF with a skip branch, and a refractory one."""
    ring = sp.csr_array(np.roll(np.diag([40, -30, 20, 10]), 1, axis=1).astype(np.int16))
    return network(
        (quant.QuantInput("a", (5,), 0, 1.0), quant.QuantInput("b", (3,), 16, 1.0)),
        (
            population("soft", (4,), 1, "soft_lif", du=1000, vth=60),
            population(
                "wait", (3,), 2, "refractory_lif", vth=40, v0=np.array([0, 900, -900])
            ),
        ),
        (
            projection("a", "soft", Dense(weights(4, 5))),
            projection("soft", "soft", Sparse(ring), delay=3, weight_exp=1),
            projection("soft", "wait", Dense(weights(3, 4)), delay=2),
            projection("b", "wait", Dense(weights(3, 3)), payload_bits=16, weight_exp=-1),
        ),
        ("soft", "wait"),
    )


def levels_network() -> quant.QuantNetwork:
    """Return signed levels over weights of mixed signs through Conv, Dense and Sparse, the
    last two also with a delay."""
    image = (1, 4, 4)
    kernel = Conv(weights(1, 1, 3, 3), image, image, padding=(1, 1))
    sparse = sp.csr_array(weights(3, 16) * (np.arange(48).reshape(3, 16) % 3 == 0))
    signed = {"payload_bits": 4}
    free: dict[str, Any] = {"floor": -OFF, "ceiling": OFF}  # no tracer
    start = np.array([0, 300, -300])
    return network(
        (quant.QuantInput("image", image, 8, 1.0),),
        (
            population("first", image, 1, "multi_level", payload_bits=4, theta=300),
            population("second", image, 2, "multi_level", payload_bits=4, **free),
            population("dense", (3,), 3, "multi_level", payload_bits=4, **free, dv=9),
            population("sparse", (3,), 3, "multi_level", payload_bits=4, **free, v0=start),
            population("out", (2,), 5, vth=131071, spiking=False),
        ),
        (
            projection("image", "first", kernel, payload_bits=8),
            projection("first", "second", kernel, **signed),
            projection("second", "dense", Dense(weights(3, 16)), **signed, weight_exp=-1),
            projection("second", "sparse", Sparse(sparse), **signed),
            projection("dense", "out", Dense(weights(2, 3)), **signed),
            projection("sparse", "out", Sparse(sp.csr_array(weights(2, 3))), **signed),
            projection("second", "out", Sparse(sp.csr_array(weights(2, 16))), **signed),
        ),
        ("out", "dense"),
    )
