"""What a run leaves on disk: written aside first, then renamed, so that nothing is ever half-written."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lava_predict.errors import UserError
from lava_predict.experiment.experiment import Result
from lava_predict.settings.files import config_from, parse_toml
from lava_predict.settings.schema import Config
from lava_predict.tasks.meet import Meet

SCHEMA = 1
"""Version of the layout of results.h5 and summary.json."""


@dataclass(frozen=True)
class RunRecord:
    """All that is needed to look at a run again, as results.h5 holds it.

    T trials, P probes, M cues, K events, N cells, S spikes in all.

    Attributes
    ----------
    config : Config
        What was run.
    times_ms : (steps,) float64
        Time of each step of a trial or probe, 0 at the cue.
    trial_block, trial_cue, trial_outcome : (T,) int64
        Of each training trial; outcome -1 is an omission.
    trial_p : (T, K) float64
        What readout in each trial, before it learned from it, not clipped.
    probe_block, probe_trials : (P,) int64
        Block of each probe, and trials of that block learned before it.
    error, error_causal, zero_error : (P,) float64
        RMSE of the prediction, of the causal prediction and of a prediction of 0.
    z, o, o_causal, truth : (P, M, steps, K) float64
        When readout, prediction, causal prediction, true prediction object.
    p : (P, M, K) float64
        What readout, not clipped.
    w_when, w_what : (P, K, N + 1) and (P, K, N) float64
        Weights at each probe.
    spike_probe, spike_cue, spike_step, spike_cell : (S,) uint32
        The spikes of the first repeat of every probe.
    """

    config: Config
    times_ms: np.ndarray
    trial_block: np.ndarray
    trial_cue: np.ndarray
    trial_outcome: np.ndarray
    trial_p: np.ndarray
    probe_block: np.ndarray
    probe_trials: np.ndarray
    error: np.ndarray
    error_causal: np.ndarray
    zero_error: np.ndarray
    z: np.ndarray
    o: np.ndarray
    o_causal: np.ndarray
    truth: np.ndarray
    p: np.ndarray
    w_when: np.ndarray
    w_what: np.ndarray
    spike_probe: np.ndarray
    spike_cue: np.ndarray
    spike_step: np.ndarray
    spike_cell: np.ndarray

    @classmethod
    def of(cls, result: Result) -> RunRecord:
        """Gather the record of a run."""
        trials, probes = result.state.trials, result.state.probes
        arrays: dict[str, Any] = {
            f"trial_{name}": np.array([getattr(trial, name) for trial in trials])
            for name in ("block", "cue", "outcome", "p")
        }
        for name in ("block", "trials"):
            arrays[f"probe_{name}"] = np.array([getattr(probe, name) for probe in probes])
        per_probe = (
            "error",
            "error_causal",
            "zero_error",
            "z",
            "o",
            "o_causal",
            "truth",
            "p",
            "w_when",
            "w_what",
        )
        for name in per_probe:
            arrays[name] = np.array([getattr(probe, name) for probe in probes])
        return cls(config=result.config, times_ms=Meet(result.config).times_ms, **arrays, **_spikes(result))

    def to_bytes(self) -> bytes:
        """Return the record as an HDF5 file."""
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file.attrs["format"] = "lava-predict run"
            file.attrs["schema"] = SCHEMA
            file["config"] = self.config.to_toml()
            for name in _arrays():
                file.create_dataset(name, data=getattr(self, name), compression="gzip", shuffle=True)
        return buffer.getvalue()


def _spikes(result: Result) -> dict[str, np.ndarray]:
    """Lay the probes' spikes end to end, each with its probe and cue."""
    columns: dict[str, list[np.ndarray]] = {f"spike_{n}": [] for n in ("probe", "cue", "step", "cell")}
    for number, probe in enumerate(result.state.probes):
        for cue, (step, cell) in enumerate(zip(probe.spike_step, probe.spike_cell, strict=True)):
            columns["spike_probe"].append(np.full(step.size, number, np.uint32))
            columns["spike_cue"].append(np.full(step.size, cue, np.uint32))
            columns["spike_step"].append(step)
            columns["spike_cell"].append(cell)
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def _arrays() -> list[str]:
    return [item.name for item in fields(RunRecord) if item.name != "config"]


def load_record(path: str | Path) -> RunRecord:
    """Read a results.h5.

    Parameters
    ----------
    path : str or Path
        The file, or the folder of a run.

    Returns
    -------
    RunRecord
        As it was written, to the bit.

    Raises
    ------
    UserError
        If it cannot be read, is not a lava-predict run, or has another schema.
    """
    path = Path(path)
    path = path / "results.h5" if path.is_dir() else path
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != "lava-predict run":
                raise UserError(
                    f"{path}: is not the results.h5 of a lava-predict run; give the folder of a run"
                )
            if file.attrs["schema"] != SCHEMA:
                raise UserError(
                    f"{path}: has schema {file.attrs['schema']}, this version reads {SCHEMA}; "
                    "read it with the version of lava-predict that wrote it"
                )
            config = config_from(parse_toml(file["config"].asstr()[()]))
            return RunRecord(config=config, **{name: file[name][()] for name in _arrays()})
    except (OSError, KeyError) as error:
        raise UserError(
            f"{path}: cannot be read as a run's results: {error}; give the folder of a run"
        ) from None


class Folder:
    """A folder being written, under another name until it is complete.

    Parameters
    ----------
    aside : Path
        Where it is written.
    """

    def __init__(self, aside: Path) -> None:
        self._aside = aside

    def write(self, name: str, data: bytes | str) -> None:
        """Write a file of the folder.

        Parameters
        ----------
        name : str
            Path inside the folder.
        data : bytes or str
            What to write; str as UTF-8.
        """
        path = self._aside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def new_folder(path: Path, overwrite: bool) -> Iterator[Folder]:
    """Write a folder aside and put it in place when all went well.

    Parameters
    ----------
    path : Path
        The final name.
    overwrite : bool
        Whether a folder that an earlier command left there may be replaced.

    Yields
    ------
    Folder
        To write files to.

    Raises
    ------
    UserError
        If the name is taken, or the disk is full or cannot be written. What was there before is
        left as it was, and what was written aside is removed.
    """
    check_free(path, overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.partial-", dir=path.parent))
    except OSError as error:
        raise cannot_write(path, error) from None
    try:
        yield Folder(aside)
        aside.chmod(0o777 & ~_umask())
        put_in_place(aside, path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check_free(path: Path, overwrite: bool) -> None:
    """Raise a UserError if a folder cannot be put there: something else is, or it may not be replaced."""
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise UserError(f"--out {str(path)!r}: exists already; choose another folder or add --overwrite")
    ours = path.is_dir() and not path.is_symlink()
    if not ours or (any(path.iterdir()) and not (path / "summary.json").is_file()):
        raise UserError(
            f"--out {str(path)!r}: --overwrite replaces only a folder that lava-predict wrote (it holds a "
            "summary.json) or an empty one; choose another folder"
        )


def put_in_place(aside: Path, path: Path) -> None:
    """Give a complete folder its final name, in place of a folder that has it."""
    if not path.exists():
        aside.rename(path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old-", dir=path.parent))
    path.rename(old / path.name)
    try:
        aside.rename(path)
    except OSError:
        (old / path.name).rename(path)
        old.rmdir()
        raise
    shutil.rmtree(old)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def cannot_write(path: Path, error: OSError) -> UserError:
    """Say that a folder cannot be written, and why."""
    reason = error.strerror or str(error)
    return UserError(
        f"--out {str(path)!r}: cannot be written ({reason}); choose a place with room that you can write to"
    )
