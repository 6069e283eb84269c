"""The files with which a network goes onto an FPGA, and the page that says what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from lava_predict.errors import UserError
from lava_predict.experiment.experiment import Experiment
from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.state import State
from lava_predict.records.checkpoint import load_checkpoint
from lava_predict.records.folder import CHECKPOINT
from lava_predict.registry import TASKS
from lava_predict.reports.outcome import Outcome, named, sheet
from lava_predict.reports.page import Entry, Page
from lava_predict.settings.schema import Config
from lava_predict.targets.fpga.board import CLOCK_HZ, CONSTRAINTS, Ulx3s
from lava_predict.targets.fpga.device import network_columns, state_columns
from lava_predict.targets.fpga.needs import refuse
from lava_predict.targets.fpga.shape import CoreShape, shape_of
from lava_predict.targets.fpga.synthesis import PARTS, Synthesis, block_rams, check_part, synthesise
from lava_predict.targets.fpga.testbench import VERILOG, bench_rows
from lava_predict.targets.fpga.verify import Progress, Verification, verify
from lava_predict.targets.fpga.verilog import convert, to_rtlil, to_verilog
from lava_predict.tasks import Task


@dataclass(frozen=True)
class Deployed:
    """A network that can be a core.

    Attributes
    ----------
    config, arithmetic, task : Config, FixedArithmetic, Task
        Its settings, its integers, and what it learns.
    state : State or None
        What it has learned; None if nothing.
    """

    config: Config
    arithmetic: FixedArithmetic
    task: Task
    state: State | None = None

    @property
    def shape(self) -> CoreShape:
        """What its core is built for."""
        return shape_of(self.arithmetic)

    @property
    def images(self) -> dict[str, list[int]]:
        """The memories' first contents, by column."""
        columns = network_columns(self.arithmetic) | state_columns(self.state or self.arithmetic.start)
        return {name: [int(word) for word in np.ravel(values)] for name, values in columns.items()}


def of_config(config: Config) -> Deployed:
    """Return an untrained network; raises a UserError for a setting that the core does not have."""
    refuse(config)
    experiment = Experiment(config)
    arithmetic = experiment.arithmetic("fixed")
    assert isinstance(arithmetic, FixedArithmetic)
    return Deployed(config, arithmetic, experiment.task)


def of_run(folder: Path) -> Deployed:
    """Return the trained network of a run; raises a UserError if it is none in integers."""
    found = load_checkpoint(folder / CHECKPOINT)
    if found.precision != "fixed":
        raise UserError(
            f"{str(folder)!r}: the run has precision = {found.precision!r}, and a core has integers; run it "
            "with --precision fixed"
        )
    refuse(found.config)
    arithmetic = FixedArithmetic(found.config, found.network)
    return Deployed(
        found.config, arithmetic, TASKS.get(found.config.task.name)(found.config), found.state.network
    )


def worst_clocks(shape: CoreShape) -> int:
    """Return how many clocks a step takes at most, if every cell spikes."""
    return shape.cells + OVERHEAD + CLOCKS_A_SPIKE * shape.cells + shape.synapses


OVERHEAD, CLOCKS_A_SPIKE = 120, 12
"""Clocks of a step beside a scan's cells; and of a spike beside its synapses. Rounded up."""


