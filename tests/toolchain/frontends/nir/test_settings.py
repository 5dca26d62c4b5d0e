from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError, command_line_words, speaking
from snn_deploy.frontends.nir.read_nir import read_nir, readings
from snn_deploy.options.base import fields_of
from snn_deploy.options.reading import ReadingOptions
from support.advice import advised

Write = Callable[..., Path]
DT = 1e-4
W = np.ones((2, 2))


def unit_gain(
    node: Any, dt: float = DT, dtype: Any = np.float64, **values: Any
) -> dict[str, Any]:
    """Return a LIF with r == tau/dt."""
    tau = np.array([2 * dt, 2 * dt])
    made = {**node.lif(2), "tau": tau, "r": tau / dt, **values}
    return {k: v if isinstance(v, str) else np.asarray(v, dtype) for k, v in made.items()}


def chain(node: Any, lif: dict[str, Any], name: str = "input") -> dict[str, Any]:
    return {name: node.input(2), "fc": node.linear(W), "lif": lif, "output": node.output(2)}


def profile_of(path: Path, **wishes: Any) -> str:
    """Return the profile of the reading; of what a file cannot tell, the default is said."""
    said = {"reset": "subtract", **wishes}
    return {a.name: a.value for a in read_nir(path, **said).assumptions}["profile"]


def test_float32_unit_gain_at_the_usual_dt_is_snntorch(write: Write, node: Any) -> None:
    path = write(chain(node, unit_gain(node, dtype=np.float32)))
    assert [r.profile for r in readings(path)] == ["snntorch", "nir"]
    assert profile_of(path) == "snntorch"
    assert read_nir(path, reset="zero").step_s == DT


def test_unit_gain_behind_an_input_named_by_fx_is_spikingjelly(
    write: Write, node: Any
) -> None:
    path = write(chain(node, unit_gain(node), name="input_1"))
    assert [r.profile for r in readings(path)] == ["spikingjelly", "nir"]
    assert profile_of(path) == "spikingjelly"


def test_a_file_that_fits_two_frameworks_is_refused_with_the_flags(
    write: Write, node: Any
) -> None:
    path = write(chain(node, unit_gain(node)))
    assert [r.profile for r in readings(path)] == ["snntorch", "spikingjelly", "nir"]
    message = (
        r"model\.nir: the numbers fit an export of snnTorch 1\.0 and SpikingJelly 2\.0.*"
        r"choose with profile='snntorch' or 'spikingjelly' or 'nir'"
    )
    for dt in (None, DT):
        with pytest.raises(InputError, match=message):
            read_nir(path, dt=dt)
    for name in ("snntorch", "spikingjelly", "nir"):
        assert profile_of(path, profile=name) == name


def test_a_recurrent_layer_is_none_of_spikingjelly(write: Write, node: Any) -> None:
    nodes = {**chain(node, unit_gain(node), name="in"), "w": node.linear(W)}
    edges = [("in", "fc"), ("fc", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "output")]
    assert profile_of(write(nodes, edges)) == "snntorch"


@pytest.mark.parametrize(
    "change",
    [{"v_leak": [0.5, 0.5]}, {"v_reset": [0.5, 0.5]}, {"r": [3.0, 3.0]}, {"r": [2.0, 3.0]}],
)
def test_other_numbers_are_none_of_snntorch(
    write: Write, node: Any, change: dict[str, Any]
) -> None:
    path = write(chain(node, unit_gain(node, dtype=np.float32, **change)))
    assert [r.profile for r in readings(path)] == ["nir"]


def test_no_dt_and_no_evidence_is_refused_with_the_flags(write: Write, node: Any) -> None:
    path = write(chain(node, node.lif(2)))
    message = (
        r"model\.nir: the time step is not in the file, and no framework's pattern is either; "
        r"give dt=SECONDS to read it by the NIR specification, "
        r"or profile='spikingjelly' or 'norse' or 'sinabs'"
    )
    with pytest.raises(InputError, match=message):
        read_nir(path)
    with pytest.raises(
        InputError, match="the NIR specification has no convention for it; give dt"
    ):
        read_nir(path, profile="nir")


def test_a_step_without_a_pattern_is_refused_with_the_flags(
    write: Write, node: Any
) -> None:
    path = write(chain(node, unit_gain(node, dtype=np.float32, v_leak=[0.5, 0.5])))
    message = (
        r"model\.nir: its numbers show a step of 0\.0001 s, but no framework's pattern; "
        r"choose with profile='nir', .* or profile='snntorch' or 'spikingjelly'"
    )
    with pytest.raises(InputError, match=message):
        read_nir(path)
    assert profile_of(path, profile="nir") == "nir"


def test_dt_alone_means_the_specification(write: Write, node: Any) -> None:
    path = write(chain(node, node.lif(2)))
    assert profile_of(path, dt=0.5) == "nir"
    assert read_nir(path, dt=0.5).populations[0].neuron.beta.tolist() == [0.75, 0.75]


