"""Decide what each part of an integer network becomes in Lava, or that it cannot.

`violations` lists everything Lava (or the registers it stands for) cannot express; `plan`
takes a network without any and returns processes in Lava's own terms: flattened in Lava's
order, with generated keys in place of names. Names from the model never leave this module
but as data.

Stock or own. Lava's LIFReset resets at a fixed step of each frame and is never held.
Before its reset it may fire anything; that is harmless exactly if its spikes arrive before
the target's own reset (or window), that is if no outgoing projection has a model delay.
Such populations are stock; all others, and every neuron Lava lacks, become an own process
that is held outside its window.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import networkx as nx
import numpy as np

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.ir.maps import Conv, Dense
from snn_deploy.ir.quant import (
    QuantInput,
    QuantNetwork,
    QuantPopulation,
    QuantProjection,
    SignMode,
)
from snn_deploy.neurons import MODELS
from snn_deploy_backends.lava.layout import (
    conv_kernel,
    image_shapes,
    lava_matrix,
    lava_order,
)

MAX_LAVA_DELAY = 63  # proc/dense/models.py, DelayDense: 6 bits; a chip delay of 64 steps
FULL_DECAY = 4096  # of dv: on a chip its register has 12 bits and ends at 4095
STOCK_REGISTERS = ("du", "dv", "vth")  # one value per LIF process
REGISTERS = {  # inclusive ranges; proc/lif/models.py, PyLifModelBitAcc
    "du": (0, 4095),
    "dv": (0, 4096),  # Lava takes 4096, a full decay; see FULL_DECAY
    "bias_mant": (-4096, 4095),
    "bias_exp": (0, 7),
    "vth": (0, 131071),
    "amount": (0, (1 << 23) - 1),
    "hold": (0, (1 << 23) - 1),
    "theta": (1, (1 << 23) - 1),  # of multi_level: neurons/multi_level.py
    "shift": (0, 6),
    "vmin": (1 - (1 << 23), 0),  # of floored_level
}
SPARSE_COST = 3  # a stored synapse of Sparse takes weight, column and its share of rows


@dataclass(frozen=True, eq=False)
class SourceProcess:
    """An input as a Lava source; what every process has.

    Attributes:
        key: Its name in the program, "in_0" or "pop_0" and so on.
        name: Of the input or population in the model.
        order: Which of our neurons stands at each Lava position, [n].
    """

    key: str
    name: str
    order: IntArray


@dataclass(frozen=True, eq=False)
class NeuronProcess(SourceProcess):
    """One population as one process.

    Attributes:
        process: "LIFReset", or the class name of an own process.
        model: Key of `snn_deploy.neurons.MODELS`.
        lag: Chip steps by which it runs behind the model step.
        arrays: Parameters by Lava's name, int32, [n] in Lava's order; 0-d where all
            neurons have the same.
        sample_bias: Whether it gets a bias per sample.
        recorded: What an output of the program gives, "s" for spikes or "v" for a
            readout's membrane.
        why: What makes it stock or not, for people.
    """

    process: str
    model: str
    lag: int
    arrays: Mapping[str, AnyArray]
    sample_bias: bool
    recorded: str
    why: str

    @property
    def stock(self) -> bool:
        return self.process == "LIFReset"


@dataclass(frozen=True, eq=False)
class Synapses:
    """One accumulator group as one connection process.

    Attributes:
        key: Its name in the program, "syn_0" and so on.
        pre: Key of the process it starts from.
        post: Key of the process it ends in.
        process: "Dense", "Sparse", "Conv", "DelayDense" or "DelaySparse".
        arrays: "weights" [n_post, n_pre], or the parts of that as a CSR matrix,
            "weights_data", "weights_indices" and "weights_indptr"; of a Conv "weight",
            its kernel.
        shape: n_post and n_pre.
        sign_mode: Which signs its weights have.
        weight_bits: Of a weight, 1..8, Lava's num_weight_bits.
        weight_exp: The summed input is shifted by it, left if positive; 0 of a Conv,
            whose kernel has it folded in.
        payload_bits: Of the spikes it gets, 0 if any payload counts as one.
        delay: Lava's, chip steps beyond the one of every hop, 0..63.
        conv: Of a Conv, its geometry with Lava's kernel [C_out, K_x, K_y, C_in / groups];
            None of others.
    """

    key: str
    pre: str
    post: str
    process: str
    arrays: Mapping[str, AnyArray]
    shape: tuple[int, int]
    sign_mode: SignMode
    weight_bits: int
    weight_exp: int
    payload_bits: int
    delay: int
    conv: Conv | None


@dataclass(frozen=True, eq=False)
class Plan:
    """The whole program.

    Attributes:
        sources: The inputs that any synapse listens to.
        neurons: All populations, in the order of the network.
        synapses: All projections that have a weight other than 0, in the same order.
        heads: Key of one process of each connected part, in order.
        outputs: Keys of the populations that are read out.
        guard: Silent chip steps of a frame after the last model step, until nothing is on
            its way any more.
    """

    sources: tuple[SourceProcess, ...]
    neurons: tuple[NeuronProcess, ...]
    synapses: tuple[Synapses, ...]
    heads: tuple[str, ...]
    outputs: tuple[str, ...]
    guard: int

    @property
    def nodes(self) -> tuple["SourceProcess | NeuronProcess", ...]:
        return (*self.sources, *self.neurons)


def violations(net: QuantNetwork) -> tuple[str, ...]:
    """Return one sentence for each thing Lava cannot express; empty if all is well."""
    if net.arithmetic != "loihi":
        return (
            f"network: its integers are of arithmetic {net.arithmetic!r}, but Lava "
            "computes as Loihi does; use a Loihi target",
        )
    found = [*_port_violations(net)]
    for pop in net.populations:
        found += _population_violations(pop)
    for projection in net.projections:
        found += _projection_violations(net, projection)
    return tuple(found)


def plan(net: QuantNetwork, driven: frozenset[str]) -> Plan:
    """Return the Lava program for `net`; `driven` populations get a bias per sample."""
    images = image_shapes(net)
    ends: list[QuantInput | QuantPopulation] = [*net.inputs, *net.populations]
    order = {end.name: lava_order(end.n, images.get(end.name)) for end in ends}
    kept = {f"syn_{i}": p for i, p in enumerate(net.projections) if p.map.stored.any()}
    used = {p.pre for p in kept.values()}
    sources = tuple(
        SourceProcess(f"in_{i}", port.name, order[port.name])
        for i, port in enumerate(net.inputs)
        if port.name in used
    )
    neurons = tuple(
        _neurons(net, pop, f"pop_{i}", order[pop.name], pop.name in driven)
        for i, pop in enumerate(net.populations)
    )
    keys = {source.name: source.key for source in sources}
    keys |= {population.name: population.key for population in neurons}
    synapses = tuple(_synapses(net, p, key, keys, order, images) for key, p in kept.items())
    return Plan(
        sources=sources,
        neurons=neurons,
        synapses=synapses,
        heads=_heads(keys.values(), synapses),
        outputs=tuple(keys[name] for name in net.outputs),
        guard=net.guard,
    )


def _port_violations(net: QuantNetwork) -> Iterator[str]:
    for port in net.inputs:
        if port.lag != 0:
            yield (
                f"input {port.name!r}: is fed at lag {port.lag}, but a Lava source "
                "starts at step 0; retime the network with inputs at lag 0"
            )


def _population_violations(pop: QuantPopulation) -> Iterator[str]:
    if pop.model not in MODELS:
        yield (
            f"population {pop.name!r}: no process for the neuron model {pop.model!r}; "
            f"known are {', '.join(sorted(MODELS))}"
        )
    for name, values in pop.params.items():
        low, high = REGISTERS.get(name, (None, None))
        if low is not None and high is not None and values.size:
            least, most = int(values.min()), int(values.max())
            if least < low or most > high:
                worst = least if least < low else most
                yield (
                    f"population {pop.name!r}: {name} {worst} is outside {low}..{high}, "
                    "which Lava would not notice; scale the population down"
                )


def _projection_violations(net: QuantNetwork, p: QuantProjection) -> Iterator[str]:
    where, delay = f"projection {p.pre!r} -> {p.post!r}", net.chip_delay(p)
    if delay < 1:
        yield f"{where}: takes {delay} chip steps, but a hop takes one; retime the network"
    if delay - 1 > MAX_LAVA_DELAY:
        yield (
            f"{where}: takes {delay} chip steps, but Lava's delays end at "
            f"{MAX_LAVA_DELAY + 1}; put a relay population in between"
        )
    weights = p.map.stored
    changed = int(np.count_nonzero(on_grid(weights, p.sign_mode, p.weight_bits) != weights))
    if changed:
        yield (
            f"{where}: Lava would change {changed} of {weights.size} weights, because "
            f"they are not multiples of the step of {p.weight_bits} bits "
            f"{p.sign_mode.name.lower()} ({weight_step(p.sign_mode, p.weight_bits)}) or "
            "out of range; quantize them to it"
        )


def weight_step(sign_mode: SignMode, bits: int) -> int:
    """Return the distance of representable weights (utils/weightutils.py,
    truncate_weights).
    """
    return int(1 << (8 - bits + (sign_mode is SignMode.MIXED)))


def on_grid(weights: AnyArray, sign_mode: SignMode, bits: int) -> AnyArray:
    """Return the weights as Lava's Dense would use them: clipped, then cut to `bits`."""
    w = (
        -weights.astype(np.int32)
        if sign_mode is SignMode.INHIBITORY
        else weights.astype(np.int32)
    )
    w = np.clip(w, -256 if sign_mode is SignMode.MIXED else 0, 255)
    w = w // weight_step(sign_mode, bits) * weight_step(sign_mode, bits)
    return -w if sign_mode is SignMode.INHIBITORY else w


