"""The record of a run reads back to the bit, and a file that is no such record is refused."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from lava_predict import Config, Experiment, Result, UserError, load_config, load_preset
from lava_predict.records.run_record import RunRecord, load_record

pytestmark = pytest.mark.slow


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
    np.testing.assert_array_equal(record.w_when[-1], result.state.network.when.w)
    for number, probe in enumerate(probes):
        for cue in (0, 1):
            shown = (record.spike_probe == number) & (record.spike_cue == cue)
            np.testing.assert_array_equal(record.spike_step[shown], probe.spike_step[cue])
            np.testing.assert_array_equal(record.spike_cell[shown], probe.spike_cell[cue])
    assert list(record.trial_outcome) == [trial.outcome for trial in result.state.trials]
    due = {-1: np.nan, 0: 300.0, 1: 600.0}
    np.testing.assert_array_equal(record.trial_latency_ms, [due[k] for k in record.trial_outcome.tolist()])
    assert list(record.error_counting) == list(result.blocks[0].baseline["counting"].values())
    assert record.error_by_cue.shape == record.zero_error_by_cue.shape == (3, 2)


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


def test_a_run_of_other_parts_reads_back_and_runs_again(tmp_path: Path) -> None:
    parts = ["reservoir.neuron=adaptive_lif", "reservoir.delay_ms=[1, 20]", "reservoir.neurons=60"]
    block = "task.blocks=[{trials=2, probability=[0.6, 0.3], latency_ms=[300, 600]}]"
    result = Experiment(load_preset("smoke", [*parts, block])).run()
    record = RunRecord.of(result)
    (tmp_path / "results.h5").write_bytes(record.to_bytes())
    (tmp_path / "config.toml").write_text(result.config.to_toml())
    assert load_record(tmp_path).config == load_config(tmp_path / "config.toml") == result.config
    assert Experiment(load_config(tmp_path / "config.toml")).run().fingerprint == result.fingerprint


def test_config_of_a_run_runs_again_to_the_same_bits(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(result.config.to_toml())
    config: Config = load_config(path)
    assert Experiment(config).run().fingerprint == result.fingerprint
