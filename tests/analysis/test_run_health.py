"""Warnings of a run, on results of which what is wrong is known."""

from dataclasses import replace

import numpy as np
import pytest

from lava_predict import Experiment, Result, load_preset
from lava_predict.analysis.run_health import run_warnings

pytestmark = pytest.mark.slow

BLOCK = "{{trials=12, probability=[0.9, 0.1], latency_ms=[300, 600]{}}}"


def run(*settings: str, blocks: tuple[str, ...] = ("",)) -> Result:
    laid_out = f"task.blocks=[{', '.join(BLOCK.format(more) for more in blocks)}]"
    few = ["run.probe_trials=[0, 3]", "reservoir.neurons=60", "task.settle_ms=400"]
    return Experiment(load_preset("smoke", [*few, laid_out, *settings])).run()


@pytest.fixture(scope="module")
def result() -> Result:
    return run()


@pytest.fixture(scope="module")
def two_cues() -> Result:
    return run("task.cues=2", blocks=(", cues=[1]", ", cues=[2]"))


def altered(result: Result, number: int = 0, **fields: object) -> list[str]:
    """Warnings of a result whose blocks are as the network had learned perfectly, but for some fields."""
    blocks = []
    for place, block in enumerate(result.blocks):
        good = {
            "error_by_cue": dict.fromkeys(block.error, 0.1 * block.zero_error_by_cue),
            "peak_ms": np.array(block.latency_ms),
        }
        blocks.append(replace(block, **(good | (fields if place == number else {}))))
    return [str(warning) for warning in run_warnings(replace(result, blocks=blocks))]


def test_a_run_that_has_learned_warns_of_nothing(result: Result, two_cues: Result) -> None:
    assert altered(result) == altered(two_cues) == []


@pytest.mark.parametrize("preset", ["smoke", pytest.param("robust", marks=pytest.mark.long)])
def test_a_preset_warns_of_nothing(preset: str) -> None:
    assert run_warnings(Experiment(load_preset(preset)).run()) == []


def test_an_error_above_that_of_nothing_counts_from_the_first_quarter_on(result: Result) -> None:
    (zero,) = result.blocks[0].zero_error_by_cue
    at = {0: np.array([2 * zero]), 3: np.array([1.5 * zero]), 12: np.array([1.25 * zero])}
    (warning,) = altered(result, error_by_cue=at)
    assert "block 1: the error after 3, 12 of 12 trials is 1.50, 1.25 times that of predicting" in warning
    assert "train for longer (task.blocks[0].trials)" in warning
    counting = result.blocks[0].baseline["counting"][12] / result.blocks[0].zero_error
    assert f"only counts ends at {counting:.2f}" in warning
    early = at | {3: np.array([0.5 * zero]), 12: np.array([0.5 * zero])}
    assert altered(result, error_by_cue=early) == []


def test_a_cue_that_is_forgotten_is_named(two_cues: Result) -> None:
    zero = two_cues.blocks[1].zero_error_by_cue
    at = {trials: np.array([1.1, 0.1]) * zero for trials in (0, 3, 12)}
    (warning,) = altered(two_cues, 1, error_by_cue=at)
    assert "block 2, cue 1: the error after 3, 12 of 12 trials is 1.10, 1.10 times" in warning
    assert "does not show this cue; show it in between (task.blocks[1].cues)" in warning


@pytest.mark.parametrize(
    ("peak", "said"),
    [
        (341.0, "event A, due at 300 ms, is predicted at 341 ms, 41 ms too late, although it occurred"),
        (158.0, "event A, due at 300 ms, is predicted at 158 ms, 142 ms too early"),
        (np.nan, "event A, due at 300 ms, is predicted nowhere (below 0.02)"),
        (260.0, None),
    ],
)
def test_a_peak_elsewhere_is_said_with_its_distance(result: Result, peak: float, said: str | None) -> None:
    warnings = altered(result, peak_ms=np.array([[peak, 600.0]]))
    assert len(warnings) == (said is not None)
    assert said is None or said in warnings[0]


def test_the_peak_of_an_event_that_hardly_occurred_is_no_matter(result: Result) -> None:
    assert sum(trial.outcome == 1 for trial in result.state.trials) < 5
    assert altered(result, peak_ms=np.array([[300.0, 100.0]])) == []


@pytest.mark.parametrize("precision", ["float", "fixed"])
def test_a_silent_network_is_named(precision: str) -> None:
    cells = ["reservoir.excitatory.bias=0", "reservoir.inhibitory.bias=0", "reservoir.cue_fraction=0.1"]
    config = load_preset("smoke", [*cells, "run.probe_trials=[0]", "reservoir.neurons=60"])
    warnings = run_warnings(Experiment(config).run(precision=precision))
    assert "of the cells did not spike in any test: the network is silent; raise the cells' bias" in str(
        warnings[0]
    )


def test_a_saturated_network_is_named() -> None:
    warnings = run_warnings(run("reservoir.excitatory.bias=60", "reservoir.inhibitory.bias=60"))
    assert "Hz on average: the network is saturated; lower reservoir.excitatory_charge" in str(warnings[0])
