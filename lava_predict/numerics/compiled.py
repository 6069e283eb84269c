"""The decorator that compiles every kernel: once, cached on disk, without fast-math."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import llvmlite.binding as llvm
import numba

Function = TypeVar("Function", bound=Callable[..., Any])

_PACKAGE = Path(__file__).resolve().parents[1]


def _source_digest() -> str:
    """Digest of every module that holds kernels."""
    digest = hashlib.sha256()
    for folder in ("numerics", "neurons", "synapses", "learning", "network"):
        for path in sorted((_PACKAGE / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


# numba notices a change of the file that a function stands in, not of the files it calls into, and
# would go on running a stale inlined callee. A cache folder per state of the sources mends that.
_CACHE = Path(__file__).parent / "__pycache__" / f"numba-{_source_digest()}"
_OLD_CACHES_KEPT = 4
_DAY_S = 86400.0


def forget_old_caches(current: Path) -> None:
    """Delete the machine code of former states of the sources, megabytes each.

    The newest few stay, for who goes back and forth between two states, and all of the last day, as a process
    that began before an edit may still write there.

    Parameters
    ----------
    current : Path
        The folder of the present state; those beside it with a like name are looked at.
    """
    made = {}
    for path in current.parent.glob("numba-*"):
        with contextlib.suppress(OSError):  # Another process may be deleting it.
            made[path] = path.stat().st_mtime
    made.pop(current, None)
    newest_first = sorted(made, key=lambda path: made[path], reverse=True)
    for path in newest_first[_OLD_CACHES_KEPT:]:
        if made[path] < time.time() - _DAY_S:
            shutil.rmtree(path, ignore_errors=True)


forget_old_caches(_CACHE)


def _use_full_vectors() -> None:
    """Let LLVM use vectors as wide as the machine has, where the user has not chosen for numba.

    By default it stops at 256 bits on machines that have 512, and an integer step takes a fifth longer.
    The bits do not depend on it. numba reads this once, so it holds for other numba code in the process.
    """
    settings: Any = numba.config
    features = llvm.get_host_cpu_features()
    if settings.CPU_NAME is None and settings.CPU_FEATURES is None and features.get("avx512f"):
        settings.CPU_NAME = llvm.get_host_cpu_name()
        settings.CPU_FEATURES = features.flatten() + ",-prefer-256-bit"


_use_full_vectors()


def kernel(function: Function) -> Function:
    """Compile ``function`` with numba on first call and keep the machine code on disk.

    No fast-math and no fused multiply-add: the order of floating-point operations is the source's,
    so that every caller gets the same bits.

    Parameters
    ----------
    function : callable
        A function in numba's nopython subset.

    Returns
    -------
    callable
        The compiled function. Falls back to numba's per-user cache where the package's own folder
        cannot be written.
    """
    settings: Any = numba.config
    users_choice = settings.CACHE_DIR
    settings.CACHE_DIR = users_choice or str(_CACHE)
    try:
        # Inlined, as passing a network of many arrays takes as long as a short kernel runs.
        compiled: Any = numba.njit(cache=True, error_model="numpy", fastmath=False, forceinline=True)(
            function
        )
    finally:
        settings.CACHE_DIR = users_choice
    return compiled  # type: ignore[no-any-return]
