"""write_nir: a Network, or a QuantNetwork -> a NIR file of standard nodes. The way out.

NIR has no soft reset, says nothing of the order of update and compares with `>` alone. What
has no node of its own is decomposed into standard ones, so that any NIR reader can run the
file and `passes.fuse` finds the neurons again::

    synaptic current     LI -> LIF, evaluated in this order within a step
    reset by subtraction I or LI -> Threshold, and back over Delay (one step) -> Scale
    no reset             I or LI -> Threshold
    bias                 of the layer in front (Affine, Conv), else v_leak
    membrane from v0     measured from v0, so that it starts at 0
    readout from v0      I or LI -> Affine, which adds v0
    several levels       see `level_banks`
    held after a spike   LIF that is made to fire and so is reset -> Threshold
    channels picked      of one branch, or for one: zero weights, see `convolutions`

Time constants are chosen such that forward Euler with the file's time step gives back the
decays, gains and biases: bit for bit where float64 can, else within one unit in the last
place. A comparison with `>=` cannot be stated: a network in which every neuron compares so
is written as it stands and has to be read with threshold "ge" (`Written.flags` says so); a
threshold one float lower would be exact for float64 readers alone, and a network that mixes
both is refused. So is any setting of a neuron that no node states (`stated`).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import networkx as nx
import nir
import numpy as np

from snn_deploy.errors import InputError
from snn_deploy.files.folder import write_file
from snn_deploy.frontends.dequantize import dequantize
from snn_deploy.frontends.nir_writer.constants import Biased, is_constant, split_constants
from snn_deploy.frontends.nir_writer.convolutions import with_kernels
from snn_deploy.frontends.nir_writer.graph_builder import Draft, NodeEnds
from snn_deploy.frontends.nir_writer.level_banks import (
    MOST_LEVELS,
    is_endless,
    limited,
)
from snn_deploy.frontends.nir_writer.lif_nodes import (
    add_population,
    complaints,
    is_passing,
)
from snn_deploy.frontends.nir_writer.projections import add_layers, shape_behind
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.network import Assumption, Network, Projection
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.names import DecoderName, ProfileName, ThresholdName
from snn_deploy.neurons import MultiLevel

DT = 1e-3  # seconds; where nothing fixes the step, so that the file has one. Ours.
PROFILE: ProfileName = "nir"


@dataclass(frozen=True)
class Written:
    """What was written, and how it is meant: what `read_nir` has to be told.

    Attributes:
        path: Of the file.
        dt: Seconds per model step.
        threshold: "gt" if neurons fire above their threshold only, "ge" if also at it.
        assumptions: What the file cannot state, in words.
        profile: As `--profile` takes it.
        decoder: As `--decode` takes it; None if the network leaves it open.
    """

    path: Path
    dt: float
    threshold: ThresholdName
    assumptions: tuple[Assumption, ...]
    profile: ProfileName = PROFILE
    decoder: DecoderName | None = None

    @property
    def flags(self) -> str:
        """The command line options with which the file means what was written."""
        more = " --threshold ge" if self.threshold == "ge" else ""
        more += f" --decode {self.decoder}" if self.decoder else ""
        return f"--profile {self.profile} --dt {self.dt:g}{more}"


def write_nir(
    net: Network | QuantNetwork,
    path: str | Path,
    *,
    dt: float | None = None,
    most: int | None = None,
) -> Written:
    """Write `net` to `path`, whole or not at all, and return how the file is to be read.

    An integer network is written as the real numbers its integers stand for, membranes in
    units of 64: every weight exactly, the rounding of the chip's decays left out.

    Args:
        net: The network.
        path: Of the file, which replaces a file that is there.
        dt: Seconds per model step; the network's own if None, and 1 ms if it has none.
        most: Spikes that one neuron sends in one step at most, 1..256, for neurons that
            know no limit; what they hold beyond is sent in the next steps. None: a network
            with such neurons is refused.

    Raises:
        InputError: NIR cannot express the network, or something else than a file is there.
    """
    whole = dequantize(net) if isinstance(net, QuantNetwork) else net
    source, noted = _limited(whole, most)
    step = _time_step(source, dt)
    found = [why for p in source.populations for why in complaints(p)]
    if found:
        raise InputError("; ".join(found))
    threshold = _comparison(source)
    assumed = (*_assumptions(step, threshold), *noted)
    written = Written(Path(path), step, threshold, assumed, decoder=source.decoder)
    graph = nir_graph(source, step, written.flags)
    _write_whole(graph, written.path)
    return written


def nir_graph(net: Network, dt: float, flags: str = "") -> nir.NIRGraph:
    """Return `net` as a type-checked NIR graph; dt: seconds per model step."""
    biased = split_constants(with_kernels(_reachable(net)))
    shapes = _shapes(biased)
    draft = Draft(dt)
    for port in biased.net.inputs:
        draft.reserve(port.name, nir.Input(np.array(port.shape)))
    ends = {
        p.name: NodeEnds(draft.names[p.name], draft.names[p.name])
        for p in biased.net.inputs
    }
    for pop in biased.net.populations:
        passing = is_passing(biased.net, pop)
        ends[pop.name] = (
            draft.sum_node(pop.name, shapes[pop.name])
            if passing
            else add_population(draft, pop, shapes[pop.name], biased.leaks[pop.name])
        )
    for i, projection in enumerate(biased.net.projections):
        add_layers(draft, projection, biased.biases.get(i), shapes, ends)
    _add_outputs(draft, biased.net, shapes, ends)
    draft.drop_sums()
    metadata = {"written_by": "snn-deploy", "read_with": flags}
    return nir.NIRGraph(draft.nodes, draft.edges, metadata, type_check=True)


def _limited(net: Network, most: int | None) -> tuple[Network, tuple[Assumption, ...]]:
    """Return `net` with a limit to spikes per step where it knows none, and where that
    is."""
    if most is None:
        return net, ()
    if not (isinstance(most, int) and 1 <= most <= MOST_LEVELS):
        raise InputError(
            f"most {most!r}: spikes per step are limited by a whole number, 1 .. "
            f"{MOST_LEVELS}"
        )
    bounds = {
        p.name: limited(p.neuron, most)
        for p in net.populations
        if isinstance(p.neuron, MultiLevel) and is_endless(p.neuron)
    }
    populations = tuple(
        replace(p, neuron=bounds.get(p.name, p.neuron)) for p in net.populations
    )
    noted = tuple(
        Assumption(
            "spikes per step",
            f"{name!r} sends no more than {most} in one step",
            f"most={most} was given",
        )
        for name in bounds
    )
    return replace(net, populations=populations), noted


def _time_step(net: Network, dt: float | None) -> float:
    step = net.step_s if dt is None else dt
    step = DT if step is None else step
    if not (np.isfinite(step) and step > 0):
        raise InputError(f"dt {step!r} s: a time step is a positive number of seconds")
    return step


def _comparison(net: Network) -> ThresholdName:
    """Return "ge" if neurons fire at their threshold, "gt" if only above it."""
    firing = [p for p in net.populations if p.neuron.spiking and not is_constant(net, p)]
    at = [p.name for p in firing if p.neuron.inclusive]
    above = [p.name for p in firing if not p.neuron.inclusive]
    if at and above:
        raise InputError(
            f"populations {at[0]!r} ({len(at)} in all) fire at v >= threshold and "
            f"{above[0]!r} ({len(above)} in all) at v > threshold, but a NIR file is read "
            "with one comparison for all; make `inclusive` the same everywhere"
        )
    return "ge" if at else "gt"


def _assumptions(dt: float, threshold: str) -> tuple[Assumption, ...]:
    sign = ">=" if threshold == "ge" else ">"
    return (
        Assumption("profile", PROFILE, "forward Euler in the order of the edges"),
        Assumption("dt", f"{dt:g} s", "NIR files do not state it"),
        Assumption(
            "threshold", f"fires at v {sign} threshold", "NIR files do not state it"
        ),
    )


def _reachable(net: Network) -> Network:
    """Return `net` with synapses of weight 0 to what no input reaches; readers refuse it.

    Sources of a constant stay as they are: they are written as biases.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from([p.name for p in net.inputs])
    graph.add_nodes_from([p.name for p in net.populations])
    graph.add_edges_from((p.pre, p.post) for p in net.projections)
    first, extra = net.inputs[0], []
    seen = {p.name for p in net.inputs}
    for name in seen.copy():
        seen |= nx.descendants(graph, name)
    for pop in net.populations:
        if pop.name in seen or is_constant(net, pop):
            continue
        zero = Dense(np.zeros((pop.neuron.n, int(np.prod(first.shape)))))
        extra.append(Projection(first.name, pop.name, zero))
        seen |= {pop.name, *nx.descendants(graph, pop.name)}
    return replace(net, projections=(*net.projections, *extra))


