"""A view in a kernel is numpy's, and shares the memory."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from lava_predict.numerics.compiled import kernel
from lava_predict.numerics.views import viewed


@kernel
def as_bytes(array: np.ndarray) -> np.ndarray:
    return viewed(array, np.uint8)


@kernel
def as_words(array: np.ndarray) -> np.ndarray:
    return viewed(array, np.uint64)


@kernel
def clear_second(array: np.ndarray) -> None:
    viewed(array, np.int32)[1] = 0


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 25])
@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float64])
def test_it_is_that_of_numpy(kind: Any, size: int) -> None:
    array = np.random.default_rng(size).integers(0, 100, size).astype(kind)
    whole = array.nbytes // 8 * 8
    expected = np.frombuffer(array.tobytes()[:whole], np.uint64)
    for found in (as_words(array), viewed(array, np.uint64)):
        assert (found.dtype, found.tolist()) == (np.uint64, expected.tolist())
    assert as_bytes(array).tobytes() == array.tobytes()


@pytest.mark.slow
def test_it_shares_the_memory() -> None:
    array = np.array([-1, -1], np.int64)
    clear_second(array)
    assert array.view(np.int32).tolist() == [-1, 0, -1, -1]


@pytest.mark.slow
def test_the_memory_lives_as_long_as_the_view() -> None:
    @kernel
    def made(size: int) -> np.ndarray:
        return viewed(np.full(size, 7, np.int64), np.uint8)

    views = [made(1000) for _ in range(50)]
    assert all(view.reshape(-1, 8).sum(axis=0).tolist() == [7000] + [0] * 7 for view in views)


@pytest.mark.slow
def test_what_is_not_contiguous_is_refused() -> None:
    with pytest.raises(numba.TypingError):
        as_bytes(np.zeros(8, np.int64)[::2])
