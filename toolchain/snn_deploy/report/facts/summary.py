"""Summarize: what the stages made -> Report. Only facts are taken down here, nothing is
run."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.evaluation.decode import Decided, decide
from snn_deploy.evaluation.ledger import Ledger, bounds, ledger
from snn_deploy.evaluation.stages import Bounded, Opened, Quantized, Routed, Simulated
from snn_deploy.inputs.data import Data
from snn_deploy.ir.network import Assumption
from snn_deploy.ir.program import RESOURCES, Piece, Program
from snn_deploy.neurons.cost import relative_operations
from snn_deploy.options.mapping import MappingOptions
from snn_deploy.report.facts.caveats import caveats
from snn_deploy.report.facts.course import (
    SAMPLE_ORIGINS,
    accuracy_by_step,
    answers,
    estimates,
    example,
    piece_synops,
    software_estimates,
)
from snn_deploy.report.facts.endings import ENDING_ORIGINS, ending_caveats, endings, settled
from snn_deploy.report.facts.graded import GRADED_ORIGINS, graded, graded_caveats
from snn_deploy.report.facts.layer_fidelity import (
    FIDELITY_ORIGINS,
    fidelity,
    threshold_caveats,
)
from snn_deploy.report.facts.layers import LAYER_ORIGINS, latency, layers
from snn_deploy.report.facts.silence import silence_caveats, tie_caveats
from snn_deploy.report.parts import (
    Accuracy,
    Agreement,
    InputFacts,
    Model,
    PieceRow,
    Resource,
    Support,
    Target,
    Utilization,
)
from snn_deploy.report.report import Report

STAGE_PAIRS = (
    ("framework", "reference"),
    ("reference", "integer"),
    ("integer", "chip"),
    ("reference", "chip"),
)
COUNTED = ("neuron_groups",)  # resources that are no words of memory

ORIGINS: dict[str, str] = {  # of all numbers of a report, see origins.py
    **LAYER_ORIGINS,
    **ENDING_ORIGINS,
    **GRADED_ORIGINS,
    **FIDELITY_ORIGINS,
    **SAMPLE_ORIGINS,
    "seed": "given: --seed",
    "model": "given: shapes and step of the model file, as read under `assumptions`",
    "input": "given: samples and steps of the input; compared: samples kept in memory",
    "target": "coefficient: sizes of the board file [target.source]",
    "accuracy": "count: decoded classes that are the label, silent, tied; by simulator",
    "agreement": "count: samples for which both simulators give the same class",
    "support[].relative_operations": (
        "derived: operations counted in the neuron's integer step over those of lif"
    ),
    "utilization.cores": "count: cores that hold a piece",
    "utilization.chips": "count: chips that hold a piece",
    "utilization.resources[]": "count: words and groups that the mapper needs, over cores",
    "utilization.resources[].limit": "coefficient: pool of the board file [target.source]",
    "utilization.pieces[]": "count: words, groups and neurons of one piece",
    "utilization.pieces[].core": "derived: chosen by the placer, with the seed",
    "utilization.pieces[].chip": "derived: core / cores per chip",
    "utilization.pieces[].synops": "count: counters synops_*, mean per inference",
    "storage.projections": "count: projections of the network",
    "storage.agreed": "count: samples, with all weights stored once",
    "storage.samples": "given: samples of the input",
    "losses": "derived: float parameters against their integers",
    "ranges[].limit": "coefficient: state widths of the board file [target.source]",
    "ranges[].bound": "derived: interval analysis of the integer network",
    "ranges[].measured": "count: largest magnitude in the simulators",
    "energy.samples": "given: samples of the input",
    "energy.steps": "given: model steps of a sample",
    "energy.accounts[].lines[].count": "count: the counter named in `counter` beside it",
    "energy.accounts[].lines[].price": (
        "coefficient: of the board file [energy.accounts[].lines[].source]"
    ),
    "energy.accounts[].lines[].voltage": (
        "coefficient: of the board file [energy.accounts[].lines[].source]"
    ),
    "energy.accounts[].lines[].joules": (
        "coefficient: count x price [energy.accounts[].lines[].source]"
    ),
    "energy.accounts[].lines[].parts": (
        "coefficient: the population's count x price [energy.accounts[].lines[].source]"
    ),
    "energy.accounts[].totals": (
        "coefficient: sum of the lines of one scope [energy.accounts[].source]"
    ),
    "energy.accounts[].dynamic": (
        "coefficient: sum of the lines of core and noc [energy.accounts[].source]"
    ),
    "energy.static[].count": "derived: time of an inference x units powered",
    "energy.static[].price": "coefficient: of the board file [energy.static[].source]",
    "energy.static[].joules": "coefficient: count x price [energy.static[].source]",
    "energy.interval": "derived: smallest and largest `dynamic` of the accounts",
    "tuning": "given: --max-drop, --finetune, --finetune-epochs, --weight-bits and --seed",
    "tuning.held_out": "derived: a tenth of the samples, drawn with the seed",
    "tuning.course": "count: cross entropy and correct classes of held-out samples",
    "tuning.best": "derived: the epoch with most correct, then least loss, held out",
    "tuning.float_correct": "count: samples right in the float network, before",
    "tuning.chip_correct": "count: samples right in the chip simulator, before",
    "tuning.tested": "given: samples of the input",
    "verified": "count: values of the emitted program against the integer simulator",
}


def summarize(run: Opened, stopped_after: str | None) -> Report:
    """Return the report of `run`; what its stage has not reached is None or empty."""
    support = _support(run) if isinstance(run, Quantized) else ()
    energy = _energy(run)
    facts: dict[str, Any] = {
        "tool": f"snn-deploy {version('snn-deploy')}",
        "model": _model(run),
        "target": _target(run),
        "seed": run.seed,
        "stopped_after": stopped_after,
        "support": support,
        "caveats": caveats(run, support, energy),
        "assumptions": _assumptions(run),
        "input": None if run.data is None else _input(run.data, run),
        "answer": run.answer,
        "accuracy": (),
        "agreement": (),
        "layers": layers(run),
        "utilization": None,
        "losses": (),
        "ranges": (),
        "latency": None,
        "energy": energy,
        "origins": ORIGINS,
    }
    if isinstance(run, Quantized):
        facts |= {"losses": run.quant.losses, "ranges": run.quant.ranges}
        facts |= {"storage": run.quant.storage}
    if isinstance(run, Routed):
        facts |= {"utilization": _utilization(run)}
    if isinstance(run, Simulated | Bounded):
        facts |= {"latency": latency(run)}
    if isinstance(run, Simulated):
        facts |= _of_samples(run, facts["caveats"])
    return Report(**facts)


def _of_samples(run: Simulated, said: tuple[str, ...]) -> dict[str, Any]:
    """Return the parts of a report that only samples give.

    said: caveats that are known without them.
    """
    read, rows, lost = decided(run), graded(run), fidelity(run)
    of_all = {**_of_framework(run), **read}
    predicted = {stage: found.classes for stage, found in read.items()}
    return {
        "caveats": (
            *silence_caveats(run, read["chip"]),
            *said,
            *threshold_caveats(run, lost),
            *graded_caveats(rows),
            *ending_caveats(run),
            *tie_caveats(read["chip"]),
        ),
        "accuracy": _accuracy(run, of_all),
        "agreement": _agreement({stage: d.classes for stage, d in of_all.items()}),
        "accuracy_by_step": accuracy_by_step(run),
        "example": example(run, predicted),
        "estimates": estimates(run, predicted),
        "software": software_estimates(run),
        "fidelity": lost,
        "graded": rows,
        "settled": settled(run),
        "endings": endings(run, predicted),
    }


def decided(run: Simulated) -> dict[str, Decided]:
    """Return what is read from the output, by simulator."""
    decoder = run.answer.decoder
    return {stage: decide(output, decoder) for stage, output in answers(run).items()}


def _of_framework(run: Simulated) -> dict[str, Decided]:
    """Return what the framework predicts, if its output was recorded."""
    if run.framework is None or run.answer.output not in run.framework.outputs:
        return {}
    output = run.framework.outputs[run.answer.output]
    return {"framework": decide(output, run.answer.decoder)}


def _model(run: Opened) -> Model:
    net = run.net
    return Model(
        file=run.source.file,
        sha256=run.source.sha256,
        step_s=net.step_s,
        inputs={i.name: i.shape for i in net.inputs},
        outputs={name: net.population(name).shape for name in net.outputs},
    )


def _target(run: Opened) -> Target:
    board = run.board
    return Target(
        name=board.name,
        title=board.title,
        source=board.source,
        arithmetic=board.arithmetic,
        chips=board.chips,
        cores=len(board.live_cores),
        columns=board.columns,
        rows=board.rows,
        unusable=tuple(sorted(set(range(board.n_cores)) - set(board.live_cores.tolist()))),
    )


def _support(run: Quantized) -> tuple[Support, ...]:
    known = run.board.neuron.models
    rows = []
    for pop in run.quant.populations:
        model = known.get(pop.model)
        runs = "impossible" if model is None else model.runs
        source = run.board.source if model is None else model.source
        note = f"{run.board.name} does not list this model" if model is None else model.note
        work = relative_operations(pop.model, pop.params)
        rows.append(Support(pop.name, pop.model, runs, source, note, work))
    return tuple(rows)


def _assumptions(run: Opened) -> tuple[Assumption, ...]:
    known = run.quant.assumptions if isinstance(run, Quantized) else run.net.assumptions
    fed = () if run.data is None else run.data.notes
    decoder = Assumption("decoder", run.answer.decoder, run.answer.chosen_by)
    return (*known, *fed, decoder, *_narrowed(run))


def _narrowed(run: Opened) -> Iterator[Assumption]:
    """Yield what was chosen otherwise than it is by default, in the report's words."""
    mapping = run.mapping
    if mapping.weight_bits != MappingOptions().weight_bits:
        yield Assumption("weight bits", str(mapping.weight_bits), "--weight-bits")
    if mapping.store_twice != MappingOptions().store_twice:
        often = "twice" if mapping.store_twice == "always" else "once"
        yield Assumption(
            "weights", f"stored {often}", f"--store-twice {mapping.store_twice}"
        )
    if mapping.spike_bits is not None:
        yield Assumption("spike bits", str(mapping.spike_bits), "--spike-bits")
    if mapping.lower is not None:
        yield Assumption("binary spikes", mapping.lower, "--lower")
    if run.simulation.until_quiet:
        yield Assumption("end of a sample", "at rest", "--until-quiet")


