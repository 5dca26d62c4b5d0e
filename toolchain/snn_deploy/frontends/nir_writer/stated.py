"""Which settings of a neuron a file states; a neuron that has others is refused.

A comparison (`inclusive`) is stated by what the file has to be read with, all else by its
nodes. What is not listed here as stated, or as never read by the neuron's step, has to be
what it is by default: so a setting that is new, or that a subclass adds, is refused by its
name until the writer knows it. A subclass that changes what neurons do is refused whole.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

import numpy as np

from snn_deploy.errors import option
from snn_deploy.ir.network import Population
from snn_deploy.neurons import Lif, MultiLevel

BOTH = frozenset({"alpha", "beta", "gain", "bias", "threshold", "v0", "inclusive"})
STATED: Mapping[type[Lif], frozenset[str]] = {  # the narrower type first
    MultiLevel: BOTH | {"low", "high", "floor", "ceiling"},
    Lif: BOTH | {"v_reset", "amount", "reset", "hold", "spiking"},
}
UNREAD: Mapping[type[Lif], frozenset[str]] = {
    MultiLevel: frozenset({"v_reset", "amount"}),  # by its step
    Lif: frozenset(),
}
ONLY_MADE = frozenset({"of"})  # makes neurons; what it made is looked at


def unstated(pop: Population) -> Iterator[str]:
    """Yield a sentence for each setting of `pop` that a file would lose."""
    neuron, who = pop.neuron, f"population {pop.name!r}"
    kind = next((known for known in STATED if isinstance(neuron, known)), None)
    own = type(neuron).__name__
    if kind is None:
        yield (
            f"{who}: its neurons are {own}, and a NIR file can state Lif and MultiLevel "
            "alone; make them one of these"
        )
        return
    changed = ", ".join(_changed(type(neuron), kind))
    if changed:
        yield (
            f"{who}: its neurons are {own}, which changes {changed} of {kind.__name__}, "
            "and a file would not say so; deploy the network itself, deploy(network, board)"
        )
    told = STATED[kind] | UNREAD[kind]
    lost = [name for name in _settings(neuron) if name not in told]
    found = [_sentence(who, neuron, kind, name) for name in lost]
    yield from dict.fromkeys(sentence for sentence in found if sentence)


def _changed(own: type[Lif], kind: type[Lif]) -> Iterator[str]:
    """Yield the names of what neurons of `kind` do, and those of the subclass do
    otherwise."""
    data = {f.name for f in fields(own)}
    for name in dir(kind):
        same = getattr(own, name) is getattr(kind, name)
        if not (same or name.startswith("__") or name in data | ONLY_MADE):
            yield name


def _settings(neuron: Lif) -> dict[str, Any]:
    """Return all that is stored in a neuron, by name."""
    return {f.name: getattr(neuron, f.name) for f in fields(neuron)} | vars(neuron)


def _sentence(who: str, neuron: Lif, kind: type[Lif], name: str) -> str:
    """Return what is lost of a setting; nothing where it is the default."""
    value, default = _settings(neuron)[name], _default(neuron, kind, name)
    if default is not MISSING and _equal(value, default):
        return ""
    if name in WORDS:
        return f"{who}: {WORDS[name](value)}"
    instead = ";" if default is MISSING else f"; make it {_said(default)},"
    return (
        f"{who}: its {name} is {_said(value)}, for which there is no standard form"
        f"{instead} or deploy the network itself, deploy(network, board)"
    )


def _default(neuron: Lif, kind: type[Lif], name: str) -> Any:
    """Return what a setting is unless it is given; MISSING if nothing says so."""
    if name in {f.name for f in fields(kind)}:
        return getattr(kind.of(neuron.n), name)
    added: Mapping[str, Field[Any]] = {f.name: f for f in fields(neuron)}
    if name not in added:
        return MISSING
    factory = added[name].default_factory
    return added[name].default if factory is MISSING else factory()


def _equal(value: Any, default: Any) -> bool:
    a, b = np.asarray(value), np.asarray(default)
    fits = a.shape == b.shape or a.size == 1 or b.size == 1
    return fits and bool(np.all(a == b))


def _said(value: Any) -> str:
    """Return a value in words: the range of numbers that differ."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or array.size == 0:
        return repr(value)
    low, high = array.min(), array.max()
    return f"{low:g}" if low == high else f"{low:g} .. {high:g}"


def _sliced(_: Any) -> str:
    return (
        f"its spikes are slices of a level ({option('lower')}), for which there is no "
        "standard form; write the network before it is lowered"
    )


def _floored(v_min: Any) -> str:
    return (
        f"its membrane falls no lower than {np.min(v_min):g}, for which there is no "
        "standard form; deploy the network itself, deploy(network, board)"
    )


WORDS: Mapping[str, Callable[[Any], str]] = {
    "member": _sliced,
    "plane": _sliced,
    "v_min": _floored,
}
