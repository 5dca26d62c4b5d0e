"""What a tensor of a traced module stands for: a sum of mapped sources, and constants.

Everything between two layers of neurons is affine, so a tensor is written as::

    sum over terms of maps(what `pre` sends in step `at`)  +  sum of constants

and each operation of the module turns one such sum into another.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from snn_deploy.arrays import AnyArray, FloatArray, Shape, frozen
from snn_deploy.frontends.nir.linear_nodes import MapPart
from snn_deploy.ir.linear import apply, compose
from snn_deploy.ir.maps import Chain, Conv, Dense, Pool, Scale, Sparse


@dataclass(frozen=True, eq=False)
class SignalTerm:
    """A summand of a signal: maps, in turn, of the output of `pre` in step `at`.

    Attributes:
        pre: Name of a source: a population, the input, or the stand-in of a loop.
        maps: Applied in turn; empty is the identity.
        at: Step of the trace in which `pre` sends it; None: in whatever step it is. Of a
            whole sequence 0 is the same step and -1 the one before.
    """

    pre: str
    maps: tuple[MapPart, ...] = ()
    at: int | None = None


@dataclass(frozen=True, eq=False)
class SignalConstant:
    """A summand of a signal that is there in every step from one on.

    Attributes:
        value: Flattened, [n].
        first: The first model step in which it is there, 0 or more.
    """

    value: FloatArray
    first: int = 0


@dataclass(frozen=True, eq=False)
class Signal:
    """A sum of mapped sources and constants.

    Attributes:
        shape: Of one sample in one step.
        terms: The mapped sources that are summed; none gives 0.
        constants: The constants that are summed beside them.
        binary: Whether every value is known to be 0 or 1.
        summed: Behind a sum over all steps, how many they are; 1 behind a mean. The signal
            is then what each step gives to it, and a constant that comes later is spread
            over the steps. None: there was no sum.
    """

    shape: Shape
    terms: tuple[SignalTerm, ...] = ()
    constants: tuple[SignalConstant, ...] = ()
    binary: bool = False
    summed: int | None = None

    @property
    def n(self) -> int:
        return int(np.prod(self.shape))

    @property
    def step(self) -> int | None:
        """The step of the trace that it is of; None if it is the same in all."""
        return max((t.at for t in self.terms if t.at is not None), default=None)

    def seen(self, steps: int) -> "Signal":
        """Return the same signal, its steps counted from `-steps` on."""
        terms = tuple(replace(t, at=(t.at or 0) + steps) for t in self.terms)
        return replace(self, terms=terms)

    def late(self, steps: int) -> "Signal":
        """Return what the signal was `steps` steps ago, 0 before the first."""
        later = tuple(replace(c, first=c.first + steps) for c in self.constants)
        return replace(self.seen(-steps), constants=later)

    def constant(self, step: int) -> FloatArray:
        """Return the sum of the constants that are there in a model step, [n]."""
        total = np.zeros(self.n)
        for c in self.constants:
            total += c.value if c.first <= step else 0.0
        return total

    def kept(self) -> "Signal":
        """Return the signal of one step as a later step finds it: its constants are what
        they were then."""
        if self.step is None or all(c.first == 0 for c in self.constants):
            return self
        return replace(self, constants=(SignalConstant(self.constant(self.step)),))


def increments(course: Sequence[FloatArray]) -> tuple[SignalConstant, ...]:
    """Return the constants whose sum in step k is course[k] [n], and stays the last one."""
    before = np.zeros_like(course[0])
    found = []
    for step, total in enumerate(course):
        if (total != before).any():
            found.append(SignalConstant(total - before, step))
        before = total
    return tuple(found)


class Maps:
    """Hands out each map once, so that equal terms of two steps hold the same objects.

    Attributes:
        known: What was handed out, by its key.
        kept: The owners of maps; it keeps their ids from being used again.
    """

    def __init__(self) -> None:
        self.known: dict[object, MapPart] = {}
        self.kept: list[object] = []

    def once(self, key: object, make: Callable[[], MapPart]) -> MapPart:
        """Return what was made for `key` before, or make it."""
        if key not in self.known:
            self.known[key] = make()
        return self.known[key]

    def of(self, owner: object, make: Callable[[], MapPart], what: str = "") -> MapPart:
        """Return the map of an object that outlives the trace, such as a layer."""
        self.kept.append(owner)
        return self.once((id(owner), what), make)

    def scale(self, factor: FloatArray) -> MapPart:
        """Return the Scale of these factors [n]."""
        return self.once((factor.tobytes(),), lambda: Scale(frozen(factor)))

    def joined(self, maps: tuple[MapPart, ...], then: MapPart) -> tuple[MapPart, ...]:
        """Return the maps with one more; a gain behind weights becomes part of them."""
        if not maps or not isinstance(then, Scale):
            return (*maps, then)
        last = maps[-1]
        if not isinstance(last, Dense | Conv | Scale):
            return (*maps, then)
        both = compose(last, then)
        if isinstance(both, Sparse | Chain | Pool):
            return (*maps, then)
        return (*maps[:-1], self.once((id(last), id(then)), lambda: both))


def through(maps: Maps, x: Signal, part: MapPart, shape: Shape) -> Signal:
    """Return a linear map of the signal, as `shape`."""
    return Signal(
        shape,
        tuple(replace(t, maps=maps.joined(t.maps, part)) for t in x.terms),
        tuple(replace(c, value=_applied(part, c.value)) for c in x.constants),
        summed=x.summed,
    )


def plus(x: Signal, y: Signal) -> Signal:
    """Return the sum of two signals of one shape, both summed over steps or neither."""
    terms, constants = (*x.terms, *y.terms), (*x.constants, *y.constants)
    return Signal(x.shape, terms, constants, summed=x.summed)


def shifted_by(x: Signal, value: FloatArray) -> Signal:
    """Return the signal with a constant [n] added in every step."""
    if not value.any():
        return replace(x, binary=False)
    each = SignalConstant(value / (x.summed or 1))
    return replace(x, constants=(*x.constants, each), binary=False)


def picked(maps: Maps, x: Signal, index: AnyArray, shape: Shape) -> Signal:
    """Return the signal's values at `index` [n], in this order, as `shape`; 0 where -1."""
    if index.size == x.n and bool((index == np.arange(x.n)).all()):
        return replace(x, shape=shape)
    rows = np.flatnonzero(index >= 0)
    key = ("pick", x.n, index.tobytes())

    def make() -> MapPart:
        entries = (np.ones(rows.size), (rows, index[rows]))
        return Sparse(sp.csr_array(sp.coo_array(entries, shape=(index.size, x.n))))

    return replace(through(maps, x, maps.once(key, make), shape), binary=x.binary)


def _applied(part: MapPart, value: FloatArray) -> FloatArray:
    return np.asarray(apply(part, value[None])[0], np.float64)
