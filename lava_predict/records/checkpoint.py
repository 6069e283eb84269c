"""A run between two trials as one HDF5 file: to continue it, or to use the trained network elsewhere.

The file holds the settings, the network as drawn, the integer plan if there is one, and the whole state of
the run. The position in a random stream is the number of trials done, as every draw is keyed by seed, trial
and step. A digest of the content shows whether a file was cut off or altered.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from lava_predict.errors import DAMAGED, UserError, one_of, short
from lava_predict.experiment.fingerprint import Fingerprint
from lava_predict.experiment.results import Probe, RunState, TrialRecord
from lava_predict.network.arithmetic import PRECISIONS
from lava_predict.network.draw import Network
from lava_predict.network.layout import Expected, check_begins, lengths, network_layout, state_layout
from lava_predict.numerics.columns import Columns, arrays, cells_at_a_time, in_pieces, is_packed, pack_pieces
from lava_predict.numerics.plan import Plan
from lava_predict.records.hdf5 import (
    FileKind,
    Places,
    Reader,
    attribute,
    group_of,
    read_config,
    sign,
    write_records,
    write_tree,
)
from lava_predict.settings.schema import Config

KIND = FileKind("lava-predict checkpoint", 4, "a checkpoint", "the checkpoint.h5 that a run wrote")
"""Format and schema of the file."""

_RECORDS = {"trials": TrialRecord, "probes": Probe}
_NUMBER, _COUNT = Expected(()), Expected((), ("int64",), low=0)
_CURVES, _SPIKES = Expected(("M", "steps", "K")), Expected((), ("uint32",))
_COLUMNS: dict[str, dict[str, Expected | Places]] = {
    "trials": {
        "block": _COUNT._replace(high="B"),
        "cue": _COUNT._replace(high="M"),
        "outcome": _COUNT._replace(low=-1, high="K"),
        "latency_ms": _NUMBER._replace(missing=True),
        "p": Expected(("K",)),
        "spikes": _COUNT,
        "steps": _COUNT,
    },
    "probes": {
        "block": _COUNT._replace(high="B"),
        "trials": _COUNT,
        **dict.fromkeys(("z", "o", "o_causal"), _CURVES),
        "p": Expected(("M", "K")),
        "truth": _CURVES._replace(missing=True),
        **dict.fromkeys(("error", "zero_error", "error_causal"), _NUMBER._replace(missing=True)),
        **dict.fromkeys(("error_by_cue", "zero_error_by_cue"), Expected(("M",), missing=True)),
        "spike_step": Places("M", _SPIKES._replace(high="steps")),
        "spike_cell": Places("M", _SPIKES._replace(high="N")),
        "w_when": Expected(("rows of w_when", "inputs")),
        "w_what": Expected(("rows of w_what", "N")),
        "steps": _COUNT,
    },
}
"""What each field of a trial and of a probe must be."""

_DIGEST = re.compile("([0-9a-f]{64})?")


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

    def write(self, target: BinaryIO, plan: Plan | None = None) -> None:
        """Write the checkpoint to an open empty file, in no room that grows with the synapses.

        ``plan`` says what the parameters are in integers, for readers without this package. It is not read
        back, as it follows from settings and network.
        """

        def fill(file: h5py.File) -> None:
            file.attrs.update(precision=self.precision, backend=self.backend, form=self.form or "")
            file.attrs["wall_s"] = self.wall_s
            _write_network(file.create_group("network"), self.network)
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

        KIND.write(target, self.config, fill)

    def to_bytes(self, plan: Plan | None = None) -> bytes:
        """Return the bytes of what `write` writes."""
        buffer = io.BytesIO()
        self.write(buffer, plan)
        return buffer.getvalue()


def _write_network(group: h5py.Group, network: Network) -> None:
    """Write a network with its synapses in wide columns, as `Network.wide` has them, some at a time."""
    synapses = network.synapses
    if not is_packed(synapses):
        write_tree(group, network)
        return
    begins, size = next(arrays(synapses)), synapses.target.size
    write_tree(group, network._replace(synapses=synapses._replace(first=begins, target=None, weight=None)))
    target = group["synapses"].create_dataset("target", size, "int32")
    weight = group["synapses"].create_dataset("weight", size, "float64")
    low = 0
    for piece in in_pieces(synapses):
        high = low + piece.target.size
        target[low:high], weight[low:high] = piece.target, piece.weight
        low = high


def settings_of(path: str | Path) -> Config:
    """Read the settings of a checkpoint alone; raises UserErrors as `load_checkpoint` does."""
    with KIND.unaltered(path) as file:
        return read_config(file)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint, to the bit as it was written.

    Raises a UserError if there is no such file, it is not a checkpoint, has another schema, is not as it was
    written, or does not hold what its settings ask for.
    """
    with KIND.unaltered(path) as file:
        config, precision = read_config(file), attribute(file, "precision", str)
        if precision not in PRECISIONS:
            raise UserError(f"attribute precision: is {precision!r}; {one_of(precision, PRECISIONS)}")
        reader, form = Reader(lengths(config)), attribute(file, "form", str)
        network = _read_network(group_of(file, "network"), reader, config)
        return Checkpoint(
            config=config,
            precision=precision,
            backend=attribute(file, "backend", str),
            form=form or None,
            network=network,
            state=_read_state(file, reader, config, network, precision),
            wall_s=attribute(file, "wall_s", float),
        )


