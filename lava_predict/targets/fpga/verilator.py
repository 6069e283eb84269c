"""The core in Verilator: built once for a shape, kept, and driven through a shared library."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import tempfile
import uuid
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from lava_predict.errors import RunError, UserError
from lava_predict.numerics.compiled import cache_folder
from lava_predict.targets.fpga.shape import CoreShape
from lava_predict.targets.fpga.verilog import to_rtlil, to_verilog

_VERILATE = (
    "--cc --build -Wno-WIDTH -O3 --x-assign fast --x-initial fast --noassert --prefix Vcore "
    "-MAKEFLAGS OPT_FAST=-O3"  # A third faster than by default.
)


def missing_program() -> str | None:
    """Name the first program without which nothing is simulated in Verilator, if one is missing."""
    return next((name for name in ("verilator", "g++", "make") if shutil.which(name) is None), None)


def check_verilator() -> None:
    """Raise a UserError, which says how to get it, where Verilator or a compiler is missing."""
    if program := missing_program():
        raise UserError(
            f"{program}: not found on PATH, and the core cannot be simulated without it; get it with "
            "`apt-get install verilator g++ make`"
        )


@cache
def library(shape: CoreShape) -> Any:
    """Return the shared library of a shape's core, built if it has not been before."""
    text = to_rtlil(shape)
    harness = resources.files("lava_predict.targets.fpga").joinpath("harness.cpp").read_text("utf-8")
    digest = hashlib.sha256(f"{text}{harness}{_VERILATE}".encode()).hexdigest()[:16]
    parent = cache_folder() or Path(tempfile.mkdtemp())
    kept = parent / f"fpga-{digest}.so"
    if not kept.exists():
        check_verilator()
        _build(text, harness, kept)
    return _declared(ctypes.CDLL(str(kept)))


def _build(text: str, harness: str, kept: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "core.v").write_text(to_verilog(text, empty=True))
        (folder / "harness.cpp").write_text(harness)
        flags = ["-CFLAGS", "-fPIC -O2", "-LDFLAGS", "-shared", "--exe", "-o", "core.so"]
        command = ["verilator", *_VERILATE.split(), "-j", "2", *flags, "core.v", "harness.cpp"]
        built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if built.returncode:
            raise RunError(f"Verilator failed: {built.stderr.strip()[-400:]}")
        # Under another name first: another process may be building the same.
        own = kept.with_suffix(f".{uuid.uuid4().hex}")
        shutil.copy(folder / "obj_dir" / "core.so", own)
        own.replace(kept)


def _declared(lib: Any) -> Any:
    words, number = np.ctypeslib.ndpointer(np.uint32, flags="C"), ctypes.c_int64
    lib.fpga_open.restype = ctypes.c_void_p
    lib.fpga_close.argtypes = [ctypes.c_void_p]
    for name in ("fpga_write", "fpga_read"):
        getattr(lib, name).argtypes = [ctypes.c_void_p, ctypes.c_int, words, number]
    lib.fpga_steps.argtypes = [ctypes.c_void_p, number, ctypes.c_int, ctypes.c_int, words, words, words]
    lib.fpga_steps.restype = number
    return lib


class VerilatorBus:
    """Registers of a core in Verilator; the methods are those of `lava_predict.targets.fpga.device.Bus`."""

    def __init__(self, shape: CoreShape) -> None:
        self._library = library(shape)
        self._device = self._library.fpga_open()

    def write(self, register: int, words: np.ndarray) -> None:  # noqa: D102
        self._library.fpga_write(self._device, register, _words(words), words.size)

    def read(self, register: int, count: int) -> np.ndarray:  # noqa: D102
        words = np.empty(count, np.uint32)
        self._library.fpga_read(self._device, register, words, count)
        return words

    def steps(  # noqa: D102
        self, events: int, spiking: int, inputs: np.ndarray, outputs: np.ndarray, spikes: np.ndarray
    ) -> int:
        done = self._library.fpga_steps(self._device, len(inputs), events, spiking, inputs, outputs, spikes)
        return int(done)

    def close(self) -> None:  # noqa: D102
        self._library.fpga_close(self._device)


def _words(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values.astype(np.int64) & 0xFFFFFFFF, np.uint32)
