"""A folder that has its final name from the start and grows; each of its files appears whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lava_predict.errors import UserError, short
from lava_predict.records.folder import Content, Folder, write_file
from lava_predict.records.leftovers import left_beside
from lava_predict.records.owner import owner_file

SUMMARY = "summary.json"
"""Name of the file that is written last."""


class GrowingFolder(Folder):
    """A folder from `growing_folder`.

    Attributes
    ----------
    path : Path
        Where it is.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def write(self, name: str, data: Content) -> None:
        """Write or replace a file aside, then rename it; ``name`` is its path inside the folder."""
        write_file(self.path / name, data, overwrite=True)


def growing_folder(path: Path, plan: Mapping[str, Any], overwrite: bool) -> GrowingFolder:
    """Begin a folder for a plan, or go on with one that has the same plan.

    Parameters
    ----------
    path : Path
        The folder.
    plan : mapping
        Plain values that say what the folder is about, kept in it as COMMAND.json; "command" is one of them.
    overwrite : bool
        Begin again in a folder that a command of ours wrote, whatever is in it.

    Raises
    ------
    UserError
        If the folder has another plan, something else has the name, or it cannot be written.
    """
    known = known_plan(path, plan["command"])
    if overwrite and (known is not None or (path / SUMMARY).is_file()):
        _empty(path)
    elif known is not None and known != plan:
        raise UserError(
            f"--out {str(path)!r}: holds another {plan['command']} ({_differences(known, plan)}); choose "
            "another folder, or add --overwrite to replace it"
        )
    elif known is None and path.exists() and not _is_free(path, plan["command"]):
        raise UserError(
            f"--out {str(path)!r}: exists already and holds no {plan['command']}; choose another folder"
        )
    folder = GrowingFolder(path)
    (path / SUMMARY).unlink(missing_ok=True)  # It is not complete any more.
    for left in path.glob(".*.partial-*"):  # By a command that was killed.
        shutil.rmtree(left, ignore_errors=True)
    folder.write(_plan_of(path, plan["command"]).name, json.dumps(plan, indent=2) + "\n")
    return folder


def known_plan(path: Path, command: str) -> Any:
    """Return the plan of a folder that a command began; None if there is none that can be read."""
    try:
        plan = json.loads(_plan_of(path, command).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return plan if isinstance(plan, dict) and plan.get("command") == command else None


def _plan_of(path: Path, command: str) -> Path:
    """Return the file of a folder that is written first."""
    return path / f"{command}.json"


def _is_free(path: Path, command: str) -> bool:
    """Say whether a path is an empty folder, or has but what a kill left of the first file."""
    first = _plan_of(path, command)
    return path.is_dir() and set(path.iterdir()) <= {owner_file(first), *left_beside(first)}


def _empty(path: Path) -> None:
    """Remove what a folder holds; the file that says that it is complete goes first, its plan stays."""
    (path / SUMMARY).unlink(missing_ok=True)
    for entry in path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.suffix != ".json":
            entry.unlink()


def _differences(known: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    keys = [key for key in plan if known.get(key) != plan[key]]
    return "; ".join(f"{key} there: {short(known.get(key))}, here: {short(plan[key])}" for key in keys)
