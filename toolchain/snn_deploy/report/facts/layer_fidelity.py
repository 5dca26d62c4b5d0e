"""Where the framework's outputs go: per layer and stage, and which layer loses most."""

from collections.abc import Iterator
from itertools import pairwise
from operator import itemgetter

from snn_deploy.arrays import AnyArray
from snn_deploy.evaluation.decode import floats_of, to_float
from snn_deploy.evaluation.fidelity import NOT_GIVEN, Fidelity, Gap, LayerFidelity, gap
from snn_deploy.evaluation.stages import Simulated
from snn_deploy.ir.network import Population
from snn_deploy.quantization.neuron import leaks
from snn_deploy.report.text.numbers import share

STRICT = ("lif", "soft_lif", "refractory_lif")  # integer models that fire above vth
ROUNDING = 1e-5  # of a membrane: frameworks add up in float32, in another order

FIDELITY_ORIGINS = {  # see origins.py
    "fidelity": "count: outputs that differ between two stages",
    "fidelity.samples": "given: samples of the input that were kept in memory",
}


def fidelity(run: Simulated) -> Fidelity:
    """Return how far apart the stages of a simulated run are."""
    layers = tuple(_layer(run, p) for p in run.net.populations)
    worst = _worst(layers)
    return Fidelity(
        framework=NOT_GIVEN if run.framework is None else run.framework.source,
        samples=run.recordings.compared,
        layers=layers,
        worst=None if worst is None else worst.population,
        sentences=(*_where_reading_fails(layers), _where_integers_fail(worst)),
    )


def threshold_caveats(run: Simulated, found: Fidelity) -> tuple[str, ...]:
    """Return what leaky populations that fire at their threshold lose: ties are exact there
    only if everything else is."""
    leaky = {
        pop.name
        for pop in run.net.populations
        if pop.neuron.spiking and pop.neuron.inclusive and leaks(pop.neuron)
        if run.quant.population(pop.name).model in STRICT
    }
    lost = [
        (x.alone.loss or 0.0, x.population)
        for x in found.layers
        if x.population in leaky and x.alone is not None and x.alone.differing
    ]
    if not lost:
        return ()
    worst, name = max(lost)
    return (
        f"{len(lost)} of {len(leaky)} populations that leak and fire at v >= threshold are "
        "not exact, so that ties are lost, since the chip compares with >: fed with the "
        f"float network's own spikes, the integers of {name!r} change most, {share(worst)} "
        "of its spikes",
    )


def _layer(run: Simulated, pop: Population) -> LayerFidelity:
    name, spiking, alone_outputs = pop.name, pop.neuron.spiking, run.recordings.alone
    stages = list(_outputs(run, name))
    gaps = [
        gap(a, b, (first, second), spiking) for (first, a), (second, b) in pairwise(stages)
    ]
    floats = run.recordings.layers["reference"].outputs[name]
    alone = None
    if name in alone_outputs:
        made = floats_of(run.quant, name, alone_outputs[name])
        alone = gap(floats, made, ("reference", "alone"), spiking)
    return LayerFidelity(name, spiking, tuple(gaps), alone)


def _outputs(run: Simulated, name: str) -> Iterator[tuple[str, AnyArray]]:
    """Yield each stage that has recorded the population, and its outputs in one unit."""
    if run.framework is not None and name in run.framework.outputs:
        yield "framework", run.framework.outputs[name][: run.recordings.compared]
    yield "reference", run.recordings.layers["reference"].outputs[name]
    for stage in ("integer", "chip"):
        yield stage, to_float(run.quant, name, run.recordings.layers[stage])


def _worst(layers: tuple[LayerFidelity, ...]) -> LayerFidelity | None:
    """Return the layer that loses most by itself; the first of equals."""
    lost = [(x.alone.loss, x) for x in layers if x.alone is not None and x.alone.loss]
    return max(lost, key=itemgetter(0))[1] if lost else None


def _where_integers_fail(worst: LayerFidelity | None) -> str:
    if worst is None or worst.alone is None:
        return (
            "no layer loses anything by itself: fed with the float network's own spikes, "
            "the integers of each send the same"
        )
    alone, total = worst.alone, worst.gap("integer")
    what = "spikes" if worst.spiking else "membranes"
    first = _place(alone)
    return (
        f"{worst.population!r} loses most by itself: fed with the float network's own "
        f"spikes, its integers change {share(alone.loss)} of its {what}{first}; with what "
        f"the layers before it lose it is {share(total.loss if total else None)}"
    )


def _where_reading_fails(layers: tuple[LayerFidelity, ...]) -> Iterator[str]:
    """Yield a sentence if the float network is not what the framework computed."""
    for layer in layers:
        found = layer.gap("reference")
        if found is None or not _differs(found):
            continue
        yield (
            f"{layer.population!r} is the first layer whose float network is not the "
            f"framework's: {share(found.loss)} differs{_place(found)}; "
            f"more than rounding explains means another reading (check --compare-readings)"
        )
        return


def _place(found: Gap) -> str:
    if found.step is None:
        return ""
    return f" (first in sample {found.sample}, step {found.step})"


def _differs(found: Gap) -> bool:
    if found.differing is None:
        return (found.loss or 0.0) > ROUNDING
    return found.differing > 0
