"""A checkpoint holds all of a run: what goes on from it is the same, and what is not one is refused."""

from __future__ import annotations

import importlib.util
import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import h5py
import pytest
from shared_segments import wait_until

from lava_predict import Experiment
from lava_predict.errors import UserError
from lava_predict.network.state import leaves
from lava_predict.numerics import columns
from lava_predict.records.checkpoint import Checkpoint, load_checkpoint
from lava_predict.records.hdf5 import DIGEST

PRECISIONS = pytest.mark.parametrize("precision", ["float", "fixed"])
SMALL = ("--preset", "smoke", "--set", "reservoir.neurons=80", "--set", "task.settle_ms=400")


def checkpoint_of(config, precision: str, trials: int) -> Checkpoint:
    experiment = Experiment(config)
    session = experiment.start(precision=precision)
    session.advance(trials)
    return Checkpoint(config, precision, "cpu", None, experiment.network, session.state, 1.25)


@pytest.fixture
def written(tiny, tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint.h5"
    path.write_bytes(checkpoint_of(tiny(), "float", 3).to_bytes())
    return path


LONG = pytest.mark.long  # Kernels that little else needs are compiled.
# Trials before the checkpoint, and settings.
CASES = [
    pytest.param(0, ["task.cues=2"], id="at the start"),
    pytest.param(1, ["task.cues=2"], id="after a trial"),
    pytest.param(4, ["task.cues=2", "task.latency_sd_ms=60"], id="in the second block, jitter"),
    pytest.param(3, ["readout.causal=true", "readout.gate_window_ms=600"], id="with a ring", marks=LONG),
    pytest.param(2, ["reservoir.neuron=adaptive_lif"], id="adaptive LIF", marks=LONG),
    pytest.param(2, ["reservoir.delay_ms=[1, 20]"], id="delays", marks=LONG),
    pytest.param(2, ["reservoir.neuron=adaptive_lif", "reservoir.delay_ms=[0, 20]"], id="both"),
]


@pytest.mark.slow
@PRECISIONS
@pytest.mark.parametrize(("trials", "settings"), CASES)
def test_it_reads_back_to_the_bit_and_goes_on_to_the_same_bits(
    precision, trials, settings, tiny, tmp_path
) -> None:
    config = tiny(*settings)
    one = checkpoint_of(config, precision, trials)
    path = tmp_path / "checkpoint.h5"
    path.write_bytes(one.to_bytes(Experiment(config).arithmetic(precision).plan))
    read = load_checkpoint(path)
    assert read.config == config
    assert (read.precision, read.backend, read.form, read.wall_s) == (precision, "cpu", None, 1.25)
    assert read.state.differences(one.state) == []
    for (name, a), (other, b) in zip(leaves(read.network), leaves(one.network), strict=True):
        assert (name, a.dtype, a.shape, a.tobytes()) == (other, b.dtype, b.shape, b.tobytes())
    whole = Experiment(config).start(precision=precision)
    whole.advance(5)
    rest = Experiment(read.config).start(precision=precision)
    rest.restore(read.state)
    rest.advance(5 - trials)
    assert rest.state.differences(whole.state) == []


@pytest.mark.slow
def test_it_does_not_depend_on_how_many_synapses_are_converted_at_a_time(
    tiny, written: Path, monkeypatch
) -> None:
    whole = load_checkpoint(written)
    monkeypatch.setattr(columns, "_AT_A_TIME", 20)
    pieces = load_checkpoint(written)
    assert pieces.network.fingerprint() == whole.network.fingerprint()
    assert pieces.network.synapses.target.dtype == "uint16"
    with h5py.File(BytesIO(pieces.to_bytes())) as file, h5py.File(written) as before:
        assert file.attrs[DIGEST] == before.attrs[DIGEST]
        assert (
            file["network/synapses/weight"][()] == Experiment(tiny()).network.wide().synapses.weight
        ).all()


GO_ON = """
import sys
from lava_predict import Experiment
from lava_predict.records.checkpoint import load_checkpoint
read = load_checkpoint(sys.argv[1])
result = Experiment(read.config, network=read.network).run(precision=read.precision, state=read.state)
print(*vars(result.fingerprint).values())
"""


@PRECISIONS
@pytest.mark.slow
def test_a_fresh_process_goes_on_to_the_same_fingerprints(precision, tiny, tmp_path) -> None:
    path = tmp_path / "checkpoint.h5"
    path.write_bytes(checkpoint_of(tiny(), precision, 2).to_bytes())
    done = subprocess.run(
        [sys.executable, "-c", GO_ON, path], capture_output=True, text=True, check=True, timeout=1200
    )
    whole = Experiment(tiny()).run(precision=precision)
    assert done.stdout.split() == list(vars(whole.fingerprint).values())


def alter(path: Path, how: str) -> None:
    whole = path.read_bytes()
    if how == "cut off":
        path.write_bytes(whole[: len(whole) * 2 // 3])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("seed = 1\n")
    else:
        with h5py.File(path, "r+") as file:
            if how == "foreign":
                file.attrs["format"] = "somebody else's"
            elif how == "future":
                file.attrs["schema"] = 5
            elif how == "a weight":
                file["state/when/w"][0, 3] += 1e-12
            elif how == "a trial less":
                file["run/trials"].attrs["count"] -= 1
            elif how == "an array less":
                del file["state/cells/u"]
            elif how == "settings":
                del file["config"]
                file["config"] = 'preset = "robust"\n'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("cut off", "cannot be read as a checkpoint"),
        ("empty", "cannot be read as a checkpoint"),
        ("text", "cannot be read as a checkpoint"),
        ("foreign", "is not a checkpoint"),
        ("future", "has schema 5, this version reads 4"),
        ("a weight", "was altered or damaged"),
        ("a trial less", "was altered or damaged"),
        ("an array less", "was altered or damaged"),
        ("settings", "was altered or damaged"),
    ],
)
def test_what_is_not_as_it_was_written_is_refused_and_left_alone(how, message, written: Path) -> None:
    alter(written, how)
    before = written.read_bytes()
    with pytest.raises(UserError, match=message) as caught:
        load_checkpoint(written)
    assert str(caught.value).count(str(written)) == 1
    assert written.read_bytes() == before


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.h5: there is no such file"):
        load_checkpoint(tmp_path / "none.h5")


def run_command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "lava_predict", "run", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )


