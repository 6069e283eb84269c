"""The network as Lava Processes against the reference engine, to the bit."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lava", reason="lava-nc runs on Python 3.10 only")

import psutil

from lava_predict import Config, Experiment, RunError, load_preset

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("nothing_left")]

FEW = "task.blocks=[{trials=2, probability=[0.6, 0.3], latency_ms=[300, 600]}]"
SMALL = ["reservoir.neurons=80", "task.settle_ms=150", "run.probe_trials=[0, 1]", "run.probe_repeats=1", FEW]

# Form, and steps of the model in a Lava time step.
WAYS = [
    pytest.param("fused", 1, id="fused-1", marks=pytest.mark.slow),
    pytest.param("fused", 10, id="fused-10", marks=pytest.mark.slow),
    pytest.param("fused", 100, id="fused-100"),
    pytest.param("graph", 1, id="graph", marks=pytest.mark.slow),
]
VARIANTS = {
    "plain": [],
    "feedback": ["reservoir.feedback_gain=0.3"],
    "reset": ["task.reset=true", "task.pause_ms=[0, 0]", "reservoir.noise=0.0"],
    "reset, feedback, cue at once": ["task.reset=true", "reservoir.feedback_gain=0.3", "task.before_ms=0"],
    "two cues, events drive": ["task.cues=2", "task.events_drive_reservoir=true"],
    "constant norm, uncentred": ["readout.when_norm='constant'", "readout.centred=false"],
    "fine steps": ["run.dt_ms=0.5", "task.before_ms=50"],
}


def with_steps(config: Config, steps: int) -> Config:
    return config.model_copy(update={"run": config.run.model_copy(update={"steps_per_lava_step": steps})})


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
@pytest.mark.parametrize(("form", "steps"), WAYS)
def test_same_bits_as_the_cpu(form: str, steps: int, variant: list[str]) -> None:
    if steps == 1 and variant in (VARIANTS["constant norm, uncentred"], VARIANTS["fine steps"]):
        variant = [*variant, "task.settle_ms=0", "task.after_ms=650"]
    config = with_steps(load_preset("smoke", [*SMALL, *variant]), steps)
    expected = Experiment(config).run()
    found = Experiment(config).run(backend="lava", form=form)
    assert found.fingerprint == expected.fingerprint
    assert found.state.differences(expected.state) == []


def test_one_short_trial_as_a_graph_has_the_same_bits() -> None:
    few = "task.blocks=[{trials=1, probability=[0.6, 0.3], latency_ms=[100, 300]}]"
    short = ["task.after_ms=400", "task.settle_ms=50", "task.pause_ms=[50, 60]", "run.probe_trials=[]", few]
    config = load_preset("smoke", [*SMALL, *short, "reservoir.feedback_gain=0.3"])
    expected = Experiment(config).run()
    assert Experiment(config).run(backend="lava", form="graph").state.differences(expected.state) == []


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("form", "steps"), [("fused", 100), ("fused", 10), ("graph", 1)])
def test_smoke_preset_has_the_same_bits(form: str, steps: int) -> None:
    config = with_steps(load_preset("smoke", ["run.probe_repeats=1", "task.settle_ms=1000"]), steps)
    expected = Experiment(config).run()
    assert Experiment(config).run(backend="lava", form=form).state.differences(expected.state) == []


@pytest.mark.slow
@pytest.mark.parametrize(("form", "steps"), WAYS)
def test_two_trials_of_robust_have_the_same_bits(form: str, steps: int) -> None:
    settings = ["task.settle_ms=500", "run.probe_trials=[1]", "run.probe_repeats=1", FEW]
    config = with_steps(load_preset("robust", [*settings, "reservoir.feedback_gain=0.3"]), steps)
    expected = Experiment(config).run()
    assert Experiment(config).run(backend="lava", form=form).state.differences(expected.state) == []


@pytest.mark.parametrize("form", ["fused", pytest.param("graph", marks=pytest.mark.slow)])
def test_a_state_moves_between_backends(form: str) -> None:
    config = load_preset("smoke", [*SMALL, "reservoir.feedback_gain=0.3"])
    whole = Experiment(config).run().state
    first = Experiment(config).start()
    first.advance(1)
    second = Experiment(config).start(backend="lava", form=form)
    try:
        second.restore(first.state)
        second.advance(1)
        assert second.state.differences(whole) == []
    finally:
        second.close()
    third = Experiment(config).start()
    third.restore(second.state)
    assert third.state.differences(whole) == []


def test_more_segments_than_the_playbook_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    from lava_predict.backends import lava

    monkeypatch.setattr(lava, "_MOST_SEGMENTS", 3)
    config = load_preset("smoke", [*SMALL, "run.probe_trials=[]"])
    expected = Experiment(config).run()
    assert Experiment(config).run(backend="lava").fingerprint == expected.fingerprint


@pytest.mark.parametrize("form", ["fused", pytest.param("graph", marks=pytest.mark.slow)])
def test_divergence_ends_the_run_with_its_cause_and_the_next_run_works(form: str) -> None:
    diverging = ["readout.when_rate=100.0", "readout.when_norm='constant'"]
    with pytest.raises(RunError, match=r"diverged.*readout\.when_rate = 100"):
        Experiment(load_preset("smoke", [*SMALL, *diverging])).run(backend="lava", form=form)
    config = load_preset("smoke", [*SMALL, "run.probe_trials=[]"])
    expected = Experiment(config).run()
    assert Experiment(config).run(backend="lava", form=form).fingerprint == expected.fingerprint


def test_the_reservoir_alone_has_the_same_spikes_as_graph_and_fused() -> None:
    """Both models of Reservoir in a plain Lava network, under Lava's own run configuration."""
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.source import RingBuffer as Source
    from lava.proc.monitor.process import Monitor

    from lava_predict.network import draw_network
    from lava_predict.processes.reservoir.models import PyReservoirFloat, SubReservoirModel
    from lava_predict.processes.reservoir.process import Reservoir

    config = load_preset("smoke", ["reservoir.neurons=50", "reservoir.feedback_gain=2.0"])
    network = draw_network(config)
    rng = np.random.default_rng(0)
    level = (rng.random((1, 100)) < 0.3).astype(float)
    feedback = np.round(rng.random((2, 100)) * 65536) / 65536
    spikes = []
    for model in (PyReservoirFloat, SubReservoirModel):
        reservoir, monitor = Reservoir(config=config, network=network), Monitor()
        sources = [Source(data=data) for data in (level, feedback)]
        sources[0].s_out.connect(reservoir.level_in)
        sources[1].s_out.connect(reservoir.feedback_in)
        monitor.probe(reservoir.s_out, 100)
        choice: dict[Any, Any] = {Reservoir: model, reservoir: model}
        run_cfg = Loihi2SimCfg(select_tag="floating_pt", exception_proc_model_map=choice)
        reservoir.run(condition=RunSteps(num_steps=100), run_cfg=run_cfg)
        spikes.append(next(iter(monitor.get_data()[reservoir.name].values())))
        reservoir.stop()
    assert spikes[0].sum() > 50
    np.testing.assert_array_equal(spikes[0], spikes[1])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_runs() -> None:
    settings = [*SMALL, "task.settle_ms=0", "task.after_ms=650", "run.probe_trials=[]"]
    resident = []
    for seed in range(50):
        form = "graph" if seed % 10 == 1 else "fused"
        Experiment(load_preset("smoke", settings), seed=seed).run(backend="lava", form=form)
        resident.append(psutil.Process().memory_info().rss / 2**20)
    assert max(resident[3:]) - resident[2] < 20


