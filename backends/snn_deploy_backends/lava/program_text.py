"""The text of run.py: one block per process, in the order of the network.

Only keys made here (in_0, pop_0, syn_0) and numbers become code; a test feeds hostile
names.
"""

from collections.abc import Iterable

import numpy as np

from snn_deploy.ir.maps import Conv
from snn_deploy_backends.lava.plan import NeuronProcess, Plan, SourceProcess, Synapses

IMPORTS = {
    "Conv": "from lava.proc.conv.process import Conv",
    "Dense": "from lava.proc.dense.process import Dense",
    "DelayDense": "from lava.proc.dense.process import DelayDense",
    "Sparse": "from lava.proc.sparse.process import Sparse",
    "DelaySparse": "from lava.proc.sparse.process import DelaySparse",
    "LIFReset": "from lava.proc.lif.process import LIFReset",
    "RingBuffer": "from lava.proc.io.source import RingBuffer",
    "SignMode": "from lava.utils.weightutils import SignMode",
}
NOTED = (
    "du",
    "dv",
    "vth",
    "amount",
    "hold",
    "theta",
    "low",
    "high",
)  # parameters whose value is worth a comment


def import_lines(plan: Plan) -> list[str]:
    """Return the imports that the blocks of `plan` need, sorted, one per module."""
    used = {n.process for n in plan.neurons} | {s.process for s in plan.synapses}
    used &= set(IMPORTS)
    used |= {"RingBuffer"} if plan.sources else set()
    used |= {"SignMode"} if any(s.conv is None for s in plan.synapses) else set()
    modules: dict[str, list[str]] = {}
    for name in sorted(used):
        modules.setdefault(IMPORTS[name].split()[1], []).append(name)
    own = sorted({n.process for n in plan.neurons if not n.stock})
    lines = [
        f"from {module} import {', '.join(names)}"
        for module, names in sorted(modules.items())
    ]
    return lines + ([f"from snn_processes.neurons import {', '.join(own)}"] if own else [])


def blocks(plan: Plan) -> list[str]:
    """Return the statements that build and connect every process, indented for `build`."""
    texts = [
        *map(source, plan.sources),
        *map(neurons, plan.neurons),
        *map(synapses, plan.synapses),
    ]
    return ["\n".join(f"    {line}" for line in lines) for lines in texts]


def source(s: SourceProcess) -> list[str]:
    """Return the lines that build an input."""
    return [
        f"# {s.key}: {s.order.size} values per step",
        f'{s.key} = RingBuffer(data=net.feed("{s.key}"))',
    ]


def neurons(n: NeuronProcess) -> list[str]:
    """Return the lines that build a population."""
    known = [f"{name} {n.arrays[name]}" for name in NOTED if _is_scalar(n, name)]
    title = ", ".join([f"lag {n.lag}", *known])
    window = (
        ["reset_interval=frame", f"reset_offset={n.lag + 1} % frame"]
        if n.stock
        else ["frame=frame", f"lag={n.lag}", "steps=steps"]
    )
    names = [name for name in n.arrays if n.arrays[name].any() or name in NOTED]
    arguments = [f"shape=({n.order.size},)", *window]
    arguments += [f'{name}=net["{n.key}.{name}"]' for name in names]
    arguments += [f'sample_bias=net.sample_bias("{n.key}")'] if n.sample_bias else []
    comment = f"# {n.key}: {n.order.size} neurons, {title}"
    return [comment, *_call(n.key, n.process, arguments)]


def synapses(s: Synapses) -> list[str]:
    """Return the lines that build a connection and join both of its ends."""
    if s.conv is not None:
        return _conv(s, s.conv)
    comment = f"# {s.key}: {s.pre} -> {s.post}, {s.delay + 1} step{'s' if s.delay else ''}"
    arguments = [
        *_matrix(s),
        f"weight_exp={s.weight_exp}",
        f"num_weight_bits={s.weight_bits}",
        f"sign_mode=SignMode.{s.sign_mode.name}",
        f"num_message_bits={s.payload_bits}",
    ]
    return [
        comment,
        *_call(s.key, s.process, arguments),
        f"{s.pre}.s_out.connect({s.key}.s_in)",
        f"{s.key}.a_out.connect({s.post}.a_in)",
    ]


def _matrix(s: Synapses) -> Iterable[str]:
    key = f'"{s.key}.weights"'
    if s.process.endswith("Dense"):
        yield f"weights=net[{key}]"
        if s.delay:
            yield f"delays=np.full({s.shape}, {s.delay})"
    else:
        yield f"weights=net.csr({key}, {s.shape})"
        if s.delay:
            yield f"delays=net.csr({key}, {s.shape}, delay={s.delay})"


def _conv(s: Synapses, m: Conv) -> list[str]:
    channels, height, width = m.in_shape
    lava_shape = (width, height, channels)
    arguments = [
        f'weight=net["{s.key}.weight"]',
        f"input_shape={lava_shape}",
        f"padding={m.padding[::-1]}",
        f"stride={m.stride[::-1]}",
        f"dilation={m.dilation[::-1]}",
        f"groups={m.groups}",
        f"num_message_bits={s.payload_bits}",
    ]
    return [
        f"# {s.key}: {s.pre} -> {s.post}, images as (x, y, channel)",
        *_call(s.key, "Conv", arguments),
        f"{s.pre}.s_out.reshape({lava_shape}).connect({s.key}.s_in)",
        f"{s.key}.a_out.flatten().connect({s.post}.a_in)",
    ]


def _call(target: str, process: str, arguments: list[str]) -> list[str]:
    """Return `target = process(arguments)`, one argument per line."""
    return [f"{target} = {process}(", *(f"    {a}," for a in arguments), ")"]


def _is_scalar(n: NeuronProcess, name: str) -> bool:
    return name in n.arrays and np.ndim(n.arrays[name]) == 0
