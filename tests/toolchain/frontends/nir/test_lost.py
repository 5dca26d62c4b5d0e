"""What a file tells and what it does not: one test for each cell of docs/frameworks.md.

Asked: without the flag the file is refused, and the values the flag can have give different
spikes. Told by the file: another number in it gives other spikes. Else what the framework
does is seen on a neuron for which it matters.
"""

import re
from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError, command_line_words, speaking
from snn_deploy.frontends.nir.profiles import PROFILES
from snn_deploy.frontends.nir.read_nir import read_nir
from support.advice import advised
from support.cells import COLUMNS, cell
from support.framework_files import Array, Write, outputs
from support.said import flags, said

N, STEPS = 16, 120
OPTIONS = ("reset", "spikes_per_step", "floor", "norm_input")
TAU = {"norse": 8e-6, "sinabs": 8.0}  # in the unit of its files
DT = {"snntorch": 1e-4, "spikingjelly": 1e-4, "norse": 1e-3, "rockpool": 1e-3}
CELLS = [(name, column) for name in PROFILES for column in COLUMNS]


def neuron(profile: str, **changed: Any) -> dict[str, Any]:
    """Return leaky neurons as the exporter of a framework writes them."""
    dt = DT.get(profile, 1.0)
    tau = np.full(N, TAU.get(profile, 8 * dt))
    r = {"snntorch": tau / dt, "rockpool": tau / dt * np.exp(-dt / tau)}
    zero = np.zeros(N)
    made = {
        "type": "LIF",
        "tau": tau,
        "r": r.get(profile, np.ones(N)),
        "v_leak": zero,
        "v_threshold": np.full(N, 0.3),
        "v_reset": zero,
    }
    return {**made, **changed}


def file(write: Write, node: Any, profile: str, **changed: Any) -> Any:
    """Return a file of one layer of neurons that get both signs, and strong input."""
    rng = np.random.default_rng(3)
    layer = node.affine(rng.normal(0.25, 1.2, (N, 6)), rng.normal(0, 0.1, N))
    unit = neuron(profile, **changed)
    return write({"input": node.input(6), "0": layer, "1": unit, "output": node.output(N)})


def x() -> Array:
    rng = np.random.default_rng(4)
    return (rng.random((STEPS, 6)) < 0.4).astype(np.float64)


def read_as(profile: Any, **more: Any) -> dict[str, Any]:
    """Return what reads a file by a framework's defaults, with its time step."""
    step = {"nir": 1.0, "rockpool": 1e-3}.get(profile)
    return said(profile, **{"dt": step, **more})


@pytest.mark.parametrize(("profile", "column"), CELLS)
def test_a_cell_is_what_happens(write: Write, node: Any, profile: Any, column: str) -> None:
    text = cell(PROFILES[profile], column)
    if text.startswith("asked"):
        check_asked(write, node, profile, column)
    elif "of the file" in text:
        check_told(write, node, profile, column)
    else:
        CHECKS[column](write, node, profile, text)


def check_asked(write: Write, node: Any, profile: Any, column: str) -> None:
    """Each value is another reading, and none is taken unasked."""
    path, sent = file(write, node, profile), []
    values = PROFILES[profile].lost[column]
    kept = said(profile, **{column: None})
    flag = "--" + column.replace("_", "-")
    with (
        speaking(command_line_words),
        pytest.raises(InputError, match=rf"does not write .*other spikes; give .*{flag} "),
    ):
        read_nir(path, **kept)
    for value in values:
        hard = {"spikes_per_step": "one", "floor": "none"} if value in HARD else {}
        narrow = {k: v for k, v in hard.items() if k in kept}
        chosen = {**kept, **narrow, column: value.replace("VALUE", "-0.05")}
        sent.append(outputs(path, x(), **chosen))
    for i, one in enumerate(sent):
        assert 0.02 < (one != 0).mean() < 0.9
        assert all((one != other).any() for other in sent[:i])
    told = re.escape("given by the user")
    assumed = read_nir(path, **{**kept, column: values[0]}).assumptions
    assert any(re.search(told, a.evidence) for a in assumed)


