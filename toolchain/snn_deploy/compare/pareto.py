"""What if: the variants as one table, and as one picture of what is paid for accuracy."""

from math import log10

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snn_deploy.compare.variants import CORES, TIME, WhatIf
from snn_deploy.report.figures.canvas import COLORS, GREY, WIDTH, lay_out, short, title
from snn_deploy.report.figures.figures import STYLE
from snn_deploy.report.text.numbers import PREFIXES, count, quantity, share
from snn_deploy.report.text.sections import Section, Table

SYNOPS = "synaptic operations"
MEET = 12  # points closer than a 12th of the plot are numbered together
MOST_NUMBERS = 5  # of them written out
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")


def what_if_section(found: WhatIf) -> Section:
    """Return the table: a row per variant."""
    columns = ("", "variant", found.quality, "energy", TIME, CORES, SYNOPS, "front")
    rows = tuple(_row(found, i) for i in range(len(found.names)))
    right = frozenset((*columns[2:7], ""))
    lines = (*found.notes, *_refusals(found))
    return Section("What if", lines, Table(columns, rows, right))


def _refusals(found: WhatIf) -> list[str]:
    """Return each reason once, behind the numbers of the variants that it refuses."""
    who: dict[str, list[str]] = {}
    for i, sentences in enumerate(found.refused):
        for sentence in sentences:
            who.setdefault(sentence, []).append(str(i + 1))
    return [f"{', '.join(numbers)}: {why}" for why, numbers in who.items()]


def _row(found: WhatIf, i: int) -> tuple[str, ...]:
    number, name = str(i + 1), found.names[i]
    if found.refused[i]:
        return number, f"{name}: does not fit", "-", "-", "-", "-", "-", ""
    cores, synops = found.value(CORES, i), found.value(SYNOPS, i)
    return (
        number,
        name,
        share(found.value(found.quality, i)),
        quantity(found.value(found.energy[i], i), "J"),
        quantity(found.value(TIME, i), "s"),
        "-" if cores is None else count(cores),
        "-" if synops is None else count(synops),
        "*" if found.front[i] else "",
    )


def pareto_figure(found: WhatIf) -> Figure:
    """Draw quality against energy, time and cores, the variants numbered as in the table.

    Filled: on the front of all four. Stairs: the best quality for so much or less of one
    cost.
    """
    with mpl.rc_context(STYLE):
        return _drawn(found)


def _drawn(found: WhatIf) -> Figure:
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    plots = np.ravel(figure.subplots(1, 3, sharey=True)).tolist()
    for axes, (name, unit) in zip(
        plots, (("energy", "J"), (TIME, "s"), (CORES, "")), strict=True
    ):
        _scatter(axes, found, name, unit)
    plots[0].set_ylabel(f"{found.quality}, %")
    handles, labels = plots[0].get_legend_handles_labels()
    if len(labels) > 1:
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=7)
    lay_out(figure)
    return figure


def _scatter(axes: Axes, found: WhatIf, name: str, unit: str) -> None:
    fitting = [i for i, why in enumerate(found.refused) if not why]
    cost = {i: _cost(found, name, i) for i in fitting}
    quality = {i: 100 * (found.value(found.quality, i) or 0.0) for i in fitting}
    power = _power(max(cost.values())) if unit else 0
    targets = list(dict.fromkeys(v.target for v in found.variants))
    _stairs(axes, [(cost[i] / 10.0**power, quality[i]) for i in fitting])
    for i in fitting:
        kind = targets.index(found.variants[i].target)
        color, first = COLORS[kind % len(COLORS)], _is_first(found, i)
        axes.scatter(
            cost[i] / 10.0**power,
            quality[i],
            marker=MARKS[kind % len(MARKS)],
            edgecolors=color,
            facecolors=color if found.front[i] else "none",
            label=short(found.variants[i].target) if first else None,
            zorder=3,
        )
    axes.set_xlim(0, 1.2 * max(cost.values()) / 10.0**power or 1.0)
    _number(axes, [(cost[i] / 10.0**power, quality[i], i + 1) for i in fitting])
    label = f"{name}, {PREFIXES[power]}{unit}" if unit else name
    title(axes, label)


def _cost(found: WhatIf, name: str, i: int) -> float:
    return found.value(found.energy[i] if name == "energy" else name, i) or 0.0


def _is_first(found: WhatIf, i: int) -> bool:
    """Whether `i` is the first variant of its target that fits."""
    target = found.variants[i].target
    return not any(
        v.target == target and not why
        for v, why in zip(found.variants[:i], found.refused[:i], strict=True)
    )


def _power(largest: float) -> int:
    """Return the power of ten of the prefix that suits `largest`."""
    if largest <= 0:
        return 0
    return min(max(3 * int(log10(largest) // 3), min(PREFIXES)), max(PREFIXES))


def _stairs(axes: Axes, points: list[tuple[float, float]]) -> None:
    best: list[tuple[float, float]] = []
    for x, y in sorted(points, key=lambda p: (p[0], -p[1])):
        if not best or y > best[-1][1]:
            best.append((x, y))
    axes.step([x for x, _ in best], [y for _, y in best], where="post", color=GREY, lw=1)


def _number(axes: Axes, points: list[tuple[float, float, int]]) -> None:
    """Write the numbers of the variants beside their points, together where they meet."""
    (_, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    at: dict[tuple[int, int], list[tuple[float, float, int]]] = {}
    for x, y, number in points:
        place = round(MEET * x / right), round(MEET * (y - low) / (high - low))
        at.setdefault(place, []).append((x, y, number))
    for together in at.values():
        numbers = " ".join(str(number) for _, _, number in together[:MOST_NUMBERS])
        more = " …" if len(together) > MOST_NUMBERS else ""
        axes.annotate(
            numbers + more,
            together[0][:2],
            xytext=(0, 5),
            textcoords="offset points",
            fontsize=6,
        )
