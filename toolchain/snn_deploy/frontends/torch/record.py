"""record: what the neurons of a live module send, by the names of their populations.

The module is run as it is, on numbers, with a hook on every layer of neurons; so what is
recorded is the framework's own answer, not ours. It is what `--framework-trace` takes.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from snn_deploy.arrays import AnyArray
from snn_deploy.errors import InputError
from snn_deploy.frontends.torch.from_torch import from_torch, is_squeezed, time_axis
from snn_deploy.ir.network import Network, Population
from snn_deploy.neurons import MultiLevel

RESETS = ("reset_mem", "reset_states", "reset")  # snnTorch, sinabs, SpikingJelly


def record(
    module: torch.nn.Module,
    x: Any,
    *,
    net: Network | None = None,
    run: Callable[[torch.nn.Module, torch.Tensor], Any] | None = None,
) -> Mapping[str, AnyArray]:
    """Return what each population of `module` sends for x, [N, T, *shape], from rest.

    x: spikes or values [N, T, *shape of the input], an array or a tensor. net: what
    from_torch made of the module; None: made here. run: runs the module once on all of x,
    for a forward that loops over time itself or takes more than its input and a state;
    None: step by step, or at once where the neurons take sequences. Spikes are counted (0,
    1, or how many); readouts give their membrane. Populations that are no module of their
    own, as maxima of spikes, are left out.

    Raises:
        InputError: The module cannot be converted, or is not run once per step of x.
    """
    data = torch.as_tensor(x).to(_dtype(module))
    if data.dim() < 3:
        raise InputError(
            f"record: x is {list(data.shape)}; give [samples, steps, *shape of the input]"
        )
    net = from_torch(module, _arranged(module, data, whole=False)) if net is None else net
    _rest(module)
    with torch.no_grad(), _listening(module, net) as heard:
        (run or _run)(module, data)
    _rest(module)
    return {
        name: _output(net.population(name), outputs, module, data)
        for name, outputs in heard.items()
        if outputs
    }


def _dtype(module: torch.nn.Module) -> torch.dtype:
    kinds = [p.dtype for p in module.parameters() if p.dtype.is_floating_point]
    return kinds[0] if kinds else torch.float32


def _rest(module: torch.nn.Module) -> None:
    """Put all neurons to rest; Norse keeps its states outside of its modules."""
    for m in module.modules():
        if type(m).__module__.startswith("torch."):
            continue
        for method in RESETS:
            if hasattr(m, method):
                getattr(m, method)()
                break


@contextmanager
def _listening(
    module: torch.nn.Module, net: Network
) -> Iterator[dict[str, list[torch.Tensor]]]:
    """Give a list per population, to which every call of its module adds what it sent."""
    spiking = {p.name: p.neuron.spiking for p in net.populations}
    heard: dict[str, list[torch.Tensor]] = {}
    hooks = []
    for path, m in module.named_modules():
        name = path or type(m).__name__.lower()
        if name in spiking:
            heard[name] = []
            hooks.append(m.register_forward_hook(_hook(heard[name], m, spiking[name])))
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


def _hook(
    outputs: list[torch.Tensor], module: torch.nn.Module, spiking: bool
) -> Callable[..., None]:
    """snnTorch returns (spikes, ..., membrane), all others what they send first."""
    last = not spiking and type(module).__module__.startswith("snntorch")

    def hear(m: torch.nn.Module, args: Any, out: Any) -> None:
        if isinstance(out, tuple):
            out = out[-1 if last else 0]
        outputs.append(out.detach().clone())

    return hear


def _arranged(module: torch.nn.Module, data: torch.Tensor, *, whole: bool) -> torch.Tensor:
    """Return x as forward takes it: a sequence, or one step unless all is wanted."""
    time = time_axis(module)
    if time is not None:
        return data.transpose(0, 1) if time == 0 else data
    if any(is_squeezed(m) for m in module.modules()):
        return data.flatten(0, 1)
    return data if whole else data[:, 0]


def _run(module: torch.nn.Module, data: torch.Tensor) -> None:
    takes_steps = time_axis(module) is None
    if not takes_steps or any(is_squeezed(m) for m in module.modules()):
        module(_arranged(module, data, whole=True))
        return
    keeps_state = "state" in inspect.signature(module.forward).parameters
    state = None
    for step in data.unbind(1):
        if keeps_state:
            _, state = module(step, state)
        else:
            module(step)


def _output(
    pop: Population,
    outputs: list[torch.Tensor],
    module: torch.nn.Module,
    data: torch.Tensor,
) -> AnyArray:
    """Return the calls of one module as [N, T, *shape]."""
    samples, steps = data.shape[:2]
    shape = (samples, steps, *pop.shape)
    if len(outputs) == steps and outputs[0].numel() * steps == np.prod(shape):
        made = torch.stack([o.reshape(samples, *pop.shape) for o in outputs], dim=1)
    elif len(outputs) == 1 and outputs[0].numel() == np.prod(shape):
        first = outputs[0].transpose(0, 1) if time_axis(module) == 0 else outputs[0]
        made = first.reshape(shape)
    else:
        raise InputError(
            f"record: {pop.name!r} was called {len(outputs)} times, its first output "
            f"{list(outputs[0].shape)}, for {samples} samples of {steps} steps; give a "
            f"`run` that shows x once"
        )
    values: AnyArray = made.double().numpy()
    one = pop.neuron.spiking and not isinstance(pop.neuron, MultiLevel)
    return (values != 0).astype(np.float64) if one else values
