"""Caveats: what in a report is inherited, assumed, unknown or at risk, one sentence
each."""

from collections import Counter
from collections.abc import Iterable

from snn_deploy.board.evidence import leaves
from snn_deploy.evaluation.ledger import Account, Ledger
from snn_deploy.evaluation.stages import Opened, Quantized, Simulated
from snn_deploy.ir.quant import Range
from snn_deploy.report.parts import Support

WEAK = (
    "inherited",
    "scaled",
    "assumed",
    "none",
)  # kinds that are no evidence about this chip


def caveats(
    run: Opened, support: Iterable[Support], energy: Ledger | None
) -> tuple[str, ...]:
    """Return the sentences, gravest first."""
    support = tuple(support)
    found = [*_neurons(support), *_operations(support)]
    found += _ranges(run.quant.ranges if isinstance(run, Quantized) else ())
    if energy is not None:
        found += [*_energy(energy), *_time(run), *_bounds(energy)]
    if isinstance(run, Simulated):
        found += _samples(run.recordings.compared, run.data.samples, run.given is None)
    return tuple(found)


def _neurons(support: Iterable[Support]) -> list[str]:
    return [
        f"population {s.population!r} needs neuron {s.model!r}, which is {s.runs} on this "
        f"target" + (": the chip's own neuron is another" if s.runs == "microcode" else "")
        for s in support
        if s.runs != "stock"
    ]


def _operations(support: Iterable[Support]) -> list[str]:
    """Return what to mind where an update is another program than the stock neuron's."""
    most: dict[str, float] = {}
    for s in support:
        work = s.relative_operations or 1.0
        if work != 1.0:
            most[s.model] = max(work, most.get(s.model, 0.0))
    return [
        f"an update of {model} takes up to {work:.2f} times the operations of lif "
        f"(derived: counted in its integer step); times are scaled by that, energies per "
        f"update are those of lif"
        for model, work in most.items()
    ]


def _ranges(ranges: Iterable[Range]) -> list[str]:
    sentences = []
    for r in ranges:
        where = f"population {r.where!r}: {r.what}"
        if r.measured is not None and r.measured > r.limit:
            sentences.append(
                f"{where} reached {r.measured} on the given samples, beyond the {r.limit} "
                f"that is safe: results there are not those of the float network"
            )
        elif r.bound is None or r.bound > r.limit:
            could = "is unbounded" if r.bound is None else f"could reach {r.bound}"
            reached = (
                "" if r.measured is None else f" (it reached {r.measured} on the samples)"
            )
            sentences.append(f"{where} {could} in theory; {r.limit} is safe{reached}")
    return sentences


def _energy(energy: Ledger) -> list[str]:
    sentences = [s for account in energy.accounts for s in _account(account)]
    missing = [line.name for line in energy.static if line.price is None]
    if missing:
        sentences.append(
            f"static power: {', '.join(missing)} not published, so not counted"
        )
    return sentences


def _account(account: Account) -> list[str]:
    kinds = Counter(line.kind for line in account.lines if line.kind in WEAK[:-1])
    sentences = [
        f"energy set {account.name!r}: {n} of {len(account.lines)} prices are {kind} "
        f"({account.title})"
        for kind, n in kinds.items()
    ]
    unknown = [
        line.name for line in account.lines if line.price is None and line.count.high > 0
    ]
    if unknown:
        sentences.append(
            f"energy set {account.name!r}: {', '.join(unknown)} happened but has no "
            f"published price, so the totals leave it out"
        )
    return sentences


def _time(run: Opened) -> list[str]:
    figures = [leaf for _, leaf in leaves(run.board.time)]
    kinds = Counter(leaf.kind for leaf in figures if leaf.kind in WEAK)
    if not kinds:
        return []
    each = ", ".join(f"{n} {'unknown' if k == 'none' else k}" for k, n in kinds.items())
    return [f"time: of {len(figures)} coefficients of the time model {each}"]


def _bounds(energy: Ledger) -> list[str]:
    if energy.basis == "measured":
        return []
    return [
        f"no input was given: energies are bounds for {energy.steps} steps in which "
        f"nothing fires, and in which every neuron fires in every step; times are of the "
        f"latter"
    ]


def _samples(compared: int, samples: int, calibrated: bool) -> list[str]:
    sentences = []
    if calibrated:
        sentences = ["scales were chosen on the same samples that accuracy is measured on"]
    if compared < samples:
        sentences.append(
            f"layers were compared on the first {compared} of {samples} samples (memory)"
        )
    return sentences
