"""The verb `run`: an emitted program, run for real and compared with our integers."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from snn_deploy.cli.printing import print_json
from snn_deploy.errors import DeployError
from snn_deploy.files.manifest import read_manifest
from snn_deploy.options.base import Options
from snn_deploy.options.running import RunningOptions
from snn_deploy.pipeline.backends import BUILT_IN, backend_options, load_backend


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
        DeployError: Program and our integers differ, which is a bug.
    """
    found = read_manifest(folder)
    name = (found.backend if found else None) or next(iter(BUILT_IN))
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
    if result.mismatches:
        raise DeployError(
            f"{folder}: {name} and the integer simulator differ in {result.mismatches} "
            f"values; this is a bug in snn-deploy, please report it with this folder"
        )


def _print(
    name: str, version: str, facts: object, lines: list[str] | tuple[str, ...], json: bool
) -> None:
    if json:
        print_json({name: version, "result": facts})
    else:
        print("\n".join([f"{name} {version}", *lines]))