def _neurons(
    net: QuantNetwork, pop: QuantPopulation, key: str, order: IntArray, driven: bool
) -> NeuronProcess:
    own = _why_own(net, pop, driven)
    arrays = {name: _shortest(pop.params[name][order]) for name in sorted(pop.params)}
    if pop.v0.any():
        arrays["v0"] = _shortest(pop.v0[order])
    return NeuronProcess(
        key=key,
        name=pop.name,
        order=order,
        process=own_process(pop.model) if own else "LIFReset",
        model=pop.model,
        lag=pop.lag,
        arrays=arrays,
        sample_bias=driven,
        recorded="s" if pop.spiking else "v",
        why=own or _stock_note(pop),
    )


def own_process(model: str) -> str:
    """Return the class name of our own process for a model: "soft_lif" -> "HeldSoftLif"."""
    return "Held" + "".join(word.capitalize() for word in model.split("_"))


def _why_own(net: QuantNetwork, pop: QuantPopulation, driven: bool) -> str:
    """Return why `pop` cannot be Lava's LIFReset; empty if it can."""
    late = [p for p in net.projections if p.pre == pop.name and p.delay > 0]
    if MODELS[pop.model].lava is None:
        return f"Lava has no fixed-point {pop.model}"
    several = [r for r in STOCK_REGISTERS if np.unique(pop.params[r]).size > 1]
    if several:
        return (
            f"more than one {', '.join(several)}: a stock LIF takes one for all its neurons"
        )
    if pop.v0.any():
        return "starts from a membrane that is not 0"
    if driven:
        return "gets a bias per sample"
    if late:
        longest = max(p.delay for p in late)
        return (
            f"sends with a delay of {longest}: unheld, it would leak into the next sample"
        )
    return ""


