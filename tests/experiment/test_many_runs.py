"""A small form of benchmarks/many_runs.py: the memory of many runs in one process."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.mark.long
def test_memory_is_flat_after_the_first_runs(benchmark_lines: Callable[..., list[str]]) -> None:
    lines = benchmark_lines("many_runs.py", "--runs", "130", "--settled", "60")
    assert "grown by" in "\n".join(lines)
