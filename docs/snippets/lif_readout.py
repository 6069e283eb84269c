"""A Readout learns when two events come from Lava's own LIF cells; prints its error in each trial."""

import sys

import numpy as np

from lava_predict.processes import Readout  # isort: skip  Before Lava, which needs it from Python 3.11 on.
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io import sink, source
from lava.proc.lif.process import LIF

fixed, trials, steps, rng = "fixed_pt" in sys.argv, 12, 400, np.random.default_rng(1)
since = np.tile(np.arange(steps), trials)[:, None] - [120, 280]
target, gate = np.exp(-0.5 * (since / 30) ** 2), np.where(np.abs(since) < 90, 1.0, 0.3)
gate[:steps] = gate[-steps:] = 0  # The first and the last trial are tests: nothing is taught.
currents = source.RingBuffer(data=(rng.random((100, steps)) < 0.05) * rng.integers(2, 10, (100, steps)))
cells = LIF(shape=(100,), du=512 if fixed else 1 / 8, dv=256 if fixed else 1 / 16, vth=40)
readout = Readout(shape=(100,), events=2, tau_x_ms=30.0, gate=gate, target=target)
prediction = sink.RingBuffer(shape=(5,), buffer=steps)
currents.s_out.connect(cells.a_in)
cells.s_out.connect(readout.s_in)
readout.prediction_out.connect(prediction.a_in)
for trial in range(trials):
    cells.run(RunSteps(num_steps=steps), Loihi2SimCfg(select_tag="fixed_pt" if fixed else "floating_pt"))
    z = prediction.data.get()[:2].T * (2.0**-16 if fixed else 1)
    print(f"trial {trial + 1}: error {np.sqrt(np.mean((z - target[:steps]) ** 2)):.3f}")
cells.stop()
