"""Run many emitted Lava programs in one interpreter: python run_builds.py LIST WORKERS.

LIST: a text file, one folder per line. Runs under the interpreter that has Lava (Python
3.10, NumPy 1), so it imports nothing of the project. Each program runs in a fork of its
own after Lava has been imported once, and saves all states into FOLDER/lava.npz. A program
that fails leaves FOLDER/lava.error instead.
"""

import importlib
import multiprocessing
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs
from lava.proc.conv.process import Conv
from lava.proc.dense.process import DelayDense, Dense
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIFReset
from lava.proc.sparse.process import DelaySparse, Sparse
from scipy.sparse import csr_matrix

TIME_LIMIT = 120  # seconds for one program; a small one takes less than one


def main() -> None:
    """Run every folder of the list, some at a time."""
    remember_models()
    warm()
    folders = Path(sys.argv[1]).read_text("utf-8").splitlines()
    waiting = list(reversed(folders))
    running: list[tuple[str, multiprocessing.process.BaseProcess]] = []
    while waiting or running:
        while waiting and len(running) < int(sys.argv[2]):
            running.append(start(waiting.pop()))
        folder, process = running.pop(0)
        process.join(TIME_LIMIT)
        if process.is_alive():
            process.kill()
            (Path(folder) / "lava.error").write_text(f"no end after {TIME_LIMIT} s")


def remember_models() -> None:
    """Let Lava look up the models of a process class once: it imports every neighbour of
    the class for each process anew, an eighth of the time of a small program.
    """
    search = ProcGroupDiGraphs._find_proc_models
    known: dict[type, Any] = {}

    def find(proc: Any) -> Any:  # called by this name
        kind = type(proc)
        if kind not in known:
            known[kind] = search(proc)
        return list(known[kind])

    ProcGroupDiGraphs._find_proc_models = staticmethod(find)


def warm() -> None:
    """Look up the models of all stock processes before the first fork."""
    x = np.eye(2, dtype=int)
    small = [
        Dense(weights=x),
        DelayDense(weights=x, delays=1),
        Sparse(weights=csr_matrix(x)),
        DelaySparse(weights=csr_matrix(x), delays=csr_matrix(x)),
        Conv(weight=np.ones((1, 1, 1, 1), int)),
        LIFReset(shape=(2,)),
        RingBuffer(data=x),
    ]
    for process in small:
        ProcGroupDiGraphs._find_proc_models(process)


def start(folder: str) -> tuple[str, multiprocessing.process.BaseProcess]:
    """Start one program in a fork."""
    process = multiprocessing.get_context("fork").Process(target=run, args=(folder,))
    process.start()
    return folder, process


def run(folder: str) -> None:
    """Run one program as its run.py would, and save u, v and s of everything."""
    sys.path.insert(0, folder)
    warnings.simplefilter("ignore")
    try:
        program = importlib.import_module("run")
        tables = importlib.import_module("snn_processes.tables").Tables(Path(folder))
        result = program.run(tables, tables.samples, program.STEPS, True)
        tables.save(Path(folder) / "lava.npz", result)
    except BaseException:  # a failure is a result here, whatever it is
        (Path(folder) / "lava.error").write_text(traceback.format_exc(), "utf-8")


if __name__ == "__main__":
    main()
