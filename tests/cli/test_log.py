"""What the library logs, and who shows it."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lava_predict.cli import app
from lava_predict.cli.log import LEVELS, log_to_stderr
from lava_predict.errors import UserError

LOGGER = logging.getLogger("lava_predict")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    handlers, level = list(LOGGER.handlers), LOGGER.level
    yield
    LOGGER.handlers[:] = handlers
    LOGGER.setLevel(level)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a check, which is quick to make."""
    folder = tmp_path_factory.mktemp("log") / "out"
    small = ("--set", "reservoir.neurons=60")
    done = CliRunner().invoke(app, ["check", "--preset", "smoke", *small, "--out", str(folder), "--quiet"])
    assert done.exit_code == 0, done.output
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("before", [True, False], ids=["before the command", "after it"])
def test_every_command_takes_the_level(page: Path, before: bool) -> None:
    level, command = ["--log-level", "info"], ["report", str(page), "--quiet"]
    done = CliRunner().invoke(app, [*level, *command] if before else [*command, *level])
    assert done.exit_code == 0, done.output
    assert f"INFO lava_predict.records.folder: wrote {page / 'report.html'}\n" in done.stderr
    assert "DEBUG" not in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
def test_nothing_is_shown_unless_asked_for(page: Path) -> None:
    done = CliRunner().invoke(app, ["report", str(page), "--quiet"])
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.slow
def test_an_unknown_level_is_refused(page: Path) -> None:
    done = CliRunner().invoke(app, ["report", str(page), "--log-level", "inf"])
    assert done.exit_code == 2
    assert "--log-level 'inf': there is no such level; did you mean 'info'? allowed: debug" in done.stderr
    with pytest.raises(UserError):
        log_to_stderr("Info")


@pytest.mark.slow
def test_help_of_every_command_names_the_levels() -> None:
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__
        shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, [name, "--help"]).stdout
        assert "--log-level" in shown, name
        assert all(level in shown for level in LEVELS), name


def test_as_a_library_it_shows_nothing_and_leaves_the_root_logger_alone(tmp_path: Path) -> None:
    script = (
        "import logging, sys\n"
        "from lava_predict.records.folder import write_file\n"
        "from pathlib import Path\n"
        "logger = logging.getLogger('lava_predict')\n"
        "assert [type(one) for one in logger.handlers] == [logging.NullHandler]\n"
        "assert not logging.getLogger().handlers\n"
        "logging.getLogger('lava_predict.records').error('unheard')\n"
        "write_file(Path(sys.argv[1]), 'text', False)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "file")], capture_output=True, text=True, timeout=1200
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
