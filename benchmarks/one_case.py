"""Advances configurations of robust on request; needs nothing but what every version of the package offers.

``engine.py --against`` runs it with the interpreter of each checkout. It prints the package's folder, then
answers each line ``[settings, precision, trials]`` (JSON) with ``[CPU time in s, steps, fingerprint]``. The
run continues as long as the settings stay the same. A new run plays a trial first, to compile.
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
            present, (settings, precision) = case, case
            session = Experiment(load_preset("robust", settings)).start(precision=precision)
            session.advance(1)
        before = steps_of(session)
        started = time.process_time()
        session.advance(trials)
        cpu_s = time.process_time() - started
        answer = [cpu_s, steps_of(session) - before, session.state.fingerprint.weights]
        print(json.dumps(answer), flush=True)


def steps_of(session: Any) -> int:
    state = session.state
    return sum(part.steps for part in (*state.trials, *state.probes))


if __name__ == "__main__":
    main()
