"""A run in progress on one engine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lava_predict.engines import Engine
from lava_predict.experiment import scores
from lava_predict.experiment.results import BlockResult, Probe, RunState, TrialRecord, block_results
from lava_predict.experiment.trial_loop import Progress, TrialLoop, score
from lava_predict.network.arithmetic import Arithmetic
from lava_predict.numerics.grid import on_grid
from lava_predict.tasks import Kind, Played, Segment, Task

_LOG = logging.getLogger(__name__)


class Session(TrialLoop):
    """Trains a network and tests it: the task lays the trials out, and whatever engine plays their segments.

    The arithmetic has the network's numbers and its settings.
    """

    def __init__(self, arithmetic: Arithmetic, task: Task, engine: Engine) -> None:
        super().__init__(task)
        self._arithmetic = arithmetic
        self._engine = engine
        self._state = RunState(engine.state, saturations=np.zeros(len(arithmetic.saturating), np.int64))
        if getattr(arithmetic.config.readout, "when_norm", "moment") == "constant":
            before = engine.state
            arithmetic.set_norm(before, unlearned_norm(task, engine))
            engine.restore(before)

    @property
    def state(self) -> RunState:
        """The whole state of the run, as a copy."""
        return replace(self._state.copy(), network=self._engine.state)

    def restore(self, state: RunState) -> None:
        """Go on from a state that `state` gave, in this session or another of the same configuration."""
        self._state = state.copy()
        self._engine.restore(state.network)

    @property
    def trials_done(self) -> int:
        """Training trials so far."""
        return len(self._state.trials)

    def close(self) -> None:
        """Give back what the engine holds; the state can still be read, but not advanced."""
        self._state = self.state
        self._engine.close()

    @property
    def saturations(self) -> dict[str, int]:
        """How often each variable of the integer network has hit its bounds; empty in float."""
        counts = self._state.saturations.tolist()
        return dict(zip(self._arithmetic.saturating, counts, strict=True))

    def blocks(self) -> list[BlockResult]:
        """Summarise every block that has been probed."""
        return block_results(self.task, self._state.trials, self._state.probes)

    def _play(self, segments: list[Segment]) -> Iterator[Played]:
        for played in self._engine.play(segments):
            self._state.saturations += played.saturations
            yield played

    def _train(self, block: int, last: int, progress: Progress | None) -> None:
        numbers = range(self.trials_done, last)
        segments = [segment for number in numbers for segment in self.task.trial(block, number)]
        spikes = steps = 0
        for played in self._play(segments):
            segment = played.segment
            spikes += played.spike_step.size
            steps += segment.steps
            self._state.fingerprint = self._state.fingerprint.after(played)
            if segment.kind is Kind.TRIAL:
                shown = (segment.cue, segment.outcome, self.task.occurrence_ms(segment))
                self._state.trials.append(TrialRecord(block, *shown, played.p, spikes, steps))
                spikes = steps = 0
                if progress is not None:
                    progress(self.trials_done, self.task.first_trials[-1])

    def _test(self, block: int, trials: int) -> None:
        """Present each cue alone, on a copy of the state."""
        if any((probe.block, probe.trials) == (block, trials) for probe in self._state.probes):
            return
        before = self._engine.state
        physical = self._arithmetic.physical(before)
        shown: list[list[Played]] = []
        steps = 0
        for cue in range(self.task.task.cues):
            shown.append([])
            for repeat in range(self.task.config.run.probe_repeats):
                for played in self._play(self.task.probe(block, self.trials_done, cue, repeat)):
                    steps += played.segment.steps
                shown[-1].append(played)
            self._engine.restore(before)
        found = score(self.task, block, [[(one.z, one.p) for one in repeats] for repeats in shown])
        causal = np.array([np.mean([self._causal(one) for one in repeats], axis=0) for repeats in shown])
        after = slice(self.task.cue_step, None)
        probe = Probe(
            block=block,
            trials=trials,
            **found._asdict(),
            o_causal=causal,
            error_causal=scores.cue_errors(causal[:, after], found.truth[:, after])[0],
            spike_step=tuple(repeats[0].spike_step for repeats in shown),
            spike_cell=tuple(repeats[0].spike_cell for repeats in shown),
            w_when=physical.when.w,
            w_what=physical.what.w,
            steps=steps,
        )
        self._state.probes.append(probe)
        _LOG.debug("block %d, tested after %d trials: error %.4f", block + 1, trials, probe.error)

    def _causal(self, played: Played) -> np.ndarray:
        """Return the prediction from what was known at each moment, (steps, K)."""
        p = scores.causal_estimate(played.what_drive, played.p, self.task.what_window)
        return scores.prediction(played.z, p)


def unlearned_norm(task: Task, engine: Engine) -> np.floating:
    """Return the mean |xc|^2 from the cue on in an unlearned trial; the engine's state is not put back."""
    *_, probe = engine.play([*task.settling(), *task.probe(0, 0, 0, 0)])
    return on_grid(probe.norm[task.cue_step :].mean())  # type: ignore[no-any-return]
