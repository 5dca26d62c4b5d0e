"""One run of a module's forward with traced tensors: what was met, and what became of it.

Neurons are met in the order of their calls. A module whose forward loops over time calls
each of them once per step; the last step shows how it is wired (feedback of earlier steps
is not there yet in the first ones), and the earlier steps are held against it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import torch

from snn_deploy.arrays import FloatArray
from snn_deploy.errors import InputError
from snn_deploy.frontends.torch.signal import Maps, Signal, SignalTerm, increments
from snn_deploy.frontends.torch.tensor import Traced
from snn_deploy.ir.constants import unique_name
from snn_deploy.ir.network import Assumption, Population
from snn_deploy.names import DecoderName
from snn_deploy.neurons import Lif, MultiLevel

INPUT = "input"
MEMBRANE = "_mem"  # ends the name of a readout of the membrane of spiking neurons
Call: TypeAlias = Callable[
    ["Session", str, Any, tuple[Any, ...], dict[str, Any]], Any
]  # name, function, arguments -> what it makes of them
StepKey: TypeAlias = tuple[str, int, tuple[int, ...]]  # pre, delay, ids of the maps


@dataclass(frozen=True, eq=False)
class Wire:
    """A term as its target sees it: maps of what `pre` sent `delay` steps ago.

    Attributes:
        pre: A population, INPUT, or the stand-in of a loop.
        delay: Model steps; 0 is the step in which it arrives.
        maps: Applied in turn to the output of `pre`; empty is the identity. Told apart by
            identity, since `Maps` hands out each once.
    """

    pre: str
    delay: int
    maps: tuple[Any, ...]

    @property
    def key(self) -> StepKey:
        return self.pre, self.delay, tuple(map(id, self.maps))


@dataclass(frozen=True, eq=False)
class Arrivals:
    """What arrives at a population.

    Attributes:
        wires: All that depends on what others send.
        constants: (first, value [n]): the value arrives in every model step from `first`
            on.
    """

    wires: tuple[Wire, ...]
    constants: tuple[tuple[int, FloatArray], ...]


@dataclass
class Session:
    """What was met so far.

    Where the values of a dictionary are None, its keys are what counts, in the order in
    which they were met.

    Attributes:
        title: Class of the traced module, for messages.
        names: Path of each module within the traced one, by its id(); that one has none.
        dtype: Of the sample input, and of all traced tensors.
        functions: What torch's functions do to traced tensors (`functions.call`).
        maps: Where maps come from, each once.
        populations: By name, in the order of their first call.
        fed: What each population gets in its latest call, by its name.
        courses: The sum of the constants that each population got in each of its calls, by
            its name.
        calls: How often each population, or stand-in of a loop, was called, by its name;
            that is the step of its next call.
        loops: Outputs that are fed back one step later, by the name of their stand-in.
        neutral: Names of populations for which > and >= are the same, since their
            thresholds lie between two sums of spikes.
        unnamed: Names of populations that no module stands for, by what they are fed.
        unsupported: Modules and functions without equivalent, in words.
        refused: Sentences that say why the module cannot be converted.
        assumptions: Evidence of each assumption, by its name and value.
        frameworks: Names of those whose neurons were met.
        seconds: The time steps that neurons state (Norse's do), s.
        sample: Shape of the sample input.
        steps: How many steps the sample input holds; None if it is one step.
        sequences: Names of the populations that were called on whole sequences.
        membranes: Names of readouts of the membranes of neurons that also spike.
        decoders: How forward itself reads an output, by its name; None leaves it open.
    """

    title: str
    names: dict[int, str]
    dtype: torch.dtype
    functions: Call
    maps: Maps = field(default_factory=Maps)
    populations: dict[str, Population] = field(default_factory=dict)
    fed: dict[str, Arrivals] = field(default_factory=dict)
    courses: dict[str, list[FloatArray]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    loops: dict[str, Arrivals] = field(default_factory=dict)
    neutral: set[str] = field(default_factory=set)
    unnamed: dict[object, str] = field(default_factory=dict)
    unsupported: dict[str, None] = field(default_factory=dict)
    refused: dict[str, None] = field(default_factory=dict)
    assumptions: dict[tuple[str, str], str] = field(default_factory=dict)
    frameworks: dict[str, None] = field(default_factory=dict)
    seconds: dict[float, None] = field(default_factory=dict)
    sample: tuple[int, ...] = ()
    steps: int | None = None
    sequences: set[str] = field(default_factory=set)
    membranes: set[str] = field(default_factory=set)
    decoders: dict[str, DecoderName | None] = field(default_factory=dict)

    def call(
        self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Return what torch's function of this name makes of traced arguments."""
        return self.functions(self, name, func, args, kwargs)

    def name_of(self, module: Any) -> str:
        """Return the module's path, which names its population."""
        return self.names.get(id(module)) or type(module).__name__.lower()

    def assume(self, name: str, value: str, evidence: str) -> None:
        """Note a value that the module does not state."""
        self.assumptions.setdefault((name, value), evidence)

    def noted(self) -> tuple[Assumption, ...]:
        """Return what was assumed."""
        return tuple(Assumption(n, v, e) for (n, v), e in self.assumptions.items())

    def refuse(self, sentence: str) -> None:
        """Note a reason why the module cannot be converted; all are shown at the end."""
        self.refused.setdefault(sentence)

    def traced(self, signal: Signal, like: Traced) -> Traced:
        """Return a tensor that stands for `signal`, in batch and time as `like`."""
        return Traced.of(self, signal, like.lead, like.time, like.whole)

    def fire(
        self,
        module: Any,
        x: Traced,
        make: Callable[[tuple[int, ...]], Lif],
        recurrent: Callable[[Traced], Traced] | None = None,
        first_bias: int = 0,
        ending: str = "",
    ) -> Traced:
        """Return the output of the neurons of `module` for the input x of this step.

        make: the neurons for a shape. recurrent: what their own output becomes on the way
        back to them, one step later; first_bias: the step in which its bias begins.
        ending: of the population's name, for a module that becomes two.
        """
        name = self.name_of(module) + ending
        step = self.calls.get(name, 0)
        self._check_unsummed(name, x)
        if x.whole:
            self.sequences.add(name)
        if step and x.whole:
            raise InputError(
                f"{self.title}: {name!r} is called twice on a whole sequence, so that its "
                "state would pass from one to the other; use one module per layer"
            )
        self.calls[name] = step + 1
        if step == 0:
            self.populations[name] = Population(name, x.signal.shape, make(x.signal.shape))
        binary = _is_binary(self.populations[name].neuron)
        out = self.traced(
            Signal(x.signal.shape, (SignalTerm(name, (), step),), binary=binary), x
        )
        fed = arriving(x.signal, step)
        if recurrent is not None:
            fed = _joined(fed, self._own(name, recurrent, out, step, first_bias))
        self._settle(name, fed, step)
        return out

    def _check_unsummed(self, name: str, x: Traced) -> None:
        if x.signal.summed is not None:
            raise InputError(
                f"{self.title}: {name!r} takes a mean or sum over time, which exists only "
                "after the last step; put neurons before it"
            )

    @property
    def turns(self) -> int:
        """How many steps the trace has: those of the sample, or of the loop in forward."""
        loops = [n for name, n in self.calls.items() if name not in self.sequences]
        return self.steps or max(loops, default=1)

    def _own(
        self, name: str, recurrent: Callable[[Traced], Traced], out: Traced, step: int,
        first_bias: int,
    ) -> Arrivals:  # fmt: skip
        back = arriving(recurrent(out).signal, step)
        return Arrivals(
            tuple(replace(w, delay=w.delay + 1) for w in back.wires),
            tuple((first + first_bias, value) for first, value in back.constants),
        )

    def _settle(self, name: str, fed: Arrivals, step: int) -> None:
        """Keep what arrives; what arrived a step ago has to be the same, but for feedback
        that had not begun."""
        if any(w.delay < 0 for w in fed.wires):
            raise InputError(
                f"{self.title}: {name!r} takes in its step {step + 1} what is only there "
                "in a later one; loop over the steps in turn, from the first"
            )
        before = self.fed.get(name)
        own = [w.key for w in fed.wires]
        begun = [key for key in own if key[1] < step]
        if before is not None and [w.key for w in before.wires] not in (own, begun):
            raise InputError(
                f"{self.title}: {name!r} is fed differently in calls {step} and "
                f"{step + 1}; give each layer its own neurons and every step of the loop "
                "the same wiring"
            )
        course = self.courses.setdefault(name, [])
        course.append(_total(fed, step))
        if before is not None and not _same_constants(before, fed):
            later = tuple(c for c in fed.constants if c[0] > step)
            seen = tuple((c.first, c.value) for c in increments(course))
            fed = Arrivals(fed.wires, (*seen, *later))
        self.fed[name] = fed

    def functional(
        self, label: str, x: Traced, make: Callable[[tuple[int, ...]], Lif]
    ) -> Traced:
        """Return the output of stateless neurons that no module stands for.

        They are told apart by what they are fed, so that each step of a loop finds them.
        """
        self._check_unsummed(label, x)
        now = x.signal.step or 0
        fed = arriving(x.signal, now)
        key = (label, *(w.key for w in fed.wires))
        if key not in self.unnamed:
            taken = {*self.names.values(), *self.populations}
            self.unnamed[key] = unique_name(label, taken)
        name = self.unnamed[key]
        if name not in self.populations:
            self.populations[name] = Population(name, x.signal.shape, make(x.signal.shape))
            self.fed[name] = fed
        elif not _same_constants(self.fed[name], fed):
            raise InputError(
                f"{self.title}: {name!r} is fed other constants in step {now + 1} than in "
                "those before; give every step of the loop the same biases"
            )
        return self.traced(
            Signal(x.signal.shape, (SignalTerm(name, (), now),), binary=True), x
        )

    def loop(
        self,
        module: Any,
        x: Traced,
        shape: tuple[int, ...],
        body: Callable[[Traced], Traced],
    ) -> Traced:
        """Return body(y), where y is what this returned one step ago (zeros in the first).

        shape: of y.
        """
        name = f"previous:{self.name_of(module)}"
        step = self.calls.get(name, 0)
        self.calls[name] = step + 1
        before = self.traced(Signal(shape, (SignalTerm(name, (), step),)), x)
        out = body(before)
        self.loops[name] = arriving(out.signal, step)
        return out


def _is_binary(neuron: Lif) -> bool:
    if not isinstance(neuron, MultiLevel):
        return neuron.spiking
    return neuron.sliced or (neuron.least, neuron.most) == (0.0, 1.0)


def arriving(x: Signal, step: int) -> Arrivals:
    """Return what a population that takes x in `step` gets."""
    return Arrivals(
        tuple(Wire(t.pre, 0 if t.at is None else step - t.at, t.maps) for t in x.terms),
        tuple((c.first, c.value) for c in x.constants),
    )


def _total(fed: Arrivals, step: int) -> FloatArray:
    """Return the sum of the constants of a step, [n]; one 0 if there is none."""
    there = [value for first, value in fed.constants if first <= step]
    return np.sum(there, axis=0) if there else np.zeros(1)


def _same_constants(a: Arrivals, b: Arrivals) -> bool:
    return len(a.constants) == len(b.constants) and all(
        first == other and np.array_equal(value, second)
        for (first, value), (other, second) in zip(a.constants, b.constants, strict=True)
    )


def _joined(a: Arrivals, b: Arrivals) -> Arrivals:
    return Arrivals((*a.wires, *b.wires), (*a.constants, *b.constants))


def broadcast(value: Any, shape: Sequence[int]) -> FloatArray:
    """Return a parameter of neurons of this shape, one value each [n], as float64."""
    array = value.detach().cpu().double().numpy() if torch.is_tensor(value) else value
    try:
        wide = np.broadcast_to(np.asarray(array, np.float64), tuple(shape))
    except ValueError as error:
        raise InputError(
            f"a neuron parameter of shape {list(np.shape(array))} does not fit neurons "
            f"{list(shape)}; give one value, or one per neuron"
        ) from error
    return wide.ravel().copy()
