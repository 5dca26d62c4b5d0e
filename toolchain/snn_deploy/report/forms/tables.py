"""A report as titled sections of text and tables, the same for every form it is written
in."""

from collections.abc import Iterable

from snn_deploy.evaluation.decode import Answer
from snn_deploy.evaluation.ledger import Account, Ledger, Line
from snn_deploy.neurons.cost import STOCK
from snn_deploy.report.forms.endings_section import at_most, ending_sections, settled_line
from snn_deploy.report.forms.fidelity_section import fidelity_sections
from snn_deploy.report.forms.finetuning_section import tuning_sections
from snn_deploy.report.forms.graded_section import graded_sections
from snn_deploy.report.forms.software_section import estimate_sections, software_sections
from snn_deploy.report.forms.storage_line import storage_words
from snn_deploy.report.parts import LayerFacts, Support, Utilization
from snn_deploy.report.report import Report
from snn_deploy.report.text.numbers import quantity, share, significant, spread, tie_range
from snn_deploy.report.text.sections import Section, Sources, Table, without_blanks

__all__ = ["Section", "Sources", "Table", "sections", "without_blanks"]

NOT_PUBLISHED = "not published"


def sections(report: Report) -> tuple[Section, ...]:
    """Return the sections of `report` in reading order, empty ones left out."""
    sources = Sources()
    found = [
        *_support(report),
        *_caveats(report),
        *_assumptions(report),
        *_accuracy(report),
        *tuning_sections(report),
        *_verified(report),
        *_layers(report),
        *fidelity_sections(report),
        *graded_sections(report),
        *_utilization(report.utilization),
        *_losses(report),
        *_ranges(report),
        *_latency(report),
        *ending_sections(report),
        *_energy(report.energy, sources, at_most(report)),
        *estimate_sections(report),
        *software_sections(report, sources),
        *sources.section(),
    ]
    return tuple(found)


def _support(report: Report) -> list[Section]:
    if not report.support:
        return []
    columns = ("population", "neuron", "runs as", "operations", "note")
    rows = tuple(
        (s.population, s.model, s.runs, _times_lif(s), s.note) for s in report.support
    )
    table = Table(columns, rows, frozenset({"operations"}))
    return [Section(f"What runs on {report.target.name}", table=without_blanks(table))]


def _times_lif(support: Support) -> str:
    """Return what an update costs; "-" for the neuron that all others are compared with."""
    work = support.relative_operations
    return "-" if work is None or support.model == STOCK else f"{work:.2f} x lif"


def _caveats(report: Report) -> list[Section]:
    return [Section("Caveats", report.caveats)] if report.caveats else []


def _assumptions(report: Report) -> list[Section]:
    rows = tuple((a.name, a.value, a.evidence) for a in report.assumptions)
    return [Section("Assumed", table=Table(("what", "value", "evidence"), rows))]


def _accuracy(report: Report) -> list[Section]:
    if not report.agreement or report.answer is None:
        return []
    answer: Answer = report.answer
    agreement = tuple(
        f"{a.first} and {a.second} predict the same class for {a.equal} of {a.samples} "
        f"samples ({share(a.value)})"
        for a in report.agreement
    )
    read = (
        f"decoder {answer.decoder}: {answer.meaning} of {answer.output} wins "
        f"({answer.chosen_by})"
    )
    rows = tuple(
        (
            a.stage,
            f"{a.correct} of {a.samples}",
            share(a.value),
            str(a.silent),
            str(a.tied),
            tie_range(a),
        )
        for a in report.accuracy
    )
    columns = ("stage", "correct", "accuracy", "silent", "tied", "ties wrong .. right")
    table = Table(columns, rows, frozenset(columns[1:])) if rows else None
    return [Section("Accuracy", (read, *agreement, *_storage(report)), table)]


def _storage(report: Report) -> tuple[str, ...]:
    if report.storage is None:
        return ()
    text, why = storage_words(report.storage)
    return (f"weights are stored twice in {text} projections ({why})",)


