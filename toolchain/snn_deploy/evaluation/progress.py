"""How long work tells that it goes on."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str], None]  # the stage at work, or what it does
BatchProgress: TypeAlias = Callable[[int, int], None]  # samples done, samples in all


def unheard(stage: str) -> None:
    """Tell nobody."""


def uncounted(done: int, total: int) -> None:
    """Tell nobody."""
