"""The nodes that every written population is made of: I, LI, IF, LIF, and its current.

All parameters are full-shape float64 arrays, as the importers of the frameworks want them.
"""

from collections.abc import Callable

import nir
import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, Shape
from snn_deploy.frontends.nir_writer.graph_builder import Draft
from snn_deploy.neurons import Lif

ENDLESS = 2.0**60  # steps; 1 - 1/2**60 is 1 in float64, and powers of two divide exactly
CERTAIN = 2.0**60  # thresholds; what no input keeps from firing, and float32 still has
NEIGHBOURS = (0, 1, -1, 2, -2, 3, -3)  # floats around a quotient that are tried for it


class PopulationNodes:
    """The nodes of one population.

    Attributes:
        draft: The graph to which they are added.
        name: Of the population.
        shape: In which it is written; its own, or flat.
        n: Its neurons, with the bias that no layer has.
        rest: [n], the bias of the membrane where it is measured from v0, in units of v.
    """

    def __init__(self, draft: Draft, name: str, shape: Shape, neuron: Lif) -> None:
        self.draft, self.name, self.shape, self.n = draft, name, shape, neuron
        self.rest = (neuron.beta - 1.0) * neuron.v0 + neuron.bias

    def full(self, value: AnyArray) -> AnyArray:
        return np.array(np.broadcast_to(value, (self.n.n,)), np.float64).reshape(self.shape)

    def integrator(self) -> nir.NIRNode:
        """Return I or LI."""
        tau, r, v_leak = self.euler()
        if self.never_leaks():
            return nir.I(r=self.full(self.per_second()))
        return nir.LI(tau=self.full(tau), r=self.full(r), v_leak=self.full(v_leak))

    def resetting(self) -> nir.NIRNode:
        """Return IF or LIF."""
        tau, r, v_leak = self.euler()
        fire = {
            "v_threshold": self.full(self.n.threshold - self.n.v0),
            "v_reset": self.full(self.n.v_reset - self.n.v0),
        }
        if self.never_leaks():
            return nir.IF(r=self.full(self.per_second()), **fire)
        return nir.LIF(tau=self.full(tau), r=self.full(r), v_leak=self.full(v_leak), **fire)

    def never_leaks(self) -> bool:
        return bool((self.n.beta == 1).all()) and not self.rest.any()

    def per_second(self) -> FloatArray:
        """Return r of I and IF, for which r * dt is the gain."""
        return solve(lambda r: r * self.draft.dt, self.n.gain / self.draft.dt, self.n.gain)

    def euler(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return tau, r and v_leak that forward Euler turns into decay, gain and bias."""
        dt = self.draft.dt
        tau = time_constant(self.n.beta, dt)
        share = dt / tau
        r = solve(lambda r: r * share, self.n.gain / share, self.n.gain)
        v_leak = solve(lambda v: v * share, self.rest / share, self.rest)
        return tau, r, v_leak

    def synapse(self, target: str) -> str:
        """Return where input enters: the LI of the synaptic current if there is one."""
        if not self.n.alpha.any():
            return target
        tau, dt = time_constant(self.n.alpha, self.draft.dt), self.draft.dt
        one = np.ones(self.n.n)
        r = solve(lambda r: r * (dt / tau), tau / dt, one)
        node = nir.LI(tau=self.full(tau), r=self.full(r), v_leak=self.full(0.0 * one))
        name = self.draft.add(f"{self.name}_u", node)
        self.draft.join(name, target)
        return name

    def feedback(self, spikes: str, membrane: str) -> None:
        """Join the spikes of the step before to the membrane, as what a spike takes off."""
        n, taken = self.n, taken_off(self.n)
        if n.reset == "zero" or not taken.any():
            return
        late = self.draft.follow(spikes, f"{self.name}_delay", self.delay(1))
        scale = nir.Scale(self.full(-taken / n.gain))
        self.draft.join(self.draft.follow(late, f"{self.name}_reset", scale), membrane)

    def hold(self, spikes: str, membrane: str) -> None:
        """Join the spikes of the last `hold` steps to the membrane, as what makes it fire
        and so reset, and to the node `spikes`, as what takes that spike off."""
        stem, one = self.name, np.ones(self.n.n)
        held = self.draft.add(f"{stem}_held", nir.Scale(self.full(one)))
        for steps in range(1, self.n.hold + 1):
            late = self.draft.follow(spikes, f"{stem}_delay", self.delay(steps))
            self.draft.join(late, held)
        force = CERTAIN * np.maximum(1.0, np.abs(self.n.threshold)) / self.n.gain
        again = self.draft.follow(held, f"{stem}_again", nir.Scale(self.full(force)))
        silent = self.draft.follow(held, f"{stem}_silent", nir.Scale(self.full(-one)))
        self.draft.join(again, membrane)
        self.draft.join(silent, spikes)

    def delay(self, steps: int) -> nir.Delay:
        """Return a delay of so many model steps."""
        return nir.Delay(self.full(np.full(self.n.n, steps * self.draft.dt)))


def taken_off(n: Lif) -> FloatArray:
    """Return what a spike takes off the membrane of the next step, behind its leak, [n]."""
    return n.amount if n.reset == "subtract_late" else n.beta * n.amount


def time_constant(keep: FloatArray, dt: float) -> FloatArray:
    """Return tau [n] in seconds with 1 - dt/tau == keep."""
    lost = 1.0 - keep
    first = dt / np.where(lost > 0, lost, 1.0 / ENDLESS)
    return solve(lambda tau: 1.0 - dt / tau, first, keep)


def solve(
    back: Callable[[FloatArray], FloatArray], first: FloatArray, wanted: FloatArray
) -> FloatArray:
    """Return x near `first` with back(x) == wanted, or as near as a few floats allow."""
    best, error = first, np.abs(back(first) - wanted)
    for steps in NEIGHBOURS[1:]:
        x = first
        for _ in range(abs(steps)):
            x = np.nextafter(x, np.inf if steps > 0 else -np.inf)
        off = np.abs(back(x) - wanted)
        best, error = np.where(off < error, x, best), np.minimum(off, error)
    return best
