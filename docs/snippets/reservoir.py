"""A Reservoir alone; two cues in turn, 600 ms apart; prints how many cells spike in the 50 ms after each."""

import sys

import numpy as np

from lava_predict.processes import Reservoir  # isort: skip  Before Lava, which needs it from Python 3.11 on.
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.source import RingBuffer as Source
from lava.proc.monitor.process import Monitor

tag = sys.argv[1] if len(sys.argv) > 1 else "floating_pt"
level = np.zeros((2, 1200), int)
level[0, 300:350] = level[1, 900:950] = 1
cues, reservoir, monitor = Source(data=level), Reservoir(shape=(200,), cues=2, noise=0.3), Monitor()
cues.s_out.connect(reservoir.level_in)
monitor.probe(reservoir.s_out, 1200)
reservoir.run(RunSteps(num_steps=1200), Loihi2SimCfg(select_tag=tag))
spikes = monitor.get_data()[reservoir.name]["s_out"]
reservoir.stop()
for what, first in (("before", 250), ("cue 1", 301), ("cue 2", 901)):
    print(f"{what}: {np.any(spikes[first : first + 50], axis=0).sum()} of 200 cells")
