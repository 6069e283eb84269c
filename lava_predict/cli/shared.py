"""What the commands share: options, settings, folders, progress, and how they end."""

from __future__ import annotations

import functools
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lava_predict.cli.progress import drawing as drawing
from lava_predict.cli.progress import progress_bar as progress_bar
from lava_predict.cli.progress import waiting as waiting
from lava_predict.errors import DAMAGED, RunError, UserError, digits, one_of, short
from lava_predict.registry import ENGINES
from lava_predict.reports.print_style import FORMATS, NARROWEST_MM, ON_SCREEN, WIDEST_MM, Printed

if TYPE_CHECKING:
    from lava_predict.reports.outcome import Outcome
    from lava_predict.reports.second_process import SecondProcess
    from lava_predict.settings.schema import Config

PRESETS = sorted(file.stem for file in Path(__file__).parents[1].glob("settings/presets/*.toml"))
BACKENDS = tuple(ENGINES.names())
FORMS = ("fused", "graph")
TARGETS = ("loihi2-sim", "loihi2-hw")
FPGA_PARTS = ("ecp5-25k", "ecp5-45k", "ecp5-85k")
EXAMPLE_EVENTS = 3000
PRECISIONS = ("float", "fixed")
EXECUTORS = ("local", "dask")
MOST_NAME = 200
"""Most bytes of a name in a path; with what is added while it is written it must not exceed 255."""

# The modules that define these take long to import; tests/cli/test_cli.py compares.


def choice(what: str, allowed: Sequence[str], default: str | None = None) -> Any:
    """Make an option whose help says what it chooses, the allowed values, and what holds without it."""
    text = f"{what}: {', '.join(allowed)}."
    return typer.Option(help=text if default is None else f"{text} Default: {default}.")


def given_or(value: Any, otherwise: Any) -> Any:
    """Return what an option was given, be it 0 or "", or else what holds without it."""
    return otherwise if value is None else value


def path(given: str | Path) -> Path:
    """Read a path, be it a default, that the file system can hold."""
    text = str(given)
    if not text or "\0" in text:
        raise typer.BadParameter(f"{text!r} is no path; give one")
    for name in (names := Path(text).parts):
        if len(os.fsencode(name)) > MOST_NAME:
            raise typer.BadParameter(f"{short(name)} is too long: a name has at most {MOST_NAME} bytes")
    return Path(*names)


def folder(given: str | Path) -> Path:
    """Read the path of a folder, so that it has a name: that of the current one, and of .., is looked up."""
    found = path(given)
    if found.name in ("", ".."):
        found = found.resolve()
    if not found.name:
        raise typer.BadParameter(f"{str(given)!r} is not the folder of a command; give another one")
    return found


PATH: dict[str, Any] = {"parser": path}
FOLDER: dict[str, Any] = {"parser": folder, "metavar": "DIR"}
"""How options and arguments read paths."""

