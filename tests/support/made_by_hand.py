"""A small program and what it may have done, made by hand, for the ledger and the report."""

from typing import Any

import msgspec
import numpy as np

from snn_deploy.board.board import Board, Energy, EnergySet, load_board
from snn_deploy.board.evidence import Coefficient, StaticPower
from snn_deploy.evaluation.decode import Answer
from snn_deploy.evaluation.ledger import Stat, ledger
from snn_deploy.ir.activity import CHIP_COUNTERS, CORE_COUNTERS, Activity, Counts, Recording
from snn_deploy.ir.network import Assumption
from snn_deploy.ir.program import Partition, Piece, Placement, Program, Routes, Use, Window
from snn_deploy.ir.quant import Loss, QuantNetwork, QuantPopulation, Range
from snn_deploy.report import parts
from snn_deploy.report.report import Report

SAMPLES, FRAME, PIECES = 4, 2, 3


def price(counter: str, value: float | None, scope: str = "core") -> Coefficient:
    return Coefficient(
        name=f"{counter} price",
        counter=counter,  # type: ignore[arg-type]
        value=value,
        unit="pJ",
        kind="none" if value is None else "fitted",
        scope=scope,  # type: ignore[arg-type]
        voltage=0.75,
        source="a paper",
        confidence="primary",
    )


def power(scope: str, value: float | None) -> StaticPower:
    return StaticPower(
        name=f"{scope} power",
        value=value,
        unit="W",
        kind="none" if value is None else "measured",
        scope=scope,  # type: ignore[arg-type]
        source="a notebook",
        confidence="secondary",
    )


CHEAP = EnergySet(
    title="cheap",
    source="a paper",
    coefficients=(
        price("synops", 10.0),
        price("inactive", 1.0),
        price("hops_x", 3.0, "noc"),
    ),
)
DEAR = EnergySet(
    title="dear",
    source="another",
    coefficients=(
        price("synops_dense", 20.0),
        price("synops_conv", 30.0),
        price("hops_chip", None, "noc"),
        price("input_messages", 1e6, "io"),
    ),
)
ENERGY = Energy(
    sets={"cheap": CHEAP, "dear": DEAR},
    static=(power("chip", 0.5), power("core", 0.1), power("management", None)),
)


def board(energy: Energy = ENERGY) -> Board:
    return msgspec.structs.replace(load_board("tiny"), energy=energy, chips=2)


def population(name: str) -> QuantPopulation:
    ones = np.ones(2)
    zero = np.zeros(2, np.int64)
    return QuantPopulation(name, (2,), "lif", {}, zero, ones, ones, 1)


def program(energy: Energy = ENERGY) -> Program:
    """Population "a" on cores 0 and 1 of the first chip, "b" on core 5 of the second."""
    use = Use(1, 1, 1, 1, 1, 0)
    names = ("a", "a", "b")
    pieces = tuple(Piece(n, Window(0, 1, 0, 1, i, i + 1), use) for i, n in enumerate(names))
    net = QuantNetwork((), (), (population("a"), population("b")), (), ("b",), "loihi")
    none = np.zeros(0, np.int64)
    routes = Routes((), none, none, np.zeros(1, np.int64), none, none, none, none, ())
    placement = Placement(np.array([0, 1, 5]))
    return Program(net, Partition(pieces), placement, routes, board(energy))


def activity(seed: int = 0, samples: int = SAMPLES, **fixed: Any) -> Activity:
    """Random counts, the same in `counts` and `per_sample`; `fixed` sets the latter."""
    rng = np.random.default_rng(seed)
    core = {name: rng.integers(0, 100, (samples, FRAME, PIECES)) for name in CORE_COUNTERS}
    chip = {name: rng.integers(0, 100, (samples, FRAME)) for name in CHIP_COUNTERS}
    core["active"] = np.minimum(core["active"], core["updates"])
    totals = {
        name: a.reshape(samples, -1).sum(axis=1) for name, a in {**core, **chip}.items()
    }
    return Activity(
        recording=Recording({}, {}, {}),
        counts=Counts(**{name: a.sum(axis=0) for name, a in core.items()}),
        per_sample={**totals, **fixed},
        link_messages=np.zeros(1, np.int64),
        step_s=rng.random((samples, FRAME)),
        step_bound=np.zeros((samples, FRAME), np.int64),
        bounds=("barrier",),
        time_model="bound",
        samples=samples,
        steps=1,
        frame=FRAME,
        **{name: a.sum(axis=0) for name, a in chip.items()},
    )


def report() -> Report:
    """Every part filled, with names that a careless writer would trip over."""
    layer = parts.LayerFacts(
        name="a|b_[red]",
        shape=(2, 1),
        neurons=2,
        model="lif",
        spiking=True,
        cores=2,
        synapses=12,
        synops=1234.5,
        spikes=Stat(3.25, 0.5, 3.0, 4.0),
        rate=0.08125,
        agreement=(
            parts.LayerAgreement("reference", "integer", 0.9875, 0.9, None),
            parts.LayerAgreement("integer", "chip", 1.0, 1.0, None),
        ),
    )
    use = {"axon_in": 5, "neuron_groups": 1, "neuron": 1, "synapse": 6, "axon_map": 1,
           "axon_mem": 0, "total": 14}  # fmt: skip
    piece = parts.PieceRow("a|b_[red]", 5, 1, 1, (0, 1, 0, 1, 0, 1), use)
    return Report(
        tool="snn-deploy 0",
        model=parts.Model("model.nir", "00ff", 1e-4, {"x": (3,)}, {"a|b_[red]": (2, 1)}),
        target=parts.Target("tiny", "a tiny board", "made up", "loihi", 2, 8),
        seed=7,
        stopped_after=None,
        support=(parts.Support("a|b_[red]", "soft_lif", "microcode", "a paper", "a note"),),
        caveats=("energy: everything is made up",),
        assumptions=(Assumption("dt", "0.0001", "r == tau/dt"),),
        input=parts.InputFacts("test.npz", 4, 20, True, True, 4),
        answer=Answer("a|b_[red]", "count", "most spikes", "default"),
        accuracy=(parts.Accuracy("reference", 4, 4), parts.Accuracy("chip", 3, 4)),
        agreement=(parts.Agreement("reference", "chip", 3, 4),),
        layers=(layer,),
        utilization=parts.Utilization(
            1, 1, (parts.Resource("synapse", "64-bit words", 256, 6, 6.0, 6),), (piece,)
        ),
        losses=(Loss("a|b_[red]", "threshold", 0.5, 0.25, "LSB", "nearest"),),
        ranges=(Range("a|b_[red]", "v", 8388607, None, 1200),),
        latency=parts.Latency(
            "bound", 20, 2, 32, 1e-6, 2e-6, Stat(2.2e-5, None, 2.2e-5, 2.2e-5),
            Stat(3.2e-5, None, 3.2e-5, 3.2e-5), (parts.BoundShare("barrier", 0.75), parts.BoundShare("synops", 0.25)),
        ),
        energy=ledger(activity(), program()),
    )  # fmt: skip
