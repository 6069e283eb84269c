"""Runs a sweep and keeps its table on disk while it grows."""

from __future__ import annotations

import csv
import io
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from lava_predict.records.growing_folder import GrowingFolder
from lava_predict.sweeps.plan import Plan, Point, units_of
from lava_predict.sweeps.search import Searched
from lava_predict.sweeps.study import at_block_ends
from lava_predict.work.cache import Cache
from lava_predict.work.carried_out import Progress, results_of
from lava_predict.work.unit import Found, Unit

TABLE = "sweep.csv"
"""Name of the table in the folder of a sweep."""

MEASURED = ("block", "trials", "error", "zero_error", "error_counting", "rate_hz")
"""Columns of the table beside the combination's number, the settings that are swept, and the seed."""

_WRITE_EVERY_S, _SHARE_OF_TIME = 2.0, 0.05


@dataclass
class Sweep:
    """What a sweep found so far.

    Attributes
    ----------
    plan : Plan
        What it runs.
    points : list of Point
        The combinations.
    found : dict of (int, int) to Found
        What `learn_task` gave, by the combination's number and seed.
    reused : int
        Runs whose result was known.
    refused : list of (int, str)
        Number of each combination of a search that is no valid configuration, and why.
    """

    plan: Plan
    points: list[Point] = field(default_factory=list)
    found: dict[tuple[int, int], Found] = field(default_factory=dict)
    reused: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)

    def relative(self, point: Point, name: str = "error") -> np.ndarray:
        """Return an error of a combination as `at_block_ends` has it, (seeds,)."""
        return np.array([at_block_ends(self.found[point.number, seed], name) for seed in self.plan.seeds])

    def value(self, point: Point) -> float:
        """Return what a search makes small: the mean error over seeds; infinite if any run diverged."""
        mean = float(np.mean(self.relative(point)))
        return np.inf if np.isnan(mean) else mean


class _Table:
    """The table of a sweep on disk, always whole: replaced now and then while rows come, and at the end."""

    def __init__(self, folder: GrowingFolder, sweep: Sweep) -> None:
        self._folder, self._sweep = folder, sweep
        self._rows: dict[tuple[int, int], str] = {}
        self._due = 0.0
        self._header = _line(["point", *(one.key for one in sweep.plan.swept), "seed", *MEASURED])

    def add(self, point: Point, seed: int, found: Found) -> None:
        """Add the rows of a run."""
        head = [point.number, *point.settings.values(), seed]
        self._rows[point.number, seed] = "".join(_line([*head, *row]) for row in _rows(found))
        if time.monotonic() >= self._due:
            self.write()

    def write(self) -> None:
        """Write all rows, by combination, seed and probe."""
        begun = time.monotonic()
        rows = (text for _, text in sorted(self._rows.items()))
        self._folder.write(TABLE, "".join([self._header, *rows]))
        ended = time.monotonic()
        self._due = ended + max(_WRITE_EVERY_S, (ended - begun) / _SHARE_OF_TIME)


class _Running:
    """A sweep that is being run: does the work of combinations, and keeps count."""

    def __init__(
        self, found: Sweep, table: _Table, cache: Cache, executor: Executor | None, progress: Progress | None
    ) -> None:
        self._found, self._table, self._cache = found, table, cache
        self._executor, self._progress = executor, progress

    def run(self, points: Sequence[Point]) -> None:
        """Run further combinations with every seed."""
        units: list[Unit] = []
        places: dict[str, list[tuple[Point, int]]] = defaultdict(list)
        for point in points:
            for seed, one in units_of(self._found.plan, point).items():
                units.append(one)
                places[one.key].append((point, seed))
        before = len(self._found.found)
        self._found.points += points
        results = results_of(units, self._cache, self._executor, partial(self._tell, before))
        for one, result, known in results:
            for point, seed in places[one.key]:
                self._found.found[point.number, seed] = result
                self._found.reused += known
                self._table.add(point, seed, result)

    def _tell(self, before: int, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(before + done, self._found.plan.runs)


def sweep(
    plan: Plan,
    folder: GrowingFolder,
    cache: Cache,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Run every combination of a plan, or search, with every seed.

    Results that the cache has are not computed again. The table in the folder, `TABLE`, grows as results
    come, and is whole at any time; a search keeps its study there as well. Neither depends on the executor.
    ``progress`` is told the runs done and in all. Raises a UserError if something cannot be written, or the
    package that a search needs is missing.
    """
    found = Sweep(plan)
    table = _Table(folder, found)
    running = _Running(found, table, cache, executor, progress)
    try:
        if plan.search is None:
            running.run(plan.grid)
        else:
            searched = Searched(plan, folder.path)
            for points in searched.batches():
                running.run(points)
                searched.tell({point.number: found.value(point) for point in points})
            found.refused = searched.refused
    finally:
        table.write()
    return found


def _rows(found: Found) -> Iterator[list[object]]:
    """Yield the measured values of each probe; blocks count from 1, and nothing stands for NaN."""
    for probe, block in enumerate(found["block"]):
        errors = [found[name][probe].item() for name in ("error", "zero_error", "error_counting")]
        numbers = [None if np.isnan(number) else number for number in [*errors, found["rate_hz"].item()]]
        yield [int(block) + 1, int(found["trials"][probe]), *numbers]


def _line(entries: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(entries)
    return text.getvalue()
