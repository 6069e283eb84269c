"""A small form of benchmarks/kills.py: SIGKILL at a random moment of each command, which then goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.mark.long
def test_killed_commands_go_on_to_the_same_results(benchmark_lines: Callable[..., list[str]]) -> None:
    lines = benchmark_lines("kills.py", "--kills", "4", "--doubles", "1")
    assert lines[-1] == "1 of 1 double starts, 4 of 4 kills"
