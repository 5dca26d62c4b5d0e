"""Records: a report as lists of flat dictionaries, one per row, for pandas and the like.

Units stand in the keys. Missing values are None.
"""

from typing import Any

from snn_deploy.evaluation.ledger import Stat
from snn_deploy.report.report import Report


def layer_records(report: Report) -> list[dict[str, Any]]:
    """Return a record per population: size, activity, agreement between stages."""
    return [
        {
            "population": x.name,
            "shape": x.shape,
            "neurons": x.neurons,
            "cores": x.cores,
            "synapses": x.synapses,
            "synops": x.synops,
            "spikes": None if x.spikes is None else x.spikes.mean,
            "sparsity": None if x.rate is None else 1 - x.rate,
            **{f"{a.first}_equals_{a.second}": a.equal for a in x.agreement},
        }
        for x in report.layers
    ]


def energy_records(report: Report) -> list[dict[str, Any]]:
    """Return a record per line of the ledger, static lines with set None."""
    if report.energy is None:
        return []
    owned = [(a.name, line) for a in report.energy.accounts for line in a.lines]
    return [
        {
            "set": name,
            "line": line.name,
            "scope": line.scope,
            "counter": line.counter,
            **_stat("count", line.count),
            "price": line.price,
            "price_unit": line.unit,
            **_stat("joules", line.joules),
            "kind": line.kind,
            "confidence": line.confidence,
            "source": line.source,
        }
        for name, line in [*owned, *((None, line) for line in report.energy.static)]
    ]


def piece_records(report: Report) -> list[dict[str, Any]]:
    """Return a record per piece: where it lives and what it takes of its core."""
    if report.utilization is None:
        return []
    return [
        {
            "population": p.population,
            "chip": p.chip,
            "core": p.core,
            "neurons": p.neurons,
            "synops": p.synops,
            **p.use,
        }
        for p in report.utilization.pieces
    ]


def summary_record(report: Report) -> dict[str, Any]:
    """Return one record of a whole report, a row of a table over models and targets."""
    accuracy = {f"accuracy_{a.stage}": a.value for a in report.accuracy}
    time, used = report.latency, report.utilization
    energies = {
        f"energy_{a.name}_j": a.dynamic.mean
        for a in (report.energy.accounts if report.energy else ())
    }
    return {
        "model": report.model.file,
        "target": report.target.name,
        "samples": None if report.input is None else report.input.samples,
        "steps": None if report.input is None else report.input.steps,
        **accuracy,
        **energies,
        "answer_s": None if time is None else time.answer_s.mean,
        "answer_p95_s": None if time is None else time.answer_p95_s,
        "cores": None if used is None else used.cores,
        "chips": None if used is None else used.chips,
    }


def _stat(name: str, stat: Stat | None) -> dict[str, float | None]:
    parts = ("mean", "std", "low", "high")
    return {f"{name}_{p}": None if stat is None else getattr(stat, p) for p in parts}
