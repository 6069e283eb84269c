"""The network as an estimator, in the manner of scikit-learn; it needs no scikit-learn itself."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import UserError, check_kind, digits, one_of, short
from lava_predict.events import Prediction, Scores, row_of
from lava_predict.experiment import scores
from lava_predict.experiment.experiment import Experiment
from lava_predict.experiment.given_trials import GivenTrials, Trial, settings_for
from lava_predict.experiment.session import Session
from lava_predict.settings.files import load_preset, with_seed
from lava_predict.settings.schema import Config
from lava_predict.streams.learner import StreamLearner
from lava_predict.tasks import NONE

if TYPE_CHECKING:
    from sklearn.utils import Tags

_PRESETS = {"trials": "robust", "events": "stream"}


class PredictionNetwork:
    """A network that learns trials (a cue, then one of several events or none) or a stream of events.

    The same network, rules and bits as those of `Experiment` and `StreamLearner`, which this wraps.

    Parameters
    ----------
    data : str
        "trials": X are cues, (n,) or (n, 1), numbers from 1 or names; y, (n, K), are the times of the K
        events, ms after the cue, NaN for an event that did not occur, with at most one in a row.
        "events": X, (n, 2) or (n, 3), has a time, a label and maybe a sequence in each row; there is no y.
    preset : str, optional
        Where the settings come from; "robust" for trials and "stream" for events unless given.
    seed : int, optional
        Replaces ``run.seed``.
    precision : str
        "float", or "fixed" for integers.
    settings : mapping of str to value, optional
        Settings to change, such as ``{"reservoir.neurons": 200}``. `set_params` takes them as
        ``reservoir__neurons=200``, too.
    ms_per_unit : float
        How many ms a unit of time of "events" lasts.

    Attributes
    ----------
    learner_ : StreamLearner or Session
        What has learned, after `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from lava_predict import PredictionNetwork
    >>> cues, times_ms = np.ones(20), np.full((20, 1), 300.0)
    >>> network = PredictionNetwork(preset="smoke", seed=1).fit(cues, times_ms)
    >>> network.predict([1]).shape
    (1, 1000, 1)
    """

    def __init__(
        self,
        data: str = "trials",
        preset: str | None = None,
        seed: int | None = None,
        precision: str = "float",
        settings: Mapping[str, Any] | None = None,
        ms_per_unit: float = 1.0,
    ) -> None:
        self.data = data
        self.preset = preset
        self.seed = seed
        self.precision = precision
        self.settings = settings
        self.ms_per_unit = ms_per_unit

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return what the network was made with; all that makes an equal one before it learns."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> PredictionNetwork:
        """Change parameters, or settings as ``section__key``; what has been learned stays until `fit`."""
        for name, value in params.items():
            if "__" in name:
                self.settings = {
                    **({} if self.settings is None else self.settings),
                    name.replace("__", "."): value,
                }
            elif name in self._names():
                setattr(self, name, value)
            else:
                raise UserError(f"{name} = {short(value)}: no such parameter; {one_of(name, self._names())}")
        return self

    def fit(self, X: Any, y: Any = None) -> PredictionNetwork:
        """Forget all that was learned, and learn X (and y)."""
        self._learned: _Trials | _Events = self._new(X, y)
        return self.partial_fit(X, y)

    def partial_fit(self, X: Any, y: Any = None) -> PredictionNetwork:
        """Go on learning, as if X (and y) had followed at once on what was learned before."""
        if not hasattr(self, "_learned"):
            self._learned = self._new(X, y)
        self._learned.learn(X, y)
        return self

    @property
    def learner_(self) -> Any:
        """What has learned: a `Session` (trials) or a `StreamLearner` (events)."""
        return self._fitted().learner

    def predict(self, X: Any) -> np.ndarray:
        """Return what is expected; nothing is learned from X.

        Returns
        -------
        ndarray
            For trials o, (n, steps from the cue on, K): the expectation of each event over time. For events
            the likeliest label of each, (n,) object, from those before it; None for the first of a sequence.
        """
        return self._fitted().predict(X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each event after each cue, (n, K), or of each known label, (n, L).

        Events are in the order of y's columns, and what is missing to 1 is the probability of none; labels
        are in the order of ``learner_.intake.labels``. The first of a sequence has NaN.
        """
        return self._fitted().predict_proba(X)

    def score(self, X: Any, y: Any = None) -> float:
        """Score predictions; more is better.

        For trials that is 1 - the squared error of o over that of predicting nothing, against the profile of
        the event that did occur in each trial. For events it is minus the mean log2 loss, bits.
        """
        return self._fitted().score(X, y)

    def __sklearn_tags__(self) -> Tags:
        from sklearn.utils import InputTags, Tags, TargetTags

        trials = self.data == "trials"
        inputs = InputTags(string=True, one_d_array=True)
        return Tags(None, TargetTags(required=trials, multi_output=trials), input_tags=inputs)

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def _config(self) -> Config:
        if not isinstance(self.data, str) or self.data not in _PRESETS:
            raise UserError(f"data = {short(self.data)}: {one_of(str(self.data), list(_PRESETS))}")
        settings = {} if self.settings is None else self.settings
        check_kind("settings", settings, Mapping, "a mapping, such as {'reservoir.neurons': 200}")
        preset = _PRESETS[self.data] if self.preset is None else self.preset
        return with_seed(load_preset(preset, settings), self.seed)

    def _new(self, X: Any, y: Any) -> _Trials | _Events:
        config = self._config()
        if self.data == "events":
            return _Events(
                StreamLearner(config=config, ms_per_unit=self.ms_per_unit, precision=self.precision)
            )
        return _Trials(config, self.precision, X, _times(y).shape[1])

    def _fitted(self) -> _Trials | _Events:
        if not hasattr(self, "_learned"):
            raise UserError("this network has learned nothing yet; call fit or partial_fit first")
        return self._learned


class _Trials:
    """A network of `Experiment` that learns given trials."""

    def __init__(self, config: Config, precision: str, X: Any, events: int) -> None:
        names = list(config.task.cue_names)
        given = [_cue(cue) for cue in np.ravel(np.asarray(X, object)).tolist()]
        cues = len(names) or max([config.task.cues, *(cue for cue in given if isinstance(cue, int))])
        self.task = GivenTrials(settings_for(config, cues, events))
        arithmetic = Experiment(self.task.config).arithmetic(precision)
        self.engine = CpuEngine(arithmetic, self.task)
        self.learner = Session(arithmetic, self.task, self.engine)

    def learn(self, X: Any, y: Any) -> None:
        trials = self._trials(X, y)
        self.task.given.extend(trials)
        self.learner.advance(len(trials))

    def predict(self, X: Any) -> np.ndarray:
        return self._of_cues(X, lambda played: scores.prediction(played.z, played.p)[self.task.cue_step :])

    def predict_proba(self, X: Any) -> np.ndarray:
        return np.clip(self._of_cues(X, lambda played: played.p), 0.0, 1.0)

    def score(self, X: Any, y: Any) -> float:
        trials, after = self._trials(X, y), slice(self.task.cue_step, None)
        if not any(one.outcome != NONE for one in trials):
            raise UserError(
                "y: no event occurred in any trial, so there is nothing to score; give such trials"
            )
        expected, came = self.predict(X), np.array([self.task.occurred(one)[after] for one in trials])
        return float(1.0 - np.sum((expected - came) ** 2) / np.sum(came**2))

    def _of_cues(self, X: Any, read: Any) -> np.ndarray:
        """Present each cue alone as a probe does; return the mean of what is read, a row for each of X."""
        cues = self._cues(X)
        found = {cue: self._presented(cue, read) for cue in set(cues)}
        return np.array([found[cue] for cue in cues])

    def _presented(self, cue: int, read: Any) -> np.ndarray:
        before, done, values = self.engine.state, self.learner.trials_done, []
        for repeat in range(self.task.config.run.probe_repeats):
            *_, played = self.engine.play(self.task.probe(0, done, cue, repeat))
            values.append(read(played))
        self.engine.restore(before)
        return np.asarray(np.mean(values, axis=0))

    def _cues(self, X: Any) -> list[int]:
        names = self.task.task.names_of_cues
        numbers: dict[Any, int] = {n + 1: n for n in range(len(names))} | {n: k for k, n in enumerate(names)}
        given = [_cue(cue) for cue in np.ravel(np.asarray(X, object)).tolist()]
        for cue in given:
            if cue not in numbers:
                raise UserError(
                    f"X: cue {short(cue)}: must be a number from 1 to {len(names)}, or one of "
                    f"{', '.join(names)}; more cues need settings={{'task.cues': N}} before the first fit"
                )
        return [numbers[cue] for cue in given]

    def _trials(self, X: Any, y: Any) -> list[Trial]:
        cues, times, task = self._cues(X), _times(y), self.task.task
        came = ~np.isnan(times)
        if times.shape != (len(cues), task.events) or came.sum(axis=1).max(initial=0) > 1:
            raise UserError(
                f"y: has the shape {times.shape}: must be ({len(cues)}, {task.events}), with the time of at "
                "most one event in a row, and NaN for the others"
            )
        if not ((times[came] >= 0.0) & (times[came] < task.after_ms)).all():
            raise UserError(f"y: times must be from 0 to below task.after_ms = {digits(task.after_ms)}")
        outcomes = np.where(came.any(axis=1), came.argmax(axis=1), NONE)
        latency = times[np.arange(len(cues)), outcomes]
        return [Trial(*one) for one in zip(cues, outcomes.tolist(), latency.tolist(), strict=True)]


class _Events:
    """A `StreamLearner` that learns rows of times and labels."""

    def __init__(self, learner: StreamLearner) -> None:
        self.learner = learner

    def learn(self, X: Any, y: Any) -> None:
        for _ in self.learner.learn_rows(_rows(X, "learned")):
            pass

    def predict(self, X: Any) -> np.ndarray:
        labels = np.array([*self.learner.intake.labels], object)
        rows = self.predict_proba(X)
        return np.array([None if np.isnan(row[0]) else labels[row.argmax()] for row in rows], object)

    def predict_proba(self, X: Any) -> np.ndarray:
        labels = len(self.learner.intake.labels)
        unknown = np.full(labels, np.nan)
        return np.array([unknown if one is None else one.p[:labels] for *_, one in self._expected(X)])

    def score(self, X: Any, y: Any) -> float:
        found = Scores(self.learner.config.stream.horizon_ms)
        losses = [found.add(one, label, gap)[0] for label, gap, one in self._expected(X) if one is not None]
        if not losses:
            raise UserError("X: holds no event after the first of a sequence, so there is nothing to score")
        return -float(np.mean(losses))

    def _expected(self, X: Any) -> list[tuple[int, float, Prediction | None]]:
        """Return label, gap (ms) and what was expected of each event, by a copy that learns them."""
        dt_ms = self.learner.config.run.dt_ms
        learned = self.learner.copy().learn_rows(_rows(X, "predicted"))
        return [(event.label, event.gap * dt_ms, expected) for event, expected, _ in learned]


def _cue(given: Any) -> int | str:
    """Return a cue as its name or its number, which may come as 1.0; a UserError for anything else."""
    if isinstance(given, str):
        return given
    number = math.nan if isinstance(given, bool) or not isinstance(given, Real) else float(given)
    if not number.is_integer():
        raise UserError(f"X: cue {short(given)}: must be a whole number from 1, or a name")
    return int(number)


def _times(y: Any) -> np.ndarray:
    """Return the times of events as (n, K) float64."""
    if y is None:
        raise UserError(
            "y is missing: give the time of each event in each trial, (n, K), in ms after the cue"
        )
    try:
        times = np.asarray(y, np.float64)
    except (TypeError, ValueError):
        times = np.empty(())
    if times.ndim not in (1, 2):
        raise UserError(
            f"y = {short(y)}: must be numbers, (n,) or (n, K); NaN for an event that did not occur"
        )
    return times[:, None] if times.ndim == 1 else times


def _rows(X: Any, sequence: str) -> list[Any]:
    """Return X as rows of a stream; those without a sequence belong to ``sequence``."""
    table = np.asarray(X, object)
    if table.ndim != 2 or table.shape[1] not in (2, 3):
        raise UserError(
            f"X: has the shape {table.shape}: must have a time, a label and maybe a sequence a row"
        )
    rows: Sequence[Any] = table.tolist()
    named = ((time, label, f"{sequence} {own[0]}" if own else sequence) for time, label, *own in rows)
    return [row_of(*row, number) for number, row in enumerate(named, start=1)]
