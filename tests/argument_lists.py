"""Argument lists for a fuzz of the command line, which stops before anything is simulated."""

from __future__ import annotations

import random
from typing import Any

import click
import pytest
import typer
from typer.testing import CliRunner

from lava_predict import UserError
from lava_predict.cli import app

REACHED = "here the work would begin"
WORDS = ["", " ", "0", "-1", "1", "2", "1.5", "1e999", "nan", "inf", "9" * 30, "True", "all", "nowhere"]
WORDS += [
    ".",
    "..",
    "/",
    "-",
    "--",
    "--help",
    "a\0b",
    "x" * 300,
    "µ\u2028",
    "\udcff",
    "smoke",
    "robust",
    "stream",
]
WORDS += ["fixed", "float", "cpu", "lava", "fpga", "fused", "markov", "run.seed=1", "run.seed=x", "a.b=["]
WORDS += ["reservoir.noise=nan", "=", "reservoir.neurons=12", "fixed=3", "task.blocks=[]", "preset=paper"]
WORDS += ["png,pdf", "csv", "[0.7", "{}"]


def _commands() -> dict[str, click.Command]:
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


COMMANDS = _commands()


def arguments(rng: random.Random) -> list[str]:
    """Draw a command with some of its options, each with a likely or an unlikely value."""
    name = rng.choice(list(COMMANDS))
    options = [option for one in COMMANDS[name].params for option in one.opts if option.startswith("-")]
    drawn = [name]
    for _ in range(rng.randint(0, 5)):
        if rng.random() < 0.7:
            drawn.append(rng.choice(options))
        if rng.random() < 0.7:
            drawn.append(rng.choice(WORDS))
    if rng.random() < 0.05:
        drawn[0] = rng.choice(WORDS)
    return drawn


def stop(*_: Any, **__: Any) -> Any:
    raise UserError(REACHED)


def stop_before_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every command end where a network would be drawn."""
    for place in ("experiment.experiment", "network.stream_network"):
        monkeypatch.setattr(f"lava_predict.{place}.draw_network", stop)
    for place in ("cli.compare.compare_streams", "reproduction.reproduce.reproduce"):
        module, name = place.rsplit(".", 1)
        monkeypatch.setattr(f"lava_predict.{module}.{name}", stop, raising=False)
    monkeypatch.setattr("lava_predict.comparison.streams.compare_streams", stop)
    monkeypatch.setattr("lava_predict.targets.loihi2.readiness._checked", stop)
    monkeypatch.setattr("lava_predict.events.examples._drawn", stop)


def ended(given: list[str]) -> str:
    """Give arguments to the command line; return how it ended, which must not be a traceback."""
    done = CliRunner().invoke(app, given, input="")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert "Traceback" not in done.output
    assert done.exit_code in (0, 1, 2)
    if done.exit_code and REACHED not in done.output:
        assert done.output.strip()
        return f"exit {done.exit_code}"
    return "help" if done.exit_code == 0 else "reached the work"
