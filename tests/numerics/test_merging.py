"""Functions are merged as numba merges them, in less time; numba's own merging is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba.core import ir

from lava_predict.numerics import compiled
from lava_predict.numerics.binding import part
from lava_predict.numerics.compiled import kernel, merged_kernel

OPTIONS: Any = {"inline": "always", "error_model": "numpy"}
NUMBERS = np.random.default_rng(5).normal(size=40)

fraction_of = sums_of = part


@pytest.fixture(autouse=True)
def nothing_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all be compiled anew, and leave the names of this module as they were."""
    monkeypatch.setattr(compiled, "_FOLDER", tmp_path)
    for name in ("fraction_of", "sums_of"):
        monkeypatch.setitem(globals(), name, part)


def fraction(total: float, count: int) -> float:
    # Names that the caller has, too, and an early end.
    if count == 0:
        return -1.0
    found = total
    for i in range(count):
        found -= total / (i + 1)
    return found


def sums(numbers: np.ndarray, least: float) -> tuple[float, int]:
    total, count = 0.0, 0
    for i in range(numbers.size):
        if numbers[i] < least:
            continue
        total += numbers[i] + fraction_of(total, count)
        count += 1
    return total, count


def caller(numbers: np.ndarray) -> float:
    total, count = sums_of(numbers, 0.0)
    for i in range(3):
        again, _ = sums_of(numbers, 0.1 * i)
        total += again * fraction_of(total, i)
    return total + count


def compiled_by(merged: Any, outer: Any) -> Any:
    """Compile the functions above, which call each other by names of this module."""
    globals().update(fraction_of=merged(fraction), sums_of=merged(sums))
    return outer(caller)


@pytest.mark.slow
def test_the_same_numbers_as_with_numba() -> None:
    theirs = compiled_by(numba.njit(**OPTIONS), numba.njit(**OPTIONS))
    expected = theirs(NUMBERS)
    assert compiled_by(merged_kernel, kernel)(NUMBERS) == expected
    globals().update(fraction_of=fraction, sums_of=sums)
    assert caller(NUMBERS) == pytest.approx(expected, rel=1e-12)


@pytest.mark.slow
def test_scopes_are_not_copied_but_by_numba_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    copied = 0
    whole = ir.Scope.__reduce_ex__

    def count(scope: Any, protocol: Any) -> Any:
        nonlocal copied
        copied += 1
        return whole(scope, protocol)

    monkeypatch.setattr(ir.Scope, "__reduce_ex__", count)
    compiled_by(merged_kernel, kernel)(NUMBERS)
    assert copied == 0
    compiled_by(numba.njit(**OPTIONS), numba.njit(**OPTIONS))(NUMBERS)
    assert copied > 10
