"""The command line in this process, as most tests call it."""

from pathlib import Path

from typer.testing import CliRunner, Result

from snn_deploy.cli.app import make_app

app = make_app()


def invoke(*words: str | Path) -> Result:
    """Return what `snn-deploy WORDS` prints and ends with."""
    return CliRunner().invoke(app, [str(word) for word in words])
