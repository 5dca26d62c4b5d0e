"""Random settings of multi-level neurons: levels, signs, tracer, slices and input shift."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.ir.quant import QuantPopulation
from snn_deploy.neurons.multi_level import OFF

MAX_THETA = (1 << 23) - 1


@dataclass(frozen=True)
class Levels:
    """What the neurons of one population may send.

    low..high: in one step; floor..ceiling: in all, None without tracer. sliced: only a slice
    of it is sent, 0 or 1.
    """

    low: int
    high: int
    tracer: tuple[int, int] | None
    sliced: bool

    @property
    def largest(self) -> int:
        """The largest magnitude of a spike."""
        return 1 if self.sliced else max(self.high, -self.low)

    @property
    def payload_bits(self) -> int:
        """The width of a spike, sign included; 0 for 0 and 1 alone."""
        if self.sliced or (self.low, self.high) == (0, 1):
            return 0
        return self.largest.bit_length() + (self.low < 0)


def draw_levels(rng: np.random.Generator) -> Levels:
    """Return levels of 1 to 8 bits, with or without sign, tracer and slices."""
    high = int(2.0 ** rng.uniform(0, 8))
    low = -int(rng.choice([0, 1, high]))
    tracer = None
    if rng.random() < 0.5:
        most = int(2.0 ** rng.uniform(0, 8))
        tracer = (-int(rng.choice([0, 1, most])), most)
    return Levels(low, high, tracer, bool(rng.random() < 0.25))


def level_registers(
    rng: np.random.Generator, levels: Levels, n: int, typical: float
) -> dict[str, IntArray]:
    """Return the registers [n] beside decays and bias; typical: summed input of a step.

    One in four populations has thresholds and bounds of its own for each neuron. Half of
    those that need no other bound have a lowest membrane instead: vmin.
    """
    width = n if rng.random() < 0.25 else 1
    shift = int(rng.integers(0, 7))
    theta = typical * 2.0 ** (shift + rng.uniform(-6, 1, width))
    floor, ceiling = levels.tracer or (-OFF, OFF)
    low = -rng.integers(0, -levels.low, width, endpoint=True)
    drawn: dict[str, Any] = {
        "theta": np.clip(theta, 1, MAX_THETA),
        "shift": shift,
        "low": low if width > 1 else levels.low,
        "high": levels.high,
    }
    plain = levels.tracer is None and levels.low == 0 and not levels.sliced
    if plain and rng.random() < 0.7:
        drawn["vmin"] = -np.rint(drawn["theta"] * rng.uniform(0, 2, width))
        drawn["vmin"] = np.maximum(drawn["vmin"], -MAX_THETA)
    else:
        drawn |= {"floor": floor, "ceiling": ceiling} | _slices(rng, levels, n)
    return {k: np.array(np.broadcast_to(x, n)).astype(np.int64) for k, x in drawn.items()}


def _slices(rng: np.random.Generator, levels: Levels, n: int) -> dict[str, IntArray]:
    """Return member and plane [n]: a slice of either kind for each neuron, or none."""
    zero = np.zeros(n, np.int64)
    if not levels.sliced:
        return {"member": zero, "plane": zero}
    sign = np.where((rng.random(n) < 0.5) & (levels.low < 0), -1, 1)
    top = np.where(sign > 0, levels.high, -levels.low)
    member = rng.integers(1, top, endpoint=True)
    plane = 2 ** rng.integers(0, np.maximum([int(x).bit_length() for x in top], 1))
    unary = rng.random(n) < 0.5
    return {
        "member": np.where(unary, sign * member, 0),
        "plane": np.where(unary, 0, sign * plane),
    }


def level_facts(pop: QuantPopulation, ran: Mapping[str, AnyArray]) -> set[str]:
    """Return what really happened in a population of several levels, as words.

    ran: "v", "total" and "s", each [samples, steps, n], after each step.
    """
    p, s = pop.params, ran["s"]
    if pop.model == "floored_level":
        at_floor = (ran["v"] == p["vmin"]) & (p["vmin"] < 0)
        return {"at the lowest membrane"} if s.any() and at_floor.any() else set()
    holds, owes = ran["v"] >= p["theta"], (ran["v"] < 0) & (p["low"] < 0)
    at_ceiling, at_floor = ran["total"] == p["ceiling"], ran["total"] == p["floor"]
    slices = p["member"] + p["plane"] != 0
    happened = {
        "spikes": s != 0,
        "a level above 1": s > 1,
        "a level below -1": s < -1,
        "held back by the ceiling": holds & at_ceiling,
        "held back by the floor": owes & at_floor,
        "held back by high": holds & ~at_ceiling & ~slices,
        "a member": (s == 1) & (p["member"] > 0),
        "a negative member": (s == 1) & (p["member"] < 0),
        "a plane": (s == 1) & (p["plane"] > 1),
        "a negative plane": (s == 1) & (p["plane"] < 0),
    }
    found = {word for word, where in happened.items() if where.any()}
    found |= {f"shift {k}" for k in np.unique(p["shift"]) if s.any()}
    return found | ({"a leak"} if s.any() and (p["dv"] > 0).any() else set())


ALL_FACTS = {
    "spikes", "a level above 1", "a level below -1", "held back by the ceiling",
    "held back by the floor", "held back by high", "a member", "a negative member",
    "a plane", "a negative plane", "a leak", "at the lowest membrane", *(f"shift {k}" for k in range(7)),
}  # fmt: skip
