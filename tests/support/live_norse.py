"""Modules of Norse, as `live_modules.Case`s."""

from typing import Any

import numpy as np
import torch

from support import live_modules as live

NORSE_DT = 1 / 1024


def tensor(value: float) -> Any:
    return torch.tensor(value, dtype=torch.float64)


def norse_cell(kind: str, *sizes: int, **more: float) -> Any:
    """Return a cell whose shares of a step are powers of two."""
    import norse.torch as nt

    own: dict[str, Any] = {"tau_mem_inv": 512.0, "v_th": 1.0, "v_reset": 0.0, "v_leak": 0.0}
    cuba = kind.startswith(("LIFCell", "LIFRecurrent")) or kind in ("LIF", "LI", "LICell")
    if cuba:
        own["tau_syn_inv"] = 256.0
    family = {"LIFBoxCell": nt.LIFBoxParameters, "LIBoxCell": nt.LIBoxParameters}
    family |= {"IAFCell": nt.IAFParameters, "IAF": nt.IAFParameters}
    family |= {"LI": nt.LIParameters, "LICell": nt.LIParameters}
    made = family.get(kind, nt.LIFParameters)
    reset = more.pop("reset_method", None)
    values = {k: tensor(v) for k, v in (own | more).items() if k in made._fields}
    if reset is not None:
        values["reset_method"] = reset
    return getattr(nt, kind)(*sizes, p=made(**values), dt=NORSE_DT)


def norse_fc(kind: str, scale: float, **more: Any) -> live.Build:
    def build(rng: np.random.Generator) -> Any:
        import norse.torch as nt

        return nt.SequentialState(
            live.linear(rng, 20, live.WIDTH, scale), norse_cell(kind, **more), live.Cast(),
            live.linear(rng, live.WIDTH, live.WIDTH, 2 * scale), norse_cell(kind, **more),
        )  # fmt: skip

    return build


def norse_soft(rng: np.random.Generator) -> Any:
    import norse.torch.functional.reset as reset

    return norse_fc("LIFBoxCell", 1.0, reset_method=reset.reset_subtract)(rng)


def norse_conv(rng: np.random.Generator) -> Any:
    import norse.torch as nt

    return nt.SequentialState(
        live.conv2d(rng, 2, 4, 3, padding=1, bias=False), live.batch_norm(torch.nn.BatchNorm2d(4), rng),
        norse_cell("LIFBoxCell"), live.Cast(), torch.nn.MaxPool2d(2), live.conv2d(rng, 4, 8, 3, padding=1),
        norse_cell("IAFCell"), live.Cast(), torch.nn.AvgPool2d(2), torch.nn.Flatten(),
        live.linear(rng, 32, live.WIDTH, 1 / 4), norse_cell("IAFCell"),
    )  # fmt: skip


def norse_recurrent(kind: str) -> live.Build:
    def build(rng: np.random.Generator) -> Any:
        import norse.torch as nt

        layer = norse_cell(kind, 20, live.WIDTH)
        with torch.no_grad():
            layer.input_weights.data = torch.tensor(
                rng.integers(-4, 8, (live.WIDTH, 20)) / 16
            )
            back = torch.tensor(rng.integers(-4, 4, (live.WIDTH, live.WIDTH)) / 32)
            layer.recurrent_weights.data = back
        return nt.SequentialState(layer)

    return build


def norse_loop(rng: np.random.Generator) -> Any:
    """RecurrentSequential: the output of the last layer back into the first."""
    import norse.torch as nt

    return nt.RecurrentSequential(
        live.linear(rng, live.WIDTH, live.WIDTH, 1 / 4), norse_cell("IAFCell"), live.Cast(),
        live.linear(rng, live.WIDTH, live.WIDTH, 1 / 8), norse_cell("IAFCell"), live.Cast(),
    )  # fmt: skip


