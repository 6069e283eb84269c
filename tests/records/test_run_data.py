"""A run's tables hold what its record holds, under names, and survive the way through a file."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lava_predict import Experiment, RunData, RunRecord, UserError, load_preset, load_run
from lava_predict.cli.export import DATA
from lava_predict.experiment import scores
from lava_predict.records.run_data import FORMS

xarray = pytest.importorskip("xarray", reason="the extra analysis is not installed")
pandas = pytest.importorskip("pandas", reason="the extra analysis is not installed")
neo = pytest.importorskip("neo", reason="the extra analysis is not installed")

EVENTS, CUES = ("tone", "light"), ("left", "right")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = [
        "reservoir.neurons=60",
        "run.probe_trials=[0, 2]",
        "task.cues=2",
        'task.event_names=["tone", "light"]',
        'task.cue_names=["left", "right"]',
        "task.blocks=[{trials=4, probability=[0.6, 0.3], latency_ms=[300, 600]},"
        "{trials=3, probability=[[0.1, 0.9], [0.5, 0.5]], latency_ms=[500, 200], cues=[2]}]",
    ]
    record = RunRecord.of(Experiment(load_preset("smoke", settings), seed=3).run())
    path = tmp_path_factory.mktemp("run")
    (path / "results.h5").write_bytes(record.to_bytes())
    (path / "summary.json").write_text('{"backend": "cpu", "fingerprint": {"weights": "ab"}}')
    return path


@pytest.fixture(scope="module")
def run(folder: Path) -> RunData:
    return load_run(folder)


@pytest.mark.slow
def test_it_shows_itself_in_one_line(run: RunData) -> None:
    probes = run.to_xarray().sizes["probe"]
    assert repr(run) == f"<RunData: preset smoke, seed 3; {probes} probes, cues: 2, events: 2>"


@pytest.mark.slow
def test_the_data_set_has_the_record_under_names_with_units(run: RunData) -> None:
    data, record = run.to_xarray(), run.record
    one = data.prediction.sel(cue="right", event="light").isel(probe=3)
    np.testing.assert_array_equal(one, record.o[3, 1, :, 1])
    assert one.sel(time=300.0) == record.o[3, 1, 500, 1]
    assert (one.block, one.trials) == (record.probe_block[3] + 1, record.probe_trials[3])
    np.testing.assert_array_equal(data.w_what[-1].stack(row=("weights_of", "event")).T, record.w_what[-1])
    names = ["none", *EVENTS]
    assert list(data.trial_event.values) == [names[outcome + 1] for outcome in record.trial_outcome]
    assert (data.kind == "excitatory").sum() == 48
    assert data.time.attrs["units"] == "ms"
    assert all({"units", "long_name"} <= set(variable.attrs) for variable in data.data_vars.values())
    assert data.attrs["seed"] == "3"
    assert data.attrs["fingerprint_weights"] == "ab"


@pytest.mark.slow
def test_the_data_set_comes_back_from_netcdf_equal(run: RunData, tmp_path: Path) -> None:
    run.write(tmp_path / "run.nc", "netcdf")
    data, back = run.to_xarray(), xarray.load_dataset(tmp_path / "run.nc", engine="h5netcdf")
    xarray.testing.assert_equal(data, back)
    assert back.attrs == data.attrs
    assert {name: one.attrs["units"] for name, one in back.data_vars.items()} == {
        name: one.attrs["units"] for name, one in data.data_vars.items()
    }


@pytest.mark.slow
def test_the_table_has_a_row_for_each_probe_cue_and_event(run: RunData) -> None:
    table, record = run.to_pandas(), run.record
    assert len(table) == record.p.size == 6 * 2 * 2
    assert not table.duplicated(["block", "trials", "cue", "event"]).any()
    for row in table.itertuples():
        probe = np.flatnonzero((record.probe_block == row.block - 1) & (record.probe_trials == row.trials))[0]
        cue, event = CUES.index(row.cue), EVENTS.index(row.event)
        statistics = record.config.task.statistics(int(record.probe_block[probe]), cue)
        np.testing.assert_equal((row.probability, row.latency_ms), tuple(one[event] for one in statistics))
        assert row.probability_estimate == np.clip(record.p[probe, cue, event], 0, 1)
        assert row.error == record.error_by_cue[probe, cue]
        assert row.probe_error_counting == record.error_counting[probe]
        o = record.o[probe, cue]
        latency = np.array(statistics[1])
        near = np.abs(record.times_ms - latency[event]) <= 50
        assert row.amplitude == pytest.approx(o[near, event].mean())
        np.testing.assert_equal(row.peak_ms, scores.smoothed_peak(o, record.times_ms, 40.0)[event])


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_table_comes_back_from_a_file(form: str, run: RunData, tmp_path: Path) -> None:
    run.write(tmp_path / "run", form)
    exact = {"float_precision": "round_trip"} if form == "csv" else {}
    back = getattr(pandas, f"read_{form}")(tmp_path / "run", **exact)
    pandas.testing.assert_frame_equal(back, run.to_pandas(), rtol=0, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize(("probe", "cue"), [(-1, "right"), (5, 2), (0, 1)])
def test_spike_trains_are_the_raster(probe: int, cue: int | str, run: RunData) -> None:
    record, trains = run.record, run.spikes(probe, cue)
    number = CUES.index(cue) if isinstance(cue, str) else cue - 1
    own = (record.spike_probe == probe % 6) & (record.spike_cue == number)
    pairs = [(time, cell) for cell, train in enumerate(trains) for time in train.rescale("ms").magnitude]
    expected = zip(record.times_ms[record.spike_step[own]], record.spike_cell[own], strict=True)
    assert sorted(pairs) == sorted(expected)
    assert len(trains) == 60
    assert [train.annotations["kind"] for train in trains].count("excitatory") == 48
    assert (trains[0].t_start.item(), trains[0].t_stop.item()) == (-200, 1000)


@pytest.mark.slow
def test_a_neo_file_has_a_segment_for_each_probe_and_cue(run: RunData, tmp_path: Path) -> None:
    run.write(tmp_path / "run.mat", "neo")
    block = neo.io.NeoMatlabIO(str(tmp_path / "run.mat")).read_block()
    assert len(block.segments) == 6 * 2
    for segment, train in ((segment, segment.spiketrains[7]) for segment in block.segments):
        told = segment.annotations
        probe = [
            number
            for number, place in enumerate(zip(run.record.probe_block, run.record.probe_trials, strict=True))
            if (place[0] + 1, place[1]) == (told["block"], told["trials"])
        ]
        np.testing.assert_array_equal(train.magnitude, run.spikes(probe[0], str(told["cue"]))[7].magnitude)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.spikes(6), "probe = 6: must be from -6 to 5"),
        (lambda run: run.spikes(0, "up"), "cue = 'up': must be a number from 1 to 2, or one of left, right"),
        (lambda run: run.spikes(0, 0), "cue = 0: must be"),
        (lambda run: run.write("x", "cvs"), "did you mean 'csv'"),
    ],
)
def test_what_does_not_exist_is_named(call: Any, message: str, run: RunData) -> None:
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        call(run)


@pytest.mark.slow
def test_a_missing_package_says_how_to_get_it(run: RunData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(
        UserError, match=r"xarray.*`uv sync --extra analysis` or `pip install '\.\[analysis\]'`"
    ):
        run.to_xarray()


def test_the_command_names_the_forms_that_there_are() -> None:
    assert tuple(FORMS) == DATA
