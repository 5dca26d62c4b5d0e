"""The neurons against their definitions, written out once more by hand."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_deploy.neurons import MODELS, Lif

STATE = st.integers(-(2**23) + 1, 2**23 - 1)
REGISTERS = {
    "du": st.integers(0, 4095), "dv": st.integers(0, 4096), "bias": st.integers(-(2**19), 2**19),
    "theta": st.integers(1, 2**23 - 1), "shift": st.integers(0, 6), "low": st.just(0),
    "high": st.integers(0, 300), "vmin": st.integers(-(2**23) + 1, 0),
    "vth": st.integers(0, 2**17 - 1), "amount": st.integers(0, 2**23 - 1), "hold": st.integers(0, 63),
}  # fmt: skip


def decayed(x: int, d: int) -> int:
    """x * (4096 - d) / 4096 toward zero, in Python's unbounded integers."""
    size = abs(x) * (4096 - d) // 4096
    return size if x >= 0 else -size


def by_hand(model: str, s: dict[str, int], a: int, p: dict[str, int]) -> tuple[int, ...]:
    u = decayed(s["u"], p["du"] + 1) + 2 ** p.get("shift", 6) * a
    u = u - 2**24 if u > 2**23 else u + 2**24 if u <= -(2**23) else u
    v = max(-(2**23) + 1, min(2**23 - 1, decayed(s["v"], p["dv"]) + u + p["bias"]))
    if model == "floored_level":
        level = max(0, min(v // p["theta"], p["high"]))
        return u, max(v - level * p["theta"], p["vmin"]), level
    waiting = s.get("wait", 0)
    v = 0 if waiting > 0 else v
    fires = v > 64 * p["vth"]
    if fires:
        v = max(-(2**23) + 1, v - p["amount"]) if model == "soft_lif" else 0
    if model == "refractory_lif":
        return u, v, p["hold"] if fires else max(waiting - 1, 0), int(fires)
    return u, v, int(fires)


@pytest.mark.parametrize("model", sorted(MODELS.keys() - {"multi_level"}))
@given(data=st.data())
def test_integer_step_is_its_definition(model: str, data: st.DataObject) -> None:
    m = MODELS[model]
    states = {n: data.draw(st.integers(0, 63) if n == "wait" else STATE) for n in m.states}
    a = data.draw(st.integers(-(2**17) + 1, 2**17 - 1))
    values = {n: data.draw(REGISTERS[n]) for n in m.params}
    arguments = [np.array([x]) for x in (*states.values(), a, *values.values())]
    result = tuple(int(r[0]) for r in m.step(*arguments))
    assert result == by_hand(model, states, a, values)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_a_model_says_what_its_step_takes(model: str) -> None:
    m = MODELS[model]
    assert tuple(inspect.signature(m.step).parameters) == (*m.states, "a", *m.params)


def spikes_of(neuron: Lif, drive: list[float]) -> list[int]:
    state, fired = neuron.start(1), []
    for x in drive:
        state, out = neuron.step(state, np.full((1, neuron.n), x))
        fired.append(int(out[0, 0]))
    return fired


def test_resets_differ_as_they_should() -> None:
    drive = [0.75] * 8
    kinds = {r: spikes_of(Lif.of(1, reset=r), drive) for r in ("zero", "subtract")}
    assert kinds["zero"] == [0, 1, 0, 1, 0, 1, 0, 1]
    assert kinds["subtract"] == [0, 1, 1, 0, 1, 1, 1, 0]


def test_late_subtraction_is_an_immediate_one_of_the_threshold_over_the_leak() -> None:
    drive = list(np.random.default_rng(0).random(200))
    late = Lif.of(1, beta=0.75, reset="subtract_late")
    now = Lif.of(1, beta=0.75, reset="subtract", amount=1 / 0.75)
    assert sum(spikes_of(late, drive)) > 20
    assert spikes_of(late, drive) == spikes_of(now, drive)


def test_reaching_the_threshold_counts_only_if_inclusive() -> None:
    assert spikes_of(Lif.of(1, inclusive=True), [0.5, 0.5]) == [0, 1]
    assert spikes_of(Lif.of(1, inclusive=False), [0.5, 0.5]) == [0, 0]


def test_hold_ignores_what_arrives_after_a_spike() -> None:
    assert spikes_of(Lif.of(1, hold=2), [2.0] * 7) == [1, 0, 0, 1, 0, 0, 1]


def test_a_readout_outputs_its_membrane() -> None:
    neuron = Lif.of(1, beta=0.5, threshold=np.inf, spiking=False)
    state, out = neuron.step(neuron.start(1), np.ones((1, 1)))
    state, out = neuron.step(state, np.ones((1, 1)))
    assert out[0, 0] == 1.5
