"""Installed in clean environments: the wheel with Lava, and the source by pip where Python is 3.12."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lava_predict import Experiment, load_preset
from lava_predict.newer_python import lava_is_missing

REPOSITORY = Path(__file__).resolve().parents[1]
SNIPPET = REPOSITORY / "docs" / "snippets" / "izhikevich.py"
NO_NETWORK = ("Failed to fetch", "error sending request", "dns error", "Connection", "timed out", "offline")

pytestmark = pytest.mark.slow


def attempt(*command: str | Path, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, away from this environment's settings."""
    hidden = ("PYTHON", "VIRTUAL_ENV", "UV_PROJECT")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(hidden)} | variables
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)


def run(*command: str | Path, folder: Path, **variables: str) -> str:
    """As `attempt`, of a command that must succeed; what it prints."""
    done = attempt(*command, folder=folder, **variables)
    if done.returncode != 0:
        if {"uv", "pip"} & set(command) and any(sign in done.stderr for sign in NO_NETWORK):
            pytest.skip(f"no package index in reach: {done.stderr.strip().splitlines()[-1]}")
        pytest.fail(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what the package is built from, as building leaves files in the tree."""
    copy = tmp_path_factory.mktemp("build") / "source"
    copy.mkdir()
    for name in ("lava_predict", "processes"):
        shutil.copytree(REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    """Build the wheel."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    folder = source.parent
    run("uv", "build", "--wheel", "--python", sys.executable, "--out-dir", folder, source, folder=folder)
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


@pytest.mark.long
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


def found_python(minor: int) -> Path:
    """Find a Python 3, on the path or where pyenv puts it."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in (f"python3.{minor}", *sorted(versions.glob(f"3.{minor}.*/bin/python"))):
        if (program := shutil.which(candidate)) and attempt(
            program, "-c", "", folder=Path("/")
        ).returncode == 0:
            return Path(program).resolve()
    pytest.skip(f"there is no Python 3.{minor}")


@pytest.mark.long
def test_pip_installs_it_where_python_312_is_alone(source: Path, tmp_path: Path) -> None:
    """Same bits as here, Lava and an extra are missing in a sentence, and what that says gets the extra."""
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    run(found_python(12), "-m", "venv", tmp_path / "venv", folder=tmp_path)
    python, command = (tmp_path / "venv" / "bin" / name for name in ("python", "lava-predict"))
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, ".", folder=source)
    blocks = "task.blocks=[{trials=2, probability=[0.7, 0.3], latency_ms=[300, 600]}]"
    options = ("--preset", "smoke", "--set", blocks)
    summary = json.loads(run(command, "run", *options, "--out", "out", "--json", folder=tmp_path, **bare))
    assert summary["versions"]["python"].startswith("3.12.")
    assert summary["fingerprint"] == vars(Experiment(load_preset("smoke", [blocks])).run().fingerprint)

    refused = attempt(command, "run", *options, "--backend", "lava", folder=tmp_path, **bare)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "pip install --ignore-requires-python --no-deps lava-nc==0.10.0" in refused.stderr

    export = (command, "export", "out", "--out", "network.nir")
    refused = attempt(*export, folder=tmp_path, **bare)
    assert refused.returncode == 2
    (told,) = re.findall(r"`pip install '(\.\[nir\])'`", refused.stderr)
    run(*pip, told, folder=source)
    run(*export, folder=tmp_path, **bare)
    assert (tmp_path / "network.nir").stat().st_size > 0
