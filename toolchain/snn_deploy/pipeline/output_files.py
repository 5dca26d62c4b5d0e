"""The files of a deployment, as bytes; the same run gives the same bytes.

quantized.npz holds every integer by name; program.json says what they mean, and where each
piece of each population lives. Readable with NumPy and any JSON reader.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.evaluation.stages import Opened, Quantized, Routed, Simulated
from snn_deploy.inputs.nir_data import SUFFIXES, write_nir_data
from snn_deploy.ir.maps import Connection, Conv, Sparse
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, QuantPopulation, QuantProjection
from snn_deploy.report.forms.forms import FORMS, form_files
from snn_deploy.report.report import Report


def deployment_files(
    run: Opened, report: Report, forms: Iterable[str] = FORMS
) -> dict[str, bytes]:
    """Return the files of the output folder by name, as far as `run` went; the report in
    the given forms."""
    files = form_files(report, forms)
    if isinstance(run, Quantized):
        files["quantized.npz"] = npz(integers(run.quant))
    if isinstance(run, Routed):
        files["program.json"] = _json(program_facts(run.program, run.order))
    return files


def trace_file(run: Simulated, path: str | Path = "trace.npz") -> bytes:
    """Return every population's output in every simulator, in model time.

    Readouts give membranes, in integer units but for "reference". An .npz has a key
    "simulator/name", [N, T, *shape]. NIRData (`path` ends in .nird, .h5 or .hdf5) has a
    node per population with what the chip sent, "spikes" or "membrane" [N, T, n], and the
    same of the other simulators as "spikes_reference" and alike; binary spikes are bool.
    Its dt is the model's step in seconds, or 1 where nothing says how long that is.

    Args:
        run: What was simulated.
        path: Where the file is written; its ending chooses the format.

    Raises:
        InputError: The name of a population cannot stand in NIRData.
    """
    if Path(path).suffix.lower() in SUFFIXES:
        return write_nir_data(_observed(run), run.net.step_s or 1.0)
    return npz(
        {
            f"{simulator}/{name}": output
            for simulator, recording in run.recordings.layers.items()
            for name, output in recording.outputs.items()
        }
    )


def _observed(run: Simulated) -> dict[str, dict[str, AnyArray]]:
    """Return what each simulator recorded by population and observable."""
    nodes: dict[str, dict[str, AnyArray]] = {}
    readouts = {p.name for p in run.quant.populations if not p.spiking}
    for simulator, recording in run.recordings.layers.items():
        ending = "" if simulator == "chip" else f"_{simulator}"
        for name, output in recording.outputs.items():
            what = "membrane" if name in readouts else "spikes"
            nodes.setdefault(name, {})[what + ending] = _as_bits(output, what)
    return nodes


def _as_bits(output: AnyArray, what: str) -> AnyArray:
    binary = what == "spikes" and bool(((output == 0) | (output == 1)).all())
    return output.astype(bool) if binary else output


def npz(arrays: Mapping[str, AnyArray]) -> bytes:
    """Return a compressed .npz of `arrays`, in sorted order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for key in sorted(arrays):
            array = io.BytesIO()
            np.lib.format.write_array(array, np.asarray(arrays[key]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{key}.npy"), array.getvalue())
    return buffer.getvalue()


def integers(net: QuantNetwork) -> dict[str, AnyArray]:
    """Return all integers of `net`: population/NAME/PARAMETER [n],
    projection/INDEX/ARRAY."""
    of_populations = {
        f"population/{p.name}/{key}": values
        for p in net.populations
        for key, values in {
            **p.params,
            "v0": p.v0,
            "scale": p.scale,
            "offset": p.offset,
        }.items()
    }
    of_projections = {
        f"projection/{i}/{key}": values
        for i, p in enumerate(net.projections)
        for key, values in _weights(p.map).items()
    }
    return {**of_populations, **of_projections}


def program_facts(program: Program, order: Mapping[str, IntArray]) -> dict[str, Any]:
    """Return what quantized.npz means and where everything lives, in plain types.

    order: of the populations whose windows are places in another order than that of
    quantized.npz, the neuron in each place; it is null for all others.
    """
    net = program.net
    return {
        "board": program.board.name,
        "arithmetic": net.arithmetic,
        "inputs": [msgspec.to_builtins(i) for i in net.inputs],
        "drives": [
            {"input": d.input, "post": d.post, "scale": d.scale.tolist()}
            for d in net.drives
        ],
        "outputs": list(net.outputs),
        "populations": [
            _population(p, program, order.get(p.name)) for p in net.populations
        ],
        "projections": [_projection(i, p) for i, p in enumerate(net.projections)],
    }


def _population(
    pop: QuantPopulation, program: Program, order: IntArray | None
) -> dict[str, Any]:
    pieces = program.partition.pieces
    return {
        "name": pop.name,
        "shape": pop.shape,
        "model": pop.model,
        "lag": pop.lag,
        "spiking": pop.spiking,
        "payload_bits": pop.payload_bits,
        "order": None if order is None else order.tolist(),
        "pieces": [
            {
                "core": int(program.placement.core[i]),
                "window": msgspec.to_builtins(pieces[i].window),
            }
            for i in program.partition.of(pop.name)
        ],
    }


def _projection(index: int, p: QuantProjection) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "index": index,
        "pre": p.pre,
        "post": p.post,
        "map": type(p.map).__name__,
        "sign_mode": p.sign_mode.name,
        "weight_bits": p.weight_bits,
        "weight_exp": p.weight_exp,
        "delay": p.delay,
        "payload_bits": p.payload_bits,
    }
    if isinstance(p.map, Conv):
        geometry = ("in_shape", "out_shape", "stride", "padding", "dilation", "groups")
        facts |= {name: getattr(p.map, name) for name in geometry}
    return facts


def _weights(connection: Connection) -> dict[str, AnyArray]:
    if isinstance(connection, Sparse):
        m = connection.matrix
        shape = np.array(m.shape, np.int64)
        return {"data": m.data, "indices": m.indices, "indptr": m.indptr, "shape": shape}
    return {"weight": connection.weight}


def _json(facts: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(facts, order="sorted"), indent=2) + b"\n"
