"""Compare: the same numbers of several reports, side by side, the first as the measure.

Energies are compared within one coefficient set only; a set that a report does not have
leaves a gap. What was run differently is said.
"""

from collections.abc import Iterator, Sequence

import msgspec

from snn_deploy.report.report import Report

INTERVAL = tuple[float, float]


class Cell(msgspec.Struct, frozen=True):
    """A number of one report.

    Attributes:
        value: In the unit of its row.
        interval: Ends of the 95 % interval, in the same unit; None where it is not known.
    """

    value: float
    interval: INTERVAL | None = None


class Row(msgspec.Struct, frozen=True):
    """One quantity of several reports.

    Attributes:
        name: E.g. "answer time".
        unit: "share" (0..1), "J", "s", or "" for a count.
        less: Whether less is better; None where neither is.
        cells: One per report, None where it has none.
    """

    name: str
    unit: str
    less: bool | None
    cells: tuple[Cell | None, ...]

    def change(self, i: int) -> float | None:
        """Return the relative change of report `i` against the first; None if either is
        missing or the first is 0."""
        first, cell = self.cells[0], self.cells[i]
        if first is None or cell is None or first.value == 0:
            return None
        return cell.value / first.value - 1


class Comparison(msgspec.Struct, frozen=True):
    """Several reports, side by side.

    Attributes:
        names: One per report, told apart.
        rows: All quantities that at least one of them has, in a fixed order.
        differences: What was not run alike, one sentence each.
    """

    names: tuple[str, ...]
    rows: tuple[Row, ...]
    differences: tuple[str, ...]


def compare(reports: tuple[Report, ...], names: tuple[str, ...] = ()) -> Comparison:
    """Return all quantities that at least one of `reports` has, in a fixed order.

    names: of the reports; by default model and target.
    """
    titles = names or tuple(f"{r.model.file} on {r.target.name}" for r in reports)
    return Comparison(_told_apart(titles), rows_of(reports), tuple(_differences(reports)))


def rows_of(reports: Sequence[Report | None]) -> tuple[Row, ...]:
    """Return all quantities, one cell per report; None has none."""
    found = [{} if r is None else dict(_quantities(r)) for r in reports]
    keys = dict.fromkeys(key for quantities in found for key in quantities)
    return tuple(
        Row(name, unit, less, tuple(q.get((name, unit, less)) for q in found))
        for name, unit, less in keys
    )


Key = tuple[str, str, bool | None]


def _quantities(report: Report) -> Iterator[tuple[Key, Cell]]:
    known = {e.name: (e.low, e.high) for e in report.estimates}
    for a in report.accuracy:
        name = f"accuracy {a.stage}"
        yield (name, "share", False), Cell(a.value, known.get(name))
    for pair in report.agreement:
        if (pair.first, pair.second) == ("reference", "chip"):
            yield ("fidelity", "share", False), Cell(pair.value)
    yield from _energies(report, known)
    time = report.latency
    if time is not None and time.answer_s.mean is not None:
        yield ("answer time", "s", True), Cell(time.answer_s.mean, known.get("answer time"))
        if time.answer_p95_s is not None:
            name = "answer time, 95th percentile"
            yield (name, "s", True), Cell(time.answer_p95_s, known.get(name))
    used = report.utilization
    if used is not None:
        yield ("cores", "", True), Cell(used.cores)
        yield ("chips", "", True), Cell(used.chips)
        for r in used.resources:
            if r.limit:
                yield (f"utilization {r.name}", "share", None), Cell(r.largest / r.limit)
    yield from _activity(report)


def _energies(report: Report, known: dict[str, INTERVAL]) -> Iterator[tuple[Key, Cell]]:
    for account in report.energy.accounts if report.energy else ():
        name, s = f"energy {account.name}", account.dynamic
        if s.mean is None:
            yield (f"{name}, upper bound", "J", True), Cell(s.high)
        else:
            yield (name, "J", True), Cell(s.mean, known.get(name))


def _activity(report: Report) -> Iterator[tuple[Key, Cell]]:
    synops = [x.synops for x in report.layers if x.synops is not None]
    if synops:
        yield ("synaptic operations", "", True), Cell(sum(synops))
    for layer in report.layers:
        if layer.synops is not None:
            yield (f"synaptic operations {layer.name}", "", True), Cell(layer.synops)


def _told_apart(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `names`, those that occur twice with a number."""
    return tuple(
        f"{name} ({names[: i + 1].count(name)})" if names.count(name) > 1 else name
        for i, name in enumerate(names)
    )


def _differences(reports: tuple[Report, ...]) -> Iterator[str]:
    facts: dict[str, list[str | int]] = {
        "model": [r.model.sha256 or r.model.file for r in reports],
        "target": [r.target.name for r in reports],
        "input": [r.input.source if r.input else "none" for r in reports],
        "samples": [r.input.samples if r.input else 0 for r in reports],
        "steps": [r.input.steps if r.input else 0 for r in reports],
        "decoder": [r.answer.decoder if r.answer else "none" for r in reports],
        "tool": [r.tool for r in reports],
        "time model": [r.latency.time_model if r.latency else "none" for r in reports],
        "partition": [r.utilization.partition if r.utilization else "" for r in reports],
        "placement": [r.utilization.placement if r.utilization else "" for r in reports],
    }
    for what, values in facts.items():
        if len(set(values)) > 1:
            yield f"{what} differs: {', '.join(str(v)[:24] for v in values)}"
