"""Advances configurations of robust on request; needs nothing but what every version of the package offers.

``engine.py --against`` and ``large.py`` run it with the interpreter of each checkout. It prints the package's
folder, then answers each line ``[settings, precision, options, trials]`` (JSON) with ``[CPU time in s, wall
time in s, steps, fingerprint]``. The run continues as long as the rest stays the same. A new run plays a
trial first, to compile.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import lava_predict
from lava_predict import Experiment, load_preset


def main() -> None:
    print(Path(lava_predict.__file__).resolve().parents[1], flush=True)
    present: Any = None
    for line in sys.stdin:
        *case, trials = json.loads(line)
        if case != present:
            present, (settings, precision, options) = case, case
            session = Experiment(load_preset("robust", settings)).start(precision=precision, **options)
            session.advance(1)
        before = steps_of(session)
        started, begun = time.process_time(), time.perf_counter()
        session.advance(trials)
        wall_s, cpu_s = time.perf_counter() - begun, time.process_time() - started
        steps = steps_of(session) - before
        answer = [cpu_s, wall_s, steps, session.state.fingerprint.weights]
        print(json.dumps(answer), flush=True)


def steps_of(session: Any) -> int:
    state = session.state
    return sum(part.steps for part in (*state.trials, *state.probes))


if __name__ == "__main__":
    main()
