"""Other readouts on the same reservoir and the same streams, for comparing learning rules.

Without feedback the reservoir does not depend on what is read out of it. So it is played once, in float64
and over the segments that an experiment lays out; its traces are shown to any number of rules, which learn
in the trials and are probed on the cue alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lava_predict.engines.cpu import CpuEngine
from lava_predict.errors import UserError, digits
from lava_predict.experiment.experiment import Experiment
from lava_predict.experiment.session import unlearned_norm
from lava_predict.experiment.trial_loop import Progress, TrialLoop, score
from lava_predict.learning.on_traces import Chunk, LocalRules, Rule
from lava_predict.learning.readouts import Z_LIMIT
from lava_predict.network.arithmetic import FloatArithmetic
from lava_predict.network.draw import Network
from lava_predict.network.state import State
from lava_predict.network.step import Constants
from lava_predict.numerics.binding import bind, part
from lava_predict.numerics.noise import fold
from lava_predict.settings.files import with_seed
from lava_predict.settings.schema import Config
from lava_predict.tasks import Kind, Segment

_CHUNK_STEPS = 500
"""Steps whose traces are held at a time: 8 MB at 1,000 cells."""

_Read = tuple[np.ndarray, np.ndarray]
"""When readout of a segment, (steps, K), and what readout, (K,)."""

reservoir_step = trace_step = part  # Bound to those of the network.


def trace_rows(
    network: Network,
    k: Constants,
    state: State,
    level: np.ndarray,
    noise_key: np.uint64,
    first_step: int,
    cue_step: int,
    learning: bool,
    i_in: np.ndarray,
    spiking: np.ndarray,
    x_rows: np.ndarray,
    xc_rows: np.ndarray,
    cue_rows: np.ndarray,
) -> None:
    """Advance reservoir and traces by a chunk of steps, as the float network's `advance`, with no readout.

    The rows of ``x_rows``, (steps, N), ``xc_rows``, (steps, inputs), and ``cue_rows``, (steps,), are
    overwritten with the traces, the when readout's input and the cue in each step; the other arguments are
    those of `step.advance`.
    """
    for row in range(level.shape[0]):
        step = first_step + row
        step_key = fold(noise_key, np.uint64(step))
        count = reservoir_step(network, k, state, level[row], step_key, i_in, spiking)
        since, xc = step - cue_step, xc_rows[row]
        cue_rows[row] = trace_step(k.when, state.when, state.what, spiking, count, since, learning, xc)
        for j in range(state.when.x.size):
            x_rows[row, j] = state.when.x[j]


@dataclass(frozen=True)
class ReplayedProbe:
    """A cue-only test of one rule, averaged over its repeats as in `Probe`, with fields of the same names.

    All but block, trials and ``zero_error`` are NaN once the rule has diverged. ``w_when`` and ``w_what`` are
    the rule's `Rule.w_when` and `Rule.w_what`.
    """

    block: int
    trials: int
    z: np.ndarray
    o: np.ndarray
    p: np.ndarray
    error: float
    zero_error: float
    w_when: np.ndarray
    w_what: np.ndarray


class Replay(TrialLoop):
    """The reservoir and the streams of one configuration, for any number of rules.

    Parameters
    ----------
    config : Config
        Settings; ``reservoir.feedback_gain`` must be 0, and ``readout.rule``, whose traces are shown, must
        have a ``trace_step`` (`lava_predict.learning.when`).
    seed : int, optional
        Replaces ``run.seed``.

    Raises
    ------
    UserError
        If the readout is fed back, as every rule would then need its own reservoir, or the when rule does not
        keep its traces apart from what it learns.
    """

    def __init__(self, config: Config, seed: int | None = None) -> None:
        config = with_seed(config, seed)
        gain = config.reservoir.feedback_gain
        if gain != 0.0:
            raise UserError(
                f"reservoir.feedback_gain = {digits(gain)}: must be 0 to compare learning rules on one "
                "reservoir"
            )
        if getattr(config.readout, "causal", False):
            raise UserError(
                "readout.causal = true: must be false to compare learning rules on one reservoir, which are "
                "shown gates and targets step by step"
            )
        experiment = Experiment(config)
        super().__init__(experiment.task)
        self.config = experiment.config
        self._arithmetic = FloatArithmetic(experiment.config, experiment.network)
        rule, when = self._arithmetic.parts.rule, self._arithmetic.start.when
        if not hasattr(rule, "trace_step"):
            raise UserError(
                f"readout.rule = {config.readout.rule!r}: has no trace_step, so that its traces cannot be "
                "shown to other rules; choose another rule, or give it one (docs/developer.md)"
            )
        self._i_in, self._spiking = np.empty(when.x.size), np.empty(when.x.size, np.int64)
        sizes = (when.x.shape, rule.scratch(when).shape)
        self._rows = tuple(np.empty((_CHUNK_STEPS, *size)) for size in sizes)
        self._cue = np.empty(_CHUNK_STEPS, np.int64)
        reservoir = self._arithmetic.kernels.reservoir_step
        self._trace_rows = bind(trace_rows, reservoir_step=reservoir, trace_step=rule.trace_step)
        self._begin({})

    @property
    def trials_done(self) -> int:
        """Training trials so far."""
        return self._done

    def input_norms(self) -> tuple[float, float]:
        """Measure the size of both readouts' inputs.

        Returns the mean |xc|^2 from the cue on in its first presentation before any trial, and the square of
        what the what readout reads, |x|^2, in the trial after that.
        """
        engine = CpuEngine(self._arithmetic, self.task)
        norm = unlearned_norm(self.task, engine)
        *_, trial = engine.play(self.task.trial(0, 0))
        # As of a probe: the trial's own end has already moved what is subtracted.
        x, _, _ = self._arithmetic.reading(engine.state, replace(trial.segment, kind=Kind.PROBE))
        return float(norm), float(x @ x)

    def local_rules(self) -> LocalRules:
        """Return the package's own rules before the first trial."""
        state = self._arithmetic.start.copy()
        if getattr(self.config.readout, "when_norm", "moment") == "constant":
            self._arithmetic.set_norm(
                state, unlearned_norm(self.task, CpuEngine(self._arithmetic, self.task))
            )
        return LocalRules(self.config, state.when, state.what)

    def run(self, rules: Mapping[str, Rule]) -> dict[str, list[ReplayedProbe]]:
        """Play the whole experiment once, from its start, and let all rules learn from it.

        Each rule learns on its own, in place. A rule whose when readout is not finite, or beyond +-`Z_LIMIT`,
        is stopped; the others go on. Returns each rule's probes, at ``run.probe_trials`` of every block and
        at its end.
        """
        self._begin(rules)
        self.advance(self.task.first_trials[-1])
        return self._probes

    def _begin(self, rules: Mapping[str, Rule]) -> None:
        self._state = self._arithmetic.start.copy()
        self._done, self._rules, self._going = 0, dict(rules), dict(rules)
        self._probes: dict[str, list[ReplayedProbe]] = {name: [] for name in rules}

    def _train(self, block: int, last: int, progress: Progress | None) -> None:
        for number in range(self._done, last):
            for segment in self.task.trial(block, number):
                self._play(segment, self._going)
        self._done = last

    def _test(self, block: int, trials: int) -> None:
        """Present each cue alone, on copies of state and rules."""
        before, cues = self._state.copy(), range(self.config.task.cues)
        shown: dict[str, list[list[_Read]]] = {name: [[] for _ in cues] for name in self._going}
        for cue in cues:
            copies = {name: rule.copy() for name, rule in self._going.items()}
            for repeat in range(self.config.run.probe_repeats):
                for segment in self.task.probe(block, self._done, cue, repeat):
                    for name, read in self._play(segment, copies).items():
                        shown[name][cue].append(read)
            self._state.restore(before)
        for name, rule in self._rules.items():
            found = self._summarise(block, trials, rule, shown[name] if name in self._going else None)
            self._probes[name].append(found)

    def _play(self, segment: Segment, rules: dict[str, Rule]) -> dict[str, _Read]:
        """Play a segment to the rules and return what they read; one that diverges leaves."""
        z: dict[str, list[np.ndarray]] = {name: [] for name in rules}
        for chunk in self._chunks(segment):
            for name, rule in list(rules.items()):
                z[name].append(rule.step(segment, chunk))
                if not np.abs(z[name][-1]).max() <= Z_LIMIT:
                    rules.pop(name)
                    self._going.pop(name, None)
        if segment.kind is Kind.PAUSE:
            return {}
        reading = self._arithmetic.reading(self._state, segment)
        return {name: (np.concatenate(z[name]), rule.end(segment, reading)) for name, rule in rules.items()}

    def _chunks(self, segment: Segment) -> Iterator[Chunk]:
        """Play a segment and give its traces, some steps at a time."""
        arithmetic, state = self._arithmetic, self._state
        arithmetic.enter(segment, state)
        level, gate, target = self.task.streams(segment)
        key = np.uint64(segment.noise_key)
        for first in range(0, segment.steps, _CHUNK_STEPS):
            part = slice(first, min(first + _CHUNK_STEPS, segment.steps))
            x, xc, cue = (rows[: part.stop - first] for rows in (*self._rows, self._cue))
            network = (arithmetic.network, arithmetic.constants, state)
            into = (self._i_in, self._spiking, x, xc, cue)
            self._trace_rows(*network, level[part], key, first, segment.cue_step, segment.learning, *into)
            arithmetic.check_finite(segment, first, False, state)
            yield Chunk(first, x, xc, gate[part], target[part], cue)

    def _summarise(
        self, block: int, trials: int, rule: Rule, read: list[list[_Read]] | None
    ) -> ReplayedProbe:
        """Score what a rule has read; if it has diverged (``read`` is None), all is NaN."""
        weights = [rule.w_when.copy(), rule.w_what.copy()]
        if read is None:
            z = np.full_like(self.task.truth(block, 0), np.nan)
            read = [[(z, z[0])]] * self.config.task.cues
            weights = [np.full_like(w, np.nan) for w in weights]
        found = score(self.task, block, read)
        return ReplayedProbe(
            block, trials, found.z, found.o, found.p, found.error, found.zero_error, *weights
        )
