"""Streams of events (time, label): reading, learners that only count, scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.events.counting import Baselines, Counting
    from lava_predict.events.events import Event, Events, Intake, Row, events_of
    from lava_predict.events.examples import Example, best_possible, draw_statistics, example
    from lava_predict.events.reading import Columns, live_rows, read_events, row_of
    from lava_predict.events.scores import Prediction, Scores
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
