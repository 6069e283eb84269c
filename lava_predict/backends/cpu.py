"""The reference engine: one compiled call advances many steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lava_predict.backends import Played
from lava_predict.between import check_finite, enter, leave
from lava_predict.config import Config
from lava_predict.kernels.float import Recording, advance, step_constants
from lava_predict.network import Network
from lava_predict.state import State, initial_state
from lava_predict.task import Meet, Segment

_MOST_SPIKES = 1_000_000


class CpuEngine:
    """Plays segments with the numba kernels, in this process and on one core.

    Parameters
    ----------
    config : Config
        Settings.
    network : Network
        As `draw_network` draws it.
    meet : Meet
        Gives the streams of a segment.
    chunk_steps : int, optional
        Most steps per compiled call; the bits do not depend on it. By default as many as keep the
        buffer for spikes below a million entries.
    """

    def __init__(self, config: Config, network: Network, meet: Meet, chunk_steps: int | None = None) -> None:
        self._config = config
        self._network = network
        self._meet = meet
        self._constants = step_constants(config)
        self._state = initial_state(network, config.task.events, config.task.cues)
        self._chunk = chunk_steps or max(1, min(2000, _MOST_SPIKES // network.a.size))
        self._spikes = np.empty((2, self._chunk * network.a.size), np.uint32)

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
        state = self._state
        enter(segment, state, self._network)
        steps, events = segment.steps, state.z.size
        z, what_drive, norm = np.empty((steps, events)), np.empty((steps, events)), np.empty(steps)
        spikes = []
        for start in range(0, steps, self._chunk):
            rows = slice(start, start + self._chunk)
            recording = Recording(self._spikes[0], self._spikes[1], z[rows], what_drive[rows], norm[rows])
            spikes.append(self._advance(segment, rows, recording))
        p = leave(segment, state, self._meet.what_window, self._config.readout)
        spike_step, spike_cell = np.concatenate(spikes, axis=1)
        return Played(
            segment,
            spike_step,
            spike_cell,
            z,
            what_drive,
            norm,
            p,
            state.w_when.copy(),
            state.w_what.copy(),
        )

    def _advance(self, segment: Segment, rows: slice, recording: Recording) -> np.ndarray:
        """Advance by one chunk and return its spikes, (2, spikes): step and cell."""
        streams = self._meet.streams(segment)
        count, diverged = advance(
            self._network,
            self._constants,
            self._state,
            streams.level[rows],
            streams.gate[rows],
            streams.target[rows],
            np.uint64(segment.noise_key),
            rows.start,
            self._meet.what_window,
            segment.learning,
            recording,
        )
        check_finite(segment, max(diverged, rows.start), diverged >= 0, self._state.v, self._config)
        return self._spikes[:, :count].copy()
