"""Foreign models: what is known of files that no front end reads, and their way in.

A file is known by its content, of which a bounded part is looked at; nothing in it is run
or unpickled. Its name only counts where the content says nothing.
"""

import importlib.util
import io
import re
import zipfile
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from pickletools import genops
from typing import BinaryIO

import h5py

from snn_deploy.errors import InputError, option
from snn_deploy.files.hdf5 import BROKEN, LFS_POINTER
from snn_deploy.files.limits import BROKEN as BROKEN_ARCHIVE

HEAD = 1 << 16  # bytes at the start of a file that are looked at; ours, as are these:
DIRECTORY = 1 << 23  # of the directory of a zip archive
PICKLE = 1 << 18  # of a pickle
FIELDS = 1000  # fields of an ONNX file, not bytes


@dataclass(frozen=True)
class ForeignKind:
    """What something is that cannot be deployed, and the way in.

    Attributes:
        what: It is, with its article.
        why: It cannot be deployed as it is; goes on from `what`.
        way: What to do; {name} stands for the file, {input} and {profile} for options.
        torch: Whether the way takes the package torch.
    """

    what: str
    why: str
    way: str
    torch: bool = False

    def refusal(self, who: str) -> InputError:
        """Return the error for `who`, a path or what else it is called."""
        given, read_as = option("input", who), option("profile", "rockpool")
        way = self.way.format(name=who, input=given, profile=read_as)
        if self.torch and importlib.util.find_spec("torch") is None:
            way += "; that takes the package torch, which is missing: pip install torch"
        return InputError(f"{who}: {self.what}, {self.why}; {way}")


DEPLOY = "deploy(module, board, sample=x)"
LIVE = f'{DEPLOY}, or write_nir(from_torch(module, x), "model.nir")'
CONVERT = "snn-deploy convert FILE.py:FUNCTION --calibrate DATA.npz --out FOLDER"
IN_TORCH = (
    f"build the same layers in PyTorch, copy the weights, and convert that, {CONVERT}"
)
AS_NODES = (
    "write the layers as nodes (nir.Affine, nir.LIF, ...) of a nir.NIRGraph and call "
    'nir.write("model.nir", graph)'
)
UNREAD, NO_NETWORK = "which is not read here", "weights without their network"
RUNS_CODE = "which would run code to be read"

ONNX = ForeignKind(
    "an ONNX graph",
    UNREAD,
    f"convert the trained PyTorch module that it was exported from, {CONVERT}, or, if its "
    f"neurons spike, call {LIVE}",
    torch=True,
)
KERAS = ForeignKind("a Keras model", UNREAD, IN_TORCH, torch=True)
KERAS_WEIGHTS = ForeignKind(
    "weights of a Keras model", "without its layers", IN_TORCH, torch=True
)
TENSORFLOW = ForeignKind("a TensorFlow graph", UNREAD, IN_TORCH, torch=True)
TFLITE = ForeignKind("a TensorFlow Lite model", UNREAD, IN_TORCH, torch=True)


def _weights(what: str, loaded: str) -> ForeignKind:
    way = f"build the module, call module.load_state_dict({loaded}), and then {LIVE}"
    return ForeignKind(what, NO_NETWORK, way, torch=True)


def _checkpoint(key: str) -> ForeignKind:
    loaded = f'torch.load("{{name}}", weights_only=True)["{key}"]'
    return _weights("a training checkpoint", loaded)


