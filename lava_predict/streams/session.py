"""A whole stream learned from its first event to its last, with checkpoints on the way."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lava_predict.errors import UserError
from lava_predict.events import Events, Row
from lava_predict.network.stream_network import StreamPlayer
from lava_predict.records.folder import PREDICTIONS, UnfinishedRun
from lava_predict.records.hdf5 import attribute, sign
from lava_predict.registry import ENGINES
from lava_predict.settings.schema import Config
from lava_predict.streams.learner import KIND, StreamLearner
from lava_predict.streams.scored import Scored, ScoredLearner

KEEP_EVERY_S, TELL_EVERY_S = 10.0, 0.5
"""How much work a stopped command can lose, and how often progress is told, in seconds."""

TOGETHER, STEPS_TOGETHER = 100, 50_000
"""At most so many events, and about so many steps, are played before anything is scored and kept."""


class StreamSession:
    """Learns the events of a stream and writes what was expected of each.

    Parameters
    ----------
    config : Config
        Settings.
    events : Events
        The stream.
    source : mapping
        Where the events came from, plain values, so that a stopped session can read them again.
    precision : str
        As for `StreamLearner`.
    backend : str
        Name of an engine that plays streams: "cpu", "fpga-sim" or "lava", with the same bits.

    Attributes
    ----------
    scored : ScoredLearner
        The network and all scores.
    done : int
        Events learned.
    wall_s : float
        How long that took.
    """

    def __init__(
        self,
        config: Config,
        events: Events,
        source: dict[str, Any],
        precision: str = "float",
        backend: str = "cpu",
    ) -> None:
        self.config, self.events, self.source, self.backend = config, events, source, backend
        learner = StreamLearner(config=config, ms_per_unit=events.ms_per_unit, precision=precision)
        self.scored = ScoredLearner(learner, len(events.labels), int(np.sum(events.gap >= 0)))
        self.done, self.wall_s, self._written = 0, 0.0, 0

    def run(
        self,
        files: UnfinishedRun,
        progress: Callable[[int, int], None] | None = None,
        watch: Callable[[ScoredLearner, Row, Scored | None], None] | None = None,
    ) -> None:
        """Learn the rest of the events; the folder gets predictions.csv and checkpoints.

        ``progress`` is called every `TELL_EVERY_S`, ``watch`` after each event.
        """
        with files.appended(PREDICTIONS, self._written) as table, self._player() as player:
            if self._written == 0:
                table.write(_line(self._header()))
            kept = told = started = time.perf_counter()
            before_s = self.wall_s

            def keep() -> None:
                table.flush()
                os.fsync(table.fileno())
                self._written = table.tell()
                player.gather()
                self.scored.learner.network.check_finite()
                self.wall_s = before_s + time.perf_counter() - started
                files.keep(self.to_bytes(), self.done > 0)

            keep()
            while self.done < len(self.events):
                until = self.done + self._together(watch is not None)
                rows = [self.events.row(number) for number in range(self.done, until)]
                for row, scored in zip(rows, self.scored.add_all(rows), strict=True):
                    if scored is not None:
                        table.write(_line(self._fields(row, scored)))
                    self.done += 1
                    if watch is not None:
                        watch(self.scored, row, scored)
                now = time.perf_counter()
                if now - kept > KEEP_EVERY_S:
                    keep()
                    kept = time.perf_counter()
                if progress is not None and now - told > TELL_EVERY_S:
                    progress(self.done, len(self.events))
                    told = now
            keep()

    def summary(self) -> dict[str, Any]:
        """Return what summary.json says of the stream."""
        learner = self.scored.learner
        simulated_s = learner.network.step * self.config.run.dt_ms / 1000.0
        return {
            "preset": self.config.preset,
            "seed": self.config.run.seed,
            "backend": self.backend,
            "precision": learner.network.precision,
            "events": len(self.events),
            "labels": self.events.labels,
            "ms_per_unit": self.events.ms_per_unit,
            **self.scored.summary(),
            "fingerprint": learner.fingerprint(),
            "saturations": learner.network.saturations,
            "timing": {
                "wall_s": self.wall_s,
                "simulated_s": simulated_s,
                "real_time_factor": simulated_s / max(self.wall_s, 1e-9),
            },
        }

    def to_bytes(self) -> bytes:
        """Return the session as an HDF5 file, which is one of `StreamLearner.save` too."""

        def fill(file: h5py.File) -> None:
            self.scored.write(file)
            file.attrs.update(done=self.done, wall_s=self.wall_s, written=self._written)
            file.attrs.update(source=json.dumps(self.source), events=_digest(self.events))
            sign(file)

        return KIND.to_bytes(self.config, fill)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint of the same stream."""
        with KIND.unaltered(path) as file:
            if attribute(file, "events", str) != _digest(self.events):
                raise UserError("the events are not those of the stopped run; give it the same file")
            self.scored.read(file)
            self.done, self.wall_s = attribute(file, "done", int), attribute(file, "wall_s", float)
            self._written = attribute(file, "written", int)
            if not 0 <= self.done <= len(self.events) or self._written < 0:
                raise UserError(
                    f"attributes done and written: are {self.done} of {len(self.events)} events and "
                    f"{self._written} bytes; the file is damaged; use another copy"
                )

    @contextmanager
    def _player(self) -> Iterator[StreamPlayer]:
        """Let the backend play the network as long as the context lasts."""
        learner = self.scored.learner
        with closing(ENGINES.get(self.backend).stream_player(learner.network)) as learner.player:
            yield learner.player
        learner.player = None

    def _together(self, watched: bool) -> int:
        """Return how many of the next events are played before anything else is done."""
        if watched and self.backend != "lava":
            return 1
        steps = self.events.gap[self.done : self.done + TOGETHER].clip(0).cumsum()
        return max(1, int(steps.searchsorted(STEPS_TOGETHER, "right")))

    def _header(self) -> list[str]:
        p = [f"p_{label}" for label in self.events.labels]
        return ["time", "label", *p, "log2_loss", "predicted_time", "time_error_ms"]

    def _fields(self, row: Row, scored: Scored) -> list[Any]:
        error_ms = scored.time_error_ms
        stated = "" if np.isnan(error_ms) else row.time + error_ms / self.events.ms_per_unit
        error = "" if np.isnan(error_ms) else abs(error_ms)
        return [row.time, row.label, *scored.expected.p.tolist(), scored.log2_loss, stated, error]


def _line(fields: list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue().encode()


def _digest(events: Events) -> str:
    """Return a SHA-256 over times, labels and sequences."""
    digest = hashlib.sha256(json.dumps(events.labels).encode())
    for array in (events.step, events.label, events.sequence):
        digest.update(array.astype("<i8").tobytes())
    return digest.hexdigest()