HARD = ("zero", "none", "v_reset")


def check_told(write: Write, node: Any, profile: Any, column: str) -> None:
    """Another number in the file gives other spikes."""
    key = {"norm_input": "r", "start": PROFILES[profile].starts_at}.get(column, "v_reset")
    more = OTHER_GAIN[profile] if key == "r" else {key: np.full(N, 0.2)}
    if profile == "spikingjelly" and key == "v_reset":
        more["v_leak"] = more[key]  # it writes one value for both
    options = read_as(profile)
    plain = outputs(file(write, node, profile), x(), **options)
    other = outputs(file(write, node, profile, **more), x(), **options)
    assert (plain != 0).mean() > 0.02
    assert (plain != other).any()


OTHER_GAIN: dict[str, dict[str, Any]] = {
    "nir": {"r": np.full(N, 2.0)},
    "spikingjelly": {"r": np.full(N, 8.0)},  # decay_input=False
    "norse": {"r": np.full(N, 2.0)},
}


def check_threshold(write: Write, node: Any, profile: Any, text: str) -> None:
    """A membrane that comes to lie on its threshold."""
    gates = {"type": "Threshold", "threshold": np.ones(1)}
    path = write({"input": node.input(1), "1": gates, "output": node.output(1)})
    assert outputs(path, np.ones((1, 1)), profile=profile).item() == (">=" in text)


def check_order(write: Write, node: Any, profile: Any, text: str) -> None:
    """A spike arrives; the current charges the membrane in this step or in the next."""
    if profile == "sinabs":  # writes no neuron with a current
        assert text == "of this step"
        return
    dt = DT.get(profile, 1.0)
    slow = np.full(1, {"norse": 2e-6}.get(profile, 2 * dt))
    gain = slow / dt * (np.exp(-dt / slow) if profile == "rockpool" else 1)
    unit = {
        "type": "CubaLIF",
        "tau_mem": slow,
        "tau_syn": slow,
        "r": np.ones(1) if profile in ("norse", "nir") else gain,
        "w_in": np.ones(1) if profile in ("norse", "rockpool") else slow / dt,
        "v_leak": np.zeros(1),
        "v_threshold": np.full(1, 0.2),
        "v_reset": np.zeros(1),
    }
    path = write({"input": node.input(1), "1": unit, "output": node.output(1)})
    sent = outputs(path, np.array([[1.0], [0], [0]]), **read_as(profile))
    assert np.flatnonzero(sent).tolist()[0] == ("before" in text)


def check_one(write: Write, node: Any, profile: Any, text: str) -> None:
    """A membrane that holds several thresholds."""
    sent = outputs(file(write, node, profile), 9 * x(), **read_as(profile))
    assert (text, sent.max()) == ("one", 1)


def check_no_floor(write: Write, node: Any, profile: Any, text: str) -> None:
    """A membrane that was driven far down takes as long to come back."""
    dt = DT.get(profile, 1.0)
    endless = np.full(1, np.inf)
    unit = {
        "type": "LIF" if profile in ("snntorch", "rockpool") else "IF",
        "tau": endless,
        "v_leak": np.zeros(1),
        "r": {"snntorch": endless, "rockpool": endless}.get(
            profile, np.ones(1) if profile == "norse" else np.full(1, 1 / dt)
        ),
        "v_threshold": np.full(1, 0.9),
        "v_reset": np.zeros(1),
    }
    path = write({"input": node.input(1), "1": unit, "output": node.output(1)})
    course = np.array([[-20.0], *[[1.0]] * 25])
    sent = outputs(path, course, **read_as(profile))
    assert text == "none"
    assert np.flatnonzero(sent).tolist()[0] == 21