STATE = _weights("a state_dict", 'torch.load("{name}", weights_only=True)')
SAFETENSORS = _weights("a safetensors file", 'safetensors.torch.load_file("{name}")')
TORCHSCRIPT = replace(
    _weights("a TorchScript program", 'torch.jit.load("{name}").state_dict()'),
    why="whose compiled layers cannot be told apart",
)
EXPORTED = ForeignKind(
    "a program of torch.export",
    "in which neurons are taken apart into single operations",
    f"build the module that it was exported from, and call {LIVE}",
    torch=True,
)
PICKLED_MODULE = ForeignKind(
    "a pickled module",
    RUNS_CODE,
    'load it where its classes are, module = torch.load("{name}", weights_only=False), '
    f"and then {LIVE}",
    torch=True,
)
PICKLED = ForeignKind(
    "a Python pickle",
    RUNS_CODE,
    f"load it where its classes are and give the module that it holds, {LIVE}",
)
ROCKPOOL = ForeignKind(
    "parameters of a Rockpool module",
    NO_NETWORK,
    'build the module, call module.load("{name}") and nir.write("model.nir", '
    "rockpool.nn.modules.to_nir(module)), and read that with {profile}",
)
NENGO_ARRAYS = ForeignKind(
    "arrays without names, as NengoDL saves parameters",
    NO_NETWORK,
    f"Nengo exports none that is read here, so {AS_NODES}",
)
ARRAYS = ForeignKind(
    "arrays of NumPy",
    "which are no network",
    f"give samples as {{input}}, or, if these are weights, {AS_NODES}",
)
SANAFE = ForeignKind(
    "a network of the simulator SANA-FE",
    "mapped to cores of its own chips",
    f"give the model that it was made from, or {AS_NODES}",
)
SANAFE_CHIP = ForeignKind(
    "a chip of the simulator SANA-FE",
    "not a network",
    "give the NIR file of a network; snn-deploy boards lists the chips that are known",
)
SIMULATION = ForeignKind("a Python script", "which is not run here", AS_NODES)
SCRIPT = ForeignKind(
    "a Python script",
    "which is not run here",
    "give a function of it that returns the trained module to snn-deploy convert, as "
    f"{{name}}:FUNCTION, or, if its neurons spike, call {LIVE}",
    torch=True,
)
FUNCTION = ForeignKind(
    "a function that makes a module",
    "which only snn-deploy convert calls",
    "convert what it returns, snn-deploy convert {name} --calibrate DATA.npz --out FOLDER, "
    f"or, if its neurons spike, call it and then {LIVE}",
    torch=True,
)
DATA = ForeignKind(
    "values that a network was fed or sent (NIRData)", "not a network", "give it as {input}"
)
EVENTS = ForeignKind("a recording of events", "not a network", "give it as {input}")
LAVA_DL = ForeignKind(
    "a lava-dl network", "known by its ending .net", "rename the file to NAME.net"
)

BY_NAME = {
    ".onnx": ONNX, ".keras": KERAS, ".pb": TENSORFLOW, ".tflite": TFLITE, ".pt": STATE,
    ".pth": STATE, ".ckpt": STATE, ".pt2": EXPORTED, ".safetensors": SAFETENSORS,
    ".pkl": PICKLED, ".pickle": PICKLED, ".py": SCRIPT, ".ipynb": SCRIPT, ".npz": ARRAYS,
}  # fmt: skip

# --- files ----------------------------------------------------------------------------


def refuse_foreign(path: Path) -> None:
    """Refuse a file that is known to hold no model that is read, and say the way in; a
    file that is not there, or of which nothing is known, passes.

    Raises:
        InputError: It is a model of another tool, or no model at all.
    """
    kind = find_foreign(path)
    if kind is not None:
        raise kind.refusal(str(path))


def find_foreign(path: Path) -> ForeignKind | None:
    """Return what the file is if it is known and cannot be deployed, else None."""
    if path.is_dir():
        return TENSORFLOW if (path / "saved_model.pb").is_file() else None
    if not path.is_file():
        return FUNCTION if re.fullmatch(r"[\w./\\-]+:[A-Za-z_]\w*", str(path)) else None
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            if not head or head.startswith(LFS_POINTER):
                return None
            if h5py.is_hdf5(path):
                return _hdf5(path)
            known = _binary(file, head, path.stat().st_size) or _text(head)
    except OSError:
        return None  # whoever reads it says why
    if known is not None or path.suffix.lower() not in BY_NAME:
        return known
    kind = BY_NAME[path.suffix.lower()]
    return replace(kind, what=f"by its name {kind.what}")


