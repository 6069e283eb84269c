"""Fixtures that several tests share."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys

# Two test processes on two cores: more threads than one each for BLAS would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import settings
from shared_segments import nothing_new, segments

from lava_predict import Config, load_preset

if TYPE_CHECKING:
    from browser import Browser

# In a background job of a shell Ctrl-C is ignored, and so in every process that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline: the first call of a kernel compiles it. The same examples every time.
settings.register_profile("lava-predict", deadline=None, derandomize=True)
settings.load_profile("lava-predict")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count what takes long as slow, too, so that the fast part is without both."""
    for item in items:
        if item.get_closest_marker("long") is not None:
            item.add_marker("slow")


_BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def benchmark_lines() -> Callable[..., list[str]]:
    """Carry out a script of benchmarks/, which must succeed, and return the lines that it prints."""

    def carried_out(script: str, *arguments: str) -> list[str]:
        command = [sys.executable, _BENCHMARKS / script, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1100, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()

    return carried_out


@pytest.fixture
def tiny() -> Callable[..., Config]:
    """Make a configuration that runs in well under a second; arguments are --set texts."""

    def make(*overrides: str) -> Config:
        return load_preset(
            "smoke",
            [
                "reservoir.neurons=80",
                "run.probe_trials=[0, 2]",
                "run.probe_repeats=2",
                "task.settle_ms=400",
                "task.blocks=[{trials=3, probability=[0.6, 0.3], latency_ms=[300, 600]},"
                "{trials=2, probability=[0.1, 0.9], latency_ms=[500, 200]}]",
                *overrides,
            ],
        )

    return make


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Open a browser for the tests of a module; skip those that ask for it where there is none."""
    install = "Debian: apt-get install chromium chromium-driver"
    pytest.importorskip("selenium", reason="selenium is not installed")
    from browser import CHROMEDRIVER, CHROMIUM, Browser
    from selenium.common import WebDriverException

    if CHROMIUM is None or CHROMEDRIVER is None:
        pytest.skip(f"no chromium or no chromedriver; {install}")
    try:
        opened = Browser()
    except WebDriverException as error:
        pytest.skip(f"Chromium does not start: {error.msg}; {install}")
    yield opened
    opened.close()


@pytest.fixture
def quickly_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a core for Verilator be compiled without optimising, which takes longer than a short simulation."""
    verilator = pytest.importorskip("lava_predict.targets.fpga.verilator", exc_type=ImportError)
    flags = verilator._VERILATE.replace("OPT_FAST=-O3", "OPT_FAST=-O0")
    assert flags != verilator._VERILATE
    monkeypatch.setattr(verilator, "_VERILATE", f"{flags} -MAKEFLAGS OPT_SLOW=-O0 -MAKEFLAGS OPT_GLOBAL=-O0")


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Check that no child process and no shared-memory segment outlives the test."""
    before: set[int | None] = {child.pid for child in psutil.Process().children(recursive=True)}
    before_segments = segments()
    yield
    gc.collect()  # An exception that was caught may hold a pool, in a cycle of references.
    # Python's own tracker of shared memory, which plain Lava starts, stays as long as the interpreter.
    before.add(getattr(resource_tracker._resource_tracker, "_pid", None))
    after = {child.pid for child in psutil.Process().children(recursive=True)}
    assert after <= before
    assert nothing_new(before_segments)
