"""Integer simulator against the plain row-accumulate of the same bytes in C.

The limit is a loop in C that does nothing but add the weight rows of all events, once with
32-bit and once with 16-bit sums (which may wrap: its result is not used); the faster one
counts.
The simulator also finds the events, updates neurons and records. Needs a C compiler `cc`.
"""

import ctypes
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from measuring.clock import measure, report, spread

from snn_deploy.arrays import AnyArray
from snn_deploy.ir.maps import Dense
from snn_deploy.ir.quant import QuantNetwork, Stimulus
from snn_deploy_simulators import integer
from support.sanafe_networks import perceptron, raster

LOOP = """
void add_{bits}(const int *first, const int *index, int steps, const signed char *weight,
                int n, int{bits}_t *restrict sums) {{
  for (int t = 0; t < steps; t++) {{
    for (int j = 0; j < n; j++) sums[j] = 0;
    for (int k = first[t]; k < first[t + 1]; k++) {{
      const signed char *row = weight + (long)index[k] * n;
      for (int j = 0; j < n; j++) sums[j] += row[j];
    }}
  }}
}}
"""
CASES = (
    ("784-512-10, 10 % input rate, 1000 steps", (784, 512, 10), 1500, 1000),
    ("4096-4096, 10 % input rate, 200 steps", (4096, 4096), 4000, 200),
)


def compiled(folder: str) -> Any:
    """Return the C functions add_16 and add_32."""
    source = Path(folder) / "add.c"
    loops = (LOOP.format(bits=16), LOOP.format(bits=32))
    source.write_text("#include <stdint.h>\n" + "".join(loops))
    library = source.with_suffix(".so")
    flags = ["-O3", "-march=native", "-funroll-loops", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, str(source), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def layers(
    net: QuantNetwork, stimulus: Stimulus
) -> list[tuple[AnyArray, AnyArray, AnyArray]]:
    """Return events (first, index) and weight rows [n_pre, n_post] int8 of each layer."""
    spikes = {**stimulus.spikes, **integer.run(net, stimulus).outputs}
    result = []
    for p in net.projections:
        assert isinstance(p.map, Dense)
        step, index = np.nonzero(np.asarray(spikes[p.pre][0]))
        first = np.searchsorted(step, np.arange(stimulus.steps + 1)).astype(np.int32)
        rows = np.ascontiguousarray((p.map.weight >> 1).T.astype(np.int8))
        result.append((first, index.astype(np.int32), rows))
    return result


def limit(add: Any, dtype: Any, work: list[tuple[AnyArray, AnyArray, AnyArray]]) -> None:
    """Add all rows of all layers."""
    for first, index, rows in work:
        sums = np.zeros(rows.shape[1], dtype)
        add(
            first.ctypes,
            index.ctypes,
            len(first) - 1,
            rows.ctypes,
            rows.shape[1],
            sums.ctypes,
        )


def compare(
    library: Any, title: str, sizes: tuple[int, ...], vth: int, steps: int
) -> list[str]:
    """Return the lines on one network."""
    net, stimulus = perceptron(sizes, vth), raster(sizes[0], steps, 0.1, 0)
    work = layers(net, stimulus)
    synops = sum(len(index) * rows.shape[1] for _, index, rows in work)
    ours: list[float] = []
    plain: dict[int, list[float]] = {16: [], 32: []}
    for _ in range(5):
        ours += measure(lambda: integer.run(net, stimulus, keep=(), threads=1), 5)
        for bits, seconds in plain.items():
            add, dtype = getattr(library, f"add_{bits}"), np.dtype(f"int{bits}")
            seconds += measure(lambda add=add, dtype=dtype: limit(add, dtype, work), 5)  # type: ignore[misc]
    fastest = min(plain, key=lambda bits: statistics.median(plain[bits]))
    speeds = {
        name: synops / statistics.median(seconds) / 1e9
        for name, seconds in (("ours", ours), ("plain", plain[fastest]))
    }
    return [
        f"{title}: {synops / 1e6:.1f} M synops",
        f"  integer simulator {spread(ours)}: {speeds['ours']:.2f} G synops/s, asked 6",
        f"  plain C, {fastest}-bit sums {spread(plain[fastest])}: "
        f"{speeds['plain']:.2f} G synops/s",
        f"  ours / plain: {speeds['ours'] / speeds['plain']:.2f}, asked 0.5",
    ]


def main() -> None:
    """Compare both networks."""
    lines = [__doc__.strip().splitlines()[0], ""] if __doc__ else []
    with TemporaryDirectory() as folder:
        library = compiled(folder)
        for case in CASES:
            lines += [*compare(library, *case), ""]
    report("integer_speed", lines)


main()
