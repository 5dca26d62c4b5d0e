"""Modules of sinabs, as `live_modules.Case`s."""

from typing import Any

import numpy as np
import torch

from live_modules import (
    CONV,
    CUBA,
    IMAGE,
    LIF,
    LOOP,
    SKIP,
    WIDTH,
    Build,
    Case,
    Cast,
    batch_norm,
    conv2d,
    linear,
)


def sinabs_layer(kind: str, mem: float = 0.5, syn: float | None = None, **more: Any) -> Any:
    """Return a layer of single spikes; its decays set exactly."""
    import sinabs.activation
    import sinabs.layers

    spiking = (
        {} if kind.startswith("ExpLeak") else {"spike_fn": sinabs.activation.SingleSpike}
    )
    options = {"train_alphas": True, "tau_mem": 1.0} if "IAF" not in kind else {}
    if syn is not None:
        options["tau_syn"] = 1.0
    made = getattr(sinabs.layers, kind)(**spiking, **options, **more).double()
    with torch.no_grad():
        if "IAF" not in kind:
            made.alpha_mem.fill_(mem)
        if syn is not None:
            made.alpha_syn.fill_(syn)
    return made


def sinabs_fc(kind: str, scale: float, **more: Any) -> Build:
    def build(rng: np.random.Generator) -> Any:
        return torch.nn.Sequential(
            linear(rng, 20, WIDTH, scale), sinabs_layer(kind, **more), Cast(),
            linear(rng, WIDTH, WIDTH, 2 * scale), sinabs_layer(kind, **more),
        )  # fmt: skip

    return build


def sinabs_exponential(rng: np.random.Generator) -> Any:
    """Time constants as people give them: exp(-1 / tau) is not dyadic."""
    import sinabs.activation
    import sinabs.layers

    single = sinabs.activation.SingleSpike
    return torch.nn.Sequential(
        linear(rng, 20, WIDTH, 2.0), sinabs.layers.LIF(tau_mem=20.0, spike_fn=single).double(), Cast(),
        linear(rng, WIDTH, WIDTH, 2.0), sinabs.layers.LIF(tau_mem=7.0, spike_fn=single).double(),
    )  # fmt: skip


def sinabs_conv(rng: np.random.Generator) -> Any:
    import sinabs.layers

    return torch.nn.Sequential(
        conv2d(rng, 2, 4, 3, padding=1, bias=False), batch_norm(torch.nn.BatchNorm2d(4), rng),
        sinabs_layer("IAFSqueeze", batch_size=1), Cast(), torch.nn.MaxPool2d(2),
        conv2d(rng, 4, 8, 3, padding=1), sinabs_layer("IAFSqueeze", batch_size=1), Cast(),
        sinabs.layers.SumPool2d(2), torch.nn.Flatten(), linear(rng, 32, WIDTH, 1 / 16),
        sinabs_layer("LIFSqueeze", batch_size=1),
    )  # fmt: skip


def sinabs_recurrent(kind: str) -> Build:
    def build(rng: np.random.Generator) -> Any:
        back = torch.nn.Sequential(
            Cast(), torch.nn.Flatten(), linear(rng, WIDTH, WIDTH, 1 / 16)
        )
        more = {} if "IAF" in kind else {"norm_input": False}
        return torch.nn.Sequential(
            linear(rng, 20, WIDTH, 1 / 4), sinabs_layer(kind, rec_connect=back, **more)
        )

    return build


class Merged(torch.nn.Module):
    """A skip edge through sinabs' Merge."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        import sinabs.layers

        self.fc1, self.first = linear(rng, 20, WIDTH, 1 / 8), sinabs_layer("IAF")
        self.fc2, self.second = linear(rng, WIDTH, WIDTH, 1 / 8), sinabs_layer("IAF")
        self.merge = sinabs.layers.Merge()

    def forward(self, x: Any) -> Any:
        hidden = self.first(self.fc1(x)).double()
        return self.second(self.merge(self.fc2(hidden), hidden))


CASES = (
    Case("sinabs", LIF, "LIF", sinabs_fc("LIF", 1 / 2), layout="BT"),
    Case("sinabs", LIF, "LIF exp(-1/tau)", sinabs_exponential, layout="BT"),
    Case("sinabs", LIF, "IAF", sinabs_fc("IAF", 1 / 16), layout="BT"),
    Case("sinabs", CUBA, "LIF with tau_syn", sinabs_fc("LIF", 1 / 4, syn=0.75), layout="BT"),
    Case("sinabs", CONV, "BatchNorm MaxPool SumPool, Squeeze", sinabs_conv, IMAGE, layout="flat"),
    Case("sinabs", LOOP, "LIFRecurrent", sinabs_recurrent("LIFRecurrent"), layout="BT"),
    Case("sinabs", LOOP, "IAFRecurrent", sinabs_recurrent("IAFRecurrent"), layout="BT"),
    Case("sinabs", SKIP, "Merge", Merged, layout="BT"),
)  # fmt: skip
