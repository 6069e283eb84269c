"""The wheel, in a clean environment of its own, runs the documentation's first Lava network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lava_predict.newer_python import lava_is_missing

REPOSITORY = Path(__file__).resolve().parents[1]
SNIPPET = REPOSITORY / "docs" / "snippets" / "izhikevich.py"
NO_NETWORK = ("Failed to fetch", "error sending request", "dns error", "Connection", "timed out", "offline")

pytestmark = pytest.mark.slow


def run(*command: str | Path, folder: Path) -> str:
    """Run a command in a folder, away from this environment's settings; what it prints."""
    hidden = ("PYTHON", "VIRTUAL_ENV", "UV_PROJECT")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode != 0:
        if {"uv", "pip"} & set(command) and any(sign in done.stderr for sign in NO_NETWORK):
            pytest.skip(f"no package index in reach: {done.stderr.strip().splitlines()[-1]}")
        pytest.fail(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, as building leaves files in the tree."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    folder = tmp_path_factory.mktemp("build")
    copy = folder / "source"
    copy.mkdir()
    for name in ("lava_predict", "processes"):
        shutil.copytree(REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, copy)
    run("uv", "build", "--wheel", "--python", sys.executable, "--out-dir", folder, copy, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_the_package_and_its_processes_only(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"lava_predict"}
    assert len(top) == 2
    sources = {f"lava_predict/{p.relative_to(REPOSITORY)}" for p in (REPOSITORY / "processes").rglob("*.py")}
    sources |= {str(p.relative_to(REPOSITORY)) for p in (REPOSITORY / "lava_predict").rglob("*.py")}
    sources |= {str(p.relative_to(REPOSITORY)) for p in (REPOSITORY / "lava_predict").rglob("*.toml")}
    assert sources <= set(names)
    assert "lava_predict/py.typed" in names
    templates = (REPOSITORY / "lava_predict" / "reports" / "templates").iterdir()
    assert {str(path.relative_to(REPOSITORY)) for path in templates} <= set(names)


@pytest.mark.parametrize("installer", ["pip", "uv pip"] if sys.version_info >= (3, 11) else ["of the wheel"])
def test_documented_network_runs_from_the_installed_wheel(
    installer: str, wheel: Path, tmp_path: Path
) -> None:
    """Where the wheel comes without Lava, the commands that the message names install it."""
    script = shutil.copy(SNIPPET, tmp_path)
    assert sum(bool(line.strip()) for line in SNIPPET.read_text().splitlines()) <= 15
    python = tmp_path / "venv" / "bin" / "python"
    run("uv", "venv", "--seed", "--python", sys.executable, tmp_path / "venv", folder=tmp_path)
    run("uv", "pip", "install", "--python", python, wheel, folder=tmp_path)
    if command := re.search(f"`{installer} install ([^`]*)`", lava_is_missing()):
        call = (
            ["uv", "pip", "install", "--python", python]
            if installer == "uv pip"
            else [python, "-m", "pip", "install"]
        )
        run(*call, *command.group(1).split(), folder=tmp_path)
    where = run(
        python,
        "-c",
        "import lava_predict, lava_predict.processes.izhikevich.process as p; "
        "print(lava_predict.__file__, p.__file__, sep='\\n')",
        folder=tmp_path,
    )
    assert all(Path(line).is_relative_to(tmp_path / "venv") for line in where.split())
    lines = run(python, script, folder=tmp_path).splitlines()
    spikes = [tuple(map(int, re.fullmatch(r"(\d+) ms: cell (\d+)", line).groups())) for line in lines]
    assert len(spikes) > 50
    assert all(1 <= time <= 200 and 0 <= cell < 50 for time, cell in spikes)