def _input(data: Data, run: Opened) -> InputFacts:
    compared = run.recordings.compared if isinstance(run, Simulated) else 0
    return InputFacts(
        data.source, data.samples, data.steps, data.static, data.y is not None, compared
    )


def _accuracy(run: Simulated, found: Mapping[str, Decided]) -> tuple[Accuracy, ...]:
    labels = run.data.y
    if labels is None:
        return ()
    return tuple(_correct(stage, d, labels) for stage, d in found.items())


def _correct(stage: str, found: Decided, labels: IntArray) -> Accuracy:
    right = found.classes == labels
    counted = (right, found.silent, found.tied, right & ~found.tied, found.among(labels))
    correct, silent, tied, low, high = (int(np.count_nonzero(x)) for x in counted)
    return Accuracy(stage, correct, len(labels), silent, tied, low, high)


def _agreement(predicted: Mapping[str, IntArray]) -> tuple[Agreement, ...]:
    return tuple(
        Agreement(
            a, b, int(np.count_nonzero(predicted[a] == predicted[b])), len(predicted[a])
        )
        for a, b in STAGE_PAIRS
        if a in predicted
    )


def _energy(run: Opened) -> Ledger | None:
    if isinstance(run, Simulated):
        return ledger(run.recordings.activity, run.program)
    if isinstance(run, Bounded):
        return bounds(run.silent, run.firing, run.program)
    return None


