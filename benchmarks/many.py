"""Time a sweep with several processes beside the same sweep with one, and beside its runs alone.

Each sweep is the whole command: imports, runs, table, pictures and page; its cache is empty, the compiled
kernels are on disk. The runs alone are played in this process, without all that. The share of a core that is
used is runs * time of a run alone / (processes * time of the sweep). CPU times tell on a busy machine what
would be lost on an idle one.

    python benchmarks/many.py [--seeds 5] [--jobs 2] [--repeats 3] [--preset robust]
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from frame import machine, parser_of, timed

from lava_predict import load_preset
from lava_predict.sweeps import study

SETTING, VALUES = "readout.tau_m_ms", (8192, 4096)


def sweep_s(preset: str, seeds: int, jobs: int) -> tuple[float, float]:
    """Return the wall time of a sweep, and the CPU time of all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        where = ["--out", str(Path(folder) / "sweep"), "--cache", str(Path(folder) / "cache")]
        values = ",".join(map(str, VALUES))
        command = ["sweep", "--preset", preset, "--set", f"{SETTING}={values}", "--seeds", str(seeds)]
        whole = [sys.executable, "-m", "lava_predict", *command, "--jobs", str(jobs), "--quiet", *where]
        wall_s, _ = timed(lambda: subprocess.run(whole, check=True))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def middle(found: list[tuple[float, float]]) -> list[float]:
    """Return the medians of wall and CPU time."""
    return [statistics.median(times) for times in zip(*found, strict=True)]


def main() -> None:
    """Print a table."""
    parser = parser_of(__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--preset", default="robust")
    chosen = parser.parse_args()
    config = load_preset(chosen.preset)
    study.learn_task(config, "float")  # compiles
    runs = len(VALUES) * chosen.seeds
    alone: list[float] = []
    sweeps: dict[int, list[tuple[float, float]]] = {1: [], chosen.jobs: []}
    for _ in range(chosen.repeats):
        alone.append(timed(lambda: study.learn_task(config, "float"))[0])
        for jobs, found in sweeps.items():
            found.append(sweep_s(chosen.preset, chosen.seeds, jobs))
    run_s, one_s = statistics.median(alone), middle(sweeps[1])[0]
    print(machine())
    print(f"{runs} runs of {chosen.preset}; medians of {chosen.repeats}, in turn; a run alone {run_s:.2f} s")
    print("processes  sweep s  beside one  share of a core  CPU s")
    for jobs, found in sweeps.items():
        wall_s, cpu_s = middle(found)
        share = runs * run_s / (jobs * wall_s)
        print(f"{jobs:9}  {wall_s:7.1f}  {one_s / wall_s:10.2f}  {share:15.2f}  {cpu_s:5.1f}")


if __name__ == "__main__":
    main()
