"""A run between two trials as one HDF5 file: to go on from, or to take a trained network elsewhere.

The file holds the settings, the network as drawn, the integer plan if there is one, and the whole state of
the run. The position in a random stream is the number of trials done, as every draw is keyed by seed, trial
and step. A digest of the content tells a file that was cut off or altered from a sound one.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np

from lava_predict.errors import UserError
from lava_predict.experiment.experiment import Probe, RunState, TrialRecord
from lava_predict.experiment.fingerprint import Fingerprint
from lava_predict.network.draw import Network
from lava_predict.network.quantise import Plan
from lava_predict.network.state import State
from lava_predict.settings.files import config_from, parse_toml
from lava_predict.settings.schema import Config

FORMAT = "lava-predict checkpoint"
SCHEMA = 1
"""Version of the layout of the file."""

_DIGEST = "sha256"
Record = TypeVar("Record", TrialRecord, Probe)


@dataclass(frozen=True)
class Checkpoint:
    """A run between two trials.

    Attributes
    ----------
    config : Config
        Its settings.
    precision : str
        One of `lava_predict.network.arithmetic.PRECISIONS`: what the arrays of the state are in.
    backend : str
        What it ran on. It can go on on another.
    form : str or None
        Of the Lava network; None on the cpu.
    network : Network
        As drawn, in physical units.
    state : RunState
        All that changes.
    wall_s : float
        How long the run took so far.
    """

    config: Config
    precision: str
    backend: str
    form: str | None
    network: Network
    state: RunState
    wall_s: float

    def to_bytes(self, plan: Plan | None = None) -> bytes:
        """Return the checkpoint as an HDF5 file.

        Parameters
        ----------
        plan : Plan, optional
            What the parameters are in integers, for whoever reads the file without this package; it is not
            read back, as it follows from settings and network.
        """
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file.attrs["format"] = FORMAT
            file.attrs["schema"] = SCHEMA
            for name in ("precision", "backend", "wall_s"):
                file.attrs[name] = getattr(self, name)
            file.attrs["form"] = self.form or ""
            file["config"] = self.config.to_toml()
            _write_arrays(file.create_group("network"), self.network._asdict())
            _write_arrays(file.create_group("state"), self.state.network._asdict())
            _write_plan(file, plan)
            self._write_run(file.create_group("run"))
            file.attrs[_DIGEST] = content_digest(file)
        return buffer.getvalue()

    def _write_run(self, group: h5py.Group) -> None:
        state = self.state
        for name, digest in vars(state.fingerprint).items():
            group.attrs[f"fingerprint_{name}"] = digest
        group["saturations"] = state.saturations
        for name, records in (("trials", state.trials), ("probes", state.probes)):
            _write_records(group.create_group(name), records)


def content_digest(file: h5py.File) -> str:
    """Return the SHA-256 of all names, attributes, types, shapes and bytes in a file but itself."""
    digest = hashlib.sha256()

    def add(name: str, item: Any) -> None:
        digest.update(f"\n{name}".encode())
        for key in sorted(item.attrs):
            if key != _DIGEST:
                digest.update(f" {key}={item.attrs[key]!r}".encode())
        if isinstance(item, h5py.Dataset):
            array = item[()]
            raw = array if isinstance(array, bytes) else np.ascontiguousarray(array).tobytes()
            digest.update(f" {item.dtype} {item.shape} ".encode() + raw)

    add("/", file)
    file.visititems(add)
    return digest.hexdigest()


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Checkpoint
        As it was written, to the bit.

    Raises
    ------
    UserError
        If there is no such file, it is not a checkpoint, has another schema, or is not as it was written.
    """
    try:
        with h5py.File(path, "r") as file:
            _check(path, file)
            return _read(file)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; give the checkpoint.h5 that a run wrote") from None
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{path}: cannot be read as a checkpoint ({error}); it may be cut off or be another file"
        ) from None


def _check(path: str | Path, file: h5py.File) -> None:
    if file.attrs.get("format") != FORMAT:
        raise UserError(
            f"{path}: is not a checkpoint of lava-predict; give the checkpoint.h5 that a run wrote"
        )
    if file.attrs.get("schema") != SCHEMA:
        raise UserError(
            f"{path}: has schema {file.attrs.get('schema')}, this version reads {SCHEMA}; "
            "read it with the version of lava-predict that wrote it"
        )
    if file.attrs.get(_DIGEST) != content_digest(file):
        raise UserError(
            f"{path}: its content does not match its digest, so it was altered or damaged; use another copy"
        )


def _read(file: h5py.File) -> Checkpoint:
    run = file["run"]
    names = [item.name for item in fields(Fingerprint)]
    state = RunState(
        network=State(**{name: file["state"][name][()] for name in State._fields}),
        fingerprint=Fingerprint(**{name: str(run.attrs[f"fingerprint_{name}"]) for name in names}),
        trials=_read_records(run["trials"], TrialRecord),
        probes=_read_records(run["probes"], Probe),
        saturations=run["saturations"][()],
    )
    return Checkpoint(
        config=config_from(parse_toml(file["config"].asstr()[()])),
        precision=str(file.attrs["precision"]),
        backend=str(file.attrs["backend"]),
        form=str(file.attrs["form"]) or None,
        network=Network(**{name: file["network"][name][()] for name in Network._fields}),
        state=state,
        wall_s=float(file.attrs["wall_s"]),
    )


def _write_plan(file: h5py.File, plan: Plan | None) -> None:
    for number, entry in enumerate(plan.entries if plan is not None else ()):
        file.create_group(f"plan/{number:02d}").attrs.update(vars(entry))


def _write_arrays(group: h5py.Group, arrays: dict[str, Any]) -> None:
    for name, array in arrays.items():
        group[name] = array


def _write_records(group: h5py.Group, records: Sequence[TrialRecord] | Sequence[Probe]) -> None:
    """Write a column a field; of a tuple of arrays of several lengths, one column a place."""
    group.attrs["count"] = len(records)
    for name in vars(records[0]) if records else ():
        values = [getattr(record, name) for record in records]
        if not isinstance(values[0], tuple):
            group[name] = np.array(values)
            continue
        parts = group.create_group(name)
        for place in range(len(values[0])):
            column = [value[place] for value in values]
            parts[f"{place}"] = np.concatenate(column)
            parts[f"{place}_lengths"] = np.array([len(part) for part in column])


def _read_records(group: h5py.Group, kind: type[Record]) -> list[Record]:
    """Undo `_write_records`."""
    columns = {}
    for name in group:
        item = group[name]
        if isinstance(item, h5py.Group):
            places = [
                np.split(item[f"{n}"][()], np.cumsum(item[f"{n}_lengths"][()])[:-1])
                for n in range(len(item) // 2)
            ]
            columns[name] = list(zip(*places, strict=True))
        else:
            columns[name] = list(item[()])
    records = []
    for number in range(group.attrs["count"]):
        values = {name: column[number] for name, column in columns.items()}
        plain = {n: v.item() if isinstance(v, np.generic) else v for n, v in values.items()}
        records.append(kind(**plain))
    return records
