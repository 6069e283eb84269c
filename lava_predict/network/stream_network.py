"""A network that learns a stream: it plays the steps between events, predicts, and learns at events."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from lava_predict.errors import Caution, RunError, UserError, whole
from lava_predict.events.events import LONGEST_GAP, Event
from lava_predict.events.scores import Prediction
from lava_predict.learning.streams.memory import (
    AHEAD,
    ELAPSED,
    LABEL,
    NOTHING,
    PUT,
    SATURATING,
    STEP,
    Ongoing,
    make_room,
    start_learned,
    start_ongoing,
)
from lava_predict.learning.streams.peak import peak_sample, smoothing
from lava_predict.network.arithmetic import PRECISIONS, arithmetic_of
from lava_predict.network.draw import draw_network
from lava_predict.network.state import State, mapped, not_finite, on_cache_lines, overwrite
from lava_predict.network.stream_rules import rules_of
from lava_predict.network.stream_step import advance_kernel
from lava_predict.numerics.noise import STREAM, key_of
from lava_predict.settings.schema import Config, check_config

BEGIN, GATHER = -1, -2
"""Instead of the steps before an event: it begins a sequence; in Lava: leave what is learned to the host."""

_MOST_SPIKES = 1_000_000
AFTER_MS = 50.0
"""A label's time is looked for until so long after its longest gap so far in this context."""


class Moment(NamedTuple):
    """Reservoir and rules between two steps, all but what is learned."""

    state: State
    ongoing: Ongoing

    def copy(self) -> Moment:
        """Return a moment that shares no memory with this one."""
        return mapped(on_cache_lines, self)


class StreamPlayer(Protocol):
    """What plays a stream's network: itself, on the cpu, or another engine."""

    def play(self, events: Iterable[Event]) -> Iterator[Prediction | None]:
        """Learn events; yield what was expected of each, None for the first of a sequence."""

    def gather(self) -> None:
        """Bring the network up to date with what has been played."""

    def close(self) -> None:
        """Give the network back, up to date or not."""