def _stock_note(pop: QuantPopulation) -> str:
    """Return what there is to say about a stock population."""
    if bool((pop.params["dv"] == FULL_DECAY).any()):
        return (
            "Lava's LIFReset on a CPU; on a chip dv 4096 does not fit its 12 bits, use 4095"
        )
    return "Lava's LIFReset"


def _shortest(values: IntArray) -> AnyArray:
    """Return `values` as a 0-d array if they are all equal."""
    array = values.astype(np.int32)
    return array[0] if array.size and bool((array == array[0]).all()) else array


def _synapses(
    net: QuantNetwork,
    p: QuantProjection,
    key: str,
    keys: Mapping[str, str],
    order: Mapping[str, IntArray],
    images: Mapping[str, tuple[int, int, int]],
) -> Synapses:
    conv = conv_kernel(net, p, images)
    delay = net.chip_delay(p) - 1
    if conv is not None:
        process, arrays = "Conv", {"weight": conv.weight}
    else:
        process, arrays = _matrix(p, order)
        process = "Delay" + process if delay else process
    return Synapses(
        key=key,
        pre=keys[p.pre],
        post=keys[p.post],
        process=process,
        arrays=arrays,
        shape=(p.map.n_post, p.map.n_pre),
        sign_mode=p.sign_mode,
        weight_bits=p.weight_bits,
        weight_exp=p.weight_exp if conv is None else 0,
        payload_bits=p.payload_bits,
        delay=delay,
        conv=conv,
    )


def _matrix(
    p: QuantProjection, order: Mapping[str, IntArray]
) -> tuple[str, dict[str, AnyArray]]:
    """Return "Dense" or "Sparse" and its arrays; a Conv becomes whichever is smaller."""
    matrix = lava_matrix(p.map, order[p.pre], order[p.post])
    full = SPARSE_COST * matrix.nnz > matrix.shape[0] * matrix.shape[1]
    if isinstance(p.map, Dense) or (isinstance(p.map, Conv) and full):
        return "Dense", {"weights": matrix.toarray().astype(np.int16)}
    return "Sparse", {
        "weights_data": matrix.data.astype(np.int16),
        "weights_indices": matrix.indices.astype(np.int32),
        "weights_indptr": matrix.indptr.astype(np.int32),
    }


def _heads(keys: Iterable[str], synapses: tuple[Synapses, ...]) -> tuple[str, ...]:
    """Return one node of each connected part: Lava runs only what is connected."""
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(keys)
    graph.add_edges_from((s.pre, s.post) for s in synapses)
    rank = {key: i for i, key in enumerate(graph)}
    parts = [min(part, key=rank.__getitem__) for part in nx.connected_components(graph)]
    return tuple(sorted(parts, key=rank.__getitem__))
