"""Memory that the Lava processes of a network share with the host: state, what to play, what happened.

Reading a Lava Var costs a message per number. So all of this stands in anonymous shared memory, which a
forked process inherits and which leaves no name behind when a process is killed. Only one side writes at a
time: the models within a time step, each its own arrays; Meet in the phase after a segment's last step; the
host while the network pauses.
"""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from typing import Any, NamedTuple

import numpy as np

from lava_predict.network.state import State, mapped
from lava_predict.tasks import Kind, Segment

IDLE = -1
"""Instead of a step: the time step only loads the inputs of a segment's first step."""

_KINDS = tuple(Kind)
_TYPES = {"noise_key": np.uint64, "learning": np.bool_, "reset": np.bool_}
_ROW = np.dtype([(field.name, _TYPES.get(field.name, np.int64)) for field in fields(Segment)])
"""A segment in memory; its kind as a number."""


def shared_array(shape: tuple[int, ...], dtype: object = np.float64) -> np.ndarray:
    """Allocate zeros in anonymous memory that forked processes share; untouched pages cost nothing."""
    kind = np.dtype(dtype)  # type: ignore[call-overload]
    count = int(np.prod(shape))
    memory = mmap.mmap(-1, max(1, count * kind.itemsize))
    return np.frombuffer(memory, dtype=kind, count=count).reshape(shape)


def shared_state(state: State) -> State:
    """Copy a state into shared memory."""
    shared = mapped(lambda array: shared_array(array.shape, array.dtype), state)
    shared.restore(state)
    return shared


