"""Groups and plain keywords make one request; what contradicts or is unknown is refused."""

import inspect
from typing import Any

import numpy as np
import pytest

from snn_deploy import InputError, convert, deploy
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.options.mapping import MappingOptions
from snn_deploy.options.reading import ReadingOptions
from snn_deploy.options.request import GROUPS, Request, chosen, gathered
from snn_deploy_backends.lava.options import LavaOptions
from support.small_model import OPTIONS, graph, samples

MOST_PARAMETERS = 15


def test_keywords_find_their_groups() -> None:
    made = gathered({"weight_bits": 4, "profile": "norse", "dt": 0.5, "out": "here"})
    assert made.mapping == MappingOptions(weight_bits=4)
    assert made.reading == ReadingOptions(profile="norse", dt=0.5)
    assert str(made.output.out) == "here"
    assert made.simulation == Request().simulation


def test_options_of_backends_are_keywords_too() -> None:
    made = gathered({"lava_python": "py"}, backends={"lava": LavaOptions})
    own = made.backends["lava"]
    assert isinstance(own, LavaOptions)
    assert str(own.lava_python) == "py"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("weight_bit", "did you mean weight_bits"),
        ("weight-bits", "did you mean weight_bits"),
        ("placment", "did you mean placement"),
        ("stopafter", "did you mean stop_after"),
    ],
)
def test_an_unknown_keyword_is_refused_with_the_closest(name: str, hint: str) -> None:
    with pytest.raises(InputError, match=rf"^{name}: no such option; {hint}\?$"):
        gathered({name: 1})


def test_an_unknown_keyword_that_is_close_to_none_is_refused() -> None:
    fields: Any = {"qqq": 1}
    with pytest.raises(InputError, match=r"^qqq: no such option$"):
        deploy(graph(), "tiny", **fields)


def test_a_keyword_may_repeat_its_group_but_not_contradict_it() -> None:
    whole: dict[str, Any] = {"mapping": MappingOptions(weight_bits=4)}
    assert gathered({"weight_bits": np.int64(4)}, whole).mapping is whole["mapping"]
    for other in (8, 5):
        with pytest.raises(
            InputError, match=rf"^weight_bits={other}: MappingOptions says 4; say it once$"
        ):
            gathered({"weight_bits": other}, whole)


def test_samples_in_two_places_are_a_contradiction() -> None:
    with pytest.raises(
        InputError,
        match=r"^input='\(ndarray\)': InputOptions says \(ndarray\); say it once$",
    ):
        deploy(
            graph(),
            "tiny",
            inputs=GROUPS["inputs"](input=samples()["x"]),  # type: ignore[arg-type]
            input=samples()["x"],
            **OPTIONS,
        )


def test_a_group_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="ReadingOptions: is no MappingOptions"):
        gathered({}, {"mapping": ReadingOptions()})
    with pytest.raises(InputError, match="dict: is no MappingOptions"):
        chosen(MappingOptions, {"weight_bits": 4}, {})  # type: ignore[arg-type]


def test_groups_and_keywords_deploy_alike() -> None:
    plain = deploy(graph(), "tiny", input=samples(), weight_bits=4, **OPTIONS)
    grouped = deploy(
        graph(),
        "tiny",
        input=samples(),
        mapping=MappingOptions(weight_bits=4),
        reading=ReadingOptions(**OPTIONS),
    )
    assert plain == grouped
    assert sum(layer.spikes.mean or 0 for layer in plain.layers if layer.spikes) > 0


@pytest.mark.parametrize("function", [deploy, convert, read_nir])
def test_functions_have_few_parameters(function: Any) -> None:
    assert len(inspect.signature(function).parameters) <= MOST_PARAMETERS


def test_every_group_is_a_parameter_of_deploy() -> None:
    assert set(GROUPS) <= set(inspect.signature(deploy).parameters)