def _read_network(group: h5py.Group, reader: Reader, config: Config) -> Network:
    """Read a network and pack its synapses, if they can be, some at a time."""
    layout = network_layout(config)
    expected = layout.synapses
    if not {"first", "target", "weight"} <= set(expected._fields):
        return reader.tree(group, layout)  # type: ignore[no-any-return]
    network = reader.tree(group, layout._replace(synapses=expected._replace(target=None, weight=None)))
    inner, first = group["synapses"], network.synapses.first
    target = reader.dataset(inner, "target", expected.target)
    weight = reader.dataset(inner, "weight", expected.weight)
    check_begins(first, target.size)

    def wide() -> Iterator[Columns]:
        for cells in cells_at_a_time(first):
            part = slice(int(first[cells.start]), int(first[cells.stop]))
            begins = first[cells.start : cells.stop + 1] - part.start
            values = (
                reader.rows(target, part, expected.target),
                reader.rows(weight, part, expected.weight),
            )
            yield Columns(begins, *values)

    packed = target.dtype == np.uint16
    columns = None if packed else pack_pieces(wide(), first.size - 1, target.size)
    if columns is None:
        whole = slice(None)
        columns = Columns(
            first, reader.rows(target, whole, expected.target), reader.rows(weight, whole, expected.weight)
        )
    return network._replace(synapses=network.synapses._replace(**columns._asdict()))  # type: ignore[no-any-return]


def _read_state(
    file: h5py.File, reader: Reader, config: Config, network: Network, precision: str
) -> RunState:
    """Read all that changes."""
    run, layout = group_of(file, "run"), state_layout(config, network, precision)
    saturations: Any = layout.saturations
    digests = {item.name: attribute(run, f"fingerprint_{item.name}", str) for item in fields(Fingerprint)}
    for name, digest in digests.items():
        if not _DIGEST.fullmatch(digest):
            raise UserError(
                f"run, attribute fingerprint_{name}: is {short(digest)}; expected a SHA-256; {DAMAGED}"
            )
    records: dict[str, list[Any]] = {
        name: reader.records(group_of(run, name), kind, _COLUMNS[name]) for name, kind in _RECORDS.items()
    }
    _check_order(config, records["trials"], records["probes"])
    return RunState(
        network=reader.tree(group_of(file, "state"), layout),
        fingerprint=Fingerprint(**digests),
        saturations=reader.array(run, "saturations", saturations),
        **records,
    )


def _check_order(config: Config, trials: Sequence[TrialRecord], probes: Sequence[Probe]) -> None:
    """Raise a UserError if trials and probes cannot be those of a run of these settings up to now."""
    first = np.cumsum([0, *(block.trials for block in config.task.blocks)])
    blocks = np.searchsorted(first, np.arange(len(trials)), side="right") - 1
    whole = len(trials) == first[-1]
    last = (len(config.task.blocks) - 1, config.task.blocks[-1].trials)
    if (
        len(trials) > first[-1]
        or [trial.block for trial in trials] != blocks.tolist()
        or any(first[probe.block] + probe.trials > len(trials) for probe in probes)
        or (whole and (not probes or (probes[-1].block, probes[-1].trials) != last))
    ):
        raise UserError(
            f"run: its {len(trials)} trials and {len(probes)} probes are not those of a run of its settings; "
            f"{DAMAGED}"
        )
