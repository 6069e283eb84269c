"""How fast streams are learned: whole ones, event by event through a pipe, and whether memory grows.

Run it with ``python benchmarks/stream_speed.py [events] [pipe] [memory] [--set ...]``. Each starts the
command as a user does; ``memory`` takes half an hour, the others a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

COMMAND = [sys.executable, "-m", "lava_predict", "learn"]
ONE_CORE = {**os.environ, "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
SEED = 100


def settings(given: list[str]) -> list[str]:
    """Return the options that set these."""
    return [part for one in given for part in ("--set", one)]


def events(options: list[str], count: int = 10_000) -> None:
    """Print how long streams of 10,000 events take, and what of it is processor time."""
    for name in ("markov", "grammar"):
        with tempfile.TemporaryDirectory() as folder:
            command = [*COMMAND, "--example", name, "--events", str(count), "--seed", str(SEED), "--quiet"]
            started, before = time.perf_counter(), os.times()
            subprocess.run([*command, *options, "--out", f"{folder}/run"], check=True, env=ONE_CORE)
            wall, after = time.perf_counter() - started, os.times()
            used = after.children_user + after.children_system - before.children_user - before.children_system
            timing = json.loads(Path(folder, "run", "summary.json").read_text())["timing"]
        print(
            f"{name}: {count} events, {timing['simulated_s']:.0f} s simulated: {wall:.1f} s, of these "
            f"{timing['wall_s']:.1f} s learning; processor {used:.1f} s"
        )


def pipe(options: list[str], count: int = 300) -> None:
    """Print how long after its event a line comes through a pipe; the first ones start the command."""
    command = [*COMMAND, "-", "--ms-per-unit", "1", "--seed", str(SEED), *options]
    rng = np.random.default_rng(SEED)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("time,label\n")
        took, now = [], 0
        for _ in range(count):
            now += int(rng.integers(200, 800))
            started = time.perf_counter()
            process.stdin.write(f"{now},{rng.integers(4)}\n")
            process.stdin.flush()
            process.stdout.readline()
            took.append(1000 * (time.perf_counter() - started))
        process.stdin.close()
    later = took[20:]
    print(
        f"pipe: median {np.median(later):.1f} ms, 95 % within {np.percentile(later, 95):.1f} ms of the event"
    )


def memory(options: list[str], count: int = 1_000_000) -> None:
    """Print the resident set while a million events from a file are learned."""
    rng = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as folder:
        times = np.cumsum(rng.integers(30, 90, count))
        labels = np.cumsum(rng.choice([1, 1, 1, 2], count)) % 5
        table = Path(folder, "events.csv")
        np.savetxt(table, np.column_stack([times, labels]), "%d", ",", header="time,label", comments="")
        command = [*COMMAND, str(table), "--ms-per-unit", "1", "--set", "stream.times=false", "--quiet"]
        with subprocess.Popen([*command, *options, "--out", f"{folder}/run"]) as process:
            while process.poll() is None:
                time.sleep(30)
                kib = _resident_kib(process.pid)
                done = sum(path.stat().st_size for path in Path(folder).rglob("predictions.csv"))
                print(f"{kib / 1024:8.1f} MiB resident, {done / 1e6:8.2f} MB of predictions", flush=True)


def _resident_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


def main() -> None:
    """Measure what was asked for."""
    measures = {"events": events, "pipe": pipe, "memory": memory}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["events", "pipe"], choices=list(measures))
    parser.add_argument("--set", action="append", default=[], help="a setting of the network")
    given = parser.parse_args()
    for name in given.names:
        measures[name](settings(given.set))


if __name__ == "__main__":
    main()
