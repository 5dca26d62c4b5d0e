"""Normalize: Network -> Network whose every projection is one Dense, Conv or Sparse.

Receives the chains of maps as they stand in the file (pooling, scales, flattening, affines
without a neuron in between) and folds each into one. Nothing that the network computes
changes; the reference simulator says so in the tests. Projections that join the same two
populations with the same delay and are both Dense become one. It does not touch neurons or
delays.
"""

from dataclasses import replace

from snn_deploy.arrays import frozen
from snn_deploy.ir.linear import fold
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.network import Network, Projection


def normalize(net: Network) -> Network:
    """Return `net` with every projection's map folded into one connection."""
    folded = [replace(p, map=fold(p.map)) for p in net.projections]
    return replace(net, projections=_merged(folded))


def _merged(projections: list[Projection]) -> tuple[Projection, ...]:
    """Return the projections with parallel Dense ones added up."""
    result: dict[tuple[str, str, int, int], Projection] = {}
    for i, p in enumerate(projections):
        dense = isinstance(p.map, Dense)
        key = (p.pre, p.post, p.delay, -1 if dense else i)
        if dense and key in result:
            total = result[key].map.weight + p.map.weight  # type: ignore[union-attr]
            result[key] = replace(p, map=Dense(frozen(total)))
        else:
            result[key] = p
    return tuple(result.values())
