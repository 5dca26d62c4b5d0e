"""Estimate energies as papers do without a chip, each with its scope, and say what they
hide.

The counts are those of `counts.py`: the float network as read, on the given samples. These
energies are of another technology than the chip's and leave out other things; they stand
beside the chip's ledger and are never added to it or divided by it.
"""

from collections.abc import Iterable
from math import ceil, log2

import msgspec
import numpy as np

from snn_deploy.software.counts import MapCounts, Watched, layers
from snn_deploy.software.lemaire import lemaire_ann, lemaire_snn
from snn_deploy.software.prices import Prices, load_prices

NEUROBENCH = "NeuroBench 2.3"
SPIKINGJELLY = "SpikingJelly 2.0"
NDNS = "Intel N-DNS challenge"
ARITHMETIC_ONLY = "arithmetic only"
WITH_MEMORY = "arithmetic, memory and addressing"
CHIP_BITS = "int8"


class Tally(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A count under somebody's definition.

    Attributes:
        definition: Whose it is, name and version of the tool.
        name: As they call it.
        value: In `unit`; of operations the mean per inference.
        unit: "operations", or "share" of 0..1.
        what: What is counted, in words.
    """

    definition: str
    name: str
    value: float
    unit: str
    what: str


class SoftwareEnergy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An energy per inference, estimated without a chip.

    Attributes:
        model: How it is worked out: "AC/MAC float32", "AC/MAC int8" or "Lemaire 2022".
        subject: "SNN", or "ANN": one of the same shape, multiplying everything.
        scope: What it holds, ARITHMETIC_ONLY or WITH_MEMORY.
        bits: Of an operand.
        joules: Per inference.
        parts: Joules by part, which add up to `joules`.
        source: Where its prices are from.
    """

    model: str
    subject: str
    scope: str
    bits: int
    joules: float
    parts: dict[str, float]
    source: str


class Software(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Estimates that know of no chip.

    Attributes:
        samples: That were counted.
        steps: Model steps of an inference.
        ann_passes: How often the ANN runs per inference: 1, or `steps` where the input
            changes over time or there is recurrence.
        tallies: Counts as NeuroBench, SpikingJelly and the N-DNS challenge define them.
        energies: Of the SNN and of the ANN, by each model.
        notes: Where a comparison would mislead, in words.
    """

    samples: int
    steps: int
    ann_passes: int
    tallies: tuple[Tally, ...]
    energies: tuple[SoftwareEnergy, ...]
    notes: tuple[str, ...]


def software(seen: Watched) -> Software:
    """Return all estimates of the network and samples `seen`."""
    found = layers(seen.net, seen.values)
    prices = load_prices()
    passes = ann_passes(found, seen)
    return Software(
        samples=seen.samples,
        steps=seen.steps,
        ann_passes=passes,
        tallies=(
            *neurobench(found, seen),
            *spikingjelly(found),
            *ndns(found, seen, prices),
        ),
        energies=tuple(_energies(found, seen, passes, prices)),
        notes=tuple(_notes(found, seen, passes)),
    )


def ann_passes(found: Iterable[MapCounts], seen: Watched) -> int:
    """Return 1 where an ANN could answer in one pass: still input and no recurrence."""
    return 1 if seen.static and all(x.delay == 0 for x in found) else seen.steps


def neurobench(found: tuple[MapCounts, ...], seen: Watched) -> tuple[Tally, ...]:
    """Return the counts that NeuroBench's metrics of the same names give.

    Whether a layer multiplies is decided once for all samples here, there for each call.
    """
    acs = sum(x.effective for x in found if x.signed_binary)
    macs = sum(x.effective for x in found if not x.signed_binary)
    weights = sum(x.weights for x in found)
    zeros = sum(x.zero_weights for x in found)
    spiking = [p.name for p in seen.net.populations if p.neuron.spiking]
    bins = sum(seen.values[name].size for name in spiking)
    spikes = sum(int(np.count_nonzero(seen.values[name])) for name in spiking)
    rows = [
        ("Effective_ACs", acs, "operations", "weights that are not zero met by spikes"),
        ("Effective_MACs", macs, "operations", "the same, of inputs that are not binary"),
        ("Dense", sum(x.dense for x in found), "operations", "if nothing were zero"),
    ]
    if weights:
        rows.append(("ConnectionSparsity", zeros / weights, "share", "weights that are 0"))
    if bins:
        sparsity = (bins - spikes) / bins
        rows.append(("ActivationSparsity", sparsity, "share", "outputs that are 0"))
    return tuple(Tally(NEUROBENCH, *row) for row in rows)


def spikingjelly(found: tuple[MapCounts, ...]) -> tuple[Tally, ...]:
    """Return SynOpCounter's count: weights met by spikes, zero weights included."""
    synops = sum(x.synops for x in found if x.binary)
    what = "weights met by binary inputs, zero weights included"
    return (Tally(SPIKINGJELLY, "SynOps", synops, "operations", what),)


def ndns(found: tuple[MapCounts, ...], seen: Watched, prices: Prices) -> tuple[Tally, ...]:
    """Return Intel's power proxy, SynOPS + 10 x NeuronOPS, per inference instead of per
    second."""
    synops = sum(x.synops for x in found)
    updates = float(seen.steps * sum(int(np.prod(p.shape)) for p in seen.net.populations))
    weight = prices.neuron_weight.value or 0.0
    what = f"SynOPS + {weight:g} x NeuronOPS; divide by the time of an inference for a rate"
    rows = [
        ("SynOPS", synops, "operations", "weights met by inputs that are not zero"),
        ("NeuronOPS", updates, "operations", "neurons x steps"),
        ("Effective SynOPS", synops + weight * updates, "operations", what),
    ]
    return tuple(Tally(NDNS, *row) for row in rows)


def _energies(
    found: tuple[MapCounts, ...], seen: Watched, passes: int, prices: Prices
) -> Iterable[SoftwareEnergy]:
    dense = sum(x.synapses for x in found) * passes
    acs = sum(x.synops for x in found if x.signed_binary)  # -1 subtracts
    macs = sum(x.synops for x in found if not x.signed_binary)
    for name in ("float32", CHIP_BITS):
        kind = prices.arithmetic[name]
        parts = {"accumulations": acs * kind.ac_j, "multiplications": macs * kind.mac_j}
        yield _energy(f"AC/MAC {name}", "SNN", kind.bits, parts, kind.add.source)
        whole = {"multiplications": dense * kind.mac_j}
        yield _energy(f"AC/MAC {name}", "ANN", kind.bits, whole, kind.add.source)
    memory = prices.memory.points[-1].energy.source
    yield _energy("Lemaire 2022", "SNN", 32, lemaire_snn(found, seen, prices), memory)
    yield _energy("Lemaire 2022", "ANN", 32, lemaire_ann(found, passes, prices), memory)


def _energy(
    model: str, subject: str, bits: int, parts: dict[str, float], source: str
) -> SoftwareEnergy:
    scope = WITH_MEMORY if "addressing" in parts else ARITHMETIC_ONLY
    return SoftwareEnergy(model, subject, scope, bits, sum(parts.values()), parts, source)


def _notes(found: tuple[MapCounts, ...], seen: Watched, passes: int) -> Iterable[str]:
    yield (
        "these are 45 nm estimates of counted operations, the ledger is of a chip: the two "
        "are never comparable line by line, and differ in scope and technology"
    )
    yield (
        "AC/MAC leaves out memory, addressing and neuron updates, which decide (Lemaire "
        "2022; Bhattacharjee 2023: advantages of 10 to 83 times shrink to 1.3 to 6.8)"
    )
    yield (
        f"float32 is shown for older papers only: with {CHIP_BITS} numbers the ANN's MAC "
        f"costs a 20th, so compare at equal width"
    )
    bits = ceil(log2(seen.steps + 1))
    yield (
        f"{seen.steps} steps of spikes can tell {seen.steps + 1} levels, as {bits}-bit "
        f"activations do (Yan 2024); Horowitz has no price for {bits} bits, so the "
        f"{CHIP_BITS} ANN is dearer than one of matched capacity"
        if bits < 8
        else f"{seen.steps} steps of spikes match {bits}-bit activations (Yan 2024)"
    )
    yield _rate_note(found)
    yield from _graded_notes(found)
    yield (
        "the ANN runs once per inference: the input is the same in all steps"
        if passes == 1
        else f"the ANN runs in each of the {passes} steps: the input changes over time, or "
        f"there is recurrence"
    )


def _graded_notes(found: tuple[MapCounts, ...]) -> Iterable[str]:
    graded = sorted({x.pre for x in found if not x.signed_binary})
    if graded:
        yield (
            f"input of the maps after {', '.join(map(repr, graded))} is not binary "
            f"(values, averages or graded spikes): multiplied, not accumulated"
        )
    if any(not x.binary for x in found):
        yield (
            "Lemaire 2022 knows binary spikes only: a layer whose input is anything else "
            "counts as one that multiplies every input in every step"
        )


def _rate_note(found: tuple[MapCounts, ...]) -> str:
    stored = sum(x.synapses for x in found)
    rate = sum(x.synops for x in found) / stored if stored else 0.0
    return (
        f"{rate:.3g} events per synapse and inference; with memory counted, SNNs were "
        f"found to win only below 0.15 to 1.38 (Dampfhoffer 2022)"
    )
