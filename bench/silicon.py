"""Predicted step times and energies beside what was measured on real chips.

Networks are rebuilt from their shape: random weights, thresholds set so that every layer
fires at the stated rate. The prediction is the time model `event` with the board's
coefficients, and the energy of the board's first coefficient set. The interval spans what
is open: all time models, with the board's coefficients and (Loihi 2) with those of Loihi 1
unscaled; all coefficient sets. It counts as inside only where it is at most 3 times wide.
No coefficient is fitted here. SANA-FE fitted Loihi 1's on runs that include the DVS gesture
network: those rows are in that fit, and test only our rebuilding of it. Where only a range
was measured, the logarithm is that to its middle, and no verdict is given but overlap.
"""

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from measuring.clock import report

from snn_deploy.board.board import Board, load_board
from snn_deploy.evaluation.ledger import ledger
from snn_deploy.ir.maps import Connection, Conv, Dense
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy_simulators import chip, integer
from support.networks import mapped
from support.sanafe_networks import even, gesture, network, raster

WIDEST = 3.0
# lava-dl 0.6.0, tests/lava/lib/dl/netx/gts/pilotnet_lif: share of neuron-steps with a spike
# in the ground truth of Intel's PilotNet LIF, 24 steps of one frame, layer by layer.
PILOTNET = {
    "input": 0.887, "conv 0": 0.0915, "conv 1": 0.1003, "conv 2": 0.1201, "conv 3": 0.1078,
    "conv 4": 0.1102, "fc 0": 0.0942, "fc 1": 0.0408, "fc 2": 0.0333,
}  # fmt: skip
# SANA-FE sanafe/examples/dvs_challenge.npz (commit 8951ab0), one frame as biases of the
# input layer, 128 steps: the rates that its weights and thresholds give in plain floats.
GESTURE_INPUT = 0.0234
GESTURE = {
    "conv 0": 0.0062,
    "conv 1": 0.0107,
    "conv 2": 0.0192,
    "conv 3": 0.0506,
    "out": 0.0362,
}
CONVS = (  # output channels, stride and padding (y, x); same file
    (24, (2, 2), (0, 0)), (36, (2, 2), (0, 0)), (48, (2, 2), (0, 0)), (64, (2, 1), (1, 0)),
    (64, (1, 1), (0, 0)),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One measured quantity. kind: "time" (s per step) or "energy" (J per step, dynamic).

    low, high: the same unless only a range is known.
    """

    workload: str
    board: str
    kind: str
    low: float
    high: float
    note: str

    @property
    def measured(self) -> float:
        """The value, or the geometric middle of the range."""
        return math.sqrt(self.low * self.high)


PILOT, WTA, GESTURES = "PilotNet LIF", "winner-take-all, 1200 LIF", "DVS gesture"
ROWS = (
    Row(
        PILOT, "loihi2", "time", 152.8e-6, 152.8e-6, "rates measured (lava-dl pilotnet_snn)"
    ),
    Row(
        PILOT, "loihi2", "energy", 68.3e-6, 68.3e-6, "rates measured (lava-dl pilotnet_snn)"
    ),
    Row(WTA, "loihi2", "time", 1.77e-6, 1.77e-6, "5 % rate assumed (OzU-CAST, plot)"),
    Row(GESTURES, "loihi1", "time", 10e-6, 30e-6, "in the fit; rates of one frame (plot)"),
    Row(GESTURES, "loihi1", "energy", 1e-6, 4e-6, "in the fit; rates of one frame (plot)"),
)
LEFT_OUT = (
    "Not rebuilt: PilotNet SDNN and N-DNS (sigma-delta neurons); kNN on 768 chips, MNIST",
    "and CIFAR-10 CNNs (NxTF), KWS, olfaction, SHD, CLP, EMG, SDDPG, Q-learning: shape,",
    "steps or rates are not published where we could read them; Latin squares: only the",
    "ends of an axis are.",
)


def pilotnet() -> tuple[QuantNetwork, Stimulus]:
    """Return PilotNet-LIF; its input layer is neurons on the chip that a bias drives."""
    rng = np.random.default_rng(0)
    shape, name = (3, 66, 200), "input"
    layers: list[tuple[str, tuple[int, ...], int, int]] = [("input", shape, 25, 1024)]
    maps: list[tuple[str, str, Connection]] = []
    for i, (channels, stride, padding) in enumerate(CONVS):
        high, wide = (
            (n + 2 * p - 3) // s + 1
            for n, s, p in zip(shape[1:], stride, padding, strict=True)
        )
        conv = Conv(
            even(rng, -16, 20, (channels, shape[0], 3, 3)),
            shape,
            (channels, high, wide),
            stride,
            padding,
        )
        layers.append((f"conv {i}", conv.out_shape, 100, 1024))
        maps.append((name, f"conv {i}", conv))
        shape, name = conv.out_shape, f"conv {i}"
    n = int(np.prod(shape))
    for i, size in enumerate((100, 50, 10, 1)):
        dense: Connection = Dense(even(rng, -16, 20, (size, n)))
        layers.append((f"fc {i}", (size,), 100, 1024))
        maps.append((name, f"fc {i}", dense))
        n, name = size, f"fc {i}"
    net = replace(network((1,), layers, maps), inputs=())
    first = net.populations[0]
    fires = rng.random(first.n) < PILOTNET["input"]
    params = {**first.params, "bias_mant": np.where(fires, 2000, 0).astype(np.int64)}
    net = replace(net, populations=(replace(first, params=params), *net.populations[1:]))
    stimulus = Stimulus(1, 16, {}, {})
    return at_rates(
        net, stimulus, {k: v for k, v in PILOTNET.items() if k != "input"}
    ), stimulus


def winner_take_all() -> tuple[QuantNetwork, Stimulus]:
    """Return 1200 neurons that inhibit each other, spurred on by one input each."""
    rng = np.random.default_rng(0)
    maps: list[tuple[str, str, Connection]] = [
        ("in", "pool", Dense(even(rng, 0, 40, (1200, 100)))),
        ("pool", "pool", Dense(np.full((1200, 1200), -2, np.int16))),
    ]
    net = network((100,), [("pool", (1200,), 100, 400)], maps)
    stimulus = raster(100, 64, 0.1, 0)
    return at_rates(net, stimulus, {"pool": 0.05}), stimulus


def dvs_gesture() -> tuple[QuantNetwork, Stimulus]:
    """Return SANA-FE's gesture network."""
    stimulus = raster(1024, 128, GESTURE_INPUT, 0)
    return at_rates(gesture(), stimulus, GESTURE), stimulus


WORKLOADS = {
    PILOT: pilotnet,
    WTA: winner_take_all,
    GESTURES: dvs_gesture,
}


def at_rates(
    net: QuantNetwork, stimulus: Stimulus, rates: Mapping[str, float]
) -> QuantNetwork:
    """Return the network with thresholds at which its populations fire so often."""
    for name, rate in rates.items():
        low, high = 0, 1 << 17
        while high - low > max(1, low // 20):
            middle = (low + high) // 2
            found = integer.run(
                with_threshold(net, name, middle), stimulus, keep=(), threads=1
            )
            spikes = found.events[name].sum() / stimulus.steps / net.size(name)
            low, high = (middle, high) if spikes > rate else (low, middle)
        net = with_threshold(net, name, high)
    return net


def with_threshold(net: QuantNetwork, name: str, vth: int) -> QuantNetwork:
    """Return the network with another threshold of one population."""
    populations = tuple(
        replace(p, params={**p.params, "vth": np.full(p.n, vth, np.int64)})
        if p.name == name
        else p
        for p in net.populations
    )
    return replace(net, populations=populations)


def boards(name: str) -> Iterator[Board]:
    """Yield the board, and for Loihi 2 also with the times of Loihi 1."""
    board = load_board(name)
    yield board
    if name == "loihi2":
        old = load_board("loihi1").time
        yield msgspec.structs.replace(board, time=old)


def predict(row: Row) -> tuple[float, float, float, int]:
    """Return prediction, low, high (per step) and cores."""
    net, stimulus = WORKLOADS[row.workload]()
    program = mapped(net, load_board(row.board), method="local")
    values = times(program, stimulus) if row.kind == "time" else energies(program, stimulus)
    return values[0], min(values), max(values), len(program.partition.pieces)


def times(program: Program, stimulus: Stimulus) -> list[float]:
    """Return seconds per step, `event` with the board's own coefficients first."""
    found = []
    for board in boards(program.board.name):
        for model in ("event", "simple", "bound"):
            timed = replace(program, board=board)
            activity = chip.run(timed, stimulus, keep=(), threads=1, time_model=model)
            found.append(float(activity.step_s[0, : stimulus.steps].mean()))
    return found


def energies(program: Program, stimulus: Stimulus) -> list[float]:
    """Return dynamic joules per step of each coefficient set, in the order of the board."""
    activity = chip.run(program, stimulus, keep=(), threads=1)
    return [a.dynamic.low / stimulus.steps for a in ledger(activity, program).accounts]


def line(row: Row) -> tuple[str, bool]:
    """Return the row of the table, and whether it counts as inside."""
    value, low, high, cores = predict(row)
    verdict = judged(row, low, high)
    unit = "us" if row.kind == "time" else "uJ"
    real = f"{row.low * 1e6:.4g}" + (f"-{row.high * 1e6:.4g}" * (row.high > row.low))
    text = (
        f"{row.workload:26} {row.board:7} {cores:4} {row.kind:7}{real:>7} "
        f"{value * 1e6:9.2f} {unit} {math.log(value / row.measured):+6.2f} "
        f"{low * 1e6:8.2f} .. {high * 1e6:8.2f} {high / low:6.1f}  {verdict:17} {row.note}"
    )
    return text, verdict == "inside"


def judged(row: Row, low: float, high: float) -> str:
    """Return how the interval low..high stands to what was measured."""
    if row.low < row.high:
        return "overlaps" if low <= row.high and row.low <= high else "apart"
    if not low <= row.measured <= high:
        return "outside"
    return "inside" if high / low <= WIDEST else "inside, too wide"


def main() -> None:
    """Print and keep the table."""
    head = (
        f"{'workload':26} {'board':7} {'cores':4} {'step':6} {'real':>7} {'predicted':>9}"
        f"    {'ln':>6} {'interval':20} {'width':>6}  verdict"
    )
    found = [line(row) for row in ROWS]
    counted = sum(counts for _, counts in found)
    summary = f"{counted} of {len(found)} inside an interval at most {WIDEST:g} times wide."
    intro = (__doc__ or "").strip().splitlines()
    report(
        "silicon",
        [*intro, "", head, *(text for text, _ in found), "", summary, *LEFT_OUT, ""],
    )


if __name__ == "__main__":
    main()
