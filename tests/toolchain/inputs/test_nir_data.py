"""NIRData: what we write is what nir reads, what nir writes is what we read."""

import io
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest

from snn_deploy.board.board import load_board
from snn_deploy.errors import InputError
from snn_deploy.evaluation.stages import Simulated
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.inputs.data import check_data
from snn_deploy.inputs.nir_data import is_nir_data, read_nir_data, write_nir_data
from snn_deploy.ir.network import Input, Network
from snn_deploy.pipeline.line import line
from snn_deploy.pipeline.output_files import trace_file
from support.deployed import READOUT
from support.fuzz import BYTES
from support.lines import begin
from support.small_model import OPTIONS, SAMPLES, STEPS, graph, samples

STEP = 1e-4
RNG = np.random.default_rng(3)
NET = Network((Input("input", (2, 3)),), (), (), (), step_s=STEP)
SPIKES = RNG.random((5, 40, 6)) < 0.2  # [N, T, n]
LEVELS = SPIKES * RNG.integers(1, 9, SPIKES.shape)


def wrapped(**nodes: Any) -> Any:
    """Return the data of a graph; a node is one observable, or several by name."""
    of = {n: o if isinstance(o, dict) else {"spikes": o} for n, o in nodes.items()}
    return nir.NIRGraphData({n: nir.NIRNodeData(o) for n, o in of.items()})


def saved(folder: Path, **nodes: Any) -> Path:
    nir.write_data(folder / "a.nird", wrapped(**nodes))
    return folder / "a.nird"


def grid(values: Any = SPIKES, dt: float = STEP) -> Any:
    return nir.TimeGriddedData(values, dt)


def events(values: Any = SPIKES, **changed: Any) -> Any:
    """Return EventData of spikes, or ValuedEventData of graded ones."""
    found = grid(values != 0).to_event(int((values != 0).sum(axis=(1, 2)).max()) + 2)
    kind = nir.EventData
    if values.dtype != bool:
        kind, when = nir.ValuedEventData, np.rint(np.minimum(found.time, 1) / STEP)
        place = np.arange(len(values))[:, None], np.minimum(when, 39).astype(int), found.idx
        changed = {"value": values[place].astype(float), **changed}
    fields = {"idx": found.idx, "time": found.time, "n_neurons": 6, "t_max": found.t_max}
    return kind(**{**fields, **changed})


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
def test_values_on_a_grid_are_read_as_nir_wrote_them(kind: Any, tmp_path: Path) -> None:
    file = saved(tmp_path, input=grid(SPIKES.astype(kind)), lif=grid(SPIKES[..., :2]))
    assert is_nir_data(file)
    found = read_nir_data(file, NET)
    assert found.notes == ()
    assert found.values.keys() == {"input"}
    assert found.values["input"].dtype == kind
    np.testing.assert_array_equal(found.values["input"], SPIKES.reshape(5, 40, 2, 3))
    assert SPIKES.any()
    again = nir.read_data(file).nodes["input"].observables["spikes"].data
    np.testing.assert_array_equal(found.values["input"].reshape(again.shape), again)
    data = check_data(found.values, NET, file.name)
    assert (data.samples, data.steps, data.static) == (5, 40, False)
    few = read_nir_data(file, NET, 2).values["input"]
    np.testing.assert_array_equal(few, found.values["input"][:2])


def test_one_sample_may_have_no_axis_of_samples(tmp_path: Path) -> None:
    file = saved(tmp_path, input=grid())
    with h5py.File(file, "r+") as opened:
        place = opened["nodes/input/observables/spikes"]
        del place["data"]
        place["data"] = SPIKES[0]
    found = read_nir_data(file, NET, samples=3).values["input"]
    np.testing.assert_array_equal(found, SPIKES[:1].reshape(1, 40, 2, 3))


@pytest.mark.parametrize("values", [SPIKES, LEVELS], ids=["events", "valued"])
def test_events_come_back_to_the_steps_that_they_came_from(
    values: Any, tmp_path: Path
) -> None:
    """Also those at k * dt, which nir's own floor(time / dt) puts a step too early."""
    file = saved(tmp_path, input=events(values))
    found = read_nir_data(file, NET)
    np.testing.assert_array_equal(found.values["input"].reshape(values.shape), values)
    assert found.values["input"].dtype == (bool if values is SPIKES else np.float64)
    (note,) = found.notes
    assert (note.name, note.value) == ("events of input 'input'", "40 steps of 0.0001 s")
    assert note.evidence == "until t_max"
    few = read_nir_data(file, NET, 2).values["input"]
    np.testing.assert_array_equal(few, found.values["input"][:2])


