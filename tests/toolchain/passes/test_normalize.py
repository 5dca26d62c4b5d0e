import numpy as np

from snn_deploy.ir.maps import Chain, Conv, Dense, Pool, Scale
from snn_deploy.ir.network import Input, Network, Population, Projection
from snn_deploy.neurons import Lif
from snn_deploy.passes.normalize import normalize
from snn_deploy_simulators import reference


def image_network() -> Network:
    """8x8 image -> (conv, pool, scale, dense) -> 6 neurons that also hear the image
    directly."""
    rng = np.random.default_rng(3)
    conv = Conv(rng.normal(size=(2, 1, 3, 3)), (1, 8, 8), (2, 8, 8), (1, 1), (1, 1))
    pool = Pool((2, 2), (2, 8, 8), (2, 4, 4), (2, 2), (0, 0), True)
    scale = Scale(rng.normal(size=32))
    dense = Dense(rng.normal(size=(6, 32)))
    return Network(
        (Input("image", (1, 8, 8)),),
        (Population("out", (6,), Lif.of(6, beta=0.8, bias=0.1)),),
        (
            Projection("image", "out", Chain((conv, pool, scale, dense), 64)),
            Projection("image", "out", Chain((Dense(rng.normal(size=(6, 64))),), 64)),
            Projection(
                "image", "out", Chain((Dense(rng.normal(size=(6, 64))),), 64), delay=2
            ),
        ),
        ("out",),
    )


def test_normalizing_changes_nothing_the_network_computes() -> None:
    net = image_network()
    x = np.random.default_rng(4).random((3, 20, 1, 8, 8))
    before, after = reference.run(net, x), reference.run(normalize(net), x)
    assert before.events["out"].sum() > 20
    np.testing.assert_array_equal(before.outputs["out"], after.outputs["out"])


def test_every_projection_becomes_one_connection_and_equal_pairs_are_added_up() -> None:
    projections = normalize(image_network()).projections
    assert [type(p.map) for p in projections] == [Dense, Dense]
    assert [p.delay for p in projections] == [0, 2]
