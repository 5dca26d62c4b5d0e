"""convert: a trained PyTorch module -> a spiking network with the same integers."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from snn_deploy.arrays import AnyArray, FloatArray, IntArray
from snn_deploy.conversion.integers.ann import QuantAnn, encode, evaluate
from snn_deploy.conversion.integers.units import Moved
from snn_deploy.conversion.methods import METHODS, ConversionMethod
from snn_deploy.conversion.running import feed, steps_to_rest
from snn_deploy.conversion.to_network import to_network
from snn_deploy.errors import InputError, option
from snn_deploy.ir.network import Network
from snn_deploy.options.conversion import ConversionOptions
from snn_deploy.options.request import chosen

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from snn_deploy.conversion.brevitas.agreement import BrevitasAgreement
    from snn_deploy.conversion.brevitas.from_brevitas import BrevitasReading
    from snn_deploy.options.keywords import ConversionFields

RATE_STEPS = 32  # of methods that approach the ANN as steps grow; ours
# Share of steps beyond those of the slowest sample seen, since others may be slower. Ours.
SPARE = 0.25


@dataclass(frozen=True, eq=False)
class Converted:
    """What `convert` made.

    Attributes:
        network: The spiking network, to deploy.
        ann: The integers it equals if `method` is exact, else approaches.
        method: The way in which it was converted.
        steps: Model steps to feed per sample, or per step of a sequence; 1 or more.
        moved: How far integers are from what was trained, one entry per layer in order.
        agreement: With the quantized module, on the calibration samples.
        rest: Model steps after which each sample that `convert` was given no longer sent
            anything, the calibration samples first; empty unless the method is ternary.
        float_agreement: Share (0..1) of predictions of the quantized module, on the
            calibration samples, equal to those of the float model; None if the model came
            quantized.
        dropped: What was left out since it changes no class: "softmax" at the end.
    """

    network: Network
    ann: QuantAnn
    method: ConversionMethod
    steps: int
    moved: tuple[Moved, ...]
    agreement: "BrevitasAgreement"
    rest: IntArray
    float_agreement: float | None
    dropped: tuple[str, ...] = ()

    def feed(self, samples: AnyArray) -> FloatArray:
        """Return real samples [N, *shape] as the network's input [N, T, *shape]."""
        return feed(self.ann, self.method, encode(self.ann.port, samples), self.steps)

    def evaluate(self, samples: AnyArray) -> IntArray:
        """Return the integer answers of the ANN for real samples: [N, classes], or
        [N, L, classes] for sequences."""
        return evaluate(self.ann, encode(self.ann.port, samples))[self.ann.output]


def convert(
    model: Any,
    calibration: AnyArray,
    *,
    samples: AnyArray | None = None,
    options: ConversionOptions | None = None,
    **fields: "Unpack[ConversionFields]",
) -> Converted:
    """Return the spiking form of a trained PyTorch module.

    Args:
        model: Quantized with Brevitas, or plain, in which case it is quantized here after
            training, with the bits of `options`.
        calibration: Real samples [N, *shape], or [N, L, *shape] of a recurrent network.
        samples: More of them, to measure steps to rest on, too.
        options: How it is converted. Where it says no steps they are 1 if that is exact,
            for st-bif a quarter more than the slowest sample needs to come to rest, else
            32.
        fields: The same by name, e.g. `method="st-bif"`.

    Raises:
        InputError: Something in the model has no exact equivalent, the method cannot
            express it, or calibration samples do not fit; everything is named.
        DoesNotFitError: Sums leave 24 bits.
    """
    wished = chosen(ConversionOptions, options, fields)
    kind = METHODS[wished.method]
    reading, agreement, from_float = _read(model, np.asarray(calibration), wished)
    ann = reading.ann
    net = to_network(ann, kind, spike_bits=wished.spike_bits)
    known = [calibration] if samples is None else [calibration, samples]
    rest = _rest(net, ann, kind, known if kind.ternary else [])
    return Converted(
        network=net,
        ann=ann,
        method=kind,
        steps=_steps(ann, kind, rest, wished.steps),
        moved=reading.moved,
        agreement=agreement,
        rest=rest,
        float_agreement=from_float,
        dropped=reading.dropped,
    )


def _read(
    model: Any, calibration: AnyArray, options: ConversionOptions
) -> "tuple[BrevitasReading, BrevitasAgreement, float | None]":
    """Quantize if needed, read, and compare; only here is torch needed."""
    try:
        from snn_deploy.conversion.brevitas import to_integers
    except ImportError as error:
        raise InputError(
            f"converting needs PyTorch and Brevitas ({error}); install them: pip install "
            "'snn-deploy[convert]'"
        ) from error
    return to_integers.read(model, calibration, options)


def _rest(
    net: Network, ann: QuantAnn, method: ConversionMethod, samples: list[AnyArray]
) -> IntArray:
    """Return the steps to rest of all samples, one array of them after the other."""
    found = [steps_to_rest(net, ann, method, encode(ann.port, x)) for x in samples]
    return np.concatenate([np.zeros(0, np.int64), *found])


def _steps(
    ann: QuantAnn, method: ConversionMethod, rest: IntArray, steps: int | None
) -> int:
    exact_in_one = method.exact and not method.ternary
    if steps is not None and (exact_in_one or ann.recurrent) and steps != 1:
        raise InputError(
            f"{option('steps', steps)}: {method.name!r} computes each sample in one step; "
            "leave steps out"
        )
    if steps is not None:
        return steps
    if exact_in_one:
        return 1
    slowest = int(rest.max(initial=1))
    return slowest + math.ceil(SPARE * slowest) if method.ternary else RATE_STEPS
