"""Concatenated branches, slices and shuffles of channels through a file stay convolutions.

The oracle of the spikes is the module itself, in its framework; of the maps, the matrix that the
network's own chain of maps is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from snn_deploy import deploy
from snn_deploy.arrays import AnyArray
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.frontends.nir_writer.convolutions import with_kernels
from snn_deploy.frontends.nir_writer.write_nir import write_nir
from snn_deploy.frontends.torch import from_torch
from snn_deploy.ir.linear import matrix
from snn_deploy.ir.maps import Chain, Conv, Map, Pool, Sparse
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif
from snn_deploy.passes.fuse import fuse
from snn_deploy.passes.normalize import normalize
from snn_deploy_simulators.reference import run
from support.frameworks import nir, torch  # first, quietly
from support.live_modules import Case, conv2d, dyadic, run_framework, sample_of, spikes_for
from support.live_snntorch import snn
from support.live_spikingjelly import jelly

pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own

STEPS = 60
IMAGE, LINE = (2, 8, 8), (3, 64)
Forward = Callable[[Any, Any], Any]


class Branched(torch.nn.Module):
    """A module of the given parts whose forward is a function of them and the input."""

    def __init__(self, forward: Forward, **parts: Any) -> None:
        super().__init__()
        self.function = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Any) -> Any:
        return self.function(self, x)


def cat(*branches: Any) -> Any:
    return torch.cat(branches, dim=1)


def shuffled(x: Any) -> Any:
    """Return the channels of two groups in turn, as ShuffleNet does."""
    return x.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


def narrowed(x: Any) -> Any:
    """Return every second pixel with channels of zeros behind: the shortcut of a small ResNet."""
    return torch.nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 4))


@dataclass(frozen=True)
class Branches:
    """forward: of the module. parts: makes its layers. shape: of its input."""

    forward: Forward
    parts: Callable[[np.random.Generator], dict[str, Any]]
    shape: tuple[int, ...] = IMAGE


def two(rng: np.random.Generator, neuron: Callable[[], Any] = lambda: snn("Leaky")) -> Any:
    return {
        "a": conv2d(rng, 2, 4, 3, padding=1),
        "b": conv2d(rng, 2, 3, 5, padding=2),
        "lif": neuron(),
        "pool": torch.nn.AvgPool2d(2),
        "most": torch.nn.MaxPool2d(3, stride=1, padding=1),
        "c": conv2d(rng, 4, 4, 3, padding=1),
        "d": conv2d(rng, 7, 8, 3, padding=1),
        "strided": conv2d(rng, 4, 8, 3, padding=1, stride=2),
        "slices": conv2d(rng, 2, 3, 3, padding=1),
        "dilated": conv2d(rng, 2, 3, 3, padding=2, dilation=2),
        "grouped": conv2d(rng, 4, 4, 3, padding=1, groups=2),
        "next": neuron(),
    }


def lines(rng: np.random.Generator) -> Any:
    def line(n_in: int, n_out: int, size: int, **more: Any) -> Any:
        return dyadic(torch.nn.Conv1d(n_in, n_out, size, **more), rng, 1 / 2)

    return {
        "a": line(3, 4, 3, padding=1),
        "b": line(3, 5, 7, padding=3),
        "pool": torch.nn.AvgPool1d(2),
        "c": line(9, 4, 3, padding=1),
        "lif": snn("Leaky"),
        "next": snn("Leaky"),
    }


CASES = {
    "two branches": Branches(lambda m, x: m.lif(cat(m.a(x), m.b(x))), two),
    "two branches of lines": Branches(lambda m, x: m.lif(cat(m.a(x), m.b(x))), lines, LINE),
    "of SpikingJelly": Branches(
        lambda m, x: m.lif(cat(m.a(x), m.b(x))),
        lambda rng: two(rng, lambda: jelly("LIFNode", tau=2.0)),
    ),
    "with a current": Branches(
        lambda m, x: m.lif(cat(m.a(x), m.b(x))), lambda rng: two(rng, lambda: snn("Synaptic"))
    ),
    "behind pooling": Branches(lambda m, x: m.lif(cat(m.pool(m.a(x)), m.pool(m.b(x)))), two),
    "of lines behind pooling": Branches(
        lambda m, x: m.lif(cat(m.pool(m.a(x)), m.pool(m.b(x)))), lines, LINE
    ),
    "pooled and not": Branches(
        lambda m, x: m.lif(cat(m.strided(cat(x, x)), m.pool(m.b(x)))), two
    ),
    "dilated": Branches(lambda m, x: m.lif(cat(m.dilated(x), m.b(x))), two),
    "beside what it is made of": Branches(
        lambda m, x: (lambda h: m.next(cat(m.c(h), h)))(m.lif(m.a(x))), two
    ),
    "beside the maximum of a window": Branches(
        lambda m, x: (lambda h: m.next(cat(m.c(h), m.most(h))))(m.lif(m.a(x))), two
    ),
    "a layer of two sources": Branches(
        lambda m, x: m.next(m.d(cat(m.lif(m.a(x)), x, x[:, :1]))), two
    ),
    "slices of channels": Branches(
        lambda m, x: (lambda h: m.next(cat(m.slices(h[:, 2:]), m.dilated(h[:, :2]))))(m.lif(m.a(x))),
        two,
    ),
    "a slice of channels beside pixels": Branches(
        lambda m, x: (lambda h: m.next(cat(h[:, 1:3], m.c(h), x)))(m.lif(m.a(x))), two
    ),
    "groups and a shuffle": Branches(
        lambda m, x: (lambda h: m.next(shuffled(m.grouped(h))))(m.lif(m.a(x))), two
    ),
    "a shortcut with a stride": Branches(
        lambda m, x: (lambda h: m.next(m.strided(h) + narrowed(h)))(m.lif(m.a(x))), two
    ),
    "branches of lines as a source": Branches(
        lambda m, x: m.next(m.c(m.lif(cat(m.a(x), m.b(x))))), lines, LINE
    ),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trip:
    """A network, what is read back of its file, fused, and what the module answered."""

    net: Network
    back: Network
    x: AnyArray
    answer: AnyArray
    kinds: list[str]


@cache
def trip(name: str) -> Trip:
    case, rng = CASES[name], np.random.default_rng(1)
    module = Branched(case.forward, **case.parts(rng))
    layout = Case("", "", "", lambda rng: module, case.shape)
    x = spikes_for(layout, rng, STEPS, samples=2)
    answer = run_framework(layout, module, x)
    net = from_torch(module, sample_of(layout, x))
    with TemporaryDirectory() as folder:
        written = write_nir(net, Path(folder) / "model.nir")
        kinds = [type(node).__name__ for node in nir.read(written.path).nodes.values()]
        back = fuse(
            read_nir(
                written.path, profile="nir", dt=written.dt, threshold=written.threshold
            )
        )
    return Trip(net, back, x, answer, kinds)


@pytest.mark.parametrize("name", CASES)
def test_the_file_spikes_as_the_module(name: str) -> None:
    seen = trip(name)
    assert 0.01 < seen.answer.mean() < 0.95
    for net in (seen.net, seen.back):
        outputs = run(net, seen.x).outputs
        (output,) = net.outputs
        assert (outputs[output].ravel() == seen.answer.ravel()).all()
        assert all(outputs[p.name].any() for p in net.populations)
    names = [{p.name for p in net.populations} for net in (seen.net, seen.back)]
    assert names[0] == names[1]


@pytest.mark.parametrize("name", CASES)
def test_every_layer_in_the_file_is_a_convolution(name: str) -> None:
    seen = trip(name)
    assert not {"Affine", "Linear", "Flatten"} & set(seen.kinds)
    folded = normalize(seen.back)
    drawn = [p for p in folded.projections if p.pre != "bias:1"]
    assert drawn
    assert all(isinstance(p.map, Conv) for p in drawn)


@pytest.mark.parametrize(
    "name",
    ["two branches of lines", "beside what it is made of", "slices of channels"],
)
def test_the_file_takes_no_more_cores_than_the_network(name: str) -> None:
    seen = trip(name)
    ours, theirs = (
        deploy(net, "loihi2", steps=STEPS).utilization for net in (seen.net, seen.back)
    )
    assert ours is not None
    assert theirs is not None
    assert 0 < theirs.cores <= ours.cores


# --- the maps alone -------------------------------------------------------------------


def between(m: Map, shape: tuple[int, ...], out: tuple[int, ...]) -> Network:
    """x -> out, over one map."""
    return Network(
        (Input("x", shape),),
        (Population("out", out, Lif.of(int(np.prod(out)), beta=0.5, threshold=0.5)),),
        (Projection("x", "out", m),),
        ("out",),
    )


def written(m: Map, shape: tuple[int, ...], out: tuple[int, ...]) -> tuple[Any, ...]:
    """Return the maps that are written; what they mean together is what `m` means."""
    (drawn,) = with_kernels(between(m, shape, out)).projections
    assert (matrix(drawn.map).toarray() == matrix(m).toarray()).all()
    return drawn.map.maps if isinstance(drawn.map, Chain) else (drawn.map,)


def channels(table: AnyArray, pixels: int) -> Sparse:
    """Return the list that does the same to the channels of every pixel."""
    return Sparse(sp.csr_array(sp.kron(table, sp.eye_array(pixels))))


def picks(draw: st.DrawFn, n_out: int, n_in: int, *, once: bool) -> AnyArray:
    """Draw [n_out, n_in]: every output is one of the inputs, or 0; once: no input twice."""
    if once:
        ranks = draw(st.permutations(range(n_in + n_out)))[:n_out]
    else:
        ranks = draw(st.lists(st.integers(0, n_in), min_size=n_out, max_size=n_out))
    return np.array([[float(r == i) for i in range(n_in)] for r in ranks])


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Chain, tuple[int, ...], tuple[int, ...]]:
    """Draw a convolution, in groups or not, between channels that are picked."""
    groups, line = draw(st.integers(1, 2)), draw(st.booleans())
    n_in, n_out = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    size, kernel = draw(st.integers(4, 6)), draw(st.integers(1, 3))
    stride, dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    padding = draw(st.integers(0, 2))
    after = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    if after < 2:
        after, padding, dilation, stride = size, kernel - 1, 2, 1
    one: Any = (lambda a: (1, a)) if line else (lambda a: (a, a))
    zero = (0, padding) if line else (padding, padding)
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    weight = rng.integers(1, 9, (n_out, n_in // groups, *one(kernel))) / 8
    conv = Conv(
        weight, (n_in, *one(size)), (n_out, *one(after)), one(stride), zero, one(dilation), groups
    )  # fmt: skip
    before, behind = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    chain = (
        channels(picks(draw, n_in, before, once=True), int(np.prod(one(size)))),
        conv,
        channels(picks(draw, behind, n_out, once=False), int(np.prod(one(after)))),
    )
    shapes = [(before, *one(size)), (behind, *one(after))]
    inside, outside = (s[:1] + s[2:] if line else s for s in shapes)
    return Chain(chain, chain[0].n_pre), inside, outside


@given(convolutions())
def test_a_convolution_between_picked_channels_is_one_convolution(
    case: tuple[Chain, tuple[int, ...], tuple[int, ...]],
) -> None:
    parts = written(*case)
    lists = [part for part in parts if not isinstance(part, Conv)]
    assert all(is_diagonal(part) for part in lists), "each is a Scale, not a kernel"
    assert len(parts) - len(lists) == 1


def is_diagonal(m: Map) -> bool:
    entries = matrix(m).tocoo()
    return m.n_pre == m.n_post and not entries.data[entries.row != entries.col].any()


@given(st.integers(1, 4), st.integers(1, 4), st.integers(2, 5), st.data())
def test_a_list_of_channels_alone_is_a_kernel_of_one_element(
    n_in: int, n_out: int, size: int, data: st.DataObject
) -> None:
    numbers = st.lists(st.integers(-3, 3), min_size=n_in * n_out, max_size=n_in * n_out)
    table = np.array(data.draw(numbers), float).reshape(n_out, n_in)
    (made,) = written(channels(table, size**2), (n_in, size, size), (n_out, size, size))
    square = n_in == n_out and not (table - np.diag(table.diagonal())).any()
    assert isinstance(made, Sparse if square else Conv)
    if isinstance(made, Conv):
        assert (made.weight[:, :, 0, 0] == table).all()
        assert made.stored.shape[2:] == (1, 1)


EYE = np.eye(3)[:2]
FULL = channels(EYE, 16).matrix.toarray()
WRONG = {  # no kernel says so: one weight, one synapse, one place is another than all others
    "one weight differs": (FULL * np.where(np.arange(48) == 5, 2.0, 1.0), (2, 4, 4)),
    "one synapse is missing": (FULL * (np.arange(48) != 5), (2, 4, 4)),
    "one synapse goes elsewhere": (FULL[[1, 0, *range(2, 32)]], (2, 4, 4)),
    "turned": (FULL.reshape(2, 4, 4, 48)[:, :, ::-1].reshape(32, 48), (2, 4, 4)),
    "cropped": (FULL.reshape(2, 4, 4, 48)[:, 1:3, 1:3].reshape(8, 48), (2, 2, 2)),
    "a vector": (FULL, (32,)),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_kernel_stays_a_list(name: str, tmp_path: Path) -> None:
    weight, out = WRONG[name]
    m = Sparse(sp.csr_array(weight))
    (made,) = written(m, (3, 4, 4), out)
    assert made is m
    net = between(m, (3, 4, 4), out)
    x = (np.random.default_rng(0).random((2, 40, 3, 4, 4)) < 0.4).astype(float)
    back = read_nir(write_nir(net, tmp_path / "m.nir").path, profile="nir", dt=1e-3)
    ours, theirs = (run(n, x).outputs["out"].reshape(2, 40, -1) for n in (net, back))
    assert ours.sum() > 0
    assert (ours == theirs).all()


def test_zeros_in_a_list_are_no_synapses_and_the_list_stays_as_it_is() -> None:
    m = channels(EYE, 16)
    listed = m.matrix.tolil()
    listed[0, 1] = 7.0
    stored = Sparse(sp.csr_array(listed))
    stored.matrix.data[stored.matrix.data == 7.0] = 0.0
    (made,) = written(stored, (3, 4, 4), (2, 4, 4))
    assert isinstance(made, Conv)
    assert stored.matrix.nnz == m.matrix.nnz + 1


def test_a_list_of_every_second_pixel_with_zeros_around_is_a_kernel_with_a_stride() -> None:
    rows = np.zeros((2, 3, 3, 3, 5, 5))
    for y, x in np.ndindex(3, 3):
        rows[1, y, x, 2, 2 * y, 2 * x] = 1.0
    (made,) = written(Sparse(sp.csr_array(rows.reshape(18, 75))), (3, 5, 5), (2, 3, 3))
    assert (made.stride, made.padding, made.weight.sum()) == ((2, 2), (0, 0), 1.0)
    wide = np.pad(np.eye(16).reshape(4, 4, 16), [(1, 1), (1, 1), (0, 0)]).reshape(36, 16)
    (made,) = written(Sparse(sp.csr_array(wide)), (1, 4, 4), (1, 6, 6))
    assert (made.stride, made.padding, made.weight.sum()) == ((1, 1), (1, 1), 1.0)


def test_channels_behind_pooling_are_placed_by_a_kernel_of_their_own() -> None:
    pool = Pool((2, 2), (3, 4, 4), (3, 2, 2), (2, 2), (0, 0), True)
    place = channels(np.eye(5)[:, :3], 4)
    first, last = written(Chain((pool, place), 48), (3, 4, 4), (5, 2, 2))
    assert first is pool
    assert isinstance(last, Conv)
