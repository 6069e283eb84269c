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

pytest.importorskip("lava", reason="lava-nc is not installed")

import psutil
from shared_segments import wait_until

from lava_predict import Config, Experiment, RunError, UserError, load_preset
from lava_predict.engines import engine_options
from lava_predict.engines.lava import engine as lava
from lava_predict.network.arithmetic import arithmetic_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_left")]

FEW = "task.blocks=[{trials=2, probability=[0.6, 0.3], latency_ms=[300, 600]}]"
SMALL = ["reservoir.neurons=80", "task.settle_ms=150", "run.probe_trials=[0, 1]", "run.probe_repeats=1", FEW]

# One trial and one probe of some 400 steps each, for the graph, which takes a third of a millisecond a step.
BRIEF = [
    *SMALL,
    "task.settle_ms=50",
    "task.after_ms=400",
    "task.pause_ms=[50, 60]",
    "run.probe_trials=[1]",
    "task.blocks=[{trials=1, probability=[0.6, 0.3], latency_ms=[100, 300]}]",
]
BRIEF_TWO = "task.blocks=[{trials=2, probability=[0.6, 0.3], latency_ms=[100, 300]}]"

# Form, and steps of the model in a Lava time step.
WAYS = [
    ("fused", 100),
    ("fused", 1),
    ("fused", 10),
    ("graph", 1),
]
PRECISIONS = ["float", "fixed"]
PRECISION = pytest.mark.parametrize("precision", PRECISIONS)
VARIANTS = {
    "plain": [],
    "feedback": ["reservoir.feedback_gain=0.3"],
    "reset": ["task.reset=true", "task.pause_ms=[0, 0]", "reservoir.noise=0.0"],
    "reset, feedback, cue at once": ["task.reset=true", "reservoir.feedback_gain=0.3", "task.before_ms=0"],
    "two cues, events drive": ["task.cues=2", "task.events_drive_reservoir=true", "task.latency_sd_ms=60"],
    "plain traces, constant norm, uncentred": [
        "readout.rule=gated_delta",
        "readout.when_norm='constant'",
        "readout.centred=false",
    ],
    "fine steps": ["run.dt_ms=0.5", "task.before_ms=50"],
    "causal": ["readout.causal=true", "readout.gate_window_ms=400"],
    "surprises": ["readout.timing_surprise=0.01", "readout.surprise_keep=0.3"],
}
# Of the integer network: settings, and whether something saturates.
WORDS = {
    "stochastic rounding": (["fixed.rounding='stochastic'"], False),
    "rounding down": (["fixed.rounding='floor'", "fixed.constant_rounding='floor'"], False),
    "short words": (["fixed.weight_bits=5", "fixed.v_bits=18", "fixed.u_bits=16", "fixed.s_bits=15"], False),
    "on chip": (["fixed.learning='on_chip'"], False),
    "coarse states, fine weights": (["fixed.fraction_bits=6", "fixed.readout_fraction_bits=22"], True),
    "narrow states": (["fixed.fraction_bits=17", "reservoir.noise=30.0"], True),
}


def with_steps(config: Config, steps: int) -> Config:
    return config.model_copy(update={"run": config.run.model_copy(update={"steps_per_lava_step": steps})})


def pairs() -> list[Any]:
    """List every variant in either arithmetic as fused-100, and in one of the two in each other way."""
    chosen = []
    for number, variant in enumerate(VARIANTS):
        for way, (form, steps) in enumerate(WAYS):
            both = steps == 100 or (form == "graph" and variant == "feedback")
            for precision in PRECISIONS if both else [PRECISIONS[(number + way) % 2]]:
                # Every day these two in either arithmetic, the others in one, and no kernel for this alone.
                everyday = both and variant in ("plain", "feedback")
                once = steps == 100 and variant != "causal" and precision == PRECISIONS[number % 2]
                marks = () if everyday or once else pytest.mark.long
                chosen.append(pytest.param(form, steps, variant, precision, marks=marks))
    return chosen


@pytest.mark.parametrize(("form", "steps", "variant", "precision"), pairs())
def test_same_bits_as_the_cpu(form: str, steps: int, variant: str, precision: str) -> None:
    settings = [*(SMALL if steps > 1 else BRIEF), *VARIANTS[variant]]
    config = with_steps(load_preset("smoke", settings), steps)
    expected = Experiment(config).run(precision=precision)
    found = Experiment(config).run("lava", precision, form=form)
    assert found.fingerprint == expected.fingerprint
    assert found.state.differences(expected.state) == []


