"""``lava-predict reproduce``: the paper's claims."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from lava_predict.cli import shared


def reproduce(
    config: shared.ConfigArgument = None,
    preset: shared.PresetOption = None,
    claims: Annotated[str, typer.Option(metavar="all|NAME,...", help="Which claims.")] = "all",
    seeds: shared.SeedsOption = 5,
    first_seed: shared.FirstSeedOption = 100,
    jobs: shared.JobsOption = None,
    executor: Annotated[str, shared.choice("Where", shared.EXECUTORS)] = "local",
    scheduler: shared.SchedulerOption = None,
    cache: shared.CacheOption = shared.CACHE,
    settings: shared.SetOption = None,
    out: shared.OutOption = None,
    overwrite: shared.OverwriteOption = False,
    figures: shared.FiguresOption = None,
    width_mm: shared.WidthOption = None,
    quiet: shared.QuietOption = False,
    as_json: shared.JsonOption = False,
) -> None:
    """Test the paper's claims over seeds, beside nulls, and judge each by a fixed rule."""
    from lava_predict.pool import processes, processors
    from lava_predict.records.owner import owned
    from lava_predict.reproduction import page
    from lava_predict.reproduction import reproduce as reproduction
    from lava_predict.work.cache import Cache

    chosen, wanted = shared.chosen_config(config, preset, settings), reproduction.chosen_claims(claims)

    printed = shared.printed(figures, width_mm)
    folder = out if out is not None else shared.default_folder(f"reproduce-{chosen.preset}")
    started = time.perf_counter()
    with (
        shared.kept_when_interrupted(cache),
        shared.delivery(folder, overwrite, quiet, as_json, printed) as deliver,
        owned(cache, "--cache"),
    ):
        with (
            shared.progress_bar(quiet or as_json, "reproducing", "units") as progress,
            processes(executor, shared.given_or(jobs, processors()), scheduler) as pool,
        ):
            numbers = range(first_seed, first_seed + seeds)
            found = reproduction.reproduce(chosen, wanted, numbers, Cache(cache), pool, progress)
        deliver(page.outcome(found, cache, time.perf_counter() - started))
