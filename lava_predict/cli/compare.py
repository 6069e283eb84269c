"""``lava-predict compare``: what integers cost."""

from __future__ import annotations

import time

from lava_predict.cli import shared


def compare(
    config: shared.ConfigArgument = None,
    preset: shared.PresetOption = None,
    seeds: shared.SeedsOption = 5,
    first_seed: shared.FirstSeedOption = 100,
    jobs: shared.JobsOption = None,
    settings: shared.SetOption = None,
    out: shared.OutOption = None,
    overwrite: shared.OverwriteOption = False,
    quiet: shared.QuietOption = False,
    as_json: shared.JsonOption = False,
) -> None:
    """Measure what integers cost: compare float, fixed and on-chip over seeds, beside two nulls."""
    from lava_predict.comparison import page, study
    from lava_predict.pool import processors

    chosen = shared.chosen_config(config, preset, settings)

    folder = out if out is not None else shared.default_folder(f"compare-{chosen.preset}")
    started = time.perf_counter()
    with shared.delivery(folder, overwrite, quiet, as_json) as deliver:
        with shared.progress_bar(quiet or as_json, "comparing", "runs") as progress:
            numbers = range(first_seed, first_seed + seeds)
            found = study.compare(chosen, numbers, jobs or processors(), progress)
        deliver(page.outcome(found, time.perf_counter() - started))
