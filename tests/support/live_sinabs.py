"""Modules of sinabs, as `live_modules.Case`s."""

from typing import Any

import numpy as np
import torch

from support import live_modules as live

FLOOR = "falls no lower than"
ENDLESS = "inf levels in one step"


def sinabs_layer(
    kind: str,
    mem: float = 0.5,
    syn: float | None = None,
    most: int = 1,
    **more: Any,
) -> Any:
    """Return a layer of at most `most` spikes per step (0: as many as fit, sinabs' default);
    its decays set exactly."""
    import sinabs.activation as sa
    import sinabs.layers

    spiking: dict[str, Any] = {}
    if most:
        spiking["spike_fn"] = sa.SingleSpike if most == 1 else sa.MaxSpike(most)
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


def sinabs_fc(kind: str, scale: float, **more: Any) -> live.Build:
    def build(rng: np.random.Generator) -> Any:
        return torch.nn.Sequential(
            live.linear(rng, 20, live.WIDTH, scale), sinabs_layer(kind, **more), live.Cast(),
            live.linear(rng, live.WIDTH, live.WIDTH, 2 * scale), sinabs_layer(kind, **more),
        )  # fmt: skip

    return build


def sinabs_exponential(rng: np.random.Generator) -> Any:
    """Time constants as people give them: exp(-1 / tau) is not dyadic."""
    import sinabs.activation
    import sinabs.layers

    single = sinabs.activation.SingleSpike
    return torch.nn.Sequential(
        live.linear(rng, 20, live.WIDTH, 2.0), sinabs.layers.LIF(tau_mem=20.0, spike_fn=single).double(), live.Cast(),
        live.linear(rng, live.WIDTH, live.WIDTH, 2.0), sinabs.layers.LIF(tau_mem=7.0, spike_fn=single).double(),
    )  # fmt: skip


def sinabs_conv(rng: np.random.Generator) -> Any:
    import sinabs.layers

    return torch.nn.Sequential(
        live.conv2d(rng, 2, 4, 3, padding=1, bias=False), live.batch_norm(torch.nn.BatchNorm2d(4), rng),
        sinabs_layer("IAFSqueeze", batch_size=1), live.Cast(), torch.nn.MaxPool2d(2),
        live.conv2d(rng, 4, 8, 3, padding=1), sinabs_layer("IAFSqueeze", batch_size=1), live.Cast(),
        sinabs.layers.SumPool2d(2), torch.nn.Flatten(), live.linear(rng, 32, live.WIDTH, 1 / 16),
        sinabs_layer("LIFSqueeze", batch_size=1),
    )  # fmt: skip


def sinabs_conv_many(rng: np.random.Generator) -> Any:
    """Grouped convolution, pooling with padding, several spikes per step throughout."""
    import sinabs.layers

    return torch.nn.Sequential(
        live.conv2d(rng, 2, 4, 3, padding=1, bias=False), live.batch_norm(torch.nn.BatchNorm2d(4), rng),
        sinabs_layer("IAFSqueeze", batch_size=1, most=0), live.Cast(), torch.nn.AvgPool2d(2, padding=1),
        live.conv2d(rng, 4, 8, 3, padding=1, groups=2), sinabs_layer("IAFSqueeze", batch_size=1, most=0),
        live.Cast(), sinabs.layers.SumPool2d(2), torch.nn.Flatten(), live.linear(rng, 32, live.WIDTH, 1 / 8),
        sinabs_layer("IAFSqueeze", batch_size=1, most=0),
    )  # fmt: skip


def sinabs_line(rng: np.random.Generator) -> Any:
    return torch.nn.Sequential(
        live.dyadic(torch.nn.Conv1d(4, 8, 5, padding=2, groups=2, stride=2), rng, 1.0),
        sinabs_layer("IAFSqueeze", batch_size=1, most=0), live.Cast(), torch.nn.AvgPool1d(2, padding=1),
        torch.nn.Flatten(), live.linear(rng, 88, live.WIDTH, 1 / 4), sinabs_layer("IAFSqueeze", batch_size=1, most=0),
    )  # fmt: skip


def sinabs_recurrent(kind: str, scale: float = 1 / 4, **options: Any) -> live.Build:
    def build(rng: np.random.Generator) -> Any:
        back = torch.nn.Sequential(
            live.Cast(),
            torch.nn.Flatten(),
            live.linear(rng, live.WIDTH, live.WIDTH, 1 / 16),
        )
        more = {} if "IAF" in kind else {"norm_input": False}
        return torch.nn.Sequential(
            live.linear(rng, 20, live.WIDTH, scale),
            sinabs_layer(kind, rec_connect=back, **more, **options),
        )

    return build


