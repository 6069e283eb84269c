"""A finished run for the tools that others analyse with: xarray, pandas, neo; and files of them.

Blocks, probes and trials are those of `RunRecord`. Blocks and trials are numbered from 1, as in tables and
pictures; events and cues have their names. The packages are the extra ``analysis``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lava_predict.errors import DAMAGED, UserError, needs_package, one_of, path_of
from lava_predict.experiment import scores
from lava_predict.records.folder import write_file
from lava_predict.records.run_record import RunRecord, load_record
from lava_predict.settings.plain_values import Each, Maybe, check_plain

if TYPE_CHECKING:
    import neo
    import pandas
    import xarray

_VARIABLES = {
    "prediction": ("o", ("probe", "cue", "time", "event"), "1", "o, what the cue alone makes expect"),
    "prediction_causal": (
        "o_causal",
        ("probe", "cue", "time", "event"),
        "1",
        "o from what was known by then",
    ),
    "truth": ("truth", ("probe", "cue", "time", "event"), "1", "true prediction object"),
    "when": ("z", ("probe", "cue", "time", "event"), "1", "when readout"),
    "what": ("p", ("probe", "cue", "event"), "1", "what readout, not clipped"),
    "error": ("error", ("probe",), "1", "RMSE of prediction"),
    "error_causal": ("error_causal", ("probe",), "1", "RMSE of prediction_causal"),
    "error_counting": ("error_counting", ("probe",), "1", "RMSE of a learner that only counts"),
    "zero_error": ("zero_error", ("probe",), "1", "RMSE of predicting nothing"),
    "error_by_cue": ("error_by_cue", ("probe", "cue"), "1", "RMSE of prediction after each cue"),
    "zero_error_by_cue": ("zero_error_by_cue", ("probe", "cue"), "1", "RMSE of predicting nothing"),
    "trial_latency": ("trial_latency_ms", ("trial",), "ms", "when the event occurred, after the cue"),
    "trial_what": ("trial_p", ("trial", "event"), "1", "what readout before it learned from the trial"),
    "spike_time": ("spike_time_ms", ("spike",), "ms", "time after the cue, first repeat of the probe"),
    "spike_cell": ("spike_cell", ("spike",), "", "index of the cell"),
    "spike_probe": ("spike_probe", ("spike",), "", "index of the probe"),
}
"""Variables of the data set: the record's array, dimensions, unit and meaning."""


