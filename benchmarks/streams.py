"""What the network, and learners that only count, reach on the streams of `lava_predict.tasks`.

Settings were tuned on seeds 1-99; report on seeds from 100 up.

    python benchmarks/streams.py markov grammar switch tunes spikes --network --seeds 100-104
    python benchmarks/streams.py null --seeds 100-104 --gaps 150-400
    python benchmarks/streams.py memory --seeds 100-104
"""

from __future__ import annotations

from typing import Any

import numpy as np
from frame import parser_of
from stream_bits import memory, null

from lava_predict import StreamLearner, load_preset
from lava_predict.events import Baselines, Events
from lava_predict.network import PRECISIONS
from lava_predict.pool import processors
from lava_predict.streams import ScoredLearner
from lava_predict.tasks import Example, grammar, markov, spikes, switch, tunes

GENERATED = {"markov": markov, "grammar": grammar, "switch": switch}
RECORDED = {"tunes": tunes, "spikes": spikes}
STUDIES = {"null": null, "memory": memory}
HORIZON_MS = 1000.0


def learned(events: Events, seed: int, settings: list[str], precision: str) -> dict[str, dict[str, Any]]:
    """Return the scores of a network and of all baselines on a stream."""
    config = load_preset("stream", [f"run.seed={seed}", *settings])
    learner = StreamLearner(config=config, ms_per_unit=events.ms_per_unit, precision=precision)
    scored = ScoredLearner(learner, len(events.labels), int(np.sum(events.gap >= 0)))
    for row in events.rows():
        scored.add(row)
    found = scored.summary()
    print(f"seed {seed}: saturations {learner.network.saturations}")
    return {"network": found["scores"], **found["baselines"]}


def counted(events: Events) -> dict[str, dict[str, Any]]:
    """Return the scores of all baselines on a stream."""
    total = int(np.sum(events.gap >= 0))
    baselines = Baselines(len(events.labels), HORIZON_MS, total)
    for label, gap, gap_ms in zip(events.label.tolist(), events.gap, events.gap_ms.tolist(), strict=True):
        if gap < 0:
            baselines.begin(label)
        else:
            baselines.add(label, gap_ms)
    return baselines.summary()


def running_median(events: Events) -> list[float]:
    """Return the median error, ms, of the median of all gaps so far: of all gaps and of the last third."""
    gaps = events.gap_ms[events.gap >= 0]
    errors = [abs(np.median(gaps[:n]) - gaps[n]) for n in range(1, gaps.size)]
    return [float(np.median(part)) for part in (errors, errors[-(gaps.size // 3) :])]


def table(name: str, found: list[Example], runs: list[dict[str, dict[str, Any]]]) -> None:
    """Print the mean scores of several streams of a kind."""
    best = [example.best_possible for example in found if example.best_possible]
    mean = {key: round(float(np.mean([one[key] for one in best])), 3) for key in (best[0] if best else ())}
    print(f"\n{name}, {len(found)} streams; best possible: {mean or 'unknown'}")
    for window in ("all", "last_third"):
        print(f"{window:12}" + "".join(f"{key:>18}" for key in runs[0]["order0"]["all"]))
        for learner in runs[0]:
            each = [
                [np.nan if value is None else value for value in run[learner][window].values()]
                for run in runs
            ]
            print(f"{learner:12}" + "".join(f"{value:18.3f}" for value in np.mean(each, axis=0)))
    if len(found[0].events.labels) == 1:
        medians = [running_median(one.events) for one in found]
        print("running median of the gaps, time_error_ms:", np.mean(medians, axis=0).round(1).tolist())
    print(
        "forgetting, chosen in hindsight:",
        ", ".join(sorted({run["forgetting"]["chosen_in_hindsight"] for run in runs})),
    )


def main() -> None:
    """Print a table for each stream asked for, or carry out a study of the bits."""
    parser = parser_of(__doc__)
    parser.add_argument(
        "names", nargs="*", default=list(GENERATED), choices=[*GENERATED, *RECORDED, *STUDIES]
    )
    parser.add_argument("--seeds", default="100-104")
    parser.add_argument("--gaps", default="200-800", help="mean gaps of the generated streams, ms")
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--network", action="store_true", help="score a network too")
    parser.add_argument("--set", action="append", default=[], help="a setting of the network")
    parser.add_argument("--precision", default="float", choices=PRECISIONS)
    parser.add_argument("--jobs", type=int, default=processors(), help="processes at a time of a study")
    given = parser.parse_args()
    first, last = map(int, given.seeds.split("-"))
    given.seeds, given.gaps = list(range(first, last + 1)), tuple(map(float, given.gaps.split("-")))
    for name in given.names:
        if name in STUDIES:
            STUDIES[name](given)
            continue
        if name in RECORDED:
            found = [RECORDED[name]()] * (len(given.seeds) if given.network else 1)
        else:
            found = [GENERATED[name](given.events, seed, given.gaps) for seed in given.seeds]
        if given.network:
            runs = [
                learned(one.events, seed, given.set, given.precision)
                for one, seed in zip(found, given.seeds, strict=True)
            ]
        else:
            runs = [counted(one.events) for one in found]
        table(name, found, runs)


if __name__ == "__main__":
    main()
