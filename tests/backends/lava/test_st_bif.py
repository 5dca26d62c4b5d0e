"""A trained ST-BIF network on Lava: ternary spikes with a tracer, to the ANN's integers.

The committed example `digits_convert` sends whole changes of levels; with one level per
step at most, the same neurons are ST-BIF, and at rest have the same answers.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.frontends.nir_writer.write_nir import write_nir
from snn_deploy.ir.network import Population
from snn_deploy.neurons import MultiLevel
from snn_deploy.passes.normalize import normalize
from support.command_line import app

FOLDER = Path(__file__).parents[3] / "examples" / "digits_convert"
SAMPLES, STEPS = 2, 28


def ternary_form(pop: Population) -> Population:
    """Return the population with at most one level per step; the readout as it is."""
    if not isinstance(pop.neuron, MultiLevel):
        return pop
    one = np.ones_like(pop.neuron.low)
    return replace(pop, neuron=replace(pop.neuron, low=-one, high=one))


def write_ternary(file: Path) -> list[str]:
    """Write the example as ST-BIF and return the flags that read it."""
    net = normalize(
        read_nir(FOLDER / "digits_convert.nir", profile="nir", dt=1e-3, threshold="ge")
    )
    ternary = tuple(ternary_form(p) for p in net.populations)
    return write_nir(replace(net, populations=ternary), file).flags.split()


def test_a_trained_st_bif_network_rests_at_the_anns_integers_on_lava(
    lava_python: Path, tmp_path: Path
) -> None:
    flags = write_ternary(tmp_path / "model.nir")
    with np.load(FOLDER / "test.npz") as content:
        first, wanted = content["x"][:SAMPLES], content["answers"][:SAMPLES]
    x = np.zeros((SAMPLES, STEPS, *first.shape[2:]))
    x[:, :1] = first
    np.savez(tmp_path / "x.npz", x=x)
    done = CliRunner().invoke(app, [
        str(tmp_path / "model.nir"), *flags, "--target", "loihi2", "--decode", "final",
        "--input", str(tmp_path / "x.npz"), "--trace", str(tmp_path / "trace.npz"),
        "--backend", "lava", "--out", str(tmp_path / "build"), "--verify",
        "--lava-python", str(lava_python), "--json",
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    verified = json.loads(done.stdout)["verified"]
    assert verified["mismatches"] == 0
    assert verified["samples"] == SAMPLES
    with np.load(tmp_path / "trace.npz") as trace:
        chip = trace["chip/readout"][:, -1].astype(np.float64)
        sent = {k: v for k, v in trace.items() if k.startswith("chip/") and "out" not in k}
    unit = np.abs(chip).max() / np.abs(wanted).max()  # one number for all samples
    np.testing.assert_array_equal(chip, wanted * unit)
    assert unit in {2.0**k for k in range(12)}
    assert len(sent) == 4
    assert all({0, 1} <= set(np.unique(v)) <= {-1, 0, 1} for v in sent.values())
    assert any((v == -1).any() for v in sent.values())
    assert not any(v[:, -1].any() for v in sent.values())  # at rest
