"""The keywords that editors and type checkers know are made from the groups."""

import pytest

from support import keywords


def test_the_file_of_keywords_is_made_from_the_groups(
    request: pytest.FixtureRequest,
) -> None:
    wanted = keywords.text()
    if request.config.getoption("--update-golden"):
        keywords.FILE.write_text(wanted)
    assert keywords.FILE.read_text() == wanted, "run pytest --update-golden"
