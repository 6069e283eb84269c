"""Where the kernels' machine code is kept."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lava_predict.numerics.compiled import forget_old_caches

DAY_S = 86400.0


def test_only_old_machine_code_is_forgotten_and_the_newest_of_it_kept(tmp_path: Path) -> None:
    ages = {"numba-current": 90.0, "numba-today": 0.5, "other": 99.0}
    ages |= {f"numba-old-{age}": float(age) for age in (2, 3, 4, 5, 6)}
    for name, age in ages.items():
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "code").write_text("machine code")
        made = time.time() - age * DAY_S
        os.utime(tmp_path / name, (made, made))
    forget_old_caches(tmp_path / "numba-current")
    assert {path.name for path in tmp_path.iterdir()} == set(ages) - {"numba-old-5", "numba-old-6"}
    forget_old_caches(tmp_path / "absent" / "numba-current")
