"""Sweeps: the runs are an experiment's own, and a stopped sweep ends with the table of one without a stop."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pictures import pngs

from lava_predict import Config, Experiment, UserError, load_preset
from lava_predict.records.growing_folder import growing_folder
from lava_predict.sweeps import page, plan, search, study
from lava_predict.sweeps.plan import Plan, Search, planned
from lava_predict.sweeps.study import at_block_ends, learn_task
from lava_predict.sweeps.sweep import TABLE, Sweep, sweep
from lava_predict.work.cache import Cache
from lava_predict.work.unit import Found

TINY = [
    "reservoir.neurons=60",
    "run.probe_trials=[0, 2]",
    "run.probe_repeats=1",
    "task.settle_ms=200",
    "task.blocks=[{trials=3, probability=[0.6, 0.3], latency_ms=[300, 600]},"
    "{trials=2, probability=[0.1, 0.9], latency_ms=[500, 200]}]",
]
SMOKE = partial(load_preset, "smoke")
GRID = ["readout.when_rate=0.02,0.05", "task.cues=1,2"]


def tiny_plan(*settings: str, search: Search | None = None) -> Plan:
    return planned(SMOKE, [*TINY, *settings], [1, 2], search=search)


def swept(made: Plan, folder: Path) -> Sweep:
    """Run a sweep in a folder beside its cache."""
    described = {"command": "sweep", **made.described()}
    return sweep(made, growing_folder(folder, described, False), Cache(folder.with_name("cache")))


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / TABLE).open(newline="") as file:
        return list(csv.DictReader(file))


def stopped_after(runs: int, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let a sweep stop when so many runs are done; return what lets it go on."""
    context, left = pytest.MonkeyPatch(), iter(range(runs))

    def learn(config: Config, precision: str) -> Found:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return learn_task(config, precision)

    learn.__module__, learn.__name__ = learn_task.__module__, learn_task.__name__
    context.setattr(plan, "learn_task", learn)
    return context


def test_a_trial_is_learned_first_only_where_the_kernels_of_these_parts_are_not_on_disk_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[tuple[str, str]] = []

    class Learner:
        def __init__(self, config: Config) -> None:
            self._rule = config.readout.rule

        def start(self, precision: str) -> Learner:
            learned.append((self._rule, precision))
            return self

        def advance(self, trials: int) -> None:
            assert trials == 1

    monkeypatch.setattr(study, "Experiment", Learner)
    monkeypatch.setattr(study.compiled, "_FOLDER", tmp_path)
    delta = SMOKE(["readout.rule=gated_delta"])
    for config in (SMOKE(), SMOKE(["readout.tau_m_ms=4096"]), delta, delta):
        study.compile_kernels(config, "float")
    study.compile_kernels(delta, "fixed")
    rule = SMOKE().readout.rule
    assert learned == [(rule, "float"), ("gated_delta", "float"), ("gated_delta", "fixed")]
    # Another machine may share the folder.
    monkeypatch.setattr(study.compiled.numba.config, "CPU_NAME", "another")
    study.compile_kernels(delta, "fixed")
    assert len(learned) == 4
    monkeypatch.setattr(study.compiled, "_FOLDER", None)
    study.compile_kernels(delta, "fixed")
    assert len(learned) == 4


@pytest.mark.slow
def test_the_table_has_a_row_for_each_run_and_probe_with_the_figures_of_a_run(tmp_path: Path) -> None:
    found = swept(tiny_plan(*GRID), tmp_path / "out")
    rows = table(tmp_path / "out")
    assert len(rows) == 4 * 2 * 5
    assert list(rows[0])[:3] == ["point", "readout.when_rate", "task.cues"]
    assert [row["point"] for row in rows] == sorted(row["point"] for row in rows)
    one = [row for row in rows if (row["readout.when_rate"], row["task.cues"]) == ("0.05", "1")]
    one = [row for row in one if row["seed"] == "2"]
    result = Experiment(SMOKE([*TINY, "readout.when_rate=0.05", "task.cues=1"]), seed=2).run()
    blocks = [block for block in result.blocks for _ in block.error]
    assert [float(row["error"]) for row in one] == [probe.error for probe in result.state.probes]
    assert [float(row["zero_error"]) for row in one] == [block.zero_error for block in blocks]
    counting = [error for block in result.blocks for error in block.baseline["counting"].values()]
    assert [float(row["error_counting"]) for row in one] == counting
    assert [(row["block"], row["trials"]) for row in one] == [
        (str(number), str(trials)) for number, block in enumerate(result.blocks, 1) for trials in block.error
    ]
    assert float(one[0]["rate_hz"]) == pytest.approx(result.mean_rate_hz)
    ends = [block.error[block.trials] / block.zero_error for block in result.blocks]
    assert found.relative(found.points[2])[1] == pytest.approx(np.mean(ends))


