"""The trained examples, deployed for Loihi 2: every answer of every sample equal on Lava."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snn_deploy.board.board import load_board
from snn_deploy.evaluation.stages import Simulated
from snn_deploy.frontends.nir.read_nir import read_nir
from snn_deploy.inputs.data import load_data
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import Stimulus
from snn_deploy.options.inputs import InputOptions
from snn_deploy.pipeline.line import line
from snn_deploy_backends.lava.verify import about, run_build, verification
from snn_deploy_simulators import integer
from snn_deploy_simulators.stimulus import encode
from support.emitted import emit
from support.lines import begin
from support.said import said

EXAMPLES = Path(__file__).parents[3] / "examples"
PROFILES: dict[str, Any] = {  # and steps of one sample, None where the file says
    "digits_mlp": ("snntorch", 10),
    "digits_conv": ("spikingjelly", 10),
    "digits_rows": ("snntorch", None),
}


def deployed(name: str) -> tuple[Program, Stimulus]:
    """Return the program for Loihi 2 and the whole test set."""
    profile, steps = PROFILES[name]
    folder = EXAMPLES / name
    file = folder / f"{name}.nir"
    net = read_nir(file, **said(profile))
    data = load_data(folder / "test.npz", net, options=InputOptions(steps=steps))
    for run in line(begin(load_board("loihi2"), net, data.x)):
        if isinstance(run, Simulated):
            return run.program, encode(run.program.net, run.data.x)
    raise AssertionError(f"{name}: no program")


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_sample_of_an_example_is_equal_on_lava(
    name: str, lava_python: Path, tmp_path: Path
) -> None:
    program, stimulus = deployed(name)
    expected = integer.run(program.net, stimulus)
    emit(program, stimulus, expected, tmp_path)
    keys = {v: k for k, v in about(tmp_path)["names"].items()}
    result = run_build(tmp_path, lava_python)
    for output in program.net.outputs:
        pop = program.net.population(output)
        wanted = expected.outputs[output].reshape(stimulus.samples, stimulus.steps, -1)
        got = result[f"{keys[output]}.{'s' if pop.spiking else 'v'}"]
        assert got.shape == wanted.shape  # outputs are flat, so Lava's order is ours
        assert (got == wanted).all()
        assert np.count_nonzero(wanted) > stimulus.samples


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_state_of_an_example_is_equal_on_lava(
    name: str, lava_python: Path, tmp_path: Path
) -> None:
    program, stimulus = deployed(name)
    few = Stimulus(
        4,
        stimulus.steps,
        {k: x[:4] for k, x in stimulus.spikes.items()},
        {k: x[:4] for k, x in stimulus.bias.items()},
    )
    emit(program, few, integer.run(program.net, few), tmp_path)
    result = verification(tmp_path, lava_python)
    assert result.exact
    assert result.samples == 4
    assert all(
        p.spikes for p in result.populations if program.net.population(p.name).spiking
    )


def test_the_frame_is_a_power_of_two_on_loihi2(tmp_path: Path) -> None:
    program, stimulus = deployed("digits_mlp")
    emit(program, stimulus, integer.run(program.net, stimulus, keep=()), tmp_path)
    assert "POWER_OF_TWO = True" in (tmp_path / "run.py").read_text("utf-8")
