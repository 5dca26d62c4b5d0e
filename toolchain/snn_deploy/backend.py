"""What a backend is: a module, or any object, that writes programs for one kind of chip and
can run them.

A backend never changes numbers: what it cannot express it refuses, so that the same network
means the same thing on every target. It writes no file and prints nothing; the toolchain
writes what `emit` returns, whole or not at all, and keeps a manifest of it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from snn_deploy.ir.activity import Recording
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy.options.base import Options


class VerifiedPopulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One population of an emitted program.

    Attributes:
        population: Its name in the model.
        process: What it became in the program.
        values: How many values of all its states and spikes were compared.
        spikes: Of all samples and steps compared.
        mismatches: Values that differ, by state.
    """

    population: str
    process: str
    values: int
    spikes: int
    mismatches: dict[str, int]


class Verified(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An emitted program, really run, against the integer simulator.

    Attributes:
        backend: Whose program it is.
        version: Of what ran it.
        samples: That were run.
        steps: Model steps of each.
        values: All currents, membranes and spikes that were compared.
        mismatches: Of them, how many differ; 0 is what has to be.
        spikes: Among them, so that two dead networks are not taken for equal ones.
        populations: The same for each population.
        sentences: The result in words: a line for all, one per population that differs.
    """

    backend: str
    version: str
    samples: int
    steps: int
    values: int
    mismatches: int
    spikes: int
    populations: tuple[VerifiedPopulation, ...]
    sentences: tuple[str, ...]


class Ran(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run of an emitted program on recorded samples.

    Attributes:
        version: Of what ran it.
        facts: By name, e.g. the share of output values that are as recorded, and seconds.
    """

    version: str
    facts: dict[str, float]


class Backend(Protocol):
    """Writes programs for one kind of chip, and runs them; a module with these names is
    one."""

    @property
    def own_options(self) -> type[Options]:
        """The options of its own; `snn_deploy.options.base.Options` if it has none."""
        ...

    def check(self, net: QuantNetwork) -> tuple[str, ...]:
        """Return everything this backend cannot express, one sentence each."""
        ...

    def emit(
        self, program: Program, stimulus: Stimulus, expected: Recording
    ) -> Mapping[str, bytes]:
        """Return the files of the program by their path in the folder.

        Args:
            program: The network on its cores.
            stimulus: Recorded samples that the program brings along.
            expected: What every output is to give on them.
        """
        ...

    def verify(self, folder: Path, options: Any) -> Verified:
        """Run the program in `folder` and compare every state and spike with our integers.

        Args:
            folder: Holds the files that `emit` returned.
            options: One of `own_options`.

        Raises:
            InputError: It is no such program, or cannot be run here.
        """
        ...

    def run(
        self,
        folder: Path,
        options: Any,
        *,
        samples: int | None,
        steps: int | None,
        floating: bool,
    ) -> Ran:
        """Run the program in `folder` and say how its outputs compare.

        Args:
            folder: Holds the files that `emit` returned.
            options: One of `own_options`.
            samples: How many of the recorded ones; all if None.
            steps: Of each sample; all if None.
            floating: Without rounding, where the program has such a form.

        Raises:
            InputError: It is no such program, or cannot be run here.
        """
        ...


@runtime_checkable
class Installable(Protocol):
    """A backend that needs something installed to run its programs."""

    def status(self) -> tuple[str, str, bool]:
        """Return what it needs, what of it is here, and whether that is enough."""
        ...

    def install(self) -> None:
        """Set up what it needs.

        Raises:
            InputError: That failed; says why and what to do.
        """
        ...
