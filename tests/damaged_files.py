"""Files of every kind that is read, and ways to damage them: by bytes, and by structure with a new digest."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from typer.testing import CliRunner

from lava_predict import (
    Config,
    Experiment,
    RunError,
    StreamLearner,
    UserError,
    load_config,
    load_preset,
    load_run,
)
from lava_predict.analysis.over_seeds import mean_and_deviation
from lava_predict.cli import app
from lava_predict.cli.report import page_of
from lava_predict.comparison import stream_page
from lava_predict.comparison.streams import compare_streams
from lava_predict.events import Columns, example, read_events
from lava_predict.network.state import not_finite
from lava_predict.records.checkpoint import Checkpoint, load_checkpoint
from lava_predict.records.folder import CHECKPOINT, Folder, unfinished_folder
from lava_predict.records.growing_folder import growing_folder
from lava_predict.records.hdf5 import DIGEST, sign
from lava_predict.records.owner import Owner, owned, owner_file
from lava_predict.records.run_record import RunRecord
from lava_predict.reports.changed import changed_settings
from lava_predict.reports.outcome import Outcome, plain
from lava_predict.reports.stream_page import stream_outcome
from lava_predict.reports.summary import run_values
from lava_predict.reproduction.page import SUMMARY as REPRODUCED
from lava_predict.streams.session import StreamSession
from lava_predict.sweeps import page as sweep_page
from lava_predict.sweeps.plan import planned
from lava_predict.sweeps.sweep import sweep
from lava_predict.targets.loihi2 import page as check_page
from lava_predict.targets.loihi2.readiness import check_readiness
from lava_predict.tasks import grammar
from lava_predict.work.cache import Cache
from lava_predict.work.unit import Unit

TINY = [
    "reservoir.neurons=12",
    "task.cues=2",
    "task.before_ms=5",
    "task.cue_ms=5",
    "task.after_ms=40",
    "task.pause_ms=[0, 5]",
    "task.settle_ms=10",
    "readout.what_window_ms=[0, 20]",
    "run.probe_trials=[0, 1]",
    "run.probe_repeats=1",
    "task.blocks=[{trials=3, probability=[0.6, 0.3], latency_ms=[10, 30]}]",
]
STREAM = ["reservoir.neurons=12", "stream.settle_ms=10", "stream.horizon_ms=50", "stream.times=false"]
EXAMPLE = {"path": None, "example": "markov", "number": 6, "columns": [None, None, None]}
EXAMPLE |= {"ms_per_unit": None, "precision": "float", "backend": "cpu"}
EVENTS = "time,label,sequence\n0,A,x\n300,B,x\n610,A,x\n0,C,y\n250,A,y\n"
UNIT = Unit(len, {}, {}, "")


def _checkpoint() -> bytes:
    config = load_preset("smoke", TINY)
    experiment = Experiment(config)
    session = experiment.start()
    session.advance(2)
    return Checkpoint(config, "float", "cpu", None, experiment.network, session.state, 1.0).to_bytes()


def _results() -> bytes:
    return RunRecord.of(Experiment(load_preset("smoke", TINY)).run()).to_bytes()


def _session() -> StreamSession:
    config = load_preset("stream", STREAM)
    events = example("markov", EXAMPLE["number"], config.run.seed, config.run.dt_ms).events
    session = StreamSession(config, events, EXAMPLE)
    session.scored.add_all([session.events.row(number) for number in range(3)])
    session.done = 3
    return session


def _summary(outcome: Outcome) -> bytes:
    return replace(outcome, figures={}).summary_text().encode()


def _of_run() -> bytes:
    config = load_preset("smoke", TINY)
    values = run_values(Experiment(config).run()) | {"changed": changed_settings(config)}
    return _summary(Outcome("run", values))


def _of_comparison() -> bytes:
    found = compare_streams(
        load_preset("stream", STREAM), [3, 4], lambda seed: grammar(6, seed, (80.0, 300.0))
    )
    return _summary(stream_page.outcome(found, 1.0))


def _of_sweep() -> bytes:
    plan = planned(partial(load_preset, "smoke"), [*TINY, "readout.when_rate=0.02,0.05"], [1, 2])
    with tempfile.TemporaryDirectory() as name:
        folder = growing_folder(Path(name, "out"), {"command": "sweep", **plan.described()}, False)
        found = sweep(plan, folder, Cache(Path(name, "cache")))
    return _summary(sweep_page.outcome(found, Path("cache"), 1.0))


def _of_reproduction() -> bytes:
    figures = plain(mean_and_deviation([0.1, 0.2]))
    criterion = {"key": "error", "quantity": "error", "paper": "small", "ours": figures, "verdict": "holds"}
    criterion |= {"null": figures | {"name": "nothing"}, "rule": "at most 0.3"}
    claim = {"number": 1, "name": "one", "statement": "It learns.", "verdict": "holds", "figures": []}
    values = {
        "preset": "smoke",
        "seeds": [100, 101],
        "confidence": 0.95,
        "timing": {"wall_s": 1.0},
        "changed": [],
    }
    values |= {"claims": [claim | {"criteria": [criterion]}], "units": {"total": 2, "reused": 0}}
    assert set(values) == set(REPRODUCED)
    return _summary(Outcome("reproduce", values))


def _as_json(line: str) -> str:
    time, label, sequence = line.split(",")
    return json.dumps({"time": int(time), "label": label, "sequence": sequence}) + "\n"


def _cached() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        Cache(Path(folder)).put(UNIT, {"error": np.arange(3.0), "spikes": np.zeros((2, 2), np.int64)})
        (path,) = Path(folder).glob("*.npz")
        return path.read_bytes()


@cache
def original(name: str) -> bytes:
    """Make a small file of a kind."""
    return READERS[name][0]()


def _go_on(path: Path) -> None:
    loaded = load_checkpoint(path)
    session = Experiment(loaded.config).start(precision=loaded.precision)
    session.restore(loaded.state)
    try:
        session.advance(99)
    except RunError:
        return
    assert not_finite(session.state.network) == []


def _hear_on(path: Path) -> None:
    learner = StreamLearner.load(path)
    if learner.intake.labels:
        learner.predict()
    learner.learn_one(10**6, "A", "another")


def _table(path: Path) -> None:
    run = load_run(path)
    assert np.isfinite(run.record.o).all()
    assert run.record.times_ms[run.record.spike_step].size == run.record.spike_cell.size


def _page(path: Path) -> None:
    page_of(path.parent)


def _config(path: Path) -> Config:
    return load_config(path)


def _known(path: Path) -> None:
    folder = path.parent / "cache"
    Folder(folder).write(f"{UNIT.key}.npz", path.read_bytes())
    found = Cache(folder).get(UNIT)
    if found is not None:
        assert {name: array.tolist() for name, array in found.items()} == {
            "error": [0.0, 1.0, 2.0],
            "spikes": [[0, 0], [0, 0]],
        }


def _command(*arguments: str) -> None:
    """Give arguments to the command line; it may refuse them with a message."""
    done = CliRunner().invoke(app, arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert "Traceback" not in done.output
    if done.exit_code:
        assert done.output.strip()
        raise UserError(done.output)


def _resume(command: str, path: Path) -> None:
    """Let a command go on with a checkpoint; refused or not, the file must still be there, or its result."""
    out = path.parent / "out"
    shutil.rmtree(out, ignore_errors=True)
    unfinished_folder(out).mkdir(exist_ok=True)
    shutil.copy(path, unfinished_folder(out) / CHECKPOINT)
    try:
        _command(command, "--resume", str(out), "--quiet")
    except UserError:
        assert (unfinished_folder(out) / CHECKPOINT).read_bytes() == path.read_bytes()
        assert not out.exists()
        raise
    assert {"summary.json", "config.toml", CHECKPOINT} <= {entry.name for entry in out.iterdir()}


def _sweep_plan(path: Path) -> None:
    """Begin or go on with a folder that holds a plan; it must then hold the right one."""
    try:
        growing_folder(path.parent, SWEEP, False)
    finally:
        path.unlink(missing_ok=True)
        for other in path.parent.iterdir():
            other.unlink()


def _owner(path: Path) -> None:
    """Own a name whose owner left a damaged file, which must then be gone."""
    with owned(path.with_name("name")):
        assert json.loads(path.read_bytes())["process"] == os.getpid()
    assert not path.exists()


def _events(path: Path) -> None:
    events = read_events(path, Columns(sequence="sequence"))
    assert len(events) >= 2
    assert np.isfinite(events.time).all()


SWEEP = {"command": "sweep", "preset": "smoke", "seeds": [1, 2], "swept": {"readout.when_rate": ["0.1"]}}
_OWNER = json.dumps(vars(Owner("elsewhere", 12, "2026-01-01 00:00:00", "100"))).encode()
_CSV, _JSONL = EVENTS.encode(), "".join(map(_as_json, EVENTS.splitlines()[1:])).encode()

READERS: dict[str, tuple[Callable[[], bytes], Callable[[Path], Any]]] = {
    "run/checkpoint.h5": (_checkpoint, _go_on),
    "resumed run/checkpoint.h5": (_checkpoint, partial(_resume, "run")),
    "run/results.h5": (_results, _table),
    "learn/checkpoint.h5": (lambda: _session().to_bytes(), _hear_on),
    "resumed learn/checkpoint.h5": (lambda: _session().to_bytes(), partial(_resume, "learn")),
    "run/summary.json": (_of_run, _page),
    "learn/summary.json": (lambda: _summary(stream_outcome(_session())), _page),
    "compare/summary.json": (_of_comparison, _page),
    "check/summary.json": (
        lambda: _summary(check_page.outcome(check_readiness(load_preset("smoke", TINY)))),
        _page,
    ),
    "sweep/summary.json": (_of_sweep, _page),
    "reproduce/summary.json": (_of_reproduction, _page),
    "plan/sweep.json": (lambda: json.dumps(SWEEP).encode(), _sweep_plan),
    "config.toml": (lambda: load_preset("smoke", TINY).to_toml().encode(), _config),
    "events.csv": (lambda: _CSV, _events),
    "events.jsonl": (lambda: _JSONL, _events),
    "cache.npz": (_cached, _known),
    f"owner/{owner_file(Path('name'))}": (lambda: _OWNER, _owner),
}
"""By kind: what makes such a file, and what reads it and uses it, which may raise a `UserError` alone."""


def damage(name: str, whole: bytes, rng: random.Random, path: Path) -> str:
    """Write a damaged copy of a file; return what was done to it."""
    path.parent.mkdir(exist_ok=True)
    if name.endswith(".h5") and rng.random() < 0.7:
        path.write_bytes(whole)
        return _rebuild(path, rng)
    if whole.startswith(b"{") and not name.endswith(".jsonl") and rng.random() < 0.8:
        values = json.loads(whole)
        done = _change(values, rng)
        path.write_text(json.dumps(values))
        return done
    data, done = _bytes(whole, rng)
    path.write_bytes(data)
    return done


def _bytes(whole: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Cut off, flip, blank, insert or double some bytes."""
    place, length = rng.randrange(len(whole)), rng.choice([1, 1, 2, 16, 400])
    noise = rng.randbytes(length)
    ways = {
        "cut off": whole[:place],
        "without its head": whole[place:],
        "changed": whole[:place] + noise + whole[place + length :],
        "blanked": whole[:place] + bytes(length) + whole[place + length :],
        "inserted": whole[:place] + noise + whole[place:],
        "doubled": whole[: place + length] + whole[place:],
        "appended": whole + noise,
        "nothing": b"",
        "a text": b"seed = 1\n",
    }
    done = rng.choice(list(ways))
    return ways[done], f"{done} at {place}, {length}"


