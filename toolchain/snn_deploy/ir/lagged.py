"""What float and integer networks have in common: names looked up, and lags on the chip."""

from typing import Generic, Protocol, TypeVar

from snn_deploy.ir.order import Edge, HasName


class LaggedNode(HasName, Protocol):
    """An input or a population of a network for a chip.

    Attributes:
        lag: Chip steps by which it runs behind the model step.
    """

    @property
    def lag(self) -> int: ...


N = TypeVar("N", bound=LaggedNode)
P = TypeVar("P", bound=Edge)


class Lagged(Generic[N, P]):
    """A network of populations N and projections P, as the subclass states them.

    Attributes:
        inputs: What comes from outside.
        populations: All of them.
        projections: All of them.
        outputs: Names of the populations that are read out.
    """

    inputs: tuple[LaggedNode, ...]
    populations: tuple[N, ...]
    projections: tuple[P, ...]
    outputs: tuple[str, ...]

    def population(self, name: str) -> N:
        """Return the population called `name`; KeyError if there is none."""
        return {p.name: p for p in self.populations}[name]

    def into(self, name: str) -> tuple[P, ...]:
        """Return the projections that end in `name`, in their order."""
        return tuple(p for p in self.projections if p.post == name)

    def lag(self, name: str) -> int:
        """Return the lag of the input or population called `name`."""
        nodes: tuple[LaggedNode, ...] = (*self.inputs, *self.populations)
        return {n.name: n.lag for n in nodes}[name]

    def chip_delay(self, projection: P) -> int:
        """Return the steps from a spike to its arrival on the chip (>= 1 after
        `retime`)."""
        return projection.delay + self.lag(projection.post) - self.lag(projection.pre)

    @property
    def latency(self) -> int:
        """Chip steps by which the last output runs behind its input."""
        return max((self.lag(name) for name in self.outputs), default=0)
