"""Searches for good settings with Optuna, in batches, so that the same search gives the same runs.

What a batch tries depends on the plan and on the combinations of earlier batches alone: neither on the order
in which runs end nor on whether the search was stopped. The study on disk has a trial for each combination
whose batch is complete; a search that is started again continues from it.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lava_predict.errors import UserError, needs_package
from lava_predict.sweeps.plan import Plan, Point, Range, Values, as_text
from lava_predict.work.digest import digest_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

STUDY = "study.db"
"""Name of the SQLite file with Optuna's study, called "sweep", in the folder of a sweep."""


_APART = 1 / 2000


class Searched:
    """A search on disk.

    Parameters
    ----------
    plan : Plan
        With a search.
    folder : Path
        Where `STUDY` is, or will be.

    Attributes
    ----------
    refused : list of (int, str)
        Number of each trial whose combination is no valid configuration, and why.
    """

    def __init__(self, plan: Plan, folder: Path) -> None:
        assert plan.search is not None
        self._plan, self._search = plan, plan.search
        self._study = _opened(folder / STUDY)
        self._distributions = {one.key: _distribution(one) for one in plan.swept}
        self.refused: list[tuple[int, str]] = []
        self._chosen: dict[int, dict[str, Any]] = {}

    def batches(self) -> Iterator[list[Point]]:
        """Yield the combinations to run next; `tell` their values before asking for more."""
        for start in range(0, self._search.trials, self._search.batch):
            known = self._study.get_trials(deepcopy=False)
            size = min(self._search.batch, self._search.trials - start)
            kept = [trial.params for trial in known[start : start + size]]
            chosen = [*kept, *self._suggested(known[:start], size)[len(kept) :]]
            self._chosen = dict(enumerate(chosen, start))
            yield self._points()

    def tell(self, values: Mapping[int, float]) -> None:
        """Keep the value of each combination of the last batch, by number, in the study."""
        known = len(self._study.get_trials(deepcopy=False))
        for number, params in self._chosen.items():
            if number >= known:
                self._study.add_trial(self._trial(params, values.get(number)))

    def _points(self) -> list[Point]:
        """Return the combinations of a batch that are valid configurations."""
        points = []
        for number, params in self._chosen.items():
            settings = {key: as_text(params[key]) for key in self._distributions}
            try:
                points.append(self._plan.point(number, settings))
            except UserError as error:
                self.refused.append((number, str(error)))
        return points

    def _suggested(self, known: Sequence[FrozenTrial], size: int) -> list[dict[str, Any]]:
        """Return what to try next; the same for the same plan and known trials."""
        optuna = optuna_package()
        seed = int(digest_of([list(self._plan.seeds), len(known)])[:8], 16)
        asked = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        asked.add_trials(known)
        suggested = [asked.ask(self._distributions).params for _ in range(size)]
        return [{one.key: _short(params[one.key], one) for one in self._plan.swept} for params in suggested]

    def _trial(self, params: Mapping[str, Any], value: float | None) -> FrozenTrial:
        """Return a trial of the study; without a value it has failed."""
        optuna = optuna_package()
        ended = optuna.trial.TrialState.FAIL if value is None else optuna.trial.TrialState.COMPLETE
        trial: FrozenTrial = optuna.trial.create_trial(
            params=dict(params), distributions=self._distributions, value=value, state=ended
        )
        return trial


def optuna_package() -> Any:
    """Import Optuna; raises a UserError that says how to get it."""
    try:
        import optuna
    except ImportError:
        raise UserError(
            f"--search optuna: {needs_package('optuna', 'search')}; or leave out --search for a grid"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _opened(path: Path) -> Study:
    """Open the study of a file, which is made whole, aside, if it is not there."""
    optuna = optuna_package()
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.partial-", dir=path.parent) as room:
            aside = Path(room) / path.name
            optuna.create_study(storage=f"sqlite:///{aside}", study_name="sweep")
            aside.replace(path)
    try:
        study: Study = optuna.load_study(study_name="sweep", storage=f"sqlite:///{path}")
    except Exception as error:  # Optuna's and SQLAlchemy's have no common base.
        raise UserError(
            f"{path}: the study cannot be read ({type(error).__name__}: {error}); remove this file, and the "
            "search begins again with the results that the cache has"
        ) from None
    return study


def _short(value: Any, one: Values | Range) -> Any:
    """Return the number with the fewest digits that is nearer than a two-thousandth of the range."""
    if isinstance(one, Values) or one.whole:
        return value
    for digits in range(1, 17):
        near = float(f"{value:.{digits}g}")
        if one.low <= near <= one.high:
            apart = math.log(near / value) / math.log(one.high / one.low) if one.log else near - value
            if abs(apart) < _APART * (1.0 if one.log else one.high - one.low):
                return near
    return value


def _distribution(one: Values | Range) -> BaseDistribution:
    distributions = optuna_package().distributions
    if isinstance(one, Values):
        return distributions.CategoricalDistribution(one.texts)  # type: ignore[no-any-return]
    if one.whole:
        return distributions.IntDistribution(int(one.low), int(one.high), log=one.log)  # type: ignore[no-any-return]
    return distributions.FloatDistribution(one.low, one.high, log=one.log)  # type: ignore[no-any-return]
