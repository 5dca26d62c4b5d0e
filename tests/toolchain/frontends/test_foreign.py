"""Files of other tools are known by their content and refused with their way in."""

import importlib.util
import io
import json
import pickle
import random
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.foreign import BY_NAME, HEAD, find_foreign
from snn_deploy.frontends.read_model import read_model
from support.fuzz import BYTES
from support.small_model import write_model

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch.jit

Write = Callable[[Path], object]


def module() -> Any:
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())


def checkpoint() -> dict[str, Any]:
    optimizer = torch.optim.SGD(module().parameters(), 0.1).state_dict()
    return {"epoch": 3, "model_state_dict": module().state_dict(), "optimizer": optimizer}


def field(number: int, content: bytes | int) -> bytes:
    """Return a field of a protobuf message; lengths and numbers below 128."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    return bytes([number << 3 | 2, len(content)]) + content


def onnx(domain: bytes = b"") -> bytes:
    """Return a ModelProto: ir_version, producer_name, graph and opset_import."""
    graph = field(2, b"main_graph") + field(1, field(4, b"Relu"))
    opset = field(8, field(1, domain) + field(2, 13))
    return field(1, 8) + field(2, b"pytorch") + field(7, graph) + opset


def safetensors() -> bytes:
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"fc.weight": tensor, "fc.bias": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


def archive(*members: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name in members:
            made.writestr(name, b"{}")
    return stream.getvalue()


def hdf5(path: Path, groups: tuple[str, ...], **attributes: Any) -> None:
    with h5py.File(path, "w") as file:
        for name in groups:
            file.create_group(name)
        file.attrs.update(attributes)


def data(path: Path) -> None:
    spikes = nir.TimeGriddedData(np.zeros((1, 2, 3), bool), 1e-3)
    nir.write_data(path, nir.NIRGraphData({"input": nir.NIRNodeData({"spikes": spikes})}))


def content(value: bytes | str) -> Write:
    raw = value.encode() if isinstance(value, str) else value
    return lambda path: path.write_bytes(raw)


def saved(save: Callable[..., None], *arrays: Any, **named: Any) -> Write:
    """Return what writes an array or an .npz under any name."""
    stream = io.BytesIO()
    save(stream, *arrays, **named)
    return content(stream.getvalue())


def of_module(path: Path) -> None:
    torch.save(module(), path)


def legacy(path: Path) -> None:
    torch.save(module().state_dict(), path, _use_new_zipfile_serialization=False)


def exported(path: Path) -> None:
    stream = io.BytesIO()
    torch.export.save(torch.export.export(module(), (torch.zeros(1, 4),)), stream)
    path.write_bytes(stream.getvalue())


ROCKPOOL = json.dumps({"0_LinearTorch": {"weight": "[[1.0]]"}, "1_LIFTorch": {}})
SANAFE = (
    "# a net\nnetwork:\n  name: a\n  groups:\n    - name: in\nmappings:\n  - in.0: []\n"
)
SANAFE_LINES = "### old\n#  <count>\ng   3  threshold=1.0\nn   0.0  bias=1.0\n"
SANAFE_CHIP = "## chip\narchitecture:\n  name: demo\n  tile:\n    - name: t\n"
BRIAN = (
    "import numpy as np\nfrom brian2 import *\nG = NeuronGroup(3, 'dv/dt = -v/ms : 1')\n"
)
LIVE = r'deploy\(module, board, sample=x\), or write_nir\(from_torch\(module, x\), "model'
CONVERT = r"snn-deploy convert FILE\.py:FUNCTION --calibrate DATA\.npz"

# how it is written; what its refusal says it is; a part of the way in
KINDS: dict[str, tuple[Write, str, str]] = {
    "onnx": (content(onnx()), "an ONNX graph,", CONVERT),
    "qonnx": (content(onnx(b"qonnx.custom_op.general")), "a QONNX graph,", LIVE),
    "keras 3": (content(archive("metadata.json", "config.json", "model.weights.h5")), "a Keras model,", "in PyTorch, copy the weights, and convert"),
    "keras h5": (lambda p: hdf5(p, ("model_weights",), model_config="{}"), "a Keras model,", CONVERT),
    "keras weights": (lambda p: hdf5(p, ("dense",), layer_names=["dense"]), "weights of a Keras model,", CONVERT),
    "keras 3 weights": (lambda p: hdf5(p, ("layers", "vars")), "weights of a Keras model,", CONVERT),
    "keras json": (content('{"class_name": "Sequential", "keras_version": "3.1"}'), "a Keras model,", CONVERT),
    "tflite": (content(b"\x1c\0\0\0TFL3" + bytes(40)), "a TensorFlow Lite model,", CONVERT),
    "state_dict": (lambda p: torch.save(module().state_dict(), p), "a state_dict of 2 tensors,", r'load_state_dict\(torch\.load\(".*m", weights_only=True\)\), and then ' + LIVE),
    "old state_dict": (legacy, "a state_dict of 2 tensors,", LIVE),
    "checkpoint": (lambda p: torch.save(checkpoint(), p), "a training checkpoint of 2 tensors,", r'weights_only=True\)\["model_state_dict"\]\)'),
    "module": (of_module, r"a Python pickle of torch\.nn\.modules\.container\.Sequential, which would run code", r"weights_only=False\), and then " + LIVE),
    "torchscript": (lambda p: torch.jit.script(module()).save(p), "a TorchScript program,", r'torch\.jit\.load\(".*m"\)\.state_dict\(\)'),
    "exported": (exported, r"a program of torch\.export,", LIVE),
    "safetensors": (content(safetensors()), "a safetensors file of 2 tensors,", r'safetensors\.torch\.load_file\("'),
    "pickle": (lambda p: p.write_bytes(pickle.dumps({"a": 1})), "a Python pickle, which would run code", LIVE),
    "pickle of an array": (lambda p: p.write_bytes(pickle.dumps(np.ones(3))), r"a Python pickle of numpy\.\S+, which", LIVE),
    "rockpool": (content(ROCKPOOL), "parameters of a Rockpool module,", r'rockpool\.nn\.modules\.to_nir\(module\)\), and read that with profile=.rockpool'),
    "rockpool alone": (content('{"weight": "[[1.0, 2.0]]"}'), "parameters of a Rockpool module,", "to_nir"),
    "nengo": (saved(np.savez_compressed, np.ones(2), np.ones(3)), "2 arrays without names, as NengoDL saves", r"nir\.NIRGraph"),
    "samples": (saved(np.savez, x=np.ones(2), y=np.ones(3)), r"arrays of NumPy \('x', 'y'\),", "give samples as input="),
    "array": (saved(np.save, np.ones(2)), "arrays of NumPy,", "give samples as input="),
    "sanafe": (content(SANAFE), "a network of the simulator SANA-FE,", r"nir\.NIRGraph"),
    "sanafe lines": (content(SANAFE_LINES), "a network of the simulator SANA-FE,", r"nir\.NIRGraph"),
    "sanafe chip": (content(SANAFE_CHIP), "a chip of the simulator SANA-FE,", "snn-deploy boards"),
    "brian2": (content(BRIAN), "a Python script for brian2,", r"nir\.NIRGraph"),
    "pynn": (content("import pyNN.nest as sim\nsim.setup()\n"), "a Python script for pyNN,", r"nir\.NIRGraph"),
    "nirdata": (data, r"values that a network was fed or sent \(NIRData\), not a network", "give it as input="),
    "events": (lambda p: hdf5(p, ("spikes",)), "a recording of events,", "give it as input="),
    "lava-dl": (lambda p: hdf5(p, ("layer",)), "a lava-dl network,", r"NAME\.net"),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_file_is_known_by_its_content_whatever_it_is_called(
    name: str, tmp_path: Path
) -> None:
    write, what, way = KINDS[name]
    for path in (tmp_path / "m", tmp_path / "model.nir"):
        write(tmp_path / "m")
        (tmp_path / "m").replace(path)
        with pytest.raises(InputError, match=rf"^{path}: {what}") as caught:
            read_model(path)
        said = str(caught.value).replace(str(path), "m")
        assert re.search(way, said)
        assert "\n" not in said
        assert not said.endswith(".")


@pytest.mark.parametrize("suffix", BY_NAME)
def test_a_name_is_a_hint_where_the_content_says_nothing(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"model{suffix.upper()}"
    path.write_bytes(b"\x01\x02nothing that is known\0")
    with pytest.raises(InputError, match=r"model\.\w+: by its name (an?|arrays) .*; \w"):
        read_model(path)


def test_what_is_unknown_missing_or_empty_is_left_to_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "model.nir"
    assert find_foreign(path) is None
    for raw in (b"", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04 a zip", b"version https://git-lfs"):
        path.write_bytes(raw)
        assert find_foreign(path) is None
        (tmp_path / "model.onnx").write_bytes(raw)
        named = find_foreign(tmp_path / "model.onnx")
        assert (named is not None) == raw.startswith(b"PK")
    assert find_foreign(tmp_path) is None
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert find_foreign(tmp_path) is not None


def test_our_own_files_are_not_foreign_whatever_they_are_called(tmp_path: Path) -> None:
    for name in ("model.nir", "model.pt", "model.h5"):
        assert find_foreign(write_model(tmp_path / name)) is None
    hdf5(tmp_path / "model.net", ("layer",))
    assert find_foreign(tmp_path / "model.net") is None


def test_a_function_is_what_convert_takes(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"^net\.py:build: a function .* convert net\.py:build --cal"
    ):
        read_model("net.py:build")
    with pytest.raises(InputError, match="no such file"):
        read_model(tmp_path / "net.nir")


class Runs:
    """Says when it is unpickled."""

    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('code was run')",)


def test_nothing_is_run(tmp_path: Path) -> None:
    torch.save(Runs(), tmp_path / "a.pt")
    (tmp_path / "b.pkl").write_bytes(pickle.dumps(Runs()))
    torch.save(Runs(), tmp_path / "c.pt", _use_new_zipfile_serialization=False)
    for name in ("a.pt", "b.pkl", "c.pt"):
        with pytest.raises(InputError, match=r"a Python pickle of \w+\.exec, which would"):
            read_model(tmp_path / name)


def test_a_huge_file_is_looked_at_in_part(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    size = (1 << 31) - 1
    with path.open("wb") as file:  # sparse: it takes no place on the disk
        file.write(field(1, 8) + b"\x3a\xff\xff\xff\xff\x07")  # a graph of 2 GiB
        file.truncate(size + 2 + 6)
    found = find_foreign(path)
    assert found is not None
    assert found.what == "an ONNX graph"
    path.write_bytes(b"{" + b" " * (HEAD + 10) + b'"keras_version": 3}')
    found = find_foreign(path)
    assert found is not None
    assert found.what == "by its name an ONNX graph"


def test_a_large_directory_of_a_zip_is_not_read(tmp_path: Path) -> None:
    """Either end record may claim it; zipfile would read all of it into memory."""
    path = tmp_path / "m"
    path.write_bytes(archive("x.npy"))
    whole = path.read_bytes()
    assert find_foreign(path) is not None
    path.write_bytes(whole[:-10] + struct.pack("<I", 1 << 30) + whole[-6:])
    assert find_foreign(path) is None
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 1 << 30, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    path.write_bytes(whole[:-22] + record + locator + whole[-22:])
    assert find_foreign(path) is None


def test_a_missing_torch_is_said_where_the_way_leads_through_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx())
    lacking = "; that takes the package torch, which is missing: pip install torch"
    with pytest.raises(InputError) as caught:
        read_model(path)
    assert lacking not in str(caught.value)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        read_model(path)
    assert str(caught.value).endswith(lacking)


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_end_in_no_traceback(name: str, tmp_path: Path) -> None:
    write = KINDS[name][0]
    write(tmp_path / "whole")
    raw, rng = (tmp_path / "whole").read_bytes(), random.Random(name)
    path, known = tmp_path / "m", 0
    for i in range(25):
        path.write_bytes(raw)
        BYTES[i % len(BYTES)](path, rng)
        known += find_foreign(path) is not None
    assert known > 0