def _utilization(run: Routed) -> Utilization:
    program, pieces = run.program, run.program.partition.pieces
    limits = program.board.pool.caps()
    synops: list[float | None] = [None] * len(pieces)
    if isinstance(run, Simulated):
        synops = [*piece_synops(run.recordings.activity)]
    rows = tuple(
        _piece_row(piece, int(core), program, done)
        for piece, core, done in zip(pieces, program.placement.core, synops, strict=True)
    )
    return Utilization(
        cores=len({row.core for row in rows}),
        chips=len({row.chip for row in rows}),
        resources=tuple(
            _resource(name, limits.get(name), [row.use[name] for row in rows])
            for name in (*RESOURCES, "total")
        ),
        pieces=rows,
        partition=run.mapping.partition,
        placement=run.mapping.placement,
    )


def _piece_row(piece: Piece, core: int, program: Program, synops: float | None) -> PieceRow:
    w = piece.window
    use = {name: int(getattr(piece.use, name)) for name in (*RESOURCES, "total")}
    return PieceRow(
        population=piece.population,
        core=core,
        chip=core // program.board.cores_per_chip,
        neurons=w.size,
        window=(w.c0, w.c1, w.y0, w.y1, w.x0, w.x1),
        use=use,
        synops=synops,
    )


def _resource(name: str, limit: int | None, used: list[int]) -> Resource:
    unit = "groups" if name in COUNTED else "64-bit words"
    return Resource(name, unit, limit, max(used), float(np.mean(used)), sum(used))
