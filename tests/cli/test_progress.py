"""Progress in a pipe: a line now and then, with the time that is left."""

from __future__ import annotations

import io
import logging
import re
import sys
import time

import pytest

from lava_predict import load_preset
from lava_predict.cli import progress
from lava_predict.cli.progress import Count, progress_bar, waiting
from lava_predict.network.draw import draw_network
from lava_predict.numerics import columns


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("told", "later_s", "line"),
    [
        ([], 50.0, "sweeping: getting ready, 50 s so far"),
        ([(0.0, 0, 1200)], 50.0, "sweeping: 0 of 1,200 runs"),
        ([(0.0, 0, 12), (30.0, 3, 12)], 0.0, "sweeping: 3 of 12 runs, about 90 s left"),
        ([(0.0, 0, 12), (30.0, 3, 12)], 20.0, "sweeping: 3 of 12 runs, about 70 s left"),
        ([(0.0, 0, 12), (30.0, 3, 12)], 29.0, "sweeping: 3 of 12 runs, about 61 s left"),
        ([(0.0, 0, 12), (30.0, 3, 12)], 930.0, "sweeping: 3 of 12 runs, about 32 min left"),
        ([(0.0, 0, 2), (30.0, 1, 2)], 29.0, "sweeping: 1 of 2 runs, about 1 s left"),
        ([(0.0, 0, 2), (30.0, 1, 2)], 31.0, "sweeping: 1 of 2 runs"),
        ([(0.0, 10, 16), (60.0, 11, 16)], 0.0, "sweeping: 11 of 16 runs, about 5 min left"),
        ([(0.0, 0, 1000), (36.0, 1, 1000)], 0.0, "sweeping: 1 of 1,000 runs, about 10 h left"),
        ([(0.0, 0, 2), (30.0, 2, 2)], 0.0, "sweeping: 2 of 2 runs"),
    ],
)
def test_a_line_says_how_much_is_done_and_how_long_the_rest_takes(
    told: list[tuple[float, int, int]], later_s: float, line: str
) -> None:
    clock = Clock()
    count = Count("sweeping", "runs", clock)
    for waited, done, total in told:
        clock.now += waited
        count.tell(done, total)
    clock.now += later_s
    assert count.line() == line


def test_lines_come_in_a_pipe_as_long_as_the_command_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_FIRST_AFTER_S", 0.0)
    monkeypatch.setattr(progress, "_THEN_EVERY_S", 0.001)
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    with progress_bar(False, "sweeping", "runs") as tell:
        tell(1, 3)
        while "sweeping: 1 of 3 runs\n" not in shown.getvalue():
            time.sleep(0.001)
    lines = shown.getvalue()
    time.sleep(0.02)
    assert shown.getvalue() == lines


def test_a_silent_command_shows_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_FIRST_AFTER_S", 0.0)
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    with progress_bar(True, "sweeping", "runs") as tell:
        assert tell is None
    assert shown.getvalue() == ""


def compile_twice() -> None:
    """Log what the library does when it compiles two kernels."""
    for kernel in ("advance", "fold"):
        logging.getLogger("lava_predict.numerics.compiled").info("compiling %s", kernel)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_is_told_once_what_is_waited_for_and_that_kernels_are_compiled(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with waiting(False, "checking"):
        compile_twice()
    with progress_bar(False, "training", "trials"):
        compile_twice()
    compiling = "compiling, the first time only ...\n"
    assert capsys.readouterr().err == f"checking ...\n{compiling}{compiling}"
    compile_twice()
    with waiting(True, "checking"), progress_bar(True, "training", "trials"):
        compile_twice()
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_the_same_and_no_number_before_one_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with waiting(False, "checking"):
        compile_twice()
    assert "compiling, the first time only" in terminal.getvalue()
    with progress_bar(False, "training", "trials") as tell:
        assert tell is not None
        compile_twice()
        tell(0, 12)
        tell(3, 1200)
    shown = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", terminal.getvalue())
    assert "?" not in shown
    assert "3 of 1,200 trials" in shown


def test_a_long_draw_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(columns, "_TOLD_EVERY_S", 0.0)
    monkeypatch.setattr(progress, "_FIRST_AFTER_S", 1e-3)
    monkeypatch.setattr(progress, "_THEN_EVERY_S", 1e-3)
    with progress.drawing(silent=False):
        draw_network(load_preset("smoke"))
        shown, limit = "", time.monotonic() + 60
        while "drawing: 200 of 200 cells" not in shown and time.monotonic() < limit:
            time.sleep(0.001)
            shown += capsys.readouterr().err
    assert "drawing: 200 of 200 cells" in shown
    capsys.readouterr()  # The line may have been shown once more before the command ended.
    with progress.drawing(silent=True):
        draw_network(load_preset("smoke"))
    assert capsys.readouterr().err == ""
