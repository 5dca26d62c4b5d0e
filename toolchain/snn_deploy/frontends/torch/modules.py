"""PyTorch's own layers on traced tensors, by class name: LAYERS."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from snn_deploy.frontends.torch import pooling
from snn_deploy.frontends.torch.functions import on_spikes, softmax
from snn_deploy.frontends.torch.moving import moved
from snn_deploy.frontends.torch.session import Session
from snn_deploy.frontends.torch.signal import through
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.frontends.torch.weights import (
    convolution,
    dense,
    normalized,
    probe,
    zeros_only,
)

Handler: TypeAlias = Callable[..., Any]


def linear(session: Session, module: Any, x: Traced) -> Any:
    """Linear, on the last dimension."""
    return dense(session, x, module.weight, module.bias)


def conv(session: Session, module: Any, x: Traced) -> Any:
    """Conv1d, Conv2d; zero padding only."""
    zeros_only(session, module)
    return convolution(
        session, x, module.weight, module.bias, module.stride, module.padding,
        module.dilation, module.groups,
    )  # fmt: skip


def batch_norm(session: Session, module: Any, x: Traced) -> Any:
    """BatchNorm as it is in evaluation: a gain and a bias per channel, which become part of
    the layer in front."""
    if module.training or module.running_mean is None:
        session.refuse(
            f"{session.name_of(module)!r} normalizes by the statistics of each batch, "
            "which no chip sees; call module.eval() first, with tracked statistics"
        )
        return x
    return normalized(
        session, x, module.running_mean, module.running_var, module.weight, module.bias,
        module.eps,
    )  # fmt: skip


def nothing(session: Session, module: Any, x: Any, *rest: Any) -> Any:
    """Identity."""
    return x


def rectified(session: Session, module: Any, x: Traced) -> Any:
    """ReLU and alike, of spikes."""
    return on_spikes(session, x)


def ending(session: Session, module: Any, x: Traced) -> Any:
    """Softmax, LogSoftmax."""
    return softmax(session, x, module.dim)


def dropout(session: Session, module: Any, x: Any) -> Any:
    """Dropout, which does nothing once training is over."""
    session.assume("dropout", "left out", "it does nothing once training is over")
    return x


def average_pool(session: Session, module: Any, x: Traced) -> Any:
    """AvgPool1d, AvgPool2d."""
    kernel, stride, padding = (
        _sizes(getattr(module, k)) for k in ("kernel_size", "stride", "padding")
    )
    window = pooling.PoolWindow.of(
        kernel, stride, padding, 1, module.ceil_mode, x.signal.shape
    )
    divisor = getattr(module, "divisor_override", None)
    return pooling.average(session, x, window, module.count_include_pad, divisor)


def max_pool(session: Session, module: Any, x: Traced) -> Any:
    """MaxPool1d, MaxPool2d: whether any spike is in each window."""
    window = pooling.PoolWindow.of(
        module.kernel_size, module.stride, module.padding, module.dilation,
        module.ceil_mode, x.signal.shape,
    )  # fmt: skip
    return pooling.any_spike(session, x, window, session.name_of(module), module)


def _sizes(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else value


def sum_pool(session: Session, module: Any, x: Traced) -> Any:
    """LPPool of norm 1: the sum of each window."""
    if module.norm_type != 1:
        session.refuse(
            f"{session.name_of(module)!r} pools by norm {module.norm_type:g}, which is not "
            "linear; use norm_type=1 or AvgPool2d"
        )
    window = pooling.PoolWindow.of(
        module.kernel_size, module.stride, 0, 1, module.ceil_mode, x.signal.shape
    )
    part = session.maps.once(("sum", window), window.sums)
    return session.traced(through(session.maps, x.signal, part, window.result), x)


def moving(session: Session, module: Any, x: Traced) -> Any:
    """Flatten, Unflatten, padding with zeros, and alike: forward as it stands."""

    def forward(t: Any) -> Any:
        return _plain_forward(module)(module, t)

    return moved(session, forward, (x,), {})


def _plain_forward(module: Any) -> Callable[..., Any]:
    """Return torch's own forward of a layer that a framework may have wrapped."""
    bases = [c for c in type(module).__mro__ if c.__module__.startswith("torch.nn")]
    return getattr(bases[0], "forward")  # type: ignore[no-any-return]  # noqa: B009


def pad(session: Session, module: Any, x: Traced) -> Any:
    """ConstantPad with zeros."""
    if getattr(module, "value", 0) != 0:
        session.refuse(
            f"{session.name_of(module)!r} pads with {module.value:g}; pad with zeros"
        )
    return moving(session, module, x)


def probed(session: Session, module: Any, x: Traced) -> Any:
    """Return an affine layer without a rule of its own, told from the unit vectors."""

    def run(eye: Any) -> Any:
        kinds = {p.dtype for p in module.parameters()}
        made = _plain_forward(module)(module, eye.to(kinds.pop()) if kinds else eye)
        return made.double()

    return probe(session, x, run, id(module))


_PLACES = ("1d", "2d", "3d", "")
LAYERS: dict[str, Handler] = {
    "Linear": linear, "NonDynamicallyQuantizableLinear": linear,
    "Conv1d": conv, "Conv2d": conv,
    "BatchNorm1d": batch_norm, "BatchNorm2d": batch_norm, "SyncBatchNorm": batch_norm,
    **{f"Dropout{d}": dropout for d in _PLACES},
    "AlphaDropout": dropout, "FeatureAlphaDropout": dropout, "Identity": nothing,
    "ReLU": rectified, "ReLU6": rectified, "Softmax": ending, "LogSoftmax": ending,
    "AvgPool1d": average_pool, "AvgPool2d": average_pool,
    "MaxPool1d": max_pool, "MaxPool2d": max_pool,
    "LPPool2d": sum_pool, "LPPool1d": sum_pool,
    "Flatten": moving, "Unflatten": moving, "PixelShuffle": moving,
    "PixelUnshuffle": moving, "ChannelShuffle": moving,
    "ZeroPad1d": pad, "ZeroPad2d": pad, "ConstantPad1d": pad, "ConstantPad2d": pad,
    "AdaptiveAvgPool1d": probed, "AdaptiveAvgPool2d": probed, "Upsample": probed,
    "UpsamplingNearest2d": probed, "ConvTranspose1d": probed, "ConvTranspose2d": probed,
}  # fmt: skip


def on_steps(handler: Handler, session: Session, module: Any, x: Traced) -> Any:
    """Return what a layer makes of each step of a sequence: batch and time are one."""
    rows = (int(np.prod(x.lead)),)
    flat = Traced.of(session, x.signal, rows, None, x.whole)
    out = handler(session, module, flat)
    if not isinstance(out, Traced):
        return out
    return Traced.of(session, out.signal, x.lead, x.time, x.whole)
