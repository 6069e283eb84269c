"""``lava-predict compare``: what integers cost."""

from __future__ import annotations

import time as clock
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lava_predict.cli import shared
from lava_predict.errors import UserError

if TYPE_CHECKING:
    from lava_predict.settings.schema import Config
    from lava_predict.tasks import Example


_STREAMS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
"""How names of files of events end."""


def compare(
    config: shared.ConfigArgument = None,
    preset: Annotated[
        str | None, shared.choice("One of", shared.PRESETS, "robust, with a stream stream")
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(**shared.PATH, metavar="EVENTS", help="Compare on this stream, a file as for learn."),
    ] = None,
    example: Annotated[
        str | None, typer.Option(help="Compare on a stream that is made, as for learn.")
    ] = None,
    number: Annotated[
        int, typer.Option(min=2, help="Events of an example; learn knows it as --number, too.")
    ] = shared.EXAMPLE_EVENTS,
    time: Annotated[str | None, typer.Option(help="Column of times.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of labels.")] = None,
    sequence: Annotated[str | None, typer.Option(help="Column that tells sequences apart.")] = None,
    ms_per_unit: Annotated[
        float | None, typer.Option(help="How many ms a unit of time lasts. Default: median gap 400 ms.")
    ] = None,
    seeds: shared.SeedsOption = 5,
    first_seed: shared.FirstSeedOption = 100,
    jobs: shared.JobsOption = None,
    cache: shared.CacheOption = shared.CACHE,
    settings: shared.SetOption = None,
    out: shared.OutOption = None,
    overwrite: shared.OverwriteOption = False,
    figures: shared.FiguresOption = None,
    width_mm: shared.WidthOption = None,
    quiet: shared.QuietOption = False,
    as_json: shared.JsonOption = False,
) -> None:
    """Measure what integers cost: compare float and fixed, on MEET or a stream, over seeds, beside nulls."""
    from lava_predict.comparison import page, stream_page, study
    from lava_predict.comparison.streams import compare_streams
    from lava_predict.pool import processors
    from lava_predict.records.owner import owned
    from lava_predict.work.cache import Cache

    read = {"--time": time, "--label": label, "--sequence": sequence, "--ms-per-unit": ms_per_unit}
    if events is not None and events.name.isdecimal() and not events.exists():
        raise UserError(
            f"--events {str(events)!r}: is no file; the number of an example's events is --number {events}"
        )
    if config is not None and config.suffix.lower() in _STREAMS:
        raise UserError(f"CONFIG = {str(config)!r}: is no TOML file; events are given as --events {config}")
    if events is not None and example is not None:
        raise UserError(f"--events {str(events)!r} and --example {example!r}: give one of them")
    if events is None and (given := [name for name, value in read.items() if value is not None]):
        raise UserError(
            f"{', '.join(given)}: say how a file is read; give it with --events, or leave them out"
        )
    printed = shared.printed(figures, width_mm)
    on_stream = events is not None or example is not None
    named = "stream" if on_stream and config is None and preset is None else preset
    chosen = shared.chosen_config(config, named, settings)
    numbers = range(first_seed, first_seed + seeds)
    folder = out if out is not None else shared.default_folder(f"compare-{chosen.preset}")
    started = clock.perf_counter()
    at_once = shared.given_or(jobs, processors())
    with (
        shared.kept_when_interrupted(cache),
        shared.delivery(folder, overwrite, quiet, as_json, printed) as deliver,
        owned(cache, "--cache"),
    ):
        with shared.progress_bar(quiet or as_json, "comparing", "runs") as progress:
            if on_stream:
                stream_of = _stream_of(chosen, events, example, number, list(read.values()))
                learned = compare_streams(chosen, numbers, stream_of, at_once, progress, Cache(cache))
                found = stream_page.outcome(learned, clock.perf_counter() - started)
            else:
                compared = study.compare(chosen, numbers, at_once, progress, Cache(cache))
                found = page.outcome(compared, clock.perf_counter() - started)
        deliver(found)


def _stream_of(config: Config, events: Path | None, name: str | None, number: int, read: list[Any]) -> Any:
    """Return what gives the stream of a seed: a file's is the same for all."""
    from lava_predict.events import Columns, example, read_events
    from lava_predict.tasks import Example

    *columns, ms_per_unit = read
    dt = config.run.dt_ms

    def made(seed: int) -> Example:
        return example(str(name), number, seed, dt)

    if events is None:
        return made
    most = config.stream.labels_max
    found = read_events(events, Columns(*columns), dt_ms=dt, ms_per_unit=ms_per_unit, labels_max=most)
    return lambda seed: Example(found, None)
