"""A function that only kernels call becomes a part of them; called from Python, it is a kernel of its own."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from lava_predict.numerics import compiled, dispatch
from lava_predict.numerics.compiled import kernel, lean_kernel


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where machine code is kept meanwhile."""
    monkeypatch.setattr(compiled, "_FOLDER", tmp_path)
    return tmp_path


def kernels() -> tuple[Any, Any, Any]:
    """Return kernels as another process would have them, not yet compiled; the last calls the others."""

    @lean_kernel
    def root(x: float) -> float:
        if x < 0.0:
            raise ValueError("below 0")
        return x**0.5

    @kernel
    def roots(numbers: np.ndarray) -> np.ndarray:
        found = np.empty_like(numbers)
        for j in range(numbers.size):
            found[j] = root(numbers[j])
        return found

    @kernel
    def outer(numbers: np.ndarray) -> float:
        return roots(numbers).sum() + root(numbers[0])

    return root, roots, outer


def is_part(function: Any) -> bool:
    (one,) = function.overloads.values()
    return isinstance(one.library, dispatch._Part)


NUMBERS = np.array([4.0, 9.0, 16.0])


@pytest.mark.slow
def test_only_what_python_calls_is_made_into_machine_code() -> None:
    root, roots, outer = kernels()
    assert outer(NUMBERS) == 11.0
    assert (is_part(root), is_part(roots), is_part(outer)) == (True, True, False)
    assert root(25.0) == 5.0
    assert roots(NUMBERS).tolist() == [2.0, 3.0, 4.0]
    assert (is_part(root), is_part(roots)) == (False, False)
    assert outer(NUMBERS) == 11.0


@pytest.mark.slow
def test_parts_are_kept_for_other_kernels() -> None:
    assert kernels()[2](NUMBERS) == 11.0
    root, _, _ = kernels()

    @kernel
    def another(numbers: np.ndarray) -> float:
        return root(numbers[1]) * root(numbers[2])

    assert another(NUMBERS) == 12.0
    assert is_part(root)
    assert (sum(root.stats.cache_hits.values()), sum(root.stats.cache_misses.values())) == (1, 0)
    assert root(25.0) == 5.0


@pytest.mark.slow
@pytest.mark.parametrize("kept", [False, True])
def test_an_error_in_a_part_is_raised(kept: bool) -> None:
    if kept:
        assert kernels()[2](NUMBERS) == 11.0
    *_, outer = kernels()
    with pytest.raises(ValueError, match="below 0"):
        outer(-NUMBERS)
    assert outer(NUMBERS) == 11.0


@pytest.mark.slow
@pytest.mark.parametrize("before", [True, False])
def test_garbage_is_collected_as_before_once_a_kernel_is_compiled(
    before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    collecting: list[bool] = []
    monkeypatch.setattr(dispatch.KernelDispatcher, "add_overload", watched(collecting))
    *_, outer = kernels()
    was = gc.isenabled()
    (gc.enable if before else gc.disable)()
    try:
        with pytest.raises(ValueError, match="below 0"):
            outer(-NUMBERS)
        assert gc.isenabled() == before
    finally:
        (gc.enable if was else gc.disable)()
    assert collecting == [False] * 3


def watched(collecting: list[bool]) -> Any:
    """Note, wherever something has been compiled, whether garbage is being collected."""
    usual = dispatch.KernelDispatcher.add_overload

    def add_overload(kernel: Any, compiled: Any) -> None:
        collecting.append(gc.isenabled())
        usual(kernel, compiled)

    return add_overload


def test_numba_of_others_calls_it() -> None:
    root, _, _ = kernels()
    theirs = numba.njit(lambda x: root(x) + 1.0)
    assert theirs(9.0) == 4.0
    assert root(9.0) == 3.0


@pytest.mark.slow
def test_threads_compile_kernels_of_their_own() -> None:
    root, roots, outer = kernels()
    found: list[float] = []
    threads = [
        threading.Thread(target=lambda call=call, given=given: found.append(float(np.sum(call(given)))))
        for call, given in ((outer, NUMBERS), (root, 36.0), (roots, NUMBERS), (root, 49.0))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [6.0, 7.0, 9.0, 11.0]
