"""The script that must pass for every commit fails if anything that it runs does."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / ".ci" / "run"

STUB = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
test "$(wc -l < "$CALLS")" -ne "$FAILING"
"""

Run = Callable[[int], tuple[int, list[str]]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the script with stubs for what it calls, of which the call of a number fails."""
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for name in ("python3", "uv", "chromium", "chromedriver", "verilator", "iverilog"):
        (stubs / name).write_text(STUB)
        (stubs / name).chmod(0o755)

    def with_failing(number: int) -> tuple[int, list[str]]:
        calls = tmp_path / f"calls-{number}"
        known = {"PATH": f"{stubs}:/usr/bin:/bin", "PYENV_ROOT": str(tmp_path), "HOME": str(tmp_path)}
        done = subprocess.run(
            ["bash", str(SCRIPT)],
            env={**known, "CALLS": str(calls), "FAILING": str(number)},
            capture_output=True,
            timeout=300,
            check=False,
        )
        return done.returncode, calls.read_text().splitlines()

    return with_failing


@pytest.mark.slow
def test_a_failure_of_any_step_is_that_of_the_script(run: Run) -> None:
    code, every = run(0)
    assert code == 0
    assert every[:2] == ["python3 -m pip install --quiet uv", "uv run pytest"]
    for number in range(1, len(every) + 1):
        code, calls = run(number)
        assert (code != 0, len(calls)) == (True, number), every[number - 1]
