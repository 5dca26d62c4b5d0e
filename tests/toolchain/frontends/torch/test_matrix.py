"""Every framework x architecture: our network of a live module == the module itself, all bins.

And the round trip: from_torch -> write_nir -> read_nir (-> fuse) -> the same spikes. The table of what
was compared is docs/frameworks.md; `pytest --update-golden` rewrites it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.frontends.nir_writer.write_nir import write_nir
from snn_deploy.frontends.torch import from_torch
from snn_deploy.ir.network import Network
from snn_deploy.passes.fuse import fuse
from snn_deploy_simulators.reference import run
from support import (
    cells,
    live_norse,
    live_sinabs,
    live_snntorch,
    live_spikingjelly,
)
from support.frameworks import nir  # first, quietly
from support.live_modules import Case, run_framework, sample_of, spikes_for

STEPS = 200
SEEDS = (0, 1, 2)
TABLE = Path(__file__).parents[4] / "docs" / "frameworks.md"
MODULES = (live_snntorch, live_spikingjelly, live_sinabs, live_norse)
BY_NAME = {case.name: case for module in MODULES for case in module.CASES}

pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own


@dataclass(frozen=True)
class Row:
    """What one comparison saw.

    rates: of each population. read_back: bins that differ after the round trip, measured for one seed
    only; fused: the same after `fuse`. parts: populations after that, and before. peak: most spikes
    of one neuron in one step.
    """

    bins: int
    neurons: int
    wrong: int
    rates: dict[str, float]
    rate: float
    read_back: int | None
    fused: int | None
    parts: tuple[int, int]
    refusal: str
    peak: int


@cache
def measure(name: str, seed: int) -> Row:
    case = BY_NAME[name]
    rng = np.random.default_rng(seed)
    module = case.build(rng)
    x = spikes_for(case, rng, STEPS)
    expected = run_framework(case, module, x)
    net = from_torch(module, sample_of(case, x), steps=STEPS if case.looped else None)
    ours = run(net, x).outputs
    answer = ours[net.outputs[0]].reshape(expected.shape)
    back, refusal = round_trip(net)
    wrong: list[int | None] = [None, None]
    parts = (0, 0)
    if back is not None:
        whole = fuse(back)
        networks = (back if seed == SEEDS[0] else None, whole)
        wrong = [
            None if n is None else differing(n, x, net.outputs[0], answer) for n in networks
        ]
        parts = len(whole.populations), len(net.populations)
    return Row(
        bins=answer.size,
        neurons=answer.size // STEPS,
        wrong=int((answer != expected).sum()),
        rates={n: float(o.mean()) for n, o in ours.items() if n != "bias:1"},
        rate=float((expected != 0).mean()),
        read_back=wrong[0],
        fused=wrong[1],
        parts=parts,
        refusal=refusal,
        peak=int(expected.max()),
    )  # fmt: skip


def differing(net: Network, x: AnyArray, output: str, answer: AnyArray) -> int:
    return int((run(net, x).outputs[output].ravel() != answer.ravel()).sum())


def round_trip(net: Network) -> tuple[Network | None, str]:
    """Return what is read back, or why nothing could be written."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.nir"
        try:
            written = write_nir(net, path)
        except InputError as error:
            assert not path.exists()
            return None, str(error)
        nir.read(path)  # with type checking
        options = {
            "profile": written.profile,
            "dt": written.dt,
            "threshold": written.threshold,
        }
        return read_nir(path, **options), ""  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", BY_NAME)
def test_spikes_equal_those_of_the_module(name: str, seed: int) -> None:
    row = measure(name, seed)
    assert row.neurons >= 64
    assert row.wrong == 0
    assert 0.01 < row.rate < 0.95
    assert row.peak >= BY_NAME[name].most, "several spikes per step have to occur"
    assert min(row.rates.values()) > 0.001, "a dead layer proves nothing"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", [n for n, case in BY_NAME.items() if not case.refusal])
def test_spikes_survive_the_round_trip_through_a_file(name: str, seed: int) -> None:
    row = measure(name, seed)
    assert row.refusal == ""
    assert row.read_back in ((0,) if seed == SEEDS[0] else (None,))
    assert row.fused == 0
    assert row.parts[0] == row.parts[1], "fuse did not find all the neurons again"


@pytest.mark.parametrize("name", [n for n, case in BY_NAME.items() if case.refusal])
def test_what_has_no_standard_form_is_refused(name: str) -> None:
    assert BY_NAME[name].refusal in measure(name, SEEDS[0]).refusal


