"""What is met while a quantized module is traced: its input, its quantizers, its sums.

Tracing is that of `frontends.torch`: forward runs as it stands on tensors that mean a sum
of mapped sources. Here the sources are quantizers, and gains stay apart from weights, so
that the weights remain the whole numbers that Brevitas stores.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from snn_deploy.arrays import FloatArray
from snn_deploy.frontends.nir.linear_nodes import MapPart
from snn_deploy.frontends.torch.session import INPUT, Session
from snn_deploy.frontends.torch.signal import Maps, Signal, SignalTerm
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.ir.maps import Scale, Sparse

RAW = "raw input"  # what forward takes, in real numbers
PORT = INPUT  # its levels


class Apart(Maps):
    """Maps that never merge a gain into the weights in front of it."""

    def joined(self, maps: tuple[MapPart, ...], then: MapPart) -> tuple[MapPart, ...]:
        """Return the maps with one more."""
        return (*maps, then)


@dataclass(frozen=True, eq=False)
class Levels:
    """How a quantizer rounds: to whole numbers low..high, each worth `scale`.

    Attributes:
        low: Lowest level, 0 or below.
        high: Highest level, 0 or above.
        scale: What a level is worth, above 0: one number, or one per channel in a shape
            that broadcasts to that of the values (Brevitas may keep a batch dimension).
        rectifies: Whether a level is one unit of the sum, whatever that is worth.
    """

    low: int
    high: int
    scale: FloatArray
    rectifies: bool = False

    def wide(self, shape: tuple[int, ...]) -> FloatArray:
        """Return the scale of each value of `shape` [n]."""
        scale = self.scale if self.scale.size > 1 else self.scale.reshape(())
        if scale.ndim > len(shape):  # Brevitas keeps a dimension for the batch
            scale = scale.reshape(scale.shape[-len(shape) :])
        return np.array(np.broadcast_to(scale, shape), np.float64).ravel()


@dataclass(frozen=True, eq=False)
class Quantizer:
    """A layer, or the quantizer of the input.

    Attributes:
        name: Unique among the layers; of the quantizer of the input, the module's own.
        signal: What is rounded, bias included.
        levels: To what it is rounded.
        recurrent: What the layer hears of a step ago, added to `signal`; None if nothing.
        proxy: The module of Brevitas that does it; None for a rectifier of `maxima`.
    """

    name: str
    signal: Signal
    levels: Levels
    recurrent: Signal | None = None
    proxy: Any = None


@dataclass
class BrevitasTrace(Session):
    """A trace of a quantized module.

    Attributes:
        raw_shape: Of one sample as forward takes it, without batch and sequence; () until
            the input is there.
        maps: Where maps come from, each once, gains apart from weights.
        port: The quantizer of the input; None until it is met.
        quantizers: All others by name, in the order of their calls.
    """

    raw_shape: tuple[int, ...] = ()
    maps: Maps = field(default_factory=Apart)
    port: Quantizer | None = None
    quantizers: dict[str, Quantizer] = field(default_factory=dict)

    def quantized(
        self,
        name: str,
        x: Traced,
        levels: Levels,
        recurrent: Signal | None = None,
        proxy: Any = None,
    ) -> Traced:
        """Return x rounded to levels, as a layer called `name` (numbered if called
        again)."""
        if any(t.pre == RAW for t in x.signal.terms):
            return self._input(name, x, levels, proxy)
        made = self.fresh(name)
        self.quantizers[made] = Quantizer(made, x.signal, levels, recurrent, proxy)
        return self.source(made, x)

    def source(self, name: str, like: Traced) -> Traced:
        """Return the output of the layer called `name`, shaped as `like`."""
        return self.traced(Signal(like.signal.shape, (SignalTerm(name),)), like)

    def fresh(self, name: str) -> str:
        """Return `name`, or with the first number that makes it new."""
        taken, count, made = {*self.quantizers, PORT}, 2, name
        while made in taken:
            made, count = f"{name}_{count}", count + 1
        return made

    def _input(self, name: str, x: Traced, levels: Levels, proxy: Any) -> Traced:
        """Quantize the input itself, which the host does; moving values commutes."""
        signal = x.signal
        moves = len(signal.terms) == 1 and all(map(_moves, signal.terms[0].maps))
        if not moves or signal.constants or levels.scale.size > 1:
            self.refuse(
                f"{name!r} quantizes what was computed from an input that is not quantized "
                "(or does it per channel); put a QuantIdentity first, with one scale"
            )
            return x
        known = self.port
        if known is not None and not _alike(known.levels, levels):
            self.refuse(
                f"{name!r} quantizes the input in another way than {known.name!r}; "
                "quantize it once, in front of all that uses it"
            )
        self.port = Quantizer(name, signal, levels, proxy=proxy)
        # From here on the source is the port, not the raw input.
        term = replace(signal.terms[0], pre=PORT)
        return self.traced(Signal(signal.shape, (term,)), x)


def _alike(a: Levels, b: Levels) -> bool:
    return (a.low, a.high) == (b.low, b.high) and bool((a.scale == b.scale).all())


def _moves(part: MapPart) -> bool:
    """Whether each value that leaves is one that came in, or 0."""
    if isinstance(part, Scale) or not isinstance(part, Sparse):
        return False
    one_each = bool((np.diff(part.matrix.indptr) <= 1).all())
    return one_each and bool((part.matrix.data == 1.0).all())
