"""The command ``lava-predict``: a module per command, `shared` for what they share.

What takes long to import (numba, HDF5, plots, validation) is imported inside the commands, so that
``lava-predict --help`` and a mistyped option answer at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
from typing import Annotated

import typer

from lava_predict import __version__
from lava_predict.cli import check, compare, deploy, export, learn, plan, report, reproduce, run, sweep
from lava_predict.cli.log import LogLevelOption, log_to_stderr, logged
from lava_predict.cli.shared import reported
from lava_predict.cli.standard_streams import standard_streams

_NEW_OBJECTS = 100_000
"""After so many new objects Python looks for garbage in circles."""

app = typer.Typer(
    name="lava-predict",
    help="Networks that learn what will happen, when, and with what probability.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for _command in (
    run.run,
    learn.learn,
    compare.compare,
    sweep.sweep,
    reproduce.reproduce,
    report.report,
    plan.plan,
    check.check,
    export.export,
    deploy.deploy,
):
    app.command()(reported(logged(_command)))


@app.callback(invoke_without_command=True)
@reported
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    log_level: LogLevelOption = None,
) -> None:
    log_to_stderr(log_level)
    if version:
        print(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line."""
    # Imports and pictures make many objects, few of them garbage in circles. To look for it after each 700
    # new ones takes a tenth of their time; and at the end, in all that was imported, a tenth of a second.
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)
    signal.signal(signal.SIGTERM, _terminate)
    sys.unraisablehook = _deliver_again
    with standard_streams():
        app(run.with_folder_to_resume(sys.argv[1:]))


def _terminate(signum: int, frame: object) -> None:
    """Leave by way of the clean-up that any exception takes."""
    raise SystemExit(128 + signum)


def _deliver_again(ignored: sys.UnraisableHookArgs) -> None:
    """Repeat a Ctrl-C or SIGTERM that came where Python ignores exceptions, such as in a finaliser."""
    if isinstance(ignored.exc_value, KeyboardInterrupt | SystemExit):
        signum = signal.SIGINT if isinstance(ignored.exc_value, KeyboardInterrupt) else signal.SIGTERM
        threading.Timer(0.05, os.kill, (os.getpid(), signum)).start()
    else:
        sys.__unraisablehook__(ignored)