@pytest.mark.slow
@pytest.mark.parametrize("form", ["fused", "graph"])
def test_the_command(form: str, tmp_path: Path) -> None:
    settings = [text for setting in SMALL for text in ("--set", setting)]
    arguments = ["run", "--preset", "smoke", *settings, "--quiet"]
    for out, more in (("cpu", []), ("lava", ["--backend", "lava", "--form", form])):
        done = subprocess.run(
            [sys.executable, "-m", "lava_predict", *arguments, "--out", out, *more],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    import json

    one, other = (json.loads((tmp_path / out / "summary.json").read_text()) for out in ("cpu", "lava"))
    assert one["fingerprint"] == other["fingerprint"]
    assert (other["backend"], other["form"]) == ("lava", form)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["fused", "graph"])
def test_ctrl_c_ends_the_command_with_130_and_leaves_nothing(form: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lava_predict", "run", "--backend", "lava", "--form", form, "--out", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while len(psutil.Process(process.pid).children()) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1.0)
        # A terminal sends it to the whole group, children included.
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert stderr == "interrupted; nothing was written\n"
    assert list(tmp_path.iterdir()) == []


def test_children_share_memory_with_the_host_only_through_fork() -> None:
    from lava_predict.backends.shared import shared_array

    array = shared_array((3,))

    def write() -> None:
        array[1] = 7.0

    child = multiprocessing.get_context("fork").Process(target=write)
    child.start()
    child.join()
    np.testing.assert_array_equal(array, [0.0, 7.0, 0.0])
