"""The learner that only counts, against counting by hand."""

import numpy as np
import pytest

from lava_predict import Experiment, load_preset
from lava_predict.experiment.counting import counted
from lava_predict.tasks import NONE
from lava_predict.tasks.meet import Meet

TWO_CUES = "probability=[[0.6, 0.3], [0.2, 0.8]], latency_ms=[[300, 600], [500, 200]]"
TURNS = [
    "task.cues=2",
    f"task.blocks=[{{trials=5, {TWO_CUES}, cues=[2]}}, {{trials=6, {TWO_CUES}}}]",
    "run.probe_trials=[0, 3]",
    "reservoir.neurons=60",
]


def test_frequency_times_profile_at_the_mean_time() -> None:
    meet = Meet(load_preset("smoke", ["task.cues=2"]))
    trials = [(0, 0, 280.0), (0, NONE, np.nan), (0, 1, 600.0), (1, 1, 500.0), (0, 0, 340.0)]
    cue, outcome, latency = (np.array(column) for column in zip(*trials, strict=True))
    found, t = counted(meet, cue, outcome, latency), meet.times_ms
    expected = np.zeros((2, t.size, 2))
    expected[0, :, 0] = 2 / 4 * np.exp(-((t - 310) ** 2) / (2 * 40**2))
    expected[0, :, 1] = 1 / 4 * np.exp(-((t - 600) ** 2) / (2 * 40**2))
    expected[1, :, 1] = np.exp(-((t - 500) ** 2) / (2 * 40**2))
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("jitter", [0, 60])
def test_its_errors_in_a_run_are_those_of_counting_all_trials_before_each_probe(jitter: int) -> None:
    result = Experiment(load_preset("smoke", [*TURNS, f"task.latency_sd_ms={jitter}"])).run()
    trials, first = result.state.trials, [0, 5]
    assert [list(block.baseline["counting"]) for block in result.blocks] == [[0, 3, 5], [0, 3, 6]]
    for probe in result.state.probes:
        seen = trials[: first[probe.block] + probe.trials]
        squares = []
        for cue in (1,) if probe.block == 0 else (0, 1):
            own = [trial for trial in seen if trial.cue == cue]
            o = np.zeros((1000, 2))
            for event in (0, 1):
                times = [trial.latency_ms for trial in own if trial.outcome == event]
                if times:
                    away = np.arange(1000) - np.mean(times)
                    o[:, event] = len(times) / len(own) * np.exp(-((away / 40) ** 2) / 2)
            squares.append(np.mean((o - probe.truth[cue, 200:]) ** 2))
        found = result.blocks[probe.block].baseline["counting"][probe.trials]
        assert found == pytest.approx(np.sqrt(np.mean(squares)))
    assert result.blocks[0].baseline["counting"][0] == result.blocks[0].zero_error
