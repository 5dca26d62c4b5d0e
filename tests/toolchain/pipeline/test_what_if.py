"""What if: the product of lists, what each variant comes to, and which are on the front."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from typer.testing import Result

from snn_deploy import InputError, deploy
from snn_deploy.compare.pareto import pareto_figure, what_if_section
from snn_deploy.compare.variants import Variant, WhatIf, all_variants, goal
from snn_deploy.options.mapping import MappingOptions
from snn_deploy.pipeline.what_if import deploy_variants
from support import command_line
from support.small_model import FLAGS, OPTIONS, graph, samples, write_model, write_samples


@cache
def found() -> WhatIf:
    """Two boards, two widths, two placements; tiny needs narrow weights to hold the net."""
    variants = all_variants(
        ["loihi2", "loihi1"], {"weight_bits": [8, 2], "placement": ["random", "local"]}
    )
    return deploy_variants(graph(), variants, input=samples(), **OPTIONS)


def test_variants_are_the_product_of_the_lists() -> None:
    variants = all_variants(
        ["a", "b"], {"weight_bits": [8, 4], "partition": ["intel", "fewest"]}
    )
    assert len(variants) == len({msgspec.json.encode(v) for v in variants}) == 8
    assert variants[1] == Variant(
        "a", MappingOptions(weight_bits=8, partition="fewest"), "bound"
    )


def test_each_variant_comes_to_what_deploy_says() -> None:
    """Integers and floats are shared between variants; that must not show."""
    for i, v in enumerate(found().variants):
        report = deploy(
            graph(),
            v.target,
            input=samples(),
            weight_bits=v.mapping.weight_bits,
            placement=v.mapping.placement,
            **OPTIONS,
        )
        chip = {a.stage: a.value for a in report.accuracy}["chip"]
        assert found().value("accuracy chip", i) == chip
        assert report.energy is not None
        assert report.latency is not None
        first = report.energy.accounts[0]
        assert found().energy[i] == f"energy {first.name}"
        assert found().value(found().energy[i], i) == first.dynamic.mean
        assert found().value("answer time", i) == report.latency.answer_s.mean
        assert (found().value("synaptic operations", i) or 0) > 0
    assert len({found().value(found().energy[i], i) for i in range(8)}) > 4


def test_names_say_what_varies_and_nothing_else() -> None:
    assert found().names[0] == "loihi2, 8-bit weights, random"
    assert len(set(found().names)) == 8


def test_the_front_is_what_nothing_beats() -> None:
    goals = [goal(found(), i) for i in range(8)]
    for i, mine in enumerate(goals):
        beaten = any(
            all(a <= b for a, b in zip(other, mine, strict=True)) and other != mine
            for other in goals
            if other is not None and mine is not None
        )
        assert found().front[i] == (not beaten)
    assert 0 < sum(found().front) < 8


def test_what_does_not_fit_is_listed_beside_what_does() -> None:
    variants = all_variants(["tiny", "loihi2"], {})
    wide = graph_of(400)
    result = deploy_variants(wide, variants, input=samples(), **OPTIONS)
    assert "of a core of tiny" in result.refused[0][0]
    assert result.refused[1] == ()
    assert result.value("cores", 0) is None
    assert result.front == (False, True)
    section = what_if_section(result)
    assert section.table is not None
    assert "does not fit" in section.table.rows[0][1]
    assert any(line.startswith("1: ") for line in section.lines)


def graph_of(hidden: int) -> Any:
    """Return the small model with more hidden neurons."""
    import nir
    import numpy as np

    from support.small_model import CLASSES, INPUTS, lif

    rng = np.random.default_rng(1)
    return graph(
        fc1=nir.Affine(rng.normal(0.1, 0.4, (hidden, INPUTS)), np.zeros(hidden)),
        hidden=lif(hidden),
        fc2=nir.Affine(rng.normal(0, 0.4, (CLASSES, hidden)), np.zeros(CLASSES)),
    )


def test_without_labels_fidelity_takes_the_place_of_accuracy() -> None:
    arrays = {"x": samples()["x"]}
    variants = all_variants(["tiny", "loihi2"], {})
    result = deploy_variants(graph(), variants, input=arrays, **OPTIONS)
    assert result.quality == "fidelity"
    assert "no labels" in result.notes[0]
    assert (result.value("fidelity", 1) or 0) > 0.5


def test_the_picture_has_a_point_per_variant_in_each_plot() -> None:
    figure = pareto_figure(found())
    assert [a.get_title(loc="left").split(",")[0] for a in figure.axes] == [
        "energy", "answer time", "cores",
    ]  # fmt: skip
    for axes in figure.axes:
        assert len(axes.collections) == 8
        filled = [len(c.get_facecolor()) > 0 for c in axes.collections]
        assert tuple(filled) == found().front


LISTS = [
    ([], {}, "targets: is empty"),
    (["tiny", "tiny"], {}, "targets: tiny occurs twice"),
    (["tiny"], {}, "1 variants, but it takes 2 to 200; give one more"),
    (["tiny"], {"seed": [*range(300)]}, "300 variants.*shorten"),
    (["tiny"], {"weight_bits": [4, 9]}, "weight_bits=9: must be a whole number"),
]


@pytest.mark.parametrize(("targets", "lists", "message"), LISTS)
def test_lists_that_give_nothing_to_compare_are_refused(
    targets: list[str], lists: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        all_variants(targets, lists)


def invoke(folder: Path, *words: object) -> Result:
    model = write_model(folder / "m.nir")
    write_samples(folder / "x.npz")
    return command_line.invoke("compare", model, *map(str, words))


def test_verb_prints_one_table_and_draws_one_picture(tmp_path: Path) -> None:
    words = ["--input", tmp_path / "x.npz", *FLAGS, "--targets", "tiny,loihi2"]
    words += ["--weight-bits", "8, 3", "--time-model", "simple"]
    result = invoke(tmp_path, *words, "--out", tmp_path / "a.svg")
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.search(r"1 +tiny, 8-bit weights +\d", result.stdout)
    assert ET.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    told = json.loads(invoke(tmp_path, *words, "--json").stdout)
    assert [v["mapping"]["weight_bits"] for v in told["variants"]] == [8, 3, 8, 3]
    assert {v["time_model"] for v in told["variants"]} == {"simple"}
    assert len(told["front"]) == 4


REFUSED = [
    (["--targets", "tiny,loihi2"], "compare: nothing is weighed .* without --input"),
    (["--weight-bits", "8"], "--weight-bits: is for one MODEL .*give --targets"),
    (["--steps", "8"], "--steps: is for one MODEL"),
    (["b.nir", "--targets", "tiny"], "--targets: takes one MODEL, not 2 files"),
    (["--targets", "tiny", "--weight-bits", "8,x"], "--weight-bits x: must be a whole"),
    (["--input", "x.npz", "--targets", "tiny,loihi9"], "no board 'loihi9'"),
    (["--input", "x.npz", "--targets", "tiny,loihi2", "--partition", "foo"], "--partition"),
    (["--targets", "tiny,loihi2", "--out", "x.png"], r"a picture is \.svg or \.pdf"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED)
def test_what_cannot_be_tried_is_said_in_a_line(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(tmp_path, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(rf"error: .*{message}.*\n", result.stderr)
