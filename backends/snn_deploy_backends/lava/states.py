"""Every state of every step, from the spikes of the integer simulator and the plain neuron
step.

The integer simulator gives spikes only. Knowing all of them, each population's input is
known, and its own step gives u and v for all samples at once; its spikes must come out as
they went in.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.ir.linear import apply, shift
from snn_deploy.ir.quant import QuantNetwork, QuantPopulation, QuantProjection, Stimulus
from snn_deploy.neurons import MODELS
from snn_deploy_simulators import integer


def states(
    net: QuantNetwork, stimulus: Stimulus, samples: int
) -> dict[str, dict[str, IntArray]]:
    """Return u, v, any further states and spikes s of each population, of the first
    samples: [samples, T, n]."""
    part = stimulus.first(samples)
    spiking = tuple(
        replace(p, spiking=True) for p in net.populations
    )  # spikes of readouts, too
    recording = integer.run(replace(net, populations=spiking), part)
    sent = {p.name: _flat(recording.outputs[p.name]) for p in net.populations}
    sent |= {name: np.asarray(x, np.int64) for name, x in part.spikes.items()}
    return {pop.name: _replay(net, pop, part, sent) for pop in net.populations}


def _replay(
    net: QuantNetwork,
    pop: QuantPopulation,
    stimulus: Stimulus,
    sent: Mapping[str, IntArray],
) -> dict[str, IntArray]:
    model, shape = MODELS[pop.model], (stimulus.samples, stimulus.steps, pop.n)
    total = sum(
        (_arriving(p, sent[p.pre]) for p in net.into(pop.name) if p.pre in sent),
        np.zeros(shape, np.int64),
    )
    values = pop.step_arguments()
    values["bias"] = values["bias"] + stimulus.bias.get(pop.name, 0)
    state = {name: np.zeros((stimulus.samples, pop.n), np.int64) for name in model.states}
    state["v"] = state["v"] + pop.v0
    out = {name: np.zeros(shape, np.int64) for name in (*model.states, "s")}
    for t in range(stimulus.steps):
        result = model.step(
            *state.values(), total[:, t], *(values[n] for n in model.params)
        )
        state = dict(zip(model.states, result[:-1], strict=True))
        for name, values_now in zip(out, result, strict=True):
            out[name][:, t] = values_now
    if not np.array_equal(out["s"], sent[pop.name]):
        raise RuntimeError(
            f"population {pop.name!r}: the integer simulator disagrees with itself"
        )
    return out


def _arriving(p: QuantProjection, spikes: IntArray) -> IntArray:
    """Return what arrives over one projection, in model time [N, T, n_post]."""
    samples, steps, _ = spikes.shape
    payload = spikes if p.payload_bits else (spikes != 0).astype(np.int64)
    sums = apply(p.map, payload.reshape(samples * steps, -1))
    shifted = shift(np.asarray(sums, np.int64), p.weight_exp).reshape(samples, steps, -1)
    late = min(p.delay, steps)
    return np.concatenate(
        [np.zeros_like(shifted[:, :late]), shifted[:, : steps - late]], axis=1
    )


def _flat(values: AnyArray) -> IntArray:
    return values.reshape(*values.shape[:2], -1).astype(np.int64)
