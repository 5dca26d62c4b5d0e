"""Compile kernels with Numba, cached on disk by a hash of our own sources.

Numba's cache looks only at the file that holds the cached function; a change of a neuron in
another file would serve old machine code. Hence one cache folder per state of the sources
that kernels are made of.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numba.core.config as numba_config
import platformdirs

import snn_deploy_simulators
from snn_deploy import arithmetic, neurons


@cache
def cache_folder() -> Path:
    """Return the folder for compiled kernels of exactly these sources."""
    sources = sorted(
        file
        for package in (arithmetic, neurons, snn_deploy_simulators)
        for file in Path(str(package.__file__)).parent.rglob("*.py")
    )
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in sources)).hexdigest()[:16]
    return Path(platformdirs.user_cache_dir("snn-deploy")) / "kernels" / digest


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` compiled, releasing the GIL, cached on disk where that is
    possible."""
    previous = getattr(numba_config, "CACHE_DIR")  # noqa: B009  # mypy does not see it
    setattr(numba_config, "CACHE_DIR", str(cache_folder()))  # noqa: B010
    compiled: Callable[..., Any]
    try:
        compiled = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder to cache in
        compiled = numba.njit(nogil=True)(function)
    finally:
        setattr(numba_config, "CACHE_DIR", previous)  # noqa: B010
    return compiled


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` for use in kernels: its source is put where it is called, since a
    call with many arrays costs as much as what some of them do."""
    compiled: Callable[..., Any] = numba.njit(inline="always")(function)
    return compiled
