"""Time this project's cpu engine beside Brian2, NEST and Lava: the same network, input and time step.

Each simulator runs in a process of its own, on one core; they play in turn, in one run. Two networks of the
preset `robust`, with the rule `gated_delta`:

- reservoir: cells, synapses and cues, without noise. Nothing is learned. Our engine advances its readouts
  all the same, the others have none.
- learning: with noise, and a readout that learns in every step. Only simulators that can do it take part.

Without noise Brian2's spikes are ours, if it rounds as we do (`brian2-exact`: without -ffast-math and fused
products), and its readout is ours to rounding: try ``--networks learning --noise 0 --peers brian2-exact``.
A chaotic network does the rest: with any other rounding only rates can agree.

    python benchmarks/peers.py [--sizes 1000 4000 16000] [--peers brian2 nest] [--simulated-ms 2000]

Brian2 comes with the tests on Python 3.10, NEST with the extra ``peers``. What is missing is left out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from contest import Problem, pose
from frame import machine, parser_of
from one_peer import HOMES

NETWORKS = {"reservoir": False, "learning": True}
"""Networks, and whether they learn."""

RATE_TOLERANCE = 0.05
"""By how much a rate may differ from the cpu's, as a share. NEST's cells and synapses are not quite ours."""

_CELL_STEPS, _LEAST_STEPS, _LARGE = 20_000_000, 3000, 10_000
_ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


@dataclass
class Contestant:
    """A simulator with a network in it, in a process of its own."""

    name: str
    process: subprocess.Popen[str]
    told: dict[str, Any]
    runs: list[tuple[float, int]] = field(default_factory=list)

    @classmethod
    def start(cls, name: str, problem: Problem, caches: Path, loud: bool) -> Contestant:
        """Start it and wait until it is set up, or says why it cannot be."""
        process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("one_peer.py"), name, problem.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if loud else subprocess.DEVNULL,
            text=True,
            env={**os.environ, **_ONE_CORE, "NUMBA_CACHE_DIR": str(caches)},
        )
        one = cls(name, process, {})
        one.told = one._read()
        return one

    def play(self) -> None:
        """Run once."""
        self.runs.append(tuple(self._ask("play")))

    def end(self) -> None:
        """End it, and learn what memory it took."""
        self.told |= self._ask("end")
        self.process.communicate()

    def us_per_step(self) -> list[float]:
        """Return the times of all runs but the first, which warms up."""
        return [1e6 * wall_s / steps for wall_s, steps in self.runs[1:]]

    def _ask(self, what: str) -> Any:
        print(what, file=self.process.stdin, flush=True)
        return self._read()

    def _read(self) -> Any:
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            sys.exit(f"error: {self.name} ended with exit code {code}; --loud shows its messages")
        return json.loads(line)


def agreement(
    folder: Path, name: str, cells: int, steps: int, dt_ms: float, learning: bool
) -> tuple[float, float, str]:
    """Compare the first run with the cpu's: rate, that of the cpu over the same steps, and in words."""
    mine, theirs = (dict(np.load(folder / f"{each}.npz")) for each in ("cpu", name))
    steps = min(steps, 1 + int(mine["step"].max()), 1 + int(theirs["step"].max()))
    spikes = []
    for found in (mine, theirs):
        early = found["step"] < steps
        step, cell = found["step"][early].astype(np.int64), found["cell"][early].astype(np.int64)
        spikes.append(np.sort(step * cells + cell))
    rates = [each.size / (cells * steps * dt_ms / 1000.0) for each in spikes]
    if np.array_equal(*spikes):
        words = f"the same {spikes[0].size:,}"
        if learning and name != "cpu":
            rows = min(len(mine["z"]), len(theirs["z"]))
            words += f"; z within {np.abs(mine['z'][:rows] - theirs['z'][:rows]).max():.1g}"
    else:
        first = np.setxor1d(*spikes)[0] // cells
        words = f"the same for {first:,} steps"
    return rates[1], rates[0], words


