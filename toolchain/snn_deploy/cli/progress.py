"""Progress on a terminal: the stage at work, and of batches how far it is."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table

from snn_deploy.evaluation.progress import Progress, unheard


@contextmanager
def progress() -> Iterator[Progress]:
    """Give a function that shows the stage at work, and of batches how far it is, on stderr
    and only on a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield unheard
        return
    with console.status("starting") as status:
        yield lambda stage: status.update(_with_bar(stage))


def _with_bar(stage: str) -> RenderableType:
    """Return "simulate 30/450" with a bar of 30 parts in 450, other text as it is."""
    counted = re.fullmatch(r"(.+) (\d+)/(\d+)", stage)
    if counted is None:
        return stage
    name, done, total = counted.groups()
    row = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=float(total), completed=float(done), width=30)
    row.add_row(name, bar, f"{done} of {total} samples")
    return row
