"""What a caller gives: every public entry takes NumPy's numbers, and refuses the rest as a command would."""

from __future__ import annotations

import importlib
import inspect
import pickle
from abc import ABCMeta
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
    draw_network,
    load_config,
    load_preset,
    reproduce,
    with_changes,
)
from lava_predict.comparison.streams import compare_streams
from lava_predict.errors import UnknownArgumentError, plain, seeds_of, whole
from lava_predict.events import Columns, example
from lava_predict.network.stream_network import StreamNetwork
from lava_predict.pool import carry_out, processes
from lava_predict.settings import FixedSettings
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


@pytest.mark.slow
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


NEAR_MISSES: dict[str, Callable[[], Any]] = {
    "Experiment(sed=1): there is no such argument; did you mean 'seed'?": lambda: Experiment(sed=1),
    "PredictionNetwork(sed=1): there is no such argument; did you mean 'seed'?": (
        lambda: PredictionNetwork(sed=1)
    ),
    "PredictionNetwork.fit(z=[1.0]): there is no such argument; allowed: X, y": (
        lambda: PredictionNetwork().fit([1], z=[1.0])
    ),
    "carry_out(progres=None): there is no such argument; did you mean 'progress'?": (
        lambda: carry_out(str, [1], 1, progres=None)
    ),
    "Columns(sequense='a'): there is no such argument; did you mean 'sequence'?": lambda: Columns(
        sequense="a"
    ),
    "precison = 'fixed': backend 'cpu' has threads; did you mean 'precision'?": (
        lambda: Experiment(SMALL).run(precison="fixed")
    ),
    "Config: sed = 1: there is no such setting; did you mean 'run.seed'?": lambda: Config(sed=1),
    "FixedSettings: v_bts = 3: there is no such setting; did you mean 'v_bits'?": lambda: FixedSettings(
        v_bts=3
    ),
    "run.noise = 1: there is no such setting; did you mean 'reservoir.noise'?": (
        lambda: load_preset("smoke", {"run.noise": 1})
    ),
    "run.dt = 1: there is no such setting; did you mean 'dt_ms'?": lambda: load_preset(
        "smoke", {"run.dt": 1}
    ),
    "task.latency_ms = 1: there is no such setting; did you mean 'task.blocks = [{latency_ms = ...}]'?": (
        lambda: load_preset("smoke", {"task.latency_ms": 1})
    ),
    "task.jitter_ms = 1: there is no such setting; allowed: name, cues,": (
        lambda: load_preset("smoke", {"task.jitter_ms": 1})
    ),
}


@pytest.mark.parametrize("message", NEAR_MISSES)
def test_an_unknown_name_is_refused_with_the_likely_one_or_none(message: str) -> None:
    with pytest.raises(UserError) as refused:
        NEAR_MISSES[message]()
    assert message in str(refused.value)


ROOMS = "settings work events tasks learning network streams engines experiment records analysis reports"
FACES = ["lava_predict", *(f"lava_predict.{room}" for room in ROOMS.split())]
FACES += [f"lava_predict.{room}" for room in ("comparison", "targets", "reproduction")]


def callables(face: str) -> list[Any]:
    """List the functions that a face shows, and the classes with a constructor of their own."""
    module = importlib.import_module(face)
    shown = [getattr(module, name) for name in module.__all__]
    own = [one for one in shown if getattr(one, "__module__", "").startswith("lava_predict.")]
    return [
        one
        for one in own
        if inspect.isfunction(one)
        or (type(one) in (type, ABCMeta) and "__init__" in vars(one) and not inspect.isabstract(one))
    ]


@pytest.mark.parametrize("face", FACES)
def test_every_public_function_and_class_refuses_an_unknown_argument_by_name(face: str) -> None:
    for public in callables(face):
        if public.__module__ == face:
            continue  # What an `__init__` defines itself is made by the package, not by users.
        with pytest.raises(UnknownArgumentError, match=rf"^{public.__name__}\(nonesuch=1\): there"):
            public(nonesuch=1)
        assert pickle.loads(pickle.dumps(public)) is public


def test_an_unknown_argument_is_a_type_error_as_python_s_own() -> None:
    with pytest.raises(TypeError, match="did you mean 'config'"):
        draw_network(confg=SMALL)


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
