"""The verb `run`: an emitted program, run for real and compared with our integers."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from snn_deploy.cli.printing import print_json
from snn_deploy.errors import InputError, option
from snn_deploy.files.manifest import read_manifest
from snn_deploy.options.base import Options
from snn_deploy.options.running import RunningOptions
from snn_deploy.pipeline.backends import BUILT_IN, backend_options, load_backend
from snn_deploy.pipeline.emission import check_equal


def run_build_folder(
    folder: Path, options: RunningOptions, own: Mapping[str, Options], *, json: bool
) -> None:
    """Run `folder`; by default compare all recorded states, else the output of the samples.

    Args:
        folder: What a backend emitted; its manifest says which.
        options: How much is run.
        own: The options of our backends, by name.
        json: Print the result as JSON.

    Raises:
        InputError: No emitted program, nothing to run it with, or the program failed.
        MismatchError: Program and our integers differ, which is a bug.
    """
    found = read_manifest(folder)
    if found is not None and found.backend is None:
        raise InputError(
            f"{folder}: holds a report, but no emitted program; make one with "
            f"{option('backend', 'NAME')}"
        )
    name = found.backend if found and found.backend else next(iter(BUILT_IN))
    backend = load_backend(name)
    said = own[name] if name in own else backend_options([name])[name]()
    if options.changed():
        ran = backend.run(folder, said, **msgspec.structs.asdict(options))
        lines = [f"{fact}: {value}" for fact, value in ran.facts.items()]
        _print(name, ran.version, ran.facts, lines, json)
        return
    result = backend.verify(folder, said)
    facts = msgspec.to_builtins(result)
    _print(name, result.version, facts, result.sentences, json)
    check_equal(result, str(folder))


def _print(
    name: str, version: str, facts: object, lines: list[str] | tuple[str, ...], json: bool
) -> None:
    if json:
        print_json({name: version, "result": facts})
    else:
        print("\n".join([f"{name} {version}", *lines]))
