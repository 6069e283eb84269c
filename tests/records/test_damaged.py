"""Files that do not hold what they must: each is refused with the file, the place, and what is expected."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from damaged_files import original
from typer.testing import CliRunner

from lava_predict import StreamLearner, UserError, load_preset, load_run
from lava_predict.cli import app
from lava_predict.records.checkpoint import KIND, load_checkpoint
from lava_predict.records.hdf5 import sign

GROUP = object()
RUN, LEARN, RESULTS = "run/checkpoint.h5", "learn/checkpoint.h5", "run/results.h5"
READ: dict[str, Callable[[Path], Any]] = {RUN: load_checkpoint, LEARN: StreamLearner.load, RESULTS: load_run}


def first_broken(array: np.ndarray, value: float) -> np.ndarray:
    array = array.copy()
    array.flat[0] = value
    return array


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "place", "change", "said"),
    [
        (RUN, "state/cells/v", GROUP, "state/cells/v: is a group; expected float64 of shape (12,)"),
        (RUN, "network", lambda _: np.zeros(3), "network: is a dataset; expected a group"),
        (RUN, "state/cells/v", lambda _: None, "state/cells/v: is missing"),
        (RUN, "state/when/w", lambda a: a[:, :-1], "state/when/w: holds float64 of shape"),
        (RUN, "state/cells/v", lambda a: first_broken(a, np.nan), "holds a number that is not finite"),
        (RUN, "state/cells/v", lambda a: a.astype("f4"), "state/cells/v: holds float32 of shape (12,)"),
        (RUN, "network/synapses/target", lambda a: a + 12, "allowed are those from 0 to 11"),
        (RUN, "network/synapses/first", lambda a: a[::-1], "must ascend from 0"),
        (RUN, "run/trials/cue", lambda a: a + 2, "run/trials/cue: holds values from"),
        (RUN, "run/trials/block", lambda a: a[:-1], "run/trials/block: holds int64 of shape (1,)"),
        (RUN, "run/trials/latency_ms", lambda a: a + np.inf, "run/trials/latency_ms: holds a number"),
        (LEARN, "learned/label_w", GROUP, "learned/label_w: is a group"),
        (LEARN, "learned/moved", lambda a: a[:1], "learned/moved: holds int64 of shape (1,)"),
        (LEARN, "moment/state/synapses/s", lambda a: first_broken(a, np.inf), "moment/state/synapses/s"),
        (LEARN, "intake", lambda _: b"[]", "is []; expected a table"),
        (
            RESULTS,
            "times_ms",
            lambda a: first_broken(a, np.nan),
            "times_ms: holds a number that is not finite",
        ),
        (RESULTS, "o", lambda a: a[..., :1], "o: holds float64 of shape"),
        (RESULTS, "spike_cell", lambda a: a + 12, "spike_cell: holds values from"),
        (RESULTS, "config", GROUP, "config: is not a text"),
    ],
)
def test_a_dataset_that_is_not_what_it_must_be(
    name: str, place: str, change: Any, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "file.h5"
    path.write_bytes(original(name))
    with h5py.File(path, "r+") as file:
        new = None if change is GROUP or isinstance(file[place], h5py.Group) else file[place][()]
        new = None if change is GROUP else change(new)
        del file[place]
        if change is GROUP:
            file.create_group(place)
        elif new is not None:
            file[place] = new
        sign(file)
    with pytest.raises(UserError) as refused:
        READ[name](path)
    assert str(refused.value).startswith(f"{path}: ")
    assert said in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "item", "key", "value"),
    [
        (RUN, "/", "wall_s", np.zeros(3)),
        (RUN, "/", "wall_s", float("nan")),
        (RUN, "/", "precision", "half"),
        (RUN, "run/trials", "count", "two"),
        (RUN, "run", "fingerprint_spikes", "12"),
        (LEARN, "/", "last_time", np.zeros((2, 2))),
        (LEARN, "/", "precision", 3),
    ],
)
def test_an_attribute_that_is_not_what_it_must_be(
    name: str, item: str, key: str, value: Any, tmp_path: Path
) -> None:
    path = tmp_path / "file.h5"
    path.write_bytes(original(name))
    with h5py.File(path, "r+") as file:
        file[item].attrs[key] = value
        sign(file)
    with pytest.raises(UserError) as refused:
        READ[name](path)
    assert str(refused.value).startswith(f"{path}: ")
    assert key in str(refused.value)


def test_a_signed_checkpoint_of_another_program(tmp_path: Path) -> None:
    (tmp_path / "file.h5").write_bytes(KIND.to_bytes(load_preset("smoke"), sign))
    with pytest.raises(UserError, match=r"file\.h5: .*attribute precision: is None; expected a text"):
        load_checkpoint(tmp_path / "file.h5")


@pytest.mark.slow
def test_a_signed_checkpoint_with_settings_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "file.h5"
    path.write_bytes(original(RUN))
    with h5py.File(path, "r+") as file:
        text = file["config"].asstr()[()].replace("neurons = 12", "neurons = 13")
        del file["config"]
        file["config"] = text
        sign(file)
    with pytest.raises(UserError, match=r"network/cells/\w+: holds float64 of shape \(12,\); expected"):
        load_checkpoint(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("blocks", 0, "probability"), "blocks[0].probability"),
        (("blocks", 0, "peak_ms"), "blocks[0].peak_ms"),
        (("blocks", 0, "error_by_cue", "0"), "blocks[0].error_by_cue.0"),
        (("blocks", 0, "probability_estimate", 1), "blocks[0].probability_estimate[1]"),
    ],
)
def test_a_list_of_a_summary_that_is_one_shorter(
    keys: tuple[str | int, ...], said: str, tmp_path: Path
) -> None:
    summary = json.loads(original("run/summary.json"))
    *path, last = keys
    owner = summary
    for key in path:
        owner = owner[key]
    owner[last] = owner[last][:-1]
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    done = CliRunner().invoke(app, ["report", str(tmp_path)])
    text = "".join(done.output.split())
    assert done.exit_code == 2
    assert "summary.json:" in text
    assert f"{said}:has" in text


@pytest.mark.parametrize("time", ["nan", "inf", "-inf", "1e999"])
def test_a_time_of_an_event_that_is_no_number(time: str, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(f"time,label\n0,a\n{time},b\n2,a\n")
    done = CliRunner().invoke(app, ["learn", str(tmp_path / "events.csv"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "events.csv" in done.output
    assert "row 3" in done.output.replace("\n", " ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["run", "learn"])
def test_a_damaged_summary_of_what_is_complete_is_named(command: str, tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_bytes(b'{"command": "\xff')
    done = CliRunner().invoke(app, [command, "--resume", str(tmp_path), "--json"])
    assert done.exit_code == 2
    assert "summary.json: is not JSON" in " ".join(done.output.split())


def test_an_input_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    done = CliRunner().invoke(app, ["learn", str(tmp_path / "loop.csv"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "loop.csv: cannot be read" in " ".join(done.output.split())