HEAD = """\
# Frameworks

`from_torch(module, sample_input)` takes a live module of snnTorch 1.0.0, SpikingJelly 2.0.0, sinabs 3.1.3
or Norse 1.1.0 (plain PyTorch layers around their neurons) and runs its forward once on tensors without
values. `write_nir(network, path)` writes standard NIR nodes; `read_nir` reads them back and `fuse` finds the
neurons in them again.

`record(module, x)` runs the module itself on x [N, T, *shape] and returns what each of its layers of neurons
sent, by population; saved as .npz it is what `--framework-trace` takes, and the report's section
"Fidelity" then goes from the framework to the chip:

    np.savez_compressed("sent.npz", **record(module, x))
    snn-deploy model.nir --target loihi2 --input test.npz --framework-trace sent.npz

* Taken as they are: loops over time in forward, states handed back, skip edges, everything that only moves
  values, BatchNorm in evaluation, Dropout (left out), grouped convolutions, average pooling of any kind,
  linear layers per token, recurrent neurons and containers.
* What forward makes of its steps: constants in the steps in which it adds them; the sum or mean over all steps,
  also with layers behind it, read by `--decode`; its last step, one step, or a weighted sum of steps, read as
  "what forward returns" (`--decode` still wins).
* Layers are told by what they are, not by their name. A class of torch.ao, of Brevitas (`QuantLinear`,
  `QuantConv1d/2d`) or of your own deploys with the weights it computes with; a subclass of a neuron that changes
  its step, integer layers of torch.ao and quantized activations are refused by name.
* Exact, but a layer of neurons of its own, and so one more step on the chip: the maximum of spikes (OR), the
  product of spikes (AND).
* Several spikes per step (sinabs' default `MultiSpike`, and `MaxSpike(n)`, with `MembraneSubtract`) are
  multi-level neurons: trunc(v / threshold) of the membrane, in float64 here.
* Refused: layers that run fewer steps than the sample has, neurons behind a sum over time, what takes a membrane
  (it sends no spikes).
* Refused, all at once and by name: activations that are not linear, the maximum of values (of several
  spikes per step, too), batch statistics, and neurons whose step no neuron here has (sinabs' several
  spikes per step or `min_v_mem` with a reset to 0; snnTorch's `reset_delay=False` with "subtract").
* Not in a NIR file: more spikes per step than a number that is known (give `write_nir(..., most=N)` or `MaxSpike(n)`), a
  lowest membrane, `>=` beside `>`, and any setting of a neuron of your own: each is refused by name, and
  `deploy(network, board)` takes a lowest membrane and spikes without a limit as they are. What else such a file has to be read
  with stands in its metadata.
* Concatenated branches and slices of channels are convolutions with zero weights in the file: no more cores than the network
  in the seven nets measured on Loihi 2 (one more for lines of 24 positions), but more synaptic operations.

## What a file tells

A NIR file written by a framework's own exporter states time constants and thresholds. What else decides when a neuron
spikes is what the framework always does, a number in the file, or nowhere: `--profile` alone is then refused, with the
flags that settle it, the framework's default first. Nothing is asked that makes no difference in the file at hand.

{cells}

sinabs' exporter also loses `tau_syn`, snnTorch's `reset_delay` and `graded_spikes_factor`, Rockpool's recurrent weights:
bring such nets with `from_torch`. One test for each cell: tests/toolchain/frontends/nir/test_lost.py.

## What was run

Each row was run in the framework itself and in our reference simulator: {seeds} seeds, {steps} steps, bins
that differ / bins. Then the same network was written, read, and fused. Parameters are dyadic and modules run in
float64, so that rounding cannot hide a difference; the row marked * has other decays. Modules in float32 with
decays and weights of no special form are held to the framework layer by layer: at most one first difference in
100,000 bins (tests/toolchain/frontends/torch/test_from_torch.py).

This file is written by the test (`pytest tests/toolchain/frontends/torch/test_matrix.py --update-golden`).

| framework | architecture | detail | bins that differ | written and read | and fused |
|---|---|---|---|---|---|
"""


def table() -> Iterator[str]:
    yield HEAD.format(seeds=len(SEEDS), steps=STEPS, cells=cells.table())
    for name, case in BY_NAME.items():
        rows = [measure(name, seed) for seed in SEEDS]
        bins = sum(r.bins for r in rows)
        first = f"| {case.framework} | {case.architecture} | {case.detail}{mark(case)} "
        yield (
            first
            + f"| {sum(r.wrong for r in rows)} / {bins:,} | {trip(rows, 'read_back')} | {trip(rows, 'fused')} |\n"
        )


def mark(case: Case) -> str:
    return " *" if "exp" in case.detail else ""


REFUSALS = {  # what a refusal says, and what the table says
    "levels in one step": "spikes per step without limit",
    "falls no lower": "lowest membrane",
}


def trip(rows: list[Row], key: str) -> str:
    if rows[0].refusal:
        why = next(w for sign, w in REFUSALS.items() if sign in rows[0].refusal)
        return f"refused ({why})"
    seen = [(getattr(r, key), r.bins) for r in rows if getattr(r, key) is not None]
    return f"{sum(wrong for wrong, _ in seen)} / {sum(bins for _, bins in seen):,}"


def test_the_table_in_the_docs_is_what_was_measured(request: pytest.FixtureRequest) -> None:
    text = "".join(table())
    if request.config.getoption("--update-golden"):
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(text)
    assert text == TABLE.read_text(), (
        "docs/frameworks.md differs; run pytest --update-golden"
    )