def test_a_dt_against_the_evidence_is_refused_unless_a_profile_is_given(
    write: Write, node: Any
) -> None:
    path = write(chain(node, unit_gain(node, dtype=np.float32)))
    with pytest.raises(
        InputError,
        match=r"dt=5e-05 contradicts the file, where r == tau/dt for dt = 0\.0001",
    ):
        read_nir(path, dt=5e-5)
    with pytest.raises(
        InputError,
        match=r"snnTorch writes r = tau/dt and no other, and dt is 5e-05 s; its numbers show "
        r"a step of 0\.0001 s; give the dt that is meant, or profile='nir'",
    ):
        read_nir(path, dt=5e-5, profile="snntorch")
    net = read_nir(path, dt=5e-5, profile="nir")
    assert net.populations[0].neuron.beta == pytest.approx([0.75, 0.75])
    assert profile_of(path, dt=DT) == "snntorch"


def test_the_specification_takes_a_round_dt_from_unit_gains(
    write: Write, node: Any
) -> None:
    path = write(chain(node, unit_gain(node, dt=1e-3, v_leak=[0.5, 0.0])))
    assert read_nir(path, profile="nir").step_s == 1e-3
    odd = write(chain(node, unit_gain(node, dt=1.7e-3, v_leak=[0.5, 0.0])))
    with pytest.raises(InputError, match="give dt=SECONDS"):
        read_nir(odd, profile="nir")


@pytest.mark.parametrize("name", ["snntorch", "spikingjelly"])
def test_an_if_in_units_of_steps_is_refused_where_dt_is_a_convention(
    write: Write, node: Any, name: Any
) -> None:
    path = write({"in": node.input(2), "x": node.if_(2), "out": node.output(2)})
    with pytest.raises(
        InputError, match=r"node 'x' \(IF\): r is 1, but .* writes 1/dt, which is 10000"
    ):
        read_nir(path, profile=name)
    assert read_nir(path, profile=name, dt=1.0, reset="zero").populations[
        0
    ].neuron.gain.tolist() == [
        1,
        1,
    ]


def test_a_network_without_time_needs_no_dt(write: Write, node: Any) -> None:
    threshold = {"type": "Threshold", "threshold": np.ones(2)}
    net = read_nir(write({"in": node.input(2), "x": threshold, "out": node.output(2)}))
    assert net.step_s is None
    delay = {"type": "Delay", "delay": np.ones(2)}
    path = write({"in": node.input(2), "d": delay, "x": threshold, "out": node.output(2)})
    with pytest.raises(
        InputError, match=r"node 'd' \(Delay\): delays are in seconds.*give dt"
    ):
        read_nir(path)
    assert [p.delay for p in read_nir(path, dt=0.5).projections] == [2]


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        (
            {"profile": "snnTorch"},
            "profile='snnTorch': must be one of nir, snntorch.*did you mean snntorch",
        ),
        ({"dt": 0.0}, "dt=0: must be a number above 0"),
        ({"dt": -1e-3}, "dt=-0.001: must be a number above 0"),
        ({"dt": float("nan")}, "dt=nan: must be a number above 0"),
        ({"dt": float("inf")}, "dt=inf: must be a number above 0"),
        (
            {"reset": "soft"},
            "reset='soft': must be one of zero, v_reset, subtract, none",
        ),
        ({"threshold": ">"}, "threshold=>: must be one of gt, ge"),
        ({"spikes_per_step": "2"}, "spikes_per_step=2: must be one of one, many"),
    ],
)
def test_wishes_that_are_no_choice_are_refused(
    write: Write, node: Any, wishes: dict[str, Any], message: str
) -> None:
    path = write(chain(node, node.lif(2)))
    with pytest.raises(InputError, match=message):
        read_nir(path, **wishes)


def test_everything_that_was_picked_is_an_assumption(write: Write, node: Any) -> None:
    path = write(chain(node, node.cuba(2)))
    net = read_nir(path, profile="spikingjelly", dt=1.0, reset="subtract", threshold="gt")
    assert [(a.name, a.value, a.evidence) for a in net.assumptions] == [
        ("profile", "spikingjelly", "given by the user"),
        ("dt", "1 s", "given by the user"),
        ("reset", "subtract the threshold", "given by the user"),
        ("threshold", "fires at v > threshold", "given by the user"),
        ("initial membrane", "v_reset", "NIR states none; convention of SpikingJelly 2.0"),
        ("order", "the membrane is charged by the current of the same step",
         "convention of SpikingJelly 2.0"),
    ]  # fmt: skip


ADVISED: dict[str, dict[str, Any]] = {
    "gains of no framework": {"r": np.full(2, 3.7)},
    "gains of one": {"r": np.ones(2)},
    "seconds and a gain of one": {"tau": np.full(2, 2e-2), "r": np.ones(2)},
    "times of Norse": {"tau": np.full(2, 2e-5), "r": np.ones(2)},
    "a leak upwards": {"v_leak": np.full(2, 0.5), "r": np.ones(2)},
    "mixed times": {"tau": np.array([2e-5, 2.0]), "r": np.ones(2)},
    "a step that no framework takes": {"tau": np.full(2, 2e-2), "r": np.full(2, 20.0)},
}


@pytest.mark.parametrize("name", ADVISED)
def test_every_advice_of_a_refusal_can_be_followed(
    write: Write, node: Any, name: str
) -> None:
    path = write(chain(node, node.lif(2, **ADVISED[name])))
    with speaking(command_line_words), pytest.raises(InputError) as refused:
        read_nir(path)
    offers = advised(str(refused.value))
    assert offers
    for offer in offers:
        options = {f.name: f for f in fields_of(ReadingOptions)}
        said = {key: options[key].of_text(value) for key, value in offer.items()}
        assert read_nir(path, **said).populations, offer
