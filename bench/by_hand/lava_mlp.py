"""What a person writes for a three-layer network on Lava 0.10: python lava_mlp.py FOLDER.

FOLDER holds net.npz: inputs `x` [chip steps, n], weights `w0`, `w1`, `w2` [post, pre], and
`frame`. The answer is saved as answer.npy [n, chip steps]. Runs under the Python that has
Lava; compared in lava_overhead.py with what snn-deploy emits for the same network.
"""

import sys
from pathlib import Path

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LIFReset


def main() -> None:
    """Build, run, and save the spikes of the last layer."""
    folder = Path(sys.argv[1])
    net = np.load(folder / "net.npz")
    steps, frame = len(net["x"]), int(net["frame"])

    source = Source(data=np.ascontiguousarray(net["x"].T))
    pre = source.s_out
    for layer in range(3):
        weights = net[f"w{layer}"]
        dense = Dense(weights=weights, weight_exp=0, num_weight_bits=8)
        lif = LIFReset(
            shape=(len(weights),),
            du=4095,
            dv=200,
            vth=300,
            reset_interval=frame,
            reset_offset=(layer + 2) % frame,
        )
        pre.connect(dense.s_in)
        dense.a_out.connect(lif.a_in)
        pre = lif.s_out
    sink = Sink(shape=(len(net["w2"]),), buffer=steps)
    pre.connect(sink.a_in)

    source.run(
        condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt")
    )
    answer = sink.data.get()
    source.stop()
    np.save(folder / "answer.npy", answer)


if __name__ == "__main__":
    main()
