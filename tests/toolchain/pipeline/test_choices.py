"""Choices of a deployment: what they change, where they are recorded, and what is refused."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import nir
import numpy as np
import pytest

from snn_deploy import InputError, deploy
from snn_deploy.board.board import Board, load_board
from snn_deploy.board.narrow import narrowed
from snn_deploy.compare.gate_file import read_gate_file
from snn_deploy.names import PartitionName, PlacementName, TimeModelName, names
from snn_deploy.options.mapping import MappingOptions
from snn_deploy.pipeline.backends import backend_options
from snn_deploy.report.forms.methods import methods
from support.command_line import invoke
from support.small_model import (
    CLASSES,
    FLAGS,
    INPUTS,
    OPTIONS,
    graph,
    lif,
    samples,
    write_model,
    write_samples,
)


def test_choices_are_in_the_report_and_in_the_methods_paragraph() -> None:
    chosen: dict[str, Any] = {
        "partition": "fewest",
        "placement": "in-order",
        "time_model": "simple",
        "weight_bits": 5,
    }
    report = deploy(graph(), "tiny", input=samples(), **OPTIONS, **chosen)
    used, time = report.utilization, report.latency
    assert used is not None
    assert time is not None
    assert (used.partition, used.placement) == ("fewest", "in-order")
    assert time.time_model == "simple"
    assert [row.core for row in used.pieces] == list(range(used.cores))
    assert {a.name: a.value for a in report.assumptions}["weight bits"] == "5"
    told = " ".join(methods(report))
    for word in ("'fewest'", "'in-order'", "'simple'"):
        assert word in told
    assert report.layers[0].spikes is not None
    assert report.layers[0].spikes.low > 0


def test_a_time_model_changes_times_and_nothing_else() -> None:
    reports = [
        deploy(graph(), "tiny", input=samples(), time_model=name, **OPTIONS)
        for name in ("bound", "simple")
    ]
    bound, simple = (r.latency.answer_s.mean for r in reports if r.latency)
    assert bound is not None
    assert simple is not None
    assert simple > bound
    assert reports[0].layers == reports[1].layers
    assert reports[0].energy is not None
    assert reports[1].energy is not None
    assert reports[0].energy.accounts == reports[1].energy.accounts


def test_narrow_weights_take_less_synapse_memory() -> None:
    """Without samples, so that no array is stored twice to make up for it."""
    wide, narrow = (
        deploy(graph(), "tiny", stop_after="route", weight_bits=bits, **OPTIONS)
        for bits in (8, 4)
    )
    words = [
        {r.name: r.total for r in report.utilization.resources}["synapse"]
        for report in (wide, narrow)
        if report.utilization
    ]
    assert words[1] < words[0]


def test_spikes_of_no_bits_turn_a_graded_input_into_a_bias() -> None:
    x = samples()["x"].mean(axis=1)  # rates: many values
    reports = [
        deploy(
            graph(),
            "loihi2",
            input={"x": x},
            steps=6,
            spike_bits=bits,
            profile="snntorch",
            reset="zero",
        )
        for bits in (None, 0)
    ]
    graded, bias = (r.layers[0].synops for r in reports)
    assert graded is not None
    assert graded > 0
    assert bias == 0
    assert {a.name: a.value for a in reports[1].assumptions}["spike bits"] == "0"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"partition": "metis"}, r"partition='metis': must be one of intel, square, fewest"),
    ({"placement": "best"}, r"placement='best': must be one of local, greedy, hilbert"),
    ({"time_model": "exact"}, r"time_model='exact': must be one of bound, simple, event"),
    ({"weight_bits": 9}, r"weight_bits=9: must be a whole number from 1 to 8"),
    ({"weight_bits": 0}, r"weight_bits=0: must be a whole number from 1 to 8"),
]


@pytest.mark.parametrize(("wish", "message"), REFUSED)
def test_what_does_not_exist_is_refused_before_the_model_is_read(
    wish: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        deploy("missing.nir", "tiny", **wish)


def test_bits_that_no_spike_of_the_board_carries_are_refused() -> None:
    with pytest.raises(InputError, match=r"spike_bits=99: spikes of tiny carry 0 to \d+"):
        deploy(graph(), "tiny", spike_bits=99, **OPTIONS)


def test_weights_that_the_board_does_not_store_are_refused() -> None:
    board = load_board("tiny")
    bits = msgspec.structs.replace(board.synapse.weight_bits, value=4)
    small = msgspec.structs.replace(
        board, synapse=msgspec.structs.replace(board.synapse, weight_bits=bits)
    )
    with pytest.raises(InputError, match=r"weight_bits=5: tiny stores weights of 1 to 4"):
        deploy(graph(), small, weight_bits=5, **OPTIONS)


def test_a_limit_says_who_set_it() -> None:
    board = narrowed(load_board("loihi2"), MappingOptions(spike_bits=4))
    limit = board.synapse.payload_bits_max
    assert (limit.value, limit.kind) == (4, "assumed")
    assert "--spike-bits 4, of 24" in limit.source


def test_help_lists_every_method() -> None:
    text = " ".join(invoke("deploy", "--help").stdout.split())
    plain = re.sub(r"[^\w,-]+", " ", text)
    for name in (*names(PartitionName), *names(PlacementName), *names(TimeModelName)):
        assert re.search(rf"\b{name}\b", plain), name


def test_the_command_line_and_gate_files_take_them(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.nir")
    write_samples(tmp_path / "x.npz")
    words: list[str | Path] = ["--input", tmp_path / "x.npz", "--target", "tiny", *FLAGS]
    chosen = ["--time-model", "simple", "--placement", "random", "--partition", "fewest"]
    result = invoke("deploy", model, *words, *chosen)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "cut by method 'fewest', placed by 'random'" in result.stdout
    assert "model 'simple'" in result.stdout
    (tmp_path / "deploy.yaml").write_text(
        "model: m.nir\ntarget: tiny\noptions: {time_model: simple, partition: fewest}\n"
    )
    (found,) = read_gate_file(tmp_path / "deploy.yaml", backend_options)
    request = found.request
    assert request.simulation.time_model == "simple"
    assert request.mapping.partition == "fewest"


def sparse_graph() -> nir.NIRGraph:
    """Return the small model with 400 recurrent neurons in clusters, every eighth in one."""
    rng, n = np.random.default_rng(0), 400
    cluster = np.arange(n) % 8
    inside = cluster[:, None] == cluster[None]
    rec = (rng.random((n, n)) < np.where(inside, 0.3, 0.01)) * rng.normal(0, 0.1, (n, n))
    first = (rng.random((n, INPUTS)) < 0.15) * rng.normal(0.5, 0.4, (n, INPUTS))
    nodes = {
        "input": nir.Input(np.array([INPUTS])),
        "fc1": nir.Linear(first),
        "hidden": lif(n),
        "rec": nir.Linear(rec),
        "fc2": nir.Linear(rng.normal(0, 0.2, (CLASSES, n))),
        "out": lif(CLASSES),
        "output": nir.Output(np.array([CLASSES])),
    }
    names = ["input", "fc1", "hidden", "fc2", "out", "output"]
    edges = [*pairwise(names), ("hidden", "rec"), ("rec", "hidden")]
    return nir.NIRGraph(nodes, edges, type_check=False)


def small_cores() -> Board:
    board = load_board("loihi2")
    limits = {"synapse": 1500, "axon_in": 420}
    changed = {
        name: msgspec.structs.replace(getattr(board.pool, name), value=value)
        for name, value in limits.items()
    }
    return msgspec.structs.replace(
        board, pool=msgspec.structs.replace(board.pool, **changed)
    )


def test_renumbered_neurons_come_back_in_their_own_order(tmp_path: Path) -> None:
    pytest.importorskip("mtkahypar")
    traces, cores = [], []
    for method in ("fewest", "kahypar"):
        report = deploy(
            sparse_graph(),
            small_cores(),
            input=samples(),
            partition=method,
            out=tmp_path / method,
            formats="json",
            trace=tmp_path / f"{method}.npz",
            **OPTIONS,
        )
        traces.append(np.load(tmp_path / f"{method}.npz"))
        cores.append({layer.name: layer.cores or 0 for layer in report.layers}["hidden"])
        assert all(a.equal == a.samples for a in report.agreement if a.second == "chip")
    assert traces[0]["chip/hidden"].sum() > 1000
    for name in ("chip/hidden", "integer/hidden", "chip/out"):
        np.testing.assert_array_equal(traces[0][name], traces[1][name])
    assert cores[1] < 0.5 * cores[0]
    facts = json.loads((tmp_path / "kahypar" / "program.json").read_text())
    order = {p["name"]: p["order"] for p in facts["populations"]}
    assert sorted(order["hidden"]) == list(range(400)) != order["hidden"]
    assert order["out"] is None


def test_a_program_of_renumbered_neurons_is_not_emitted(tmp_path: Path) -> None:
    pytest.importorskip("mtkahypar")
    with pytest.raises(InputError, match=r"partition='kahypar': renumbers neurons.*lava"):
        deploy(
            graph(),
            "tiny",
            input=samples(),
            partition="kahypar",
            backend="lava",
            out=tmp_path / "x",
            **OPTIONS,
        )
