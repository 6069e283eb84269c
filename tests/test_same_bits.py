"""The same bits on every Python and NumPy that the package supports; run this file to write them again.

The suite runs on the oldest and on the newest Python, and same_bits.json is the same for both.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lava_predict import Experiment, StreamLearner, load_preset
from lava_predict.tasks import example

RECORDED = Path(__file__).with_name("same_bits.json")

FIRST_BLOCK = "task.blocks=[{trials=100, probability=[0.7, 0.3], latency_ms=[300, 600]}]"
OTHER_PARTS = (
    "reservoir.neuron=adaptive_lif",
    "reservoir.delay_ms=[1, 20]",
    "reservoir.feedback_gain=0.3",
    "task.cues=2",
    "task.cue_overlap=0.4",
    "task.latency_sd_ms=60",
    "readout.causal=true",
    "run.dt_ms=0.5",
    "task.blocks=[{trials=3, probability=[0.6, 0.3], latency_ms=[300, 600]}]",
)
GATED = ("readout.rule=gated_delta", "readout.when_norm=constant")
RUNS = {
    "smoke": ("smoke", ()),
    "smoke, gated_delta": ("smoke", GATED),
    "smoke, other parts": ("smoke", OTHER_PARTS),
    "robust, first block": ("robust", (FIRST_BLOCK,)),
}
MARKOV = "learn --example markov --events 200"
PRECISIONS = ("float", "fixed")
MARKS = {"robust, first block": pytest.mark.slow, "smoke, other parts": pytest.mark.long}


def fingerprint(case: str, precision: str) -> dict[str, str]:
    """Run a case and return its digests."""
    if case == MARKOV:
        events = example("markov", 200, seed=1).events
        learner = StreamLearner(seed=1, ms_per_unit=events.ms_per_unit, precision=precision)
        for _ in learner.learn_rows([events.row(number) for number in range(200)]):
            pass
        return learner.fingerprint()
    preset, settings = RUNS[case]
    result = Experiment(load_preset(preset, list(settings))).run(precision=precision)
    return {"network": result.network.fingerprint(), **vars(result.fingerprint)}


def write() -> None:
    found = {case: {precision: fingerprint(case, precision) for precision in PRECISIONS} for case in CASES}
    RECORDED.write_text(json.dumps(found, indent=1) + "\n")
    print(RECORDED.read_text(), end="")


CASES = (*RUNS, MARKOV)


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("case", [pytest.param(case, marks=MARKS.get(case, ())) for case in CASES])
def test_bits_are_those_recorded(case: str, precision: str) -> None:
    assert fingerprint(case, precision) == json.loads(RECORDED.read_text())[case][precision]


def test_the_recorded_cases_are_these() -> None:
    recorded = json.loads(RECORDED.read_text())
    assert [(case, *runs) for case, runs in recorded.items()] == [(case, *PRECISIONS) for case in CASES]


if __name__ == "__main__":
    write()