def contest(
    network: str, cells: int, peers: Sequence[str], chosen: Any, caches: Path
) -> tuple[list[list[str]], bool]:
    """Let all simulators play one network; return the table's rows, and whether the rates agree."""
    steps = chosen.simulated_ms or max(_LEAST_STEPS, _CELL_STEPS // cells)
    repeats = chosen.repeats if cells < _LARGE else max(3, chosen.repeats // 2)
    learning = NETWORKS[network]
    with tempfile.TemporaryDirectory(prefix="peers-") as temporary:
        folder = Path(temporary)
        noise = chosen.noise if learning else 0.0
        problem, drawing_s, synapses = pose(folder, cells, steps, repeats + 1, learning, noise)
        running = []
        for name in peers:
            one = Contestant.start(name, problem, caches, chosen.loud)
            if reason := one.told.get("missing"):
                print(f"\n{name} is left out, as it cannot be imported: {reason}", end="")
            elif reason := one.told.get("cannot"):
                print(f"\n{name} is left out: {reason}", end="")
            else:
                running.append(one)
        print(
            f"\n\n{network}: {cells:,} cells, {synapses:,} synapses, drawn in {drawing_s:.2g} s; "
            f"{steps:,} steps of {problem.numbers['dt_ms']:g} ms; medians of {repeats}\n",
            flush=True,
        )
        for _ in range(1 + repeats):
            for one in running:
                one.play()
        for one in running:
            one.end()
        return table(folder, cells, problem, running)


def table(
    folder: Path, cells: int, problem: Problem, running: Sequence[Contestant]
) -> tuple[list[list[str]], bool]:
    """Return the rows of a table, and whether all rates agree."""
    rows, agree = [], True
    ours = statistics.median(running[0].us_per_step())
    dt_ms = problem.numbers["dt_ms"]
    for one in running:
        times = one.us_per_step()
        middle = statistics.median(times)
        rate, wanted, words = agreement(folder, one.name, cells, one.runs[0][1], dt_ms, problem.learning)
        agree &= abs(rate - wanted) <= RATE_TOLERANCE * wanted
        again = one.told["again_s"]
        rows.append(
            [
                one.name,
                f"{middle:,.1f}",
                f"{min(times):,.1f} .. {max(times):,.1f}",
                f"{middle / ours:.2f}",
                f"{1000.0 * dt_ms / middle:,.3g}",
                f"{one.told['set_up_s']:.2f}",
                f"{one.told['set_up_s'] if again is None else again:.2f}",
                f"{one.told['peak_mib']:,.0f}",
                f"{rate:.2f} ({wanted:.2f})",
                words,
            ]
        )
    return rows, agree


HEAD = [
    "simulator",
    "us / step",
    "range",
    "x cpu",
    "x real time",
    "set-up s",
    "next run's",
    "peak MiB",
    "rate Hz (cpu)",
    "spikes as cpu",
]


def show(rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    lines = [HEAD, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    for number, line in enumerate(lines):
        print("| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |")
        if number == 0:
            print("| " + " | ".join("-" * width for width in widths) + " |")
    sys.stdout.flush()


def versions() -> str:
    """Name the versions of what is installed."""
    found = []
    for package in ("lava-predict", "brian2", "nest-simulator", "lava-nc"):
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def main() -> int:
    """Print the tables; return 1 if a rate differs from the cpu's by more than the tolerance."""
    parser = parser_of(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000, 16000], help="cells")
    parser.add_argument("--peers", nargs="+", choices=HOMES, default=list(HOMES), help="besides cpu")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--simulated-ms", type=int, help="of a run; by default 3,000 to 20,000, by size")
    parser.add_argument("--repeats", type=int, default=7, help="of medians; half from 10,000 cells on")
    parser.add_argument("--noise", type=float, default=0.3, help="of the network that learns (default 0.3)")
    parser.add_argument("--loud", action="store_true", help="show what the simulators print")
    chosen = parser.parse_args()
    if min(chosen.repeats, *chosen.sizes, chosen.simulated_ms or 1) < 1:
        parser.error("--repeats, --sizes and --simulated-ms must be 1 or more")
    peers = ["cpu", *(name for name in chosen.peers if name != "cpu")]
    print(machine())
    print(versions())
    agree = True
    with tempfile.TemporaryDirectory(prefix="peers-kernels-") as caches:
        print(compiling(peers, Path(caches)))
        for network in chosen.networks:
            for cells in chosen.sizes:
                rows, same = contest(network, cells, peers, chosen, Path(caches))
                show(rows)
                agree &= same
    print(f"\nrates within {RATE_TOLERANCE:.0%} of the cpu's: {'yes' if agree else 'NO'}")
    return 0 if agree else 1


def compiling(peers: Sequence[str], caches: Path) -> str:
    """Compile our kernels, which later processes find on disk, and say how long it took."""
    said = []
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        problem, *_ = pose(Path(folder), 20, 100, 1, True, 0.3)
        for name in ("cpu", "cpu-integers"):
            if name in peers:
                one = Contestant.start(name, problem, caches, False)
                said.append(f"{name} {one.told['set_up_s']:.1f} s")
                one.play()
                one.end()
    return f"set-up of the first run after installation, which compiles: {', '.join(said)}"


if __name__ == "__main__":
    sys.exit(main())
