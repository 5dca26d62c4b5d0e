"""Which backends there are, by name; imported only once they are used.

Ours are a table; others add theirs as entry points of the group `snn_deploy.backends`,
under a name that is still free.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from snn_deploy.errors import InputError, option
from snn_deploy.options.base import Options

if TYPE_CHECKING:
    from snn_deploy.backend import Backend

PARTS = ("own_options", "check", "emit", "run", "verify")  # of a backend.Backend
GROUP = "snn_deploy.backends"  # entry points of others
BUILT_IN = {"lava": "snn_deploy_backends.lava.backend"}
# Where our backends state their options: light modules, read for every --help.
OPTIONS = {"lava": "snn_deploy_backends.lava.options"}


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


def load_backend(name: str, asked_by: str = "backend") -> "Backend":
    """Import the backend called `name`.

    Args:
        name: As in the table, or of an entry point.
        asked_by: The option that names it, for messages.

    Raises:
        InputError: There is none of that name, or it cannot be imported.
    """
    modules = backend_modules()
    if name not in modules:
        close = get_close_matches(name, modules, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise InputError(
            f"{option(asked_by, name)}: no such backend{hint}; there are: "
            f"{', '.join(sorted(modules))}"
        )
    try:
        found = _imported(modules[name])
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"backend {name!r}: {modules[name]} cannot be imported ({error}); install it "
            f"again, or remove it"
        ) from error
    missing = [part for part in PARTS if not hasattr(found, part)]
    if missing:
        raise InputError(
            f"backend {name!r}: {modules[name]} has no {', no '.join(missing)}; a backend "
            f"has {', '.join(PARTS)} (see docs/backends.md)"
        )
    return cast("Backend", found)


def _imported(value: str) -> object:
    """Return what an entry point names: a module, or MODULE:OBJECT."""
    module, _, path = value.partition(":")
    found: object = import_module(module)
    for part in filter(None, path.split(".")):
        found = getattr(found, part)
    return found


def backend_options(names: Iterable[str]) -> dict[str, type[Options]]:
    """Return the options of our backends and of those called `names`, by backend.

    Raises:
        InputError: There is no backend of such a name.
    """
    ours = {name: import_module(module).own_options for name, module in OPTIONS.items()}
    others = {n: load_backend(n).own_options for n in names if n not in OPTIONS}
    return ours | others