class NorseSkip(torch.nn.Module):
    """A skip edge in a module that passes its states on."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.fc1, self.first = (
            live.linear(rng, 20, live.WIDTH, 1.0),
            norse_cell("LIFBoxCell"),
        )
        self.fc2, self.second = (
            live.linear(rng, live.WIDTH, live.WIDTH, 1 / 2),
            norse_cell("LIFBoxCell"),
        )

    def forward(self, x: Any, state: Any = None) -> Any:
        one, two = (None, None) if state is None else state
        hidden, one = self.first(self.fc1(x), one)
        out, two = self.second(self.fc2(hidden.double()) + hidden.double(), two)
        return out, (one, two)


class NorseMixer(torch.nn.Module):
    """`live_modules.Mixer` in a module that passes its states on."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        tokens, channels = live.SEQUENCE
        self.embed, self.first = (
            live.linear(rng, channels, 8, 1.0),
            norse_cell("LIFBoxCell"),
        )
        self.across, self.mixed = (
            live.linear(rng, tokens, tokens, 2.0),
            norse_cell("LIFBoxCell"),
        )
        self.along, self.last = live.linear(rng, 8, 8, 2.0), norse_cell("LIFBoxCell")

    def forward(self, x: Any, state: Any = None) -> Any:
        one, two, three = (None, None, None) if state is None else state
        hidden, one = self.first(self.embed(x), one)
        turned, two = self.mixed(self.across(hidden.double().transpose(-1, -2)), two)
        summed = self.along(turned.double().transpose(-1, -2)) + hidden.double()
        out, three = self.last(summed, three)
        return out, (one, two, three)


def norse_line(rng: np.random.Generator) -> Any:
    import norse.torch as nt

    return nt.SequentialState(
        live.dyadic(torch.nn.Conv1d(4, 8, 5, padding=2, groups=2, stride=2), rng, 1.0), norse_cell("LIFBoxCell"),
        live.Cast(), torch.nn.AvgPool1d(2, padding=1, count_include_pad=False), torch.nn.Flatten(),
        live.linear(rng, 88, live.WIDTH, 1 / 4), norse_cell("IAFCell"),
    )  # fmt: skip


def norse_sequence(rng: np.random.Generator) -> Any:
    import norse.torch as nt

    return nt.SequentialState(
        nt.Lift(live.conv2d(rng, 2, 4, 3, padding=1, stride=2, scale=0.5)), norse_cell("LIF"), live.Cast(),
        torch.nn.Flatten(2), live.linear(rng, 64, live.WIDTH, 1 / 8), norse_cell("LIF"),
    )  # fmt: skip


CASES = (
    live.Case("Norse", live.LIF, "LIFBoxCell", norse_fc("LIFBoxCell", 1 / 2), layout="state"),
    live.Case("Norse", live.LIF, "LIFBoxCell subtract", norse_soft, layout="state"),
    live.Case("Norse", live.LIF, "leak and reset not 0", norse_fc("LIFBoxCell", 1 / 2, v_leak=0.125, v_reset=-0.25), layout="state"),
    live.Case("Norse", live.LIF, "IAFCell", norse_fc("IAFCell", 1 / 8), layout="state"),
    live.Case("Norse", live.CUBA, "LIFCell", norse_fc("LIFCell", 1 / 8), layout="state"),
    live.Case("Norse", live.CONV, "BatchNorm MaxPool", norse_conv, live.IMAGE, layout="state"),
    live.Case("Norse", live.CONV, "LIF of sequences, Lift", norse_sequence, live.IMAGE, layout="TBstate"),
    live.Case("Norse", live.LOOP, "LIFRecurrentCell", norse_recurrent("LIFRecurrentCell"), layout="state"),
    live.Case("Norse", live.LOOP, "LIFRecurrent", norse_recurrent("LIFRecurrent"), layout="TBstate"),
    live.Case("Norse", live.LOOP, "RecurrentSequential", norse_loop, (live.WIDTH,), layout="state"),
    live.Case("Norse", live.SKIP, "LIFBoxCell", NorseSkip, layout="state"),
    live.Case("Norse", live.CONV, "Conv1d groups, AvgPool1d padding", norse_line, (4, 40), layout="state"),
    live.Case("Norse", live.TOKENS, "LIFBoxCell, Linear per token", NorseMixer, live.SEQUENCE, layout="state"),
)  # fmt: skip
