"""One output of several: a network without what only the others need."""

from dataclasses import replace

from snn_deploy.errors import InputError, option
from snn_deploy.ir.network import Assumption, Network


def with_output(net: Network, name: str | None) -> Network:
    """Return `net` with `name` as its only output, and with nothing that it does not depend
    on; as it is if name is None.

    Raises:
        InputError: There is no such output.
    """
    if name is None:
        return net
    if name not in net.outputs:
        raise InputError(
            f"{option('head', name)}: no such output; there are {', '.join(net.outputs)}"
        )
    live, todo = set(), [name]
    while todo:
        post = todo.pop()
        live.add(post)
        todo += [p.pre for p in net.into(post) if p.pre not in live]
    others = [o for o in net.outputs if o != name]
    dropped = [p.name for p in net.populations if p.name not in live]
    notes = []
    if dropped:
        why = f"only {', '.join(others)} depend on them"
        notes.append(Assumption("left out", ", ".join(dropped), why))
    return replace(
        net,
        inputs=tuple(i for i in net.inputs if i.name in live),
        populations=tuple(p for p in net.populations if p.name in live),
        projections=tuple(p for p in net.projections if p.post in live),
        outputs=(name,),
        assumptions=(*net.assumptions, *notes),
        decoder=net.decoder if net.outputs[0] == name else None,
    )
