"""What one Python writes another one reads, with NumPy 1 and 2: digests are over bytes of defined types."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
WRITE = """
import sys
from pathlib import Path
from lava_predict import Experiment, load_preset
from lava_predict.records.checkpoint import Checkpoint
config = load_preset("smoke", ["reservoir.neurons=60"])
for precision in ("float", "fixed"):
    one = Experiment(config)
    state = one.start(precision=precision).state
    written = Checkpoint(config, precision, "cpu", None, one.network, state, 1.25)
    Path(sys.argv[1], f"{precision}.h5").write_bytes(written.to_bytes(one.arithmetic(precision).plan))
"""
READ = """
import sys
from pathlib import Path
from lava_predict.records.checkpoint import load_checkpoint
for precision in ("float", "fixed"):
    print(load_checkpoint(Path(sys.argv[1], f"{precision}.h5")).network.fingerprint())
"""


@cache
def other_python() -> str | None:
    """Find an environment of this checkout whose NumPy has another major version."""
    for python in sorted(REPOSITORY.glob(".venv*/bin/python")):
        ask = "import numpy, lava_predict; print(numpy.__version__)"
        done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.split(".")[0] != np.__version__.split(".")[0]:
            return str(python)
    return None


def run(python: str, script: str, folder: Path) -> str:
    done = subprocess.run([python, "-c", script, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("written_here", [True, False])
def test_checkpoints_cross_from_one_python_to_another(written_here: bool, tmp_path: Path) -> None:
    other = other_python()
    if other is None:
        pytest.skip("no environment .venv* with another major version of NumPy here")
    writer, reader = (sys.executable, other) if written_here else (other, sys.executable)
    run(writer, WRITE, tmp_path)
    assert run(reader, READ, tmp_path) == run(writer, READ, tmp_path)
