"""Many runs one after the other in one process, with the memory that it keeps.

    python benchmarks/many_runs.py [--runs 1000] [--settled 50]

Runs of a tiny network in float and in integers by turns, each with its record and checkpoint made and read,
and every tenth a stream. Prints the resident set after each tenth of the runs, and how much it has grown
since ``--settled`` runs; exits with 1 if that is more than `MOST_MIB`.

Two things that move the resident set though nothing more is held are switched off under Linux. Huge pages:
one takes the place of some small ones now and then. And glibc's threshold for blocks with pages of their own,
which rises with the blocks that are freed, so that large ones come to lie between small ones and leave holes.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import tempfile
from pathlib import Path

import psutil
from frame import parser_of

from lava_predict import Experiment, StreamLearner, load_preset
from lava_predict.records import Checkpoint, RunRecord, load_checkpoint, load_record

MOST_MIB = 4.0
"""One step of 2.5 MiB was seen in 1,000 runs, as when one of Python's own tables doubles."""

PR_SET_THP_DISABLE, M_MMAP_THRESHOLD = 41, -3
OWN_PAGES_BYTES = 2**16
BLOCKS = "task.blocks=[{trials=3, probability=[0.6, 0.3], latency_ms=[10, 30]}]"
TINY = ["reservoir.neurons=12", "task.after_ms=60", "task.settle_ms=10", "task.pause_ms=[0, 5]", BLOCKS]
TINY += ["readout.what_window_ms=[0, 40]", "run.probe_trials=[0]", "run.probe_repeats=1"]
STREAM = ["reservoir.neurons=12", "stream.settle_ms=10", "stream.horizon_ms=50", "stream.times=false"]


def run(number: int, folder: Path) -> None:
    """Carry out one run, and write and read its files."""
    precision = ("float", "fixed")[number % 2]
    experiment = Experiment(load_preset("smoke", TINY), seed=number)
    result = experiment.run(precision=precision)
    kept = Checkpoint(experiment.config, precision, "cpu", None, experiment.network, result.state, 0.0)
    (folder / "checkpoint.h5").write_bytes(kept.to_bytes())
    load_checkpoint(folder / "checkpoint.h5")
    (folder / "results.h5").write_bytes(RunRecord.of(result).to_bytes())
    load_record(folder / "results.h5")
    if number % 10 == 0:
        learner = StreamLearner(config=load_preset("stream", STREAM))
        for event in range(20):
            learner.learn_one(event * 0.3, "AB"[event % 2])


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--settled", type=int, default=50, help="runs until all is loaded")
    options = parser.parse_args()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
        libc.mallopt(M_MMAP_THRESHOLD, OWN_PAGES_BYTES)
    process, resident = psutil.Process(), []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.runs):
            run(number, Path(folder))
            gc.collect()
            resident.append(process.memory_info().rss / 2**20)
            if (number + 1) % max(1, options.runs // 10) == 0:
                print(f"{number + 1:5d} runs: {resident[-1]:.1f} MiB", flush=True)
    grown = max(resident[options.settled :]) - resident[options.settled - 1]
    print(f"grown by {grown:.1f} MiB after the first {options.settled} runs")
    return int(grown > MOST_MIB)


if __name__ == "__main__":
    sys.exit(main())
