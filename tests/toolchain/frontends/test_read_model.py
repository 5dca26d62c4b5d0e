"""A lava-dl file goes through the whole line as the integers it is."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from snn_deploy.board.board import load_board
from snn_deploy.errors import InputError
from snn_deploy.evaluation.stages import Simulated
from snn_deploy.frontends.netx.read_netx import read_netx
from snn_deploy.frontends.read_model import read_model
from snn_deploy.options.reading import ReadingOptions
from snn_deploy.pipeline.deploy import deploy
from snn_deploy.pipeline.line import line
from support.lines import begin

N, STEPS = 4, 30


@pytest.fixture
def netx(tmp_path: Path) -> Path:
    """Return a file of two dense layers, 12-8-3."""
    rng = np.random.default_rng(0)
    file = tmp_path / "model.net"
    with h5py.File(file, "w") as f:
        for i, (n_post, n_pre) in enumerate([(8, 12), (3, 8)]):
            layer = f.create_group(f"layer/{i}")
            layer["type"] = np.array(["dense"], "S10")
            layer["shape"] = [n_post]
            layer["weight"] = rng.integers(-20, 40, (n_post, n_pre)).astype(np.float32) * 2
            neuron = layer.create_group("neuron")
            fields = {"iDecay": 1024, "vDecay": 128, "vThMant": 80, "refDelay": 1}
            for key, value in {"type": "CUBA", **fields}.items():
                neuron[key] = value
    return file


def spikes() -> dict[str, np.ndarray]:
    x = np.random.default_rng(1).random((N, STEPS, 12)) < 0.3
    return {"x": x.astype(np.uint8)}


def test_integers_come_out_of_the_line_as_they_went_in(netx: Path) -> None:
    net, given = read_model(netx)
    assert given is not None
    run = begin(load_board("loihi2"), net, spikes(), given=given)
    *_, last = line(run)
    assert isinstance(last, Simulated)
    assert last.quant is given
    for pop in read_netx(netx).populations:
        for name, value in pop.params.items():
            np.testing.assert_array_equal(given.population(pop.name).params[name], value)


def test_a_lava_dl_file_is_deployed_and_nothing_is_lost(netx: Path) -> None:
    report = deploy(netx, "loihi2", input=spikes())
    assert report.losses == ()
    assert all((layer.rate or 0) > 0 for layer in report.layers)
    equal = {
        (a.first, a.second): a.equal for layer in report.layers for a in layer.agreement
    }
    assert equal["integer", "chip"] == 1.0
    assert not any("scales were chosen" in c for c in report.caveats)


def first_conv(file: Path) -> Path:
    with h5py.File(file, "w") as f:
        layer = f.create_group("layer/0")
        layer["type"], layer["shape"] = "conv", [1, 2, 2]
        layer["weight"], layer["stride"] = np.full((1, 1, 3, 3), 20), 2
        layer["padding"], layer["dilation"] = 0, 1
    return file


def test_the_shape_of_the_input_can_be_said(tmp_path: Path) -> None:
    file = first_conv(tmp_path / "model.net")
    with pytest.raises(InputError, match=r"5 or 6 rows .* give input_shape='CxHxW'"):
        read_model(file)
    net, given = read_model(file, ReadingOptions(input_shape="1x6x5"))
    assert net.inputs[0].shape == (1, 6, 5)
    assert given is not None
    with pytest.raises(InputError, match=r"input_shape='1x7x5': .*; give one of them"):
        read_model(file, ReadingOptions(input_shape="1x7x5"))
    with pytest.raises(InputError, match=r"is for lava-dl's \.net files"):
        read_model(tmp_path / "model.nir", ReadingOptions(input_shape="1x6x5"))


@pytest.mark.parametrize("text", ["", "x", "2x", "0", "-1x2", "1x2x3x4", "9999x9999", "²"])
def test_a_shape_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"must be CxHxW \(2x34x34\), or a number"):
        ReadingOptions(input_shape=text)


def test_options_that_it_leaves_no_room_for_are_refused(netx: Path) -> None:
    with pytest.raises(InputError, match=r"dt: model\.net is an integer network"):
        deploy(netx, "loihi2", dt=1e-3)


def test_a_netlist_of_another_tool_is_not_taken_for_a_lava_dl_file(tmp_path: Path) -> None:
    file = tmp_path / "model.net"
    file.write_text("g 3 threshold=1.0\nn 0.0 bias=1.0\n")
    with pytest.raises(InputError, match=r"model\.net: a network of the simulator SANA-FE"):
        read_model(str(file))
