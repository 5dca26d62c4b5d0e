"""A normalized Network run in PyTorch, in model time: what its populations send.

Populations outside of any cycle run all their steps at once, so that their synapses are one
product; a cycle goes step by step. Meant to give the bits of the reference simulator
wherever sums are exact, and a gradient everywhere.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from snn_deploy.finetune.step import TensorLif, scan, start, step
from snn_deploy.ir.maps import Conv, Dense, Map, Sparse
from snn_deploy.ir.network import Network, Projection
from snn_deploy.ir.order import components


def run(
    net: Network,
    weights: Sequence[Tensor],
    neurons: Mapping[str, TensorLif],
    x: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """Return the output [samples, T, n] of every population.

    weights: per projection, in the shape of `stored_weights`. x: per input [samples, T, n].
    """
    sent = dict(x)
    weights = [placed(p.map, w) for p, w in zip(net.projections, weights, strict=True)]
    order = {id(p): i for i, p in enumerate(net.projections)}
    for group in components(net):
        drives = {name: _outside(net, name, group, weights, sent, order) for name in group}
        inside = {
            name: [(p, weights[order[id(p)]]) for p in net.into(name) if p.pre in group]
            for name in group
        }
        if not any(inside.values()):
            name = group[0]
            sent[name] = scan(neurons[name], _shaped(drives[name], neurons[name], x))
        else:
            sent |= _cycle(group, inside, neurons, drives, x)
    return {name: output for name, output in sent.items() if name not in x}


def _outside(
    net: Network,
    name: str,
    group: Sequence[str],
    weights: Sequence[Tensor],
    sent: Mapping[str, Tensor],
    order: Mapping[int, int],
) -> Tensor | None:
    """Return what arrives from before the group [samples, T, n]; None if nothing does."""
    total: Tensor | None = None
    for p in net.into(name):
        if p.pre in group:
            continue
        before = sent[p.pre]
        flat = apply(p.map, weights[order[id(p)]], before.flatten(0, 1))
        value = _late(flat.reshape(*before.shape[:2], -1), p.delay)
        total = value if total is None else total + value
    return total


def _late(x: Tensor, delay: int) -> Tensor:
    """Return x [samples, T, n] `delay` steps later, zeros before."""
    if not delay:
        return x
    steps = x.shape[1]
    return functional.pad(x, (0, 0, delay, 0))[:, :steps]


def _shaped(drive: Tensor | None, n: TensorLif, x: Mapping[str, Tensor]) -> Tensor:
    """Return `drive`, or silence in its shape where nothing arrives."""
    if drive is not None:
        return drive
    samples, steps = next(iter(x.values())).shape[:2]
    return torch.zeros(samples, steps, len(n.v0), dtype=n.v0.dtype)


def _cycle(
    group: Sequence[str],
    inside: Mapping[str, Sequence[tuple[Projection, Tensor]]],
    neurons: Mapping[str, TensorLif],
    drives: Mapping[str, Tensor | None],
    x: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """Return the outputs of populations that feed each other, step by step."""
    fed = {name: _shaped(drives[name], neurons[name], x).unbind(1) for name in group}
    samples, steps = next(iter(x.values())).shape[:2]
    states = {name: start(neurons[name], samples) for name in group}
    sent: dict[str, list[Tensor]] = {name: [] for name in group}
    for t in range(steps):
        for name in group:
            drive = fed[name][t]
            for p, weight in inside[name]:
                if t >= p.delay:
                    drive = drive + apply(p.map, weight, sent[p.pre][t - p.delay])
            states[name], output = step(neurons[name], states[name], drive)
            sent[name].append(output)
    return {name: torch.stack(outputs, dim=1) for name, outputs in sent.items()}


def placed(m: Map, weight: Tensor) -> Tensor:
    """Return stored weights as a product takes them: those of a Sparse as a matrix."""
    if not isinstance(m, Sparse):
        return weight
    entries = m.matrix.tocoo()
    where = torch.from_numpy(np.stack([entries.row, entries.col]).astype(np.int64))
    return torch.sparse_coo_tensor(where, weight, m.matrix.shape, check_invariants=False)


def apply(m: Map, weight: Tensor, x: Tensor) -> Tensor:
    """Return the map of x [samples, n_pre] as [samples, n_post]; weight: as `placed`."""
    match m:
        case Dense():
            return functional.linear(x, weight)
        case Sparse():
            product: Tensor = torch.sparse.mm(weight, x.T)
            return product.T
        case Conv():
            return _convolved(m, weight, x)
        case _:
            raise TypeError(
                f"fine-tuning needs a normalized network, not {type(m).__name__}"
            )


def _convolved(m: Conv, weight: Tensor, x: Tensor) -> Tensor:
    """Pad on the top and left as `m` says, on the bottom and right what its shape needs."""
    sides: list[int] = []
    for axis in (1, 0):
        reach = (m.out_shape[1 + axis] - 1) * m.stride[axis]
        reach += (m.weight.shape[2 + axis] - 1) * m.dilation[axis] + 1
        sides += [m.padding[axis], reach - m.in_shape[1 + axis] - m.padding[axis]]
    image = functional.pad(x.reshape(-1, *m.in_shape), sides)
    made = functional.conv2d(
        image, weight, stride=m.stride, dilation=m.dilation, groups=m.groups
    )
    return made.flatten(1)
