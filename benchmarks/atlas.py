"""The atlas: how well MEET is learned at every latency, with several cues, after switches; old rule and new.

`learning.py atlas` carries it out. Pairs of latencies are sampled from all pairs of 100, 150 .. 950 ms that
are at least 150 ms apart, by a draw of their own, and each is given one of the probabilities in turn.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from frame import block, header, means, relative_errors, run_each, seeds_of

LATENCIES_MS = range(100, 951, 50)
PAIRS = 20
SHARES = (0.5, 0.7, 0.9)
PROBES = (10, 25, 100)
FIGURE = Path("atlas.png")

_ADAPTATION = "reservoir.{}.a.stop=0.009"
OLD = (
    "readout.rule=gated_delta",
    "readout.what_window_ms=[50, 250]",
    _ADAPTATION.format("excitatory"),
    _ADAPTATION.format("inhibitory"),
)
"""What `robust` was before its rule became `annealed_delta`."""

COURSES = {
    "2 cues, 200 trials": (
        "task.cues=2",
        block(200, [[0.8, 0.2], [0.2, 0.8]], [[300, 600], [450, 750]]),
        "run.probe_trials=[10, 25, 100, 200]",
    ),
    "4 cues, 400 trials": (
        "task.cues=4",
        block(
            400,
            [[0.8, 0.2], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]],
            [[300, 600], [450, 750], [150, 850], [600, 250]],
        ),
        "run.probe_trials=[10, 25, 100, 400]",
    ),
    "2 cues, 3 events, 15 % omitted": (
        "task.cues=2",
        block(200, [[0.5, 0.25, 0.1], [0.1, 0.25, 0.5]], [120, 400, 900]),
        "run.probe_trials=[10, 25, 100, 200]",
    ),
}
"""Paradigms with several cues."""


def sampled_pairs() -> list[tuple[int, int, float]]:
    """Return pairs of latencies, ms, each with the probability of its first event."""
    apart = [pair for pair in itertools.combinations(LATENCIES_MS, 2) if pair[1] - pair[0] >= 150]
    chosen = np.random.default_rng(20).choice(len(apart), PAIRS, replace=False)
    return [(*apart[index], SHARES[number % 3]) for number, index in enumerate(sorted(chosen))]


def atlas(arguments: argparse.Namespace) -> None:
    """Latencies, several cues, omissions and switches, with the old arrangement beside the new one."""
    pairs = sampled_pairs()
    found = {}
    for name, own in (("new", ()), ("old", OLD)):
        settings = [(*own, block(100, [p, round(1 - p, 1)], [a, b])) for a, b, p in pairs]
        results = run_each(arguments.preset, settings, arguments)
        errors = relative_errors(results, probes=PROBES).reshape(-1, PAIRS, len(PROBES)).mean(axis=0)
        found[name] = errors
        print(f"{arguments.preset}, {PAIRS} pairs, {seeds_of(arguments)}, {name}; trials: mean / worst pair")
        print(
            "  "
            + "  ".join(
                f"{n}: {errors[:, k].mean():.3f} / {errors[:, k].max():.3f}" for k, n in enumerate(PROBES)
            )
        )
        if name == "new":
            counted = np.array(
                [
                    [r.blocks[0].baseline["counting"][n] / r.blocks[0].zero_error for n in PROBES]
                    for r in results
                ]
            )
            mean = counted.reshape(-1, PAIRS, len(PROBES)).mean(axis=0)
            print(
                "  counting  " + "  ".join(f"{n}: {mean[:, k].mean():.3f}" for k, n in enumerate(PROBES)),
                flush=True,
            )
    draw(pairs, found)
    for name, settings in COURSES.items():
        for arrangement, own in (("new", ()), ("old", OLD)):
            results = run_each(arguments.preset, [(*own, *settings)], arguments)
            probes = sorted(results[0].blocks[0].error)
            print(f"{name}, {arrangement}; trials\n  {header(probes)}")
            print(f"  {means(relative_errors(results, probes=probes))}", flush=True)


def draw(pairs: list[tuple[int, int, float]], found: dict[str, np.ndarray]) -> None:
    """Draw the error after 100 trials over both latencies, old beside new."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True, layout="constrained")
    early, late = np.array([pair[:2] for pair in pairs]).T
    for one, (name, title) in zip(
        axes, (("old", "constant rate, plain traces"), ("new", "annealed rate, bounded traces")), strict=True
    ):
        drawn = one.scatter(
            early, late, c=found[name][:, -1], s=260, marker="s", vmin=0.0, vmax=1.0, cmap="viridis_r"
        )
        for x, y, value in zip(early, late, found[name][:, -1], strict=True):
            one.annotate(
                f"{value:.2f}",
                (x, y),
                ha="center",
                va="center",
                fontsize=6,
                color="white" if value > 0.4 else "black",
            )
        one.set(title=title, xlabel="latency of the earlier event (ms)", xlim=(50, 900), ylim=(200, 1000))
    axes[0].set_ylabel("latency of the later event (ms)")
    figure.colorbar(drawn, ax=axes, label="error after 100 trials / predicting nothing")
    figure.savefig(FIGURE, dpi=150)
    plt.close(figure)
