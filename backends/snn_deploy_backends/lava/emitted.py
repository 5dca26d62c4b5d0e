"""The emitted folder as bytes: what is in it, before anything is written."""

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from snn_deploy.arrays import AnyArray
from snn_deploy.ir.activity import Recording
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.neurons import MODELS
from snn_deploy_backends.lava import process_text, program_text
from snn_deploy_backends.lava.plan import Plan
from snn_deploy_backends.lava.states import states

REQUIREMENTS = "# Python 3.10\nlava-nc==0.10.0\nnumpy<2\n"
STATE_BYTES = 1 << 25  # of states.npz, unpacked: enough for one sample of a large network
INIT = '"""Processes and tables of run.py. Written by snn-deploy."""\n'
NARROW = (np.int8, np.uint8, np.int16, np.uint16)


def folder_files(
    net: QuantNetwork,
    plan: Plan,
    stimulus: Stimulus,
    expected: Recording,
    power_of_two: bool,
) -> dict[str, bytes]:
    """Return every file by its path in the folder; same input, same bytes."""
    models = sorted({n.model for n in plan.neurons if not n.stock})
    traced = _state_samples(net, stimulus)
    frame = net.frame_steps(stimulus.steps, power_of_two=power_of_two)
    facts = _facts(plan, stimulus) | {
        "power_of_two": power_of_two,
        "frame": frame,
        "models": models,
        "state_samples": traced,
    }
    texts = {
        "run.py": _render("run.py.j2", facts),
        "README.md": _render("README.md.j2", facts),
        "requirements.txt": REQUIREMENTS,
        "network.json": json.dumps(_about(plan, stimulus), indent=1, sort_keys=True) + "\n",
        "snn_processes/__init__.py": INIT,
        "snn_processes/recording.py": _render("recording.py.j2", facts),
        "snn_processes/tables.py": _render("tables.py.j2", facts),
    }
    if models:
        own = {
            "sources": process_text.integer_sources(models),
            "models": [process_text.model_facts(name) for name in models],
        }
        texts["snn_processes/neurons.py"] = _render("neurons.py.j2", own)
        texts["snn_processes/floating.py"] = process_text.floating_module(models)
    arrays = {
        "network.npz": _parameters(plan),
        "stimulus.npz": _stimulus(plan, stimulus),
        "expected.npz": _expected(plan, expected),
        "states.npz": _states(net, plan, stimulus, traced),
    }
    files = {name: text.encode("utf-8") for name, text in texts.items()}
    return files | {name: npz(content) for name, content in arrays.items()}


def npz(arrays: Mapping[str, AnyArray]) -> bytes:
    """Return a compressed .npz file; NumPy writes no times into it, so equal arrays are
    equal bytes.
    """
    buffer = io.BytesIO()
    content: dict[str, Any] = {k: arrays[k] for k in sorted(arrays)}
    np.savez_compressed(buffer, **content)
    return buffer.getvalue()


def markdown(name: str) -> str:
    """Return a name from the model as inert table text."""
    safe = json.dumps(name)[1:-1]
    return "".join(c if c.isalnum() or c in " ._-/:" else f"&#{ord(c)};" for c in safe)


def _render(template: str, facts: Mapping[str, object]) -> str:
    environment = Environment(  # autoescape: no HTML; only our own keys and numbers get in
        loader=PackageLoader(__package__, ""),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return environment.get_template(template).render(facts).rstrip() + "\n"


def _facts(plan: Plan, stimulus: Stimulus) -> dict[str, object]:
    by_key = {n.key: n for n in plan.neurons}
    return {
        "plan": plan,
        "outputs": [by_key[key] for key in plan.outputs],
        "nodes": [n.key for n in plan.nodes],
        "blocks": program_text.blocks(plan),
        "imports": program_text.import_lines(plan),
        "names": {n.key: markdown(n.name) for n in plan.neurons},
        "neurons": sum(n.order.size for n in plan.neurons),
        "populations": len(plan.neurons),
        "any_conv": any(s.conv is not None for s in plan.synapses),
        "any_delay": any(s.process == "DelayDense" for s in plan.synapses),
        "samples": stimulus.samples,
        "steps": stimulus.steps,
        "guard": plan.guard,
    }


def _about(plan: Plan, stimulus: Stimulus) -> dict[str, object]:
    """Return network.json: names from the model, and what --floating has to rescale."""
    exponents = {
        f"{s.key}.{array}": s.weight_exp
        for s in plan.synapses
        for array in s.arrays
        if array in ("weights", "weight", "weights_data")
    }
    return {
        "samples": stimulus.samples,
        "steps": stimulus.steps,
        "names": {n.key: n.name for n in plan.nodes},
        "processes": {n.key: n.process for n in plan.neurons},
        "stock": [n.key for n in plan.neurons if n.stock],
        "weight_exp": exponents,
    }


def _parameters(plan: Plan) -> dict[str, AnyArray]:
    nodes: list[tuple[str, Mapping[str, AnyArray]]] = [
        *((n.key, n.arrays) for n in plan.neurons),
        *((s.key, s.arrays) for s in plan.synapses),
    ]
    return {
        f"{key}.{name}": values for key, arrays in nodes for name, values in arrays.items()
    }


def _stimulus(plan: Plan, stimulus: Stimulus) -> dict[str, AnyArray]:
    payloads = {s.key: narrow(stimulus.spikes[s.name][:, :, s.order]) for s in plan.sources}
    biases = {
        f"{n.key}.bias": stimulus.bias[n.name][:, n.order]
        for n in plan.neurons
        if n.sample_bias
    }
    return payloads | biases


def _expected(plan: Plan, expected: Recording) -> dict[str, AnyArray]:
    by_key = {n.key: n for n in plan.neurons}
    result = {}
    for key in plan.outputs:
        n = by_key[key]
        out = expected.outputs[n.name]
        result[key] = narrow(out.reshape(*out.shape[:2], -1)[:, :, n.order])
    return result


def _states(
    net: QuantNetwork, plan: Plan, stimulus: Stimulus, samples: int
) -> dict[str, AnyArray]:
    traced = states(net, stimulus, samples)
    return {
        f"{n.key}.{state}": _state(state, values[:, :, n.order])
        for n in plan.neurons
        for state, values in traced[n.name].items()
    }


def _state(name: str, values: AnyArray) -> AnyArray:
    return narrow(values) if name == "s" else values.astype(np.int32)


def _state_samples(net: QuantNetwork, stimulus: Stimulus) -> int:
    """Return for how many samples all states fit into STATE_BYTES; at least one."""
    one = stimulus.steps * sum(_bytes(p.model) * p.n for p in net.populations)
    return min(stimulus.samples, max(1, STATE_BYTES // one))


def _bytes(model: str) -> int:
    """Return the bytes that all states and the spike of a neuron take in one step."""
    return 4 * len(MODELS[model].states) + 1


def narrow(values: AnyArray) -> AnyArray:
    """Return integers in the smallest type that holds them."""
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    for kind in NARROW:
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return values.astype(kind)
    return values.astype(np.int32)
