"""What a backend is, and which there are.

Ours are a table of lazy imports; others may add theirs as entry points of the group
`snn_deploy.backends`, under a name that is still free.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, cast

from snn_deploy.errors import InputError
from snn_deploy.ir.activity import Recording
from snn_deploy.ir.program import Program
from snn_deploy.ir.quant import QuantNetwork, Stimulus

GROUP = "snn_deploy.backends"  # entry points of others
BUILT_IN = {"lava": "snn_deploy_backends.lava"}


class Backend(Protocol):
    """Writes a program for one kind of chip; a module with these functions is one.

    A backend never changes numbers: what it cannot express it refuses, so that the same
    network means the same thing on every target.
    """

    def check(self, net: QuantNetwork) -> tuple[str, ...]:
        """Return everything this backend cannot express, one sentence each."""
        ...

    def render(
        self, program: Program | QuantNetwork, stimulus: Stimulus, expected: Recording
    ) -> dict[str, bytes]:
        """Return the files of the program by their path, nothing written."""
        ...

    def emit(
        self,
        program: Program | QuantNetwork,
        stimulus: Stimulus,
        expected: Recording,
        out_dir: Path,
    ) -> tuple[Path, ...]:
        """Write the program into `out_dir` and return its files, entry point first."""
        ...


def backend_modules() -> Mapping[str, str]:
    """Return the module of each backend by its name.

    Raises:
        InputError: Two packages offer a backend of the same name.
    """
    found = dict(BUILT_IN)
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name, p.value)):
        if found.get(point.name, point.value) != point.value:
            raise InputError(
                f"backend {point.name!r}: offered by {found[point.name]} and by "
                f"{point.value}; uninstall one of them"
            )
        found[point.name] = point.value
    return found


def load_backend(name: str) -> Backend:
    """Import the backend called `name`.

    Raises:
        InputError: There is none of that name.
    """
    modules = backend_modules()
    if name not in modules:
        close = get_close_matches(name, modules, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise InputError(
            f"no backend {name!r}{hint}; there are: {', '.join(sorted(modules))}"
        )
    return cast(Backend, import_module(modules[name]))
