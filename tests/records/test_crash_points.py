"""Every state that a kill can leave has a way out: the same command again, or what its message names."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from crash_points import states
from typer.testing import CliRunner

from lava_predict import UserError, load_preset
from lava_predict.cli import app
from lava_predict.experiment import experiment
from lava_predict.records.folder import PREDICTIONS, new_folder, unfinished_run, write_file
from lava_predict.records.growing_folder import growing_folder
from lava_predict.records.owner import owned
from lava_predict.reports import second_process
from lava_predict.settings.schema import Config
from lava_predict.streams import session
from lava_predict.work.cache import Cache
from lava_predict.work.unit import Found, unit

OUT, RESUME, OVERWRITE = ["--out", "out"], ["--resume", "out"], ["--out", "out", "--overwrite"]
Command = Callable[[list[str]], str | None]
"""Called with options; returns the message where it is refused."""


def ways(message: str) -> list[list[str]]:
    """Return the options that a message says go on."""
    found = re.findall(r"(?:continue it with|start it again with) ((?:--\w+ ?(?:out)? ?)+)", message)
    named = [text.split() for text in found]
    return named + [OVERWRITE] * ("add --overwrite" in message)


def check_ways(command: Command, begin: Path, into: Path, calls: list[list[str]], every: int = 1) -> int:
    """Kill a command, called as in the first of some calls, at operations; return the states it leaves.

    From each state each of the calls goes on, or names what does, and all end as the command does without a
    kill. Where not at ``every`` operation, it is one call and one way for a state, by turns.
    """
    found = 0
    whole = _ended(command, calls[0], shutil.copytree(begin, into / "whole"))
    for state in states(partial(command, calls[0]), begin, into / "states", every):
        for call in calls if every == 1 else [calls[found % len(calls)]]:
            message = _called(command, call, shutil.copytree(state, into / "again"))
            assert message is None or ways(message), message
            named = [call] if message is None else ways(message)
            for way in named if every == 1 else [named[found % len(named)]]:
                shutil.rmtree(into / "again")
                assert _ended(command, way, shutil.copytree(state, into / "again")) == whole
            shutil.rmtree(into / "again")
        found += 1
    print(f"{found} of {found} states that a kill leaves: each goes on to the same end")
    return found


def _called(command: Command, call: list[str], place: Path) -> str | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        return command(call)


def _ended(command: Command, call: list[str], place: Path) -> object:
    assert _called(command, call, place) is None
    with owned(place / "another"):
        pass  # Clears what is left where the command had nothing more to do.
    assert [path.name for path in place.iterdir()] == ["out"]
    summary = json.loads((place / "out" / "summary.json").read_text())
    names = {str(path.relative_to(place)) for path in place.rglob("*")}
    return summary["fingerprint"], names


def toy(options: list[str]) -> str | None:
    """Sum up to 3, with a checkpoint after each number."""
    resume = "--resume" in options
    if resume and Path("out/summary.json").exists() and not Path("out.unfinished").exists():
        return None
    try:
        with unfinished_run(Path("out"), "--overwrite" in options, resume) as files:
            done = int(files.checkpoint.read_text()) if resume else 0
            with files.appended(PREDICTIONS, 2 * done) as table:
                for number in range(done, 4):
                    table.flush()
                    files.keep(f"{number}".encode(), number > 0)
                    table.write(f"{number}\n".encode())
            files.write("figures/sum.png", "a picture")
            written = (files.checkpoint.parent / PREDICTIONS).read_text()
            files.write("summary.json", json.dumps({"fingerprint": written}))
    except UserError as error:
        return str(error)
    return None


@pytest.mark.slow
@pytest.mark.parametrize(
    "there", ["nothing", "an unfinished run", pytest.param("both", marks=pytest.mark.long)]
)
def test_an_unfinished_run_goes_on_from_every_state(there: str, tmp_path: Path) -> None:
    begin = tmp_path / "begin"
    begin.mkdir()
    if there == "both":
        (begin / "out" / "figures").mkdir(parents=True)
        (begin / "out" / "summary.json").write_text('{"fingerprint": "before"}')
    if there != "nothing":
        (begin / "out.unfinished").mkdir()
        (begin / "out.unfinished" / "checkpoint.h5").write_text("1")
        (begin / "out.unfinished" / PREDICTIONS).write_text("0\n1\n2")
    calls = {
        "nothing": [OUT, RESUME],
        "an unfinished run": [RESUME, OUT],
        "both": [OVERWRITE, OUT],
    }
    assert check_ways(toy, begin, tmp_path, calls[there]) > 10


@pytest.mark.parametrize("left", [[], [PREDICTIONS], [".checkpoint.h5.partial"]])
def test_a_run_that_an_older_version_left_without_a_checkpoint_is_replaced(
    left: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.unfinished").mkdir()
    for name in left:
        (tmp_path / "out.unfinished" / name).touch()
    monkeypatch.chdir(tmp_path)
    for call in (OUT, RESUME):
        assert ways(str(toy(call))) == [OVERWRITE]
    assert toy(OVERWRITE) is None
    (tmp_path / "out.unfinished").mkdir()
    (tmp_path / "out.unfinished" / "thesis.tex").touch()
    for call in (OUT, OVERWRITE):
        assert "is in the way, and not of lava-predict; move it" in str(toy(call))
    assert (tmp_path / "out.unfinished" / "thesis.tex").exists()


def folder(options: list[str]) -> str | None:
    try:
        with new_folder(Path("out"), "--overwrite" in options) as files:
            files.write("figures/a.png", "a picture")
            files.write("summary.json", '{"fingerprint": "new"}')
    except UserError as error:
        return str(error)
    return None


@pytest.mark.slow
@pytest.mark.parametrize("there", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_folder_is_the_old_one_or_the_new_one_after_every_kill(there: bool, tmp_path: Path) -> None:
    begin = tmp_path / "begin"
    begin.mkdir()
    if there:
        (begin / "out").mkdir()
        (begin / "out" / "summary.json").write_text('{"fingerprint": "before"}')
    call = OVERWRITE if there else OUT
    assert check_ways(folder, begin, tmp_path, [call, OUT]) > 5
    for state in states(partial(folder, call), begin, tmp_path / "again"):
        with owned(state / "out"):
            text = (state / "out" / "summary.json").read_text() if (state / "out").exists() else ""
        assert text in ('{"fingerprint": "before"}' if there else "", '{"fingerprint": "new"}')


def grow(options: list[str]) -> str | None:
    try:
        with owned(Path("out")):
            files = growing_folder(Path("out"), {"command": "sweep", "seeds": 2}, "--overwrite" in options)
            for table in ("one\n", "one\ntwo\n"):
                files.write("sweep.csv", table)
            files.write("figures/effects.png", "a picture")
            files.write("summary.json", json.dumps({"fingerprint": "new"}))
    except UserError as error:
        return str(error)
    return None


@pytest.mark.slow
@pytest.mark.parametrize("there", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_folder_that_grows_goes_on_from_every_state(there: bool, tmp_path: Path) -> None:
    begin = tmp_path / "begin"
    begin.mkdir()
    if there:
        (begin / "out" / "figures").mkdir(parents=True)
        (begin / "out" / "sweep.json").write_text('{"command": "sweep", "seeds": 1}')
        (begin / "out" / "figures" / "other.png").write_text("a picture")
        (begin / "out" / "summary.json").write_text('{"fingerprint": "before"}')
    calls = [OVERWRITE, OUT] if there else [OUT, OVERWRITE]
    assert check_ways(grow, begin, tmp_path, calls) > 20


@pytest.mark.slow
def test_a_file_is_whole_after_every_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write() -> None:
        write_file(Path("network.nir"), "new", overwrite=True)

    begin = tmp_path / "begin"
    begin.mkdir()
    (begin / "network.nir").write_text("before")
    texts = set()
    for state in states(write, begin, tmp_path):
        texts.add((state / "network.nir").read_text())
        write()
        assert [path.name for path in state.iterdir()] == ["network.nir"]
        assert (state / "network.nir").read_text() == "new"
    assert texts == {"before", "new"}


def count(config: Config, factor: int) -> Found:
    return {"steps": np.arange(factor)}


@pytest.mark.slow
def test_a_cache_has_a_unit_or_not_after_every_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    units = [unit(count, load_preset("smoke"), factor=factor) for factor in (1, 2)]

    def work() -> None:
        with owned(Path("cache"), "--cache"):
            cache = Cache(Path("cache"))
            for one in units:
                if cache.get(one) is None:
                    cache.put(one, count(one.config, **one.arguments))

    begin = tmp_path / "begin"
    begin.mkdir()
    known = set()
    for state in states(work, begin, tmp_path):
        known.add(sum(Cache(state / "cache").get(one) is not None for one in units))
        work()
        assert [Cache(state / "cache").get(one)["steps"].size for one in units] == [1, 2]
        assert sorted(path.name for path in state.rglob("*")) == sorted(
            ["cache", *(f"{one.key}.npz" for one in units)]
        )
    assert known == {0, 1, 2}


SMALL = {
    "run": [
        *("run", "--preset", "smoke", "--set", "reservoir.neurons=60", "--set", "run.probe_trials=[0]"),
        *("--set", "task.settle_ms=100", "--set", "run.probe_repeats=1"),
        *("--set", "task.blocks=[{trials=2, probability=[0.6, 0.3], latency_ms=[300, 600]}]"),
    ],
    "learn": [
        *("learn", "--example", "grammar", "--events", "4"),
        *("--set", "reservoir.neurons=60", "--set", "stream.settle_ms=100"),
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "there"), [("run", False), pytest.param("learn", True, marks=pytest.mark.long)]
)
def test_a_command_goes_on_from_every_state_to_the_same_fingerprint(
    name: str, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "KEEP_EVERY_S", 0.0)
    monkeypatch.setattr(session, "KEEP_EVERY_S", -1.0)
    monkeypatch.setattr(session, "TOGETHER", 1)
    monkeypatch.setattr(second_process, "render", lambda figure, printed: {"png": b"a picture"})

    def command(options: list[str]) -> str | None:
        arguments = SMALL[name] if options[0] == "--out" else [name]
        done = CliRunner().invoke(app, [*arguments, *options, "--quiet"])
        assert done.exit_code in (0, 2), done.output
        assert not isinstance(done.exception, Exception), done.exception
        return done.stderr if done.exit_code else None

    begin = tmp_path / "begin"
    begin.mkdir()
    if there:
        _called(command, OUT, begin)
    calls = [OVERWRITE, OUT] if there else [OUT, RESUME]
    assert check_ways(command, begin, tmp_path, calls, every=9) > 5
