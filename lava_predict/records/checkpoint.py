"""A run between two trials as one HDF5 file: to continue it, or to use the trained network elsewhere.

The file holds the settings, the network as drawn, the integer plan if there is one, and the whole state of
the run. The position in a random stream is the number of trials done, as every draw is keyed by seed, trial
and step. A digest of the content shows whether a file was cut off or altered.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import h5py

from lava_predict.experiment.fingerprint import Fingerprint
from lava_predict.experiment.results import Probe, RunState, TrialRecord
from lava_predict.network.arithmetic import templates
from lava_predict.network.draw import Network
from lava_predict.numerics.plan import Plan
from lava_predict.records.hdf5 import (
    FileKind,
    read_config,
    read_records,
    read_tree,
    sign,
    write_records,
    write_tree,
)
from lava_predict.settings.schema import Config

KIND = FileKind("lava-predict checkpoint", 4, "a checkpoint", "the checkpoint.h5 that a run wrote")
"""Format and schema of the file."""

_RECORDS = {"trials": TrialRecord, "probes": Probe}


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
        What it ran on. It can continue on another.
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

        ``plan`` says what the parameters are in integers, for readers without this package. It is not read
        back, as it follows from settings and network.
        """

        def fill(file: h5py.File) -> None:
            file.attrs.update(precision=self.precision, backend=self.backend, form=self.form or "")
            file.attrs["wall_s"] = self.wall_s
            write_tree(file.create_group("network"), self.network.wide())
            write_tree(file.create_group("state"), self.state.network)
            for number, entry in enumerate(plan.entries if plan is not None else ()):
                file.create_group(f"plan/{number:02d}").attrs.update(vars(entry))
            run = file.create_group("run")
            for name, digest in vars(self.state.fingerprint).items():
                run.attrs[f"fingerprint_{name}"] = digest
            run["saturations"] = self.state.saturations
            for name in _RECORDS:
                write_records(run.create_group(name), getattr(self.state, name))
            sign(file)

        return KIND.to_bytes(self.config, fill)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint, to the bit as it was written.

    Raises a UserError if there is no such file, it is not a checkpoint, has another schema, or is not as it
    was written.
    """
    with KIND.unaltered(path) as file:
        run, form = file["run"], str(file.attrs["form"])
        digests = {item.name: str(run.attrs[f"fingerprint_{item.name}"]) for item in fields(Fingerprint)}
        records: dict[str, list[Any]] = {
            name: read_records(run[name], kind) for name, kind in _RECORDS.items()
        }
        config, precision = read_config(file), str(file.attrs["precision"])
        network, state = templates(config, precision)
        return Checkpoint(
            config=config,
            precision=precision,
            backend=str(file.attrs["backend"]),
            form=form or None,
            network=read_tree(file["network"], network).packed(),
            state=RunState(
                network=read_tree(file["state"], state),
                fingerprint=Fingerprint(**digests),
                saturations=run["saturations"][()],
                **records,
            ),
            wall_s=float(file.attrs["wall_s"]),
        )
