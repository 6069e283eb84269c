"""Where the kernels' machine code is kept, and that no trouble there stops the program."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from numba.core.caching import IndexDataCacheFile

from lava_predict.numerics import compiled
from lava_predict.numerics.compiled import compiled_sources, forget_old_caches, kernel

DAY_S = 86400.0
PACKAGE = Path(compiled.__file__).parents[1]
COMPILE = (
    "from lava_predict.numerics import compiled, noise; import numpy as np; "
    "print(noise.mix(np.uint64(3)), compiled._FOLDER)"
)
MIXED = "2185194620014831856"


def test_only_old_machine_code_is_forgotten_and_the_newest_of_it_kept(tmp_path: Path) -> None:
    ages = {"numba-current": 90.0, "numba-today": 0.5, "other": 99.0}
    ages |= {f"numba-old-{age}": float(age) for age in (2, 3, 4, 5, 6)}
    for name, age in ages.items():
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "code").write_text("machine code")
        made = time.time() - age * DAY_S
        os.utime(tmp_path / name, (made, made))
    forget_old_caches(tmp_path / "numba-current")
    assert {path.name for path in tmp_path.iterdir()} == set(ages) - {"numba-old-5", "numba-old-6"}
    forget_old_caches(tmp_path / "absent" / "numba-current")


def start(folder: Path, **variables: str) -> tuple[str, str, str]:
    """Compile a kernel in a copy of the package that cannot be written, without a home.

    Files stand where folders would have to be made, as root may write anywhere else. Gives the kernel's
    result, the folder of the machine code, and what was written to standard error.
    """
    copy = folder / "installed" / "lava_predict"
    if not copy.exists():
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for room in [copy, *(path for path in copy.rglob("*") if path.is_dir())]:
            (room / "__pycache__").touch()
    (folder / "tmp").mkdir(exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("NUMBA", "XDG"))}
    environment |= {"HOME": os.devnull, "PYTHONPATH": str(copy.parent), "TMPDIR": str(folder / "tmp")}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    result, where = done.stdout.split()
    return result, where, done.stderr


@pytest.mark.slow
def test_without_a_folder_to_write_to_code_is_kept_in_a_private_temporary_one(tmp_path: Path) -> None:
    result, where, error = start(tmp_path, NUMBA_CACHE_DIR=f"{os.devnull}/caches")
    assert (result, error) == (MIXED, "")
    private = tmp_path / "tmp" / f"lava-predict-{os.getuid()}"
    assert Path(where).parent == private
    assert private.stat().st_mode & 0o777 == 0o700
    assert list(Path(where).rglob("*.nbc"))


@pytest.mark.slow
@pytest.mark.parametrize("trap", ["open to others", "a link"])
def test_a_temporary_folder_that_others_may_have_made_is_not_used(tmp_path: Path, trap: str) -> None:
    private = tmp_path / "tmp" / f"lava-predict-{os.getuid()}"
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    private.parent.mkdir()
    if trap == "a link":
        private.symlink_to(theirs)
    else:
        private.mkdir(mode=0o755)
    result, where, error = start(tmp_path)
    assert (result, where) == (MIXED, "None")
    assert error.count("no folder can be written") == error.count("set NUMBA_CACHE_DIR") == 1
    assert not list(theirs.iterdir())
    assert not list(private.iterdir())


@pytest.mark.slow
def test_the_folder_that_the_user_names_is_used(tmp_path: Path) -> None:
    result, where, _ = start(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "caches"))
    assert result == MIXED
    assert Path(where).is_relative_to(tmp_path / "caches")
    assert list(Path(where).rglob("*.nbc"))


def doubled(value: int) -> int:
    return 2 * value


def fresh() -> Any:
    """Return the kernel as another process would have it: not yet compiled."""
    return kernel(FunctionType(doubled.__code__, globals(), "doubled"))


def test_a_damaged_cache_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_FOLDER", tmp_path)
    assert fresh()(3) == 6
    for path in tmp_path.rglob("*.nb*"):
        path.write_bytes(path.read_bytes()[:20])
    assert fresh()(3) == 6
    mended = fresh()
    assert mended(3) == 6
    assert sum(mended.stats.cache_hits.values()) == 1


def test_an_edit_between_import_and_first_call_is_not_outdated_for_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numba's files say of which state of its file the code of another package's kernel is."""
    monkeypatch.setattr(compiled, "_FOLDER", tmp_path / "caches")
    source = tmp_path / "theirs.py"

    def imported(factor: int) -> Any:
        source.write_text(f"FACTOR = {factor}\ndef scaled(value): return FACTOR * value\n")
        os.utime(source, (factor, factor))
        names: dict[str, Any] = {"__name__": "theirs"}
        exec(compile(source.read_text(), source, "exec"), names)
        return kernel(names["scaled"])

    monkeypatch.setattr(compiled._Cache, "only_ours", True)
    first, second = imported(2), imported(3)
    assert (first(5), second(5)) == (10, 15)
    assert imported(3)(5) == 15


