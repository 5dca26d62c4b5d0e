"""Record what every example gives on every board that takes it: `python record.py`.

A change of the structure must change no byte of a result. This script deploys each example
through the command line, hashes every file that it leaves (report.json, the integers, the
mapping, the emitted Lava folder) and keeps the sums in sums.json beside it; the test runs
it again and compares. A change of results on purpose is recorded anew, in the same commit.

    python tests/recording/record.py            # compare, print what differs
    python tests/recording/record.py --write    # write sums.json anew
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SUMS = Path(__file__).parent / "sums.json"
BOARDS = ("loihi2", "loihi1")
CONVERTED = "--profile nir --dt 1e-3 --threshold ge --decode final"
CASES = {  # model, samples, options that say how the file is meant
    "digits_mlp": (
        "digits_mlp/digits_mlp.nir",
        "digits_mlp/test.npz",
        "--profile snntorch --reset subtract",
    ),
    "digits_conv": (
        "digits_conv/digits_conv.nir",
        "digits_conv/test.npz",
        "--profile spikingjelly --steps 10",
    ),
    "digits_rows": (
        "digits_rows/digits_rows.nir",
        "digits_rows/test.npz",
        "--profile snntorch --reset subtract",
    ),
    "digits_sinabs": (
        "digits_sinabs/digits_sinabs.nir",
        "digits_sinabs/test.npz",
        "--profile sinabs --reset subtract --spikes-per-step many --floor none --steps 8",
    ),
    "digits_norse": (
        "digits_norse/digits_norse.nir",
        "digits_norse/test.npz",
        "--profile norse --reset v_reset",
    ),
    "digits_convert": (
        "digits_convert/digits_convert.nir",
        "digits_convert/test.npz",
        CONVERTED,
    ),
    "rows": ("digits_sequence/rows.nir", "digits_sequence/rows.npz", CONVERTED),
    "permuted": ("digits_sequence/permuted.nir", "digits_sequence/permuted.npz", CONVERTED),
}
MANIFEST = "manifest.json"  # lists the others, so it may change with the tool
# What was renamed on purpose since the sums were taken, now -> then: paths in a JSON file,
RENAMED = {
    "program.json": {
        ".inputs[].lag": ".inputs[].level",
        ".populations[].lag": ".populations[].level",
    }
}
# and words of the emitted program, as regular expressions.
REWORDED = (
    (r"population of lag L runs L", "population of level L lags L"),
    (r"\blag\b", "level"),
    (r"\bLAGS\b", "LEVELS"),
)
# The same kernels of BLAS and the same code paths of NumPy on every x86-64 machine.
SETTLED = {
    "OPENBLAS_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}

Sums = dict[str, str]


def record(case: str, board: str) -> Sums:
    """Return the sums of one deployment and its spikes, or that it does not fit."""
    model, samples, options = CASES[case]
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        command = [
            sys.executable, "-m", "snn_deploy", str(EXAMPLES / model), *options.split(),
            "--target", board, "--input", str(EXAMPLES / samples),
            "--backend", "lava", "--formats", "json", "--out", str(out),
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **SETTLED}
        )
        if done.returncode == 3:
            return {"does not fit": "yes"}
        if done.returncode:
            raise RuntimeError(f"{case} on {board}: {done.stderr}")
        report = json.loads((out / "report.json").read_bytes())
        files = {str(f.relative_to(out)): f for f in sorted(out.rglob("*")) if f.is_file()}
        sums = {name: _sum(_content(f)) for name, f in files.items() if name != MANIFEST}
        return {**sums, "spikes": str(_spikes(report))}


def _spikes(report: dict[str, Any]) -> int:
    """Return how many spikes the chip sent on all samples."""
    means = [layer["spikes"]["mean"] for layer in report["layers"] if layer["spikes"]]
    return round(float(sum(means)) * int(report["input"]["samples"]))


def _content(file: Path) -> bytes:
    """Return the bytes of a file, with the names that it had when the sums were taken."""
    content = file.read_bytes()
    if file.suffix in (".py", ".md"):
        text = content.decode()
        for now, then in REWORDED:
            text = re.sub(now, then, text)
        return text.encode()
    if file.name not in RENAMED:
        return content
    facts = _as_before(msgspec.json.decode(content), "", RENAMED[file.name])
    return msgspec.json.format(msgspec.json.encode(facts, order="sorted"), indent=2) + b"\n"


def _as_before(part: Any, path: str, renamed: Mapping[str, str]) -> Any:
    if isinstance(part, list):
        return [_as_before(x, f"{path}[]", renamed) for x in part]
    if not isinstance(part, dict):
        return part
    names = {key: renamed.get(f"{path}.{key}", key).rpartition(".")[2] for key in part}
    return {
        names[key]: _as_before(value, f"{path}.{key}", renamed)
        for key, value in part.items()
    }


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def differences(case: str, board: str) -> Iterator[str]:
    """Yield what is not as recorded, a line each."""
    wanted = json.loads(SUMS.read_text())[f"{case} on {board}"]
    found = record(case, board)
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            yield f"{case} on {board}: {name}: {found.get(name)}, recorded {wanted.get(name)}"


def main() -> int:
    """Compare, or write the sums anew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write sums.json anew")
    pairs = [(case, board) for case in CASES for board in BOARDS]
    if parser.parse_args().write:
        sums = {f"{case} on {board}": record(case, board) for case, board in pairs}
        SUMS.write_text(json.dumps(sums, indent=1, sort_keys=True) + "\n")
        return 0
    found = [line for case, board in pairs for line in differences(case, board)]
    print("\n".join(found) or f"{len(pairs)} deployments are as recorded")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
