"""One configuration run in every way that must give the same bits, for a fuzz."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lava_predict import Config, Experiment, Result, RunError, UserError
from lava_predict.engines.cpu import CpuEngine
from lava_predict.experiment.session import Session
from lava_predict.network.state import not_finite
from lava_predict.numerics.plan import Plan
from lava_predict.records.checkpoint import Checkpoint, load_checkpoint
from lava_predict.records.run_record import RunRecord, load_record

REFUSED, DIVERGED, RAN = "refused", "diverged", "ran"


def run_every_way(config: Config, precision: str, chunk: int, stop: int, folder: Path | None) -> str:
    """Run whole, in chunks, and resumed after ``stop`` trials; return how it ended.

    Asserts that all ways end alike and to the same bits, that nothing is NaN, that NumPy warns of nothing,
    and that files read back, which are written only if there is a folder for them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        return _run_every_way(config, precision, chunk, stop, folder)


def _run_every_way(config: Config, precision: str, chunk: int, stop: int, folder: Path | None) -> str:
    experiment = Experiment(config)
    try:
        session = experiment.start(precision=precision)
    except UserError:
        return REFUSED
    except RunError:  # The mean |xc|^2 of an unlearned trial is measured at the start.
        return DIVERGED
    try:
        result = experiment.run(precision=precision)
    except RunError as error:
        assert_ends_alike(experiment, precision, chunk, str(error))
        return DIVERGED
    assert_finite(result)
    arithmetic = experiment.arithmetic(precision)
    chunked = Session(arithmetic, experiment.task, CpuEngine(arithmetic, experiment.task, chunk_steps=chunk))
    chunked.advance(experiment.task.first_trials[-1])
    assert result.state.differences(chunked.state) == []

    session.advance(min(stop, experiment.task.first_trials[-1] - 1))
    kept = Checkpoint(config, precision, "cpu", None, experiment.network, session.state, 0.0)
    loaded = kept if folder is None else written_and_read(kept, arithmetic.plan, folder)
    resumed = Experiment(loaded.config).run(precision=precision, state=loaded.state)
    assert result.state.differences(resumed.state) == []
    if folder is not None:
        write_and_read(result, folder)
    return RAN


def written_and_read(kept: Checkpoint, plan: Plan | None, folder: Path) -> Checkpoint:
    """Return a checkpoint as it is in its file; asserts that it is the same."""
    (folder / "checkpoint.h5").write_bytes(kept.to_bytes(plan))
    loaded = load_checkpoint(folder / "checkpoint.h5")
    assert loaded.config == kept.config
    assert kept.state.differences(loaded.state) == []
    return loaded


def write_and_read(result: Result, folder: Path) -> None:
    """Assert that the record of a run reads back."""
    record = RunRecord.of(result)
    (folder / "results.h5").write_bytes(record.to_bytes())
    assert load_record(folder / "results.h5").o.tobytes() == record.o.tobytes()


def assert_ends_alike(experiment: Experiment, precision: str, chunk: int, said: str) -> None:
    """Assert that a run that diverges does so in the same segment, however it is cut into chunks."""
    arithmetic = experiment.arithmetic(precision)
    engine = CpuEngine(arithmetic, experiment.task, chunk_steps=chunk)
    with pytest.raises(RunError) as ended:
        Session(arithmetic, experiment.task, engine).advance(experiment.task.first_trials[-1])
    assert str(ended.value).split(", step")[0] == said.split(", step")[0]


def assert_finite(result: Result) -> None:
    """Assert that nothing of a run is NaN or infinite, but the truth about a cue that was never shown."""
    assert not_finite(result.state.network) == []
    parts: list[Any] = [result.prediction]
    task = Experiment(result.config).task
    for number, block in enumerate(result.config.task.blocks):
        parts += [task.truth(number, cue) for cue in block.shown(task.task.cues)]
    for probe in result.state.probes:
        parts += [probe.z, probe.o, probe.o_causal, probe.p, probe.w_when, probe.w_what]
        known = ~np.isnan(probe.zero_error_by_cue)
        if known.any():
            parts += [probe.error, probe.zero_error, probe.error_causal, probe.error_by_cue[known]]
    parts += [trial.p for trial in result.state.trials]
    assert all(np.isfinite(part).all() for part in parts)
