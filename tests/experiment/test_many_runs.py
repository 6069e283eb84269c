"""Runs in one process: the memory that it keeps does not grow with their number."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "many_runs.py"


@pytest.mark.slow
def test_the_resident_set_is_flat_after_the_first_runs() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--runs", "150"], capture_output=True, text=True, timeout=1100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "after the first 50 runs" in done.stdout
