"""The conditions under which the claims are put to the test, laid over a configuration of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lava_predict.errors import UserError
from lava_predict.settings.files import with_changes
from lava_predict.settings.schema import Config

LEVELS = np.arange(11) / 10
"""Probabilities of the first event."""

LATENCIES_MS = ((300.0, 600.0), (600.0, 300.0), (450.0, 750.0))
"""Pairs of latencies; the second is the first with the events exchanged."""

COURSE = (
    ((0.7, 0.3), LATENCIES_MS[0]),
    ((0.2, 0.8), LATENCIES_MS[0]),
    ((0.2, 0.8), LATENCIES_MS[1]),
    ((0.8, 0.2), LATENCIES_MS[2]),
)
"""Blocks in turn, between which the probability, the timing, and both switch."""

SWITCHES = ("probability", "timing", "joint")
"""What switches before the second, third and fourth block of the `COURSE`."""


def check_one_cue_two_events(config: Config) -> None:
    """Raise a UserError unless the task has one cue and two events, as the paper's has."""
    if config.task.cues != 1 or config.task.events != 2:
        raise UserError(
            f"task has {config.task.cues} cues and {config.task.events} events: "
            "the claims are about one cue and two events; set task.cues = 1 and two of each in task.blocks"
        )


def course(config: Config, seed: int, *changes: tuple[str, str, Any]) -> Config:
    """Return a configuration of all blocks of the `COURSE`, each as long as the configuration's first.

    Parameters
    ----------
    config : Config
        All but seed and blocks is taken from it.
    seed : int
        Replaces ``run.seed``.
    *changes : (str, str, value)
        Further settings, as for `with_changes`.
    """
    return with_blocks(config, seed, COURSE, *changes)


def one_block(
    config: Config,
    seed: int,
    probability: Sequence[float],
    latency_ms: Sequence[float],
    *changes: tuple[str, str, Any],
) -> Config:
    """Return a configuration of one block, as long as the configuration's first; see `course`."""
    return with_blocks(config, seed, [(probability, latency_ms)], *changes)


def with_blocks(
    config: Config,
    seed: int,
    blocks: Sequence[tuple[Sequence[float], Sequence[float]]],
    *changes: tuple[str, str, Any],
) -> Config:
    """Return a configuration of some blocks of (probability, latency_ms); see `course`."""
    laid_out = [
        {
            "trials": config.task.blocks[0].trials,
            "probability": list(probability),
            "latency_ms": list(latency_ms),
        }
        for probability, latency_ms in blocks
    ]
    due = ("run", "probe_trials", probe_trials(config.task.blocks[0].trials))
    return with_changes(config, (("task", "blocks", laid_out), due, *changes), seed)


def probe_trials(trials: int) -> list[int]:
    """Return after how many trials of a block it is tested: 0, 1, 10, 25, 50 and 100 of a hundred."""
    return sorted({0, 1, *(max(1, round(share * trials)) for share in (0.1, 0.25, 0.5, 1.0))})
