"""Kill commands at random moments of their work, go on as they say, and compare with what no kill disturbed.

Each kill is a SIGKILL to the whole process group, at a moment drawn between the command's first file and its
end. Then the same command is given again; where it is refused, what its message names is done. It must end
with the same results and leave nothing else behind.

Before that, commands are given twice at the same time: one must do its work as if it were alone, and the
other one must be refused with the host and process id of the first, unless it comes when that has ended.

    python benchmarks/kills.py [--kills 100] [--doubles 20] [--command run] [--seed 1]
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from frame import parser_of

TABLES = ("sweep.csv", "predictions.csv")
SMALL = ("--set", "reservoir.neurons=60")
RATES = "readout.first_rate=0.1,0.2"
STREAM = ("--example", "grammar", *SMALL, "--set", "stream.settle_ms=100")
COMMANDS = {
    "run": ("run", "--preset", "smoke", *SMALL),
    "learn": ("learn", "--events", "300", *STREAM),
    "sweep": ("sweep", "--preset", "smoke", *SMALL, "--set", RATES, "--seeds", "2", "--jobs", "1"),
    "compare": ("compare", "--number", "30", "--seeds", "1", "--jobs", "1", *STREAM),
}
"""Commands by name, without --out."""

WAY = re.compile(r"(?:continue it with|start it again with) ((?:--\w+ out ?|--overwrite)+)")
MOST_STEPS = 3


def started(arguments: list[str], place: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lava_predict", *arguments, "--quiet"],
        cwd=place,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until_work(process: subprocess.Popen[str], place: Path) -> None:
    """Wait until a command has written something or has ended."""
    while not any(place.iterdir()) and process.poll() is None:
        time.sleep(0.001)


def results(place: Path) -> dict[str, Any]:
    """Return what a command found, without how long that took or how much was reused.

    Nothing else may be left but the cache of its units of work, and nothing hidden.
    """
    out, hidden = place / "out", sorted(str(path.relative_to(place)) for path in place.rglob(".*"))
    left = sorted({path.name for path in place.iterdir()} - {"runs"})
    if left != ["out"] or hidden or not (out / "summary.json").exists():
        return {"left": left, "hidden": hidden}
    summary = json.loads((out / "summary.json").read_text())
    found = {key: value for key, value in summary.items() if key not in ("timing", "wall_s", "runs")}
    return found | {name: (out / name).read_text() for name in TABLES if (out / name).exists()}


def killed(arguments: list[str], place: Path, after_s: float) -> bool:
    """Kill a command some time after it has begun to write; return whether it had not ended by then."""
    process = started(arguments, place)
    until_work(process, place)
    try:
        process.communicate(timeout=after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    return False


def gone_on(name: str, arguments: list[str], place: Path) -> list[str]:
    """Give a killed command again, then do what its messages name; return the options of each step."""
    steps: list[str] = []
    for _ in range(MOST_STEPS):
        process = started(arguments, place)
        _, message = process.communicate()
        steps.append(" ".join(arguments[-2:]))
        if process.returncode == 0:
            return steps
        way = WAY.search(message)
        if way is None and (place / "out").exists():
            return [*steps, "it was complete"]
        if way is None:
            break
        arguments = ([name] if "--resume" in way[1] else arguments) + way[1].split()
    return [*steps, f"stuck: {message.strip()}"]


def given_twice(arguments: list[str], place: Path) -> tuple[dict[str, Any], str, str]:
    """Give a command twice at once; return what was found, what was said, and how it ended.

    That is "refused", or "in turn" where one had ended before the other wanted to write, or "wrong".
    """
    both = [started(arguments, place) for _ in range(2)]
    messages = [process.communicate()[1].strip() for process in both]
    codes = [process.returncode for process in both]
    told = "; ".join(f"{code}: {message}" for code, message in zip(codes, messages, strict=True))
    if codes == [0, 0]:
        return results(place), told, "in turn"
    if sorted(codes) != [0, 2]:
        return results(place), told, "wrong"
    winner, message = both[codes.index(0)], messages[codes.index(2)]
    if "exists already" in message:  # The first had ended when the other one looked.
        return results(place), told, "in turn"
    named = socket.gethostname() in message and re.search(rf"\b{winner.pid}\b", message)
    return results(place), told, "refused" if named else "wrong"


def undisturbed(arguments: list[str], place: Path) -> tuple[dict[str, Any], float]:
    """Carry out a command; return what it found, and for how many seconds it wrote."""
    process = started(arguments, place)
    until_work(process, place)
    begun = time.perf_counter()
    _, message = process.communicate()
    if process.returncode:
        raise SystemExit(message)
    found = results(place)
    if "left" in found:
        raise SystemExit(f"{' '.join(arguments)}: left {found}")
    return found, time.perf_counter() - begun


class Commands:
    """The commands, each with what it finds undisturbed and how long it writes.

    Parameters
    ----------
    names : list of str
        Of `COMMANDS`.
    room : Path
        A folder for all they write.
    """

    def __init__(self, names: list[str], room: Path) -> None:
        self._names, self._room = names, room
        self._whole: dict[str, tuple[dict[str, Any], float]] = {}

    def turns(self, count: int) -> Iterator[tuple[int, str, list[str], dict[str, Any], float]]:
        """Yield so many commands by turns: number, name, arguments, what is expected, seconds of writing."""
        for number, name in enumerate(islice(cycle(self._names), count), start=1):
            arguments = [*COMMANDS[name], "--out", "out"]
            if name not in self._whole:
                for once in ("compiling", "whole"):  # The first time may compile.
                    self._whole[name] = undisturbed(arguments, self.place(f"{name} {once}"))
            yield number, name, arguments, *self._whole[name]

    def place(self, name: str) -> Path:
        """Return a new empty folder."""
        (place := self._room / name).mkdir()
        return place


def start_twice(commands: Commands, count: int) -> int:
    """Give commands twice at once, so often; return how often that ended as it must."""
    ends: Counter[str] = Counter()
    for number, name, arguments, expected, _ in commands.turns(count):
        found, told, end = given_twice(arguments, commands.place(f"double {number}"))
        ends[end if found == expected else "wrong"] += 1
        same = "the same" if found == expected else f"NOT the same: {found}"
        print(f"{number:4d} {name:8s} given twice: {end}: {told}; {same}", flush=True)
    print(", ".join(f"{end} {often}" for end, often in ends.items()))
    return ends["refused"] + ends["in turn"]


def kill(commands: Commands, count: int, rng: random.Random) -> int:
    """Kill commands, so many times; return how often they went on to the same results."""
    told: dict[str, int] = {}
    for number, name, arguments, expected, lasts_s in commands.turns(count):
        for again in range(100):
            place, after_s = commands.place(f"{number}-{again}"), rng.uniform(0.0, lasts_s)
            if killed(arguments, place, after_s):
                break
        left = sorted(path.name for path in place.iterdir())
        steps = gone_on(name, arguments, place)
        same = results(place) == expected
        print(
            f"{number:4d} {name:8s} killed after {after_s:5.2f} s, left {left}; then {steps}: "
            f"{'the same' if same else 'NOT the same'}",
            flush=True,
        )
        told[name] = told.get(name, 0) + same
    print(", ".join(f"{name} {good}" for name, good in told.items()))
    return sum(told.values())


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--kills", type=int, default=100, help="in all; the commands by turns")
    parser.add_argument("--doubles", type=int, default=20, help="double starts in all; likewise")
    parser.add_argument("--command", action="append", choices=COMMANDS, help="repeatable; default: all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        commands = Commands(options.command or list(COMMANDS), Path(room))
        twice = start_twice(commands, options.doubles)
        good = kill(commands, options.kills, random.Random(options.seed))
    print(f"{twice} of {options.doubles} double starts, {good} of {options.kills} kills")
    return 0 if (twice, good) == (options.doubles, options.kills) else 1


if __name__ == "__main__":
    sys.exit(main())
