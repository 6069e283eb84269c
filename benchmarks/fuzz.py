"""Random configurations, damaged files and argument lists, as tests/test_fuzz.py: as many as one asks for.

    uv run python benchmarks/fuzz.py [--examples 10000] [--files 1000] [--arguments 2000] [--lava 10]

Each configuration is run whole, in chunks and resumed from a checkpoint, in float or in integers, and the
bits are compared; with --lava so many of them also as fused Lava Processes. Files of every kind that is read
are damaged, by bytes or by structure with a digest that fits, then read and used, checkpoints and streams
among them. Prints how each ended, and the first of every kind that ended in anything but success or a
message; then exits with 1. What hangs for ten minutes ends it with the place.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from argument_lists import arguments, ended, stop_before_work
from damaged_files import READERS, damage, original, outcome
from ways_of_running import RAN, run_every_way
from wild_settings import settings_of_any_kind, taken

from lava_predict import Config, Experiment

HANG_S, REPORT_EVERY = 600, 500


class Tally:
    """How often what came about, and the first failure of each kind."""

    def __init__(self, what: str) -> None:
        self.what, self.ends, self.failures = what, Counter[str](), Counter[str]()
        self._started = time.perf_counter()

    def add(self, told: str, run: Callable[[], str]) -> str:
        """Count how a run ended; print it if it failed in a new way."""
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        try:
            end = run().split(":")[0]
        except Exception as error:
            end = "FAILED"
            place = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
            if kind not in self.failures:
                print(f"\n{self.what} {told}\n{''.join(traceback.format_exception(error))}", flush=True)
            self.failures[kind] += 1
        faulthandler.cancel_dump_traceback_later()
        self.ends[end] += 1
        if self.ends.total() % REPORT_EVERY == 0:
            print(self, flush=True)
        return end

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {end}" for end, count in self.ends.most_common())
        return f"{self.what}: {self.ends.total()} in {time.perf_counter() - self._started:.0f} s: {ends}"

    def report(self) -> int:
        """Print the counts; return how many failed."""
        print(self, flush=True)
        for kind, count in self.failures.most_common():
            print(f"  {count} x {kind}")
        return self.ends["FAILED"]


def fuzz_configurations(examples: int, lava: int, chosen: int) -> int:
    """Run so many configurations in every way, some of them in Lava."""
    tally, found = Tally("configurations"), list[tuple[Config, str]]()

    with tempfile.TemporaryDirectory() as folder:

        @seed(chosen)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(
            settings_of_any_kind(), st.sampled_from(["float", "fixed"]), st.integers(1, 40), st.integers(0, 5)
        )
        def run(values: dict[str, Any], precision: str, chunk: int, stop: int) -> None:
            config = taken(values)
            if config is None:
                tally.ends["invalid"] += 1
                return
            told = f"{precision}, chunks of {chunk}, resumed after {stop}: {values}"
            files = Path(folder) if stop % 2 else None  # They take half of the time.
            end = tally.add(told, lambda: run_every_way(config, precision, chunk, stop, files))
            if end == RAN:
                found.append((config, precision))

        run()
    failed = tally.report()
    in_lava = Tally("in Lava")
    for config, precision in random.Random(chosen).sample(found, min(lava, len(found))):
        in_lava.add(f"{precision}: {config.to_dict()}", lambda: same_in_lava(config, precision))  # noqa: B023
    return failed + (in_lava.report() if lava else 0)


def same_in_lava(config: Config, precision: str) -> str:
    """Compare the fingerprints of the cpu and of fused Lava Processes."""
    expected = Experiment(config).run(precision=precision).fingerprint
    assert Experiment(config).run("lava", precision).fingerprint == expected
    return "the same"


def fuzz_files(files: int, chosen: int) -> int:
    """Read and use so many damaged files, the same number of each kind."""
    failed = 0
    for name in READERS:
        tally = Tally(name)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            for number in range(-(-files // len(READERS))):
                done = damage(name, original(name), random.Random(f"{chosen} {name} {number}"), path)
                tally.add(f"{number}, {done}", lambda: outcome(name, path))  # noqa: B023
        failed += tally.report()
    return failed


def fuzz_arguments(lists: int, chosen: int) -> int:
    """Give so many argument lists to the command line."""
    tally = Tally("argument lists")
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)
        stop_before_work(patch)
        for number in range(lists):
            drawn = arguments(random.Random(f"{chosen} {number}"))
            tally.add(f"{drawn}", lambda: ended(drawn))  # noqa: B023
        os.chdir(before)
    return tally.report()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--examples", type=int, default=1000, help="configurations")
    parser.add_argument("--files", type=int, default=1000, help="damaged files")
    parser.add_argument("--arguments", type=int, default=2000, help="argument lists")
    parser.add_argument("--lava", type=int, default=0, help="configurations to run in Lava, too")
    parser.add_argument("--seed", type=int, default=1)
    given_ = parser.parse_args()
    failed = fuzz_arguments(given_.arguments, given_.seed) if given_.arguments else 0
    failed += fuzz_files(given_.files, given_.seed) if given_.files else 0
    if given_.examples:
        failed += fuzz_configurations(given_.examples, given_.lava, given_.seed)
    print(f"{failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