@pytest.mark.parametrize(("words", "saturates"), WORDS.values(), ids=WORDS.keys())
@pytest.mark.parametrize("form", ["fused", pytest.param("graph", marks=pytest.mark.long)])
def test_same_bits_and_saturations_whatever_the_words(form: str, words: list[str], saturates: bool) -> None:
    more = ["reservoir.feedback_gain=0.5", "task.reset=true", *words]
    config = with_steps(load_preset("smoke", [*BRIEF, *more]), 7)
    expected = Experiment(config).run(precision="fixed")
    found = Experiment(config).run("lava", "fixed", form=form)
    assert (expected.state.saturations.sum() > 0) == saturates
    assert found.state.differences(expected.state) == []


# Parts that have no Lava Process of their own: the fused form runs their kernels.
LIF = ["reservoir.neuron=adaptive_lif"]
DELAYS = ["reservoir.delay_ms=[1, 20]"]
PARTS = {
    "adaptive LIF, delays": [*LIF, *DELAYS],
    "adaptive LIF, delays, feedback, reset": [
        *LIF,
        *DELAYS,
        "reservoir.feedback_gain=0.3",
        "task.reset=true",
    ],
}


@pytest.mark.long
@PRECISION
@pytest.mark.parametrize("settings", PARTS.values(), ids=PARTS.keys())
def test_other_parts_have_the_same_bits_as_the_cpu(settings: list[str], precision: str) -> None:
    rounding = "fixed.rounding='stochastic'"
    config = with_steps(load_preset("smoke", [*SMALL, *settings, rounding]), 7)
    expected = Experiment(config).run(precision=precision)
    found = Experiment(config).run("lava", precision)
    assert expected.mean_rate_hz > 1.0
    assert found.fingerprint == expected.fingerprint
    assert found.state.differences(expected.state) == []


@pytest.mark.long
@PRECISION
def test_other_parts_move_between_backends(precision: str) -> None:
    """With spikes in flight for up to 20 steps on either side."""
    config = load_preset("smoke", [*SMALL, *LIF, *DELAYS])
    whole = Experiment(config).run(precision=precision).state
    first = Experiment(config).start("lava", precision)
    try:
        first.advance(1)
        moved = first.state
    finally:
        first.close()
    assert np.count_nonzero(moved.network.synapses.ring) > 0
    second = Experiment(config).start(precision=precision)
    second.restore(moved)
    second.advance(1)
    assert second.state.differences(whole) == []


@PRECISION
@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        (LIF, "reservoir.neuron = 'adaptive_lif'"),
        (DELAYS, r"reservoir.delay_ms = \[1.0, 20.0\]"),
    ],
    ids=["adaptive LIF", "delays"],
)
def test_a_graph_of_parts_without_a_process_is_refused(
    settings: list[str], cause: str, precision: str
) -> None:
    config = load_preset("smoke", [*SMALL, *settings])
    for call in (Experiment(config).start, Experiment(config).run):
        with pytest.raises(
            UserError, match=f"{cause}: has no Lava Process.*; use --form fused or --backend cpu$"
        ):
            call("lava", precision, form="graph")


def test_weights_that_dense_cannot_hold_are_refused() -> None:
    config = load_preset("smoke", [*SMALL, "fixed.weight_bits=9"])
    with pytest.raises(
        UserError, match=r"fixed\.weight_bits = 9: at most 8 in the graph form.*lower it, or use"
    ):
        Experiment(config).start("lava", "fixed", form="graph")
    for precision, form in (("fixed", "fused"), ("float", "graph")):
        Experiment(config).start("lava", precision, form=form).close()


@PRECISION
def test_smoke_preset_has_the_same_bits(precision: str) -> None:
    """As fused Processes; two trials of robust run as a graph, too, and benchmarks/parity.py has all."""
    config = load_preset("smoke", ["run.probe_repeats=1", "task.settle_ms=1000"])
    expected = Experiment(config).run(precision=precision)
    assert Experiment(config).run("lava", precision, form="fused").state.differences(expected.state) == []


@pytest.mark.long
@PRECISION
@pytest.mark.parametrize(("form", "steps"), [("fused", 100), ("graph", 1)])
def test_two_trials_of_robust_have_the_same_bits(form: str, steps: int, precision: str) -> None:
    settings = [*BRIEF[1:], BRIEF_TWO, "run.probe_trials=[]", "reservoir.feedback_gain=0.3"]
    config = with_steps(load_preset("robust", settings), steps)
    expected = Experiment(config).run(precision=precision)
    assert expected.mean_rate_hz > 1.0
    assert Experiment(config).run("lava", precision, form=form).state.differences(expected.state) == []