class Playbook:
    """The segments that the network plays next, and where a Lava time step falls in them.

    Parameters
    ----------
    capacity : int
        Most segments at a time.
    steps_per_lava_step : int
        Steps of the model that a Lava time step advances; a segment's last one is padded.
    idle_steps : int
        Lava time steps before each segment in which only its first inputs are loaded.
    steps_per_message : int
        Steps of the model that a message between Meet and Predictor holds; a multiple of
        ``steps_per_lava_step``. A segment's messages begin with its first step.
    """

    def __init__(
        self, capacity: int, steps_per_lava_step: int, idle_steps: int, steps_per_message: int
    ) -> None:
        self.steps_per_lava_step = steps_per_lava_step
        self.steps_per_message = steps_per_message
        self._idle = idle_steps
        self._rows = shared_array((capacity,), _ROW)
        self._start = shared_array((capacity + 1,), np.int64)
        # Count of segments, and an edition number that tells a reader to look again.
        self._header = shared_array((2,), np.int64)
        self._edition = -1
        self._row = self._low = self._high = 0
        self._key = np.uint64(0)

    def write(self, segments: Sequence[Segment], first_time_step: int) -> int:
        """Lay out segments, at most ``capacity``, and return the Lava time steps that they take together.

        ``first_time_step`` is the number of the time step that comes next; Lava counts from 1. Call this only
        while the network pauses.
        """
        self._start[0] = first_time_step
        for row, segment in enumerate(segments):
            self._rows[row] = (_KINDS.index(segment.kind), *astuple(segment)[1:])
            lava_steps = self._idle + -(-segment.steps // self.steps_per_lava_step)
            self._start[row + 1] = self._start[row] + lava_steps
        self._header[0] = len(segments)
        self._header[1] += 1
        return int(self._start[len(segments)]) - first_time_step

    def locate(self, time_step: int) -> tuple[int, int]:
        """Return the row of a Lava time step's segment, and the model's first step in it or `IDLE`."""
        if not (self._low <= time_step < self._high) or self._edition != self._header[1]:
            self._look_up(time_step)
        offset = time_step - self._low - self._idle
        return self._row, IDLE if offset < 0 else offset * self.steps_per_lava_step

    def position(self, time_step: int) -> tuple[np.uint64, int]:
        """Return the noise key of a Lava time step's segment, and the step in it or `IDLE`."""
        _, step = self.locate(time_step)
        return self._key, step

    def segment(self, row: int) -> Segment:
        """Return a segment of the playbook."""
        kind, *values = self._rows[row].item()
        return Segment(_KINDS[kind], *values)

    def ends_with(self, time_step: int) -> bool:
        """Whether a Lava time step is the last of its segment."""
        self.locate(time_step)
        return time_step == self._high - 1

    def begins_message(self, step: int) -> bool:
        """Whether a message begins with this step of a segment, or an idle step."""
        return step < 0 or step % self.steps_per_message == 0

    def ends_message(self, time_step: int) -> bool:
        """Whether a Lava time step is the last that a message is about."""
        _, step = self.locate(time_step)
        following = step + self.steps_per_lava_step
        return step < 0 or following % self.steps_per_message == 0 or self.ends_with(time_step)

    def is_last(self, row: int) -> bool:
        """Whether nothing comes after a segment."""
        return row == int(self._header[0]) - 1

    def _look_up(self, time_step: int) -> None:
        """Keep where a time step's segment begins and ends: every Process asks in every step."""
        count = int(self._header[0])
        row = bisect_right(self._start, time_step, hi=count + 1) - 1
        if not 0 <= row < count:
            raise IndexError(f"time step {time_step} is in none of the {count} segments of the playbook")
        self._row, self._edition = row, int(self._header[1])
        self._low, self._high = int(self._start[row]), int(self._start[row + 1])
        self._key = self._rows["noise_key"][row]


class Logbook:
    """What happened while the segments of a playbook were played.

    Parameters
    ----------
    segments, steps, spikes : int
        Capacity: segments, steps of the model and spikes in all of them.
    state : State
        Gives the shapes of the weights and the number of counters.

    Attributes
    ----------
    prediction : (steps, 2 K + 1) float64
        z, W_what . x and |xc|^2 of each step, the segments end to end, in the arithmetic's numbers; integers
        stay below 2^53, and so exact.
    spikes : (2, spikes) uint32
        Step within the segment and cell of each spike, likewise.
    spike_count : (1,) int64
        Spikes so far.
    spikes_after, p, w_when, w_what : (segments, ...)
        Spikes so far, what readout and weights after each segment.
    saturations : (segments, V) int64
        The state's counters after each segment.
    progress : (1,) int64
        Grows with every Lava time step.
    """

    def __init__(self, segments: int, steps: int, spikes: int, state: State) -> None:
        events = state.z.size
        self.prediction = shared_array((steps, 2 * events + 1))
        self.spikes = shared_array((2, spikes), np.uint32)
        self.spike_count = shared_array((1,), np.int64)
        self.spikes_after = shared_array((segments,), np.int64)
        self.p = shared_array((segments, events))
        self.w_when = shared_array((segments, *state.when.w.shape))
        self.w_what = shared_array((segments, *state.what.w.shape))
        self.saturations = shared_array((segments, state.saturations.size), np.int64)
        self.progress = shared_array((1,), np.int64)

    def log_spikes(self, records: np.ndarray) -> None:
        """Append the spikes of one or more steps, (2, spikes): step and cell, in ascending order."""
        count = int(self.spike_count[0])
        self.spikes[:, count : count + records.shape[1]] = records
        self.spike_count[0] = count + records.shape[1]

    def log_segment(self, row: int, p: np.ndarray, state: State) -> None:
        """Note what a segment led to, after its last step."""
        self.spikes_after[row] = self.spike_count[0]
        self.p[row] = p
        self.w_when[row] = state.when.w
        self.w_what[row] = state.what.w
        self.saturations[row] = state.saturations


class Link(NamedTuple):
    """A link of a digest of a stream's network: what was added to which chain, with step and labels then.

    The last one of a message is of no chain.
    """

    chain: str
    step: int
    labels: int
    data: bytes


class EventBook:
    """What a stream's network is told next, a message each Lava time step, and what it answered.

    Parameters
    ----------
    capacity, links, size : int
        Most messages; and links of the digests and bytes of these.
    samples, labels : int
        Of a prediction.

    Attributes
    ----------
    messages : (capacity, 2) int64
        As for `LearnStream.event_in`.
    p, time_ms, o : (capacity, ...) float64
        The answers.
    progress : (1,) int64
        Grows with every Lava time step.
    """

    CHAINS = ("", "spikes", "prediction")

    def __init__(self, capacity: int, links: int, size: int, samples: int, labels: int) -> None:
        self.messages = shared_array((capacity, 2), np.int64)
        self.p, self.time_ms = shared_array((capacity, labels)), shared_array((capacity, labels))
        self.o = shared_array((capacity, samples, labels))
        self.progress = shared_array((1,), np.int64)
        self._data = shared_array((size,), np.uint8)
        # Of each link its row, chain, step, labels, and where its data ends.
        self._links = shared_array((links, 5), np.int64)
        # Time step of the first message, and count of links.
        self._header = shared_array((2,), np.int64)

    def write(self, messages: Sequence[tuple[int, int]], first_time_step: int) -> None:
        """Lay out messages, at most ``capacity``; call this only while the network pauses."""
        self.messages[: len(messages)] = messages
        self._header[:] = first_time_step, 0

    def row(self, time_step: int) -> int:
        """Return the row of a Lava time step's message and answer."""
        return time_step - int(self._header[0])

    def log_link(self, time_step: int, chain: str, step: int, labels: int, data: bytes) -> None:
        """Note a link of a digest."""
        count = int(self._header[1])
        low = int(self._links[count - 1, 4]) if count else 0
        self._data[low : low + len(data)] = np.frombuffer(data, np.uint8)
        row = self.row(time_step)
        self._links[count] = row, self.CHAINS.index(chain), step, labels, low + len(data)
        self._header[1] = count + 1

    def links(self, row: int) -> Iterator[Link]:
        """Yield the links made in answering the message of a row."""
        rows = self._links[: int(self._header[1])]
        for place in np.flatnonzero(rows[:, 0] == row).tolist():
            _, chain, step, labels, high = rows[place].tolist()
            low = int(rows[place - 1, 4]) if place else 0
            yield Link(self.CHAINS[chain], step, labels, self._data[low:high].tobytes())


class Parcel:
    """A value of any size that one process leaves for another, in a file without a name."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - as long as this lives

    def put(self, value: Any) -> None:
        """Leave a value in place of the last one."""
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)
        with open(self._file.fileno(), "wb", closefd=False) as file:
            pickle.dump(value, file, protocol=5)

    def get(self) -> Any:
        """Return the value."""
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)
        with open(self._file.fileno(), "rb", closefd=False) as file:
            return pickle.load(file)
