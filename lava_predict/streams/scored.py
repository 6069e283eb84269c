"""A learner scored as it goes, beside learners that only count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import h5py
import numpy as np

from lava_predict.events import Baselines, Event, Prediction, Row, Scores
from lava_predict.events.calibration import Calibration
from lava_predict.events.course import Course
from lava_predict.network.layout import like
from lava_predict.records.hdf5 import Reader, group_of
from lava_predict.streams.learner import StreamLearner
from lava_predict.streams.recent import Recent

_GROWING = {"kept_at": 0, "kept_sums": 0, "kept_errors": 0, "gaps": 1}
_GROWING |= {"events": 0, "o_step": 0, "o": 0, "spikes": 1}
"""Axes along which arrays of scores grow with the stream."""


class Scored(NamedTuple):
    """An event and what was expected of it.

    Attributes
    ----------
    label : int
        Its number.
    gap_ms : float
        Time since the event before, ms.
    expected : Prediction
        With p and o of all labels that the scores are over.
    log2_loss : float
        -log2 p of the label.
    """

    label: int
    gap_ms: float
    expected: Prediction
    log2_loss: float

    @property
    def time_error_ms(self) -> float:
        """Time stated for the label less the time at which it came, ms; NaN for none stated."""
        return float(self.expected.time_ms[self.label] - self.gap_ms)


class ScoredLearner:
    """Learns a stream and scores what it predicts; every event is predicted, then learned.

    Parameters
    ----------
    learner : StreamLearner
    labels : int
        How many labels the scores are over.
    total : int or None
        How many events will be predicted, where it is known. Where it is not, labels are not known either:
        the baselines spread p over those that came so far and one more.
    baselines : bool
        Whether learners that only count are scored beside it.

    Attributes
    ----------
    scores : Scores
    baselines : Baselines or None
    course : Course
        Of the network and the baselines.
    calibration : Calibration
    recent : Recent
    """

    def __init__(
        self, learner: StreamLearner, labels: int, total: int | None = None, baselines: bool = True
    ) -> None:
        horizon, width = learner.config.stream.horizon_ms, learner.config.task.event_width_ms
        self.learner, self.labels, self._total = learner, labels, total
        self.scores = Scores(horizon, total, width)
        self.baselines = Baselines(labels, horizon, total, width) if baselines else None
        self.course = Course(["network", *(self.baselines.names if self.baselines is not None else ())])
        self.calibration, self.recent = Calibration(horizon), Recent(learner.network, labels)

    def add(self, row: Row) -> Scored | None:
        """Score what was expected of an event and learn it; None for the first of a sequence."""
        (scored,) = self.add_all([row])
        return scored

    def add_all(self, rows: Sequence[Row]) -> list[Scored | None]:
        """Do so with events that are learned together, and scored when all are learned."""
        return [self._score(*learned) for learned in list(self.learner.learn_rows(rows))]

    def _score(self, event: Event, expected: Prediction | None, step: int) -> Scored | None:
        label, gap_ms = event.label, event.gap * self.learner.intake.dt_ms
        if expected is None:
            if self.baselines is not None:
                self.baselines.begin(label)
            self.recent.add(step, label, -1, np.empty(0))
            return None
        p, o = self._over_all(expected.p), self._over_all(expected.o)
        whole = Prediction(p, o, self._over_all(expected.time_ms, np.nan))
        found = self.scores.add(whole, label, gap_ms)
        scores, among = found[np.newaxis], expected.p.size if self._total is None else None
        if self.baselines is not None:
            scores = np.concatenate([scores, self.baselines.add(label, gap_ms, among)])
        self.course.add(scores)
        self.calibration.add(whole, label, gap_ms)
        self.recent.add(step, label, event.gap, o)
        return Scored(label, gap_ms, whole, float(found[0]))

    def summary(self) -> dict[str, Any]:
        """Return the scores of the network and of the baselines."""
        found: dict[str, Any] = {"scores": self.scores.summary()}
        return found if self.baselines is None else found | {"baselines": self.baselines.summary()}

    def write(self, file: h5py.File) -> None:
        """Write learner and scores to an open file."""
        self.learner.write(file)
        groups = {name: part.to_arrays() for name, part in self._parts().items()}
        if self.baselines is not None:
            groups |= {f"baselines/{name}": arrays for name, arrays in self.baselines.to_arrays().items()}
        for group, arrays in groups.items():
            for name, array in arrays.items():
                file[f"{group}/{name}"] = array

    def read(self, file: h5py.File) -> None:
        """Go on from what `write` wrote; raises a UserError if it is not of as many labels and events."""
        self.learner = StreamLearner.read(file)
        self.recent.hear(self.learner.network)
        for name, part in self._parts().items():
            part.from_arrays(_read_like(group_of(file, name), part.to_arrays()))
        if self.baselines is not None:
            group = group_of(file, "baselines")
            fresh = self.baselines.to_arrays()
            self.baselines.from_arrays(
                {name: _read_like(group_of(group, name), fresh[name]) for name in fresh}
            )

    def _parts(self) -> dict[str, Scores | Course | Calibration | Recent]:
        return {name: getattr(self, name) for name in ("scores", "course", "calibration", "recent")}

    def _over_all(self, part: np.ndarray, nothing: float = 0.0) -> np.ndarray:
        """Give an array over the labels known so far, on its last axis, a place for all labels.

        The entry of a label that is new is that of the one that will come next for the first time.
        """
        whole = np.full((*part.shape[:-1], self.labels), nothing)
        known = min(self.labels, part.shape[-1])
        whole[..., :known] = part[..., :known]
        return whole


def _read_like(group: h5py.Group, fresh: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Read arrays that must be as fresh ones, but for their values and the length that grows."""
    reader, found = Reader({}), {}
    for name, array in fresh.items():
        shape: list[int | str] = [*array.shape]
        if (axis := _GROWING.get(name, array.ndim)) < array.ndim:
            shape[axis] = f"length of {name.split('_')[0]}"
        found[name] = reader.array(group, name, like(array)._replace(shape=tuple(shape)))
    return found
