"""What a refusal advises, as options that can be followed.

A refusal says what is wrong, then "; " and what to do: alternatives are parted by ", or ",
flags of one alternative by " and "; "P needs ... as well" says what else profile P takes.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

# What stands for any value in an advice, and one that fits the files of the tests.
ANY = {"SECONDS": "1e-6", "VALUE": "-0.05"}


def advised(text: str) -> list[dict[str, Any]]:
    """Return every combination of options that a refusal offers, in the words of the
    command line; none if it offers none."""
    _, _, rest = text.partition("; ")
    clauses = rest.split("; ")
    needs: dict[str, str] = dict(re.findall(r"(\w+) needs (.*?) as well", rest))
    found: list[dict[str, Any]] = []
    for clause in clauses:
        if " needs " in clause:
            continue
        for alternative in clause.split(", or "):
            for options in _combinations(alternative):
                more = needs.get(options.get("profile", "nir"), "").split(", or ")
                also = [o for words in more for o in _combinations(words)]
                found += [options | extra for extra in also or [{}]]
    return found


def _combinations(words: str) -> list[dict[str, Any]]:
    """Return the options that stand in some words, each value of each with all others."""
    flags = list(_flags(words))
    if not flags:
        return []
    return [
        dict(zip([name for name, _ in flags], values, strict=True))
        for values in product(*(values for _, values in flags))
    ]


def _flags(words: str) -> Iterator[tuple[str, list[str]]]:
    for name, value in re.findall(r"--([a-z-]+) ([^\s,;)]+)", words):
        if re.fullmatch(r"[\w.|-]+", value) and value not in ("that", "as", "in"):
            yield name.replace("-", "_"), [ANY.get(v, v) for v in value.split("|")]
