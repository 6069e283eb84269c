"""The decorator that compiles every kernel: once, cached on disk, without fast-math."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

_PACKAGE = Path(__file__).resolve().parents[1]


def _source_digest() -> str:
    """Digest of every module that holds kernels."""
    digest = hashlib.sha256()
    for folder in ("kernels", "learning"):
        for path in sorted((_PACKAGE / folder).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


# numba notices a change of the file that a function stands in, not of the files it calls into, and
# would go on running a stale inlined callee. A cache folder per state of the sources mends that.
_CACHE = str(Path(__file__).parent / "__pycache__" / f"numba-{_source_digest()}")


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
    settings.CACHE_DIR = users_choice or _CACHE
    try:
        compiled: Any = numba.njit(cache=True, error_model="numpy", fastmath=False)(function)
    finally:
        settings.CACHE_DIR = users_choice
    return compiled  # type: ignore[no-any-return]
