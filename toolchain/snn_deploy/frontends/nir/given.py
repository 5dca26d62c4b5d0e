"""What is said of how a file is meant: by the user, or by the file itself.

Our own writer leaves the options that the file has to be read with in its metadata. What
the user says stands above that; a user's profile that is another than the file's makes the
rest of the file's words void, since they were meant together.
"""

from dataclasses import dataclass
from typing import Any, get_args

from snn_deploy.errors import InputError, option
from snn_deploy.ir.network import Assumption
from snn_deploy.names import DecoderName
from snn_deploy.options.base import fields_of
from snn_deploy.options.reading import ReadingOptions

USER, FILE = "given by the user", "the file says so; snn-deploy wrote it"


@dataclass(frozen=True)
class Given:
    """What was said.

    Attributes:
        options: What the user gave, and what the file says where the user gave nothing.
        by_file: Names of those that the file says.
        decoder: How the answer is read, if the file says so.
        assumptions: Where the user says something else than the file.
    """

    options: ReadingOptions
    by_file: frozenset[str] = frozenset()
    decoder: DecoderName | None = None
    assumptions: tuple[Assumption, ...] = ()

    def why(self, name: str) -> str:
        """Return who gave an option."""
        return FILE if name in self.by_file else USER


def given(user: ReadingOptions, read_with: str | None) -> Given:
    """Return what the user says together with what the file says.

    read_with: options as on the command line, unchecked; what they are not is ignored.
    """
    said = _parsed(read_with or "")
    decoder = said.pop("decode", None)
    contradicted = {
        name: value
        for name, value in said.items()
        if getattr(user, name) not in (None, value)
    }
    own = "the file's own words"
    noted = tuple(
        Assumption(own, option(name, value), f"but {USER}: {getattr(user, name)}")
        for name, value in contradicted.items()
    )
    if "profile" in contradicted:
        return Given(user, assumptions=noted)
    more = {name: v for name, v in said.items() if getattr(user, name) is None}
    both = {f.name: getattr(user, f.name) for f in fields_of(ReadingOptions)} | more
    return Given(ReadingOptions(**both), frozenset(more), decoder, noted)


def _parsed(text: str) -> dict[str, Any]:
    """Return options by name, each with a value that can be."""
    words = text.split()
    known = {f.name: f for f in fields_of(ReadingOptions)}
    found: dict[str, Any] = {}
    for flag, value in zip(words[::2], words[1::2], strict=False):
        name = flag.removeprefix("--").replace("-", "_")
        if name == "decode" and value in get_args(DecoderName):
            found[name] = value
        if name in known:
            try:
                found[name] = known[name].of_text(value)
            except InputError:
                return {}
    return found
