"""Which framework may have written a file: the patterns that exporters leave in numbers.

Node names and dtypes count only in choosing between two frameworks whose numbers agree.
"""

import numpy as np

from snn_deploy.frontends.nir.frameworks.exported import implied_dt
from snn_deploy.frontends.nir.frameworks.profile import Reading
from snn_deploy.frontends.nir.graph.graph import NEURONS, Graph
from snn_deploy.frontends.nir.profiles import PROFILES


def detect(graph: Graph) -> tuple[Reading, ...]:
    """Return the readings that the file is consistent with, the specification's last.

    A dt that follows from r counts for the specification only if it is a power of ten: any
    tau and r imply some dt. The parameters of each neuron have to fit each other.
    """
    dt = implied_dt(graph)
    if dt is not None and not f"{dt:.4e}".startswith("1.0000"):
        dt = None
    seen = "the NIR specification reads every file"
    seen += f"; r == tau/dt or 1/dt for dt = {dt:g} s in every neuron" if dt else ""
    patterns = [p.pattern for p in PROFILES.values() if graph.of_kind(*NEURONS)]
    with np.errstate(all="ignore"):  # numbers that overflow fit no pattern
        found = [pattern(graph) for pattern in patterns if pattern]
    return (*(reading for reading in found if reading), Reading("nir", dt, seen, False))
