"""Check one node: which parameters its type has, and what values make sense.

The table SCHEMA is nir 1.0.8's `nir/ir/*.py`, plus what its docstrings leave to common
sense (time constants are positive, strides at least one). Receives a RawNode, returns a
Node with every parameter in place. Shapes are `shapes`' business.
"""

from collections.abc import Callable, Mapping

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError
from snn_deploy.files.hdf5 import Value
from snn_deploy.frontends.nir.graph.graph import Node, RawNode

MAX_RANK = 32  # dimensions of a shape; NumPy 1 and HDF5 stop there, nothing real comes near
MAX_SIZE = 2**24  # values of one node per step; ours (a Loihi 2 chip has 2**20 neurons)
MAX_TOTAL = 2**25  # values of all nodes together; ours, some 2 GiB of neuron parameters

ValueRule = Callable[[Value], str | None]  # returns what is wrong with a value, or None


def number(value: Value) -> str | None:
    """Refuse all but finite real numbers."""
    return _not_real(value) or _count("finite", ~np.isfinite(value), value)


def not_nan(value: Value) -> str | None:
    """Refuse all but real numbers and infinity (tau and r of a perfect integrator)."""
    return _not_real(value) or _count("a number", np.isnan(value), value)


def positive(value: Value) -> str | None:
    """Refuse all but numbers above zero, infinity included."""
    return not_nan(value) or _count("above zero", np.asarray(value) <= 0, value)


def not_negative(value: Value) -> str | None:
    """Refuse negative and infinite numbers."""
    return number(value) or _count("zero or more", np.asarray(value) < 0, value)


def whole(lowest: int, most: int) -> ValueRule:
    """Return the rule for up to `most` whole numbers of at least `lowest`."""

    def rule(value: Value) -> str | None:
        complaint = number(value)
        if complaint or isinstance(value, str):
            return complaint
        if value.ndim > 1 or not 1 <= value.size <= most:
            demand = "one number" if most == 1 else "one number or a pair"
            return f"must be {demand}, not {list(value.shape)}"
        fits = (value == np.round(value)) & (value >= lowest) & (value <= MAX_SIZE)
        return _count(f"a whole number of {lowest} to {MAX_SIZE}", ~fits, value)

    return rule


def shape(value: Value) -> str | None:
    """Refuse all but a list of positive whole numbers."""
    complaint = number(value)
    if complaint or isinstance(value, str):
        return complaint
    if value.ndim > 1 or value.size > MAX_RANK:
        return (
            f"must be a list of at most {MAX_RANK} sizes, not an array {list(value.shape)}"
        )
    fits = (value == np.round(value)) & (value >= 1) & (value <= MAX_SIZE)
    product = float(np.prod(value.astype(np.float64)))
    if bool(fits.all()) and product > MAX_SIZE:
        return f"is {value.tolist()}, {product:.3g} values per step, more than {MAX_SIZE}"
    return _count("a positive size", ~fits, value)


def padding(most: int) -> ValueRule:
    """Return the rule for a padding: 'same', 'valid' or up to `most` numbers."""

    def rule(value: Value) -> str | None:
        if isinstance(value, str):
            known = value in ("same", "valid")
            return None if known else f"must be 'same', 'valid' or numbers, not {value!r}"
        return whole(0, most)(value)

    return rule


def anything(value: Value) -> str | None:
    """Refuse nothing: a parameter that is redundant."""
    return None


def _convolution(most: int) -> dict[str, ValueRule]:
    return {
        **{
            "weight": number,
            "bias": number,
            "padding": padding(most),
            "groups": whole(1, 1),
        },
        **dict.fromkeys(("stride", "dilation", "input_shape"), whole(1, most)),
    }


_POOL: dict[str, ValueRule] = {
    "kernel_size": whole(1, 2),
    "stride": whole(1, 2),
    "padding": whole(0, 2),
}
_LEAK: dict[str, ValueRule] = {"r": not_nan, "v_leak": number}
_FIRE: dict[str, ValueRule] = {"v_threshold": number, "v_reset": number}
_CUBA: dict[str, ValueRule] = {
    "tau_syn": positive,
    "tau_mem": positive,
    "w_in": not_nan,
    **_LEAK,
}

SCHEMA: Mapping[str, Mapping[str, ValueRule]] = {
    "Input": {"shape": shape},
    "Output": {"shape": shape},
    "Affine": {"weight": number, "bias": number},
    "Linear": {"weight": number},
    "Scale": {"scale": number},
    "Conv1d": _convolution(1),
    "Conv2d": _convolution(2),
    "AvgPool2d": _POOL,
    "SumPool2d": _POOL,
    "Flatten": {"start_dim": whole(-MAX_RANK, 1), "end_dim": whole(-MAX_RANK, 1),
                "input_type": anything},
    "Delay": {"delay": not_negative},
    "I": {"r": not_nan},
    "LI": {"tau": positive, **_LEAK},
    "IF": {"r": not_nan, **_FIRE},
    "LIF": {"tau": positive, **_LEAK, **_FIRE},
    "CubaLI": _CUBA,
    "CubaLIF": {**_CUBA, **_FIRE},
    "Threshold": {"threshold": number},
}  # fmt: skip

# What nir 1.0.8 puts in where a file lacks the parameter, as formats 0.1 and 0.2 do.
DEFAULTS: Mapping[str, AnyArray] = {
    "v_reset": np.zeros(()),
    "w_in": np.ones(()),
    "start_dim": np.array(1),
    "end_dim": np.array(-1),
}
MAY_MISS = frozenset({"input_shape", "input_type", "shape"})  # inferred


def check_node(raw: RawNode, name: str, source: str) -> Node:
    """Return the node with all its parameters.

    Raises:
        InputError: Unknown type, a parameter is missing or makes no sense.
    """
    where = f"{source}: node {name!r}"
    if raw.kind not in SCHEMA:
        raise InputError(
            f"{where}: unknown type {raw.kind!r}; "
            f"replace it by {', '.join(SCHEMA)} or NIRGraph"
        )
    rules, where = SCHEMA[raw.kind], f"{where} ({raw.kind})"
    for key, rule in rules.items():
        if key in raw.values:
            complaint = rule(raw.values[key])
        else:
            optional = key in DEFAULTS or key in MAY_MISS
            complaint = None if optional else "is missing"
        if complaint:
            raise InputError(f"{where}: {key} {complaint}; correct it and export again")
    defaults = {k: DEFAULTS[k] for k in rules if k in DEFAULTS and k not in raw.values}
    known = {k: v for k, v in raw.values.items() if k in rules}
    return Node(name, raw.kind, {**known, **defaults}, where)


def _not_real(value: Value) -> str | None:
    if isinstance(value, str):
        return f"is the text {value[:40]!r} instead of numbers"
    if value.dtype.kind not in "fiu":
        return f"is of type {value.dtype} instead of real numbers"
    if value.size == 0:
        return f"has no values (shape {list(value.shape)})"
    return None


def _count(demand: str, wrong: AnyArray, value: Value) -> str | None:
    """Say how many values break the demand, and show the first that does."""
    bad = np.asarray(value).ravel()[np.asarray(wrong).ravel()]
    if not bad.size:
        return None
    total = np.asarray(value).size
    if total == 1:
        return f"must be {demand}, not {bad[0]:g}"
    return (
        f"must be {demand}, but {bad.size} of {total} values are not (such as {bad[0]:g})"
    )
