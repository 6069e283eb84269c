"""The house: each room imports from lower floors alone, so that no circle of imports can arise."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
FLOORS = """
errors lazy newer_python registry pool settings work numerics events tasks neurons synapses learning network
processes engines experiment records streams estimator analysis reports comparison sweeps targets
reproduction cli __main__
"""


def imports(path: Path) -> set[str]:
    """Return the rooms that a module imports from, within functions and for type checkers too."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return {name.split(".")[1] for name in names if name.startswith("lava_predict.")} - {"__version__"}


@pytest.mark.slow
def test_no_room_imports_from_a_floor_above_nor_in_a_circle() -> None:
    floor, upwards = FLOORS.split().index, set()
    for path in [*REPOSITORY.glob("lava_predict/**/*.py"), *REPOSITORY.glob("processes/**/*.py")]:
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        room = parts["lava_predict" in parts]
        # The package's own face knows all rooms, and loads them when they are used.
        others = imports(path) - {room} if parts != ("lava_predict", "__init__") else set()
        upwards |= {f"{room} -> {other}" for other in others if floor(other) > floor(room)}
    assert not upwards


def test_at_most_six_modules_stand_beside_the_rooms() -> None:
    assert len(list((REPOSITORY / "lava_predict").glob("[!_]*.py"))) <= 6
