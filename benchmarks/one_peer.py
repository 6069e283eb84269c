"""Plays a problem on one simulator on request: ``python benchmarks/one_peer.py PEER FOLDER``.

``peers.py`` starts one for each simulator. It prints a line (JSON) when it is set up, then answers each line:
"play" with the wall time, s, and the steps of a run; "end" with its peak memory, after it has left what the
first run recorded in FOLDER.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from contest import posed

HOMES = {
    "cpu": "peer_cpu",
    "cpu-integers": "peer_cpu",
    "cpu-reservoir": "peer_cpu",
    "brian2": "peer_brian2",
    "brian2-exact": "peer_brian2",
    "nest": "peer_nest",
    "lava": "peer_lava",
    "lava-graph": "peer_lava",
    "lava-fused": "peer_lava",
}
"""The module of each simulator."""


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    # What simulators print goes elsewhere.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def tell(what: Any) -> None:
        print(json.dumps(what), file=answers, flush=True)

    problem = posed(folder)
    started = time.perf_counter()
    try:
        peers = import_module(HOMES[name]).PEERS
    except Exception as error:  # Of old packages beside a new NumPy, any.
        tell({"missing": str(error)})
        return
    try:
        peer = peers[name](problem)
    except NotImplementedError as error:
        tell({"cannot": str(error)})
        return
    tell({"set_up_s": time.perf_counter() - started})
    for line in sys.stdin:
        if line.strip() == "end":
            np.savez(folder / f"{name}.npz", **peer.found)
            tell({"peak_mib": peer.peak_mib(), "again_s": peer.again_s})
            break
        tell(peer.play())
    peer.close()


if __name__ == "__main__":
    main()
