"""The Lava Processes of the network; this package needs lava-nc, and without it cannot be imported."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from lava_predict.lazy import public_face
from lava_predict.newer_python import lava_is_missing

if find_spec("lava") is None:
    raise ModuleNotFoundError(f"{__name__} {lava_is_missing()}", name="lava")

if TYPE_CHECKING:
    from lava_predict.processes.event_sparse.process import EventSparse
    from lava_predict.processes.feed_events.process import FeedEvents
    from lava_predict.processes.izhikevich.process import Izhikevich
    from lava_predict.processes.learn_stream.process import LearnStream
    from lava_predict.processes.meet.process import Meet
    from lava_predict.processes.on_chip_readout.process import OnChipReadout
    from lava_predict.processes.predictor.process import Predictor
    from lava_predict.processes.readout.process import Readout
    from lava_predict.processes.reservoir.process import Reservoir
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
