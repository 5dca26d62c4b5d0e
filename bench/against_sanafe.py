"""Chip simulator against SANA-FE 2.2.9: same network, mapping, spikes, energy, time model.

Both run on one core, back to back, in rounds. Ours is the whole of `chip.run` after one
warm-up for compilation, given the program's tables, whose time is stated; theirs is
`SpikingChip.sim` alone, without loading, tracing and Python conversion. Needs
`make sanafe-env`.
"""

import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from measuring.clock import measure, report, spread

from snn_deploy.board.board import Board, load_board
from snn_deploy.evaluation.ledger import ledger
from snn_deploy.ir.activity import Activity
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.names import TimeModelName
from snn_deploy_simulators import chip
from snn_deploy_simulators.counting.tables import Fan, fans
from support.networks import mapped
from support.sanafe_networks import gesture, perceptron, raster, recurrent
from support.sanafe_oracle import Run, fired, simulate

MODELS: dict[TimeModelName, str] = {
    "bound": "simple",
    "simple": "simple",
    "event": "detailed",
}
TIMED: tuple[TimeModelName, ...] = ("simple", "event")  # give the seconds of a step
ROUNDS = 2


@dataclass(frozen=True)
class Case:
    """A network and what to ask: at least how many times faster than `simple`."""

    title: str
    net: QuantNetwork
    stimulus: Stimulus
    board: Board
    target: int
    traced_steps: int  # of the run that compares every spike; tracing is slow


def cases() -> list[Case]:
    """Return the three networks of the claim."""
    board = load_board("loihi1")
    return [
        Case("784-512-10, 10 % input rate, 1000 steps", perceptron((784, 512, 10), 1500),
             raster(784, 1000, 0.1, 0), board, 300, 200),
        Case("32x32 -> 16c3s2 -> 32c3 -> 64c3 -> 11c3 -> 11, 10 % input rate, 500 steps",
             gesture(), raster(1024, 500, 0.1, 0), board, 200, 50),
        Case("10,000 recurrent neurons, 2 M synapses, 200 steps",
             recurrent(10_000, 200, 100, 400), raster(100, 200, 0.3, 0), roomy(board), 60,
             20),
    ]  # fmt: skip


def roomy(board: Board) -> Board:
    """Return the board with synapse and axon memory without end, as SANA-FE's has it."""
    names = ("synapse", "axon_in", "axon_map")
    pool = {
        n: msgspec.structs.replace(getattr(board.pool, n), value=1 << 30) for n in names
    }
    return msgspec.structs.replace(board, pool=msgspec.structs.replace(board.pool, **pool))


def compare(case: Case) -> list[str]:
    """Return the lines on one network."""
    program = mapped(case.net, case.board, method="local")
    tables = fans(program)
    made = measure(lambda: fans(program), 5)
    steps = case.stimulus.steps
    ours: dict[TimeModelName, list[float]] = {name: [] for name in MODELS}
    theirs: dict[str, list[float]] = {"simple": [], "detailed": []}
    runs = [Run("simple", steps, False), Run("detailed", steps, False)]
    results: Any = None
    for _ in range(ROUNDS):
        for name, seconds in ours.items():
            seconds += measure(partial(run, program, case, name, tables), 3)
        with TemporaryDirectory() as folder:
            results = simulate(program, case.stimulus, Path(folder), runs)
        for timing, result in zip(theirs, results, strict=True):
            theirs[timing].append(result["seconds"])
    activity = {name: run(program, case, name, tables) for name in MODELS}
    synops = int(activity["bound"].counts.synops.sum())
    lines = [case.title, f"  {program_line(program, activity['bound'], steps)}"]
    lines += [f"  tables of the program, made once: {spread(made)}"]
    lines += [f"  spikes {spikes_line(program, case)}"]
    lines += [f"  {x}" for x in equalities(program, activity, results, steps)]
    for name, model in MODELS.items():
        ratio = statistics.median(theirs[model]) / statistics.median(ours[name])
        wanted = {"bound": f", asked {case.target}", "event": ", asked 100"}.get(name, "")
        rate = synops / statistics.median(ours[name]) / 1e9
        lines.append(
            f"  {name:7} {spread(ours[name])}, {rate:.2f} G synops/s; SANA-FE {model} "
            f"{spread(theirs[model])}: {ratio:.0f} times faster{wanted}"
        )
    return lines


def run(
    program: Program, case: Case, model: TimeModelName, tables: Mapping[str, Fan]
) -> Activity:
    """Return our run on one thread, nothing kept but the outputs."""
    return chip.run(
        program, case.stimulus, keep=(), threads=1, time_model=model, tables=tables
    )


def program_line(program: Program, activity: Activity, steps: int) -> str:
    """Return how large and how active the network is."""
    pops = program.net.populations
    rates = (
        f"{p.name} {activity.recording.events[p.name].sum() / steps / p.n:.1%}"
        for p in pops
    )
    synops = activity.counts.synops.sum() / 1e6
    return f"{len(program.partition.pieces)} cores, {synops:.1f} M synops; " + ", ".join(
        rates
    )


def spikes_line(program: Program, case: Case) -> str:
    """Return how many neuron-steps of a shorter, traced run differ."""
    steps = case.traced_steps
    short = {name: x[:, :steps] for name, x in case.stimulus.spikes.items()}
    stimulus = Stimulus(1, steps, short, {})
    with TemporaryDirectory() as folder:
        (result,) = simulate(program, stimulus, Path(folder), [Run("simple", steps)])
    outputs = chip.run(program, stimulus, threads=1).recording.outputs
    theirs = fired(result, program.net, steps)
    different = sum(
        int((outputs[n].reshape(x.shape) != x).sum()) for n, x in theirs.items()
    )
    total = sum(int(x.sum()) for x in theirs.values())
    return f"of {steps} steps: {different} of {total} differ"


def equalities(
    program: Program, activity: Mapping[TimeModelName, Activity], results: Any, steps: int
) -> list[str]:
    """Return how close counts, energy and time of the whole run are."""
    simple, detailed = results
    (account,) = [
        a for a in ledger(activity["bound"], program).accounts if a.name == "sanafe"
    ]
    joules = sum(line.joules.low for line in account.lines if line.joules)
    counts = activity["bound"].counts
    same = (
        counts.synops.sum() == simple["spikes"],
        counts.messages_in.sum() == simple["packets_sent"],
    )
    times = {n: float(activity[n].step_s[0, :steps].sum()) for n in TIMED}
    return [
        f"synops and packets the same: {all(same)}; energy {joules:.6e} J, "
        f"off by {relative(joules, simple['energy']['total']):.0e}",
        f"chip time simple {times['simple']:.6e} s, off by "
        f"{relative(times['simple'], simple['sim_time']):.0e}; "
        f"event {times['event']:.6e} s, off by "
        f"{relative(times['event'], detailed['sim_time']):.0e} from detailed",
    ]


def relative(a: float, b: float) -> float:
    """Return the relative difference."""
    return abs(a - b) / abs(b)


def main() -> None:
    """Compare all networks."""
    lines = [__doc__.strip().splitlines()[0], ""] if __doc__ else []
    lines.append("Medians (lowest to highest) of processor time.")
    for case in cases():
        lines += ["", *compare(case)]
    report("against_sanafe", [*lines, ""])


main()
