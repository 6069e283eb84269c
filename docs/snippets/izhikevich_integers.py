"""The fifty cells of izhikevich.py in integers; prints how many spikes there are."""

import numpy as np

from lava_predict.processes import Izhikevich  # isort: skip  Before Lava, which needs it from Python 3.11 on.
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.sink import RingBuffer
from lava.utils.weightutils import SignMode

cells = Izhikevich(shape=(50,), bias=np.linspace(3, 8, 50))
# 0.1 mV / ms is 6,554 * 2^-16, about 205 * 2^5 * 2^-16.
synapses = Dense(weights=np.full((50, 50), 205), weight_exp=5, sign_mode=SignMode.EXCITATORY)
spikes = RingBuffer(shape=(50,), buffer=200)
cells.s_out.connect([synapses.s_in, spikes.a_in])
synapses.a_out.connect(cells.a_in)
cells.run(RunSteps(num_steps=200), Loihi2SimCfg(select_tag="fixed_pt"))
print(f"{spikes.data.get().sum():.0f} spikes")
cells.stop()
