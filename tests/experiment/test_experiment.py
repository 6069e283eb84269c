"""A run leads to the same bits however it is carried out, and its probes leave no mark."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import plain_grid
import pytest

from lava_predict import Config, Experiment, Result, RunError, UserError, load_preset
from lava_predict.engines.cpu import CpuEngine
from lava_predict.experiment.session import Session
from lava_predict.network.arithmetic import PRECISIONS
from lava_predict.tasks import Kind

Tiny = Callable[..., Config]

# Ways of presenting trials and of learning that must all keep the promise.
VARIANTS = {
    "plain": [],
    "reset": ["task.reset=true", "task.pause_ms=[0, 0]"],
    "feedback": ["reservoir.feedback_gain=0.3"],
    "constant norm": ["readout.when_norm='constant'"],
    "events drive": ["task.events_drive_reservoir=true"],
    "two cues": ["task.cues=2"],
    "cues in turn, jitter": [
        "task.cues=2",
        "task.cue_overlap=0.5",
        "task.latency_sd_ms=60",
        "task.blocks=[{trials=3, probability=[0.6, 0.3], latency_ms=[300, 600], cues=[2]},"
        "{trials=2, probability=[0.1, 0.9], latency_ms=[500, 200], cues=[1]}]",
    ],
    "fine steps": ["run.dt_ms=0.5"],
    "uncentred": ["readout.rule=gated_delta", "readout.centred=false", "reservoir.noise=0.0"],
    "on chip": ["fixed.learning='on_chip'", "task.reset=true"],
    # Together, as each combination of parts is compiled anew; tests/test_parts.py has them all.
    "adaptive LIF, delays": [
        "reservoir.neuron=adaptive_lif",
        "reservoir.delay_ms=[1, 20]",
        "task.reset=true",
        "reservoir.feedback_gain=0.3",
    ],
    "stochastic": ["fixed.rounding='stochastic'", "fixed.v_bits=18", "fixed.readout_bits=20"],
}


EVERYDAY = {
    "float": ("plain", "feedback"),
    "fixed": ("feedback", "stochastic", "on chip"),
}


CASES = [
    pytest.param(
        (name, precision),
        id=f"{name}-{precision}",
        marks=() if name in EVERYDAY[precision] else pytest.mark.long,
    )
    for name in VARIANTS
    for precision in PRECISIONS
    if precision == "fixed" or name not in ("stochastic", "on chip")
]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def variant(case: tuple[str, str], tiny: Tiny) -> Config:
    return tiny(*VARIANTS[case[0]])


@pytest.fixture
def precision(case: tuple[str, str]) -> str:
    return case[1]


def run_in_chunks(config: Config, precision: str, chunk_steps: int) -> Session:
    experiment = Experiment(config)
    arithmetic = experiment.arithmetic(precision)
    session = Session(
        arithmetic, experiment.task, CpuEngine(arithmetic, experiment.task, chunk_steps=chunk_steps)
    )
    session.advance(100)
    return session


@pytest.mark.slow
def test_the_same_state_run_after_run_and_whatever_the_chunking(variant: Config, precision: str) -> None:
    whole = Experiment(variant).run(precision=precision).state
    assert whole.differences(Experiment(variant).run(precision=precision).state) == []
    for chunk in (1, 7, 1000):
        assert whole.differences(run_in_chunks(variant, precision, chunk).state) == []


@pytest.mark.slow
def test_probes_leave_no_mark(variant: Config, precision: str) -> None:
    probed = Experiment(variant).run(precision=precision)
    none = variant.model_copy(update={"run": variant.run.model_copy(update={"probe_trials": ()})})
    often = variant.model_copy(
        update={"run": variant.run.model_copy(update={"probe_trials": (0, 1, 2, 3), "probe_repeats": 1})}
    )
    for other in (none, often):
        result = Experiment(other).run(precision=precision)
        assert result.fingerprint == probed.fingerprint
        assert result.state.network.differences(probed.state.network) == []


@pytest.mark.slow
def test_going_on_from_a_copied_state_in_another_engine(variant: Config, precision: str) -> None:
    whole = Experiment(variant).run(precision=precision).state
    first = Experiment(variant).start(precision=precision)
    first.advance(2)
    saved = first.state
    second = Experiment(variant).start(precision=precision)
    second.restore(saved)
    second.advance(100)
    assert whole.differences(second.state) == []
    assert len(saved.trials) == 2
    first.advance(100)
    assert whole.differences(first.state) == []


@pytest.mark.slow
def test_another_process_comes_to_the_same_fingerprints(tiny: Tiny) -> None:
    config = tiny("reservoir.feedback_gain=0.3")
    script = (
        "import json, sys\n"
        "from lava_predict import Experiment, config_from\n"
        "result = Experiment(config_from(json.load(sys.stdin))).run()\n"
        "print(json.dumps(vars(result.fingerprint)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(config.to_dict()),
        capture_output=True,
        text=True,
        check=True,
        timeout=1200,
    )
    assert json.loads(done.stdout) == vars(Experiment(config).run().fingerprint)


@pytest.mark.slow
def test_what_changes_the_fingerprints(tiny: Tiny) -> None:
    plain = Experiment(tiny()).run()
    for other in (
        Experiment(tiny(), seed=2),
        Experiment(tiny("run.draws.noise=1")),
        Experiment(tiny("reservoir.noise=0.30000000001")),
    ):
        result = other.run()
        assert result.fingerprint.spikes != plain.fingerprint.spikes
        assert result.fingerprint.weights != plain.fingerprint.weights
        assert result.fingerprint.prediction != plain.fingerprint.prediction
    learned = Experiment(tiny("readout.rule=gated_delta", "readout.when_rate=0.1")).run()
    assert learned.fingerprint.spikes == plain.fingerprint.spikes
    assert learned.fingerprint.weights != plain.fingerprint.weights


@pytest.mark.slow
def test_fingerprint_of_spikes_by_its_definition(tiny: Tiny) -> None:
    from hashlib import sha256

    config = tiny()
    experiment = Experiment(config)
    engine = CpuEngine(experiment.arithmetic("float"), experiment.task)
    digest = b""
    for trial in range(5):
        for played in engine.play(experiment.task.trial(0 if trial < 3 else 1, trial)):
            records = b"".join(
                int(step).to_bytes(4, "little") + int(cell).to_bytes(4, "little")
                for step, cell in zip(played.spike_step, played.spike_cell, strict=True)
            )
            digest = sha256(digest + records).digest()
    assert experiment.run().fingerprint.spikes == digest.hex()


@pytest.mark.slow
def test_differences_name_what_differs(tiny: Tiny) -> None:
    session = Experiment(tiny()).start()
    session.advance(1)
    state = session.state
    assert state.differences(session.state) == []
    weights = state.network.when.w
    weights[0, 3] = np.nextafter(weights[0, 3], np.inf)
    assert state.differences(session.state) == ["when.w"]
    session.advance(1)
    assert {"cells.v", "when.x", "fingerprint", "trials"} <= set(state.differences(session.state))


@pytest.mark.slow
def test_a_reset_and_no_noise_give_the_same_spikes_in_every_trial(tiny: Tiny) -> None:
    config = tiny("task.reset=true", "task.pause_ms=[0, 0]", "reservoir.noise=0.0", "task.settle_ms=0")
    experiment = Experiment(config)
    engine = CpuEngine(experiment.arithmetic("float"), experiment.task)
    spikes = [
        np.stack((played.spike_step, played.spike_cell))
        for trial in range(3)
        for played in engine.play(experiment.task.trial(0, trial))
    ]
    np.testing.assert_array_equal(spikes[0], spikes[1])
    np.testing.assert_array_equal(spikes[0], spikes[2])


@pytest.mark.slow
def test_the_constant_norm_is_the_mean_over_an_unlearned_trial(tiny: Tiny) -> None:
    config = tiny("readout.when_norm='constant'")
    experiment = Experiment(config)
    session = experiment.start()
    engine = CpuEngine(experiment.arithmetic("float"), experiment.task)
    *_, probe = engine.play([*experiment.task.settling(), *experiment.task.probe(0, 0, 0, 0)])
    assert session.state.network.when.norm[0] == plain_grid.on_grid(probe.norm[200:].mean()) > 0
    assert not session.state.network.when.w.any()


@pytest.mark.slow
def test_slow_means_freeze_in_probes_and_follow_in_pauses(tiny: Tiny) -> None:
    experiment = Experiment(tiny())
    engine = CpuEngine(experiment.arithmetic("float"), experiment.task)
    list(engine.play(experiment.task.trial(0, 0)))
    before = engine.state
    list(engine.play(experiment.task.probe(0, 1, 0, 0)))
    assert engine.state.when.m.tobytes() == before.when.m.tobytes()
    assert engine.state.when.w.tobytes() == before.when.w.tobytes()
    engine.restore(before)
    pause = experiment.task.trial(0, 1)[:1]
    assert pause[0].kind is Kind.PAUSE
    list(engine.play(pause))
    assert engine.state.when.m.tobytes() != before.when.m.tobytes()
    assert engine.state.when.w.tobytes() == before.when.w.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [["readout.rule=gated_delta", "readout.when_rate=100.0", "readout.when_norm='constant'"]]
)
def test_divergence_ends_the_run_with_its_cause(tiny: Tiny, settings: list[str]) -> None:
    with pytest.raises(RunError, match=r"diverged.*readout\.when_rate = 100"):
        Experiment(tiny(*settings)).run()


@pytest.mark.slow
def test_a_block_ends_before_a_test_that_it_does_not_reach(tiny: Tiny) -> None:
    result = Experiment(tiny("run.probe_trials=[1, 4]")).run()
    assert [trial.block for trial in result.state.trials] == [0, 0, 0, 1, 1]
    assert [sorted(block.error) for block in result.blocks] == [[1, 3], [1, 2]]


@pytest.mark.slow
@pytest.mark.parametrize("place", ["when.m", "when.w", "synapses.s", "cells.u", "what.w"])
def test_a_number_that_is_not_finite_is_found_wherever_it_is(tiny: Tiny, place: str) -> None:
    session = Experiment(tiny("readout.rule=gated_delta", "readout.centred=false")).start()
    state = session.state
    array: Any = state.network
    for name in place.split("."):
        array = getattr(array, name)
    array.flat[-1] = np.inf
    session.restore(state)
    with pytest.raises(RunError, match=rf"not finite: .*{place}"):
        session.advance(1)


def test_integers_need_a_slower_mean_than_float(tiny: Tiny) -> None:
    experiment = Experiment(tiny("readout.rule=gated_delta", "readout.tau_m_ms=4.0"))
    experiment.arithmetic("float")
    with pytest.raises(UserError, match=r"readout\.tau_m_ms = 4: .*at least 8 ms, half of the 16 steps"):
        experiment.arithmetic("fixed")


@pytest.mark.parametrize(("key", "value"), [("backend", "gpu"), ("precision", "double")])
def test_a_backend_or_precision_that_there_is_not(tiny: Tiny, key: str, value: str) -> None:
    with pytest.raises(UserError, match=f"{key} = '{value}'.*allowed: "):
        Experiment(tiny()).run(**{key: value})


@pytest.fixture(scope="module")
def smoke() -> Result:
    return Experiment(load_preset("smoke"), seed=1).run()


@pytest.mark.slow
def test_result_of_the_readme(smoke: Result) -> None:
    assert sorted(smoke.blocks[0].error) == [0, 1, 10, 12]
    assert smoke.prediction.shape == (1000, 2)
    assert smoke.blocks[0].probability_estimate.shape == (1, 2)


@pytest.mark.slow
def test_an_unlearned_network_predicts_nothing(smoke: Result) -> None:
    block = smoke.blocks[0]
    assert block.error[0] == block.zero_error


@pytest.mark.slow
def test_probe_is_the_mean_of_predictions_and_its_error_is_against_the_truth(smoke: Result) -> None:
    probe = smoke.state.probes[-1]
    cue_step = 200
    difference = probe.o[0, cue_step:] - probe.truth[0, cue_step:]
    assert probe.error == pytest.approx(np.sqrt((difference**2).mean()))
    np.testing.assert_array_equal(smoke.prediction, probe.o[0, cue_step:])
    assert 0 <= probe.o.min() <= probe.o.max() < 2


@pytest.mark.slow
def test_cues_in_turn_have_errors_of_their_own(tiny: Tiny) -> None:
    result = Experiment(tiny(*VARIANTS["cues in turn, jitter"])).run()
    first, second = result.blocks
    assert {trial.cue for trial in result.state.trials if trial.block == 0} == {1}
    for trials, error in first.error.items():
        by_cue = first.error_by_cue[trials]
        assert np.isnan(by_cue[0])
        assert error == by_cue[1]
    assert np.isnan(first.probability[0]).all()
    assert second.latency_ms == ((500.0, 200.0), (300.0, 600.0))
    for trials, error in second.error.items():
        assert error == pytest.approx(np.sqrt(np.mean(second.error_by_cue[trials] ** 2)))
    assert second.zero_error == pytest.approx(np.sqrt(np.mean(second.zero_error_by_cue**2)))
    probe = result.state.probes[-1]
    np.testing.assert_array_equal(probe.truth[1], result.state.probes[0].truth[1])


@pytest.mark.slow
def test_progress_counts_every_trial(tiny: Tiny) -> None:
    calls: list[tuple[int, int]] = []
    Experiment(tiny()).run(progress=lambda done, total: calls.append((done, total)))
    assert calls == [(n, 5) for n in range(1, 6)]


@pytest.mark.slow
def test_simulated_time_is_that_of_all_segments(tiny: Tiny) -> None:
    config = tiny("task.pause_ms=[100, 100]")
    result = Experiment(config).run()
    # The settling, 5 trials, and probes, twice each, after 0, 2, 3 and 0, 2 trials of the blocks.
    assert result.simulated_s == pytest.approx(0.4 + (5 + 5 * 2) * 1.3)
