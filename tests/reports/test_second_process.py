"""Pictures drawn by two processes: the same files, whatever becomes of the second one."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import psutil
import pytest
from matplotlib.figure import Figure

from lava_predict.reports import plot_style as style
from lava_predict.reports.print_style import Printed, render
from lava_predict.reports.second_process import Rendering, SecondProcess

PRINTED = Printed(("png", "svg"))


def line(height: float) -> Figure:
    figure, axes = style.one_panel(2, 2)
    axes.plot([0, height])
    return figure


@pytest.fixture
def second() -> Iterator[SecondProcess]:
    with closing(SecondProcess()) as process:
        yield process


@pytest.mark.slow
def test_a_second_process_draws_the_same_files(second: SecondProcess) -> None:
    second.start("lava_predict.reports.plot_style")
    second.wait()
    assert second.render(partial(line, 3), PRINTED) == render(line(3), PRINTED)


def threshold() -> Figure:
    """Draw a line as high as this process makes new objects before it looks for garbage."""
    return line(gc.get_threshold()[0])


@pytest.mark.slow
def test_it_looks_for_garbage_as_often_as_the_first(second: SecondProcess) -> None:
    before = gc.get_threshold()
    gc.set_threshold(50_000, *before[1:])
    try:
        second.start()
        second.wait()
        assert second.render(threshold, PRINTED) == render(line(50_000), PRINTED)
    finally:
        gc.set_threshold(*before)


@pytest.mark.slow
@pytest.mark.parametrize("starts", [False, True])
def test_all_pictures_are_drawn_in_their_order(second: SecondProcess, starts: bool) -> None:
    pictures = {"line 2": line(2), "line 3": partial(line, 3), "line 4": partial(line, 4)}
    if starts:
        second.start()
    files = Rendering(pictures, PRINTED, second).files()
    assert list(files) == list(pictures)
    assert files == {f"line {height}": render(line(height), PRINTED) for height in (2, 3, 4)}


@pytest.mark.slow
@pytest.mark.parametrize("module", ["sys", "no_such_module"])
def test_what_the_second_process_cannot_draw_is_drawn_here(second: SecondProcess, module: str) -> None:
    def unknown_elsewhere() -> Figure:
        return line(5)

    second.start(module)
    pictures = {"one": unknown_elsewhere, "other": unknown_elsewhere}
    expected = render(line(5))
    assert Rendering(pictures, second=second).files() == {"one": expected, "other": expected}


def test_where_no_process_can_be_started_all_is_drawn_here(
    second: SecondProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    second.start("sys")
    assert not second.started
    assert Rendering({"one": line(5)}, second=second).files() == {"one": render(line(5))}


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_nobody_waits_for_a_second_process_that_is_not_ready(
    second: SecondProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "takes_long.py").write_text("import time; time.sleep(3600)")
    monkeypatch.syspath_prepend(tmp_path)
    second.start("takes_long")
    rendering = Rendering({"one": line(5)}, second=second)
    assert rendering.files() == {"one": render(line(5))}
    second.close()
    rendering._elsewhere.join()


def test_it_ends_when_it_is_closed(second: SecondProcess) -> None:
    others = set(psutil.Process().children())
    second.start("time")
    (process,) = set(psutil.Process().children()) - others
    second.close()
    assert not process.is_running()


STARTS_ONE = """
import os, signal
from lava_predict.reports.second_process import SecondProcess
second = SecondProcess()
second.start("lava_predict.reports.plot_style")
import psutil
print(psutil.Process().children()[0].pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_does_not_outlive_a_caller_that_is_killed(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", STARTS_ONE], cwd=tmp_path, capture_output=True, text=True)
    number = int(killed.stdout)
    if psutil.pid_exists(number):
        psutil.wait_procs([psutil.Process(number)], timeout=60)
    assert not psutil.pid_exists(number)
