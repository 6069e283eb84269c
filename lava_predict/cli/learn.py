"""``lava-predict learn``: learn a stream of events, and say what comes next."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lava_predict.cli import shared
from lava_predict.errors import MOST_SEED, UserError

if TYPE_CHECKING:
    from lava_predict.events import Columns, Events
    from lava_predict.reports.stream_view import Watch
    from lava_predict.settings.schema import Config


def learn(
    events: Annotated[
        str | None,
        typer.Argument(
            metavar="EVENTS", help="CSV, TSV, JSON lines or .parquet; - reads events as they come."
        ),
    ] = None,
    example: Annotated[
        str | None, typer.Option(help="A stream that is made: markov, grammar, switch; or tunes, spikes.")
    ] = None,
    number: Annotated[
        str | None,
        typer.Option(
            "--events",
            "--number",
            metavar="N",
            help=f"Events of an example. Default: {shared.EXAMPLE_EVENTS}.",
        ),
    ] = None,
    time: Annotated[str | None, typer.Option(help="Column of times.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of labels.")] = None,
    sequence: Annotated[
        str | None, typer.Option(help="Column that tells sequences apart: tunes, sessions.")
    ] = None,
    ms_per_unit: Annotated[
        float | None,
        typer.Option(help="How many ms a unit of time lasts. Default: median gap 400 ms."),
    ] = None,
    horizon: Annotated[float | None, typer.Option(help="Replaces stream.horizon_ms.")] = None,
    preset: Annotated[str | None, shared.choice("One of", shared.PRESETS, "stream")] = None,
    backend: Annotated[str | None, shared.choice("Backend", shared.BACKENDS, "cpu")] = None,
    form: Annotated[str | None, shared.choice("Form of the Lava network", ("fused",), "fused")] = None,
    precision: Annotated[str | None, shared.choice("Arithmetic", shared.PRECISIONS, "float")] = None,
    seed: shared.SeedOption = None,
    settings: shared.SetOption = None,
    out: Annotated[
        Path | None,
        typer.Option(**shared.FOLDER, help="Folder to write; default runs/<time>-learn-<seed>."),
    ] = None,
    overwrite: shared.OverwriteOption = False,
    resume: Annotated[
        Path | None,
        typer.Option(**shared.FOLDER, help="Continue the stopped command in this folder, to the same bits."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show what is expected and how it goes, on stderr if a terminal.")
    ] = False,
    figures: shared.FiguresOption = None,
    width_mm: shared.WidthOption = None,
    quiet: shared.QuietOption = False,
    as_json: shared.JsonOption = False,
) -> None:
    """Learn your own events (time, label) as they come: what comes next, when, and how likely."""
    from lava_predict.events import Columns
    from lava_predict.records.folder import unfinished_run
    from lava_predict.reports.outcome import leave, show
    from lava_predict.reports.stream_page import stream_outcome
    from lava_predict.streams.session import StreamSession

    if watch and quiet:
        raise UserError("--watch and --quiet exclude each other; give one of them")
    if watch and backend == "lava":
        raise UserError("--watch: shows a stream that is learned on the cpu alone; leave out --backend lava")
    length = shared.EXAMPLE_EVENTS if number is None else _length(number)
    printed = shared.printed(figures, width_mm)
    columns = Columns(time, label, sequence)
    source: dict[str, Any]
    if resume is not None:
        given: dict[str, Any] = {"EVENTS": events, "--example": example, "--preset": preset}
        given |= {"--seed": seed, "--set": settings, "--out": out, "--precision": precision}
        given |= {"--overwrite": overwrite, "--horizon": horizon, "--events": number, "--time": time}
        given |= {"--label": label, "--sequence": sequence, "--ms-per-unit": ms_per_unit}
        shared.refuse_to_change(
            resume, given, "continues with the events and settings of the stopped command; leave out {}"
        )
        if shared.is_complete(resume, quiet, as_json):
            return
        folder = resume
    else:
        config, on = _config(preset, settings, seed, horizon), shared.given_or(backend, "cpu")
        precision = shared.given_or(precision, "float")
        if events == "-" and on != "cpu":
            raise UserError(f"--backend {on}: a live stream (-) is learned on the cpu alone; leave it out")
        _check_backend(on, form, config, precision)
        if events == "-":
            _live(config, columns, ms_per_unit, out, precision, watch)
            return
        if (events is None) == (example is None):
            raise UserError("EVENTS and --example: give one of them, a file or the name of an example")
        path = None if events is None else str(Path(events).absolute())
        source = {"path": path, "example": example, "number": length}
        source |= {"columns": list(columns), "ms_per_unit": ms_per_unit}
        source |= {"precision": precision, "backend": on}
        stream, best = _events(config, source)
        folder = out if out is not None else shared.default_folder(f"learn-{config.run.seed}")
    with unfinished_run(folder, overwrite, resume is not None, "learn") as files:
        if resume is not None:
            config, source = _stopped(files.checkpoint)
            on = shared.given_or(backend, source["backend"])
            _check_backend(on, form, config, source["precision"])
            stream, best = _events(config, source)
        session = StreamSession(config, stream, source, source["precision"], on)
        if resume is not None:
            session.restore(files.checkpoint)
        with (
            shared.progress_bar(quiet or as_json or watch, "learning", "events") as progress,
            _watching(watch, len(stream)) as watched,
        ):
            session.run(files, progress, None if watched is None else watched.add)
        outcome = stream_outcome(session, best)
        leave(outcome, files, printed)
    show(outcome, folder, quiet, as_json)
    if not (quiet or as_json):
        print(f"predictions of every event: {folder}/predictions.csv")


def _length(given: str) -> int:
    """Read the number of an example's events; compare takes a file there, which gets an answer, too."""
    if not given.isdecimal():
        raise UserError(
            f"--events {given!r}: is no number of events; a file is given without --events: "
            f"lava-predict learn {given}"
        )
    if not 2 <= int(given) <= MOST_SEED:
        raise UserError(f"--events {given}: must be a whole number from 2")
    return int(given)


