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

import lava.magma.core.run_configs
import lava.proc.conv.models
import lava.proc.dense.models
import lava.proc.io.source
import lava.proc.lif.models
import lava.proc.sparse.models  # noqa: F401  (imported before the forks, all of these)

TIME_LIMIT = 120  # seconds for one program; a small one takes less than one


def main() -> None:
    """Run every folder of the list, some at a time."""
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
        result = program.run(tables, tables.samples, program.STEPS, "usv")
        tables.save(Path(folder) / "lava.npz", result)
    except BaseException:  # a failure is a result here, whatever it is
        (Path(folder) / "lava.error").write_text(traceback.format_exc(), "utf-8")


if __name__ == "__main__":
    main()