@pytest.mark.parametrize("values", [SPIKES, LEVELS], ids=["events", "valued"])
def test_events_within_steps_are_gridded_as_nir_does(values: Any, tmp_path: Path) -> None:
    whole = events(values)
    late = whole.time + np.where(np.isfinite(whole.time), 0.4 * STEP, 0)
    moved = replace(whole, time=late)
    file = saved(tmp_path, input=moved)
    wanted = moved.to_time_gridded(STEP).data
    found = read_nir_data(file, NET).values["input"]
    np.testing.assert_array_equal(found.reshape(wanted.shape), wanted)
    assert wanted.any()


def test_events_of_one_step_count_once_and_a_note_says_how_many(tmp_path: Path) -> None:
    idx, when = np.array([[1, 1, 2, -1]]), np.array([[1.1, 1.7, 1.2, np.inf]]) * STEP
    value = np.array([[2.0, 5.0, 3.0, 0.0]])
    file = saved(tmp_path, input=nir.ValuedEventData(idx, when, 6, 2.5 * STEP, value=value))
    found = read_nir_data(file, NET)
    wanted = np.zeros((1, 3, 6))  # t_max lies in the third step
    wanted[0, 1, 1:3] = 5, 3
    np.testing.assert_array_equal(found.values["input"].reshape(1, 3, 6), wanted)
    said = "until t_max; 1 of 3 fall on others and count once, the last"
    assert [n.evidence for n in found.notes] == [said]


def test_spikes_are_fed_where_there_are_several_observables(tmp_path: Path) -> None:
    noise = grid(RNG.random((5, 40, 6)))
    file = saved(tmp_path, input={"current": noise, "spikes": grid()})
    found = read_nir_data(file, NET)
    np.testing.assert_array_equal(found.values["input"].reshape(SPIKES.shape), SPIKES)
    assert [(n.value, n.evidence) for n in found.notes] == [
        ("spikes", "the file has current as well")
    ]
    alone = read_nir_data(saved(tmp_path, input={"current": noise}), NET)
    np.testing.assert_array_equal(alone.values["input"].ravel(), noise.data.ravel())
    assert alone.notes == ()


def test_a_model_without_a_step_takes_a_grid_of_any_and_no_events(tmp_path: Path) -> None:
    net = replace(NET, step_s=None)
    found = read_nir_data(saved(tmp_path, input=grid(dt=0.02)), net)
    assert [(n.name, n.value) for n in found.notes] == [("step", "0.02 s")]
    with pytest.raises(InputError, match=r"holds events, and nothing says how long a step"):
        read_nir_data(saved(tmp_path, input=events()), net)


def test_steps_that_single_precision_rounded_are_the_same(tmp_path: Path) -> None:
    file = saved(tmp_path, input=grid(dt=float(np.float32(STEP))))
    assert read_nir_data(file, NET).notes == ()


WIDE = np.zeros((1, 40, 7), bool)
PLACE = "nodes/input/observables/spikes"


WRITTEN: list[tuple[dict[str, Any], str]] = [
    ({"input": grid(dt=1e-3)}, r"a\.nird: node 'input': its steps are 0\.001 s, but a step of the model is 0\.0001 s; record it with that step, or give dt=0\.001"),
    ({"lif": grid(), "out": grid()}, r"a\.nird: has no node called like the input 'input' \(found 'lif', 'out'\); write"),
    ({}, r"\(found none\)"),
    ({"input": grid(WIDE)}, r"node 'input': has 7 neurons, but the input takes 6 \[2, 3\]"),
    ({"input": events(n_neurons=7)}, r"node 'input': has 7 neurons, but the input takes 6"),
    ({"input": {"a": grid(), "b": grid()}}, r"has no observable 'spikes' \(found 'a', 'b'\)"),
    ({"input": {}}, r"has no observable 'spikes' \(found none\)"),
    ({"input": events(t_max=38 * STEP)}, r"[1-9]\d* of \d+ events are of no neuron \(0 to 5, .* or not from 0 to 0\.0038 s"),
    ({"input": events(idx=np.where(events().idx == 2, 6, events().idx))}, r"[1-9]\d* of \d+ events are of no neuron"),
    ({"input": events(idx=events().idx.astype(float))}, r"here of type float64"),
    ({"input": events(time=events().time - STEP)}, r"events are of no neuron"),
    ({"input": events(time=events().time * np.nan)}, r"events are of no neuron"),
    ({"input": events(t_max=0.0)}, r"'t_max' is 0, but must be above 0"),
    ({"input": events(t_max=np.inf)}, r"'t_max' is inf"),
    ({"input": events(t_max=1e300)}, r"holds|takes \S+ GiB in steps of the model"),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "message"), WRITTEN)