@PRECISION
@pytest.mark.parametrize("form", ["fused", pytest.param("graph", marks=pytest.mark.long)])
def test_a_state_moves_between_backends(form: str, precision: str) -> None:
    # In integers something saturates on either side of the move.
    settings = [BRIEF_TWO, "reservoir.feedback_gain=0.3", "fixed.fraction_bits=17"]
    config = load_preset("smoke", [*BRIEF, *settings])
    whole = Experiment(config).run(precision=precision).state
    first = Experiment(config).start(precision=precision)
    first.advance(1)
    second = Experiment(config).start("lava", precision, form=form)
    try:
        second.restore(first.state)
        second.advance(1)
        assert second.state.differences(whole) == []
    finally:
        second.close()
    third = Experiment(config).start(precision=precision)
    third.restore(second.state)
    assert third.state.differences(whole) == []


def test_more_segments_than_the_playbook_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lava, "_MOST_SEGMENTS", 3)
    config = load_preset("smoke", [*SMALL, "run.probe_trials=[]"])
    expected = Experiment(config).run()
    assert Experiment(config).run(backend="lava").fingerprint == expected.fingerprint


@PRECISION
@pytest.mark.parametrize("form", ["fused", pytest.param("graph", marks=pytest.mark.long)])
def test_divergence_ends_the_run_with_its_cause_and_the_next_run_works(form: str, precision: str) -> None:
    # Weights of few fraction bits have the range to let the readout of the integer network diverge.
    wide = "fixed.readout_fraction_bits=8"
    diverging = ["readout.rule=gated_delta", "readout.when_rate=100.0", "readout.when_norm='constant'", wide]
    with pytest.raises(RunError, match=r"diverged.*readout\.when_rate = 100"):
        Experiment(load_preset("smoke", [*BRIEF, *diverging])).run("lava", precision, form=form)
    config = load_preset("smoke", [*BRIEF, "run.probe_trials=[]"])
    expected = Experiment(config).run(precision=precision)
    assert Experiment(config).run("lava", precision, form=form).fingerprint == expected.fingerprint


@pytest.mark.long
@PRECISION
def test_the_reservoir_alone_has_the_same_spikes_as_graph_and_fused(precision: str) -> None:
    """Both models of Reservoir in a plain Lava network, under Lava's own run configuration."""
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.source import RingBuffer as Source
    from lava.proc.monitor.process import Monitor

    from lava_predict.network.draw import draw_network
    from lava_predict.processes.reservoir.models import PyReservoirFixed, PyReservoirFloat, SubReservoirModel
    from lava_predict.processes.reservoir.process import Reservoir

    config = load_preset("smoke", ["reservoir.neurons=50", "reservoir.feedback_gain=2.0"])
    arithmetic = arithmetic_of(config, draw_network(config), precision)
    rng = np.random.default_rng(0)
    level = (rng.random((1, 100)) < 0.3).astype(arithmetic.number)
    feedback = rng.integers(0, 257, (2, 100)) * (1 if precision == "fixed" else 1 / 256)
    fused, tag = {"float": (PyReservoirFloat, "floating_pt"), "fixed": (PyReservoirFixed, "fixed_pt")}[
        precision
    ]
    spikes, potentials = [], []
    for model in (fused, SubReservoirModel):
        reservoir, monitor = Reservoir(arithmetic=arithmetic), Monitor()
        sources = [Source(data=data) for data in (level, feedback)]
        sources[0].s_out.connect(reservoir.level_in)
        sources[1].s_out.connect(reservoir.feedback_in)
        monitor.probe(reservoir.s_out, 100)
        choice: dict[Any, Any] = {Reservoir: model, reservoir: model}
        run_cfg = Loihi2SimCfg(select_tag=tag, exception_proc_model_map=choice)
        reservoir.run(condition=RunSteps(num_steps=100), run_cfg=run_cfg)
        spikes.append(next(iter(monitor.get_data()[reservoir.name].values())))
        potentials.append(reservoir.v.get())
        reservoir.stop()
    assert spikes[0].sum() > 50
    np.testing.assert_array_equal(spikes[0], spikes[1])
    assert np.all((potentials[0] > -100.0) & (potentials[0] < 30.0))
    np.testing.assert_array_equal(potentials[0], potentials[1])


@pytest.mark.long
def test_memory_does_not_grow_with_the_number_of_runs() -> None:
    settings = [*BRIEF, "run.probe_trials=[]"]
    resident = []
    for seed in range(32):
        form = "graph" if seed % 10 == 1 else "fused"
        Experiment(load_preset("smoke", settings), seed=seed).run(backend="lava", form=form)
        resident.append(psutil.Process().memory_info().rss / 2**20)
    assert max(resident[3:]) - resident[2] < 12