def _verified(report: Report) -> list[Section]:
    v = report.verified
    if v is None:
        return []
    states = ("u", "v", "s")
    differ = ("u differ", "v differ", "spikes differ", "other states differ")
    columns = ("population", "process", "values", *differ)
    rows = tuple(
        (
            p.population,
            p.process,
            str(p.values),
            *(str(p.mismatches.get(s, "-")) for s in states),
            str(sum(n for s, n in p.mismatches.items() if s not in states)),
        )
        for p in v.populations
    )
    table = Table(columns, rows, frozenset(columns[2:]))
    return [Section(f"Run on {v.backend} {v.version}", v.sentences, table)]


def _layers(report: Report) -> list[Section]:
    columns = (
        "population", "shape", "neurons", "cores", "synapses", "synops", "spikes", "rate",
        "sparsity", "float=int", "common", "int=chip",
    )  # fmt: skip
    rows = tuple(_layer(layer) for layer in report.layers)
    lines = (
        "synops, spikes: per inference; rate: per neuron and step",
        "float=int, int=chip: neurons and steps with the same output; common: spikes in "
        "both float and integer network, of those in either",
    )
    table = without_blanks(Table(columns, rows, frozenset(columns[2:])))
    return [Section("Layers", lines, table)]


def _layer(layer: LayerFacts) -> tuple[str, ...]:
    return (
        layer.name,
        "x".join(map(str, layer.shape)),
        str(layer.neurons),
        significant(layer.cores),
        significant(layer.synapses),
        _rounded(layer.synops),
        "-" if layer.spikes is None else _rounded(layer.spikes.mean),
        significant(layer.rate),
        share(None if layer.rate is None else 1 - layer.rate),
        *_agreements(layer),
    )


def _rounded(value: float | None) -> str:
    """Return counts per inference: whole above 1000, else three digits."""
    return significant(round(value) if value is not None and value >= 1000 else value)


def _agreements(layer: LayerFacts) -> tuple[str, ...]:
    if not layer.agreement:
        return ("-", "-", "-")
    rounding, mapping = layer.agreement
    same = (
        share(rounding.equal)
        if rounding.rms is None
        else f"rms {significant(rounding.rms)}"
    )
    return same, share(rounding.jaccard), share(mapping.equal)


def _utilization(used: Utilization | None) -> list[Section]:
    if used is None:
        return []
    columns = ("resource", "busiest core", "mean", "limit", "busiest / limit")
    rows = tuple(
        (
            f"{r.name} ({r.unit})",
            str(r.largest),
            significant(r.mean),
            "-" if r.limit is None else str(r.limit),
            "-" if not r.limit else share(r.largest / r.limit),
        )
        for r in used.resources
    )
    lines = (
        f"{used.cores} cores on {used.chips} chip{'s' * (used.chips > 1)}, cut by method "
        f"{used.partition!r}, placed by {used.placement!r}",
    )
    overview = Section("Resources", lines, Table(columns, rows, frozenset(columns[1:])))
    return [overview, _pieces(used)]


def _pieces(used: Utilization) -> Section:
    names = tuple(r.name for r in used.resources)
    columns = ("population", "core", "channels", "rows", "columns", "neurons", *names)
    rows = tuple(
        (
            p.population,
            str(p.core),
            *_ranges_of(p.window),
            str(p.neurons),
            *(str(p.use[name]) for name in names),
        )
        for p in used.pieces
    )
    table = Table(columns, rows, frozenset(columns[1:]))
    return Section("Pieces", table=table, detail=True)


def _ranges_of(window: tuple[int, ...]) -> tuple[str, ...]:
    ends = zip(window[::2], window[1::2], strict=True)
    return tuple(f"{low}-{high - 1}" for low, high in ends)


def _losses(report: Report) -> list[Section]:
    if not report.losses:
        return []
    columns = ("where", "what", "largest", "rms", "unit", "choice")
    rows = tuple(
        (
            x.where,
            x.what,
            significant(x.max_error),
            significant(x.rms_error),
            x.unit,
            x.note,
        )
        for x in report.losses
    )
    table = Table(columns, rows, frozenset(columns[2:4]))
    return [Section("Lost by rounding", table=table, detail=True)]


