"""Fifty Izhikevich cells that excite one another, for 200 steps of 1 ms; prints their spikes."""

import numpy as np

from lava_predict.processes import Izhikevich  # isort: skip  Before Lava, which needs it from Python 3.11 on.
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.sink import RingBuffer

cells = Izhikevich(shape=(50,), bias=np.linspace(3, 8, 50))
synapses, spikes = Dense(weights=np.full((50, 50), 0.1)), RingBuffer(shape=(50,), buffer=200)
cells.s_out.connect([synapses.s_in, spikes.a_in])
synapses.a_out.connect(cells.a_in)
cells.run(RunSteps(num_steps=200), Loihi2SimCfg(select_tag="floating_pt"))
for step, cell in np.argwhere(spikes.data.get().T):
    print(f"{step + 1} ms: cell {cell}")
cells.stop()
