"""The decorator that compiles every kernel: once, cached on disk, without fast-math."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import multiprocessing
import os
import re
import shutil
import stat
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import llvmlite.binding as llvm
import numba
from numba.core import event
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.runtime import rtsys

from lava_predict.errors import Caution
from lava_predict.numerics.dispatch import KernelDispatcher, for_a_kernel, rebuilt

_LOG = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., Any])

_PACKAGE = Path(__file__).resolve().parents[1]
_IMPORT = re.compile(rb"^ *from lava_predict\.([\w.]+) import (\([^)]*\)|.*)", re.M)
_KERNELS = (b"numerics.compiled import", b"numerics.binding import")
_CONSTANT = re.compile(rb"\b[A-Z][A-Z0-9_]+\b")
_OLD_CACHES_KEPT = 4
_DAY_S = 86400.0


def compiled_sources(package: Path = _PACKAGE) -> list[Path]:
    """List the modules of a package folder that machine code depends on.

    They are those that define kernels, and those from which these import constants, as numba compiles the
    values of constants in.
    """
    place = _modules(package)
    text = {name: place[name].read_bytes() for name in place}
    found = {
        name
        for name in text
        if place[name].name == "compiled.py" or any(needed in text[name] for needed in _KERNELS)
    }
    waiting = list(found)
    while waiting:
        for module, names in _IMPORT.findall(text[waiting.pop()]):
            home = module.decode()
            if home in text and home not in found and _CONSTANT.search(names):
                found.add(home)
                waiting.append(home)
    return sorted(place[name] for name in found)


def _modules(package: Path) -> dict[str, Path]:
    """Find the modules of a package folder, without a look into its caches of code; they may be large."""
    found = {}
    for folder, folders, files in os.walk(package):
        folders[:] = [name for name in folders if name != "__pycache__"]
        inside = Path(folder).relative_to(package).parts
        for name in files:
            if name.endswith(".py"):
                own = () if name == "__init__.py" else (name[:-3],)
                found[".".join((*inside, *own))] = Path(folder, name)
    return found


def _cache_parents() -> Iterator[Path]:
    """List where machine code may be kept, the best place first."""
    settings: Any = numba.config
    if settings.CACHE_DIR:
        yield Path(settings.CACHE_DIR) / "lava-predict"
    yield Path(__file__).parent / "__pycache__"
    with contextlib.suppress(RuntimeError):  # There may be no home.
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lava-predict"
    yield _private(Path(tempfile.gettempdir()) / f"lava-predict-{os.getuid()}")


def _private(folder: Path) -> Path:
    """Make a folder of this user alone: machine code that another user put there would be executed."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder of this user alone")
    return folder


def cache_folder() -> Path | None:
    """Make the folder that machine code is kept in; None where none can be written.

    numba notices a change of the file that a function stands in, but not of the files that it calls into,
    and would run outdated code. So every state of the sources has a folder of its own. It is in the first
    writable one of ``NUMBA_CACHE_DIR``, the package, the user's cache folder and a private temporary folder.
    """
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in compiled_sources()))
    with contextlib.suppress(OSError):
        for parent in _cache_parents():
            folder = parent / f"numba-{digest.hexdigest()[:16]}"
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                tempfile.TemporaryFile(dir=folder).close()
                return folder
    return None