def _rebuild(path: Path, rng: random.Random) -> str:
    """Change the structure of an HDF5 file, and give it the digest of its new content."""
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = rng.choice(names)
        item, group = file[name], file[name].parent
        done = f"{name} "
        if rng.random() < 0.25:
            owner = rng.choice([file, item, *(file[one] for one in names if len(file[one].attrs))])
            key = rng.choice(list(owner.attrs) or ["absent"])
            value: Any = rng.choice([np.zeros(3), "text", -1, 2**40, float("nan"), b"\xff", np.zeros((0, 2))])
            owner.attrs[key] = value
            done = f"attribute {owner.name} {key} = {value!r}"
        elif isinstance(item, h5py.Group):
            del file[name]
            if rng.random() < 0.5:
                group[name.split("/")[-1]] = np.zeros(3)
                done += "as a dataset"
            else:
                done += "deleted"
        else:
            done += _replace(file, name, rng)
        if DIGEST in file.attrs:
            with suppress(TypeError):  # No digest is defined for some of these values.
                sign(file)
    return done


def _replace(file: h5py.File, name: str, rng: random.Random) -> str:
    """Replace a dataset."""
    old = file[name][()]
    array = np.asarray(old)
    del file[name]
    ways: dict[str, Any] = {
        "deleted": None,
        "as a group": {},
        "as a text": "text",
        "as a number": 3.0,
        "as float32": np.zeros(array.shape, np.float32),
        "as texts": np.full(array.shape, b"x"),
        "flat": np.zeros(array.size + 1),
        "deeper": np.zeros((*array.shape, 1), array.dtype if array.dtype.kind in "iuf" else float),
        "empty": h5py.Empty("f8"),
    }
    if array.ndim and array.shape[0]:
        ways["one shorter"] = array[:-1]
        ways["one longer"] = np.concatenate([array, array[:1]])
    if array.dtype.kind == "f" and array.size:
        broken = array.copy()
        broken.flat[rng.randrange(array.size)] = rng.choice([np.nan, np.inf, -np.inf])
        ways |= dict.fromkeys(("not finite", "not finite "), broken)
    done = rng.choice(list(ways))
    if done == "as a group":
        file.create_group(name)
    elif ways[done] is not None:
        file[name] = ways[done]
    return done


def _places(values: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every list or table in nested values with a key in it."""
    for key in list(values) if isinstance(values, dict) else range(len(values)):
        yield values, key
        if isinstance(values[key], dict | list):
            yield from _places(values[key])


def _change(values: Any, rng: random.Random) -> str:
    """Change nested plain values in one place."""
    owner, key = rng.choice(list(_places(values)))
    old = owner[key]
    ways: dict[str, Any] = {
        "null": None,
        "text": "text",
        "number": -1.5,
        "huge": 10**400,
        "NaN": float("nan"),
        "infinite": float("inf"),
        "list": [],
        "table": {},
        "nested": [[[]]],
        "true": True,
    }
    if isinstance(old, list) and old:
        ways |= dict.fromkeys(("one shorter", "one shorter "), old[:-1]) | {"one longer": [*old, old[0]]}
    done = rng.choice([*ways, "deleted"])
    if done == "deleted":
        del owner[key]
    else:
        owner[key] = ways[done]
    return f"{key}: {done}"


def outcome(name: str, path: Path) -> str:
    """Read a file and use what it holds; the only exception allowed is a UserError with a message."""
    try:
        READERS[name][1](path)
    except UserError as refused:
        return f"refused: {refused}"
    return "read"
