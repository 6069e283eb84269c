"""A network, its input and how long to run it, in files that any simulator's script can read."""

from __future__ import annotations

import json
import os
import pickle
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from frame import timed

from lava_predict import Experiment, load_preset
from lava_predict.numerics import decay_of_step

_EXCHANGED, _DRAWN, _ARRAYS = "problem.json", "drawn.pickle", "arrays.npz"


@dataclass(frozen=True)
class Problem:
    """What all simulators run.

    Attributes
    ----------
    folder : str
        Where the arrays are, and where each simulator leaves its spikes.
    settings : list of str
        --set texts over ``robust``.
    trials : int
        How many trials of the task give the input; ``steps`` of theirs are run.
    windows : int
        How many times at most it is run.
    learning : bool
        False: no readout is taught, and simulators that can leave the readout out do so.
    numbers : dict
        Constants of the equations: dt_ms, tau_s_ms, decay (of s), noise, and those of the readout.
    """

    folder: str
    settings: list[str]
    trials: int
    steps: int
    windows: int
    learning: bool
    numbers: dict[str, float]

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All that is run, by name.

        Of the cells (N,) a, b, c, d, bias and w_in; of the synapses source, target and weight; and of each
        step level (T,), gate and target_z (T, K).
        """
        with np.load(Path(self.folder) / _ARRAYS) as kept:
            return dict(kept)

    @property
    def drawn(self) -> Any:
        """The network as `draw_network` drew it."""
        return pickle.loads((Path(self.folder) / _DRAWN).read_bytes())


class Peer(ABC):
    """A simulator with the network in it. To make one of a `Problem` is its set-up.

    That raises a NotImplementedError which says why, if it cannot run the problem.

    Attributes
    ----------
    again_s : float or None
        Set-up time of another run of the same network, where it differs from the first.
    found : dict
        What the first run recorded: ``step`` and ``cell`` of each spike, and ``z`` (steps, K).
    """

    again_s: float | None = None
    found: Mapping[str, np.ndarray] = MappingProxyType({})

    @abstractmethod
    def play(self) -> tuple[float, int]:
        """Run once; return the wall time, s, and the steps."""

    def peak_mib(self) -> float:
        """Return the most memory so far: of this process, and of those it started what they hold now."""
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return peak_mib_of("self") + sum(_proportional_mib(child) for child in children)

    def close(self) -> None:  # noqa: B027  Most have nothing to close.
        """End what it started."""


def pose(
    folder: Path, cells: int, steps: int, windows: int, learning: bool, noise: float
) -> tuple[Problem, float, int]:
    """Draw a network and write it down; return the problem, the time of drawing, s, and the synapses."""
    settings = [f"reservoir.neurons={cells}", f"reservoir.noise={noise}", "readout.rule=gated_delta"]
    config = load_preset("robust", settings)
    drawing_s, experiment = timed(lambda: Experiment(config))
    network, task, dt = experiment.network, experiment.task, config.run.dt_ms
    trials, streams = 0, []
    while sum(len(part.level) for part in streams) < steps:
        streams += [task.streams(segment) for segment in task.trial(0, 1 + trials)]
        trials += 1
    level, gate, target = (
        np.concatenate([getattr(part, name) for part in streams])[:steps]
        for name in ("level", "gate", "target")
    )
    wide = network.wide()
    synapses, readout = wide.synapses, config.readout
    np.savez(
        folder / _ARRAYS,
        **network.cells._asdict(),
        w_in=network.input_weight[0],
        source=np.repeat(np.arange(cells, dtype=np.int32), np.diff(synapses.first)),
        target=np.asarray(synapses.target, np.int32),
        weight=np.asarray(synapses.weight, np.float64),
        level=level[:, 0],
        gate=gate,
        target_z=target,
    )
    (folder / _DRAWN).write_bytes(pickle.dumps(network))
    trace_decay = decay_of_step(dt, readout.tau_x_ms)
    numbers = {
        "dt_ms": dt,
        "tau_s_ms": config.reservoir.tau_s_ms,
        "decay": decay_of_step(dt, config.reservoir.tau_s_ms),
        "noise": noise / np.sqrt(dt),
        "trace_decay": trace_decay,
        "gain": (1.0 - trace_decay) / dt,
        "mean_share": dt / readout.tau_m_ms,
        "constant_input": readout.constant_input,
        "rate": readout.when_rate * dt,
        "norm_floor": readout.when_norm_floor,
    }
    numbers = {name: float(value) for name, value in numbers.items()}
    problem = Problem(str(folder), settings, trials, steps, windows, learning, numbers)
    (folder / _EXCHANGED).write_text(json.dumps(asdict(problem)))
    return problem, drawing_s, int(synapses.first[-1])


def posed(folder: Path) -> Problem:
    """Read a problem that `pose` has written."""
    return Problem(**json.loads((folder / _EXCHANGED).read_text()))


def peak_mib_of(process: int | str) -> float:
    """Return the most memory that a process has held, MiB; 0 if it has ended.

    Not that of getrusage, which also counts what the process was started from.
    """
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM")), 0.0)


def _proportional_mib(process: str) -> float:
    """Return the memory that a process holds, MiB, of shared memory its share."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))
