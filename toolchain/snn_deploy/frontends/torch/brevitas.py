"""Layers of Brevitas in a spiking network: the quantized weights that they compute with.

Only weights may be quantized. A whole network of quantized activations is no spiking one;
`snn_deploy.convert` makes one of it.
"""

from collections.abc import Callable
from typing import Any

from snn_deploy.frontends.torch.modules import Handler
from snn_deploy.frontends.torch.session import Session
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.frontends.torch.weights import convolution, dense, zeros_only


def _quantized(layer: Callable[..., Any]) -> Handler:
    """Return the handler of a layer that gets its quantized weight."""

    def handler(session: Session, module: Any, x: Traced) -> Any:
        for name in ("input_quant", "output_quant", "bias_quant"):
            proxy = getattr(module, name, None)
            if proxy is not None and proxy.is_quant_enabled:
                session.refuse(
                    f"{session.name_of(module)!r} has {name}; between spiking neurons only "
                    f"weights may be quantized, so build it with {name}=None, or convert "
                    "the network with snn_deploy.convert if nothing in it spikes"
                )
        weight = module.quant_weight()
        session.assume(
            "weights", "as quantized by Brevitas", "what the layer computes with"
        )
        return layer(session, module, x, getattr(weight, "value", weight))

    return handler


def _linear(session: Session, module: Any, x: Traced, weight: Any) -> Any:
    return dense(session, x, weight, module.bias)


def _conv(session: Session, module: Any, x: Traced, weight: Any) -> Any:
    zeros_only(session, module)
    return convolution(
        session, x, weight, module.bias, module.stride, module.padding, module.dilation,
        module.groups,
    )  # fmt: skip


WEIGHTS: dict[str, Handler] = {
    "QuantLinear": _quantized(_linear),
    "QuantConv1d": _quantized(_conv),
    "QuantConv2d": _quantized(_conv),
}
