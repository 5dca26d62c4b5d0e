"""Emission: a simulated run as a program for a chip, and that program's own run beside
ours.

Backends are loaded by name; what they cannot express they refuse before anything is
written.
"""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from snn_deploy.backend import Verified
from snn_deploy.errors import DoesNotFitError, InputError, MismatchError
from snn_deploy.evaluation.stages import Simulated
from snn_deploy.files.manifest import is_plain
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.options.output import OutputOptions
from snn_deploy.options.request import Request
from snn_deploy.pipeline.backends import BUILT_IN, load_backend
from snn_deploy_simulators.stimulus import encode

VERIFIED_BY = next(iter(BUILT_IN))  # whose program is run, unless another is emitted


def emitting(output: OutputOptions) -> str | None:
    """Return the backend whose program is made, to be written or run; None if none is."""
    return output.backend or (VERIFIED_BY if output.verify else None)


def refuse_inexpressible(backend: str, net: QuantNetwork) -> None:
    """Raise DoesNotFitError with everything that `backend` cannot express of `net`."""
    violations = load_backend(backend).check(net)
    if violations:
        raise DoesNotFitError(*violations)


def emitted_files(run: Simulated, backend: str) -> Mapping[str, bytes]:
    """Return the files of `backend`'s program for a simulated run, by path.

    Raises:
        DoesNotFitError: The backend cannot express the network; all reasons at once.
    """
    stimulus = encode(run.program.net, run.data.x)
    expected = run.recordings.outputs["integer"]
    files = load_backend(backend).emit(run.program, stimulus, expected)
    for name, content in files.items():
        why = _unfit(name, content)
        if why is not None:
            raise InputError(
                f"backend {backend!r}: emits {name!r}, which {why}; it must emit bytes by "
                "plain relative paths"
            )
    return files


def _unfit(name: object, content: object) -> str | None:
    """Return why a file cannot be written into a folder of ours, or None."""
    if not isinstance(name, str) or not isinstance(content, bytes):
        return f"is a {type(name).__name__} with a {type(content).__name__}"
    return None if is_plain(name) else "is no plain path inside the folder"


def check_apart(ours: Iterable[str], emitted: Iterable[str], backend: str | None) -> None:
    """Raise InputError if a backend emits a file that is called like one of ours."""
    both = sorted(set(ours) & set(emitted))
    if both:
        raise InputError(
            f"backend {backend!r}: emits {', '.join(map(repr, both))}, which the report "
            "itself is called; give its files other names"
        )


def check_equal(found: Verified, where: str) -> None:
    """Raise MismatchError if a program that was run differs from our integers.

    Args:
        found: What was compared.
        where: The program, for the message.
    """
    if found.mismatches:
        raise MismatchError(
            f"{where}: {found.backend} and the integer simulator differ in "
            f"{found.mismatches} values; this is a bug in snn-deploy or in the backend "
            f"{found.backend!r}, please report it with this program"
        )


def verified(files: Mapping[str, bytes], backend: str, request: Request) -> Verified:
    """Run an emitted program and compare every state and spike with our integers.

    Args:
        files: Of the program, by path.
        backend: That emitted them.
        request: Holds the backend's own options.

    Raises:
        InputError: It cannot be run here, or the program failed.
    """
    loaded = load_backend(backend)
    with tempfile.TemporaryDirectory(prefix="snn-deploy-") as scratch:
        for name, content in files.items():
            file = Path(scratch) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return loaded.verify(Path(scratch), request.backends[backend])