def _config(
    preset: str | None, settings: list[str] | None, seed: int | None, horizon: float | None
) -> Config:
    more = [] if horizon is None else [f"stream.horizon_ms={float(horizon)!r}"]
    return shared.chosen_config(None, shared.given_or(preset, "stream"), [*(settings or []), *more], seed)


def _check_backend(backend: str, form: str | None, config: Config, precision: str) -> None:
    """Raise a UserError if streams cannot be learned on a backend in this form, here."""
    from lava_predict.engines import engine_options

    engine, options = engine_options(backend, precision, {"form": form}, config)
    engine.check_stream(config, options)


def _stopped(checkpoint: Path) -> tuple[Config, dict[str, Any]]:
    """Return settings and source of a stopped command."""
    from lava_predict.events.reading import SOURCE, Columns
    from lava_predict.records.hdf5 import attribute, read_config
    from lava_predict.settings.plain_values import check_plain
    from lava_predict.streams.learner import KIND

    with KIND.unaltered(checkpoint) as file:
        source = json.loads(attribute(file, "source", str))
        check_plain(source, SOURCE, {"columns": len(Columns._fields)})
        return read_config(file), source


def _events(config: Config, source: dict[str, Any]) -> tuple[Events, dict[str, float] | None]:
    from lava_predict.events import Columns, example, read_events

    dt = config.run.dt_ms
    if source["path"] is None:
        made = example(source["example"], source["number"], config.run.seed, dt)
        return made.events, made.best_possible
    found = read_events(
        source["path"],
        Columns(*source["columns"]),
        dt_ms=dt,
        ms_per_unit=source["ms_per_unit"],
        labels_max=config.stream.labels_max,
    )
    return found, None


@contextmanager
def _watching(watch: bool, total: int | None) -> Iterator[Watch | None]:
    """Show a stream on stderr if that is wanted and a terminal; what is printed goes above it."""
    if not (watch and sys.stderr.isatty()):
        yield None
        return
    from rich.console import Console

    from lava_predict.reports.stream_view import REFRESH_S, watching

    with watching(Console(stderr=True), total, 0.0 if total is None else REFRESH_S) as watched:
        yield watched


def _live(
    config: Config, columns: Columns, ms_per_unit: float | None, out: Path | None, precision: str, watch: bool
) -> None:
    """Answer every event on standard input with a line of JSON, before the next one is read."""
    from lava_predict.events import live_rows
    from lava_predict.streams import ScoredLearner, StreamLearner

    if ms_per_unit is None:
        raise UserError("EVENTS = -: a live stream needs --ms-per-unit, as nobody knows its median gap")
    if out is not None:
        raise UserError(f"--out {str(out)!r}: a live stream leaves no folder; leave it out")
    learner = StreamLearner(config=config, ms_per_unit=ms_per_unit, precision=precision)
    with _watching(watch, None) as watched:
        lines = sys.stdin.buffer
        scored = ScoredLearner(learner, config.stream.labels_max, baselines=watched is not None)
        for row in live_rows(iter(lines.readline, b""), columns, lambda text: print(text, file=sys.stderr)):
            found = scored.add(row)
            answer = {"time": row.time, "label": row.label, **learner.answer()}
            answer["log2_loss"] = None if found is None else found.log2_loss
            print(json.dumps(answer), flush=True)
            if watched is not None:
                watched.add(scored, row, found)
