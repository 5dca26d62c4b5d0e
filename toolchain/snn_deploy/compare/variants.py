"""What if: one model on several boards, mapped and quantized in several ways.

A variant is a target, a mapping and a time model. What each comes to stands in the rows of
`compare`; on the front are those that no other of the same time model beats: none is at
least as good in accuracy, energy, time and cores, and better in one.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import msgspec

from snn_deploy.compare.reports import Row, rows_of
from snn_deploy.errors import InputError, option
from snn_deploy.names import TimeModelName
from snn_deploy.options.mapping import MappingOptions
from snn_deploy.report.report import Report

MOST = 200  # variants of one comparison: ours, some minutes of a small model
QUALITY = ("accuracy chip", "fidelity")  # the first that is known
USUAL_MAPPING = MappingOptions()
TIME, CORES = "answer time", "cores"


class Variant(msgspec.Struct, frozen=True):
    """One way to deploy.

    Attributes:
        target: A board's name or file.
        mapping: How the network becomes integers on cores.
        time_model: Of a chip step.
    """

    target: str
    mapping: MappingOptions
    time_model: TimeModelName


class WhatIf(msgspec.Struct, frozen=True):
    """What every variant comes to.

    Attributes:
        names: Of each variant, short, by what varies.
        variants: What was deployed, in the order in which it was given.
        rows: A quantity each, a cell per variant, None where it was refused or has none.
        refused: Of each variant, why it does not fit, one sentence each; empty if it does.
        quality: Name of the row that says how well it works, one of QUALITY.
        energy: Of each variant, name of the row that holds its energy, of its board's first
            coefficient set; "" if it was refused.
        front: Of each variant, whether none beats it; False if it was refused.
        notes: What to know about the rows, one sentence each.
    """

    names: tuple[str, ...]
    variants: tuple[Variant, ...]
    rows: tuple[Row, ...]
    refused: tuple[tuple[str, ...], ...]
    quality: str
    energy: tuple[str, ...]
    front: tuple[bool, ...]
    notes: tuple[str, ...]

    def value(self, row: str, i: int) -> float | None:
        """Return the quantity `row` of variant `i`, None if it has none."""
        cells = {r.name: r.cells[i] for r in self.rows}
        cell = cells.get(row)
        return None if cell is None else cell.value


def all_variants(
    targets: Sequence[str],
    lists: Mapping[str, Sequence[Any]],
    mapping: MappingOptions = USUAL_MAPPING,
    time_model: TimeModelName = "bound",
) -> tuple[Variant, ...]:
    """Return the product of `targets` and of the values in `lists`.

    Args:
        targets: Names or files of boards.
        lists: Values to try by name: options of MappingOptions, and "time_model".
        mapping: What all variants have in common.
        time_model: That of all, where it is not listed.

    Raises:
        InputError: Something occurs twice, is of no use, or there are too many.
    """
    axes: Mapping[str, Sequence[Any]] = {"targets": targets, **lists}
    for name, values in axes.items():
        if not values:
            raise InputError(f"{option(name)}: is empty; give values, separated by commas")
        twice = sorted({str(v) for v in values if values.count(v) > 1})
        if twice:
            raise InputError(
                f"{option(name)}: {twice[0]} occurs twice; give each value once"
            )
    found = tuple(
        _variant(target, dict(zip(lists, values, strict=True)), mapping, time_model)
        for target, *values in product(*axes.values())
    )
    if not 2 <= len(found) <= MOST:
        raise InputError(
            f"compare: the lists give {len(found)} variants, but it takes 2 to {MOST}; "
            f"{'shorten them' if len(found) > MOST else 'give one more value'}"
        )
    return found


def _variant(
    target: str,
    values: dict[str, Any],
    mapping: MappingOptions,
    time_model: TimeModelName,
) -> Variant:
    chosen = values.pop("time_model", time_model)
    return Variant(target, msgspec.structs.replace(mapping, **values), chosen)


def judged(
    variants: Sequence[Variant],
    reports: Sequence[Report | None],
    refused: Sequence[tuple[str, ...]],
) -> WhatIf:
    """Return what the reports say of the variants, and which are on the front.

    reports: one per variant, None where it was refused.

    Raises:
        InputError: None fits; lists why.
    """
    there = [r for r in reports if r is not None]
    if not there:
        reasons = "\n".join(dict.fromkeys(s for each in refused for s in each))
        raise InputError(f"compare: no variant fits:\n{reasons}")
    rows = rows_of(reports)
    known = {row.name for row in rows}
    quality = next(q for q in QUALITY if q in known)
    energy = tuple(_energy_row(r) for r in reports)
    found = WhatIf(
        names=_names(variants),
        variants=tuple(variants),
        rows=rows,
        refused=tuple(refused),
        quality=quality,
        energy=energy,
        front=(),
        notes=tuple(_notes(variants, quality, energy)),
    )
    return msgspec.structs.replace(found, front=tuple(_front(found)))


def _front(found: WhatIf) -> Iterator[bool]:
    goals = [goal(found, i) for i in range(len(found.variants))]
    models = [v.time_model for v in found.variants]
    for mine, model in zip(goals, models, strict=True):
        rivals = [g for g, other in zip(goals, models, strict=True) if other == model]
        yield mine is not None and not any(_beats(other, mine) for other in rivals)


def goal(found: WhatIf, i: int) -> tuple[float, ...] | None:
    """Return what variant `i` wants to be small: minus its quality, energy (J), time (s)
    and cores; None if it was refused."""
    if found.refused[i]:
        return None
    names = (found.quality, found.energy[i], TIME, CORES)
    quality, *costs = (found.value(name, i) or 0.0 for name in names)
    return (-quality, *costs)


def _beats(other: tuple[float, ...] | None, mine: tuple[float, ...]) -> bool:
    if other is None or other == mine:
        return False
    return all(a <= b for a, b in zip(other, mine, strict=True))


def _energy_row(report: Report | None) -> str:
    accounts = () if report is None or report.energy is None else report.energy.accounts
    return f"energy {accounts[0].name}" if accounts else ""


def _names(variants: Sequence[Variant]) -> tuple[str, ...]:
    """Return names of what varies, e.g. "loihi2, 4-bit weights, square"."""
    facts = [_facts(v) for v in variants]
    vary = [i for i, values in enumerate(zip(*facts, strict=True)) if len(set(values)) > 1]
    return tuple(", ".join(fact[i] for i in vary) for fact in facts)


def _facts(variant: Variant) -> tuple[str, ...]:
    c = variant.mapping
    spikes = "widest spikes" if c.spike_bits is None else f"{c.spike_bits}-bit spikes"
    return (
        variant.target,
        f"{c.weight_bits}-bit weights",
        spikes,
        "levels as they are" if c.lower is None else f"levels as {c.lower}",
        c.partition,
        c.placement,
        f"seed {c.seed}",
        variant.time_model,
    )


def _notes(
    variants: Sequence[Variant], quality: str, energy: tuple[str, ...]
) -> Iterator[str]:
    if quality != QUALITY[0]:
        yield (
            "the samples have no labels, so what counts is fidelity: the share of samples "
            "that the float network and the chip put into the same class"
        )
    sets = list(dict.fromkeys(name.removeprefix("energy ") for name in energy if name))
    yield f"energy: cores and network on chip, by coefficient set {', '.join(sets)}"
    if len(sets) > 1:
        yield (
            "these sets are of different boards: energies across them are as comparable as "
            "their coefficients"
        )
    several = len({v.time_model for v in variants}) > 1
    yield (
        f"* on the front: no variant{' of the same time model' * several} is at least as "
        f"good in all of quality, energy, time and cores, and better in one"
    )
