"""No setting of a neuron is lost on the way into a file: it comes back, or is refused by name.

The oracle of what came back is the step of the neuron that was written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_deploy.arrays import AnyArray, FloatArray
from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.frontends.nir_writer.stated import STATED, UNREAD, unstated
from snn_deploy.frontends.nir_writer.write_nir import write_nir
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif, MultiLevel
from snn_deploy.passes.fuse import fuse
from snn_deploy_simulators.reference import run

N = 6
WEIGHT = np.arange(N * 4).reshape(N, 4) % 5 / 8
SPIKES = (np.random.default_rng(0).random((2, 60, 4)) < 0.5).astype(np.float64)


def network(neuron: Any) -> Network:
    """x -> a."""
    return Network(
        (Input("x", (4,)),),
        (Population("a", (N,), neuron),),
        (Projection("x", "a", Dense(WEIGHT)),),
        ("a",),
    )


def sent(net: Network) -> AnyArray:
    return run(net, SPIKES).outputs["a"]


def trip(neuron: Lif, path: Path) -> AnyArray | None:
    """Return what the network sends that comes back; None if it is refused."""
    try:
        written = write_nir(network(neuron), path, dt=1 / 1024)
    except InputError as error:
        refused = str(error).startswith("population 'a': ")
        if not refused:
            raise
        return None
    back = read_nir(path, profile="nir", dt=written.dt, threshold=written.threshold)
    return sent(fuse(back))


def same(theirs: AnyArray | None, neuron: Lif) -> bool:
    return theirs is not None and bool((theirs == sent(network(neuron))).all())


LIF: Mapping[str, Any] = {  # every field, and another value than that of the bases
    "alpha": 0.5, "beta": 0.25, "gain": 0.5, "bias": 0.125, "threshold": 0.75, "v_reset": -0.5,
    "amount": 0.5, "v0": 0.5, "reset": "subtract_late", "inclusive": True, "hold": 2,
    "spiking": False,
}  # fmt: skip
LEVELS: Mapping[str, Any] = {
    **LIF,
    "inclusive": False, "low": -1.0, "high": 1.0, "floor": -2.0, "ceiling": 2.0, "member": 1.0,
    "plane": 2.0, "v_min": -0.25,
}  # fmt: skip
BASES: Mapping[type[Lif], list[Lif]] = {
    Lif: [Lif.of(N, beta=0.5, reset=r, v_reset=-0.25) for r in ("zero", "subtract")],
    MultiLevel: [
        MultiLevel.of(N, beta=0.5, threshold=0.5, high=9.0, bias=-0.25),
        MultiLevel.of(N, beta=0.5, threshold=0.5, low=-2.0, high=2.0, floor=-9.0, ceiling=9.0,
                      bias=-0.25),
    ],
}  # fmt: skip
FIELDS = [(Lif, name) for name in LIF] + [(MultiLevel, name) for name in LEVELS]


def changed(base: Lif, name: str, value: Any) -> Lif:
    wide = isinstance(getattr(base, name), np.ndarray)
    other: dict[str, Any] = {name: np.full(N, value) if wide else value}
    return replace(base, **other)


@pytest.mark.parametrize(("kind", "values"), [(Lif, LIF), (MultiLevel, LEVELS)])
def test_every_field_of_a_neuron_is_tested_here(
    kind: type[Lif], values: Mapping[str, Any]
) -> None:
    assert {f.name for f in fields(kind)} == set(values)
    assert STATED[kind] | UNREAD[kind] <= set(values)
    assert not STATED[kind] & UNREAD[kind]


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_a_changed_setting_comes_back_or_is_refused(
    kind: type[Lif], name: str, tmp_path: Path
) -> None:
    counted = 0
    for base in BASES[kind]:
        neuron = changed(base, name, (LIF if kind is Lif else LEVELS)[name])
        assert same(trip(base, tmp_path / "base.nir"), base)
        theirs = trip(neuron, tmp_path / "changed.nir")
        assert theirs is None or same(theirs, neuron)
        counted += theirs is None or not same(theirs, base)
    assert counted == 0 if name in UNREAD[kind] else counted > 0


@pytest.mark.parametrize(
    ("kind", "name"), [(k, n) for k, n in FIELDS if n not in STATED[k] | UNREAD[k]]
)
def test_what_is_not_listed_is_refused_by_name_or_in_words(
    kind: type[Lif], name: str, tmp_path: Path
) -> None:
    words = {"member": "slices of a level", "plane": "slices", "v_min": "falls no lower"}
    neuron = changed(BASES[kind][0], name, LEVELS[name])
    with pytest.raises(InputError, match=words.get(name, f"'a': its {name} is")):
        write_nir(network(neuron), tmp_path / "m.nir")
    assert not list(tmp_path.iterdir())


shares = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
eighths = st.integers(-8, 8).map(lambda k: k / 8)


@given(
    st.fixed_dictionaries(
        {
            "alpha": shares, "beta": shares, "gain": eighths, "bias": eighths, "v0": eighths,
            "threshold": eighths, "v_reset": eighths, "amount": eighths,
            "reset": st.sampled_from(["zero", "subtract", "subtract_late"]),
            "inclusive": st.booleans(), "hold": st.integers(0, 3),
        }
    )
)  # fmt: skip
def test_any_neuron_comes_back_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    neuron, path = Lif.of(N, **values), tmp_path_factory.mktemp("any") / "m.nir"
    theirs = trip(neuron, path)
    assert theirs is None or same(theirs, neuron)


bounds = st.sampled_from([0.0, 1.0, 2.0, 5.0, np.inf])


@given(
    st.fixed_dictionaries(
        {
            "alpha": shares, "beta": shares, "gain": eighths, "bias": eighths, "v0": eighths,
            "threshold": eighths, "inclusive": st.booleans(), "low": bounds, "high": bounds,
            "floor": bounds, "ceiling": bounds,
        }
    )
)  # fmt: skip
def test_any_multi_level_neuron_comes_back_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    down = {"low": -values["low"], "floor": -values["floor"]}
    neuron = MultiLevel.of(N, **(values | down))
    theirs = trip(neuron, tmp_path_factory.mktemp("any") / "m.nir")
    assert theirs is None or same(theirs, neuron)


def test_the_comparison_of_neurons_without_input_counts_too(tmp_path: Path) -> None:
    """Two steps of the clock reach its threshold, which only one comparison calls a spike."""
    net = network(Lif.of(N, inclusive=True))
    clock = Population("clock", (N,), Lif.of(N, bias=0.5))
    more = Projection("clock", "a", Dense(np.eye(N)))
    ticking = replace(
        net, populations=(*net.populations, clock), projections=(*net.projections, more)
    )
    with pytest.raises(
        InputError, match=r"'a' .* at v >= threshold and 'clock'.*inclusive"
    ):
        write_nir(ticking, tmp_path / "m.nir")


# --- neurons of a user's own ----------------------------------------------------------


@dataclass(frozen=True, eq=False, kw_only=True)
class Tired(Lif):
    """A neuron with settings that this project does not know."""

    fatigue: float = 0.0
    rest: Any = field(default_factory=lambda: np.zeros(N))
    must: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Rested(MultiLevel):
    """The same of a multi-level neuron, all with defaults."""

    fatigue: Any = None


class Doubled(Lif):
    """A neuron with another step."""

    def step(self, state: Any, x: FloatArray) -> Any:
        return super().step(state, 2 * x)


class Started(MultiLevel):
    """A neuron with another start."""

    def start(self, samples: int) -> Any:
        return replace(super().start(samples), v=np.ones((samples, self.n)))


class Foreign:
    """No neuron of this project."""

    n = N


def tired(**values: Any) -> Tired:
    return Tired(**(vars(Lif.of(N)) | {"must": 1} | values))


def marked() -> Lif:
    neuron = Lif.of(N)
    object.__setattr__(neuron, "mark", 3)
    return neuron


REFUSED = {
    "no default": (tired(), r"'a': its must is 1, for which .* form; or deploy the network"),
    "a number": (tired(fatigue=0.5), r"'a': its fatigue is 0\.5, .* form; make it 0, or deploy"),
    "an array": (
        tired(rest=np.arange(N) / 4), r"'a': its rest is 0 \.\. 1\.25, .* form; make it 0, or deploy"
    ),
    "an object": (
        Rested(**vars(BASES[MultiLevel][0]), fatigue="much"),
        r"'a': its fatigue is 'much', .* form; make it None, or deploy the network itself, deploy\(",
    ),
    "no field": (marked(), r"'a': its mark is 3, for which there is no standard form"),
    "another step": (
        Doubled(**vars(Lif.of(N))), r"'a': its neurons are Doubled, which changes step of Lif, and"
    ),
    "another start": (
        Started(**vars(BASES[MultiLevel][0])),
        r"'a': its neurons are Started, which changes start of MultiLevel, and",
    ),
    "foreign": (Foreign(), r"'a': its neurons are Foreign, and a NIR file can state Lif and"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_writer_does_not_know_is_refused(name: str, tmp_path: Path) -> None:
    neuron, message = REFUSED[name]
    with pytest.raises(InputError, match=message):
        write_nir(network(neuron), tmp_path / "m.nir")
    assert not list(tmp_path.iterdir())


def test_a_subclass_with_nothing_but_defaults_is_written(tmp_path: Path) -> None:
    plain = BASES[MultiLevel][0]
    assert same(trip(Rested(**vars(plain)), tmp_path / "m.nir"), plain)
    assert sent(network(plain)).max() > 1


def test_all_that_is_lost_is_named_once_each() -> None:
    neuron = MultiLevel.of(N, v_min=-1.0, member=1.0, plane=np.arange(N), hold=2)
    lost = [*unstated(Population("a", (N,), neuron))]
    assert [sentence.split(" is ")[0] for sentence in lost[:1]] == [
        "population 'a': its hold"
    ]
    assert len(lost) == 3


def test_what_a_network_is_made_of_is_known_to_the_writer() -> None:
    """A new field has to be written, or refused, before it is listed here."""
    known = {
        Input: {"name", "shape", "lag"},
        Population: {"name", "shape", "neuron", "lag"},
        Projection: {"pre", "post", "map", "delay"},
        Network: {
            "inputs", "populations", "projections", "outputs", "step_s", "source",
            "assumptions", "decoder",
        },
    }  # fmt: skip
    assert {kind: {f.name for f in fields(kind)} for kind in known} == known
