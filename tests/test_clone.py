"""A clone that is not installed: Python takes the package from the folder that it was started in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parents[1]

# As where `pip install .` has put the package elsewhere; an editable install would find the folder itself.
PROGRAM = """
import sys
sys.meta_path = [one for one in sys.meta_path if "ditable" not in repr(one)]
import lava_predict
from importlib.util import find_spec
print(find_spec("lava_predict.processes").origin, find_spec("lava_predict.nonesuch"))
"""


def test_the_processes_of_a_clone_are_found_beside_the_package() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=CLONE, capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.split() == [str(CLONE / "processes" / "__init__.py"), "None"]
