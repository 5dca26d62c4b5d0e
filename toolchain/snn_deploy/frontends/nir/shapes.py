"""Which shape enters and leaves every node: Graph -> Shapes.

Shapes go forward from the Inputs; layers with weights know theirs anyway, so cycles are no
obstacle. Files disagree on batch and time dimensions: an Input loses as few leading
dimensions as make everything it feeds fit, sizes of 1 in front never matter, and a Flatten
may count its dimensions with or without the batch. All of it is decided by what follows
(`_accepts`), never by names.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from snn_deploy.arrays import Shape
from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.graph.graph import ELEMENTWISE, Graph, Node
from snn_deploy.frontends.nir.graph.nodes import MAX_SIZE, MAX_TOTAL
from snn_deploy.ir.maps import window_counts
from snn_deploy.ir.network import Assumption

LOOKAHEAD = 100  # nodes without a shape of their own that are looked through; ours


class Misfit(Exception):  # noqa: N818
    """A node cannot take a shape; the text says what it takes."""


@dataclass(frozen=True)
class Shapes:
    """Shapes of one step of one sample, without batch and time.

    Attributes:
        before: Of what enters each node, by its name.
        after: Of what leaves each node, by its name.
        assumptions: Inputs and Outputs that declare another shape than they have here.
    """

    before: Mapping[str, Shape]
    after: Mapping[str, Shape]
    assumptions: tuple[Assumption, ...]


def infer_shapes(graph: Graph) -> Shapes:
    """Return all shapes, without batch and time dimensions.

    Raises:
        InputError: Two nodes that an edge joins do not fit, or a shape cannot be told.
    """
    known = _Known(graph, {}, {})
    known.start()
    known.spread()
    while len(known.after) < len(graph.nodes):
        known.guess()
        known.spread()
    for a, following in graph.after.items():
        for b in following:
            known.check_edge(a, b)
    total = sum(math.prod(shape) for shape in known.after.values())
    if total > MAX_TOTAL:
        raise InputError(
            f"{graph.source}: its nodes give {total} values per step, more than "
            f"{MAX_TOTAL}; split the model"
        )
    return Shapes(known.before, known.after, tuple(_stripped(graph, known.after)))


def parameter_shape(node: Node) -> Shape:
    """Return the shape that the parameters of an element-wise node have together.

    Raises:
        InputError: The parameters do not fit each other.
    """
    shapes = {key: np.shape(value) for key, value in node.values.items()}
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError as error:
        listed = ", ".join(f"{k} {list(s)}" for k, s in shapes.items())
        raise node.fail(
            f"its parameters do not fit each other ({listed}); give all the same shape"
        ) from error


def _has_no_opinion(node: Node) -> bool:
    """Whether the node takes any shape: each of its parameters is one value."""
    return node.kind in ELEMENTWISE and _trim(parameter_shape(node)) == ()


@dataclass(frozen=True)
class _Known:
    """What is known so far."""

    graph: Graph
    before: dict[str, Shape]
    after: dict[str, Shape]

    def start(self) -> None:
        """Fill in what nodes know by themselves."""
        for node in self.graph.nodes.values():
            if node.kind in ("Affine", "Linear"):
                self.put(node, _affine(node, None))
            elif node.kind in ELEMENTWISE:
                parameter_shape(node)
        for node in self.graph.of_kind("Input"):
            if node.has("shape"):
                declared = node.ints("shape")
                shape = self.choose(node, [declared[k:] for k in range(len(declared))])
                self.put(node, (shape, shape))

    def put(self, node: Node, shapes: tuple[Shape, Shape]) -> None:
        self.before[node.name], self.after[node.name] = shapes
        size = math.prod(shapes[1])
        if size > MAX_SIZE:
            raise node.fail(
                f"gives {list(shapes[1])}, {size} values per step, more than {MAX_SIZE}; "
                f"split the model"
            )

    def spread(self) -> None:
        """Carry shapes along the edges until nothing changes."""
        todo = deque(self.after)
        while todo:
            name = todo.popleft()
            for target in self.graph.after[name]:
                if target not in self.after:
                    self.put(self.graph.nodes[target], self.pass_on(name, target))
                    todo.append(target)

    def pass_on(self, source: str, target: str) -> tuple[Shape, Shape]:
        node, shape = self.graph.nodes[target], self.after[source]
        try:
            before, after = _rule(node)(node, shape)
        except Misfit as misfit:
            raise self.mismatch(source, target, str(misfit)) from misfit
        if node.kind == "Flatten":
            after = self.choose(node, list(_flattenings(node, shape)))
        return before, after

    def choose(self, node: Node, candidates: list[Shape]) -> Shape:
        """Return the first candidate that everything behind the node takes.

        Exactly if there is one, else but for leading 1s; else the first of all.
        """
        for exact in (True, False):
            for shape in candidates:
                known: dict[tuple[str, Shape], bool] = {}
                targets = self.graph.after[node.name]
                if all(_accepts(self.graph, t, shape, exact, known) for t in targets):
                    return shape
        return candidates[0]

    def guess(self) -> None:
        """Settle one node that no shape has reached: by itself, else by what follows it."""
        unknown = [n for n in self.graph.nodes.values() if n.name not in self.after]
        for tell in (_own_shape, self.wanted_behind, _single_value):
            for node in unknown:
                shape = tell(node)
                if shape is None:
                    continue
                try:
                    self.put(node, _rule(node)(node, shape))
                except Misfit as misfit:
                    raise node.fail(f"it {misfit}; correct it") from misfit
                return
        raise unknown[0].fail(
            "its shape cannot be told; state the shape of the Inputs and export again"
        )

    def wanted_behind(self, node: Node) -> Shape | None:
        targets = [t for t in self.graph.after[node.name] if t in self.before]
        passes = node.kind in ("Input", "Port", "Flatten") or _has_no_opinion(node)
        return self.before[targets[0]] if targets and passes else None

    def check_edge(self, source: str, target: str) -> None:
        node = self.graph.nodes[target]
        if _trim(self.after[source]) == _trim(self.before[target]):
            return
        if node.kind == "Flatten" and math.prod(self.after[source]) == math.prod(
            self.before[target]
        ):
            return
        raise self.mismatch(source, target, _takes(self.before[target]))

    def mismatch(self, source: str, target: str, why: str) -> InputError:
        return InputError(
            f"{self.graph.source}: edge {source!r} -> {target!r}: {source!r} gives "
            f"{list(self.after[source])}, but {target!r} "
            f"({self.graph.nodes[target].kind}) {why}; correct the layers or add a Flatten"
        )


def _accepts(
    graph: Graph, name: str, shape: Shape, exact: bool, known: dict[tuple[str, Shape], bool]
) -> bool:
    """Whether a node, and what follows it if it has no opinion, takes this shape.

    known: answers so far; a question that comes up while it is answered counts as yes.
    """
    key = (name, shape)
    if key in known or len(known) >= LOOKAHEAD:
        return known.get(key, True)
    known[key] = True
    node = graph.nodes[name]
    try:
        before, after = _rule(node)(node, shape)
    except Misfit:
        known[key] = False
        return False
    if node.kind == "Flatten":
        options = list(_flattenings(node, shape))
    elif node.kind == "Port" or _has_no_opinion(node):
        options = [after]
    else:
        options = []
    known[key] = (before == shape or not exact) and (
        not options
        or any(
            all(
                _accepts(graph, target, option, exact, known)
                for target in graph.after[name]
            )
            for option in options
        )
    )
    return known[key]


def _rule(node: Node) -> Callable[[Node, Shape], tuple[Shape, Shape]]:
    if node.kind in ELEMENTWISE:
        return _elementwise
    return {
        "Affine": _affine,
        "Linear": _affine,
        "Conv1d": _conv,
        "Conv2d": _conv,
        "AvgPool2d": _pool,
        "SumPool2d": _pool,
        "Output": _output,
    }.get(node.kind, _as_is)


def _as_is(node: Node, shape: Shape) -> tuple[Shape, Shape]:
    return shape, shape


def _own_shape(node: Node) -> Shape | None:
    if node.kind == "Conv2d" and node.has("input_shape"):
        channels = np.shape(node.values["weight"])[1:2]
        return (
            *(c * node.ints("groups")[0] for c in channels),
            *_pair(node, "input_shape"),
        )
    return (_trim(parameter_shape(node)) or None) if node.kind in ELEMENTWISE else None


def _single_value(node: Node) -> Shape | None:
    return (1,) if node.kind in ELEMENTWISE and parameter_shape(node) else None


def _elementwise(node: Node, shape: Shape) -> tuple[Shape, Shape]:
    if _has_no_opinion(node):
        return shape, shape
    own = parameter_shape(node)
    if _trim(shape) == _trim(own):
        shorter = min(own, shape, key=len)
        return shorter, shorter
    aligned = _trim(own, len(shape))
    fits = len(aligned) == len(shape) and all(
        p in (1, s) for p, s in zip(aligned, shape, strict=True)
    )
    if not fits:
        raise Misfit(_takes(own))
    return shape, shape


def _affine(node: Node, shape: Shape | None) -> tuple[Shape, Shape]:
    weight = np.shape(node.values["weight"])
    if len(weight) < 2:
        raise node.fail(f"weight {list(weight)} is no matrix; give it the shape [out, in]")
    before, after = (*weight[:-2], weight[-1]), (*weight[:-2], weight[-2])
    if shape is not None and _trim(shape) != _trim(before):
        raise Misfit(_takes(before))
    return before, after


def _conv(node: Node, shape: Shape) -> tuple[Shape, Shape]:
    weight, rank = np.shape(node.values["weight"]), 3 if node.kind == "Conv2d" else 2
    if len(weight) != rank + 1:
        raise node.fail(
            f"weight {list(weight)} does not have {rank + 1} dimensions; correct it"
        )
    groups = node.ints("groups")[0]
    if weight[0] % groups:
        raise node.fail(
            f"{weight[0]} channels do not split into {groups} groups; correct groups"
        )
    channels, trimmed = weight[1] * groups, _trim(shape, rank)
    image = (1,) * (rank - len(trimmed)) + trimmed
    if len(image) != rank or image[0] != channels:
        raise Misfit(
            f"takes {channels} channels as {['C', 'H', 'W'][:rank]}".replace("'", "")
        )
    if node.has("input_shape") and _pair(node, "input_shape", rank - 1) != image[1:]:
        raise Misfit(_takes((channels, *_pair(node, "input_shape", rank - 1))))
    return image, (
        weight[0],
        *_window(node, image[1:], weight[2:], _pair(node, "dilation", rank - 1)),
    )


def _pool(node: Node, shape: Shape) -> tuple[Shape, Shape]:
    trimmed = _trim(shape, 3)
    if len(trimmed) != 3:
        raise Misfit("takes [C, H, W]")
    size = _window(node, trimmed[1:], _pair(node, "kernel_size"), (1, 1))
    return trimmed, (trimmed[0], *size)


def _output(node: Node, shape: Shape) -> tuple[Shape, Shape]:
    declared, own = node.ints("shape") if node.has("shape") else shape, _trim(shape) or (1,)
    if len(own) > len(declared) or declared[len(declared) - len(own) :] != own:
        raise Misfit(_takes(declared))
    return shape, shape


def _window(node: Node, size: Shape, kernel: Shape, dilation: Shape) -> Shape:
    """Return the positions of a sliding kernel along each dimension."""
    stride = _pair(node, "stride", len(size))
    pads = paddings(node, kernel, dilation)
    padding = [a + b for a, b in pads]
    counts = window_counts(size, kernel, stride, padding, dilation)
    if min(counts) < 1:
        raise Misfit(
            f"has a kernel {list(kernel)} larger than the padded image {list(size)}"
        )
    return counts


def paddings(node: Node, kernel: Shape, dilation: Shape) -> list[tuple[int, int]]:
    """Return the zeros (before, after) the image along each dimension.

    'same' puts the odd one behind, as PyTorch does.
    """
    rank = len(kernel)
    text = node.values["padding"]
    if not isinstance(text, str):
        return [(p, p) for p in _pair(node, "padding", rank)]
    if text == "valid":
        return [(0, 0)] * rank
    if any(s != 1 for s in _pair(node, "stride", rank)):
        raise node.fail("padding 'same' needs stride 1; give the padding in numbers")
    totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return [(t // 2, t - t // 2) for t in totals]


def _pair(node: Node, key: str, rank: int = 2) -> Shape:
    values = node.ints(key)
    return values * rank if len(values) == 1 else values


def _flattenings(node: Node, shape: Shape) -> Iterator[Shape]:
    """Yield what a Flatten may mean: as stated, counted with a batch, everything."""
    start, end = node.ints("start_dim")[0], node.ints("end_dim")[0]
    for shift in (0, 1):
        first = start - shift if start > 0 else start
        last = end - shift if end > 0 else end
        first, last = (d + len(shape) if d < 0 else d for d in (first, last))
        if 0 <= first <= last < len(shape):
            yield (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])
    yield (math.prod(shape),)


def _stripped(graph: Graph, after: Mapping[str, Shape]) -> Iterator[Assumption]:
    for node in graph.of_kind("Input", "Output"):
        if node.has("shape") and node.ints("shape") != after[node.name]:
            yield Assumption(
                "shape",
                f"{node.name!r} is {list(after[node.name])}",
                f"declared as {list(node.ints('shape'))}; its neighbours lack the rest",
            )


def _takes(shape: Shape) -> str:
    return f"takes {list(shape)}"


def _trim(shape: Shape, rank: int = 0) -> Shape:
    """Return the shape without sizes of 1 in front, but not shorter than `rank`."""
    while len(shape) > rank and shape[0] == 1:
        shape = shape[1:]
    return shape
