"""What a caller gives: every public entry takes NumPy's numbers, and refuses the rest as a command would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lava_predict import (
    Config,
    Experiment,
    PredictionNetwork,
    Replay,
    StreamLearner,
    UserError,
    check_readiness,
    compare,
    config_from,
    load_config,
    load_preset,
    reproduce,
    with_changes,
)
from lava_predict.comparison.streams import compare_streams
from lava_predict.errors import plain, seeds_of, whole
from lava_predict.events import example
from lava_predict.network.stream_network import StreamNetwork
from lava_predict.pool import carry_out, processes
from lava_predict.work.cache import Cache

SMALL = load_preset("smoke", ["reservoir.neurons=20", "readout.rule='gated_delta'"])
STREAM = load_preset("stream", ["reservoir.neurons=20", "stream.settle_ms=10"])
GIVEN: Any = None  # What no annotation allows is given here.


def in_settings(seed: Any) -> Config:
    return config_from({"run": {"seed": seed}})


def of_an_estimator(seed: Any) -> Config:
    return PredictionNetwork(preset="smoke", seed=seed)._config()


ONE_SEED: dict[str, Callable[[Any], Config]] = {
    "Experiment": lambda seed: Experiment(SMALL, seed).config,
    "Replay": lambda seed: Replay(SMALL, seed).config,
    "StreamLearner": lambda seed: StreamLearner(config=STREAM, seed=seed).config,
    "PredictionNetwork": of_an_estimator,
    "with_changes": lambda seed: with_changes(SMALL, [], seed),
    "config_from": in_settings,
}
SEEDS: dict[str, Callable[[Any], Any]] = {
    "compare": lambda seed: compare(SMALL, [seed]),
    "compare_streams": lambda seed: compare_streams(STREAM, [seed], GIVEN),
    "reproduce": lambda seed: reproduce(SMALL, [], [seed], Cache(Path("nowhere"))),
    "example": lambda seed: example("markov", 10, seed),
}
BAD = [
    2**64,
    2**63,
    -1,
    1.0,
    "1",
    True,
    np.True_,
    np.float64(1),
    np.array([1]),
    np.array(1.0),
    np.uint64(2**63),
]


@pytest.mark.parametrize("bad", BAD, ids=repr)
@pytest.mark.parametrize("entry", (ONE_SEED | SEEDS).items(), ids=lambda item: item[0])
def test_a_bad_seed_is_refused_by_name_wherever_it_is_given(entry: tuple[str, Any], bad: Any) -> None:
    with pytest.raises(UserError, match=r"seeds? = ") as refused:
        entry[1](bad)
    assert str(plain(bad)) in str(refused.value)


@pytest.mark.parametrize("good", [np.int64(3), np.uint8(3), np.array(3), 3], ids=repr)
@pytest.mark.parametrize("entry", ONE_SEED.items(), ids=lambda item: item[0])
def test_numpy_s_whole_numbers_are_seeds(entry: tuple[str, Any], good: Any) -> None:
    seed = entry[1](good).run.seed
    assert type(seed) is int
    assert seed == 3


def test_seeds_come_from_a_range_or_an_array_and_differ() -> None:
    assert seeds_of(np.arange(3)) == seeds_of(range(3)) == seeds_of([0, np.int8(1), 2]) == (0, 1, 2)
    for bad in (3, "12", [], [1, 1], {1: 2}, None):
        with pytest.raises(UserError, match="seeds = "):
            seeds_of(bad)


OTHERS: dict[str, Callable[[], Any]] = {
    "preset = 3": lambda: load_preset(GIVEN or 3),
    "preset = []": lambda: load_preset(GIVEN or []),
    "overrides = 'reservoir": lambda: load_preset("smoke", "reservoir.noise=1"),
    "overrides = 7": lambda: load_preset("smoke", GIVEN or 7),
    "overrides = None": lambda: load_preset("smoke", [GIVEN]),
    "CONFIG = None": lambda: load_config(GIVEN),
    "settings = [1]": lambda: config_from(GIVEN or [1]),
    "changes = ('run',)": lambda: with_changes(SMALL, [GIVEN or ("run",)]),
    "changes = 'run'": lambda: with_changes(SMALL, GIVEN or ["run"]),
    "config = {}": lambda: Experiment(GIVEN or {}),
    "config = 'robust'": lambda: compare(GIVEN or "robust", [1]),
    "config = None": lambda: check_readiness(GIVEN),
    "config = 4": lambda: StreamNetwork(GIVEN or 4),
    "backend = 3": lambda: Experiment(SMALL).start(GIVEN or 3),
    "precision = []": lambda: Experiment(SMALL).start(precision=GIVEN or []),
    "trials = 1.5": lambda: Experiment(SMALL).start().advance(GIVEN or 1.5),
    "trials = -1": lambda: Experiment(SMALL).start().advance(-1),
    "jobs = 0": lambda: carry_out(str, [1], 0),
    "jobs = True": lambda: processes("local", True).__enter__(),
    "labels = 'AB'": lambda: StreamLearner("AB", config=STREAM),
    "labels = ['A', 'A']": lambda: StreamLearner(["A", "A"], config=STREAM),
    "labels = [1]": lambda: StreamLearner(GIVEN or [1], config=STREAM),
    "ms-per-unit = 'x'": lambda: StreamLearner(config=STREAM, ms_per_unit=GIVEN or "x"),
    "ms-per-unit = nan": lambda: StreamLearner(config=STREAM, ms_per_unit=float("nan")),
    "events = 1": lambda: example("markov", 1),
    "data = []": lambda: PredictionNetwork(GIVEN or []).fit([1], [1.0]),
    "settings = 'x'": lambda: PredictionNetwork(settings=GIVEN or "x").fit([1], [1.0]),
    "X: cue None": lambda: PredictionNetwork(preset="smoke").fit([None], [1.0]),
    "X: cue 1.5": lambda: PredictionNetwork(preset="smoke").fit([1.5], [1.0]),
    "X: cue nan": lambda: PredictionNetwork(preset="smoke").fit([float("nan")], [1.0]),
    "y = 'late'": lambda: PredictionNetwork(preset="smoke").fit([1], "late"),
    "y = 3.0": lambda: PredictionNetwork(preset="smoke").fit([1], 3.0),
}


@pytest.mark.parametrize("named", OTHERS)
def test_other_values_are_refused_by_name(named: str) -> None:
    with pytest.raises(UserError) as refused:
        OTHERS[named]()
    assert named in str(refused.value)


def test_numpy_s_numbers_in_settings_become_python_s() -> None:
    values = {
        "run": {"dt_ms": np.float64(0.5), "probe_trials": np.array([0, 1])},
        "task": {"cues": np.int8(1)},
    }
    config = config_from(values)
    assert (type(config.run.dt_ms), config.run.probe_trials) == (float, (0, 1))
    assert with_changes(config, [("reservoir", "noise", np.float32(0.5))]).reservoir.noise == 0.5


def test_a_whole_number_has_bounds() -> None:
    assert whole("n", np.int16(5), 5, 5) == 5
    for bad in (4, 6):
        with pytest.raises(UserError, match=f"n = {bad}: must be a whole number from 5 to 5"):
            whole("n", bad, 5, 5)
