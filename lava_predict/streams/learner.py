"""A stream learned event by event, from Python."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lava_predict.errors import DAMAGED, UserError, real
from lava_predict.events import Event, Intake, Prediction, Row, row_of
from lava_predict.learning.streams.memory import LABEL, NOTHING, start_learned, start_ongoing
from lava_predict.network.layout import Expected, like_tree
from lava_predict.network.stream_network import Moment, StreamNetwork, StreamPlayer
from lava_predict.records.folder import write_file
from lava_predict.records.hdf5 import (
    FileKind,
    Reader,
    attribute,
    group_of,
    number,
    read_config,
    sign,
    text,
    write_tree,
)
from lava_predict.settings.files import load_preset, with_seed
from lava_predict.settings.schema import Config

KIND = FileKind("lava-predict stream", 1, "a learned stream", "the file that StreamLearner.save wrote")


class StreamLearner:
    """Learns a stream of events, each a time and a label, as they come.

    Parameters
    ----------
    labels : sequence of str
        Known before the first event. Others are accepted as they come, up to ``stream.labels_max``.
    preset : str
        Where the settings come from.
    seed : int, optional
        Replaces ``run.seed``.
    ms_per_unit : float
        How many ms of the network's time a unit of time lasts.
    config : Config, optional
        Settings, instead of those of the preset.
    precision : str
        "float", or "fixed" for integers.

    Examples
    --------
    >>> from lava_predict import StreamLearner
    >>> learner = StreamLearner(preset="stream", seed=1)
    >>> for n in range(6):
    ...     expected = learner.learn_one(time=300 * n, label="AB"[n % 2])
    >>> sorted(learner.predict_proba_one())
    ['A', 'B']
    """

    def __init__(
        self,
        labels: Sequence[str] = (),
        preset: str = "stream",
        seed: int | None = None,
        *,
        ms_per_unit: float = 1.0,
        config: Config | None = None,
        precision: str = "float",
    ) -> None:
        self.config = config = with_seed(load_preset(preset) if config is None else config, seed)
        self.intake = Intake(config.run.dt_ms, ms_per_unit, labels, config.stream.labels_max)
        self.network = StreamNetwork(config, len(self.intake.labels), precision)
        self.player: StreamPlayer | None = None
        self._last_time: int | float = 0

    def learn_one(
        self, time: int | float | str, label: str | int, sequence: str | None = None
    ) -> Prediction | None:
        """Learn an event, the next one of its sequence.

        Parameters
        ----------
        time : number or str
            When, in units of time; or a date and time.
        label, sequence : str or number
            What; and of which sequence, if there are several.

        Returns
        -------
        Prediction or None
            What was expected before the event came, with the time of this label alone; `predict` tells those
            of all. None for the first of a sequence.

        Raises
        ------
        UserError
            If the event cannot come next; then nothing has changed.
        """
        return self.learn_row(row_of(time, label, sequence, self.intake.events + 1))

    def learn_row(self, row: Row) -> Prediction | None:
        """Learn an event that has been read, as `learn_one`."""
        ((_, expected, _),) = self.learn_rows([row])
        return expected

    def learn_rows(self, rows: Sequence[Row]) -> Iterator[tuple[Event, Prediction | None, int]]:
        """Learn events that have been read; yield each, what was expected of it, and steps played so far.

        Together they take less time, most of all in Lava.
        """
        events = [self.intake.add(row) for row in rows]
        self._last_time = rows[-1].time
        for event, expected in zip(events, (self.player or self.network).play(events), strict=True):
            yield event, expected, self.network.step

    def predict(self) -> Prediction:
        """Say what comes next, for the known labels and last one that is new, and when, ms.

        This plays a copy on until the horizon, as if nothing came.
        """
        if self.network.moment.ongoing.now[LABEL] < 0:
            raise UserError("nothing can be predicted before the first event; learn one first")
        return self.network.ahead()

    def predict_proba_one(self) -> dict[str, float]:
        """Return the probability of each known label to be the next one; the rest is for a new label."""
        found: dict[str, float] = self.answer()["p"]
        return found

    def predict_one(self) -> tuple[str, float]:
        """Return the likeliest known label and its time, in units of time; NaN for no idea."""
        found = self.answer()["next"]
        return found["label"], float("nan") if found["time"] is None else found["time"]

    def answer(self) -> dict[str, Any]:
        """Return ``p`` of each known label, and ``next``: the likeliest with its time, or None."""
        prediction, labels = self.predict(), self.intake.labels
        likeliest = int(prediction.p[: len(labels)].argmax())
        time_ms = float(prediction.time_ms[likeliest])
        time = None if np.isnan(time_ms) else self._last_time + time_ms / self.intake.ms_per_unit
        p = dict(zip(labels, prediction.p.tolist(), strict=False))
        return {"p": p, "next": {"label": labels[likeliest], "time": time}}

    def expectation(self, horizon_ms: float | None = None) -> np.ndarray:
        """Return p z of each known label every 10 ms after the last event, (time, label)."""
        o = self.predict().o[:, : len(self.intake.labels)]
        if horizon_ms is None:
            return o
        longest = self.config.stream.horizon_ms
        horizon_ms = real("horizon_ms", horizon_ms, 0.0, longest)
        return o[: int(np.ceil(horizon_ms / longest * len(o)))]

    def get_params(self) -> dict[str, Any]:
        """Return what makes an equal learner, before its first event."""
        return {
            "ms_per_unit": self.intake.ms_per_unit,
            "config": self.config,
            "precision": self.network.precision,
        }

    def fingerprint(self) -> dict[str, str]:
        """Return digests over spikes, predictions and weights; equal ones mean the same bits."""
        return {**self.network.digest, "weights": self.network.weights_digest()}

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Write all that is needed to go on to a file."""

        def fill(file: h5py.File) -> None:
            self.write(file)
            sign(file)

        write_file(path, KIND.to_bytes(self.config, fill), overwrite)

    def copy(self) -> StreamLearner:
        """Return an equal learner, which learns on its own."""
        with h5py.File(io.BytesIO(KIND.to_bytes(self.config, self.write)), "r") as file:
            return self.read(file)

    @classmethod
    def load(cls, path: str | Path) -> StreamLearner:
        """Return a learner as `save` wrote it, to the bit."""
        with KIND.unaltered(path) as file:
            return cls.read(file)

    def write(self, file: h5py.File) -> None:
        """Write everything but the settings to an open file."""
        network = self.network
        file["intake"] = json.dumps(self.intake.to_dict())
        file.attrs.update({f"digest_{name}": value for name, value in network.digest.items()})
        file.attrs.update(last_time=self._last_time, precision=network.precision)
        write_tree(file.create_group("learned"), network.learned)
        write_tree(file.create_group("moment"), network.moment)
        write_tree(file.create_group("settled"), network.settled)

    @classmethod
    def read(cls, file: h5py.File) -> StreamLearner:
        """Return the learner that `write` wrote to a file."""
        config = read_config(file)
        intake = Intake.from_dict(json.loads(text(file, "intake")))
        precision = attribute(file, "precision", str)
        learner = cls((), ms_per_unit=intake.ms_per_unit, config=config, precision=precision)
        learner.intake, network = intake, learner.network
        learner._last_time = number(file, "last_time")
        reader, fixed = Reader({}), precision == "fixed"
        updates = reader.array(group_of(file, "learned"), "updates", Expected(("room",), ("int64",)))
        learned = like_tree(start_learned(network.config, updates.size, fixed))
        ongoing = like_tree(start_ongoing(network.config, updates.size, fixed))
        layout: Any = Moment(like_tree(network.moment.state), ongoing)
        network.learned = reader.tree(group_of(file, "learned"), learned)
        for name in ("moment", "settled"):
            moment = reader.tree(group_of(file, name), layout)
            if not NOTHING <= moment.ongoing.now[LABEL] < len(intake.labels):
                raise UserError(f"{name}/ongoing/now: names a label that has not come; {DAMAGED}")
            setattr(network, name, moment)
        network.digest = {name: attribute(file, f"digest_{name}", str) for name in network.digest}
        return learner
