"""Processor time, and result files.

Seconds here are processor seconds of this process: on a machine that others use as well,
wall seconds measure them too. All runs are single-threaded, so the two agree when it is
idle.
"""

import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"


def measure(action: Callable[[], object], times: int) -> list[float]:
    """Return the processor seconds of each of `times` runs; one more before is not
    counted."""
    action()
    seconds = []
    for _ in range(times):
        begin = time.process_time()
        action()
        seconds.append(time.process_time() - begin)
    return seconds


def spread(seconds: list[float]) -> str:
    """Return "median (lowest to highest)" in milliseconds."""
    low, high = min(seconds) * 1e3, max(seconds) * 1e3
    return f"{statistics.median(seconds) * 1e3:.2f} ms ({low:.2f} to {high:.2f})"


def machine() -> str:
    """Return what the figures hold for."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        cpu = names[0].split(":")[1].strip() if names else cpu
    return f"{cpu}, Python {platform.python_version()}, numba {version('numba')}"


def report(name: str, lines: list[str], *, cores: int = 1) -> None:
    """Print the lines, and keep them as bench/results/<name>.txt."""
    used = "one core" if cores == 1 else f"{cores} cores"
    text = "\n".join([*lines, f"Measured on {used} of: {machine()}"]) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.txt").write_text(text)
    sys.stdout.write(text)
