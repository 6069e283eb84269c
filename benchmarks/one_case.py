"""Advances one configuration of robust on request, by the public interface that every version has had.

`engine.py --against` runs it with the interpreter of each checkout. It prints the package's folder, then answers
each line ``[settings, precision, trials]`` (JSON) with ``[wall s, steps, fingerprint]``. With the settings
unchanged it goes on where it was; otherwise it starts, and plays one trial before the clock, which compiles.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import lava_predict
from lava_predict import Experiment, load_preset


def main() -> None:
    print(Path(lava_predict.__file__).resolve().parents[1], flush=True)
    present, session, steps = None, None, 0
    for line in sys.stdin:
        settings, precision, trials = json.loads(line)
        if session is None or present != (settings, precision):
            present = (settings, precision)
            session = Experiment(load_preset("robust", settings)).start(precision=precision)
            session.advance(1)
            steps = steps_of(session)
        started = time.perf_counter()
        session.advance(trials)
        wall_s = time.perf_counter() - started
        before, steps = steps, steps_of(session)
        print(json.dumps([wall_s, steps - before, session.state.fingerprint.weights]), flush=True)


def steps_of(session: object) -> int:
    state = session.state
    return sum(part.steps for part in (*state.trials, *state.probes))


if __name__ == "__main__":
    main()
