"""Finding: what samples were read as, for `check` to show before anything long is run."""

import msgspec
import numpy as np

from snn_deploy.inputs.data import Data


class Fed(msgspec.Struct, frozen=True):
    """What one input is fed.

    Attributes:
        name: Of the input.
        shape: [N, T, *shape] of all samples.
        type: NumPy's name of the type that the values have.
        kind: "spikes" (0 and one other value above it), "graded" or, if some are
            negative, "signed".
        rate: Share of values that are not 0, 0..1.
        low: Smallest of all values.
        high: Largest of all values.
        duration_s: Of one sample, s; None if the model has no time step.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    kind: str
    rate: float
    low: float
    high: float
    duration_s: float | None


class Labels(msgspec.Struct, frozen=True):
    """How samples are spread over classes.

    Attributes:
        classes: How many different labels occur.
        least: Samples of the class that has fewest.
        most: Samples of the class that has most.
    """

    classes: int
    least: int
    most: int


class InputFinding(msgspec.Struct, frozen=True):
    """What `--input` was read as.

    Attributes:
        source: File name.
        samples: How many there are.
        steps: Model steps of each.
        static: Whether every input has one value for all steps.
        inputs: What each input of the model is fed.
        labels: None if there are none.
    """

    source: str
    samples: int
    steps: int
    static: bool
    inputs: tuple[Fed, ...]
    labels: Labels | None


def describe(data: Data, step_s: float | None) -> InputFinding:
    """Return what `data` holds; step_s: seconds per model step."""
    duration = None if step_s is None else data.steps * step_s
    fed = []
    for name, x in data.x.items():
        frames = x[:, :1] if data.static or x.strides[1] == 0 else x
        low, high = float(frames.min()), float(frames.max())
        binary = low >= 0 and bool(((frames == 0) | (frames == high)).all())
        kind = "spikes" if binary else "signed" if low < 0 else "graded"
        rate = float(np.count_nonzero(frames) / frames.size)
        fed.append(Fed(name, x.shape, str(x.dtype), kind, rate, low, high, duration))
    return InputFinding(
        data.source, data.samples, data.steps, data.static, tuple(fed), _labels(data)
    )


def _labels(data: Data) -> Labels | None:
    if data.y is None:
        return None
    _, sizes = np.unique(data.y, return_counts=True)
    return Labels(len(sizes), int(sizes.min()), int(sizes.max()))
