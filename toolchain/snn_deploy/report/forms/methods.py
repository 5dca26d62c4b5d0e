"""The methods paragraph: what was done, in plain prose with every assumption, to paste.

Sentences carry marks like [@key], keys of references.yaml; each form writes them its way.
"""

from collections.abc import Iterator

from snn_deploy.evaluation.ledger import Account, Ledger
from snn_deploy.report.forms.bibliography import named
from snn_deploy.report.forms.endings_section import at_most, ending_methods
from snn_deploy.report.forms.graded_section import graded_methods
from snn_deploy.report.report import Report
from snn_deploy.report.text.numbers import estimated, quantity, share, spread


def methods(report: Report) -> tuple[str, ...]:
    """Return the sentences, in the order in which things were done."""
    return (
        *_model(report),
        *_mapping(report),
        *_simulation(report),
        *graded_methods(report),
        *_time(report),
        *_energy(report),
        *ending_methods(report),
        *_software(report),
        *(f"Note: {c}." for c in report.caveats),
    )


def _model(report: Report) -> Iterator[str]:
    m = report.model
    hashed = f" (SHA-256 {m.sha256[:16]}…)" if m.sha256 else ""
    yield (
        f"The network {m.file}{hashed} was read as a NIR file [@pedersen2024nir] and "
        f"deployed with {report.tool}, seed {report.seed}, for {report.target.title}."
    )
    if report.assumptions:
        listed = "; ".join(
            f"{a.name}: {a.value} ({a.evidence})" for a in report.assumptions
        )
        yield f"What the file leaves open was assumed: {listed}."


def _mapping(report: Report) -> Iterator[str]:
    if report.losses or report.ranges:
        yield (
            f"Weights, thresholds, decays and biases were rounded to the integers of the "
            f"target's arithmetic ({report.target.arithmetic}); the network was given one "
            f"chip step per synapse hop by retiming [@leiserson1991]."
        )
    microcode = sorted({s.model for s in report.support if s.runs != "stock"})
    if microcode:
        yield f"Neuron models that are not the chip's own: {', '.join(microcode)}."
    used = report.utilization
    if used is not None:
        yield (
            f"It was mapped to {used.cores} cores on {used.chips} "
            f"chip{'s' * (used.chips > 1)}, one piece of a population per core (partition "
            f"method {used.partition!r}, placement method {used.placement!r})."
        )


def _simulation(report: Report) -> Iterator[str]:
    if report.input is None or report.answer is None or not report.agreement:
        return
    i, a = report.input, report.answer
    shown = ", the same value in every step" if i.static else ""
    yield (
        f"The float network, the integer network and the mapped network were simulated on "
        f"{i.samples} samples of {i.steps} steps{shown}; nothing was measured on hardware."
    )
    yield (
        f"A sample's class is that with the {a.meaning} of {a.output} (decoder "
        f"{a.decoder})."
    )
    known = {e.name: e for e in report.estimates}
    told = [
        f"{r.stage} {estimated(known[f'accuracy {r.stage}'])}"
        if f"accuracy {r.stage}" in known
        else f"{r.stage} {share(r.value)}"
        for r in report.accuracy
    ]
    if told:
        yield (
            f"Accuracy, with 95 % Wilson score intervals [@wilson1927]: {', '.join(told)}."
        )


def _time(report: Report) -> Iterator[str]:
    t = report.latency
    if t is None:
        return
    most = at_most(report)
    yield (
        f"Time is modelled (model {t.time_model!r}; {t.source}{_marks(t.source)}): a frame "
        f"of {most}{t.frame} chip steps takes {spread(t.inference_s, 's')}, the answer is "
        f"out after {most}{t.steps + t.behind} of them."
    )


def _energy(report: Report) -> Iterator[str]:
    energy = report.energy
    if energy is None:
        return
    yield (
        "Energy is the simulated count of each event times a published coefficient; "
        "coefficient sets exclude each other, and dynamic energy holds cores and network "
        "on chip only."
    )
    known = {e.name: e for e in report.estimates}
    for account in energy.accounts:
        e = known.get(f"energy {account.name}")
        told = spread(account.dynamic, "J") if e is None else estimated(e)
        yield _account(account, told)
    if any(f"energy {a.name}" in known for a in energy.accounts):
        yield (
            "Intervals are 95 % bootstrap intervals [@efron1979] over samples and say "
            "nothing about the coefficients, which the spread of the sets shows."
        )
    yield from _static(energy)


def _account(account: Account, told: str) -> str:
    kinds = sorted({x.kind for x in account.lines if x.price is not None})
    missing = f"; not published, so not counted: {', '.join(account.unpublished)}"
    source = account.source + _marks(account.source)
    return (
        f"With set {account.name} ({account.title}; {source}; kind of evidence: "
        f"{', '.join(kinds)}), it is {told} per inference"
        f"{missing if account.unpublished else ''}."
    )


def _static(energy: Ledger) -> Iterator[str]:
    told = [
        f"{x.name} {spread(x.joules, 'J')} at {quantity(x.price, 'W')} ({x.kind}; "
        f"{x.source})"
        for x in energy.static
        if x.price is not None
    ]
    if told:
        yield (
            f"Static power over the time of an inference, never added to the above: "
            f"{'; '.join(told)}."
        )


def _software(report: Report) -> Iterator[str]:
    if report.software is None:
        return
    yield (
        "For comparison with work that knows no chip, operations were also priced at 45 nm "
        "[@horowitz2014] and by the analytical model with memory and addressing "
        "[@lemaire2022], and counted as NeuroBench [@neurobench2025], SpikingJelly "
        "[@spikingjelly2023] and the N-DNS challenge [@timcheck2023ndns] define them."
    )


def _marks(source: str) -> str:
    known = named(source)
    return " [" + "; ".join(f"@{key}" for key in known) + "]" if known else ""