def forget_old_caches(current: Path) -> None:
    """Delete the machine code of former states of the sources: old neighbours of the current folder.

    The newest few stay, for developers who switch between two states. So do all of the last day, as a
    process that began before an edit may still write there.
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


_FOLDER = cache_folder()
if _FOLDER is not None:
    forget_old_caches(_FOLDER)
elif multiprocessing.parent_process() is None:
    _CAUTION = Caution(
        "no folder can be written to keep compiled code in, so every start compiles it again",
        "set NUMBA_CACHE_DIR to a folder that you can write to",
    )
    warnings.warn(str(_CAUTION), RuntimeWarning, stacklevel=2)


def note_of(kernels: str) -> Path | None:
    """Return the file by which it is noted that some kernels have been compiled and are kept beside it.

    Another Python, numba or processor has another one. None where machine code is not kept.
    """
    settings: Any = numba.config
    compiler = [sys.version, numba.__version__, settings.CPU_NAME or llvm.get_host_cpu_name()]
    words = "\n".join([kernels, *compiler, settings.CPU_FEATURES or ""])
    return _FOLDER and _FOLDER / f"compiled-{hashlib.sha256(words.encode()).hexdigest()[:16]}"


class _CacheFile(IndexDataCacheFile):
    """Keeps the machine code of each signature in a file named after it.

    numba counts the files. Two processes that compile two signatures at the same time may then write to the
    same file, and a third one would run the code of one signature for the other, with wrong results.
    """

    def save(self, key: Any, data: Any) -> None:
        number = int(hashlib.sha256(repr(key).encode()).hexdigest()[:15], 16)
        name = self._data_name(number)
        self._save_data(name, data)
        self._save_index({**self._load_index(), key: name})


class _Reader(CompileResultCacheImpl):
    """Reads what becomes a part of kernels, too."""

    def rebuild(self, target_context: Any, payload: Any) -> Any:
        return rebuilt(target_context, payload)


class _Cache(FunctionCache):
    """numba's cache on disk, except that a full disk or a damaged file costs time instead of the run.

    numba first imports all that compiling may need, SciPy's linear algebra included. Our own kernels, once
    compiled, need only the counting of references to arrays, so that a start is half a second shorter.

    numba looks for its files when a function is imported. Those of ours are looked for when one is called
    from Python, as few are; their folder says which state of the sources they are of. For a function of
    another package only the time stamp of its source does, which has to be that of the import.
    """

    only_ours = True
    _impl_class = _Reader

    def __init__(self, function: Callable[..., Any]) -> None:
        self._py_func, self._found = function, False
        if not _is_ours(function):
            self._find()

    def _find(self) -> None:
        """Look for the files; numba raises where it finds no source file, or no longer may write."""
        if self._found:
            return
        settings: Any = numba.config
        users_choice, settings.CACHE_DIR = settings.CACHE_DIR, str(_FOLDER)
        try:
            super().__init__(self._py_func)
        finally:
            settings.CACHE_DIR = users_choice
        self._cache_file.__class__ = _CacheFile
        self._found = True

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (super()._index_key(sig, codegen), for_a_kernel())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            self._find()
            if not self.only_ours:
                return super().load_overload(sig, target_context)
            rtsys.initialize(target_context)
            found = self._load_overload(sig, target_context)
            if found is not None:
                _LOG.debug("loaded %s from %s", self._py_func.__qualname__, self._cache_path)
            return found
        except Exception:
            with contextlib.suppress(Exception):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(Exception):
            self._find()
            super().save_overload(sig, data)


class _Compiling(event.Listener):
    """Logs that one of our kernels begins to be compiled, not those that it calls, and when each is."""

    def __init__(self) -> None:
        self._began: list[float] = []

    def on_start(self, event: Any) -> None:
        kernel = event.data["dispatcher"]
        if not self._began and isinstance(kernel._cache, _Cache):
            _LOG.info("compiling %s, to be kept in %s", kernel.py_func.__qualname__, _FOLDER)
        self._began.append(time.perf_counter())

    def on_end(self, event: Any) -> None:
        took_s, kernel = time.perf_counter() - self._began.pop(), event.data["dispatcher"]
        _LOG.debug("compiled %s in %.2f s", kernel.py_func.__qualname__, took_s)


event.register("numba:compile", _Compiling())


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
    """Compile a function in numba's nopython subset on first call and keep the machine code on disk.

    It is not kept where no folder can be written. No fast-math and no fused multiply-add: the order of
    floating-point operations is the source's, so that every caller gets the same bits.
    """
    return _compile(function, allocates=True)


def lean_kernel(function: Function) -> Function:
    """As `kernel`, of a function that neither makes arrays nor copies one into another as a whole."""
    return _compile(function, allocates=False)


def merged_kernel(function: Function) -> Function:
    """As `lean_kernel`, of a function whose source becomes a part of the kernels that call it.

    It is compiled within these alone, which takes less time where they are one or two. Its arguments are
    written out there, as numba merges no call with ``*arguments``. From Python it is called as any kernel.
    """
    return _compile(function, allocates=False, merged=True)


def step_kernel(function: Function) -> Function:
    """As `merged_kernel`, of a function that runs for long: other threads of Python go on meanwhile."""
    return _compile(function, allocates=False, merged=True, runs_long=True)


def note_origin(function: Callable[..., Any]) -> None:
    """Let numba be set up as a whole where a kernel of another package is used, which may need it."""
    if not _is_ours(function):
        _Cache.only_ours = False


def _is_ours(function: Callable[..., Any]) -> bool:
    return function.__module__.startswith("lava_predict.")


def _compile(function: Function, allocates: bool, merged: bool = False, runs_long: bool = False) -> Function:
    note_origin(function)
    settings: Any = numba.config
    if settings.DISABLE_JIT:
        return function
    # Inlined, as passing a network of many arrays takes as long as a short kernel runs. Counting the
    # references to arrays that are only lent takes longer still, a fifth of a step of 1,000 cells.
    options: Any = {
        "nopython": True,
        "boundscheck": None,
        "error_model": "numpy",
        "fastmath": False,
        "forceinline": True,
        "_nrt": allocates,
        "nogil": runs_long,
        "inline": "always" if merged else "never",
        "no_cfunc_wrapper": True,
    }
    compiled: Any = KernelDispatcher(function, options)
    if _FOLDER is not None:
        with contextlib.suppress(OSError, RuntimeError):
            compiled._cache = _Cache(function)
    return compiled  # type: ignore[no-any-return]