@pytest.mark.slow
@pytest.mark.parametrize("runs", [0, 1, 5])
def test_a_stopped_sweep_goes_on_and_ends_with_the_same_table(
    runs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tiny_plan(*GRID)
    swept(made, tmp_path / "whole" / "out")
    out = tmp_path / "stopped" / "out"
    stop = stopped_after(runs, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        swept(made, out)
    stop.undo()
    assert len(table(out)) == 5 * runs
    assert swept(made, out).reused == runs
    assert (out / TABLE).read_bytes() == (tmp_path / "whole" / "out" / TABLE).read_bytes()


@pytest.mark.slow
def test_a_network_that_diverges_is_a_finding(tmp_path: Path) -> None:
    wild = planned(SMOKE, [*TINY, "readout.rule=gated_delta", "readout.when_rate=0.05,90.0"], [1, 2])
    found = swept(wild, tmp_path / "out")
    good, bad = found.points
    assert np.isfinite(found.value(good))
    assert found.value(bad) == np.inf
    ends = [row["error"] for row in table(tmp_path / "out") if row["readout.when_rate"] == "90.0"]
    assert ends[0] != ""
    assert ends[-1] == ""
    made = page.outcome(found, tmp_path, 1.0)
    assert made.summary["points"][1]["diverged"] == 2
    assert made.summary["ranking"] == [0, 1]
    assert "diverged with 1 of 2 combinations" in made.warnings[0].cause


def test_a_block_without_events_does_not_count_and_divergence_does() -> None:
    found = {
        "block": np.array([0, 0, 1, 1, 2]),
        "error": np.array([9.0, 0.1, 9.0, 0.3, 0.2]),
        "zero_error": np.array([9.0, 0.5, 9.0, 0.0, 0.5]),
    }
    assert at_block_ends(found, "error") == pytest.approx((0.2 + 0.4) / 2)
    assert np.isnan(at_block_ends(found | {"error": np.array([9.0, 0.1, 9.0, 0.3, np.nan])}, "error"))


SEARCHED = [
    "readout.when_rate=0.01..0.2:log",
    "readout.surprise_trials=1..4",
    "readout.cue_weights=own,shared",
]


@pytest.mark.slow
def test_a_search_has_the_same_table_stopped_or_not_and_its_study_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped within the second of three batches, and once more before a study was there."""
    optuna = pytest.importorskip("optuna", reason="optuna is not installed: uv sync --extra search")
    made = tiny_plan(*SEARCHED, search=Search(5, 2))
    whole = swept(made, tmp_path / "whole" / "out")
    out = tmp_path / "stopped" / "out"
    for runs in (0, 7):
        stop = stopped_after(runs, monkeypatch)
        with pytest.raises(KeyboardInterrupt):
            swept(made, out)
        stop.undo()
    assert len(table(out)) == 5 * 7
    again = swept(made, out)
    assert again.reused == 7
    assert (out / TABLE).read_bytes() == (tmp_path / "whole" / "out" / TABLE).read_bytes()
    study = optuna.load_study(study_name="sweep", storage=f"sqlite:///{out / search.STUDY}")
    assert [trial.value for trial in study.trials] == [whole.value(point) for point in whole.points]
    for trial, point in zip(study.trials, whole.points, strict=True):
        assert {key: str(value) for key, value in trial.params.items()} == dict(point.settings)
        assert 0.01 <= trial.params["readout.when_rate"] <= 0.2
        assert len(point.settings["readout.when_rate"]) <= len("0.01234")
    assert len({str(point.settings) for point in whole.points}) == 5


@pytest.mark.slow
def test_a_longer_search_goes_on_from_a_shorter_one(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="optuna is not installed: uv sync --extra search")
    whole = swept(tiny_plan(*SEARCHED, search=Search(4, 2)), tmp_path / "whole" / "out")
    swept(tiny_plan(*SEARCHED, search=Search(3, 2)), tmp_path / "short" / "out")
    longer = swept(tiny_plan(*SEARCHED, search=Search(4, 2)), tmp_path / "short" / "out")
    assert longer.reused == 6
    assert [point.settings for point in longer.points] == [point.settings for point in whole.points]


@pytest.mark.slow
def test_a_search_learns_from_what_it_tried(tmp_path: Path) -> None:
    """Of a bowl over two settings, the last batches try values nearer to its bottom than the first ones."""
    pytest.importorskip("optuna", reason="optuna is not installed: uv sync --extra search")
    made = tiny_plan("reservoir.noise=0..10", "readout.when_rate=0.001..0.1:log", search=Search(32, 4))
    searched, away = search.Searched(made, tmp_path), []
    for points in searched.batches():
        values = {}
        for point in points:
            noise, rate = (float(text) for text in point.settings.values())
            values[point.number] = (noise - 7) ** 2 / 100 + np.log10(rate / 0.02) ** 2
        searched.tell(values)
        away += values.values()
    assert np.median(away[-12:]) < 0.3 * np.median(away[:12])


@pytest.mark.long
def test_combinations_that_are_no_valid_settings_are_left_out_and_told(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="optuna is not installed: uv sync --extra search")
    settings = ["readout.cue_weights=shared,own", "readout.protect=none,hebbian"]
    made = planned(SMOKE, [*TINY, *settings], [1], search=Search(8, 4))
    found = swept(made, tmp_path / "out")
    assert 0 < len(found.refused) < 8
    assert len(found.points) + len(found.refused) == 8
    for point in found.points:
        assert dict(point.settings) != {"readout.cue_weights": "own", "readout.protect": "hebbian"}
    made = page.outcome(found, tmp_path, 1.0)
    assert 'must be "none" with cue_weights = "own"' in made.warnings[-1].cause
    assert swept(planned(SMOKE, [*TINY, *settings], [1], search=Search(8, 4)), tmp_path / "out").refused


@pytest.mark.slow
@pytest.mark.parametrize("settings", [GRID, SEARCHED])
def test_what_a_sweep_leaves(settings: list[str], tmp_path: Path) -> None:
    asked = Search(3, 2) if settings is SEARCHED else None
    if asked:
        pytest.importorskip("optuna", reason="optuna is not installed: uv sync --extra search")
    found = swept(tiny_plan(*settings, search=asked), tmp_path / "out")
    made = page.outcome(found, tmp_path / "cache", 1.5)
    summary = made.summary
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert (summary["command"], summary["schema"], summary["seeds"]) == ("sweep", 1, [1, 2])
    assert summary["runs"] == {"total": 2 * len(found.points), "reused": 0}
    best = summary["points"][summary["best"]]
    assert best["error"]["mean"] == min(point["error"]["mean"] for point in summary["points"])
    assert best["error"]["seeds"] == pytest.approx(found.relative(found.points[summary["best"]]).tolist())
    texts = [f"{key}={text}" for key, text in best["settings"].items()]
    assert made.config == SMOKE([*TINY, *texts, "run.seed=1"])
    html = page.page(summary, pngs(made.figures)).html()
    assert html.count("<img") == 1
    assert all(key in html for key in found.points[0].settings)
    assert made.table.row_count == len(found.points)


def test_a_folder_of_another_sweep_is_not_touched_unless_it_may_be(tmp_path: Path) -> None:
    def begin(rate: int, overwrite: bool = False, out: str = "out"):
        return growing_folder(tmp_path / out, {"command": "sweep", "rate": rate}, overwrite)

    begin(1).write("sweep.csv", "one")
    begin(1).write("figures/one.png", "one")
    assert (tmp_path / "out" / "sweep.csv").read_text() == "one"
    with pytest.raises(UserError, match=r"holds another sweep \(rate there: 1, here: 2\).*--overwrite"):
        begin(2)
    assert (tmp_path / "out" / "sweep.csv").read_text() == "one"
    begin(2, overwrite=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["sweep.json"]
    assert begin(2).path == tmp_path / "out"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "sweep.json").write_text('{"mine": 1}')
    for overwrite in (False, True):
        with pytest.raises(UserError, match="exists already and holds no sweep"):
            begin(1, overwrite, "mine")
    assert (tmp_path / "mine" / "sweep.json").read_text() == '{"mine": 1}'


def test_what_a_killed_sweep_left_aside_is_removed(tmp_path: Path) -> None:
    folder = growing_folder(tmp_path / "out", {"command": "sweep"}, False)
    (folder.path / ".sweep.csv.partial-abc").mkdir()
    (folder.path / "summary.json").write_text("{}")
    growing_folder(tmp_path / "out", {"command": "sweep"}, False)
    assert [path.name for path in folder.path.iterdir()] == ["sweep.json"]
