"""Time of a chip step, by several models behind one interface.

`bound`: the busiest core, link or the barrier; a lower bound, from counts. `simple`: the
busiest core, then the barrier; from counts. `event`: messages one by one, through cores and
links with limited buffers. `cycle`: the same link by link, for small networks. Spikes of
inputs enter one after the other at the inject router, each in the time that a core takes to
send a message; `bound` leaves that out.
"""

from collections.abc import Mapping

from snn_deploy.names import TimeModelName
from snn_deploy_simulators.timing.bound import BOUND
from snn_deploy_simulators.timing.cycle import CYCLE
from snn_deploy_simulators.timing.event import EVENT
from snn_deploy_simulators.timing.model import StepCounts, TimeModel, Timer
from snn_deploy_simulators.timing.simple import SIMPLE

__all__ = ["TIME_MODELS", "StepCounts", "TimeModel", "Timer"]

TIME_MODELS: Mapping[TimeModelName, TimeModel] = {
    "bound": BOUND,
    "simple": SIMPLE,
    "event": EVENT,
    "cycle": CYCLE,
}
