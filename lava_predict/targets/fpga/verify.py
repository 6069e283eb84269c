"""Core and cpu beside each other: every bit that both have after each segment is compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lava_predict.engines.cpu import CpuEngine
from lava_predict.experiment.session import unlearned_norm
from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.state import State, leaves
from lava_predict.targets.fpga.device import Bus
from lava_predict.targets.fpga.engine import FpgaEngine
from lava_predict.targets.fpga.shape import CoreShape
from lava_predict.targets.fpga.simulator import open_bus
from lava_predict.tasks import Segment, Task

PLAYED = ("spike_step", "spike_cell", "z", "what_drive", "norm", "p", "w_when", "w_what", "saturations")
"""What is compared of a segment, beside every array of the state after it."""

Progress = Callable[[int, int], None]


@dataclass
class Verification:
    """What was compared, and how many clocks the steps took.

    Attributes
    ----------
    compared, different : Counter
        Values by name: of the state, or of what a segment leaves.
    clocks : list of (steps,) uint32
        Of every segment.
    """

    compared: Counter[str] = field(default_factory=Counter)
    different: Counter[str] = field(default_factory=Counter)
    clocks: list[np.ndarray] = field(default_factory=list)

    def add(self, name: str, mine: np.ndarray, theirs: np.ndarray) -> None:
        """Compare two arrays."""
        if theirs.size:
            self.compared[name] += theirs.size
        if mine.shape != theirs.shape:
            self.different[name] += max(mine.size, theirs.size)
        elif mine.tobytes() != theirs.tobytes():
            both_nan = np.isnan(mine) & np.isnan(theirs) if mine.dtype.kind == "f" else False
            self.different[name] += int(np.count_nonzero((mine != theirs) & ~np.asarray(both_nan)))

    @property
    def values(self) -> dict[str, Any]:
        """What summary.json says of it."""
        clocks = np.concatenate(self.clocks)
        return {
            "steps": clocks.size,
            "compared": dict(self.compared),
            "different": {name: self.different[name] for name in self.compared},
            "cycles_per_step": {"mean": float(clocks.mean()), "max": int(clocks.max())},
        }


def verify(
    arithmetic: FixedArithmetic,
    task: Task,
    state: State | None = None,
    steps: int | None = None,
    progress: Progress | None = None,
    lead_to: Callable[[CoreShape], Bus] = open_bus,
) -> Verification:
    """Play trials and a probe of each cue on the core and on the cpu, and compare.

    Parameters
    ----------
    arithmetic, task : FixedArithmetic, Task
        The network and what it learns.
    state : State, optional
        Of a trained network; by default the start.
    steps : int, optional
        Whole trials until so many steps are done, and no probes; the settling before them is played on the
        cpu alone. By default every trial of the task is played, and everything on both.
    progress : callable, optional
        Told the steps done and in all.
    lead_to : callable
        Leads to a core of a shape.
    """
    cpu, found = CpuEngine(arithmetic, task), Verification()
    if state is not None:
        cpu.restore(state)
    elif getattr(arithmetic.config.readout, "when_norm", "moment") == "constant":
        start = cpu.state
        arithmetic.set_norm(start, unlearned_norm(task, cpu))
        cpu.restore(start)
    trials = _trials(task)
    before = [] if state is not None else task.settling()
    if steps is not None:
        for _ in cpu.play(before):
            pass
        waiting = _until(steps, trials)
    else:
        cues = range(task.task.cues)
        last = (len(task.task.blocks) - 1, task.first_trials[-1])
        waiting = [*before, *trials, *(one for cue in cues for one in task.probe(*last, cue, 0))]
    total, done = sum(segment.steps for segment in waiting), 0
    with closing(FpgaEngine(arithmetic, task, open_bus=lead_to)) as core:
        core.restore(cpu.state)
        for segment in waiting:
            _compare(segment, core, cpu, found)
            done += segment.steps
            if progress is not None:
                progress(done, total)
    return found


def _compare(segment: Segment, core: FpgaEngine, cpu: CpuEngine, found: Verification) -> None:
    mine, theirs = (next(iter(engine.play([segment]))) for engine in (core, cpu))
    found.clocks.append(core.device.clocks)
    for name in PLAYED:
        found.add(name, getattr(mine, name), getattr(theirs, name))
    for (name, left), (_, right) in zip(leaves(core.state), leaves(cpu.state), strict=True):
        found.add(name, left, right)


def _trials(task: Task) -> Iterator[Segment]:
    """Yield every trial of the task, with the pauses between, but not the settling before the first."""
    for block, first in enumerate(task.first_trials[:-1]):
        for trial in range(first, task.first_trials[block + 1]):
            yield from task.trial(block, trial)[0 if trial else len(task.settling()) :]


def _until(steps: int, segments: Iterator[Segment]) -> list[Segment]:
    taken: list[Segment] = []
    while steps > 0 and (segment := next(segments, None)) is not None:
        taken.append(segment)
        steps -= segment.steps
    return taken
