"""The update kernel has a loop for every integer neuron."""

from snn_deploy.neurons import MODELS
from snn_deploy_simulators.kernels import updates


def test_every_integer_neuron_has_a_loop_of_its_own() -> None:
    assert updates.CODES.keys() == MODELS.keys()
    loops = {updates.INSTANT, updates.SOFT_INSTANT, updates.SLICES}
    assert len({*updates.CODES.values(), *loops}) == len(updates.CODES) + len(loops)