def killed_run(arguments: list[str], cwd: Path, wait_s: float) -> None:
    """Start a run, and kill it some time after it has kept its first checkpoint."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lava_predict", "run", *arguments],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        kept = cwd / "out.unfinished" / "checkpoint.h5"
        assert wait_until(lambda: kept.exists() or process.poll() is not None)
        time.sleep(wait_s)
    finally:
        process.kill()
        process.wait()


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "kills"),
    [
        pytest.param([], 3, id="cpu"),
        pytest.param(
            ["--backend", "lava"],
            2,
            id="lava",
            marks=pytest.mark.skipif(
                importlib.util.find_spec("lava") is None, reason="lava-nc is not installed"
            ),
        ),
    ],
)
@pytest.mark.usefixtures("nothing_left")
def test_a_run_killed_at_random_goes_on_to_the_same_fingerprints(options, kills, tmp_path: Path) -> None:
    longer = [*SMALL, "--set", "run.probe_repeats=20", "--set", "run.probe_trials=[0, 1, 5, 10]", *options]
    whole = run_command(*longer, "--out", "whole", "--json", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    rng = random.Random(1)
    killed_run([*longer, "--out", "out"], tmp_path, rng.uniform(0.0, 0.5))
    done = 0
    for _ in range(kills - 1):
        if not (tmp_path / "out").exists():
            reached = len(load_checkpoint(tmp_path / "out.unfinished" / "checkpoint.h5").state.trials)
            assert reached >= done
            done = reached
            killed_run(["--resume", "out"], tmp_path, rng.uniform(0.5, 1.5))
    last = run_command("--resume", "out", "--json", cwd=tmp_path)
    assert last.returncode == 0, last.stderr
    assert json.loads(last.stdout)["fingerprint"] == json.loads(whole.stdout)["fingerprint"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "whole"]
    assert (
        load_checkpoint(tmp_path / "out" / "checkpoint.h5").state.differences(
            load_checkpoint(tmp_path / "whole" / "checkpoint.h5").state
        )
        == []
    )
    again = run_command("--resume", "out", cwd=tmp_path)
    assert (again.returncode, "is complete" in again.stdout) == (0, True)


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_an_interrupted_run_tells_how_to_go_on_and_is_not_overwritten(signum, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lava_predict", "run", "--out", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    checkpoint = tmp_path / "out.unfinished" / "checkpoint.h5"
    # The second checkpoint is the first with a trial in it.
    assert wait_until(lambda: checkpoint.exists() and bool(load_checkpoint(checkpoint).state.trials))
    process.send_signal(signum)
    _, stderr = process.communicate(timeout=600)
    assert (process.returncode, "Traceback" in stderr) == (128 + signum, False), stderr
    if signum == signal.SIGINT:
        assert "lava-predict run --resume out" in stderr
    again = run_command(*SMALL, "--out", "out", cwd=tmp_path)
    assert again.returncode == 2
    assert "--resume out" in again.stderr
    assert run_command(*SMALL, "--out", "out", "--overwrite", cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.slow
def test_a_run_of_another_version_goes_on_with_its_own_network_and_says_so(tiny, tmp_path: Path) -> None:
    one = checkpoint_of(tiny(), "float", 1)
    cells = one.network.cells._replace(bias=one.network.cells.bias + 1e-9)
    other = replace(one, network=one.network._replace(cells=cells))
    (tmp_path / "out.unfinished").mkdir()
    (tmp_path / "out.unfinished" / "checkpoint.h5").write_bytes(other.to_bytes())
    done = run_command("--resume", "out", cwd=tmp_path)
    assert (done.returncode, "draw another network here" in done.stderr) == (0, True), done.stderr
    alone = Experiment(other.config, network=other.network).run(state=other.state)
    fingerprint = json.loads((tmp_path / "out" / "summary.json").read_text())["fingerprint"]
    assert fingerprint == vars(alone.fingerprint)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume", "none"], "there is no stopped run"),
        (["--resume", "none", "--seed", "3", "--set", "run.dt_ms=1"], "leave out --seed, --set"),
        (["--resume", "none", "--seed", "0"], "leave out --seed"),
        (["--out", "none", "--resume"], "there is no stopped run"),
    ],
)
def test_bad_calls_of_resume(arguments, message, tmp_path: Path) -> None:
    done = run_command(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []
