"""Every verb takes every option that can matter to it, and the stage it is for sees it.

A spy on the groups notes which module reads which option while a verb runs. One run has
many options at once, none at its default.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest

from snn_deploy.options.base import Options, fields_of
from snn_deploy.options.request import GROUPS
from snn_deploy.options.verbs import VERBS, WITHOUT, options_of
from snn_deploy_backends.lava.options import LavaOptions
from support.command_line import invoke
from support.said import said
from support.small_model import (
    CLASSES,
    HIDDEN,
    graph,
    of_sinabs,
    samples,
    write_model,
    write_samples,
)

DEPLOYING = ("deploy", "check", "compare", "gate")
# The module that does what an option says, whichever verb it was given to.
USED_BY = {
    "profile": "frontends.nir.settings",
    "dt": "frontends.nir.settings",
    "reset": "frontends.nir.settings",
    "threshold": "frontends.nir.settings",
    "spikes_per_step": "frontends.nir.settings",
    "floor": "frontends.nir.settings",
    "norm_input": "frontends.nir.frameworks.sinabs",
    "input_shape": "frontends.read_model",
    "input": "pipeline.deploy",
    "steps": "inputs.data",
    "samples": "inputs.data",
    "framework_trace": "pipeline.deploy",
    "labels": "inputs.data",
    "encode": "inputs.coding",
    "encoder_seed": "inputs.coding",
    "gain": "inputs.coding",
    "delta_threshold": "inputs.coding",
    "bin_ms": "inputs.frames",
    "window_ms": "inputs.frames",
    "start": "inputs.frames",
    "time_unit": "inputs.event_files",
    "polarity": "inputs.pixels",
    "pixels": "inputs.frames",
    "sensor": "inputs.pixels",
    "weight_bits": "board.narrow",
    "spike_bits": "board.narrow",
    "lower": "pipeline.line",
    "store_twice": "evaluation.simulate",
    "partition": "pipeline.line",
    "placement": "pipeline.line",
    "seed": "evaluation.stages",
    "decode": "pipeline.deploy",
    "head": "pipeline.deploy",
    "time_model": "evaluation.simulate",
    "until_quiet": "evaluation.simulate",
    "exit_when_stable": "evaluation.simulate",
    "batch": "evaluation.simulate",
    "stop_after": "pipeline.deploy",
    "min_accuracy": "pipeline.deploy",
    "max_drop": "pipeline.finetuned",
    "finetune": "pipeline.finetuned",
    "finetune_epochs": "pipeline.finetuned",
    "out": "pipeline.deploy",
    "formats": "pipeline.deploy",
    "trace": "pipeline.deploy",
    "backend": "pipeline.emission",
    "verify": "pipeline.deploy",
}
AS_READ = {"sensor": ("sensor_size", (3, 2))}  # a property of the group, made of it
READ = {"profile": "snntorch", "reset": "zero"}  # how the model is meant


@dataclass(frozen=True)
class Scenario:
    """Options that go together.

    Attributes:
        model: The file.
        input: The samples.
        options: By name; none at its default.
        needed: Others that make sense of them.
    """

    model: str
    input: str
    options: Mapping[str, Any]
    needed: Mapping[str, Any]


SCENARIOS = (
    Scenario(
        "m.nir",
        "x.npz",
        {
            "profile": "snntorch", "dt": 1e-4, "reset": "subtract", "threshold": "ge",
            "spikes_per_step": "one", "steps": 6, "samples": 4, "weight_bits": 4,
            "spike_bits": 3, "lower": "unary", "store_twice": "never", "partition": "fewest",
            "placement": "greedy", "seed": 3, "decode": "first", "time_model": "cycle",
            "head": "out",
            "exit_when_stable": 2, "batch": 2, "min_accuracy": 0.01, "max_drop": 99,
        },
        {},
    ),
    Scenario(
        "m.nir",
        "x.npz",
        {
            "out": "out", "formats": "json", "trace": "t.npz",
            "backend": "lava", "framework_trace": "theirs.npz",
        },
        READ,
    ),
    Scenario("m.nir", "x.npz", {"stop_after": "route"}, READ),
    Scenario(
        "s.nir", "x.npz", {"floor": "threshold", "norm_input": "no"}, said("sinabs")
    ),
    Scenario(
        "m.nir",
        "values.npz",
        {
            "encode": "rate", "encoder_seed": 7, "gain": 0.5, "steps": 8,
            "labels": "y.npy", "until_quiet": True,
        },
        READ,
    ),
    Scenario("first_conv.net", "images.npz", {"input_shape": "1x5x6"}, {}),
    Scenario("m.nir", "course.npz", {"encode": "delta", "delta_threshold": 0.2}, READ),
    Scenario(
        "events.nir",
        "recordings",
        {
            "bin_ms": 1, "window_ms": 15, "start": "zero", "time_unit": "us",
            "polarity": "on", "pixels": "or", "sensor": "3x2",
        },
        READ,
    ),
    Scenario(
        "m.nir",
        "x.npz",
        {"finetune": "train.npz", "finetune_epochs": 1},
        {**READ, "max_drop": 99},
    ),
)  # fmt: skip
FILES = ("input", "labels", "framework_trace", "finetune", "out", "trace")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make every file that a scenario names."""
    folder, rng = tmp_path_factory.mktemp("verbs"), np.random.default_rng(0)
    write_model(folder / "m.nir")
    write_model(folder / "s.nir", hidden=of_sinabs(HIDDEN), out=of_sinabs(CLASSES))
    write_samples(folder / "x.npz")
    others = samples()
    np.savez(
        folder / "train.npz", x=np.tile(1 - others["x"], (3, 1, 1)), y=[*others["y"]] * 3
    )
    np.savez(folder / "values.npz", x=rng.random((6, 12)))
    np.savez(folder / "course.npz", x=rng.random((6, 8, 12)))
    np.save(folder / "y.npy", np.arange(6) % 3)
    np.savez(folder / "images.npz", x=np.ones((3, 4, 1, 5, 6), np.uint8))
    with h5py.File(folder / "first_conv.net", "w") as file:
        layer = file.create_group("layer/0")
        layer["type"], layer["shape"] = "conv", [3, 2, 2]
        layer["weight"], layer["stride"] = np.full((3, 1, 3, 3), 20), 2
        layer["padding"], layer["dilation"], layer["groups"] = 0, 1, 1
        neuron = layer.create_group("neuron")
        neuron["type"], neuron["iDecay"] = "CUBA", 4096
        neuron["vDecay"], neuron["vThMant"] = 128, 80
    np.savez(folder / "theirs.npz", hidden=rng.random((10, 8, HIDDEN)) < 0.5)
    weight = rng.normal(0.1, 0.4, (HIDDEN, 6))
    fewer = {"input": nir.Input(np.array([6])), "fc1": nir.Affine(weight, np.zeros(HIDDEN))}
    nir.write(folder / "events.nir", graph(**fewer))
    for i in range(4):
        (folder / "recordings" / str(i % 3)).mkdir(parents=True, exist_ok=True)
        x, y, p = rng.integers(0, [[3], [2], [2]], (3, 400))
        t = np.sort(rng.integers(1000, 21000, 400))
        np.savez(folder / "recordings" / str(i % 3) / f"{i}.npz", t=t, x=x, y=y, p=p)
    return folder