ConfigArgument = Annotated[
    Path | None,
    typer.Argument(
        **PATH,
        metavar="[CONFIG.toml]",
        help="TOML file with settings; all other settings come from its preset.",
    ),
]
PresetOption = Annotated[str | None, choice("One of", PRESETS, "robust")]
SeedOption = Annotated[int | None, typer.Option(help="Replaces run.seed.")]
SeedsOption = Annotated[int, typer.Option(min=1, max=1000, help="Number of seeds.")]
FirstSeedOption = Annotated[int, typer.Option(min=0, help="First seed; the other seeds follow it.")]
JobsOption = Annotated[
    int | None,
    typer.Option(min=1, max=1024, help="Number of parallel processes. Default: one per processor."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a setting; repeatable."),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(metavar="ADDR", help="Address of the Dask scheduler. Default: a cluster on this machine."),
]
CACHE = Path("runs/cache")
CacheOption = Annotated[
    Path,
    typer.Option(
        **FOLDER,
        help="Folder that keeps the result of each unit of work; a stopped command continues from it.",
    ),
]
OutOption = Annotated[
    Path | None, typer.Option(**FOLDER, help="Folder to write; default: a new one in runs/.")
]
FiguresOption = Annotated[
    str | None,
    typer.Option("--figures", metavar="png,pdf,svg", help="Files of each picture, by commas; always png."),
]
WidthOption = Annotated[
    float | None,
    typer.Option("--width-mm", help="Width of the pictures in print, texts of 7 and 8 points."),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace a folder of an earlier run.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print only errors.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print only summary.json.")]

Command = TypeVar("Command", bound=Callable[..., None])


def reported(command: Command) -> Command:
    """Turn the ways in which a command ends early into one message and an exit code."""

    @functools.wraps(command)
    def run_and_report(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except UserError as error:
            code, message = 2, f"error: {error}"
        except RunError as error:
            code, message = 1, f"error: {error}"
        except MemoryError:
            code, message = 1, "error: out of memory; lower reservoir.neurons or its connection_probability"
        except KeyboardInterrupt as stopped:
            code, message = 130, str(stopped) or _interrupted(command.__name__, kwargs.get("resume"))
        else:
            return
        print(message, file=sys.stderr)
        raise typer.Exit(code)

    return run_and_report  # type: ignore[return-value]


def _interrupted(command: str, resume: Path | None) -> str:
    """Say what an interrupted command left that has not written anything itself."""
    from lava_predict.records.folder import has_stopped, how_to_go_on

    if resume is None or not has_stopped(resume):
        return "interrupted; nothing was written"
    return how_to_go_on(command, resume)


def chosen_config(
    config: Path | None, preset: str | None, settings: list[str] | None, seed: int | None = None
) -> Config:
    """Load the settings that the options name; raises a UserError if they are bad."""
    from lava_predict.settings.files import load_config, load_preset

    if config is not None and preset is not None:
        raise UserError(
            f"CONFIG = {str(config)!r} and --preset {preset!r} exclude each other; give one of them"
        )
    overrides = [*(settings or []), *([f"run.seed={seed}"] if seed is not None else [])]
    if config is not None:
        return load_config(config, overrides)
    return load_preset(preset if preset is not None else "robust", overrides)


def refuse_to_change(resume: Path, others: Mapping[str, Any], then: str) -> None:
    """Raise a UserError if an option is given that the stopped command has decided; 0 is a value, too.

    ``then`` says what the command continues with, and what may differ.
    """
    given = [name for name, value in others.items() if not (value is None or value is False or value == [])]
    if given:
        raise UserError(f"--resume {str(resume)!r}: {then.format(', '.join(given))}")


def is_complete(resume: Path, quiet: bool, as_json: bool) -> bool:
    """Show a command's folder where it has ended; else return False."""
    from lava_predict.records.folder import has_stopped

    if has_stopped(resume):
        return False
    file = resume / "summary.json"
    try:
        summary = file.read_bytes().decode()
        json.loads(summary)
    except OSError:
        return False
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file}: is not JSON ({error}); {DAMAGED}") from None
    if as_json:
        print(summary, end="")
    elif not quiet:
        print(
            f"{resume}/: this run is complete; there is nothing to do (its pictures are drawn again by "
            f"lava-predict report {resume} --figures pdf)"
        )
    return True


def default_folder(name: str) -> Path:
    """Return a folder runs/<time>-<name> that does not exist, and that no command is about to write."""
    from lava_predict.records.folder import is_taken

    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    folder, number = Path("runs") / stem, 2
    while is_taken(folder):
        folder, number = Path("runs") / f"{stem}-{number}", number + 1
    return folder


def printed(figures: str | None, width_mm: float | None) -> Printed:
    """Return how pictures are written; raises a UserError for an unknown format or a width of no page."""
    formats = tuple(given_or(figures, "png").split(","))
    for one in formats:
        if one not in FORMATS:
            raise UserError(f"--figures {one!r}: there is no such format; {one_of(one, FORMATS)}")
    if width_mm is not None and not NARROWEST_MM <= width_mm <= WIDEST_MM:
        raise UserError(
            f"--width-mm {digits(width_mm)}: allowed are {NARROWEST_MM:g} to {WIDEST_MM:g}; a column of a "
            "journal is 85 to 90 wide, a page 170 to 180"
        )
    return Printed(formats, width_mm)


@contextmanager
def meanwhile_importing(*modules: str) -> Iterator[None]:
    """Import modules in a thread, which goes on while compiled kernels run, so that nobody waits for them.

    They are imported, or have failed to be, at the end.
    """

    def import_all() -> None:
        with suppress(Exception):  # It is raised again where the module is used.
            for module in modules:
                import_module(module)

    thread = threading.Thread(target=import_all, daemon=True)
    thread.start()
    yield
    thread.join()


@contextmanager
def second_process(*modules: str) -> Iterator[SecondProcess]:
    """Start a process that imports modules and draws pictures later, where a processor is free."""
    from lava_predict.pool import processors
    from lava_predict.reports.second_process import SecondProcess

    with closing(SecondProcess()) as second:
        if processors() > 1:
            second.start(*modules)
        yield second


@contextmanager
def delivery(
    folder: Path | None, overwrite: bool, quiet: bool, as_json: bool, printed: Printed = ON_SCREEN
) -> Iterator[Callable[[Outcome], None]]:
    """Write what a command finds to a folder, if one is given, and print it.

    A folder that cannot be written is refused before the work begins. Yields a function for the outcome.
    """
    from lava_predict.records.folder import new_folder
    from lava_predict.reports.outcome import leave, show

    found: list[Outcome] = []
    with nullcontext() if folder is None else new_folder(folder, overwrite) as files:
        yield found.append
        if files is not None:
            leave(found[0], files, printed)
    show(found[0], folder, quiet, as_json)


@contextmanager
def kept_when_interrupted(cache: Path) -> Iterator[None]:
    """Say how to continue a command whose finished units of work are in a cache, when it is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted; the finished units are kept in {cache}/: give the same command again to continue"
        ) from None
