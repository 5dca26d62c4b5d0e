"""What stayed silent on the samples: outputs that say nothing, and populations that never
fired, with the likely cause."""

from collections.abc import Iterator

import numpy as np

from snn_deploy.errors import option
from snn_deploy.evaluation.decode import Decided
from snn_deploy.evaluation.stages import Simulated
from snn_deploy.ir.network import Population

FORGETFUL = 0.05  # ours: a membrane that keeps less than this of itself per step


def silence_caveats(run: Simulated, chip: Decided) -> tuple[str, ...]:
    """Return the sentences, gravest first; chip: what was read from its output."""
    return (*_outputs(run, chip), *_populations(run))


def tie_caveats(chip: Decided) -> tuple[str, ...]:
    """Return what there is to say of samples that have no single largest score."""
    tied = int(chip.tied.sum())
    if not tied:
        return ()
    return (
        f"several classes share the largest score for {tied} of {len(chip.classes)} "
        "samples on the chip; the lowest of them is taken",
    )


def _outputs(run: Simulated, chip: Decided) -> Iterator[str]:
    silent, samples, name = int(chip.silent.sum()), len(chip.classes), run.answer.output
    if silent:
        counted = ", none of which counts as right" if run.data.y is not None else ""
        yield (
            f"output {name!r} says nothing for {silent} of {samples} samples on the "
            f"chip{counted}"
        )


def _populations(run: Simulated) -> Iterator[str]:
    """Yield a sentence for each population that never fired on the chip."""
    fired = {n: int(e.sum()) for n, e in run.recordings.activity.recording.events.items()}
    for pop in run.net.populations:
        if pop.neuron.spiking and not fired[pop.name]:
            yield f"population {pop.name!r} never fired on the chip: {_cause(run, pop)}"


def _cause(run: Simulated, pop: Population) -> str:
    """Return the likely cause, with numbers of the float network."""
    floats = run.reference.outputs
    sent = int(floats.events[pop.name].sum())
    if sent:
        return (
            f"rounding, since the float network sends {sent} spikes there; give more "
            f"{option('weight_bits')}"
        )
    sources = {p.pre for p in run.net.into(pop.name)}
    if sources and not any(floats.events[s].any() for s in sources if s in floats.events):
        return f"nothing arrives, all of {', '.join(sorted(sources))} is silent"
    top, threshold = floats.peaks[pop.name]["v_top"], float(np.min(pop.neuron.threshold))
    reached = f"its membranes reach {top:.3g}, and the least threshold is {threshold:.3g}"
    keep = float(np.median(pop.neuron.beta))
    if keep < FORGETFUL:
        return (
            f"{reached}; they keep {100 * keep:.3g} % of themselves per step, so the time "
            f"constants are probably not in the unit of the step: give the {option('dt')} "
            "that is meant"
        )
    gain = float(np.median(pop.neuron.gain))
    if gain < FORGETFUL:
        return (
            f"{reached}; an input of 1 adds {gain:.3g} to them, so the time step is "
            f"probably shorter than in training: give the {option('dt')} that is meant"
        )
    return f"{reached}; its weights or inputs are too small for the threshold"
