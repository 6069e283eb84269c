"""The record of a run: its trials, and all that its probes found, as one HDF5 file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from lava_predict.errors import DAMAGED, UserError, path_of
from lava_predict.experiment.results import Probe, Result
from lava_predict.network.layout import Expected, lengths
from lava_predict.records.hdf5 import FileKind, Reader, column, read_config
from lava_predict.settings.schema import Config
from lava_predict.tasks.meet import Meet

_KIND = FileKind("lava-predict run", 2, "the results.h5 of a run", "the folder of a run")

_PACKED: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
"""The level takes two thirds of the time of the usual one, for a file that is 2 % larger."""

_TRIAL, _PROBE, _SPIKE = (
    Expected((rows,), (kind,), low=0) for rows, kind in (("T", "int64"), ("P", "int64"), ("S", "uint32"))
)
_ERROR, _CURVES = Expected(("P",), missing=True), Expected(("P", "M", "steps", "K"))
_LAYOUT = {
    "times_ms": Expected(("steps",)),
    "trial_block": _TRIAL._replace(high="B"),
    "trial_cue": _TRIAL._replace(high="M"),
    "trial_outcome": _TRIAL._replace(low=-1, high="K"),
    "trial_latency_ms": Expected(("T",), missing=True),
    "trial_p": Expected(("T", "K")),
    "probe_block": _PROBE._replace(high="B"),
    "probe_trials": _PROBE,
    **dict.fromkeys(("error", "error_causal", "zero_error", "error_counting"), _ERROR),
    **dict.fromkeys(("error_by_cue", "zero_error_by_cue"), Expected(("P", "M"), missing=True)),
    **dict.fromkeys(("z", "o", "o_causal"), _CURVES),
    "truth": _CURVES._replace(missing=True),
    "p": Expected(("P", "M", "K")),
    "w_when": Expected(("P", "rows of w_when", "inputs")),
    "w_what": Expected(("P", "rows of w_what", "N")),
    "spike_probe": _SPIKE._replace(high="P"),
    "spike_cue": _SPIKE._replace(high="M"),
    "spike_step": _SPIKE._replace(high="steps"),
    "spike_cell": _SPIKE._replace(high="N"),
}
"""What each array of the file must be; the letters are those of `RunRecord`."""


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
    trial_latency_ms : (T,) float64
        When the event of each trial occurred, ms after the cue; NaN if none did.
    trial_p : (T, K) float64
        What readout in each trial, before it learned from it, not clipped.
    probe_block, probe_trials : (P,) int64
        Block of each probe, and trials of that block learned before it.
    error, error_causal, zero_error : (P,) float64
        RMSE of the prediction, of the causal prediction and of a prediction of 0.
    error_counting : (P,) float64
        The same of a learner that only counts.
    error_by_cue, zero_error_by_cue : (P, M) float64
        For each cue; NaN, as its truth, for one that no block has shown yet.
    z, o, o_causal, truth : (P, M, steps, K) float64
        When readout, prediction, causal prediction, true prediction object.
    p : (P, M, K) float64
        What readout, not clipped.
    w_when, w_what : (P, C K, inputs) and (P, C K, N) float64
        Weights at each probe, as the rules have them: K rows for each of C cues that have their own.
    spike_probe, spike_cue, spike_step, spike_cell : (S,) uint32
        The spikes of the first repeat of every probe.
    """

    config: Config
    times_ms: np.ndarray
    trial_block: np.ndarray
    trial_cue: np.ndarray
    trial_outcome: np.ndarray
    trial_latency_ms: np.ndarray
    trial_p: np.ndarray
    probe_block: np.ndarray
    probe_trials: np.ndarray
    error: np.ndarray
    error_causal: np.ndarray
    zero_error: np.ndarray
    error_counting: np.ndarray
    error_by_cue: np.ndarray
    zero_error_by_cue: np.ndarray
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
        arrays = {"times_ms": Meet(result.config).times_ms, **_spikes(probes)}
        counting = (block.baseline["counting"].values() for block in result.blocks)
        arrays["error_counting"] = np.array([error for errors in counting for error in errors])
        for name in _arrays():
            if name not in arrays:
                records = trials if name.startswith("trial_") else probes
                arrays[name] = column(records, name.removeprefix("trial_").removeprefix("probe_"))
        return cls(config=result.config, **arrays)

    def write(self, target: BinaryIO) -> None:
        """Write the record as an HDF5 file to an open empty one."""

        def fill(file: h5py.File) -> None:
            for name in _arrays():
                file.create_dataset(name, data=getattr(self, name), **_PACKED)

        _KIND.write(target, self.config, fill)

    def to_bytes(self) -> bytes:
        """Return the bytes of what `write` writes."""
        buffer = BytesIO()
        self.write(buffer)
        return buffer.getvalue()


def _spikes(probes: Sequence[Probe]) -> dict[str, np.ndarray]:
    """Lay the probes' spikes end to end, each with its probe and cue."""
    shown = [
        (number, cue, step, cell)
        for number, probe in enumerate(probes)
        for cue, (step, cell) in enumerate(zip(probe.spike_step, probe.spike_cell, strict=True))
    ]
    numbers, cues, steps, cells = zip(*shown, strict=True)
    sizes = [step.size for step in steps]
    return {
        "spike_probe": np.repeat(np.array(numbers, np.uint32), sizes),
        "spike_cue": np.repeat(np.array(cues, np.uint32), sizes),
        "spike_step": np.concatenate(steps),
        "spike_cell": np.concatenate(cells),
    }


def _arrays() -> list[str]:
    return [item.name for item in fields(RunRecord) if item.name != "config"]


def load_record(path: str | Path) -> RunRecord:
    """Read a results.h5, given the file or the folder of a run, to the bit as it was written.

    Raises a UserError if it cannot be read, is not a lava-predict run, has another schema, or does not hold
    what its settings ask for.
    """
    path = path_of("path", path)
    with _KIND.opened(path / "results.h5" if path.is_dir() else path) as file:
        config = read_config(file)
        reader = Reader(lengths(config))
        arrays = {name: reader.array(file, name, expected) for name, expected in _LAYOUT.items()}
    for name in ("w_when", "w_what"):
        if (rows := arrays[name].shape[1]) % config.task.events:
            raise UserError(
                f"{path}: {name}: holds {rows} rows a probe; expected a multiple of K = "
                f"{config.task.events}; {DAMAGED}"
            )
    return RunRecord(config=config, **arrays)
