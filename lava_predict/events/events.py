"""Events of a stream: when each came, as a whole number of steps, and which label it had."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from lava_predict.errors import UserError, plain, real, short
from lava_predict.settings.plain_values import Either, Many, Maybe, check_plain

MEDIAN_GAP_MS = 400.0
"""The median gap becomes so long unless the user says how long a unit of time is, ms."""

LABELS_MAX = 64
MOST_MS_PER_UNIT = 1e300
"""Greatest length of a unit of time, ms."""

LONGEST_GAP = 2**31
"""Of two events of a sequence, steps."""


class Row(NamedTuple):
    """An event as it was written, in the n-th row; ``sequence`` is None if all events are of one."""

    time: int | float
    label: str
    sequence: str | None = None
    row: int = 0


class Event(NamedTuple):
    """An event as it is played.

    Attributes
    ----------
    step : int
        Since the first event of its sequence: time times ms per unit by dt, to the nearest, halves to even.
    label, sequence : int
        Numbered as they first appear.
    gap : int
        Steps since the event before; -1 for the first of a sequence, which nothing predicts.
    """

    step: int
    label: int
    sequence: int
    gap: int


_TIME = Either((int, float))
_INTAKE: dict[str, Any] = {
    "dt_ms": float,
    "ms_per_unit": float,
    "labels_max": int,
    "labels": [str],
    "events": int,
    "sequences": int,
    "simultaneous": int,
    "_start": _TIME,
    "_last": Many(Either((int, float, str, Maybe(str))), "fields"),
    "_step": int,
}
"""What `Intake.to_dict` returns."""


class Intake:
    """Gives events, as they come, their steps and numbers, or refuses them and stays as it was.

    Parameters
    ----------
    dt_ms, ms_per_unit : float
        Length of a step and of a unit of time.
    labels : sequence of str
        Those known before the first event.
    labels_max : int
        More labels are refused.

    Attributes
    ----------
    labels : list of str
        In order of first appearance.
    events, sequences, simultaneous : int
        How many came so far; ``simultaneous`` share their step with the event before.
    """

    def __init__(
        self, dt_ms: float, ms_per_unit: float, labels: Sequence[str] = (), labels_max: int = LABELS_MAX
    ) -> None:
        self.ms_per_unit = real("--ms-per-unit", ms_per_unit, 0.0, MOST_MS_PER_UNIT)
        self.dt_ms, self.labels_max = dt_ms, labels_max
        self.labels = _known(labels, labels_max)
        self._number = {label: number for number, label in enumerate(labels)}
        self.events = self.sequences = self.simultaneous = 0
        self._start: int | float = 0
        self._last = Row(0, "")
        self._step = 0

    def add(self, row: Row) -> Event:
        """Take the next event; raises `UserError` if it cannot come next."""
        first = self.events == 0 or row.sequence != self._last.sequence
        step, gap = (0, -1) if first else self._after_last(row)
        number = self._number.get(row.label, len(self.labels))
        if number == self.labels_max:
            raise UserError(
                f"row {row.row}: label {short(row.label)} is number {number + 1}; at most {number} labels "
                "are allowed; merge rare labels, choose another column with --label, or allow more with "
                "--set stream.labels_max=N"
            )
        if number == len(self.labels):
            self.labels.append(row.label)
            self._number[row.label] = number
        if first:
            self._start, self.sequences = row.time, self.sequences + 1
        self.events, self.simultaneous = self.events + 1, self.simultaneous + (gap == 0)
        self._last, self._step = row, step
        return Event(step, number, self.sequences - 1, gap)

    @property
    def step(self) -> int:
        """Step of the last event, since the first one of its sequence."""
        return self._step

    def number(self, label: str) -> int:
        """Return the number of a known label."""
        return self._number[label]

    def to_dict(self) -> dict[str, Any]:
        """Return all that came so far as plain values, for a checkpoint."""
        return {
            name: list(value) if isinstance(value, (list, tuple)) else value
            for name, value in vars(self).items()
            if name != "_number"
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Intake:
        """Go on from `to_dict`; raises a UserError if these are no such values."""
        check_plain(values, _INTAKE, {"fields": len(Row._fields)})
        intake = cls(values["dt_ms"], values["ms_per_unit"], values["labels"], values["labels_max"])
        kept = {name: values[name] for name in _INTAKE if name not in ("labels", "_last")}
        vars(intake).update(kept | {"_last": Row(*values["_last"])})
        return intake

    def _after_last(self, row: Row) -> tuple[int, int]:
        _refuse_to_go_back(self._last, row)
        steps = (row.time - self._start) * (self.ms_per_unit / self.dt_ms)
        if steps - self._step > LONGEST_GAP:
            raise UserError(
                f"row {row.row}: time {row.time!r} comes {steps - self._step:.3g} steps of {self.dt_ms:g} ms "
                f"after the event before; at most 2^31 = {LONGEST_GAP} are allowed; mend the time, lower "
                "--ms-per-unit, or begin a new sequence there (--sequence)"
            )
        step = round(steps)
        return step, step - self._step


@dataclass(frozen=True)
class Events:
    """A whole stream of E events.

    Attributes
    ----------
    time : (E,) int64 or float64
        As given.
    step, label, sequence, gap : (E,) int64
        Those of each `Event`.
    labels : tuple of str
        Names, in order of first appearance.
    dt_ms, ms_per_unit : float
        Length of a step and of a unit of time.
    simultaneous : int
        How many share their step with the event before.
    notes : tuple of str
        What was chosen for the user, and what he or she may not expect.
    """

    time: np.ndarray
    step: np.ndarray
    label: np.ndarray
    sequence: np.ndarray
    gap: np.ndarray
    labels: tuple[str, ...]
    dt_ms: float
    ms_per_unit: float
    simultaneous: int
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.step.size)

    def rows(self) -> Iterator[Row]:
        """Yield the events one by one, as they were read; sequences by number."""
        return map(self.row, range(len(self)))

    def row(self, number: int) -> Row:
        """Return an event, counted from 0, as `rows` does."""
        time, label = self.time[number].item(), self.labels[int(self.label[number])]
        return Row(time, label, str(int(self.sequence[number])), number + 1)

    @property
    def gap_ms(self) -> np.ndarray:
        """Time since the event before, (E,), ms; negative for the first of a sequence."""
        return np.asarray(self.gap * self.dt_ms)


def events_of(
    rows: Iterable[Row],
    *,
    dt_ms: float = 1.0,
    ms_per_unit: float | None = None,
    labels_max: int = LABELS_MAX,
    notes: Sequence[str] = (),
) -> Events:
    """Make events of rows; without ``ms_per_unit`` the median gap becomes `MEDIAN_GAP_MS`."""
    rows, said = list(rows), list(notes)
    if len(rows) < 2:
        raise UserError(
            f"{len(rows) or 'no'} event{'s' * (not rows)}: at least two are needed; give more rows"
        )
    if ms_per_unit is None:
        ms_per_unit = MEDIAN_GAP_MS / _median_gap(rows)
        said.append(f"ms per unit: {ms_per_unit:.6g}, so that the median gap is 400 ms (--ms-per-unit)")
    intake = Intake(dt_ms, ms_per_unit, labels_max=labels_max)
    step, label, sequence, gap = np.array([intake.add(row) for row in rows], np.int64).T
    if intake.simultaneous:
        said.append(
            f"events at the same step as the event before: {intake.simultaneous}, played in the file's order"
        )
    time, names = np.array([row.time for row in rows]), tuple(intake.labels)
    counted = (dt_ms, ms_per_unit, intake.simultaneous)
    return Events(time, step, label, sequence, gap, names, *counted, tuple(said))


def _known(labels: Any, labels_max: int) -> list[str]:
    """Return labels that are known before the first event; raises a UserError if they cannot be."""
    names = plain(labels)
    several = isinstance(names, Iterable) and not isinstance(names, str | bytes)
    names = list(names) if several else []
    if not several or not all(isinstance(name, str) and name for name in names):
        raise UserError(f"labels = {short(labels)}: must be a list of texts, such as ['A', 'B']")
    if len(set(names)) < len(names) or len(names) > labels_max:
        raise UserError(
            f"labels = {short(labels)}: must be different, and at most stream.labels_max = {labels_max}"
        )
    return names


def _median_gap(rows: list[Row]) -> float:
    """Return the median of the gaps above 0 within sequences, in units of time."""
    gaps = []
    for last, row in pairwise(rows):
        if row.sequence == last.sequence:
            _refuse_to_go_back(last, row)
            gaps += [row.time - last.time] * (row.time > last.time)
    if not gaps or not math.isfinite(MEDIAN_GAP_MS / float(np.median(gaps))):
        raise UserError(
            f"the median of {len(gaps)} gaps between events gives no length of a unit of time; "
            "say how many ms a unit lasts with --ms-per-unit"
        )
    return float(np.median(gaps))


def _refuse_to_go_back(last: Row, row: Row) -> None:
    if row.time < last.time:
        raise UserError(
            f"row {row.row}: time {row.time!r} is before the {last.time!r} of the event before; times must "
            "not go back within a sequence; sort the rows by time, or name the column that tells sequences "
            "apart with --sequence"
        )
