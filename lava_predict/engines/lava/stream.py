"""A stream learned by a network in Lava: builds the Processes, runs them under supervision, and cleans up."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from lava_predict.engines.lava.needs import check_lava
from lava_predict.events import Event, Prediction
from lava_predict.learning.streams.memory import NOTHING, STEP
from lava_predict.network.shared_memory import EventBook
from lava_predict.network.stream_network import BEGIN, GATHER, StreamNetwork

_MOST_MESSAGES = 100
_CHUNKS = 50
"""So many of the network's chunks of steps are played at a time; the book has room for all their spikes."""


class _Message(NamedTuple):
    """What the network is told; the event of a message is None if only time passes."""

    gap: int
    label: int
    event: Event | None = None


class LavaStream:
    """Plays the events of a stream in Lava, as `StreamNetwork.play` does and to the same bits.

    Parameters
    ----------
    network : StreamNetwork
        Where it begins. Its digests and its count of steps follow the events; all else stays as it is until
        `gather`.

    Raises
    ------
    UserError
        Without Lava.
    """

    def __init__(self, network: StreamNetwork) -> None:
        check_lava()
        self._network = network
        labels, samples = network.config.stream.labels_max, len(network.moment.ongoing.o)
        self._most_steps = _CHUNKS * network.chunk
        # Of each spike step and cell, 4 bytes each; of a prediction p and o. Pages in use count only.
        size = 8 * (
            self._most_steps * network.config.reservoir.neurons + _MOST_MESSAGES * labels * (samples + 1)
        )
        self._book = EventBook(_MOST_MESSAGES, 3 * _MOST_MESSAGES + _CHUNKS, size, samples, labels)
        self._time_step = 1
        self._run: Any = None

    def play(self, events: Iterable[Event]) -> Iterator[Prediction | None]:
        """Learn events; yield what was expected of each, None for the first of a sequence."""
        messages: list[_Message] = []
        steps = 0
        for event in events:
            for message in self._messages(event):
                steps += max(0, message.gap)
                if len(messages) == _MOST_MESSAGES or steps > self._most_steps:
                    yield from self._play_together(messages)
                    messages, steps = [], max(0, message.gap)
                messages.append(message)
        yield from self._play_together(messages)

    def gather(self) -> None:
        """Bring the network up to date."""
        if self._run is not None:
            self._exchange([_Message(GATHER, NOTHING)])
            self._process.gather()

    def close(self) -> None:
        """Stop the network and give back all processes and memory."""
        if self._run is not None:
            self._run.stop()
            self._run = None

    def _messages(self, event: Event) -> Iterator[_Message]:
        """Split a long gap where the chain of spikes has a new link anyway."""
        gap, most = event.gap, self._most_steps
        while gap > most:
            yield _Message(most, NOTHING)
            gap -= most
        yield _Message(gap, event.label, event)

    def _play_together(self, messages: list[_Message]) -> Iterator[Prediction | None]:
        if messages:
            self._exchange(messages)
        for row, message in enumerate(messages):
            labels = self._link(row)
            if message.event is not None:
                yield None if message.gap == BEGIN else self._prediction(row, labels, message.event.gap)

    def _link(self, row: int) -> int:
        """Link the digests as the model did; return how many labels the prediction is over."""
        network, labels = self._network, 0
        for link in self._book.links(row):
            network.moment.ongoing.now[STEP] = link.step
            if link.chain:
                network._link(link.chain, link.data)
                labels = link.labels
            if link.chain == "spikes" and network.heard is not None:
                network.heard(np.frombuffer(link.data, "<u4").reshape(-1, 2))
        return labels

    def _prediction(self, row: int, labels: int, gap: int) -> Prediction:
        book = self._book
        samples = gap // self._network.sample
        return Prediction(
            book.p[row, :labels].copy(),
            book.o[row, :samples, :labels].copy(),
            book.time_ms[row, :labels].copy(),
        )

    def _exchange(self, messages: list[_Message]) -> None:
        """Let the Processes exchange messages and answers."""
        if self._run is None:
            self._build()
        self._book.write([message[:2] for message in messages], self._time_step)
        try:
            self._run.run(len(messages))
        except BaseException:
            self.close()
            raise
        self._time_step += len(messages)

    def _build(self) -> None:
        """Make the Processes and connect them; they start with the first run."""
        from lava_predict.engines.lava.supervised import SupervisedRun, import_lava

        import_lava()
        from lava.magma.core.run_configs import Loihi2SimCfg

        from lava_predict.processes.feed_events.models import PyFeedEvents
        from lava_predict.processes.feed_events.process import FeedEvents
        from lava_predict.processes.learn_stream.models import PyLearnStreamFloat
        from lava_predict.processes.learn_stream.process import LearnStream

        self._compile_kernels()
        self._process = LearnStream(network=self._network, book=self._book)
        host = FeedEvents(book=self._book)
        host.event_out.connect(self._process.event_in)
        self._process.p_out.connect(host.p_in)
        self._process.time_out.connect(host.time_in)
        self._process.o_out.connect(host.o_in)
        # The network knows its numbers, so the same models serve both precisions.
        models = {self._process: PyLearnStreamFloat, host: PyFeedEvents}
        configuration = Loihi2SimCfg(exception_proc_model_map=models)
        self._run = SupervisedRun(host, configuration, lambda: int(self._book.progress[0]))

    def _compile_kernels(self) -> None:
        """Compile, or load, in this process what the model calls, so that no child has to."""
        one = copy.copy(self._network)
        one.restore(copy.deepcopy(one.content()))
        one.heard = None
        one._link = lambda chain, data: None  # type: ignore[method-assign]
        for _ in range(2):
            one.begin(0)
        one.advance(1, 0)
        one.learn(0)
