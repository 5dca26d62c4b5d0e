"""Emission: a simulated run as a program for a chip, and that program's own run beside
ours.

Backends are loaded by name; what they cannot express they refuse before anything is
written.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from snn_deploy.backend import load_backend
from snn_deploy.errors import DoesNotFitError, InputError
from snn_deploy.evaluation.stages import Run
from snn_deploy.ir.quant import QuantNetwork
from snn_deploy.report.report import Verified, VerifiedPopulation
from snn_deploy_backends.lava.python import find_lava_python
from snn_deploy_simulators.stimulus import encode

Files = Mapping[str, bytes]
VERIFIED_BY = "lava"  # the backend whose programs can be run here


def check_emission(
    backend: str | None, out: Path | None, verify: bool, simulated: bool
) -> None:
    """Refuse wishes that contradict each other, before any work.

    simulated: whether there are samples and they will be run.

    Raises:
        InputError: No such backend, nowhere to write, or nothing to check a program with.
    """
    if backend is not None:
        load_backend(backend)
        if out is None:
            raise InputError(f"--backend {backend}: say with --out where its program goes")
    if verify and backend not in (None, VERIFIED_BY):
        raise InputError(f"--verify: runs programs of backend {VERIFIED_BY}, not {backend}")
    wish = f"--backend {backend}" if backend is not None else "--verify"
    if (backend is not None or verify) and not simulated:
        raise InputError(
            f"{wish}: an emitted program checks itself on recorded samples; give --input "
            f"and do not stop before the simulation"
        )


def refuse_inexpressible(backend: str, net: QuantNetwork) -> None:
    """Raise DoesNotFitError with everything that `backend` cannot express of `net`."""
    violations = load_backend(backend).check(net)
    if violations:
        raise DoesNotFitError(*violations)


def emitted_files(run: Run, backend: str) -> Files:
    """Return the files of `backend`'s program for a simulated run, by path.

    Raises:
        DoesNotFitError: The backend cannot express the network; all reasons at once.
    """
    if run.program is None or run.simulated is None or run.data is None:
        raise InputError(f"--backend {backend}: nothing was simulated")
    stimulus = encode(run.program.net, run.data.x)
    expected = run.simulated.outputs["integer"]
    return load_backend(backend).render(run.program, stimulus, expected)


def verified(files: Files, lava_python: Path | None) -> Verified:
    """Run an emitted Lava program and compare every state and spike with our integers.

    lava_python: the interpreter to take; the first that has Lava if None.

    Raises:
        InputError: No interpreter has Lava, or the program failed.
    """
    from snn_deploy_backends.lava.verify import describe, verify

    python, version = find_lava_python(lava_python)
    with tempfile.TemporaryDirectory(prefix="snn-deploy-") as scratch:
        for name, content in files.items():
            file = Path(scratch) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        result = verify(Path(scratch), python)
    return Verified(
        backend=VERIFIED_BY,
        version=version,
        samples=result.samples,
        steps=result.steps,
        values=result.compared,
        mismatches=result.mismatches,
        spikes=result.spikes,
        populations=tuple(
            VerifiedPopulation(p.name, p.process, p.compared, p.spikes, dict(p.mismatches))
            for p in result.populations
        ),
        sentences=describe(result),
    )
