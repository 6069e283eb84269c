"""A small form of benchmarks/kills.py: SIGKILL at a random moment of each command, which then goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "kills.py"


@pytest.mark.slow
def test_killed_commands_go_on_to_the_same_results() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--kills", "4", "--doubles", "1"],
        capture_output=True,
        text=True,
        timeout=1100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "1 of 1 double starts, 4 of 4 kills"
