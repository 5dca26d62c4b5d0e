from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from snn_deploy.errors import InputError
from snn_deploy.frontends.nir.graph.file_graph import read_file
from snn_deploy.frontends.nir.read_nir import read_nir

Write = Callable[..., Path]


@pytest.fixture
def good(write: Write, node: Any) -> Path:
    return write({"input": node.input(2), "lif": node.lif(2), "output": node.output(2)})


def change(path: Path, action: Callable[[Any], None]) -> None:
    with h5py.File(path, "r+") as file:
        action(file)


def replace(key: str, value: Any) -> Callable[[Any], None]:
    def action(file: Any) -> None:
        del file[key]
        if value is not None:
            file[key] = value

    return action


def unwritten(key: str, shape: tuple[int, ...]) -> Callable[[Any], None]:
    """Make a dataset of a size that nothing is stored for."""

    def action(file: Any) -> None:
        del file[key]
        file.create_dataset(key, shape=shape, dtype="f4", chunks=(64,) * len(shape))

    return action


def link(key: str, target: Any) -> Callable[[Any], None]:
    def action(file: Any) -> None:
        del file[key]
        file[key] = target

    return action


def objects(file: Any) -> None:
    del file["node/nodes/lif/tau"]
    file.create_dataset("node/nodes/lif/tau", (2,), dtype=h5py.vlen_dtype(np.uint8))


TAU = "node/nodes/lif/tau"

BROKEN: list[tuple[Callable[[Any], None], str]] = [
    (replace("node", None), r"model\.nir: no group 'node' \(found 'version'\).*nir\.write"),
    (replace("node/nodes", None), r"model\.nir: no group 'nodes'; export"),
    (replace("node/nodes", 3), r"model\.nir: no group 'nodes'; export"),
    (
        replace("node/edges", None),
        r"model\.nir: no dataset 'edges', so the file is incomplete",
    ),
    (
        replace("node/edges", np.zeros((2, 2))),
        r"edges are float64 \[2, 2\] instead of pairs",
    ),
    (
        replace("node/edges", np.array([b"a", b"b"])),
        r"edges are \|S1 \[2\] instead of pairs",
    ),
    (replace("node/nodes/lif/type", None), r"node 'lif': no 'type'.*stopped half way"),
    (replace("node/nodes/lif/type", 3), r"node 'lif': 'type' is not a text"),
    (replace("node/nodes/lif", 3), r"node 'lif': no 'type'"),
    (replace("node/nodes/lif/type", b"\xff"), r"node 'lif': 'type': cannot be read.*codec"),
    (replace(TAU, h5py.Empty("f4")), r"'lif' \(LIF\): parameter 'tau' is empty"),
    (
        unwritten(TAU, (60_000, 60_000)),
        r"parameter 'tau' \[60000, 60000\] takes 13\.4 GiB.*split",
    ),
    (objects, r"parameter 'tau' \[2\] holds objects instead of numbers"),
    (link(TAU, h5py.ExternalLink("other.h5", "x")), r"member 'tau' is a link"),
    (link(TAU, h5py.SoftLink("/node/nodes/lif/r")), r"member 'tau' is a link"),
]


@pytest.mark.parametrize(("action", "message"), BROKEN)
def test_what_cannot_be_read_is_refused_in_one_sentence(
    good: Path, action: Callable[[Any], None], message: str
) -> None:
    change(good, action)
    with pytest.raises(InputError, match=message) as caught:
        read_nir(good, dt=1.0)
    assert "\n" not in str(caught.value)
    assert "model.nir" in str(caught.value)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"model\.nir: empty \(0 bytes\); export"),
        (LFS, r"model\.nir: a Git LFS pointer.*git lfs pull"),
        (b"PK\x03\x04 a zip file", r"model\.nir: not an HDF5 file.*nir\.write"),
        (b"\x89HDF\r\n\x1a\n", r"model\.nir: cannot be read, the file is damaged"),
    ],
)
def test_a_file_of_another_kind_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "model.nir"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_nir(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model\.nir: no such file"):
        read_nir(tmp_path / "model.nir")
    with pytest.raises(InputError, match="a folder, not a NIR file"):
        read_nir(str(tmp_path))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(good: Path, share: float) -> None:
    content = good.read_bytes()
    good.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"model\.nir: cannot be read.*cut short"):
        read_nir(good)


def test_a_single_node_is_no_graph(tmp_path: Path) -> None:
    path = tmp_path / "model.nir"
    with h5py.File(path, "w") as file:
        file["node/type"] = "LIF"
    with pytest.raises(InputError, match="holds one node, not a graph; wrap it"):
        read_nir(path)


def test_the_limit_counts_all_parameters_together(good: Path) -> None:
    assert len(read_file(good, max_bytes=200).nodes) == 3  # 10 numbers of 8 bytes, 8 texts
    with pytest.raises(InputError, match=r"parameter '\w+' \[\d\] takes .* are left"):
        read_file(good, max_bytes=100)


def test_a_graph_that_holds_itself_is_refused(good: Path) -> None:
    change(good, replace("node/nodes/lif", None))

    def loop(file: Any) -> None:
        file["node/nodes/lif"] = file["node"]

    change(good, loop)
    with pytest.raises(InputError, match="graphs within graphs more than 16 deep"):
        read_nir(good)


def test_texts_of_every_kind_are_read(good: Path) -> None:
    def fixed(file: Any) -> None:
        pairs = np.array([[b"input", b"lif"], [b"lif", b"output"]])
        replace("node/edges", pairs)(file)
        replace("node/nodes/lif/type", np.bytes_("LIF"))(file)

    change(good, fixed)
    assert read_nir(good, profile="nir", dt=1.0).outputs == ("lif",)

    def compressed(file: Any) -> None:
        del file["node/edges"]
        pairs = np.array([["input", "lif"], ["lif", "output"]], dtype=object)
        options = {"dtype": h5py.string_dtype(), "chunks": (1, 2), "compression": "gzip"}
        file["node"].create_dataset("edges", data=pairs, **options)

    change(good, compressed)
    assert read_nir(good, profile="nir", dt=1.0).outputs == ("lif",)


def test_many_edges_are_read_from_many_heaps(write: Write, node: Any) -> None:
    names = [f"scale_with_a_rather_long_name_{i:04}" for i in range(300)]
    scale = {"type": "Scale", "scale": np.ones(2)}
    nodes = {
        "input": node.input(2),
        **dict.fromkeys(names, scale),
        "output": node.output(2),
    }
    raw = read_file(write(nodes))
    chain = ["input", *names, "output"]
    assert raw.edges == tuple(pairwise(chain))


def test_metadata_is_ignored(good: Path) -> None:
    plain = read_nir(good, profile="nir", dt=1.0)

    def annotate(file: Any) -> None:
        group = file["node/nodes/lif"].create_group("metadata")
        group["dt"] = 0.5
        group["reset"] = "subtract"

    change(good, annotate)
    annotated = read_nir(good, profile="nir", dt=1.0)
    assert annotated.assumptions == plain.assumptions
    assert annotated.populations[0].neuron.reset == "zero"
