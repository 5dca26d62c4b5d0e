"""Network: what a model file means, in discrete time and float numbers.

`read_nir` makes one, `normalize` and `retime` return one, `quantize` reads it and the
reference simulator runs it at any of these points.

Time. One model step is `step_s` seconds. A projection with delay 0 carries the output of
model step t into its target's update of the same step t (as the training frameworks do in
feed-forward layers); with delay d it arrives at t + d. There is never a cycle of delay 0.
After `retime`, `Population.lag` and `Input.lag` say by how many chip steps a population
runs behind the model step; `chip_delay` of a projection is then at least 1. Lags change
when things happen, not what happens: everything below is stated in model time.
"""

from dataclasses import dataclass, field

from snn_deploy.ir.lagged import Lagged
from snn_deploy.ir.maps import Map
from snn_deploy.names import DecoderName
from snn_deploy.neurons import Neuron


@dataclass(frozen=True)
class Assumption:
    """A value the file does not state: what was assumed, and on which evidence.

    Attributes:
        name: What it is of: "dt", "reset", "threshold", "profile", "recurrent edge", ...
        value: What was assumed, for the report.
        evidence: Why: a convention, an option, or what was found in the file.
    """

    name: str
    value: str
    evidence: str


@dataclass(frozen=True)
class Input:
    """A port into which one value per neuron and model step is fed.

    Attributes:
        name: No other input or population has it.
        shape: Of one step of one sample.
        lag: In chip steps, see `Population`; 0 also after `retime`.
    """

    name: str
    shape: tuple[int, ...]
    lag: int = 0


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of one model.

    Attributes:
        name: No other input or population has it.
        shape: Of the population; n = prod(shape), flattened in C order.
        neuron: The model, all parameters [n] or broadcast from scalars by the neuron class.
        lag: Chip steps by which it runs behind the model step, 0 or more (0 before
            `retime`). It is held (no update, no output) until chip step = lag, and again
            from lag + steps on.
    """

    name: str
    shape: tuple[int, ...]
    neuron: Neuron
    lag: int = 0


@dataclass(frozen=True, eq=False)
class Projection:
    """All synapses from one input or population to one population, of one delay.

    Attributes:
        pre: Name of the input or population whose spikes it carries.
        post: Name of the population that it ends in.
        map: From the output of `pre`, [n_pre], to the summed input of `post`, [n_post]; one
            Dense, Sparse or Conv after `normalize`.
        delay: Model steps, 0 or more; 0 arrives in the step in which it is sent.
    """

    pre: str
    post: str
    map: Map
    delay: int = 0


@dataclass(frozen=True, eq=False)
class Network(Lagged[Population, Projection]):
    """Inputs, populations, and the projections between them.

    Attributes:
        inputs: Ports, in the order of the file.
        populations: In the order of the file, which breaks ties of the order of evaluation.
        projections: In the order of the file.
        outputs: Names of the populations that are read out.
        step_s: Seconds per model step; None if nothing fixes it (and nothing depends on
            it).
        source: Where it came from, for the report.
        assumptions: What was assumed on the way, for the report.
        decoder: How the model itself makes its answer of the output; None if it leaves that
            open, as files do.
    """

    inputs: tuple[Input, ...]
    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    outputs: tuple[str, ...]
    step_s: float | None = None
    source: str = ""
    assumptions: tuple[Assumption, ...] = field(default=())
    decoder: DecoderName | None = None
