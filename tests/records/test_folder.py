"""What a command leaves on disk: complete or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from lava_predict import UserError
from lava_predict.records.folder import new_folder, write_file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_only_when_complete(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with new_folder(out, overwrite=False) as folder:
        folder.write("figures/a.png", b"1")
        folder.write("summary.json", "{}")
        assert not out.exists()
    assert names(tmp_path / "deep") == ["out"]
    assert names(out) == ["figures", "summary.json"]


def fail_while_writing(out: Path, overwrite: bool, error: BaseException) -> None:
    with new_folder(out, overwrite) as folder:
        folder.write("summary.json", "new")
        raise error


@pytest.mark.parametrize("error", [RuntimeError("cause"), KeyboardInterrupt()])
@pytest.mark.parametrize("there_before", [False, True])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: BaseException, there_before: bool) -> None:
    out = tmp_path / "out"
    if there_before:
        out.mkdir()
        (out / "summary.json").write_text("old")
    with pytest.raises(type(error)):
        fail_while_writing(out, there_before, error)
    assert names(tmp_path) == (["out"] if there_before else [])
    if there_before:
        assert (out / "summary.json").read_text() == "old"


def test_overwrite_replaces_the_whole_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for content in ("one", "two"):
        with new_folder(out, overwrite=True) as folder:
            folder.write("summary.json", content)
            folder.write(content, "")
    assert names(tmp_path) == ["out"]
    assert names(out) == ["summary.json", "two"]


@pytest.mark.parametrize("kind", ["run", "other folder", "file", "link"])
def test_what_must_not_be_replaced(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    elif kind == "link":
        (tmp_path / "real").mkdir()
        out.symlink_to(tmp_path / "real")
    else:
        out.mkdir()
        (out / ("summary.json" if kind == "run" else "thesis.tex")).write_text("mine")
    before = names(tmp_path)
    with pytest.raises(UserError, match="--out"), new_folder(out, overwrite=kind != "run"):
        pytest.fail("must not begin")
    assert names(tmp_path) == before


def test_a_file_appears_only_when_complete(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "network.nir"
    write_file(path, b"one", overwrite=False)
    with pytest.raises(UserError, match=r"exists already; choose another file or add --overwrite$"):
        write_file(path, b"two", overwrite=False)
    assert path.read_bytes() == b"one"
    write_file(path, "zwölf", overwrite=True)
    assert path.read_text(encoding="utf-8") == "zwölf"
    with pytest.raises(UserError, match=r"exists already; choose another file$"):
        write_file(path.parent, b"", overwrite=True)
    with pytest.raises(UserError, match="cannot be written"):
        write_file(path / "under", b"", overwrite=True)
    assert names(path.parent) == ["network.nir"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"), new_folder(tmp_path / "file" / "out", False):
        pytest.fail("must not begin")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.slow
@pytest.mark.parametrize("there_before", [False, True])
def test_a_disk_that_takes_no_more(tmp_path: Path, there_before: bool) -> None:
    # A limit on the size of files fails a write in the middle, as a full disk does.
    out = tmp_path / "out"
    if there_before:
        out.mkdir()
        (out / "summary.json").write_text("old")
    script = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "from lava_predict.cli import main\n"
        "main()\n"
    )
    arguments = [
        "run",
        "--preset",
        "smoke",
        "--set",
        "reservoir.neurons=50",
        "--out",
        str(out),
        "--overwrite",
    ]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=1200, check=False
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: --out")
    assert "Traceback" not in done.stderr
    assert names(tmp_path) == (["out"] if there_before else [])
    if there_before:
        assert (out / "summary.json").read_text() == "old"
