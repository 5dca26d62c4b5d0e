"""The text of the emitted package: our own neuron processes, from the neurons' single
definition.

The integer process contains the source of the model's step and of the arithmetic's
intrinsics as they are; the floating one a translation in which shifts are products and
rounding, wrapping and clipping are left out.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

from snn_deploy.arithmetic import loihi
from snn_deploy.neurons import MODELS, NeuronModel
from snn_deploy_backends.lava.plan import own_process

_PART = """def part(s, member, plane):
    size = np.maximum(np.where(member + plane < 0, -s, s), 0)
    bit = size // np.maximum(np.abs(plane), 1) % 2 == 1
    sent = np.where(plane != 0, bit, size >= np.abs(member))
    return np.where((member != 0) | (plane != 0), sent, s)"""
FLOATING = {  # each intrinsic of arithmetic "loihi" without its rounding and limits
    "where": "def where(condition, yes, no):\n    return np.where(condition, yes, no)",
    "decay": "def decay(x, d):\n    return x * (4096 - d) / 4096",
    "wrap24": "def wrap24(x):\n    return x",
    "sat24": "def sat24(x):\n    return x",
    "clip": "def clip(x, low, high):\n    return np.clip(x, low, high)",
    "levels": "def levels(v, theta):\n    return np.floor(v / theta)",
    "part": _PART,
}
HEADER = '''"""The neurons without rounding, for --floating. Written by snn-deploy."""

import numpy as np

'''


def integer_sources(models: Iterable[str]) -> list[str]:
    """Return the source of all that `models` need: intrinsics, then steps."""
    steps = [MODELS[name].step for name in models]
    intrinsics = [getattr(loihi, name) for name in _intrinsics(steps)]
    return [_source(f) for f in (*intrinsics, *steps)]


def floating_module(models: Iterable[str]) -> str:
    """Return the text of floating.py."""
    steps = [MODELS[name].step for name in models]
    parts = [FLOATING[name] for name in _intrinsics(steps)]
    parts += [ast.unparse(_floating(step)) for step in steps]
    return HEADER + "".join(f"\n{part}\n\n" for part in parts).rstrip() + "\n"


def model_facts(name: str) -> dict[str, object]:
    """Return what the template neurons.py.j2 says about one model."""
    model: NeuronModel = MODELS[name]
    registers = [p for p in model.params if p != "bias"]
    arguments = (
        [f"self.{s}" for s in model.states] + ["a"] + [f"self.{p}" for p in model.params]
    )
    return {
        "name": name,
        "process": own_process(name),
        "states": model.states,
        "parameters": (*registers, "bias_mant", "bias_exp"),
        "variables": [*model.states, *registers, "bias_mant", "bias_exp", "v0"],
        "assigned": ", ".join(f"self.{s}" for s in model.states),
        "arguments": ", ".join(arguments),
    }


def _intrinsics(steps: Iterable[Callable[..., Any]]) -> list[str]:
    """Return the names of the arithmetic that the steps use, in the arithmetic's order."""
    used = {name for step in steps for name in step.__code__.co_names}
    return [name for name in vars(loihi) if name in used and name in FLOATING]


def _source(function: Callable[..., Any]) -> str:
    return textwrap.dedent(inspect.getsource(function)).rstrip()


class _ShiftsAsProducts(ast.NodeTransformer):
    """x << k becomes x * 2**k, and annotations and docstrings go."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.LShift | ast.RShift):
            return node
        sign = -1 if isinstance(node.op, ast.RShift) else 1
        shift = ast.UnaryOp(ast.USub(), node.right) if sign < 0 else node.right
        power = ast.BinOp(ast.Constant(2.0), ast.Pow(), shift)
        return ast.BinOp(node.left, ast.Mult(), power)


def _floating(step: Callable[..., Any]) -> Any:
    (function,) = ast.parse(_source(step)).body
    if isinstance(function, ast.FunctionDef):
        function.returns = None
        for argument in function.args.args:
            argument.annotation = None
        function.body = [s for s in function.body if not isinstance(s, ast.Expr)]
    return ast.fix_missing_locations(_ShiftsAsProducts().visit(function))
