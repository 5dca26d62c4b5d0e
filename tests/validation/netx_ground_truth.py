"""Compare lava-dl networks, read by us and run as integers, with Intel's own ground truth.

    python tests/validation/netx_ground_truth.py [--wheel lava_dl-0.6.0-py3-none-any.whl]

Downloads the wheel `lava-dl==0.6.0` (BSD-3-Clause, PyPI) into a temporary folder unless
one is given; it is unpacked, never installed. It carries networks with what Lava computed
for them:

* PilotNet-LIF: spikes, currents and membranes of every layer, 24 chip steps, sample reset
after 16. Its membranes show 128 in the step of a spike, as the probe of a real Loihi 2
does; * a small CNN (tiny.net): spikes of the output layer, from training with SLAYER; *
NTIDIGITS: a network with axonal delays up to 62 steps, output spikes of 3000 steps.

Compared is what one sample says: the first 16 steps of each PilotNet layer, counted from
the step in which its input can first arrive. After those the recording goes on with a
second sample whose frame has no silent steps, which a deployed network does not do. Exits
with 1 if anything differs.
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from snn_deploy.arrays import AnyArray
from snn_deploy.frontends.netx.read_netx import read_netx
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy_backends.lava.states import states

REQUIREMENT = "lava-dl==0.6.0"
INSIDE = "tests/lava/lib/dl/netx/"  # of the wheel
PILOTNET_STEPS = 16  # of one sample, test_hdf5_nx.py: steps_per_sample
SPIKE_MARK = (
    128  # what a Loihi 2's membrane register shows in the step of a spike, for our 0
)
NTIDIGITS_LATE = (
    4  # steps by which that recording lags: one per layer, and one of SLAYER's own
)
PILOTNET = {  # layer of the file -> name of its ground truth
    0: "input",
    **{i: f"conv-{i - 1}" for i in range(1, 6)},
    **{i: f"fc-{i - 7}" for i in range(7, 10)},
}
Row = tuple[
    str, str, int, int, int
]  # network, what, differing, compared, not zero in the truth


def main() -> int:
    """Print one row per comparison; return 1 if anything differs."""
    parser = argparse.ArgumentParser(description="Compare with lava-dl's ground truth.")
    parser.add_argument("--wheel", type=Path)
    options = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = unpack(options.wheel or download(Path(scratch)), Path(scratch))
        print(f"{'network':12} {'what':18} {'differ':>8} {'compared':>10} {'not zero':>9}")
        for network, what, differ, compared, busy in rows(folder):
            print(f"{network:12} {what:18} {differ:8} {compared:10} {busy:9}", flush=True)
            wrong += differ + (busy == 0)
    print("all equal" if wrong == 0 else f"{wrong} values differ")
    return min(wrong, 1)


def download(folder: Path) -> Path:
    """Fetch the wheel, without what it depends on."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--python-version", "3.10", "--only-binary=:all:", "--dest", str(folder)]
    subprocess.run([*command, REQUIREMENT], check=True)
    (wheel,) = folder.glob("lava_dl-*.whl")
    return wheel


def unpack(wheel: Path, folder: Path) -> Path:
    """Unpack the networks and their ground truth; return their folder."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [n for n in archive.namelist() if n.startswith(INSIDE)])
    return folder / INSIDE


def rows(folder: Path) -> Iterator[Row]:
    """Yield every comparison."""
    yield from pilotnet(folder / "gts" / "pilotnet_lif")
    yield from tiny(folder)
    yield from ntidigits(folder / "gts" / "ntidigits")


def pilotnet(folder: Path) -> Iterator[Row]:
    """Yield spikes, currents and membranes of each layer of PilotNet-LIF."""
    net = read_netx(folder / "network.net")
    result = driven(net, np.load(folder / "image.npy"), PILOTNET_STEPS)
    levels = {p.name: p.lag for p in net.populations}
    for layer, name in PILOTNET.items():
        key = f"layer {layer}"
        for state, suffix in {"s": "", "u": "-u", "v": "-v"}.items():
            file = folder / f"{name}{suffix}.npy"
            if not file.exists():  # the input has no currents
                continue
            truth = np.load(file)
            level = levels[key]
            window = steps_first(truth)[level : level + PILOTNET_STEPS]
            ours = result[key][state][0, : len(window)]
            if state == "v":
                ours = ours + SPIKE_MARK * result[key]["s"][0, : len(window)]
            yield compare("PilotNet", f"{name} {state}", ours, window)


def tiny(folder: Path) -> Iterator[Row]:
    """Yield the output spikes of the small CNN; SLAYER counts one step late."""
    net = read_netx(folder / "tiny.net")
    truth = np.load(folder / "gts/tinynet/output.npy")[0]  # [C, H, W, T]
    steps = truth.shape[-1]
    result = driven(net, np.load(folder / "gts/tinynet/input_bias.npy"), steps)
    ours = result[net.outputs[0]]["s"][0]
    window = truth.reshape(-1, steps).T[1:]
    yield compare("tiny CNN", "output s", ours[: len(window)], window)


def ntidigits(folder: Path) -> Iterator[Row]:
    """Yield the output spikes of the network with axonal delays."""
    net = read_netx(folder / "ntidigits.net")
    spikes = np.load(folder / "input.npy").T[None].astype(np.int8)
    given = Stimulus(1, spikes.shape[1], {"input": spikes}, {})
    ours = states(net, given, 1)[net.outputs[0]]["s"][0]
    truth = np.load(folder / "output.npy").T[NTIDIGITS_LATE:]
    yield compare("NTIDIGITS", "output s", ours[: len(truth)], truth)


def driven(
    net: QuantNetwork, image: AnyArray, steps: int
) -> dict[str, dict[str, AnyArray]]:
    """Return all states for one image [x, y, channel] of bias mantissas in the input
    layer.
    """
    bias = image.transpose(2, 1, 0).reshape(1, -1).astype(np.int64) << 6
    return states(net, Stimulus(1, steps, {}, {net.populations[0].name: bias}), 1)


def steps_first(truth: AnyArray) -> AnyArray:
    """Return a recording [x, y, channel, T] or [n, T] as [T, n] in our order."""
    return truth.reshape(-1, truth.shape[-1]).T if truth.ndim == 2 else flat_images(truth)


def flat_images(truth: AnyArray) -> AnyArray:
    """Return [x, y, channel, T] as [T, channel * y * x]."""
    return truth.transpose(3, 2, 1, 0).reshape(truth.shape[-1], -1)


def compare(network: str, what: str, ours: AnyArray, truth: AnyArray) -> Row:
    """Return how many values differ."""
    differ = int(np.count_nonzero(ours != truth))
    return network, what, differ, int(truth.size), int(np.count_nonzero(truth))


if __name__ == "__main__":
    sys.exit(main())