class Merged(torch.nn.Module):
    """A skip edge through sinabs' Merge."""

    def __init__(
        self, rng: np.random.Generator, scale: float = 1 / 8, most: int = 1
    ) -> None:
        super().__init__()
        import sinabs.layers

        self.fc1, self.first = (
            live.linear(rng, 20, live.WIDTH, scale),
            sinabs_layer("IAF", most=most),
        )
        self.fc2, self.second = (
            live.linear(rng, live.WIDTH, live.WIDTH, 1 / 8),
            sinabs_layer("IAF", most=most),
        )
        self.merge = sinabs.layers.Merge()

    def forward(self, x: Any) -> Any:
        hidden = self.first(self.fc1(x)).double()
        return self.second(self.merge(self.fc2(hidden), hidden))


CASES = (
    live.Case("sinabs", live.LIF, "LIF", sinabs_fc("LIF", 1 / 2), layout="BT"),
    live.Case("sinabs", live.LIF, "LIF exp(-1/tau)", sinabs_exponential, layout="BT"),
    live.Case("sinabs", live.LIF, "IAF", sinabs_fc("IAF", 1 / 16), layout="BT"),
    live.Case("sinabs", live.LIF, "IAF MultiSpike", sinabs_fc("IAF", 1 / 4, most=0), layout="BT", most=4, refusal=ENDLESS),
    live.Case("sinabs", live.LIF, "IAF MultiSpike threshold 0.75", sinabs_fc("IAF", 1 / 4, most=0, spike_threshold=torch.tensor(0.75)), layout="BT", most=4, refusal=ENDLESS),
    live.Case("sinabs", live.LIF, "IAF MaxSpike(3)", sinabs_fc("IAF", 1 / 4, most=3), layout="BT", most=3),
    live.Case("sinabs", live.LIF, "IAF MultiSpike min_v_mem -1", sinabs_fc("IAF", 1 / 4, most=0, min_v_mem=-1.0), layout="BT", most=4, refusal=FLOOR),
    live.Case("sinabs", live.LIF, "LIF SingleSpike min_v_mem -0.25", sinabs_fc("LIF", 1 / 2, min_v_mem=-0.25), layout="BT", refusal=FLOOR),
    live.Case("sinabs", live.LIF, "LIF MultiSpike", sinabs_fc("LIF", 2.0, most=0), layout="BT", most=4, refusal=ENDLESS),
    live.Case("sinabs", live.CUBA, "LIF with tau_syn, MultiSpike", sinabs_fc("LIF", 1.0, syn=0.75, most=0), layout="BT", most=4, refusal=ENDLESS),
    live.Case("sinabs", live.CONV, "MultiSpike, groups, AvgPool padding", sinabs_conv_many, live.IMAGE, layout="flat", most=2, refusal=ENDLESS),
    live.Case("sinabs", live.LOOP, "LIFRecurrent MultiSpike", sinabs_recurrent("LIFRecurrent", 1.0, most=0), layout="BT", most=4, refusal=ENDLESS),
    live.Case("sinabs", live.LOOP, "IAFRecurrent MultiSpike", sinabs_recurrent("IAFRecurrent", 1.0, most=0), layout="BT", most=4, refusal=ENDLESS),
    live.Case("sinabs", live.SKIP, "Merge MultiSpike", lambda rng: Merged(rng, 1 / 2, most=0), layout="BT", most=4, refusal=ENDLESS),
    live.Case("sinabs", live.CUBA, "LIF with tau_syn", sinabs_fc("LIF", 1 / 4, syn=0.75), layout="BT"),
    live.Case("sinabs", live.CONV, "BatchNorm MaxPool SumPool, Squeeze", sinabs_conv, live.IMAGE, layout="flat"),
    live.Case("sinabs", live.LOOP, "LIFRecurrent", sinabs_recurrent("LIFRecurrent"), layout="BT"),
    live.Case("sinabs", live.LOOP, "IAFRecurrent", sinabs_recurrent("IAFRecurrent"), layout="BT"),
    live.Case("sinabs", live.SKIP, "Merge", Merged, layout="BT"),
    live.Case("sinabs", live.CONV, "Conv1d groups, AvgPool1d", sinabs_line, (4, 40), layout="flat", most=2, refusal=ENDLESS),
    live.Case("sinabs", live.TOKENS, "IAF, Linear per token", lambda rng: live.Mixer(rng, lambda: sinabs_layer("IAF"), 1 / 4), live.SEQUENCE, layout="BT"),
    live.Case("sinabs", live.TOKENS, "IAF MultiSpike", lambda rng: live.Mixer(rng, lambda: sinabs_layer("IAF", most=0), 1 / 2), live.SEQUENCE, layout="BT", most=2, refusal=ENDLESS),
)  # fmt: skip