def run(verb: str, scenario: Scenario, folder: Path) -> tuple[str, ...]:
    """Run the verb with those of the options that it takes; return their names."""
    taken = {f.name for fields in options_of(verb).values() for f in fields}
    options = {n: v for n, v in scenario.options.items() if n in taken}
    given = {**{n: v for n, v in scenario.needed.items() if n in taken}, **options}
    alone = "backend" in given or scenario.model.endswith(".net")
    compared = [] if alone else ["--compare-readings"]
    if verb == "gate":
        facts = {"model": scenario.model, "target": "tiny", "budgets": {"cores": 64}}
        file = folder / "deploy.yaml"
        file.write_text(json.dumps({**facts, "input": scenario.input, "options": given}))
        result = invoke("gate", file)
    else:
        given |= {"input": scenario.input}
        words = [word for n, v in given.items() for word in flag(n, v, folder)]
        target = {
            "deploy": ["--target", "tiny"],
            "check": ["--target", "tiny", *compared],
            "compare": ["--targets", "tiny,loihi2"],
        }
        result = invoke(verb, folder / scenario.model, *target[verb], *words)
    assert result.exit_code == 0, result.stderr
    return ("input", *options)


def flag(name: str, value: Any, folder: Path) -> list[str]:
    word = "--" + name.replace("_", "-")
    if value is True:
        return [word]
    return [word, str(folder / value) if name in FILES else str(value)]


