"""Files that something happened to, and a worker process that has to read them.

Damage of bytes fits any file; what breaks the structure of a format stands beside the test
that uses it. Everything is drawn from one seed.
"""

import json
import random
import select
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

Mutation: TypeAlias = Callable[[Path, random.Random], None]

SECONDS = 60.0  # after which a file counts as hanging; reading one takes milliseconds
WORKER = Path(__file__).parent / "fuzz_worker.py"


def flip_bits(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 1, 5, 50, 500])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def cut(path: Path, rng: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content))])


def blank(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    start = rng.randrange(len(content))
    size = min(rng.randrange(1, 4096), len(content) - start)
    content[start : start + size] = bytes([rng.choice([0, 0, 255, 32])]) * size
    path.write_bytes(content)


def splice(path: Path, rng: random.Random) -> None:
    """Put a piece of the file into another place of it."""
    content = path.read_bytes()
    start, at = rng.randrange(len(content)), rng.randrange(len(content))
    piece = content[start : start + rng.randrange(1, 256)]
    keep = at + len(piece) * rng.choice([0, 1])  # insert, or overwrite
    path.write_bytes(content[:at] + piece + content[keep:])


BYTES: tuple[Mutation, ...] = (flip_bits, flip_bits, cut, blank, splice)


@dataclass
class Worker:
    """A process that reads files; a new one where the last died or hung."""

    process: Any = None
    noise: Any = field(default_factory=tempfile.TemporaryFile)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.noise.close()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.noise,
            text=True,
        )

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
        self.process = None

    def ask(self, kind: str, path: Path) -> dict[str, Any]:
        """Return what the worker says of the file, or how it ended."""
        if self.process is None:
            self.start()
        self.process.stdin.write(json.dumps({"kind": kind, "path": str(path)}) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        code = self.process.poll() if ready else None
        self.stop()
        return {"end": f"died ({code})" if ready else f"hung for {SECONDS:g} s"}

    def said(self) -> str:
        """Return everything that was printed on stderr."""
        self.noise.seek(0)
        return str(self.noise.read().decode(errors="replace"))


@dataclass(frozen=True)
class Seed:
    """A whole file, how the worker has to read it, and what may happen to it."""

    kind: str
    path: Path
    mutations: tuple[Mutation, ...] = BYTES


@dataclass
class Outcome:
    """read, refused: how many files. faults: what may not happen, one text each. sentences:
    refusals by what is left of them without names and numbers."""

    read: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    sentences: Counter[str] = field(default_factory=Counter)


def mutants(seed: Seed, count: int, rng: random.Random, folder: Path) -> Iterator[Path]:
    """Yield `count` damaged copies, one after the other, in one place; the mutations take
    turns."""
    path = folder / f"mutant_{seed.path.name}"
    content = seed.path.read_bytes()
    for i in range(count):
        path.write_bytes(content)
        seed.mutations[i % len(seed.mutations)](path, rng)
        yield path


def campaign(seeds: Mapping[str, Seed], count: int, number: int, folder: Path) -> Outcome:
    """Damage every seed `count` times and have each copy read; every fault keeps its file
    in `folder`."""
    found = Outcome()
    with Worker() as worker:
        for name, seed in seeds.items():
            rng = random.Random(f"{number} {name}")
            whole = worker.ask(seed.kind, seed.path)
            if whole != {"said": None}:
                found.faults.append(f"{name}, undamaged: {whole}")
            for i, path in enumerate(mutants(seed, count, rng, folder)):
                fault = _fault(worker.ask(seed.kind, path), path, found)
                if fault:
                    kept = path.rename(folder / f"fault_{name}_{i}{path.suffix}")
                    found.faults.append(f"{kept}: {fault}")
        noise = worker.said()
    if noise:
        found.faults.append(f"printed on stderr: {noise[:2000]}")
    return found


def _fault(answer: dict[str, Any], path: Path, found: Outcome) -> str:
    if "said" not in answer:
        return str(answer.get("traceback") or answer["end"])
    said = answer["said"]
    if said is None:
        found.read += 1
        return ""
    found.refused += 1
    found.sentences[said.split(path.name)[-1][:60]] += 1
    one_line = path.name in said and "\n" not in said and len(said) < 1000
    return "" if one_line else f"said {said!r}"
