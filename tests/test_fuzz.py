"""Random configurations, damaged files and argument lists: no traceback, no hang, no NaN, the same bits.

benchmarks/fuzz.py does the same with as many as one has time for.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from argument_lists import arguments, ended, stop_before_work
from damaged_files import READERS, damage, original, outcome
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ways_of_running import RAN, run_every_way
from wild_settings import settings_of_any_kind, taken

from lava_predict import Experiment

pytestmark = pytest.mark.slow

NEVER_REFUSED = ("cache.npz", "owner/.name.owner")
PRECISION = st.sampled_from(["float", "fixed"])
# The kernels of these parts are compiled for other tests, too.
FEW_PARTS = settings_of_any_kind(neurons=("izhikevich",), delays=False, on_chip=False)


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(values=FEW_PARTS, precision=PRECISION, chunk=st.integers(1, 40), stop=st.integers(0, 5))
def test_every_way_of_running_any_configuration_gives_the_same_bits(
    values: dict[str, Any], precision: str, chunk: int, stop: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = taken(values)
    if config is not None:
        folder = tmp_path_factory.getbasetemp() if stop % 2 else None
        run_every_way(config, precision, chunk, stop, folder)


def test_most_of_these_configurations_run(tmp_path: Path) -> None:
    ends: Counter[str] = Counter()

    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(values=FEW_PARTS)
    def run(values: dict[str, Any]) -> None:
        config = taken(values)
        ends["invalid" if config is None else run_every_way(config, "float", 7, 1, tmp_path)] += 1

    run()
    assert ends[RAN] > 0.5 * ends.total()


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("precision", ["float", "fixed"])
def test_lava_gives_the_bits_of_the_cpu_for_any_configuration(precision: str) -> None:
    pytest.importorskip("lava", reason="lava-nc is not installed")
    found = []

    @settings(max_examples=8, suppress_health_check=list(HealthCheck))
    @given(values=FEW_PARTS)
    def collect(values: dict[str, Any]) -> None:
        config = taken(values)
        if config is not None:
            found.append(config)

    collect()
    for config in found[-3:]:
        expected = Experiment(config).run(precision=precision).fingerprint
        assert Experiment(config).run("lava", precision).fingerprint == expected


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if "resumed" in name else ()) for name in READERS]
)
def test_a_damaged_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    path, whole = tmp_path / name, original(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(whole)
    assert outcome(name, path) == "read"
    ends: Counter[str] = Counter()
    for seed in range(12 if "resumed" in name else 60):  # These draw pictures, too.
        done = damage(name, whole, random.Random(f"{name} {seed}"), path)
        try:
            ends[outcome(name, path).split(":")[0]] += 1
        except Exception as error:
            raise AssertionError(f"{name}, seed {seed}, {done}") from error
    assert ends["refused"] > 0 or name in NEVER_REFUSED


def test_argument_lists_end_in_work_or_in_a_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    stop_before_work(monkeypatch)
    ends: Counter[str] = Counter()
    for seed in range(200):
        given = arguments(random.Random(seed))
        try:
            ends[ended(given)] += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}: {given}") from error
    assert min(ends["help"], ends["exit 2"], ends["reached the work"]) > 0