@pytest.mark.parametrize(
    ("form", "precision"), [("fused", "fixed"), pytest.param("graph", "float", marks=pytest.mark.long)]
)
def test_the_command(form: str, precision: str, tmp_path: Path) -> None:
    settings = [text for setting in BRIEF for text in ("--set", setting)]
    arguments = ["run", "--preset", "smoke", *settings, "--precision", precision, "--quiet"]
    for out, more in (("cpu", []), ("lava", ["--backend", "lava", "--form", form])):
        done = subprocess.run(
            [sys.executable, "-m", "lava_predict", *arguments, "--out", out, *more],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=1000,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    import json

    one, other = (json.loads((tmp_path / out / "summary.json").read_text()) for out in ("cpu", "lava"))
    assert one["fingerprint"] == other["fingerprint"]
    assert (other["backend"], other["form"], other["precision"]) == ("lava", form, precision)


@pytest.mark.parametrize("form", ["fused", pytest.param("graph", marks=pytest.mark.long)])
def test_ctrl_c_ends_the_command_with_130_and_leaves_no_result(form: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lava_predict", "run", "--backend", "lava", "--form", form, "--out", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert wait_until(lambda: len(psutil.Process(process.pid).children()) >= 3)
        time.sleep(1.0)
        # A terminal sends it to the whole group, children included.
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=200)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    # Whether a trial was done by then, and so a checkpoint is worth keeping, is a matter of speed.
    kept = [path.name for path in tmp_path.iterdir()]
    expected = "interrupted; continue with: lava-predict run --resume out"
    last = [line for line in stderr.splitlines() if not line.startswith("training: ")]
    assert (last, kept) in [(["interrupted; nothing was written"], []), ([expected], ["out.unfinished"])]


def test_children_share_memory_with_the_host_only_through_fork() -> None:
    from lava_predict.network.shared_memory import shared_array

    array = shared_array((3,))

    def write() -> None:
        array[1] = 7.0

    child = multiprocessing.get_context("fork").Process(target=write)
    child.start()
    child.join()
    np.testing.assert_array_equal(array, [0.0, 7.0, 0.0])


def test_the_simulation_of_loihi_2_is_the_integer_network_as_a_graph() -> None:
    config = load_preset("smoke", BRIEF)
    on_cpu = Experiment(config).run("cpu", "fixed")
    simulated = Experiment(config).run("lava", "fixed", form="graph", target="loihi2-sim")
    assert simulated.fingerprint == on_cpu.fingerprint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lava", "fixed", "graph", "loihi2-hw"), "needs Lava-Loihi.*Intel Neuromorphic Research Community"),
        (("lava", "fixed", "graph", "loihi3"), "target = 'loihi3': there is no such target; .*loihi2-hw"),
        (("lava", "fixed", "fused", "loihi2-sim"), "needs form = 'graph', not 'fused'"),
        (("lava", "float", "graph", "loihi2-sim"), "needs precision = 'fixed', not 'float'"),
        (("cpu", "fixed", None, "loihi2-sim"), "'loihi2-sim': backend 'cpu' has threads; leave it out"),
        (("cpu", "fixed", "graph", None), "form = 'graph': backend 'cpu' has threads; leave it out"),
        (("lava", "fixed", "grap", None), "form = 'grap': there is no such form; .*did you mean 'graph'"),
    ],
)
def test_a_target_that_cannot_be_is_named(arguments: tuple[str | None, ...], message: str) -> None:
    backend, precision, form, target = arguments
    options = {"form": form, "target": target}
    with pytest.raises(UserError, match=message):
        engine_options(backend, precision, options)
    with pytest.raises(UserError, match=message):
        Experiment(load_preset("smoke", SMALL)).run(backend, precision, **options)


def test_with_intels_extension_the_hardware_configuration_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that can be told without a chip: whose model is left to the extension, and whose is ours."""
    from lava.magma.core.run_configs import Loihi2HwCfg
    from lava.proc.dense.process import Dense

    from lava_predict.processes.izhikevich.models import PyIzhikevichFixed
    from lava_predict.processes.izhikevich.process import Izhikevich

    monkeypatch.setattr("lava.utils.loihi.is_installed", lambda: True)
    engine_options("lava", "fixed", {"form": "graph", "target": "loihi2-hw"})
    chosen = lava._run_config("fixed", True, "loihi2-hw")
    assert type(chosen) is Loihi2HwCfg
    assert chosen.select_tag == "fixed_pt"
    assert chosen.exception_proc_model_map[Izhikevich] is PyIzhikevichFixed
    assert Dense not in chosen.exception_proc_model_map