Seen = Mapping[str, set[tuple[str, str]]]  # option -> (module that read it, the value)


@pytest.fixture(scope="module")
def spied(folder: Path) -> Iterator[Any]:
    """Return a function: what a run of a verb with a scenario read, done once each."""
    seen: dict[str, set[tuple[str, str]]] = {}

    def spy(group: Options, name: str) -> Any:
        value = object.__getattribute__(group, name)
        who = sys._getframe(1).f_globals["__name__"].removeprefix("snn_deploy.")
        seen.setdefault(name, set()).add((who, str(value)))
        return value

    @cache
    def readers(verb: str, number: int) -> tuple[tuple[str, ...], Seen]:
        seen.clear()
        given = run(verb, SCENARIOS[number], folder)
        return given, {name: set(found) for name, found in seen.items()}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Options, "__getattribute__", spy, raising=False)
        patch.chdir(folder)
        yield readers


def number_of(name: str) -> int:
    """Return the first scenario with an option."""
    return next(
        (i for i, s in enumerate(SCENARIOS) if name in s.options),
        0 if name == "input" else -1,
    )


CASES = [
    (verb, field.name)
    for verb in DEPLOYING
    for fields in options_of(verb).values()
    for field in fields
    if field.name != "verify"  # runs the emitted program: see below
]


@pytest.mark.parametrize(("verb", "name"), CASES)
def test_an_option_is_seen_by_the_stage_that_uses_it(
    verb: str, name: str, spied: Any
) -> None:
    number = number_of(name)
    given, seen = spied(verb, number)
    assert name in given
    user = "cli.check" if (verb, name) == ("check", "backend") else USED_BY[name]
    name, wanted = AS_READ.get(name, (name, SCENARIOS[number].options.get(name)))
    values = {value for who, value in seen.get(name, set()) if who == user}
    assert values, f"read by {sorted(seen.get(name, set()))}"
    if wanted is not None and name not in FILES:
        assert str(wanted) in {v.removesuffix(".0") for v in values}


def test_every_option_has_a_stage_and_a_value_that_is_no_default() -> None:
    options = {f.name: f for group in GROUPS.values() for f in fields_of(group)}
    assert set(USED_BY) == set(options)
    for name in set(options) - {"input", "verify"}:
        assert SCENARIOS[number_of(name)].options[name] != options[name].default


def test_the_exceptions_are_few_and_name_options_that_exist() -> None:
    assert len(WITHOUT) <= 15
    for (verb, group, named), why in WITHOUT.items():
        assert verb in VERBS
        assert why
        if group != "*" and named != "*":
            assert set(named.split()) <= {f.name for f in fields_of(GROUPS[group])}


@pytest.mark.parametrize("verb", ["deploy", "gate"])
def test_the_backend_gets_its_own_options(
    verb: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And `verify` starts it: without an interpreter that has Lava, it says so."""
    monkeypatch.chdir(folder)
    words = [w for n, v in READ.items() for w in flag(n, v, folder)]
    if verb == "gate":
        options = {**READ, "verify": True, "lava_python": "none"}
        facts = {"model": "m.nir", "target": "tiny", "input": "x.npz", "options": options}
        Path("d.yaml").write_text(json.dumps(facts))
        result = invoke("gate", "d.yaml")
    else:
        result = invoke(
            "deploy", "m.nir", "--target", "tiny", "--input", "x.npz", *words, "--verify",
            "--lava-python", "none",
        )  # fmt: skip
    assert result.exit_code == 2
    assert "none: " in result.stderr
    assert [f.name for f in fields_of(LavaOptions)] == ["lava_python"]
