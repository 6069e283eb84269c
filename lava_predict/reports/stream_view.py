"""A stream as it is learned, in the terminal: what is expected, the last events, scores beside counting."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lava_predict.events import Prediction, Row
from lava_predict.reports.page import shown_label
from lava_predict.streams.scored import Scored, ScoredLearner

REFRESH_S = 0.125
_MISSING = "–"
_COLOURS = ("blue", "red", "green", "magenta", "yellow", "cyan")
_BLOCKS = " ▁▂▃▄▅▆▇█"
_COUNTING = ("order0", "order1", "order2", "forgetting")
_MOST_LABELS, _MOST_EVENTS, _OTHER_LINES = 16, 8, 14


class Seen(NamedTuple):
    """An event: its time and label, the label's p and lateness (ms, NaN for no time stated), bits lost."""

    time: int | float
    label: str
    p: float
    late_ms: float
    log2_loss: float


@dataclass(frozen=True)
class View:
    """What is shown at a moment.

    Attributes
    ----------
    done, total : int, int or None
        Events so far, and of the whole stream.
    labels : sequence of str
    expected : Prediction
        What comes next, of the labels and one that is new.
    horizon_ms : float
    last : sequence of Seen
        The last events, the newest last.
    scores : sequence of (str, float, float, float, float)
        Name of a predictor; its log2 loss over the last events and over all; accuracy; error of time, ms.
    over : int
        How many the last events are.
    """

    done: int
    total: int | None
    labels: Sequence[str]
    expected: Prediction
    horizon_ms: float
    last: Sequence[Seen]
    scores: Sequence[tuple[str, float | None, float | None, float | None, float | None]]
    over: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Fit into the terminal: of many labels the most probable ones, of the last events the newest."""
        room = console.height - _OTHER_LINES
        labels = max(2, min(len(self.labels), _MOST_LABELS, room - 3))
        events = max(1, min(_MOST_EVENTS, room - labels))
        done = f"{self.done:,} events" if self.total is None else f"{self.done:,} of {self.total:,} events"
        expected, last = self._expected(labels, options.max_width), self._last(events)
        yield Group(Text(done, "bold"), Text(), expected, Text(), last, Text(), self._scores())

    def _expected(self, rows: int, width: int) -> Table:
        p, o, time_ms = self.expected
        known = p[: len(self.labels)]
        likeliest = np.sort(np.argsort(-known, kind="stable")[:rows])
        names = [shown_label(self.labels[label]) for label in likeliest]
        full = max(0.01, float(o[:, likeliest].max(initial=0.0)))
        left = max(len("next"), *map(len, names))
        columns = max(10, min(len(o), width - left - 22))
        head = f"expected within {self.horizon_ms:g} ms; full height {full:.2f}"
        table = _table("next", "p", head[:columns], "at (ms)", left=("next", head[:columns]))
        for label, name in zip(likeliest.tolist(), names, strict=True):
            when = _MISSING if np.isnan(time_ms[label]) else f"{time_ms[label]:.0f}"
            hill = Text(bars(o[:, label] / full, columns), style=_colour(label))
            table.add_row(Text(name), f"{known[label]:.0%}", hill, when)
        return table

    def _last(self, rows: int) -> Table:
        table = _table("time", "came", "its p", "bits lost", "late (ms)", left=("came",))
        for seen in list(self.last)[-rows:]:
            late = _MISSING if np.isnan(seen.late_ms) else f"{seen.late_ms:+.0f}"
            colour = _colour(self.labels.index(seen.label))
            came = Text(shown_label(seen.label), colour)
            table.add_row(f"{seen.time:.12g}", came, f"{seen.p:.0%}", f"{seen.log2_loss:.2f}", late)
        return table

    def _scores(self) -> Table:
        latest = f"bits, last {self.over:,}"
        table = _table("scores", latest, "bits, all", "accuracy", "time error (ms)", left=("scores",))
        forms = (".3f", ".3f", ".0%", ".0f")
        for name, *values in self.scores:
            cells = (
                _MISSING if one is None else format(one, f) for one, f in zip(values, forms, strict=True)
            )
            table.add_row(name, *cells, style="bold" if name == "network" else "")
        return table


def _colour(label: int) -> str:
    return _COLOURS[label % len(_COLOURS)]


def _table(*names: str, left: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        table.add_column(Text(name), justify="left" if name in left else "right", no_wrap=True)
    return table


def bars(heights: np.ndarray, columns: int) -> str:
    """Return so many block characters, each as high as the greatest of its share of heights, 0 to 1."""
    tops = [part.max(initial=0.0) for part in np.array_split(heights, columns)]
    return "".join(_BLOCKS[round(8 * min(top, 1.0))] for top in tops)


class Watch:
    """Shows a stream while it is learned.

    Parameters
    ----------
    live : rich.live.Live
        Where.
    total : int or None
        Events of the whole stream.
    every_s : float
        Least time between two refreshes.
    """

    def __init__(self, live: Live, total: int | None, every_s: float) -> None:
        self._live, self._total, self._every_s = live, total, every_s
        self._last: deque[Seen] = deque(maxlen=_MOST_EVENTS)
        self._shown_s = -np.inf

    def add(self, scored: ScoredLearner, row: Row, found: Scored | None) -> None:
        """Take note of an event that has been learned, and refresh what is shown if it is time."""
        if found is not None:
            p, late_ms = float(found.expected.p[found.label]), -found.time_error_ms
            self._last.append(Seen(row.time, row.label, p, late_ms, found.log2_loss))
        now = time.monotonic()
        if now - self._shown_s >= self._every_s:
            self._live.update(view(scored, self._last, self._total), refresh=True)
            self._shown_s = time.monotonic()


def view(scored: ScoredLearner, last: Sequence[Seen], total: int | None) -> View:
    """Return what is to be shown of a learner; this plays a copy on until the horizon."""
    learner, course = scored.learner, scored.course.running()
    found = {
        "network": scored.scores.summary(),
        **({} if scored.baselines is None else scored.baselines.summary()),
    }
    rows = []
    for name in ("network", *(name for name in _COUNTING if name in found)):
        one = found[name]["all"]
        recorded = scored.course.names.index(found[name].get("chosen_in_hindsight", name))
        latest = float(course.log2_loss[recorded, -1]) if course.events.size else None
        rows.append((name, latest, one["log2_loss"], one["accuracy"], one["time_error_ms"]))
    horizon = learner.config.stream.horizon_ms
    done, labels = learner.intake.events, list(learner.intake.labels)
    return View(done, total, labels, learner.predict(), horizon, tuple(last), rows, course.over)


@contextmanager
def watching(console: Console, total: int | None, every_s: float = REFRESH_S) -> Iterator[Watch]:
    """Show a stream on a terminal; what is printed there goes above it.

    What was shown last stays if the end of the stream is not known.
    """
    here = sys.stdout.isatty()
    with Live(console=console, auto_refresh=False, transient=total is not None, redirect_stdout=here) as live:
        yield Watch(live, total, every_s)