def _ranges(report: Report) -> list[Section]:
    if not report.ranges:
        return []
    columns = ("population", "what", "safe up to", "bound", "reached")
    rows = tuple(
        (x.where, x.what, *map(_integer, (x.limit, x.bound, x.measured)))
        for x in report.ranges
    )
    table = Table(columns, rows, frozenset(columns[2:]))
    return [Section("Ranges", table=table, detail=True)]


def _integer(value: int | None) -> str:
    return "-" if value is None else str(value)


def _latency(report: Report) -> list[Section]:
    time = report.latency
    if time is None:
        return []
    bound = ", ".join(f"{b.name} {share(b.share)}" for b in time.bounds if b.share > 0)
    most = at_most(report)
    lines = (
        f"chip step: mean {quantity(time.step_mean_s, 's')}, longest "
        f"{quantity(time.step_max_s, 's')} (model {time.time_model!r}; set by: {bound})",
        f"answer: after {most}{time.steps + time.behind} chip steps, {time.steps} of the "
        f"input and {time.behind} through the layers: {spread(time.answer_s, 's')}",
        f"inference to inference: {most}{time.frame} chip steps: "
        f"{spread(time.inference_s, 's')}",
        *settled_line(report),
    )
    return [Section("Time", lines)]


def _energy(energy: Ledger | None, sources: Sources, most: str) -> list[Section]:
    if energy is None:
        return []
    i = energy.interval
    over = (
        "over the coefficient sets"
        if energy.basis == "measured"
        else "from silent to firing"
    )
    range_ = (
        f"cores and network on chip: {quantity(i.low, 'J')} ({i.low_set}) to "
        f"{quantity(i.high, 'J')} ({i.high_set}) per inference, {over}"
    )
    basis = (
        f"mean of {energy.samples} samples of {most}{energy.steps} steps"
        if energy.basis == "measured"
        else f"bounds over {energy.steps} steps: nothing fires, to everything fires always"
    )
    apart = "lines of one scope add up; scopes do not, and sets exclude each other"
    return [
        Section("Energy", (range_, basis, apart)),
        *(_account(account, sources) for account in energy.accounts),
        Section("Energy, static", table=_lines(energy.static, sources)),
        *(_by_population(account) for account in energy.accounts),
    ]


def _account(account: Account, sources: Sources) -> Section:
    scopes = {line.scope: account.totals.get(line.scope) for line in account.lines}
    totals = "; ".join(
        f"{scope} {NOT_PUBLISHED if total is None else spread(total, 'J')}"
        for scope, total in scopes.items()
    )
    lines = (
        account.title,
        f"by scope: {totals}",
        *([account.note] if account.note else ()),
    )
    return Section(f"Energy by {account.name}", lines, _lines(account.lines, sources))


def _lines(lines: Iterable[Line], sources: Sources) -> Table:
    columns = ("line", "scope", "count", "price", "energy", "kind", "source")
    rows = tuple(
        (
            line.name,
            line.scope,
            spread(line.count, "s" if line.unit == "W" else ""),
            NOT_PUBLISHED if line.price is None else _price(line.price, line.unit),
            NOT_PUBLISHED if line.joules is None else spread(line.joules, "J"),
            line.kind,
            "-" if line.price is None else sources.cite(line.source),
        )
        for line in lines
    )
    return Table(columns, rows, frozenset(columns[2:5]))


def _price(price: float, unit: str) -> str:
    return quantity(price, "W") if unit == "W" else f"{significant(price)} {unit}"


def _by_population(account: Account) -> Section:
    priced = [line for line in account.lines if line.parts]
    names = tuple(priced[0].parts) if priced else ()
    columns = ("population", *(line.name for line in priced))
    rows = tuple(
        (name, *(quantity(line.parts[name], "J") for line in priced)) for name in names
    )
    table = Table(columns, rows, frozenset(columns[1:]))
    return Section(
        f"Energy of the cores by population, {account.name}", (), table, detail=True
    )