def check_start(write: Write, node: Any, profile: Any, text: str) -> None:
    """The first step, at a reset value that is not 0."""
    path = file(write, node, profile, v_reset=np.full(N, -0.2))
    net = read_nir(path, **read_as(profile))
    assert text == "0"
    assert not net.populations[0].neuron.v0.any()


def check_reset(write: Write, node: Any, profile: Any, text: str) -> None:
    path = file(write, node, profile)
    assert read_nir(path, **said(profile)).populations[0].neuron.reset == text


def check_input(write: Write, node: Any, profile: Any, text: str) -> None:
    neuron = read_nir(file(write, node, profile), **read_as(profile)).populations[0].neuron
    assert text == "whole"
    assert neuron.gain == pytest.approx(np.ones(N), rel=1e-12)


CHECKS = {
    "norm_input": check_input,
    "threshold": check_threshold,
    "order": check_order,
    "spikes_per_step": check_one,
    "floor": check_no_floor,
    "start": check_start,
    "reset": check_reset,
}


@pytest.mark.parametrize("profile", [n for n, p in PROFILES.items() if p.lost])
def test_one_refusal_names_all_that_is_open(write: Write, node: Any, profile: Any) -> None:
    path = file(write, node, profile)
    with speaking(command_line_words), pytest.raises(InputError) as refused:
        read_nir(path, profile=profile)
    offers = advised(str(refused.value))
    assert len(offers) >= 2
    sent = [outputs(path, x(), profile=profile, **offer) for offer in offers]
    for i, one in enumerate(sent):
        assert 0.02 < (one != 0).mean() < 0.9
        assert all((one != other).any() for other in sent[:i]), offers[i]


def test_a_membrane_that_is_forgotten_at_once_needs_no_reset(
    write: Write, node: Any
) -> None:
    path = file(write, node, "norse", tau=np.full(N, 1e-6))  # Norse's step, times 1e-3
    readings = [
        outputs(path, x(), profile="norse", reset=r) for r in ("v_reset", "subtract")
    ]
    assert 0.02 < readings[0].mean() < 0.9
    assert (readings[0] == readings[1]).all()
    assert (outputs(path, x(), profile="norse") == readings[0]).all()


def test_what_a_reset_cannot_have_is_not_offered(write: Write, node: Any) -> None:
    path = file(write, node, "sinabs")
    with pytest.raises(
        InputError,
        match=r"give spikes_per_step='one' and floor='none' and norm_input='yes' or 'no'",
    ):
        read_nir(path, profile="sinabs", reset="zero")
    with pytest.raises(InputError, match="floor='threshold' needs a reset that subtracts"):
        read_nir(
            path, **said("sinabs", reset="zero", spikes_per_step="one", floor="threshold")
        )


@pytest.mark.parametrize("floor", ["0.5", "deep", "nan", "-inf", ""])
def test_a_floor_that_is_none_is_refused(write: Write, node: Any, floor: str) -> None:
    with pytest.raises(InputError, match="must be none, threshold or a number at most 0"):
        read_nir(file(write, node, "sinabs"), **said("sinabs", floor=floor))


def test_a_floor_may_be_a_number(write: Write, node: Any) -> None:
    net = read_nir(file(write, node, "sinabs"), **said("sinabs", floor=-0.5))
    assert (net.populations[0].neuron.v_min == -0.5).all()  # type: ignore[attr-defined]
    assert ("lowest membrane", "-0.5") in [(a.name, a.value) for a in net.assumptions]


def test_only_sinabs_scales_its_input(write: Write, node: Any) -> None:
    with pytest.raises(InputError, match="norm_input: is for files of sinabs"):
        read_nir(file(write, node, "norse"), **said("norse", norm_input="no"))


def test_flags_are_as_the_command_line_takes_them() -> None:
    assert flags("snntorch") == ("--profile", "snntorch", "--reset", "subtract")
