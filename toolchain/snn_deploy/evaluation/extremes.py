"""Extremes: the least and the most that can happen on a chip when nobody says what is fed
in.

Silent: no input, and no neuron fires. Firing: every input and every spiking neuron fires in
every step. Both are programs with other thresholds, run by the chip simulator like any
other, so that they are counted and timed by the same code. They bound every input's counts
of spikes, messages and synaptic operations.
"""

from dataclasses import replace

import numpy as np

from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, QuantPopulation, Stimulus
from snn_deploy.neurons.multi_level import OFF

NEVER = (
    1 << 18
)  # times 64 this is 2**24; |v| stays below 2**23 (arithmetic/loihi.py, sat24)
ALWAYS = -NEVER


def extreme(program: Program, steps: int, *, fires: bool) -> tuple[Program, Stimulus]:
    """Return a program whose neurons all fire in every step (or never), and its one
    sample."""
    pops = tuple(_forced(p, fires) for p in program.net.populations)
    forced = replace(program, net=replace(program.net, populations=pops))
    return forced, _stimulus(program.net, steps, int(fires))


def _forced(pop: QuantPopulation, fires: bool) -> QuantPopulation:
    """Return the population, which sends a spike, of payload 1, in every step or never."""
    always = {"vth": ALWAYS if fires else NEVER, "hold": 0}
    levels = {"low": fires, "high": fires, "floor": -OFF, "ceiling": OFF}
    forced = always | levels | {"member": 0, "plane": 0}
    params = {
        name: np.full(pop.n, forced[name], np.int64) if name in forced else value
        for name, value in pop.params.items()
    }
    return replace(pop, params=params)


def _stimulus(net: QuantNetwork, steps: int, value: int) -> Stimulus:
    driven = {d.input for d in net.drives}
    spikes = {
        p.name: np.broadcast_to(np.full((1, 1, p.n), value, np.int8), (1, steps, p.n))
        for p in net.inputs
        if p.name not in driven
    }
    bias = {d.post: np.full((1, net.size(d.post)), value, np.int64) for d in net.drives}
    return Stimulus(1, steps, spikes, bias)