def _hdf5(path: Path) -> ForeignKind | None:
    try:
        with h5py.File(path, "r") as file:
            if "node" in file:
                return None
            if "__type__" in file.attrs and "nodes" in file:
                return DATA
            if "model_config" in file.attrs:
                return KERAS
            if "layer_names" in file.attrs or "_layer_checkpoint_dependencies" in file:
                return KERAS_WEIGHTS
            if "layers" in file and "vars" in file:
                return KERAS_WEIGHTS  # NAME.weights.h5 of Keras 3
            if "layer" in file and path.suffix != ".net":
                return LAVA_DL
            return EVENTS if "spikes" in file or "events" in file else None
    except BROKEN:
        return None


def _binary(file: BinaryIO, head: bytes, size: int) -> ForeignKind | None:
    if head.startswith(b"PK\x03\x04"):
        return _archive(file, size)
    if head[4:8] == b"TFL3":
        return TFLITE
    if head.startswith(b"\x93NUMPY"):
        return ARRAYS
    if head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        file.seek(0)
        return _pickle(file.read(PICKLE), 4 if head.startswith(LEGACY) else 0)
    length = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and length <= size and b'"data_offsets"' in head:
        return _counted(SAFETENSORS, head.count(b'"data_offsets"') * (length < HEAD - 8))
    return _onnx(file, size)


def _counted(kind: ForeignKind, tensors: int) -> ForeignKind:
    count = f" of {tensors} tensor{'s' * (tensors > 1)}" if tensors else ""
    return replace(kind, what=kind.what + count)


# Archives and pickles

LEGACY = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")  # of torch.save before 1.6
HARMLESS = {
    "collections", "_codecs", "torch", "torch._utils", "torch._tensor", "torch.storage",
    "torch.serialization", "torch.nn.parameter",
}  # fmt: skip
STATES = ("state_dict", "model_state_dict", "net_state_dict", "model_state")
RUNS = ("model", "net", "optimizer", "epoch")  # other keys of checkpoints


def _archive(file: BinaryIO, size: int) -> ForeignKind | None:
    """Return what a zip archive is, by the names of its members."""
    if _directory(file, size) > DIRECTORY:
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            ends = {name.rpartition("/")[2] for name in names}
            if names and all(name.endswith(".npy") for name in names):
                return _arrays(names)
            if {"config.json", "model.weights.h5"} <= set(names):
                return KERAS
            if "constants.pkl" in ends and any("code/" in name for name in names):
                return TORCHSCRIPT
            if ends & {"archive_format", "serialized_exported_program.json"}:
                return EXPORTED
            for name in (n for n in names if n.split("/")[-1] == "data.pkl"):
                with archive.open(name) as member:
                    return _pickle(member.read(PICKLE), 1)
    except BROKEN_ARCHIVE:
        pass
    return None


def _directory(file: BinaryIO, size: int) -> int:
    """Return how many bytes the directory of a zip archive claims to take."""
    file.seek(max(0, size - 0x10000 - 98))  # a comment, and what stands at the end
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    sizes = [tail[at + 12 : at + 16]]
    if tail[at - 20 : at - 16] == b"PK\x06\x07":  # Zip64, whose record stands in front
        sizes.append(tail[at - 36 : at - 28])
    return max(int.from_bytes(size, "little") for size in sizes)


def _arrays(names: list[str]) -> ForeignKind:
    short = [name.removesuffix(".npy") for name in names]
    if len(names) > 1 and all(re.fullmatch(r"arr_\d+", name) for name in short):
        return replace(NENGO_ARRAYS, what=f"{len(names)} {NENGO_ARRAYS.what}")
    shown = ", ".join(map(repr, short[:3])) + ", ..." * (len(short) > 3)
    return replace(ARRAYS, what=f"arrays of NumPy ({shown})")