class StreamNetwork:
    """A network that learns a stream of numbered labels, on the cpu.

    Labels are numbered as they first come. Of K known ones p has K + 1: the last is for a label that is new.

    Parameters
    ----------
    config : Config
        Its task is not used but for ``cue_ms`` and ``event_width_ms``.
    labels : int
        How many labels are known before the first event.
    precision : str
        "float", or "fixed": integers as ``config.fixed`` describes them.

    Attributes
    ----------
    moment, settled : Moment
        Now; and at the start of each sequence.
    learned : Learned
        What stays.
    digest : dict of str to str
        Chains of SHA-256 over the events so far: of spikes (step, cell) and of predictions (p, o,
        as float64).
    chunk : int
        Steps in a link of the chain of spikes, counted from the event before; the last one has fewer.
    heard : callable or None
        Is given spikes between events as they come, (n, 2) uint32, not to be kept: step (modulo 2^32), cell.
    """

    def __init__(self, config: Config, labels: int = 0, precision: str = "float") -> None:
        check_config(config)
        labels = whole("labels", labels, 0, config.stream.labels_max)
        if precision not in PRECISIONS:
            raise UserError(f"precision = {precision!r}: must be one of {', '.join(PRECISIONS)}")
        if config.readout.rule != "annealed_delta":
            raise UserError(
                f"readout.rule = {config.readout.rule!r}: streams need 'annealed_delta'; choose it"
            )
        if precision == "fixed" and config.fixed.learning != "own":
            raise UserError(
                f"fixed.learning = {config.fixed.learning!r}: streams are learned by this package's own "
                'rules; set it to "own"'
            )
        task = config.task.model_copy(update={"cues": config.stream.labels_max})
        self.config = config.model_copy(update={"task": task})
        self.precision = precision
        arithmetic = arithmetic_of(self.config, draw_network(self.config), precision)
        self._network, self._k = arithmetic.network, arithmetic.constants
        self._saturating, self._plan = arithmetic.saturating, arithmetic.plan
        self._arithmetic = rules_of(self.config, arithmetic)
        self._rules = self._arithmetic.constants
        self._sample_ms = self._rules.sample * config.run.dt_ms
        self._smoothing = smoothing(task.event_width_ms / self._sample_ms)
        self._advance = advance_kernel(arithmetic.kernels, self._arithmetic.kernels.listen)
        self._key = key_of(config.run.seed, config.run.draws.noise, STREAM)
        cells, nothing = config.reservoir.neurons, np.empty(0)
        self.chunk = max(1, _MOST_SPIKES // cells)
        self._room: Any = (
            np.empty(task.cues, arithmetic.number),
            on_cache_lines(arithmetic.current),
            np.empty(cells, np.int64),
        )
        self._spikes = np.empty((self.chunk * cells, 2), np.uint32)
        room = max(4, labels + 1)
        fixed = precision == "fixed"
        self.learned = mapped(on_cache_lines, start_learned(self.config, room, fixed))
        self.learned.labels[0] = min(labels + 1, config.stream.labels_max)
        state: Any = arithmetic.start
        state = state._replace(when=nothing, what=nothing)
        self.moment = Moment(state, start_ongoing(self.config, room, fixed)).copy()
        self.digest = {"spikes": "", "prediction": ""}
        self.heard: Callable[[np.ndarray], None] | None = None
        self._play(self.moment, config.steps(config.stream.settle_ms), True)
        self.settled, self._spare = self.moment.copy(), self.moment.copy()

    @property
    def step(self) -> int:
        """How many steps have been played."""
        return int(self.moment.ongoing.now[STEP])

    @property
    def labels(self) -> int:
        """How many labels p is spread over."""
        return int(self.learned.labels[0])

    @property
    def sample(self) -> int:
        """Steps from one reading of o to the next."""
        return self._rules.sample

    def content(self) -> dict[str, Any]:
        """Return all that changes; it shares memory with the network."""
        return {name: getattr(self, name) for name in ("learned", "moment", "settled", "digest")}

    def restore(self, content: dict[str, Any]) -> None:
        """Put the network where another one of the same settings was when it gave its `content`."""
        vars(self).update(content)

    def play(self, events: Iterable[Event]) -> Iterator[Prediction | None]:
        """Learn events; yield what was expected of each, None for the first of a sequence."""
        for event in events:
            yield self.hear(event.gap, event.label)

    def check_finite(self) -> None:
        """Raise a RunError if any part of what changes is not finite."""
        trees = (self.learned, self.moment)
        if broken := [name for tree in trees for name in not_finite(tree)]:
            raise RunError(
                f"the network diverged (not finite: {', '.join(broken)}); lower stream.first_rate, "
                "readout.first_rate or the synapses' charge"
            )

    def gather(self) -> None:
        """Do nothing: all is here."""

    def close(self) -> None:
        """Do nothing, as it plays itself."""

    def hear(self, gap: int, label: int) -> Prediction | None:
        """Learn the event that comes after so many steps, as `play`; or wait, if the label is `NOTHING`."""
        self._check(gap, label)
        if gap == BEGIN:
            self.begin(label)
            return None
        if label == NOTHING:
            return self.wait(gap)
        expected = self.advance(gap, label)
        self.learn(label)
        return expected

    def wait(self, steps: int) -> Prediction:
        """Play so many steps in which nothing comes; return what is expected by now, without times."""
        self._play(self.moment, steps, True, "spikes")
        ongoing = self.moment.ongoing
        formed = ongoing.now[ELAPSED] >= self._rules.window
        p = ongoing.p[: self.labels] * (self._arithmetic.unit * formed)
        return Prediction(p, self._o_so_far(), np.full(self.labels, np.nan))

    def begin(self, label: int) -> None:
        """Begin a sequence with an event that nothing has predicted; the network is as it was settled."""
        if self.moment.ongoing.now[LABEL] >= 0:
            self._play(self.moment, self.moment.ongoing.first.size, True)  # What is in the ring is learned.
        self._settle()
        self._take(label, self.moment.ongoing)

    def advance(self, steps: int, label: int = NOTHING) -> Prediction:
        """Play the steps that are left until the next event; return what was expected of it.

        With ``stream.times`` the time of this label alone is stated. p and time are those of `ahead` after
        the last event.
        """
        self._play(self.moment, steps, True, "spikes")
        self._seen = self._seen_ahead(label)
        p, o = self._seen.p[: self.labels] * self._arithmetic.unit, self._o_so_far()
        self._link("prediction", np.concatenate((p, o.ravel())).astype("<f8", copy=False).tobytes())
        time_ms = np.full(self.labels, np.nan)
        if label != NOTHING:
            time_ms[label] = self._time_ms(self._seen, label)
        return Prediction(p, o, time_ms)

    def learn(self, label: int) -> None:
        """Learn the event that came after `advance`."""
        self._take(label, self._seen)

    def ahead(self) -> Prediction:
        """Say what comes next, from a copy that is played on until the horizon as if nothing came.

        o is p z, not revised while nothing comes.
        """
        moment, labels = self.moment.copy(), self.labels
        steps = self._rules.sample * moment.ongoing.o.shape[0]
        self._play(moment, max(0, steps - int(moment.ongoing.now[ELAPSED])), False)
        unit = self._arithmetic.unit
        p, z = moment.ongoing.p[:labels] * unit, np.clip(moment.ongoing.z[:, :labels] * unit, 0.0, 1.0)
        time_ms = np.array([self._time_ms(moment.ongoing, label) for label in range(labels)])
        return Prediction(p, p * z, time_ms)

    def weights_digest(self) -> str:
        """Return the SHA-256 over all weights, as little-endian float64, integers as they are."""
        labels = int(self.learned.labels[0])
        digest = hashlib.sha256()
        for w in (self.learned.label_w, self.learned.time_w):
            used = w.reshape(self.learned.room, self.learned.room, -1)[:labels, :labels]
            digest.update(used.astype("<f8").tobytes())
        return digest.hexdigest()

    @property
    def saturations(self) -> dict[str, int]:
        """How often each variable in integers has hit its bounds; empty in float."""
        found = dict(zip(self._saturating, self.moment.state.saturations.tolist(), strict=True))
        return found | dict(zip(SATURATING, self.learned.saturations.tolist(), strict=False))

    @property
    def warnings(self) -> list[Caution]:
        """What parameters lose in integers; none in float."""
        return [*(self._plan.warnings if self._plan else ()), *self._arithmetic.warnings]

    def _o_so_far(self) -> np.ndarray:
        """Return o of the samples since the last event, (S, K)."""
        ongoing = self.moment.ongoing
        return ongoing.o[: ongoing.now[ELAPSED] // self._rules.sample, : self.labels] * self._arithmetic.unit

    def _check(self, gap: int, label: int) -> None:
        """Raise a UserError if this cannot come next."""
        least = 0 if gap == BEGIN else NOTHING
        if not least <= label < self.labels:
            raise UserError(
                f"label = {label}: must be {least} .. {self.labels - 1}; number labels as they first come, "
                "or say beforehand how many there are: StreamNetwork(config, labels)"
            )
        if not BEGIN <= gap <= LONGEST_GAP:
            raise UserError(
                f"gap = {gap}: must be 0 .. {LONGEST_GAP} steps, or {BEGIN} for the first event of a sequence"
            )
        if gap != BEGIN and label != NOTHING and self.moment.ongoing.now[LABEL] < 0:
            raise UserError(f"gap = {gap}: no event came before; give {BEGIN} with the first of a sequence")

    def _settle(self) -> None:
        """Go back to where the network has settled; steps, and so the noise, go on."""
        step, old = int(self.moment.ongoing.now[STEP]), int(self.settled.ongoing.now[STEP])
        _, ongoing = fresh = self.settled.copy()
        fresh.state.saturations[:] = self.moment.state.saturations
        slots = ongoing.first.size
        ongoing.due[:] = np.roll(ongoing.due, (step - old) % slots)
        ongoing.now[:PUT] = (step, 0, NOTHING, NOTHING)
        self.moment = fresh

    def _take(self, label: int, seen: Ongoing) -> None:
        most = self.config.stream.labels_max
        if label + 2 > self.learned.room and self.learned.room <= most:
            old = self.learned
            learned, ongoing = make_room(old, self.moment.ongoing, self.config, label + 2)
            self.learned = mapped(on_cache_lines, learned)
            self.moment = self.moment._replace(ongoing=ongoing)
            settled = make_room(old, self.settled.ongoing, self.config, label + 2)[1]
            self.settled = self.settled._replace(ongoing=settled)
        bits, x, p = seen.bits.copy(), seen.label_x.copy(), seen.p.copy()
        self._arithmetic.kernels.take_event(
            self._rules, self.moment.ongoing, self.learned, label, bits, x, p, most
        )

    def _seen_ahead(self, label: int) -> Ongoing:
        """Return the moment once p is formed and the time of a label, if asked for, can be stated.

        If that is later, it is of a copy that is played on as if nothing came.
        """
        moment, spare = self.moment, self._spare
        left = max(self._rules.window, self._latest(label)) - int(moment.ongoing.now[ELAPSED])
        if left <= 0:
            return moment.ongoing
        if spare.ongoing.p.size != self.learned.room:
            spare = self._spare = moment.copy()
        overwrite(spare.state, moment.state)
        for name in AHEAD:
            np.copyto(getattr(spare.ongoing, name), getattr(moment.ongoing, name))
        self._play(spare, left, False)
        return spare.ongoing

    def _latest(self, label: int) -> int:
        """Return the step after the last event until which a label's time is looked for; 0 for none."""
        last = self.moment.ongoing.now[LABEL]
        longest = int(self.learned.longest[last * self.learned.room + label])
        if not self.config.stream.times or label == NOTHING or longest == 0:
            return 0
        after = int(AFTER_MS / self.config.run.dt_ms)
        return min(longest + after, self._rules.sample * len(self.moment.ongoing.o))

    def _play(self, moment: Moment, steps: int, learning: bool, chain: str = "") -> None:
        while steps > 0:
            now = min(steps, self.chunk)
            count = self._advance(
                self._network, self._k, moment.state, self._rules, moment.ongoing, self.learned,
                now, learning, self._key, *self._room, self._spikes
            )  # fmt: skip
            steps -= now
            if chain:
                self._link(chain, self._spikes[:count].astype("<u4", copy=False).tobytes())
                if self.heard is not None:
                    self.heard(self._spikes[:count])
        if learning and not all(np.isfinite(array.sum()) for array in moment.state.cells):
            self.check_finite()

    def _link(self, chain: str, data: bytes) -> None:
        self.digest[chain] = hashlib.sha256(bytes.fromhex(self.digest[chain]) + data).hexdigest()

    def _time_ms(self, ongoing: Ongoing, label: int) -> float:
        """Return when z of a label, smoothed over an event's width, is greatest, ms; NaN if it never is high.

        It depends on nothing after `_latest`, whenever the next event comes.
        """
        samples = self._latest(label) // self._rules.sample
        if samples == 0:
            return np.nan
        place = peak_sample(ongoing.z[:samples, label], self._arithmetic.unit, self._smoothing)
        return float((place + 1.0) * self._sample_ms)
