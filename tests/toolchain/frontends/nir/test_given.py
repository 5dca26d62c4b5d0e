"""What our own writer leaves in a file counts; what the user says counts more."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
import torch
from snntorch import Leaky
from torch import nn

from snn_deploy.errors import InputError
from snn_deploy.evaluation.decode import choose_answer
from snn_deploy.frontends.nir.given import FILE, USER, given
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.frontends.nir_writer.write_nir import write_nir
from snn_deploy.frontends.torch import from_torch
from snn_deploy.ir.network import Network
from snn_deploy.options.reading import ReadingOptions
from snn_deploy.passes.fuse import fuse
from snn_deploy_simulators.reference import run


def trained() -> Network:
    """Return a network of snnTorch with its late subtraction, which no NIR node has."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Linear(6, 20), Leaky(beta=0.75, init_hidden=True),
        nn.Linear(20, 4), Leaky(beta=0.75, init_hidden=True),
    )  # fmt: skip
    with torch.no_grad():
        for name, value in module.named_parameters():
            value.mul_(4 if "weight" in name else 1)
    return from_torch(module.double(), torch.zeros(1, 6, dtype=torch.float64))


class Membrane(nn.Module):
    """A readout that nothing resets."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lif = nn.Linear(6, 4), Leaky(beta=0.5, reset_mechanism="none")

    def forward(self, x: Any) -> Any:
        return self.lif(self.fc(x))[1]


def spikes(net: Network, x: Any) -> Any:
    fused = fuse(net)
    return run(fused, x).outputs[fused.outputs[0]]


def evidence(net: Network, name: str) -> list[str]:
    return [a.evidence for a in net.assumptions if a.name == name]


def test_our_own_file_is_read_as_it_was_written_without_flags(tmp_path: Path) -> None:
    net = trained()
    written = write_nir(net, tmp_path / "m.nir", dt=2e-3)
    again = read_nir(written.path)
    assert again.step_s == 2e-3
    assert evidence(again, "profile") == evidence(again, "dt") == [FILE]
    x = (np.random.default_rng(0).random((5, 40, 6)) < 0.4).astype(np.float64)
    wanted = spikes(net, x)
    assert 0.02 < wanted.mean() < 0.9
    assert np.count_nonzero(spikes(again, x) != wanted) == 0


def test_a_graph_in_memory_says_the_same(tmp_path: Path) -> None:
    written = write_nir(trained(), tmp_path / "m.nir", dt=2e-3)
    assert read_nir(nir.read(written.path)).step_s == 2e-3


def test_comparison_and_decoder_are_in_the_file(tmp_path: Path) -> None:
    net = trained()
    at = tuple(
        replace(p, neuron=replace(p.neuron, inclusive=True)) for p in net.populations
    )
    written = write_nir(replace(net, populations=at), tmp_path / "ge.nir")
    again = [p for p in fuse(read_nir(written.path)).populations if p.neuron.spiking]
    assert [p.neuron.inclusive for p in again] == [True, True]
    readout = from_torch(Membrane(), torch.zeros(1, 6))
    path = write_nir(replace(readout, decoder="max"), tmp_path / "max.nir").path
    assert choose_answer(read_nir(path), None).decoder == "max"


def test_the_user_stands_above_the_file_and_the_report_says_so(tmp_path: Path) -> None:
    path = write_nir(trained(), tmp_path / "m.nir", dt=2e-3).path
    net = read_nir(path, threshold="ge", dt=2e-3)
    assert evidence(net, "profile") == [FILE]
    assert evidence(net, "dt") == evidence(net, "threshold") == [USER]
    other = read_nir(path, dt=1e-3)
    (noted,) = (a for a in other.assumptions if a.name == "the file's own words")
    assert (noted.value, noted.evidence) == ("dt=0.002", "but given by the user: 0.001")


def test_a_profile_against_the_numbers_of_the_file_is_refused(tmp_path: Path) -> None:
    path = write_nir(trained(), tmp_path / "m.nir").path
    with pytest.raises(
        InputError,
        match=r"snnTorch writes r = tau/dt and no other, and dt is 0\.0001 s; its numbers "
        r"show a step of 0\.001 s; give the dt that is meant, or profile='nir'",
    ):
        read_nir(path, profile="snntorch")


@pytest.mark.parametrize(
    "metadata",
    [
        {"written_by": "another", "read_with": "--profile nir --dt 0.002"},
        {"written_by": "snn-deploy", "read_with": "--profile nir --dt never"},
        {"written_by": "snn-deploy", "read_with": "--profile"},
        {"written_by": "snn-deploy", "read_with": "--out / --dt"},
        {"written_by": "snn-deploy", "read_with": np.array([1.0, 2.0])},
        {"read_with": "--profile nir --dt 0.002"},
    ],
    ids=range(6),
)
def test_words_of_others_and_words_that_say_nothing_are_left_alone(
    tmp_path: Path, metadata: dict[str, Any]
) -> None:
    graph = nir.read(write_nir(trained(), tmp_path / "m.nir").path)
    for node in graph.nodes.values():  # no time step follows from these
        if isinstance(node, nir.LI | nir.LIF):
            node.r = node.r * 1.7
    graph.metadata = metadata
    nir.write(tmp_path / "other.nir", graph)
    with pytest.raises(InputError, match="the time step is not in the file"):
        read_nir(tmp_path / "other.nir")


def test_options_are_read_from_words() -> None:
    found = given(ReadingOptions(reset="zero"), "--profile nir --dt 0.5 --reset none")
    assert found.options == ReadingOptions(profile="nir", dt=0.5, reset="zero")
    assert found.by_file == {"profile", "dt"}
    assert (found.why("dt"), found.why("reset")) == (FILE, USER)
