"""A group of options is checked whoever makes it: types, ranges, names, NumPy's numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy import InputError
from snn_deploy.errors import command_line_words, speaking
from snn_deploy.options.base import Field, Options, fields_of
from snn_deploy.options.conversion import ConversionOptions
from snn_deploy.options.goal import GoalOptions
from snn_deploy.options.inputs import InputOptions
from snn_deploy.options.mapping import MappingOptions
from snn_deploy.options.output import OutputOptions
from snn_deploy.options.reading import ReadingOptions
from snn_deploy.options.request import GROUPS
from snn_deploy.options.running import RunningOptions
from snn_deploy.options.simulation import SimulationOptions

KINDS: list[type[Options]] = [*GROUPS.values(), ConversionOptions, RunningOptions]
EVERY = [
    pytest.param(field, id=f"{kind.__name__}.{field.name}")
    for kind in KINDS
    for field in fields_of(kind)
]
REFUSED: list[tuple[type[Options], dict[str, Any], str]] = [
    (MappingOptions, {"weight_bits": 9}, "weight_bits=9: must be a whole number from 1 to 8"),
    (MappingOptions, {"weight_bits": 0}, "weight_bits=0: must be a whole number from 1 to 8"),
    (MappingOptions, {"weight_bits": 4.0}, "weight_bits=4: must be a whole number"),
    (MappingOptions, {"weight_bits": "4"}, "weight_bits='4'|weight_bits=4: must be"),
    (MappingOptions, {"weight_bits": True}, "weight_bits=True: must be a whole number"),
    (MappingOptions, {"weight_bits": np.bool_(1)}, "weight_bits='?True'?: must be"),
    (MappingOptions, {"weight_bits": None}, "weight_bits='None': must be a whole number"),
    (MappingOptions, {"seed": -1}, "seed=-1: must be a whole number, at least 0"),
    (MappingOptions, {"partition": "few"}, r"partition='few': must be one of intel, square"),
    (MappingOptions, {"partition": "fewst"}, r"did you mean fewest\?"),
    (MappingOptions, {"partition": 3}, "partition=3: must be one of intel"),
    (ReadingOptions, {"dt": 0}, "dt=0: must be a number above 0"),
    (ReadingOptions, {"dt": float("nan")}, "dt=nan: must be a number above 0"),
    (ReadingOptions, {"dt": np.inf}, "dt=inf: must be a number above 0"),
    (ReadingOptions, {"dt": 10**400}, "must be a number above 0"),
    (ReadingOptions, {"dt": "1e-3"}, "dt=.*must be a number above 0"),
    (ReadingOptions, {"profile": "snnTorch"}, r"did you mean snntorch\?"),
    (GoalOptions, {"min_accuracy": 1.5}, "min_accuracy=1.5: must be a number from 0 to 1"),
    (GoalOptions, {"max_drop": -0.5}, "max_drop=-0.5: must be a number from 0 to 100"),
    (SimulationOptions, {"until_quiet": 1}, "until_quiet=1: must be true or false"),
    (SimulationOptions, {"batch": 0}, "batch=0: must be a whole number, at least 1"),
    (OutputOptions, {"out": ""}, "out=: must be a path|out='': must be a path"),
    (OutputOptions, {"out": 3}, "out=3: must be a path"),
    (OutputOptions, {"formats": 3}, "formats=3: must be a text"),
    (InputOptions, {"sensor": "3x0"}, "sensor='3x0': must be WIDTHxHEIGHT in pixels"),
    (InputOptions, {"gain": np.float64(0)}, "gain=0: must be a number above 0"),
    (InputOptions, {"steps": np.int64(0)}, "steps=0: must be a whole number, at least 1"),
    (ConversionOptions, {"weight_bits": 1}, "weight_bits=1: must be a whole number from 2 to 8"),
    (RunningOptions, {"floating": "yes"}, "floating='yes': must be true or false"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "values", "message"), REFUSED)
def test_a_value_that_cannot_be_is_refused_in_one_sentence(
    kind: type[Options], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        kind(**values)
    assert "\n" not in str(caught.value)


PLAIN: list[tuple[Any, str, Any, Any]] = [
    (MappingOptions, "weight_bits", np.int8(4), 4),
    (MappingOptions, "seed", np.uint64(7), 7),
    (ReadingOptions, "dt", np.float32(0.5), 0.5),
    (ReadingOptions, "dt", 1, 1.0),
    (SimulationOptions, "until_quiet", np.bool_(True), True),
    (OutputOptions, "out", "a/b", Path("a/b")),
    (ReadingOptions, "profile", np.str_("norse"), "norse"),
]


@pytest.mark.parametrize(("kind", "name", "given", "plain"), PLAIN)
def test_numbers_of_numpy_and_paths_as_text_become_plain_ones(
    kind: Any, name: str, given: Any, plain: Any
) -> None:
    made = getattr(kind(**{name: given}), name)
    assert (type(made), made) == (type(plain), plain)


def test_samples_are_a_path_or_left_as_they_are() -> None:
    arrays = {"x": np.zeros((1, 2, 3))}
    assert InputOptions(input=arrays).input is arrays
    assert InputOptions(input="x.npz").input == Path("x.npz")


def test_equal_groups_are_equal_and_none_can_be_changed() -> None:
    assert MappingOptions(weight_bits=4) == MappingOptions(weight_bits=4)
    assert MappingOptions(weight_bits=4) != MappingOptions()
    with pytest.raises(AttributeError):
        MappingOptions().seed = 3  # type: ignore[misc]


def test_changed_names_what_is_not_at_its_default() -> None:
    assert MappingOptions(weight_bits=8, seed=2).changed() == {"seed": 2}
    arrays = np.zeros(3)
    assert InputOptions(input=arrays).changed() == {"input": arrays}


@pytest.mark.parametrize("field", EVERY)
def test_every_option_has_help_a_range_in_words_and_a_default_that_passes(
    field: Field,
) -> None:
    assert field.help.endswith((".", ".)")) or "." in field.help
    assert len(field.help) > 8
    assert field.range
    if field.default is not None:
        assert field.checked(field.default) == field.default
    for name in field.choices:
        assert field.checked(name) == name


@pytest.mark.parametrize("field", EVERY)
def test_the_command_line_gives_the_same_values_as_python(field: Field) -> None:
    """A text becomes what Python would give, or the same refusal in other words."""
    if field.choices:
        assert field.of_text(field.choices[0]) == field.choices[0]
    elif field.kind in (int, float):
        least = 0.5 if field.kind is float else max(field.low or 0, 2)
        assert field.of_text(f"{least:g}") == field.checked(field.kind(least))
        with speaking(command_line_words), pytest.raises(InputError) as said:
            field.of_text("many")
        flag = field.name.replace("_", "-")
        assert str(said.value) == f"--{flag} many: must be {field.range}"
