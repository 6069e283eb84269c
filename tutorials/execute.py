"""Executes the notebooks and keeps their pictures: `uv run python tutorials/execute.py [NOTEBOOK ...]`.

Run it after any change of a notebook, and commit what it writes. A notebook is replaced only if all of its
cells ran. What it keeps names no machine: no times, no kernel version, no paths.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

TUTORIALS = Path(__file__).resolve().parent

LIMIT_S = 1200
"""How long a cell may take, s: against hangs, also on a busy machine."""

KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""The metadata that are kept: any Python 3 will do."""


def notebooks() -> list[Path]:
    """List the tutorials in their order."""
    return sorted(TUTORIALS.glob("*.ipynb"))


def source_digest(notebook: NotebookNode) -> str:
    """Return a digest of what a notebook's cells say, whatever came out of them."""
    cells = [f"{cell.cell_type}\n{cell.source}" for cell in notebook.cells]
    return sha256("\0".join(cells).encode()).hexdigest()


def execute(path: Path, limit_s: float = LIMIT_S) -> NotebookNode:
    """Run a notebook's cells in a fresh kernel, in a folder of their own that is removed afterwards.

    Parameters
    ----------
    path : Path
        The notebook; it is left as it is.
    limit_s : float
        How long a cell may take, s.

    Returns
    -------
    NotebookNode
        The notebook with its outputs.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell raises.
    nbclient.exceptions.CellTimeoutError
        If a cell takes too long.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=limit_s,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
            # Sockets in the file system: others on this machine cannot read along.
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}}),
        )
        # Nobody's own IPython settings.
        client.execute(env={**os.environ, "IPYTHONDIR": folder})
    notebook.metadata = nbformat.from_dict({**KERNEL, "executed": source_digest(notebook)})
    return notebook


def main(names: Sequence[str]) -> None:
    """Execute the notebooks named, or all, each in place."""
    for path in [Path(name) for name in names] or notebooks():
        started = time.perf_counter()
        executed = execute(path)
        aside = path.with_suffix(".partial")
        nbformat.write(executed, aside)
        aside.replace(path)
        print(f"{path.name}: {time.perf_counter() - started:.1f} s, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