def deploy(
    network: Deployed,
    steps: int | None = None,
    part: str | None = None,
    route: bool = True,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Build the core of a network with all its files; maybe verify and synthesise it.

    Parameters
    ----------
    network : Deployed
        What is deployed.
    steps : int, optional
        How many steps are verified; 0 for all trials; by default none.
    part : str, optional
        One of `PARTS`, for which it is synthesised.
    route : bool
        Whether it is placed and routed, too.
    progress, tell : callable
        Told the steps that are verified, and what else is being done.

    Raises
    ------
    UserError
        If the core does not fit into the part.
    RunError
        If a program fails.
    """
    shape, images = network.shape, network.images
    if part is not None:
        check_part(part, shape)
    tell("Amaranth and Yosys write the core")
    core = to_rtlil(shape, images)
    rows = bench_rows(network.arithmetic, network.task, network.state or network.arithmetic.start)
    files: dict[str, str | bytes] = {
        "core.il": core,
        "core.v": to_verilog(core),
        "board.il": (board := convert(Ulx3s(shape, images))),
        "ulx3s.lpf": CONSTRAINTS,
        "bench.v": VERILOG.format(rows=len(rows)),
        "bench.hex": "\n".join(rows) + "\n",
    }
    files |= {f"memories/{name}.hex": _hex(shape, name, words) for name, words in images.items()}
    verified = None
    if steps is not None:
        tell("Verilator builds the core's simulation (up to a minute, once for a shape)")
        verified = verify(network.arithmetic, network.task, network.state, steps or None, progress)
    synthesised = None if part is None else synthesise(board, part, tell=tell, route=route)
    if synthesised is not None and synthesised.bitstream:
        files |= {"core.bit": synthesised.bitstream, "nextpnr.log": synthesised.log}
    return _outcome(network, files, verified, synthesised)


def _hex(shape: CoreShape, name: str, words: list[int]) -> str:
    bits = next(column.bits for column in shape.columns if column.name == name)
    digits = -(-bits // 4)
    return "".join(f"{word & (1 << bits) - 1:0{digits}x}\n" for word in words)


def _outcome(
    network: Deployed,
    files: Mapping[str, str | bytes],
    verified: Verification | None,
    synthesised: Synthesis | None,
) -> Outcome:
    shape, config = network.shape, network.config
    step_s = config.run.dt_ms / 1000
    clocks = None if verified is None else verified.values["cycles_per_step"]["mean"]
    megahertz = None if synthesised is None else synthesised.fmax_mhz
    values: dict[str, Any] = {
        "target": "fpga",
        "preset": config.preset,
        "seed": config.run.seed,
        **named(shape, "cells", "synapses"),
        "trained": network.state is not None,
        "block_ram": block_rams(shape),
        "worst_cycles_per_step": worst_clocks(shape),
        "verify": None if verified is None else {"simulator": "verilator", **verified.values},
        "synthesis": None
        if synthesised is None
        else named(synthesised, "part", "seed", "lut", "ff", "dsp", "block_ram", "fmax_mhz", "fits"),
        "board_clock_mhz": CLOCK_HZ / 1e6,
        "real_time_factor": None
        if clocks is None or megahertz is None
        else megahertz * 1e6 * step_s / clocks,
        "energy": "not measured",
        "files": sorted(files),
    }
    encoded = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    table = _table(values)
    return Outcome("deploy", values, table, _lines(values), config=config, page=page, files=encoded)


def _lines(values: Mapping[str, Any]) -> list[str]:
    found = values["verify"]
    if found is None:
        return []
    wrong = {name: count for name, count in found["different"].items() if count}
    total = sum(found["compared"].values())
    if wrong:
        return [f"DIFFERENT from the cpu in {found['steps']} steps: {', '.join(wrong)}"]
    return [f"{found['steps']} steps, {total:,} values compared with the cpu: no difference"]


def facts(values: Mapping[str, Any]) -> list[list[Entry]]:
    """Return what the terminal and the page show, a row a fact."""
    found, made = values["verify"], values["synthesis"]
    rows: list[list[Entry]] = [
        ["cells", values["cells"]],
        ["synapses", values["synapses"]],
        ["block memories", values["block_ram"]],
        ["clocks a step, if every cell spikes", values["worst_cycles_per_step"]],
    ]
    if found is not None:
        rows += [
            ["steps verified", found["steps"]],
            ["clocks a step, mean", found["cycles_per_step"]["mean"]],
            ["clocks a step, most", found["cycles_per_step"]["max"]],
        ]
    if made is not None:
        part = PARTS[made["part"]]
        rows += [
            [f"LUTs of {part.lut:,}", made["lut"]],
            [f"flip-flops of {part.lut:,}", made["ff"]],
            [f"multipliers of {part.dsp}", made["dsp"]],
            [f"block memories of {part.block_ram}", made["block_ram"]],
        ]
        rows += [] if made["fmax_mhz"] is None else [["fastest clock, MHz", made["fmax_mhz"]]]
    if values["real_time_factor"] is not None:
        rows.append(["times real time", values["real_time_factor"]])
    return rows


def _table(values: Mapping[str, Any]) -> Table:
    return sheet(["", "value"], facts(values), title=f"FPGA core, {values['preset']} seed {values['seed']}")


def page(summary: Mapping[str, Any], figures: Mapping[str, bytes]) -> Page:
    """Lay out report.html."""
    routed = summary["synthesis"] is not None and summary["synthesis"]["fmax_mhz"] is not None
    done = "Simulated and routed" if routed else "Simulated"
    compared = " ".join(_lines(summary)) or "Not compared with the cpu."
    lead = f"{done}, never run on a board. {compared}"
    content = {"summary": summary, "facts": facts(summary), "limit": _limit(summary)}
    return Page("FPGA core", lead, "deploy.html.j2", content=content)


def _limit(summary: Mapping[str, Any]) -> str:
    """Say what limits size and speed."""
    fitting = [name for name, part in PARTS.items() if part.block_ram >= summary["block_ram"]]
    size = (
        f"Its memories fit {', '.join(fitting)}" if fitting else "Its memories fit no part that is known here"
    )
    worst = summary["worst_cycles_per_step"] / CLOCK_HZ * 1000
    return (
        f"{size}; --synthesise with --no-route counts the rest. A step in which every cell spikes takes "
        f"{worst:.3g} ms at the board's {CLOCK_HZ // 10**6} MHz."
    )
