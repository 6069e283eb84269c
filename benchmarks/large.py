"""Time large networks of this checkout beside another one, on one core and on more, and compare their bits.

    python benchmarks/large.py --against FOLDER [--sizes 1000 4000 16000] [--threads 1 2] [--repeats 7]

FOLDER is a checkout of another commit with its own .venv. Both learn the same trials of the `robust` preset
in turn, the other one always on one core. Each case gives the ratio of the medians of wall time, which needs
as many idle cores as threads, and on one core that of CPU time, which other load changes less. Compilation
and the drawing of the network are not timed. Ends with 1 if the learned weights differ in any bit.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
from pathlib import Path

from engine import ROOT, Checkout, machine
from frame import block, parser_of

CELL_STEPS = 8_000_000
"""Steps of a measurement times the cells: some tenths of a second."""


def request(cells: int, precision: str, repeats: int, threads: int, options: dict[str, int]) -> str:
    """Write a case for `one_case.py`: so many trials a measurement, each of some thousand steps."""
    trials = max(1, CELL_STEPS // (2000 * cells))
    # A block as long as no other case has: each case is a run of its own, in both checkouts.
    task = block(2 + threads + trials * repeats, [0.7, 0.3], [300, 600])
    settings = [f"reservoir.neurons={cells}", task, "run.probe_trials=[]"]
    return json.dumps([settings, precision, options, trials])


def compare(checkouts: list[Checkout], cells: int, precision: str, threads: int, repeats: int) -> bool:
    """Print a row; return whether the weights are the same."""
    options: tuple[dict[str, int], dict[str, int]] = ({}, {"threads": threads} if threads > 1 else {})
    lines = [request(cells, precision, repeats, threads, each) for each in options]
    cpu: list[list[float]] = [[], []]
    wall: list[list[float]] = [[], []]
    fingerprints = ["", ""]
    for repeat in range(repeats):
        # Each comes first as often as the other.
        for which in (0, 1) if repeat % 2 == 0 else (1, 0):
            cpu_us, wall_us, fingerprints[which] = checkouts[which].advance(lines[which])
            cpu[which].append(cpu_us)
            wall[which].append(wall_us)
    old, new = map(statistics.median, wall)
    of_cpu = f"{statistics.median(cpu[1]) / statistics.median(cpu[0]):9.3f}" if threads == 1 else " " * 9
    same = fingerprints[0] == fingerprints[1]
    print(
        f"{cells:7,}  {precision:>9}  {threads:7}  {old:11.2f}  {new:11.2f}  {new / old:7.3f}  {of_cpu}"
        f"  {fingerprints[1][:12]}  {'same' if same else 'OTHER'}",
        flush=True,
    )
    return same


def main() -> int:
    """Print the table; return 1 if any weights differ."""
    parser = parser_of(__doc__)
    parser.add_argument("--against", type=Path, metavar="FOLDER", required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000, 16000], help="cells")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--precisions", nargs="+", default=["float", "fixed"])
    parser.add_argument("--repeats", type=int, default=7, help="medians are over so many (default 7)")
    chosen = parser.parse_args()
    print(machine())
    print(f"robust preset, learning; medians of {chosen.repeats}; the old one is {chosen.against}")
    print("  cells  precision  threads  old us/step  new us/step  new/old  of CPU s  weights")
    checkouts = [Checkout(chosen.against), Checkout(ROOT)]
    cases = itertools.product(chosen.sizes, chosen.precisions, chosen.threads)
    alike = [compare(checkouts, *case, chosen.repeats) for case in cases]
    for checkout in checkouts:
        checkout.close()
    return 0 if all(alike) else 1


if __name__ == "__main__":
    sys.exit(main())
