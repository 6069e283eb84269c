"""``lava-predict sweep``: many runs over settings and seeds."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lava_predict.cli import shared
from lava_predict.errors import UserError, one_of

if TYPE_CHECKING:
    from lava_predict.sweeps.plan import Search

_PAGE, _PLOTS = "lava_predict.sweeps.page", "lava_predict.sweeps.plots"
"""What is needed at the end; the runs need not wait for their import."""
_STUDY = "lava_predict.sweeps.study"

_SEARCHES = ("optuna",)
_BATCH = 4


def sweep(
    config: shared.ConfigArgument = None,
    preset: shared.PresetOption = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=V1,V2",
            help="Values of a setting, by commas; one value is the same for all runs; for a search also "
            "LOW..HIGH or LOW..HIGH:log. Repeatable.",
        ),
    ] = None,
    seeds: shared.SeedsOption = 5,
    first_seed: shared.FirstSeedOption = 1,
    precision: Annotated[str, shared.choice("Arithmetic", shared.PRECISIONS)] = "float",
    search: Annotated[str | None, shared.choice("Try some combinations instead of all", _SEARCHES)] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="Combinations that a search tries.")
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1000,
            help=f"Combinations that a search tries before it learns from them. Default: {_BATCH}.",
        ),
    ] = None,
    jobs: shared.JobsOption = None,
    executor: Annotated[str, shared.choice("Where", shared.EXECUTORS)] = "local",
    scheduler: shared.SchedulerOption = None,
    cache: shared.CacheOption = shared.CACHE,
    out: Annotated[
        Path | None,
        typer.Option(
            **shared.FOLDER,
            help="Folder to write; default: runs/sweep-PRESET-DIGEST, the same for the same sweep.",
        ),
    ] = None,
    overwrite: shared.OverwriteOption = False,
    figures: shared.FiguresOption = None,
    width_mm: shared.WidthOption = None,
    quiet: shared.QuietOption = False,
    as_json: shared.JsonOption = False,
) -> None:
    """Run every combination of some settings' values, or search among them, with several seeds each."""
    printed = shared.printed(figures, width_mm)
    with shared.second_process(_PLOTS) as second:  # This process has imports of its own to do.
        from lava_predict.pool import processes, processors
        from lava_predict.records.folder import SCHEMA
        from lava_predict.records.growing_folder import growing_folder
        from lava_predict.records.owner import owned
        from lava_predict.sweeps.plan import planned
        from lava_predict.sweeps.study import compile_kernels
        from lava_predict.sweeps.sweep import sweep as run_sweep
        from lava_predict.work.cache import Cache
        from lava_predict.work.digest import digest_of

        plan = planned(
            partial(shared.chosen_config, config, preset),
            settings or [],
            range(first_seed, first_seed + seeds),
            precision,
            _search(search, trials, batch),
        )
        described = {"schema": SCHEMA, "command": "sweep", **plan.described()}
        own = Path("runs") / f"sweep-{plan.first.preset}-{digest_of(described)[:8]}"
        folder = shared.given_or(out, own)
        if not overwrite and _is_complete(folder, described, trials):
            _show_again(folder, quiet, as_json)
            return
        started, at_once = time.perf_counter(), min(shared.given_or(jobs, processors()), plan.runs)
        with (
            shared.kept_when_interrupted(cache),
            processes(executor, at_once, scheduler, [_STUDY]) as pool,
            owned(folder),
        ):
            files = growing_folder(folder, described, overwrite)
            with (
                owned(cache, "--cache"),
                shared.progress_bar(quiet or as_json, "sweeping", "runs") as progress,
            ):
                if at_once > 1 and scheduler is None:
                    compile_kernels(plan.first, precision)
                with shared.meanwhile_importing(_PAGE):
                    found = run_sweep(plan, files, Cache(cache), pool, progress)
            from lava_predict.reports.outcome import leave, show
            from lava_predict.sweeps import page

            outcome = page.outcome(found, cache, time.perf_counter() - started)
            leave(outcome, files, printed, second)
    show(outcome, folder, quiet, as_json)


def _search(name: str | None, trials: int | None, batch: int | None) -> Search | None:
    from lava_predict.sweeps.plan import Search
    from lava_predict.sweeps.search import optuna_package

    if name is None:
        if given := [option for option, value in (("--trials", trials), ("--batch", batch)) if value]:
            raise UserError(f"{', '.join(given)}: only a search has them; add --search optuna")
        return None
    if name not in _SEARCHES:
        raise UserError(f"--search {name!r}: there is no such search; {one_of(name, _SEARCHES)}")
    if trials is None:
        raise UserError(
            "--search optuna: say how many combinations it tries; add --trials N, for instance 50"
        )
    optuna_package()  # Before anything is written.
    return Search(trials, batch or _BATCH)


def _is_complete(folder: Path, described: dict[str, Any], trials: int | None) -> bool:
    """Say whether a folder holds the whole sweep: the same one, with at least so many trials of a search."""
    from lava_predict.records.growing_folder import SUMMARY, known_plan

    if known_plan(folder, "sweep") != described:
        return False
    from lava_predict.settings.plain_values import check_plain
    from lava_predict.sweeps import page

    try:
        found = json.loads((folder / SUMMARY).read_bytes())
        check_plain(found, page.SUMMARY)
    except (OSError, ValueError, RecursionError):  # It is carried out again, from what the cache has.
        return False
    done = found["trials"] or 0
    return bool(trials is None or done >= trials)


def _show_again(folder: Path, quiet: bool, as_json: bool) -> None:
    if as_json:
        print((folder / "summary.json").read_text("utf-8"), end="")
    elif not quiet:
        print(f"{folder}/: this sweep is complete; there is nothing to do (open {folder}/report.html)")
