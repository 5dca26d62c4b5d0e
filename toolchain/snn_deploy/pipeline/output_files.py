"""The files of a deployment, as bytes; the same run gives the same bytes.

quantized.npz holds every integer by name; program.json says what they mean, and where each
piece of each population lives. Readable with NumPy and any JSON reader.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np

from snn_deploy.arrays import AnyArray, IntArray
from snn_deploy.evaluation.stages import Opened, Quantized, Routed, Simulated
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


def trace_file(run: Simulated) -> bytes:
    """Return the .npz of every population's output in every simulator, key
    "simulator/name", [N, T, *shape] in model time; readouts give membranes, in integer
    units but for "reference"."""
    return npz(
        {
            f"{simulator}/{name}": output
            for simulator, recording in run.recordings.layers.items()
            for name, output in recording.outputs.items()
        }
    )


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
