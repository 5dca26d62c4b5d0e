"""Programs outside Python that tests drive; without them, tests skip, but never in CI."""

import os
import shutil

import pytest


def program(*names: str) -> str:
    """Return the first of `names` that is installed."""
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return found
    message = f"none of {', '.join(names)} is installed; .ci/system-tools installs it"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
