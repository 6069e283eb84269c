"""What a run leaves on disk: complete or not at all."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from lava_predict import Config, Experiment, Result, UserError, load_config, load_preset
from lava_predict.records.run_record import RunRecord, load_record, new_folder


@pytest.fixture(scope="module")
def result() -> Result:
    small = ["reservoir.neurons=60", "run.probe_trials=[0, 2]", "task.cues=2"]
    block = "task.blocks=[{trials=3, probability=[0.6, 0.3], latency_ms=[300, 600]}]"
    return Experiment(load_preset("smoke", [*small, block])).run()


def test_record_reads_back_to_the_bit(result: Result, tmp_path: Path) -> None:
    record = RunRecord.of(result)
    (tmp_path / "results.h5").write_bytes(record.to_bytes())
    again = load_record(tmp_path)
    assert again.config == record.config
    for name, value in vars(record).items():
        if name != "config":
            other = getattr(again, name)
            assert (value.shape, value.dtype) == (other.shape, other.dtype)
            assert value.tobytes() == other.tobytes()


def test_record_holds_what_the_run_gave(result: Result) -> None:
    record, probes = RunRecord.of(result), result.state.probes
    assert list(record.error) == [probe.error for probe in probes]
    assert record.o.shape == (3, 2, 1200, 2)
    np.testing.assert_array_equal(record.w_when[-1], result.state.network.w_when)
    for number, probe in enumerate(probes):
        for cue in (0, 1):
            shown = (record.spike_probe == number) & (record.spike_cue == cue)
            np.testing.assert_array_equal(record.spike_step[shown], probe.spike_step[cue])
            np.testing.assert_array_equal(record.spike_cell[shown], probe.spike_cell[cue])
    assert list(record.trial_outcome) == [trial.outcome for trial in result.state.trials]


@pytest.mark.parametrize("kind", ["missing", "truncated", "foreign", "future", "text"])
def test_a_record_that_cannot_be_read_says_so(kind: str, result: Result, tmp_path: Path) -> None:
    path = tmp_path / "results.h5"
    data = RunRecord.of(result).to_bytes()
    if kind == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "text":
        path.write_text("not HDF5")
    elif kind != "missing":
        with h5py.File(path, "w") as file:
            file.attrs["format"] = "another program" if kind == "foreign" else "lava-predict run"
            file.attrs["schema"] = 99
    with pytest.raises(UserError, match=r"results\.h5"):
        load_record(path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_only_when_complete(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with new_folder(out, overwrite=False) as folder:
        folder.write("figures/a.png", b"1")
        folder.write("summary.json", "{}")
        assert not out.exists()
    assert names(tmp_path / "deep") == ["out"]
    assert names(out) == ["figures", "summary.json"]


def fail_while_writing(out: Path, overwrite: bool, error: BaseException) -> None:
    with new_folder(out, overwrite) as folder:
        folder.write("summary.json", "new")
        raise error


@pytest.mark.parametrize("error", [RuntimeError("cause"), KeyboardInterrupt()])
@pytest.mark.parametrize("there_before", [False, True])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: BaseException, there_before: bool) -> None:
    out = tmp_path / "out"
    if there_before:
        out.mkdir()
        (out / "summary.json").write_text("old")
    with pytest.raises(type(error)):
        fail_while_writing(out, there_before, error)
    assert names(tmp_path) == (["out"] if there_before else [])
    if there_before:
        assert (out / "summary.json").read_text() == "old"


def test_overwrite_replaces_the_whole_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for content in ("one", "two"):
        with new_folder(out, overwrite=True) as folder:
            folder.write("summary.json", content)
            folder.write(content, "")
    assert names(tmp_path) == ["out"]
    assert names(out) == ["summary.json", "two"]


@pytest.mark.parametrize("kind", ["run", "other folder", "file", "link"])
def test_what_must_not_be_replaced(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    elif kind == "link":
        (tmp_path / "real").mkdir()
        out.symlink_to(tmp_path / "real")
    else:
        out.mkdir()
        (out / ("summary.json" if kind == "run" else "thesis.tex")).write_text("mine")
    before = names(tmp_path)
    with pytest.raises(UserError, match="--out"), new_folder(out, overwrite=kind != "run"):
        pytest.fail("must not begin")
    assert names(tmp_path) == before


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"), new_folder(tmp_path / "file" / "out", False):
        pytest.fail("must not begin")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.slow
@pytest.mark.parametrize("there_before", [False, True])
def test_a_disk_that_takes_no_more(tmp_path: Path, there_before: bool) -> None:
    # A limit on the size of files fails a write in the middle, as a full disk does.
    out = tmp_path / "out"
    if there_before:
        out.mkdir()
        (out / "summary.json").write_text("old")
    script = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "from lava_predict.cli.app import main\n"
        "main()\n"
    )
    arguments = [
        "run",
        "--preset",
        "smoke",
        "--set",
        "reservoir.neurons=50",
        "--out",
        str(out),
        "--overwrite",
    ]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: --out")
    assert "Traceback" not in done.stderr
    assert names(tmp_path) == (["out"] if there_before else [])
    if there_before:
        assert (out / "summary.json").read_text() == "old"


def test_config_of_a_run_runs_again_to_the_same_bits(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(result.config.to_toml())
    config: Config = load_config(path)
    assert Experiment(config).run().fingerprint == result.fingerprint