def _shapes(biased: Biased) -> dict[str, tuple[int, ...]]:
    """Return the shape each population is written in: its own, or flat.

    NIR cannot unflatten, so what a dense layer feeds is flat unless all that feeds it, and
    itself, can be an image.
    """
    net = biased.net
    shapes = {p.name: p.shape for p in net.inputs}
    shapes |= {p.name: p.shape for p in net.populations}
    while True:
        flat = [
            p.post
            for p in net.projections
            if len(shapes[p.post]) > 1
            and shape_behind(p.map, shapes[p.pre]) != shapes[p.post]
        ]
        if not flat:
            return shapes
        shapes |= {name: (int(np.prod(shapes[name])),) for name in flat}


def _add_outputs(
    draft: Draft,
    net: Network,
    shapes: dict[str, tuple[int, ...]],
    ends: dict[str, NodeEnds],
) -> None:
    """Add an Output per population that is read out; names keep their order when sorted."""
    width = len(str(len(net.outputs)))
    for i, name in enumerate(net.outputs):
        label = "output" if len(net.outputs) == 1 else f"output_{i:0{width}d}"
        output = draft.add(label, nir.Output(np.array(shapes[name])))
        draft.join(ends[name].leave, output)


def _write_whole(graph: nir.NIRGraph, path: Path) -> None:
    """Write elsewhere, then put it in place, so that there is never half a file."""
    with TemporaryDirectory(prefix="snn-deploy-") as folder:
        whole = Path(folder) / "model.nir"
        nir.write(whole, graph)
        write_file(path, whole.read_bytes(), "path")
