"""A small form of benchmarks/many_runs.py: the memory of many runs in one process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "many_runs.py"


@pytest.mark.slow
def test_memory_is_flat_after_the_first_runs() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--runs", "130", "--settled", "60"],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "grown by" in done.stdout