@dataclass(frozen=True)
class RunData:
    """A finished run as tables that have names and units.

    Attributes
    ----------
    record : RunRecord
        All its arrays.
    about : mapping of str to str
        What was run: preset, seed, backend, precision, fingerprints, version.
    """

    record: RunRecord
    about: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        probes, cues, events = self.record.p.shape
        told = ", ".join(f"{name} {self.about[name]}" for name in ("preset", "seed") if name in self.about)
        return f"<RunData: {told}; {probes} probes, cues: {cues}, events: {events}>"

    @property
    def events(self) -> tuple[str, ...]:
        """Names of the events."""
        names: tuple[str, ...] = self.record.config.task.names_of_events
        return names

    @property
    def cues(self) -> tuple[str, ...]:
        """Names of the cues."""
        names: tuple[str, ...] = self.record.config.task.names_of_cues
        return names

    def to_xarray(self) -> xarray.Dataset:
        """Return an `xarray.Dataset`: probes, predictions with their truth, weights, trials and spikes.

        Dimensions are probe, cue, time (ms, 0 at the cue), event, trial, spike; and of the weights
        ``weights_of`` (cues that have their own, in the order in which they were recognised), input and cell.
        Every variable has the attributes ``units`` and ``long_name``.
        """
        xr, record = _package("xarray"), self.record
        arrays = vars(record) | {"spike_time_ms": record.times_ms[record.spike_step]}
        variables = {
            name: (dims, arrays[key], {"units": units, "long_name": meaning})
            for name, (key, dims, units, meaning) in _VARIABLES.items()
        }
        events, cues = np.array(self.events), np.array(self.cues)
        for name, rows, last in (("w_when", record.w_when, "input"), ("w_what", record.w_what, "cell")):
            weights = rows.reshape(len(rows), -1, events.size, rows.shape[-1])
            told = {"units": "1", "long_name": f"weights of the {name[2:]} readout"}
            variables[name] = (("probe", "weights_of", "event", last), weights, told)
        cells = np.arange(record.config.reservoir.neurons)
        kind = np.where(cells < record.config.reservoir.excitatory_cells, "excitatory", "inhibitory")
        outcomes = np.array([*self.events, "none"])[record.trial_outcome]
        coords = {
            "time": ("time", record.times_ms, {"units": "ms", "long_name": "time after the cue"}),
            "event": events,
            "cue": cues,
            "block": ("probe", record.probe_block + 1),
            "trials": ("probe", record.probe_trials, {"long_name": "trials of the block learned before"}),
            "trial": np.arange(1, outcomes.size + 1),
            "trial_block": ("trial", record.trial_block + 1),
            "trial_cue": ("trial", cues[record.trial_cue]),
            "trial_event": ("trial", outcomes),
            "kind": ("cell", kind),
            "spike_cue": ("spike", cues[record.spike_cue]),
        }
        data: xarray.Dataset = xr.Dataset(
            variables, coords, {**self.about, "settings": record.config.to_toml()}
        )
        return data

    def to_pandas(self) -> pandas.DataFrame:
        """Return a tidy `pandas.DataFrame`: a row for each probe, cue and event.

        Columns: ``block``, ``trials`` (of the block, learned before), ``cue``, ``event``; the truth,
        ``probability`` and ``latency_ms``; ``probability_estimate``, ``amplitude``, ``when_amplitude`` and
        ``peak_ms`` as summary.json has them; the errors of that cue, ``error`` and ``zero_error``; and those
        of all cues, which are alike in the rows of a probe: ``probe_error``, ``probe_error_causal``,
        ``probe_error_counting`` and ``probe_zero_error``. NaN stands for what does not exist.
        """
        pd, record = _package("pandas"), self.record
        probes, cues, events = record.p.shape
        shape = (probes, cues, events)
        truth = np.array(
            [[record.config.task.statistics(int(b), c) for c in range(cues)] for b in record.probe_block]
        )
        latency, width = truth[:, :, 1], record.config.task.event_width_ms

        def each(measure: Callable[[tuple[int, ...]], np.ndarray]) -> np.ndarray:
            return np.array([measure(place) for place in np.ndindex(probes, cues)]).reshape(shape)

        columns = {
            "block": record.probe_block[:, None, None] + 1,
            "trials": record.probe_trials[:, None, None],
            "cue": np.array(self.cues)[:, None],
            "event": np.array(self.events),
            "probability": truth[:, :, 0],
            "latency_ms": latency,
            "probability_estimate": np.clip(record.p, 0.0, 1.0),
            "amplitude": each(lambda at: scores.amplitude(record.o[at], record.times_ms, latency[at])),
            "when_amplitude": each(lambda at: scores.amplitude(record.z[at], record.times_ms, latency[at])),
            "peak_ms": each(lambda at: scores.smoothed_peak(record.o[at], record.times_ms, width)),
            "error": record.error_by_cue[:, :, None],
            "zero_error": record.zero_error_by_cue[:, :, None],
        }
        for name in ("error", "error_causal", "error_counting", "zero_error"):
            columns[f"probe_{name}"] = getattr(record, name)[:, None, None]
        table = pd.DataFrame({name: np.broadcast_to(one, shape).ravel() for name, one in columns.items()})
        table.attrs.update(self.about)
        return table

    def spikes(self, probe: int = -1, cue: int | str = 1) -> list[neo.SpikeTrain]:
        """Return the spikes of a probe (its first repeat) as `neo.SpikeTrain` objects, one a cell, in ms.

        Parameters
        ----------
        probe : int
            Index of the probe; -1 is the last one.
        cue : int or str
            Number of the cue, from 1, or its name.

        Raises
        ------
        UserError
            If there is no such probe or cue, or neo is missing.
        """
        record, shown = self.record, self._cue(cue)
        count = record.probe_block.size
        if not -count <= probe < count:
            raise UserError(f"probe = {probe}: must be from {-count} to {count - 1}, as there are {count}")
        own = (record.spike_probe == probe % count) & (record.spike_cue == shown)
        cell, times = record.spike_cell[own], record.times_ms[record.spike_step[own]]
        order = np.argsort(cell, kind="stable")
        ends = np.cumsum(np.bincount(cell, minlength=record.config.reservoir.neurons))[:-1]
        return [self._train(number, train) for number, train in enumerate(np.split(times[order], ends))]

    def to_neo(self) -> neo.Block:
        """Return the spikes of all probes as a `neo.Block`: a segment for each probe and cue."""
        neo, record = _package("neo"), self.record
        block = neo.Block(name="lava-predict run", **self.about)
        for probe, (number, trials) in enumerate(zip(record.probe_block, record.probe_trials, strict=True)):
            for cue, name in enumerate(self.cues, start=1):
                told = {"block": int(number) + 1, "trials": int(trials), "cue": name}
                segment = neo.Segment(name=f"probe {probe}, cue {name}", **told)
                segment.spiketrains.extend(self.spikes(probe, cue))
                block.segments.append(segment)
        return block

    def write(self, path: str | Path, form: str, overwrite: bool = False) -> None:
        """Write a file of one of the `FORMS`; raises a UserError if it is taken or cannot be written."""
        if form not in FORMS:
            raise UserError(f"form = {form!r}: there is no such form; {one_of(form, list(FORMS))}")
        with tempfile.TemporaryDirectory() as room:
            aside = Path(room) / f"data{FORMS[form][0]}"
            FORMS[form][1](self, aside)
            write_file(path, aside.read_bytes(), overwrite)

    def _cue(self, cue: int | str) -> int:
        """Return the index of a cue that is given by name or number."""
        numbers = {name: number for number, name in enumerate(self.cues)}
        number = numbers.get(cue) if isinstance(cue, str) else cue - 1
        if number is None or not 0 <= number < len(numbers):
            raise UserError(
                f"cue = {cue!r}: must be a number from 1 to {len(numbers)}, or one of {', '.join(numbers)}"
            )
        return number

    def _train(self, cell: int, times_ms: np.ndarray) -> neo.SpikeTrain:
        times, reservoir = self.record.times_ms, self.record.config.reservoir
        dt_ms = self.record.config.run.dt_ms
        neo, units = _package("neo"), _package("quantities")
        return neo.SpikeTrain(
            times_ms,
            units="ms",
            t_start=times[0],
            t_stop=times[-1] + dt_ms,
            sampling_rate=1.0 / dt_ms * units.kHz,
            cell=cell,
            kind="excitatory" if cell < reservoir.excitatory_cells else "inhibitory",
        )


