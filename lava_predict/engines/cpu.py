"""The reference engine: one compiled call advances many steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lava_predict.engines import Engine
from lava_predict.errors import whole
from lava_predict.network.arithmetic import Arithmetic
from lava_predict.network.state import State
from lava_predict.network.step import Recording
from lava_predict.numerics.columns import RANGES
from lava_predict.settings.schema import Config
from lava_predict.tasks import Played, Segment, Streams, Task

if TYPE_CHECKING:
    from lava_predict.network.stream_network import StreamNetwork, StreamPlayer

_MOST_SPIKES = 8_000_000
"""Room for the spikes of a compiled call; of its memory only what spikes fill is ever touched."""

_MOST_STEPS = 2000
"""Of a compiled call, which no Ctrl-C ends: more than a trial of the presets has."""


@dataclass(frozen=True)
class CpuOptions:
    """How the kernels run.

    Attributes
    ----------
    threads : int
        Threads that share the spikes of one network, above 2,048 cells. The bits do not depend on it.
    """

    threads: int = 1


class CpuEngine(Engine):
    """Plays segments with the numba kernels, in this process, on one core or some.

    Beside what `Engine` takes, ``chunk_steps`` sets the most steps per compiled call; the bits do not depend
    on it. By default there are as many as most trials have, or fewer where more cells could spike than there
    is room for: each call costs as much as a dozen steps of 1,000 cells.
    """

    Options = CpuOptions

    def __init__(
        self,
        arithmetic: Arithmetic,
        task: Task,
        options: CpuOptions | None = None,
        chunk_steps: int | None = None,
    ) -> None:
        self._arithmetic, self._task = arithmetic, task
        self._state = arithmetic.start.copy()
        cells = arithmetic.network.size
        self._chunk = chunk_steps or max(1, min(_MOST_STEPS, _MOST_SPIKES // cells))
        self._spikes = np.empty((2, self._chunk * cells), np.uint32)
        self._team = arithmetic.team((options or CpuOptions()).threads)

    @classmethod
    def check(cls, precision: str, options: CpuOptions, config: Config | None = None) -> None:  # noqa: D102
        whole("threads", options.threads, 1, RANGES)

    @classmethod
    def check_stream(cls, config: Config, options: Any) -> None:  # noqa: D102
        pass

    @classmethod
    def stream_player(cls, network: StreamNetwork) -> StreamPlayer:  # noqa: D102
        return network

    @property
    def state(self) -> State:  # noqa: D102
        return self._state.copy()

    def restore(self, state: State) -> None:  # noqa: D102
        self._state.restore(state)

    def play(self, segments: Sequence[Segment]) -> Iterator[Played]:  # noqa: D102
        return map(self._play, segments)

    def _play(self, segment: Segment) -> Played:
        state, arithmetic, task = self._state, self._arithmetic, self._task
        saturations = state.saturations.copy()
        arithmetic.enter(segment, state)
        streams = arithmetic.streams(task.streams(segment))
        steps, events = segment.steps, state.z.size
        z: np.ndarray = np.empty((steps, events), arithmetic.number)
        what_drive = np.empty_like(z)
        norm: np.ndarray = np.empty(steps, arithmetic.accumulator)
        spikes = []
        with nullcontext() if self._team is None else self._team.at_work(state.synapses):
            for start in range(0, steps, self._chunk):
                rows = slice(start, start + self._chunk)
                recording = Recording(self._spikes[0], self._spikes[1], z[rows], what_drive[rows], norm[rows])
                chunk = Streams(*(part[rows] for part in streams))
                spikes.append(arithmetic.advance(state, chunk, segment, start, recording, self._team))
        # Mostly there is one part, which need not be copied.
        all_spikes = spikes[0] if len(spikes) == 1 else np.concatenate(spikes, axis=1)
        p = arithmetic.finish(segment, state, task, z)
        after = (p, state.when.w.copy(), state.what.w.copy(), state.saturations - saturations)
        return arithmetic.played(segment, all_spikes, z, what_drive, norm, *after)


PART = CpuEngine