def test_files_of_our_kernels_are_looked_for_when_they_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "_FOLDER", tmp_path)
    ours = {**globals(), "__name__": "lava_predict.some_room"}
    made = kernel(FunctionType(doubled.__code__, ours, "doubled"))
    assert not list(tmp_path.iterdir())
    assert made(3) == 6
    assert list(tmp_path.rglob("*.nbc"))


def test_a_full_disk_does_not_stop_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(compiled, "_FOLDER", tmp_path)
    monkeypatch.setattr(compiled._CacheFile, "save", full)
    assert fresh()(3) == 6
    assert not list(tmp_path.rglob("*.nb*"))


def test_the_digest_covers_every_kernel() -> None:
    found = set(compiled_sources())
    for path in PACKAGE.rglob("*.py"):
        if "@kernel" in path.read_text():
            assert path in found


def test_the_digest_covers_constants_from_elsewhere_and_nothing_else(tmp_path: Path) -> None:
    sources = {
        "deep/step.py": "from lava_predict.numerics.compiled import kernel\nfrom lava_predict.a import M1\n",
        "a.py": "from lava_predict.room import (\n    BASE,\n    two,\n)\nfrom lava_predict.b import Real\n",
        "room/__init__.py": "if TYPE_CHECKING:\n    from lava_predict.room.c import BASE as BASE\n",
        "room/c.py": "BASE = 3\n",
        "b.py": "Real = float\n",
        "d.py": "from lava_predict.deep.step import M1\n",
    }
    for name, source in sources.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    found = {str(path.relative_to(tmp_path)) for path in compiled_sources(tmp_path)}
    assert found == {"deep/step.py", "a.py", "room/__init__.py", "room/c.py"}


@pytest.mark.parametrize("kind", [IndexDataCacheFile, compiled._CacheFile])
def test_processes_that_keep_two_signatures_at_once_do_not_mix_them_up(
    kind: type[IndexDataCacheFile], tmp_path: Path
) -> None:
    """Both look what is there, both write the index, and the first one's code is written last."""
    first, second = (kind(str(tmp_path), "kernel", "stamp") for _ in range(2))
    nothing, write_data = first._load_index(), first._save_data
    first._load_index = second._load_index = lambda: dict(nothing)
    late: list[tuple[str, str]] = []
    first._save_data = lambda name, data: late.append((name, data))
    first.save("int32", "code for int32")
    second.save("int64", "code for int64")
    write_data(*late[0])
    found = kind(str(tmp_path), "kernel", "stamp").load("int64")
    assert found == (
        "code for int32" if kind is IndexDataCacheFile else "code for int64"
    )  # numba's own is wrong


def loaded_linear_algebra(folder: Path, before: str = "") -> bool:
    """Use a kernel of ours in a process of its own; say whether numba was set up as a whole for it."""
    code = f"import sys, numpy as np; {before}from lava_predict.numerics import noise; "
    code += "print(noise.mix(np.uint64(3)), 'scipy.linalg' in sys.modules)"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    mixed, loaded = done.stdout.split()
    assert mixed == MIXED
    return loaded == "True"


@pytest.mark.slow
def test_our_compiled_kernels_load_without_what_compiling_needs(tmp_path: Path) -> None:
    """SciPy's linear algebra is what takes longest; a kernel of another package may need it."""
    assert loaded_linear_algebra(tmp_path)
    assert not loaded_linear_algebra(tmp_path)
    foreign = "from lava_predict.numerics.compiled import kernel; kernel(eval('lambda x: x')); "
    assert loaded_linear_algebra(tmp_path, foreign)


def test_only_what_runs_for_long_lets_other_threads_go_on() -> None:
    def twice(x: float) -> float:
        return 2.0 * x

    options = [
        made(twice).targetoptions["nogil"]  # type: ignore[attr-defined]
        for made in (compiled.kernel, compiled.lean_kernel, compiled.step_kernel)
    ]
    assert options == [False, False, True]


def test_compiling_is_logged_once_for_a_kernel_and_those_that_it_calls(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "_FOLDER", tmp_path)

    @kernel
    def inner(x: float) -> float:
        return x + 1.0

    @kernel
    def outer(x: float) -> float:
        return inner(x) * 2.0

    with caplog.at_level("DEBUG", compiled.__name__):
        assert outer(1.0) == 4.0
    told = [(one.levelname, one.getMessage()) for one in caplog.records]
    name = outer.py_func.__qualname__  # type: ignore[attr-defined]
    assert [text for level, text in told if level == "INFO"] == [
        f"compiling {name}, to be kept in {tmp_path}"
    ]
    assert sum(text.startswith("compiled ") for _, text in told) == 2
