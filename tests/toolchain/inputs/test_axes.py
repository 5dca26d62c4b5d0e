"""Values whose axes are in another order are named as such; what they are told to call works."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError
from snn_deploy.inputs.axes import order_note
from snn_deploy.inputs.data import check_data, load_data
from snn_deploy.ir.network import Input, Network, Population
from snn_deploy.neurons import Lif

N, T = 6, 9


def net(*shape: int) -> Network:
    out = Population("out", (3,), Lif.of(3))
    return Network((Input("in", shape),), (out,), (), ("out",), step_s=1e-3)


def followed(x: AnyArray, port: tuple[int, ...]) -> AnyArray:
    """Do what the refusal of `x` says and return what comes out."""
    with pytest.raises(InputError) as refused:
        check_data(x, net(*port))
    advice = str(refused.value).rpartition("; ")[2]
    code = advice.partition("give ")[2].partition(", which")[0] or advice.partition(": ")[2]
    return np.asarray(eval(code, {"x": x, "numpy": np}))


@pytest.mark.parametrize(
    ("shape", "port"),
    [
        ((N, 8, 8, 3), (3, 8, 8)),
        ((N, T, 8, 7, 2), (2, 8, 7)),
        ((N, 40, 2), (2, 40)),
        ((N, 192), (3, 8, 8)),
        ((N, T, 192), (3, 8, 8)),
        ((N, T, 8, 8), (1, 8, 8)),
        ((N, 8, 7), (1, 8, 7)),
        ((N, 3, 8, 8), (192,)),
        ((N, T, 3, 8, 8), (192,)),
    ],
)
def test_the_advice_makes_samples_of_them(
    shape: tuple[int, ...], port: tuple[int, ...]
) -> None:
    x = np.random.default_rng(0).random(shape)
    made = followed(x, port)
    data = check_data(made, net(*port), options=_steps(made, port))
    assert data.x["in"].shape[0] == N
    assert data.x["in"].shape[2:] == port
    assert sorted(made.ravel()) == sorted(x.ravel())


def _steps(made: AnyArray, port: tuple[int, ...]) -> Any:
    from snn_deploy.options.inputs import InputOptions

    return InputOptions(steps=None if made.ndim == len(port) + 2 else 4)


def test_other_orders_are_named_too() -> None:
    with pytest.raises(
        InputError, match=r"in another order, so transpose them to \[\.\.\., 2"
    ):
        check_data(np.zeros((N, T, 7, 2, 8)), net(2, 7, 8))
    with pytest.raises(InputError, match=r"one for all steps\)$"):
        check_data(np.zeros((N, T, 5)), net(2, 7, 8))


def test_time_first_shows_in_the_labels() -> None:
    x, y = np.zeros((T, N, 4)), np.zeros(N, int)
    with pytest.raises(
        InputError, match=r"time comes first: give numpy\.swapaxes\(x, 0, 1\)"
    ):
        check_data({"x": x, "y": y}, net(4))
    assert check_data({"x": np.swapaxes(x, 0, 1), "y": y}, net(4)).samples == N


def test_one_hot_labels_are_named() -> None:
    y = np.eye(3)[np.arange(N) % 3]
    for kind in (float, int):
        with pytest.raises(InputError, match=r"one-hot, so give y\.argmax\(axis=1\)"):
            check_data({"x": np.zeros((N, T, 4)), "y": y.astype(kind)}, net(4))


def test_what_sizes_cannot_tell_is_an_assumption() -> None:
    data = check_data(np.zeros((N, N, 4)), net(4))
    assert [(a.name, a.value) for a in data.notes] == [
        ("axes of input 'in'", "[samples, steps, ...]")
    ]
    cube = order_note("in", (N, T, 8, 8, 8), (8, 8, 8))
    assert cube is not None
    assert (cube.name, cube.value) == ("axes of input 'in'", "[channels, rows, columns]")
    assert order_note("in", (N, T, 8, 8, 8), (8, 8, 4)) is None
    assert order_note("in", (N, T, 4), (4,)) is None


def test_a_file_of_torch_is_named_and_not_unpickled(tmp_path: Path) -> None:
    torch.save({"x": torch.zeros(2, 3, 4)}, tmp_path / "set.pt")
    with pytest.raises(InputError, match=r"torch\.save, which would run code to be read"):
        load_data(tmp_path / "set.pt", net(4))
