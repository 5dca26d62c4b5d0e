"""Post-training quantization by Brevitas: a float module and samples -> a quantized one.

BatchNorm is merged into the weights, functions become modules, activations get quantizers
whose scales minimize the squared error on the samples, and biases make up for the mean
error of each layer. One side of a sum is not rounded: the neuron behind it takes all sides,
but on eight bits of weights they only share a unit if the others are levels already.
"""

import operator
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas import config
from brevitas.quant import (
    Int8ActPerTensorFloatMSE,
    Int8WeightPerTensorFloatMSE,
    Uint8ActPerTensorFloatMSE,
)
from torch import nn
from torch.nn import functional

from snn_deploy.conversion.brevitas.portions import batches
from snn_deploy.errors import InputError
from snn_deploy.options.conversion import ConversionOptions

with warnings.catch_warnings():
    # Brevitas 0.13 imports a part of itself that it has deprecated, and misses kernels
    # that nothing here uses.
    warnings.simplefilter("ignore")
    from brevitas.fx import symbolic_trace
    from brevitas.graph import quantize_impl as handlers
    from brevitas.graph.base import (
        FnToModule,
        InsertModuleCallAfter,
        MethodToModule,
        ModuleToModuleByClass,
    )
    from brevitas.graph.calibrate import bias_correction_mode, calibration_mode
    from brevitas.graph.quantize import preprocess_for_quantize
    from brevitas.graph.standardize import DisableLastReturnQuantTensor

SUMS = frozenset({operator.add, operator.iadd, operator.sub, torch.add, torch.sub, "add"})
SOFTMAX = frozenset({
    torch.softmax, torch.log_softmax, functional.softmax, functional.log_softmax,
    "softmax", "log_softmax",
})  # fmt: skip
MOVING = (nn.Identity, nn.Flatten, nn.AvgPool1d, nn.AvgPool2d, nn.MaxPool1d, nn.MaxPool2d)


def quantize_trained(
    model: nn.Module,
    samples: torch.Tensor,
    bits: ConversionOptions,
    *,
    correct_bias: bool = True,
) -> nn.Module:
    """Return `model` quantized, in evaluation mode; `model` itself is not changed.

    samples: what it was trained on, or alike, [N, *shape]; a few hundred do. The input is
    signed if a sample is. correct_bias: let biases make up for the mean error of layers.

    Raises:
        InputError: Brevitas cannot trace the model.
    """
    ready = _ready(model)
    with _missing_keys_ignored():
        quantized: nn.Module = _quantized(ready, bits, signed=bool((samples < 0).any()))
    with torch.no_grad():
        with calibration_mode(quantized):
            _pass(quantized, samples)
        if correct_bias:
            with bias_correction_mode(quantized):
                _pass(quantized, samples)
    quantized.eval()
    return quantized


def _ready(model: nn.Module) -> Any:
    """Return a copy as a graph of modules, without BatchNorm and Dropout."""
    try:
        with warnings.catch_warnings():
            # Its tracer reads an attribute that PyTorch 2.13 has deprecated.
            warnings.simplefilter("ignore", FutureWarning)
            graph = symbolic_trace(deepcopy(model).eval())
            for function in (torch.relu, torch.relu_):
                graph = FnToModule(function, nn.ReLU).apply(graph)
            graph = MethodToModule("relu", nn.ReLU).apply(graph)
            return preprocess_for_quantize(without_softmax(graph), trace_model=False)
    except Exception as error:
        raise InputError(
            f"{type(model).__name__}: Brevitas cannot trace it ({type(error).__name__}: "
            f"{error}); let forward depend on no values, or build it from Brevitas' layers"
        ) from error