def load_run(path: str | Path) -> RunData:
    """Read a finished run, given its folder or its results.h5.

    Raises a UserError as `load_record` does.

    Examples
    --------
    >>> from lava_predict import load_run
    >>> run = load_run("runs/mine")  # doctest: +SKIP
    >>> run.to_pandas().query("event == 'A'").plot("trials", "probability_estimate")  # doctest: +SKIP
    """
    path, record = path_of("path", path), load_record(path)
    summary = path / "summary.json" if path.is_dir() else path.with_name("summary.json")
    found = _summary(summary) if summary.is_file() else {}
    about: dict[str, str] = {
        key: found[key] for key in ("backend", "precision") if found.get(key) is not None
    }
    about |= {f"fingerprint_{name}": value for name, value in (found.get("fingerprint") or {}).items()}
    if found.get("versions") is not None:
        about["version"] = found["versions"]["lava-predict"]
    config = record.config
    return RunData(record, {"preset": config.preset, "seed": str(config.run.seed), **about})


_ABOUT = {"backend": Maybe(str), "precision": Maybe(str), "fingerprint": Maybe(Each(str))}
_ABOUT |= {"versions": Maybe({"lava-predict": str})}


def _summary(path: Path) -> dict[str, Any]:
    """Read what summary.json says of how a run was made; raises a UserError if it cannot be."""
    try:
        found = json.loads(path.read_bytes())
        check_plain(found, _ABOUT)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: {error}; {DAMAGED}") from None
    return dict(found)


_NEEDED_FOR = {
    "pandas": "to_pandas(), --to csv and --to parquet",
    "pyarrow": "--to parquet",
    "xarray": "to_xarray() and --to netcdf",
    "h5netcdf": "--to netcdf",
    "neo": "spikes() and --to neo",
    "quantities": "spikes() and --to neo",
}
"""What needs a package of the extra ``analysis``."""


def _package(name: str) -> Any:
    """Import a package of the extra ``analysis``; raises a UserError that says how to get it."""
    try:
        return import_module(name)
    except ImportError:
        raise UserError(f"{_NEEDED_FOR[name]}: {needs_package(name, 'analysis')}") from None


def _csv(run: RunData, path: Path) -> None:
    run.to_pandas().to_csv(path, index=False)


def _parquet(run: RunData, path: Path) -> None:
    _package("pyarrow")
    run.to_pandas().to_parquet(path, engine="pyarrow", index=False)


def _netcdf(run: RunData, path: Path) -> None:
    _package("h5netcdf")
    data = run.to_xarray()
    packed = {
        name: {"zlib": True} for name, variable in data.variables.items() if variable.dtype.kind in "fiu"
    }
    data.to_netcdf(path, engine="h5netcdf", encoding=packed)


def _matlab(run: RunData, path: Path) -> None:
    neo = _package("neo")
    neo.io.NeoMatlabIO(str(path)).write_block(run.to_neo())


FORMS: dict[str, tuple[str, Callable[[RunData, Path], None]]] = {
    "csv": (".csv", _csv),
    "parquet": (".parquet", _parquet),
    "netcdf": (".nc", _netcdf),
    "neo": (".mat", _matlab),
}
"""Ending and writer of each form of file."""