def test_what_cannot_be_fed_is_refused_in_one_sentence(
    nodes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    file = saved(tmp_path, **nodes)
    with pytest.raises(InputError, match=message) as caught:
        read_nir_data(file, NET)
    assert str(caught.value).startswith("a.nird: ")
    assert "\n" not in str(caught.value)


def put(place: str, value: Any = None, **wishes: Any) -> Callable[[Any], None]:
    """Replace a member; None removes it."""

    def action(file: Any) -> None:
        del file[place]
        if isinstance(value, h5py.ExternalLink | h5py.SoftLink):
            file[place] = value
        elif value is not None:
            file.create_dataset(place, data=value, **wishes)

    return action


def say(place: str, name: str, value: Any) -> Callable[[Any], None]:
    """Replace an attribute; None removes it."""

    def action(file: Any) -> None:
        del file[place].attrs[name]
        if value is not None:
            file[place].attrs[name] = value

    return action


def sparse(file: Any) -> None:
    del file[f"{PLACE}/data"]
    file.create_dataset(f"{PLACE}/data", (1 << 20, 1 << 20, 6), "u1", chunks=(1, 64, 6))


BROKEN: list[tuple[Callable[[Any], None], str]] = [
    (say("/", "__type__", "NIRGraph"), r"is 'NIRGraph' instead of the data of a graph"),
    (say("/", "__type__", 3), "does not say its type"),
    (say("/", "__type__", np.array(["a", "b"], "S1")), "does not say its type"),
    (say(PLACE, "__type__", None), "'spikes': does not say its type"),
    (say(PLACE, "__type__", "Spikes"), "'spikes' is of type 'Spikes', which is not known"),
    (say(PLACE, "dt", None), "has no number 'dt'"),
    (say(PLACE, "dt", "0.1"), "has no number 'dt'"),
    (say(PLACE, "dt", np.ones(3)), "has no number 'dt'"),
    (say(PLACE, "dt", np.nan), "'dt' is nan, but must be above 0"),
    (put("nodes/input/observables"), "node 'input': has no group 'observables' of its own"),
    (put("nodes/input", 3), "has no group 'input' of its own"),
    (put(f"{PLACE}/data"), "has no dataset 'data' of its own"),
    (put(f"{PLACE}/data", h5py.ExternalLink("other.h5", "x")), "has no dataset 'data' of"),
    (put(f"{PLACE}/data", h5py.SoftLink("/nodes")), "has no dataset 'data' of its own"),
    (put(f"{PLACE}/data", 3), r"values are \[\], but must be \[samples, steps, neurons\]"),
    (put(f"{PLACE}/data", np.zeros((1, 2, 1, 6))), r"values are \[1, 2, 1, 6\], but must"),
    (put(f"{PLACE}/data", h5py.Empty("f4")), r"values are \[\], but must be"),
    (put(f"{PLACE}/data", np.full((1, 2, 6), "a", object)), "is of type object or kept in"),
    (put(f"{PLACE}/data", np.zeros((1, 2, 6), complex)), "is of type complex128 or kept"),
    (sparse, r"holds 6144\.0 GiB, more than 50% of the"),
]


@pytest.mark.parametrize(("action", "message"), BROKEN)
def test_a_forged_file_is_refused_in_one_sentence(
    action: Callable[[Any], None], message: str, tmp_path: Path
) -> None:
    file = saved(tmp_path, input=grid())
    with h5py.File(file, "r+") as opened:
        action(opened)
    with pytest.raises(InputError, match=message) as caught:
        read_nir_data(file, NET)
    assert "\n" not in str(caught.value)


def test_columns_of_events_have_one_shape(tmp_path: Path) -> None:
    file = saved(tmp_path, input=events())
    with h5py.File(file, "r+") as opened:
        put(f"{PLACE}/time", np.zeros((5, 3)))(opened)
    with pytest.raises(InputError, match=r"idx \[5, \d+\], time \[5, 3\], but all must be"):
        read_nir_data(file, NET)


def test_other_files_are_no_nir_data(tmp_path: Path) -> None:
    nir.write(tmp_path / "model.nir", graph())
    (tmp_path / "text").write_text("no data")
    (tmp_path / "cut").write_bytes(saved(tmp_path, input=grid()).read_bytes()[:900])
    for name in ("model.nir", "text", "cut", "missing", "."):
        assert not is_nir_data(tmp_path / name)


@pytest.mark.parametrize("kind", ["grid", "events"])
def test_damaged_files_are_read_or_refused_in_one_sentence(
    kind: str, tmp_path: Path
) -> None:
    file = saved(tmp_path, input=grid() if kind == "grid" else events(LEVELS))
    whole, rng, read = file.read_bytes(), random.Random(kind), 0
    said: list[str] = []
    for i in range(150):
        file.write_bytes(whole)
        BYTES[i % len(BYTES)](file, rng)
        try:
            read += is_nir_data(file) and read_nir_data(file, NET).values["input"].size > 0
        except InputError as error:
            said.append(str(error))
    assert read > 10
    assert len(said) > 10
    assert not any("\n" in sentence for sentence in said)


# What we write


def simulated(input: Any, **changed: Any) -> Simulated:
    net = read_nir(graph(**changed), **OPTIONS)
    *_, last = line(begin(load_board("tiny"), net, input))
    assert isinstance(last, Simulated)
    return last


def test_a_trace_is_what_nir_reads() -> None:
    run = simulated(samples()["x"], **READOUT)
    found = read_back(trace_file(run, "trace.nird"))
    assert found.nodes.keys() == {"hidden", "out"}
    simulators = {"chip": "", "integer": "_integer", "reference": "_reference"}
    for name, what in (("hidden", "spikes"), ("out", "membrane")):
        observed = found.nodes[name].observables
        assert observed.keys() == {what + ending for ending in simulators.values()}
        for simulator, ending in simulators.items():
            wanted = run.recordings.layers[simulator].outputs[name]
            values = observed[what + ending]
            np.testing.assert_array_equal(values.data, wanted.reshape(values.shape))
            assert values.dt == pytest.approx(run.net.step_s)
            assert values.shape[:2] == (SAMPLES, STEPS)
            assert (values.data.dtype == bool) == (what == "spikes")
            assert values.data.any()
    graph_data = wrapped(hidden=found.nodes["hidden"].observables["spikes"])
    graph_data.check_nodes(graph())


def read_back(content: bytes) -> Any:
    """Return what nir reads of the bytes of a file."""
    return nir.read_data(io.BytesIO(content))


@pytest.mark.parametrize("suffix", [".nird", ".h5", ".HDF5"])
def test_the_ending_of_a_trace_chooses_its_format(suffix: str) -> None:
    run = simulated(samples()["x"])
    assert trace_file(run, f"a{suffix}").startswith(b"\x89HDF")
    for other in (trace_file(run), trace_file(run, Path("a.npz")), trace_file(run, "a")):
        assert other.startswith(b"PK")


def test_a_trace_without_a_step_counts_steps() -> None:
    run = simulated(samples()["x"])
    free = replace(run, net=replace(run.net, step_s=None))
    found = read_back(trace_file(free, "a.h5"))
    assert found.nodes["hidden"].observables["spikes"].dt == 1


def test_what_we_write_we_read(tmp_path: Path) -> None:
    nodes = {"input": {"spikes": LEVELS.reshape(5, 40, 2, 3)}}
    (tmp_path / "a.h5").write_bytes(write_nir_data(nodes, STEP))
    assert is_nir_data(tmp_path / "a.h5")
    found = read_nir_data(tmp_path / "a.h5", NET)
    np.testing.assert_array_equal(found.values["input"], nodes["input"]["spikes"])


def test_the_same_values_give_the_same_bytes() -> None:
    nodes: dict[str, Any] = {"a": {"spikes": SPIKES}, "b": {"membrane": LEVELS}}
    first = write_nir_data(nodes, STEP)
    time.sleep(1.1)  # HDF5 counts time in seconds
    assert write_nir_data(nodes, STEP) == first


@pytest.mark.parametrize("name", ["a/b", "", "."])
def test_a_name_that_is_none_in_hdf5_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=rf"^population '{name}': .*save the trace as"):
        write_nir_data({name: {"spikes": SPIKES}}, STEP)