def loses_softmax(model: nn.Module) -> bool:
    """Whether `quantize_trained` drops a softmax at the end of a module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return ends_in_softmax(symbolic_trace(deepcopy(model).eval()))


def ends_in_softmax(graph: Any) -> bool:
    """Whether the last thing that a traced module does is a softmax over its classes."""
    node = _last(graph)
    if node.op == "call_module":
        module = graph.get_submodule(node.target)
        last = isinstance(module, nn.Softmax | nn.LogSoftmax)
        return last and module.dim in (-1, 1)
    dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    return node.target in SOFTMAX and dim in (-1, 1)


def without_softmax(graph: Any) -> Any:
    """Return a traced module without a softmax at its end, which moves no class: the
    largest value stays the largest."""
    if ends_in_softmax(graph):
        node = _last(graph)
        node.replace_all_uses_with(node.args[0])
        graph.graph.erase_node(node)
        graph.recompile()
    return graph


def _last(graph: Any) -> Any:
    """Return the node whose value a traced module returns."""
    (output,) = (n for n in graph.graph.nodes if n.op == "output")
    value = output.args[0]
    return value if hasattr(value, "op") else output


def _quantized(graph: Any, bits: ConversionOptions, *, signed: bool) -> Any:
    """Return the graph with quantizers: the steps of brevitas.graph.quantize.quantize, but
    for an input of its own bits, and no quantizers beside those of the input, of
    activations and of all sides of a sum but one."""
    acts = {
        kind: (
            qnn.QuantReLU,
            {"act_quant": Uint8ActPerTensorFloatMSE, "bit_width": bits.activation_bits},
        )
        for kind in (nn.ReLU, nn.ReLU6)
    }
    weights = {
        "weight_quant": Int8WeightPerTensorFloatMSE,
        "weight_bit_width": bits.weight_bits,
    }
    layers = {
        nn.Linear: (qnn.QuantLinear, weights),
        nn.Conv1d: (qnn.QuantConv1d, weights),
        nn.Conv2d: (qnn.QuantConv2d, weights),
    }
    first = Int8ActPerTensorFloatMSE if signed else Uint8ActPerTensorFloatMSE
    graph = handlers.inp_placeholder_handler(
        graph, input_quantizer=_identity(first, bits.input_bits)
    )
    graph = handlers.act_handler(graph, layer_map=acts)
    _round_sides(graph, bits.activation_bits)
    for kind, (quantized, settings) in layers.items():
        graph = ModuleToModuleByClass(kind, quantized, **settings).apply(graph)
    return DisableLastReturnQuantTensor().apply(graph)


def _round_sides(graph: Any, bits: int) -> None:
    """Give all sides of each sum, except the first that is not rounded, a quantizer."""
    for node in list(graph.graph.nodes):
        if node.target not in SUMS:
            continue
        free = [side for side in node.all_input_nodes if not _is_rounded(graph, side)]
        for side in free[1:]:
            name = f"{side.name}_side"
            made = qnn.QuantIdentity(act_quant=Int8ActPerTensorFloatMSE, bit_width=bits)
            graph.add_module(name, made)
            InsertModuleCallAfter(name, side).apply(graph)
    graph.recompile()


def _is_rounded(graph: Any, node: Any) -> bool:
    """Whether what a node gives are levels of a quantizer, or averages of them."""
    if node.op != "call_module":
        return False
    module = graph.get_submodule(node.target)
    if isinstance(module, MOVING):
        return _is_rounded(graph, node.args[0])
    return isinstance(module, qnn.QuantReLU | qnn.QuantIdentity)


def _identity(quant: Any, bits: int) -> tuple[Any, dict[str, Any]]:
    return qnn.QuantIdentity, {
        "act_quant": quant,
        "bit_width": bits,
        "return_quant_tensor": True,
    }


@contextmanager
def _missing_keys_ignored() -> Iterator[None]:
    """Let quantizers without learned scales load the float weights."""
    before = config.IGNORE_MISSING_KEYS
    config.IGNORE_MISSING_KEYS = True
    try:
        yield
    finally:
        config.IGNORE_MISSING_KEYS = before


def _pass(model: nn.Module, samples: torch.Tensor) -> None:
    for batch in batches(samples):
        try:
            model(batch)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"the model's forward fails on samples {list(samples.shape)} "
                f"({type(error).__name__}: {reason}); give x [N, *shape] as it takes them"
            ) from error
