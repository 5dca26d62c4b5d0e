"""Order, length and resolution of time: the same check whatever file the events came from."""

from typing import Any

import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.inputs.events import make_events
from snn_deploy.inputs.time_axis import check_times

MS = 1_000_000  # nanoseconds
E = 400


def events(t: Any, **said: Any) -> Any:
    t = np.asarray(t)
    return make_events({"t": t, "x": np.arange(len(t)) % 7}, "a.npz", **said)


def test_a_few_events_out_of_order_are_sorted_and_said() -> None:
    t = np.arange(E) * 100
    t[[10, 50]] = t[[10, 50]] - 250  # microseconds; both before two others
    made = events(t, unit="us", said=True)
    assert (np.diff(made.t) >= 0).all()
    assert sorted(t * 1000) == made.t.tolist()
    assert (made.moved, made.late_ns) == (2, 150_000)
    assert made.x[8] == 10 % 7, "an event keeps its address"
    (note,) = check_times([made], MS)
    assert (note.name, note.value) == ("order of events", "sorted by time")
    assert note.evidence == "2 of 400 came up to 0.15 ms late, within a bin"


@pytest.mark.parametrize(
    ("t", "message"),
    [
        (np.arange(E)[::-1], r"time goes backwards, 399 of 400 events are earlier"),
        ([*range(200), *range(200)], r"time goes backwards, 199 of 400 events"),
    ],
)
def test_many_events_out_of_order_are_refused(t: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        events(t)


def test_an_event_that_is_a_bin_late_is_refused() -> None:
    t = np.arange(E) * 100
    t[300] = t[300] - 5000
    with pytest.raises(
        InputError,
        match=r"1 of 400 events are out of order, by up to 4\.9 ms, more than a bin of 1 ms",
    ):
        check_times([events(t, unit="us", said=True)], MS)


SHORT = r"all 400 events lie within 0\.399 ms, less than a bin of 1 ms"
STAMPED = r"300 of 400 events have one time stamp"


@pytest.mark.parametrize(
    ("t", "doubt"),
    [
        (np.arange(E), SHORT),
        (np.r_[np.arange(100) * 1000, np.full(300, 100_000)], STAMPED),
    ],
)
def test_a_doubtful_unit_is_refused_unless_somebody_said_it(t: Any, doubt: str) -> None:
    with pytest.raises(
        InputError, match=rf"{doubt} .*with times taken as us; say with time_unit"
    ):
        check_times([events(t)], MS)
    (note,) = check_times([events(t, unit="us", said=True)], MS)
    assert note.name == "time axis"
    assert check_times([events(np.arange(E) * 100)], MS) == ()
    assert check_times([events([5, 5, 5])], MS) == (), "too few to conclude from"
