"""Fidelity: how far the outputs of each population are apart in two stages of a run.

Stages, in order: "framework" (what the user recorded), "reference" (floats), "integer",
"chip"; and "alone", one layer of integers fed with what the reference sent.
"""

import msgspec
import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray

NOT_GIVEN = "not given"


class Gap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a population's outputs differ between two stages.

    Attributes:
        first: The earlier stage, "framework", "reference" or "integer".
        second: The later stage, "reference", "integer", "chip" or "alone".
        values: Outputs that were compared, samples x steps x neurons.
        differing: How many of them differ; null for membranes that are floats.
        loss: Of spikes: those that are in one stage only, as a share (0..1) of those in
            both or either; a payload counts as so many spikes. Of membranes: rms of the
            difference over rms in `first`. Null if nothing happens.
        rate_first: Spikes (with their payload) per neuron and step in `first`; null for
            readouts.
        rate_second: The same in `second`.
        rate_error: rate_second - rate_first; null for readouts.
        rate_error_relative: rate_error / rate_first; null for readouts, and if rate_first
            is 0.
        sample: First sample that differs in `step`, from 0; null if `step` is.
        step: Earliest model step in which something differs, from 0; null if nothing does
            or `differing` is null.
    """

    first: str
    second: str
    values: int
    differing: int | None
    loss: float | None
    rate_first: float | None = None
    rate_second: float | None = None
    rate_error: float | None = None
    rate_error_relative: float | None = None
    sample: int | None = None
    step: int | None = None


class LayerFidelity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far apart the stages of one population are.

    Attributes:
        population: Its name.
        spiking: Whether spikes are compared; false for a readout, whose membranes are.
        gaps: Between neighbouring stages, what reaches the layer included; from
            "framework" only where that was given.
        alone: Between "reference" and "alone", what this layer itself loses: its integers
            fed with the reference's spikes; null if that was not simulated.
    """

    population: str
    spiking: bool
    gaps: tuple[Gap, ...]
    alone: Gap | None

    def gap(self, second: str) -> Gap | None:
        """Return the gap that ends in the stage `second`."""
        return next((g for g in self.gaps if g.second == second), None)


class Fidelity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the framework's outputs go on their way to the chip.

    Attributes:
        framework: File of what the framework's layers sent, or "not given".
        samples: How many were compared, the first of the input.
        layers: Each population, in the order of the network.
        worst: Name of the population that loses most by itself, null if none loses
            anything.
        sentences: What that means, in words.
    """

    framework: str
    samples: int
    layers: tuple[LayerFidelity, ...]
    worst: str | None
    sentences: tuple[str, ...]


def gap(first: AnyArray, second: AnyArray, stages: tuple[str, str], spiking: bool) -> Gap:
    """Compare outputs [N, T, *shape] of a population in two stages: spikes (0 or payload),
    or membranes in one unit."""
    if not spiking:
        return _membranes(first, second, stages)
    wrong: AnyArray = np.not_equal(first, second)
    rates = (
        float(np.mean(first, dtype=np.float64)),
        float(np.mean(second, dtype=np.float64)),
    )
    return Gap(
        *stages,
        int(first.size),
        int(np.count_nonzero(wrong)),
        _share(first[wrong], second[wrong], first),
        *rates,
        rates[1] - rates[0],
        (rates[1] - rates[0]) / rates[0] if rates[0] else None,
        *_earliest(wrong),
    )


def _share(a: AnyArray, b: AnyArray, first: AnyArray) -> float | None:
    """Return what a and b, the values that differ, have not in common, of all spikes."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    apart = np.abs(a - b)
    same = np.abs(first, dtype=np.float64).sum() - np.abs(a).sum()
    total = same + np.maximum(np.maximum(np.abs(a), np.abs(b)), apart).sum()
    return float(apart.sum() / total) if total else None


def _membranes(first: AnyArray, second: AnyArray, stages: tuple[str, str]) -> Gap:
    apart = np.asarray(second, np.float64) - first
    scale = _rms(np.asarray(first, np.float64))
    if first.dtype.kind == "f":
        loss = _rms(apart) / scale if scale else None
        return Gap(*stages, int(first.size), None, loss)
    wrong = np.asarray(apart != 0)
    differing = int(np.count_nonzero(wrong))
    loss = _rms(apart) / scale if scale else None
    where = _earliest(wrong)
    return Gap(*stages, int(first.size), differing, loss, sample=where[0], step=where[1])


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _earliest(wrong: AnyArray) -> tuple[int | None, int | None]:
    """Return (sample, step) of the earliest step in which anything is wrong [N, T, ...]."""
    at: AnyArray = np.any(wrong.reshape(*wrong.shape[:2], -1), axis=2)
    steps = np.flatnonzero(at.any(axis=0))
    if not steps.size:
        return None, None
    return int(np.argmax(at[:, steps[0]])), int(steps[0])
