"""The multi-level neuron against its definition, taken one threshold at a time."""

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_deploy.neurons import MODELS, MultiLevel
from snn_deploy.neurons.multi_level import OFF, multi_level

LIMIT = 2**23 - 1
STEP = numba.njit(multi_level, error_model="numpy")


@st.composite
def cases(draw: st.DrawFn) -> dict[str, int]:
    """Return states, input and registers, all over their whole ranges or near zero."""
    near = draw(st.sampled_from([40, 3000, LIMIT]))
    low, high = -draw(st.integers(0, near)), draw(st.integers(0, near))
    floor, ceiling = -OFF, OFF
    if draw(st.booleans()):
        floor, ceiling = -draw(st.integers(0, near)), draw(st.integers(0, near))
    total = draw(st.integers(max(floor, -LIMIT), min(ceiling, LIMIT)))
    return {
        "u": draw(st.integers(-near, near)), "v": draw(st.integers(-near, near)),
        "total": total, "a": draw(st.integers(-near, near)) >> 6,
        "du": draw(st.integers(0, 4095)), "dv": draw(st.integers(0, 4096)),
        "bias": draw(st.integers(-(2**19), 2**19)) % (2 * near) - near,
        "theta": draw(st.integers(1, near)), "shift": draw(st.integers(0, 6)),
        "low": low, "high": high, "floor": floor, "ceiling": ceiling,
        "member": 0, "plane": 0,
    }  # fmt: skip


def scaled(x: int, factor: int) -> int:
    return x * factor // 4096 if x >= 0 else -(-x * factor // 4096)


def by_hand(c: dict[str, int]) -> tuple[int, int, int, int]:
    """Return u, v, total and the level, with Python's unbounded integers."""
    u = scaled(c["u"], 4095 - c["du"]) + c["a"] * 2 ** c["shift"]
    u = u - 2**24 if u > 2**23 else u + 2**24 if u <= -(2**23) else u
    v = max(-LIMIT, min(LIMIT, scaled(c["v"], 4096 - c["dv"]) + u + c["bias"]))
    level = v // c["theta"]
    level = min(level, c["high"], c["ceiling"] - c["total"])
    level = max(level, c["low"], c["floor"] - c["total"])
    v = max(-LIMIT, min(LIMIT, v - level * c["theta"]))
    return u, v, max(-LIMIT, min(LIMIT, c["total"] + level)), level


@given(cases())
def test_integer_step_is_its_definition_in_numpy_and_numba(c: dict[str, int]) -> None:
    wanted = by_hand(c)
    arrays = multi_level(*(np.array([x]) for x in c.values()))
    assert tuple(int(x[0]) for x in arrays) == wanted
    assert tuple(map(int, STEP(*c.values()))) == wanted


@given(cases(), st.integers(-20, 20), st.integers(0, 9), st.booleans())
def test_a_slice_changes_what_is_sent_and_nothing_else(
    c: dict[str, int], member: int, bit: int, negative: bool
) -> None:
    *states, level = by_hand(c)
    plane = -(1 << bit) if negative else 1 << bit
    for setting in ({"member": member}, {"plane": plane}):
        sliced = c | setting
        if not any(setting.values()):
            continue
        *same, sent = multi_level(*(np.array([x]) for x in sliced.values()))
        assert [int(x[0]) for x in same] == states
        fast = STEP(*sliced.values())
        assert int(sent[0]) == int(fast[3])
        if "member" in setting:
            assert int(sent[0]) == (level >= member if member > 0 else level <= member)
        else:
            size = max(-level if negative else level, 0)
            assert int(sent[0]) == int(f"{size:032b}"[-1 - bit])


def test_the_slices_of_a_level_add_up_to_it() -> None:
    s = np.arange(-300, 301)
    part = multi_level.__globals__["part"]
    units = sum(part(s, k, 0) - part(s, -k, 0) for k in range(1, 301))
    bits = sum((1 << j) * (part(s, 0, 1 << j) - part(s, 0, -(1 << j))) for j in range(9))
    np.testing.assert_array_equal(units, s)
    np.testing.assert_array_equal(bits, s)


def test_the_order_of_the_parameters_is_that_of_the_model() -> None:
    m = MODELS["multi_level"]
    names = multi_level.__code__.co_varnames[: multi_level.__code__.co_argcount]
    assert names == (*m.states, "a", *m.params)


@given(st.data())
def test_the_float_step_equals_the_integer_step_on_whole_numbers(
    data: st.DataObject,
) -> None:
    """No leak, no current: membranes stay whole, so both must agree for ever."""
    theta, v0 = data.draw(st.integers(1, 50)), data.draw(st.integers(-60, 60))
    low, high = -data.draw(st.integers(0, 4)), data.draw(st.integers(1, 9))
    floor, ceiling = -data.draw(st.integers(0, 9)), data.draw(st.integers(0, 30))
    drive = data.draw(st.lists(st.integers(-200, 200), min_size=1, max_size=12))
    neuron = MultiLevel.of(
        1, threshold=theta, v0=v0, low=low, high=high, floor=floor, ceiling=ceiling
    )
    state = neuron.start(1)
    u, v, total = 0, v0, 0
    for x in drive:
        state, out = neuron.step(state, np.array([[float(x)]]))
        u, v, total, s = STEP(
            u, v, total, x, 4095, 0, 0, theta, 0, low, high, floor, ceiling, 0, 0
        )
        assert (state.v.item(), state.fired.item(), out.item()) == (v, total, s)
        assert floor <= total <= ceiling


@pytest.mark.parametrize("order", range(6))
def test_what_was_sent_at_rest_does_not_depend_on_the_order_of_arrival(order: int) -> None:
    """With tracer: clip(floor((v0 + X) / threshold), floor, ceiling), X the whole input."""
    rng = np.random.default_rng(order)
    inputs = rng.integers(-300, 320, (9, 40)).astype(np.float64)
    neuron = MultiLevel.of(40, threshold=17.0, v0=8.5, low=-1, high=1, floor=0, ceiling=15)
    state = neuron.start(1)
    for x in [*inputs[rng.permutation(9)], *np.zeros((20, 40))]:
        state, out = neuron.step(state, x[None])
    assert not out.any()
    wanted = np.clip(np.floor((8.5 + inputs.sum(0)) / 17), 0, 15)
    np.testing.assert_array_equal(state.fired[0], wanted)
    assert len(np.unique(wanted)) > 3
