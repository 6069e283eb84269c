"""What the library logs, on stderr: `--log-level`, which every command takes, also before its name."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from lava_predict.errors import UserError, one_of

LEVELS = ("debug", "info", "warning", "error")

Command = TypeVar("Command", bound=Callable[..., None])

LogLevelOption = Annotated[
    str | None, typer.Option("--log-level", help=f"Log what is done, on stderr, from: {', '.join(LEVELS)}.")
]


class _OnStderr(logging.Handler):
    """Writes where stderr leads at the time, as a progress bar takes its place."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


def log_to_stderr(level: str | None) -> None:
    """Show what the library logs from a level on; None changes nothing.

    Raises a UserError if there is no such level.
    """
    if level is None:
        return
    if level not in LEVELS:
        raise UserError(f"--log-level {level!r}: there is no such level; {one_of(level, LEVELS)}")
    logger = logging.getLogger("lava_predict")
    for handler in [one for one in logger.handlers if isinstance(one, _OnStderr)]:
        logger.removeHandler(handler)
    handler = _OnStderr(level.upper())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(level.upper())


def logged(command: Command) -> Command:
    """Give a command the option ``--log-level``."""

    @functools.wraps(command)
    def log_and_run(*args: Any, log_level: str | None = None, **kwargs: Any) -> None:
        log_to_stderr(log_level)
        command(*args, **kwargs)

    # Typer takes options from the signature, and their kinds from the annotations.
    own = inspect.signature(command, eval_str=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    option = inspect.Parameter("log_level", keyword, default=None, annotation=LogLevelOption)
    parameters = {**own.parameters, option.name: option}
    with_option: Any = log_and_run
    with_option.__signature__ = own.replace(parameters=list(parameters.values()))
    with_option.__annotations__ = {name: one.annotation for name, one in parameters.items()}
    return with_option  # type: ignore[no-any-return]
