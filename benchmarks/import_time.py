"""Measure the CPU time of `import lava_predict` in a fresh Python, beside that of Python alone.

Run it with ``python benchmarks/import_time.py``; it returns 1 above 0.3 s.
"""

from __future__ import annotations

import os
import statistics
import sys

REPEATS = 11
LIMIT_S = 0.3


def cpu_s(code: str) -> float:
    """Return user and system time of a Python that executes some code; median of `REPEATS`, s."""
    times = []
    for _ in range(REPEATS):
        process = os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ)
        _, status, usage = os.wait4(process, 0)
        assert status == 0, f"{code}: has failed"
        times.append(usage.ru_utime + usage.ru_stime)
    return statistics.median(times)


def main() -> int:
    """Print both times; return 1 if the import takes too long."""
    found = {
        code: cpu_s(code) for code in ("pass", "import lava_predict", "from lava_predict import Experiment")
    }
    for code, time_s in found.items():
        print(f"{code:36} {time_s:.3f} s")
    return 0 if found["import lava_predict"] <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
