"""Carries out units of work whose results are not known yet, and keeps each as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor

from lava_predict.pool import as_completed
from lava_predict.work.cache import Cache
from lava_predict.work.unit import Found, Unit, carry_out_unit

Progress = Callable[[int, int], None]
"""Called with the number of units done and the total."""


def results_of(
    units: Iterable[Unit],
    cache: Cache | None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[Unit, Found, bool]]:
    """Yield every unit, once, with its result and whether it was known.

    First come all whose result the cache, if any, has. The others are carried out in the executor, by default
    in this process, and kept in the cache as they come. ``progress`` is told the units done and in all, when
    the known ones have been read and after each other one. Raises a UserError if the cache cannot be written.
    """
    different = {unit.key: unit for unit in units}
    missing = []
    for unit in different.values():
        known = None if cache is None else cache.get(unit)
        if known is None:
            missing.append(unit)
        else:
            yield unit, known, True
    tell, done = progress or (lambda done, total: None), len(different) - len(missing)
    tell(done, len(different))
    for number, result in as_completed(carry_out_unit, missing, executor):
        if cache is not None:
            cache.put(missing[number], result)
        done += 1
        tell(done, len(different))
        yield missing[number], result, False
