"""How often weights are stored does not hang on how many samples there happen to be."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_deploy import InputError
from snn_deploy.evaluation.uncertainty import surely_below
from snn_deploy.pipeline.deploy import deploy
from snn_deploy.quantization.refine import TARGET
from snn_deploy.report.report import Report
from support.said import said
from support.small_model import INPUTS, OPTIONS, STEPS, write_model, write_samples

EXAMPLE = Path(__file__).parents[3] / "examples" / "digits_mlp"
SIZES = range(20, 2001, 20)


def decisions(changed: Any) -> list[bool]:
    """Return whether weights are stored twice with the first 20, 40, ... samples."""
    return [surely_below(TARGET, n - int(changed[:n].sum()), n) for n in SIZES]


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.002, 0.005, 0.01]))
def test_a_network_that_changes_few_answers_is_rarely_stored_twice(
    seed: int, share: float
) -> None:
    """Whatever the number of samples: the hard limit at 99 % flipped in half of the cases."""
    rng = np.random.default_rng(seed)
    often = np.mean([decisions(rng.random(2000) < share) for _ in range(40)])
    assert often < (0.1 if share == 0.01 else 0.01)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.03, 0.05, 0.2]))
def test_the_decision_does_not_flap(seed: int, share: float) -> None:
    """With more samples it goes over once, from once to twice, and stays."""
    rng = np.random.default_rng(seed)
    flips = 0
    for _ in range(20):
        found = decisions(rng.random(2000) < share)
        assert found[-1], "with 2000 samples there is no doubt"
        flips += sum(a and not b for a, b in pairwise(found))
    assert flips / 20 <= 2, "ways back, of 99 that there could be"


def test_the_limit_is_the_lower_bound_of_the_changed_answers() -> None:
    assert not surely_below(TARGET, 98, 100)
    assert not surely_below(TARGET, 147, 150)
    assert surely_below(TARGET, 94, 100)
    assert surely_below(TARGET, 900, 1000)
    assert not surely_below(TARGET, 1, 1)


@pytest.fixture
def deployed(tmp_path: Path) -> Any:
    def run(samples: int = 10, **options: Any) -> Report:
        rng = np.random.default_rng(9)
        x = (rng.random((samples, STEPS, INPUTS)) < 0.4).astype(np.uint8)
        file = write_samples(tmp_path / "x.npz", x=x, y=np.arange(samples) % 3)
        model = write_model(tmp_path / "m.nir")
        return deploy(model, "loihi2", input=file, **{**OPTIONS, **options})

    return run


def test_every_choice_is_in_the_report(deployed: Any) -> None:
    auto, never, always = (
        deployed(store_twice=name).storage for name in ("auto", "never", "always")
    )
    assert (auto.method, auto.projections, auto.samples) == ("auto", 2, 10)
    assert bool(auto.twice) == surely_below(TARGET, auto.agreed, 10)
    assert 0 < auto.agreed <= 10
    assert (never.twice, never.agreed) == ((), None)
    assert always.twice == ("input -> hidden", "hidden -> out")


def test_the_same_net_costs_the_same_with_more_samples() -> None:
    """A hard limit at 99 % stored it twice with 50 and 200 samples, once with 100 and 150."""
    energies, agreed = [], []
    for samples in (50, 100, 150, 200):
        report = deploy(
            EXAMPLE / "digits_mlp.nir", "loihi2", input=EXAMPLE / "test.npz",
            samples=samples, weight_bits=4, **said("snntorch"),
        )  # fmt: skip
        assert report.storage is not None
        assert report.storage.twice == ()
        agreed.append((report.storage.agreed or 0) / samples)
        assert report.energy is not None
        energies.append(report.energy.accounts[0].dynamic.mean or 0.0)
    assert min(agreed) < TARGET <= max(agreed)
    assert max(energies) / min(energies) < 1.02


def test_few_bits_are_stored_twice_where_that_changes_answers(deployed: Any) -> None:
    rough = deployed(200, weight_bits=2)
    assert surely_below(TARGET, rough.storage.agreed, 200)
    assert rough.storage.twice
    once = deployed(200, weight_bits=2, store_twice="never")
    agreed = {(a.first, a.second): a.equal for a in rough.agreement}
    less = {(a.first, a.second): a.equal for a in once.agreement}
    assert agreed["reference", "integer"] > less["reference", "integer"]
    assert less["reference", "integer"] == rough.storage.agreed


def test_fine_tuning_stores_once(deployed: Any) -> None:
    with pytest.raises(InputError, match="store_twice='always': finetune trains weights"):
        deployed(store_twice="always", finetune="t.npz", max_drop=1)