def _pickle(content: bytes, pickles: int) -> ForeignKind:
    """Return what so many pickles of torch.save hold; 0: one of Python's own."""
    classes, texts, tensors = _operations(content, pickles or 1)
    strange = [n for n in classes if n.rpartition(".")[0] not in HARMLESS]
    what = f"a Python pickle of {strange[0]}" if strange else PICKLED.what
    if not pickles:
        return replace(PICKLED, what=what)
    key = next((k for k in STATES if k in texts), None)
    if key is None and strange:
        return replace(PICKLED_MODULE, what=what)
    key = key or next((k for k in RUNS if k in texts), None)
    return _counted(STATE if key is None else _checkpoint(key), tensors)


def _operations(content: bytes, pickles: int) -> tuple[list[str], set[str], int]:
    """Return the classes that so many pickles name, their texts, and how many tensors they
    refer to (0 if they are cut short). No operation is carried out."""
    classes, texts, tensors = [], ["", ""], 0
    stream = io.BytesIO(content)
    try:
        for operation, value, _ in chain(*(genops(stream) for _ in range(pickles))):
            tensors += operation.name == "BINPERSID"
            if "UNICODE" in operation.name:
                texts.append(str(value))
            elif operation.name == "GLOBAL":
                classes.append(str(value).replace(" ", "."))
            elif operation.name == "STACK_GLOBAL":
                classes.append(".".join(texts[-2:]))
    except (ValueError, LookupError, ArithmeticError, MemoryError):
        tensors = 0
    return [n for n in classes if re.fullmatch(r"[\w.]{1,80}", n)], set(texts), tensors


# ONNX: a message of protobuf without a mark of its own

ONNX_FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}  # of ModelProto, onnx.proto
VERSION, GRAPH, OPSET = 1, 7, 8  # of these
VARINT, BYTES = 0, 2  # types of a field


def _onnx(file: BinaryIO, size: int) -> ForeignKind | None:
    """Return what it is if it reads as a ModelProto from its first byte to its last."""
    at, seen, domains = 0, set(), b""
    for _ in range(FIELDS):
        file.seek(at)
        data = file.read(256)
        key, start = _varint(data, 0)
        value, end = _varint(data, start)
        number, kind = key >> 3, key & 7
        if not end or number not in ONNX_FIELDS or kind not in (VARINT, BYTES):
            return None
        if number == OPSET:
            domains += data[end : end + value]
        seen.add(number)
        at += end + (value if kind == BYTES else 0)
        if at == size and seen >= {VERSION, GRAPH}:
            special = b"qonnx" in domains or b"brevitas" in domains
            return replace(ONNX, what="a QONNX graph") if special else ONNX
    return None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at `at` and where it ends; 0 and 0 if it does not end."""
    number = 0
    for i, byte in enumerate(data[at : at + 10]):
        number |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return number, at + i + 1
    return 0, 0


# Texts: JSON, YAML, Python; all patterns of a kind have to be found

SIMULATORS = r"^[ \t]*(?:import|from)[ \t]+(brian2\w*|pyNN|nengo\w*|nest|lava|sanafe)\b"
TEXTS = (
    ((r"\A\s*\{", r'"keras_version"\s*:'), KERAS),
    ((r"\A\s*\{", r'"\d+_\w*(?:LIF|Linear|Syn)\w*"\s*:'), ROCKPOOL),  # of a Sequential
    ((r"\A\s*\{", r'"(?:tau_mem|tau_syn|weight)"\s*:\s*"\['), ROCKPOOL),
    ((r"^network:", r"^[ \t]+groups:"), SANAFE),
    ((r"^g[ \t]+\d", r"^n[ \t]+\d+\.\d"), SANAFE),  # its older lists, also called .net
    ((r"^architecture:", r"^[ \t]+tile:"), SANAFE_CHIP),
)


def _text(head: bytes) -> ForeignKind | None:
    if b"\0" in head:
        return None
    text = head.decode("utf-8", "ignore")
    for patterns, kind in TEXTS:
        if all(re.search(pattern, text, re.MULTILINE) for pattern in patterns):
            return kind
    found = re.search(SIMULATORS, text, re.MULTILINE)
    if found is None:
        return None
    return replace(SIMULATION, what=f"{SIMULATION.what} for {found[1]}")
