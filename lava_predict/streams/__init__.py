"""Learns a stream of events as they come, and predicts the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.network.stream_network import StreamNetwork
    from lava_predict.streams.learned import LearnedStream
    from lava_predict.streams.learner import StreamLearner
    from lava_predict.streams.scored import Scored, ScoredLearner
    from lava_predict.streams.session import StreamSession
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
