"""Integer simulator: what a QuantNetwork computes, bit for bit and fast; no chip, no
time."""

import os
from collections.abc import Iterable

from snn_deploy.activity import Recording
from snn_deploy.quant import QuantNetwork, Stimulus
from snn_deploy_simulators.blocks import block
from snn_deploy_simulators.engine import Recorder, cell
from snn_deploy_simulators.engine import run as run_engine


def run(
    net: QuantNetwork,
    stimulus: Stimulus,
    *,
    keep: Iterable[str] | None = None,
    threads: int | None = None,
) -> Recording:
    """Run all samples and return what every population did, in model time.

    keep: populations whose output is kept; all if None. threads: over samples; all cores if
    None.
    """
    cells = {
        p.name: cell(p, [block(q) for q in net.into(p.name)], stimulus)
        for p in net.populations
    }
    recorder = Recorder(net, stimulus, keep)
    run_engine(net, cells, stimulus, recorder.add, threads or os.cpu_count() or 1)
    return recorder.recording()
