"""One neuron on a real Loihi 2 (data/README.md), our integers, and the emitted Lava program."""

from pathlib import Path

import numpy as np
import pytest

from snn_deploy.arrays import AnyArray
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.quant import QuantInput, QuantNetwork, SignMode, Stimulus
from snn_deploy_backends.lava.states import states
from support.integer_networks import network, population, projection
from support.lava_runs import run_all

DV = 163  # floor(4096 * 1e-4 s / 2.5 ms): lif_norse.nir beside the recording
WEIGHT, THRESHOLD = 10, 25  # floor(256 * 0.04), floor(256 * 0.1): the same file
SPIKE_STEPS = [461, 511, 711, 761]  # of the recording
MARK = 128  # what the chip's membrane register shows in the step of a spike


@pytest.fixture(scope="module")
def silicon() -> AnyArray:
    """Columns input, membrane, spike; one row per chip step."""
    file = Path(__file__).parent / "data" / "lif_lava_loihi_fixed.csv"
    return np.loadtxt(file, delimiter=",").astype(np.int64)


def neuron() -> QuantNetwork:
    return network(
        (QuantInput("in", (1,), 0, 1.0),),
        (population("lif", (1,), 1, du=4095, dv=DV, vth=THRESHOLD),),
        (
            projection(
                "in",
                "lif",
                Dense(np.array([[WEIGHT]], np.int16)),
                sign_mode=SignMode.EXCITATORY,
            ),
        ),
        ("lif",),
    )


def stimulus(silicon: AnyArray) -> Stimulus:
    return Stimulus(1, len(silicon), {"in": silicon[None, :, :1].astype(np.int8)}, {})


def check(silicon: AnyArray, v: AnyArray, s: AnyArray) -> None:
    """What arrives takes a step, so our step t is row t + 1 of the recording."""
    membrane, spikes = silicon[1:, 1], silicon[1:, 2]
    assert (np.flatnonzero(spikes) + 1).tolist() == SPIKE_STEPS
    assert (s[:-1] == spikes).all()
    differs = np.flatnonzero(v[:-1] != membrane) + 1
    assert differs.tolist() == SPIKE_STEPS
    assert silicon[SPIKE_STEPS, 1].tolist() == [MARK] * 4
    assert v[np.array(SPIKE_STEPS) - 1].tolist() == [0] * 4


def test_integers_equal_silicon_but_for_the_mark_of_a_spike(silicon: AnyArray) -> None:
    result = states(neuron(), stimulus(silicon), 1)["lif"]
    check(silicon, result["v"][0, :, 0], result["s"][0, :, 0])


def test_lava_equals_silicon_but_for_the_mark_of_a_spike(
    silicon: AnyArray, lava_python: Path, tmp_path: Path
) -> None:
    (result,) = run_all([(neuron(), stimulus(silicon))], tmp_path, lava_python)
    check(silicon, result["lif"]["v"][0, :, 0], result["lif"]["s"][0, :, 0])
