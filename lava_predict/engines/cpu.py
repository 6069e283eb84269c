"""The reference engine: one compiled call advances many steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lava_predict.engines import Played
from lava_predict.network.arithmetic import Arithmetic
from lava_predict.network.float_step import Recording
from lava_predict.network.segment_borders import check_finite, enter
from lava_predict.network.state import State
from lava_predict.tasks.meet import Meet, Segment, Streams

_MOST_SPIKES = 1_000_000


class CpuEngine:
    """Plays segments with the numba kernels, in this process and on one core.

    Parameters
    ----------
    arithmetic : Arithmetic
        The network and its numbers.
    meet : Meet
        Gives the streams of a segment.
    chunk_steps : int, optional
        Most steps per compiled call; the bits do not depend on it. By default as many as keep the
        buffer for spikes below a million entries.
    """

    def __init__(self, arithmetic: Arithmetic, meet: Meet, chunk_steps: int | None = None) -> None:
        self._arithmetic = arithmetic
        self._meet = meet
        self._state = arithmetic.start.copy()
        cells = self._state.v.size
        self._chunk = chunk_steps or max(1, min(2000, _MOST_SPIKES // cells))
        self._spikes = np.empty((2, self._chunk * cells), np.uint32)

    @property
    def state(self) -> State:
        """A copy of the whole state between two segments."""
        return self._state.copy()

    def restore(self, state: State) -> None:
        """Put the network into a state that an engine gave."""
        self._state.restore(state)

    def play(self, segments: Sequence[Segment]) -> Iterator[Played]:
        """Play segments in order and yield what each left behind."""
        for segment in segments:
            yield self._play(segment)

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""

    def _play(self, segment: Segment) -> Played:
        state, arithmetic = self._state, self._arithmetic
        saturations = state.saturations.copy()
        enter(segment, state, arithmetic.start)
        streams = arithmetic.streams(self._meet.streams(segment))
        steps, events = segment.steps, state.z.size
        z: np.ndarray = np.empty((steps, events), arithmetic.number)
        what_drive = np.empty_like(z)
        norm: np.ndarray = np.empty(steps, arithmetic.accumulator)
        spikes = []
        for start in range(0, steps, self._chunk):
            rows = slice(start, start + self._chunk)
            recording = Recording(self._spikes[0], self._spikes[1], z[rows], what_drive[rows], norm[rows])
            spikes.append(
                self._advance(segment, Streams(*(part[rows] for part in streams)), start, recording)
            )
        p = arithmetic.finish(segment, state, self._meet, z)
        weights = (state.w_when.copy(), state.w_what.copy())
        happened = state.saturations - saturations
        return arithmetic.played(
            segment, np.concatenate(spikes, axis=1), z, what_drive, norm, p, *weights, happened
        )

    def _advance(self, segment: Segment, streams: Streams, start: int, recording: Recording) -> np.ndarray:
        """Advance by one chunk and return its spikes, (2, spikes): step and cell."""
        count, diverged = self._arithmetic.advance(
            self._state,
            streams,
            segment.noise_key,
            start,
            self._meet.what_window,
            segment.learning,
            recording,
        )
        config = self._arithmetic.config
        check_finite(segment, max(diverged, start), diverged >= 0, self._state.v, config)
        return self._spikes[:, :count].copy()
