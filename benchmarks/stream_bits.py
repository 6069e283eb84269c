"""What the bits tell, by which a stream's network remembers the events before the last one.

`streams.py null` and `streams.py memory` carry it out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from frame import header, means, over_units, seeds_of

from lava_predict import Config, load_preset
from lava_predict.events import Baselines, Events, Row, events_of
from lava_predict.learning import centre_bits, expect_new, learn_label, probabilities
from lava_predict.reports import plot_style as style
from lava_predict.streams import StreamNetwork
from lava_predict.tasks import grammar

FIGURE = Path("stream_memory.png")
GAPS_MS = ((30, 60), (100, 250), (150, 400), (400, 800), (800, 1500))
LABELS, AGO = 4, (1, 2, 3, 4)
RIDGE = 100.0
"""Added to the diagonal of the bits' covariance, in bits squared; chosen on seeds 1-5."""

SCORES = ("order 1", "order 2", "network", "null", "share", "share of null")


def config_of(seed: int) -> Config:
    """Return the settings of a network that need not state times."""
    return load_preset("stream", [f"run.seed={seed}", "stream.times=false"])


def listened(config: Config, events: Events) -> tuple[np.ndarray, np.ndarray]:
    """Learn a stream; return the bits after each event but the last, and the loss at each but the first."""
    network, bits, lost = StreamNetwork(config), [], []
    network.begin(int(events.label[0]))
    for label, gap in zip(events.label[1:].tolist(), events.gap[1:].tolist(), strict=True):
        lost.append(-np.log2(network.advance(gap).p[label]))
        bits.append(network._seen.bits.copy())
        network.learn(label)
    return np.array(bits), np.array(lost)


def lost_with(config: Config, labels: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Return the loss at each event but the first of the what rule that reads these bits."""
    network = StreamNetwork(config, int(labels.max()) + 1)
    k, learned, room = network._rules, network.learned, network.learned.room
    learned.labels[0] = 1  # None has come.
    x, p, lost = np.zeros(bits.shape[1] + 1), np.zeros(room), []
    for number, label in enumerate(labels.tolist()):
        if number > 0:
            lost.append(-np.log2(p[label]))
            learn_label(k, learned, int(labels[number - 1]), label, bits[number - 1], x, p)
        if label == learned.labels[0] - 1:
            expect_new(learned, label, room)
        if number < len(bits):
            centre_bits(bits[number], learned.bit_mean, x)
            probabilities(learned.label_w, label * room, learned.labels[0], x, p)
    return np.array(lost)


def exchanged(labels: np.ndarray, bits: np.ndarray, seed: int) -> np.ndarray:
    """Give each event the bits of an earlier one with its label, drawn at random; the first keeps its own."""
    rng, chosen = np.random.default_rng(seed), []
    for number, label in enumerate(labels):
        earlier = np.flatnonzero(labels[:number] == label)
        chosen.append(rng.choice(earlier) if earlier.size else number)
    return bits[chosen]


def null_of(unit: tuple[int, tuple[float, float], int]) -> list[float]:
    """Return the `SCORES` of a seed, over the last third of a stream."""
    seed, gaps_ms, number = unit
    events, config = grammar(number, seed, gaps_ms).events, config_of(seed)
    counting = Baselines(len(events.labels), config.stream.horizon_ms, len(events) - 1)
    counting.begin(int(events.label[0]))
    for label, gap_ms in zip(events.label[1:].tolist(), events.gap_ms[1:].tolist(), strict=True):
        counting.add(label, gap_ms)
    one, two = (counting.summary()[name]["last_third"]["log2_loss"] for name in ("order1", "order2"))
    bits, lost = listened(config, events)
    assert np.allclose(lost_with(config, events.label, bits), lost)
    other = lost_with(config, events.label, exchanged(events.label[:-1], bits, seed))
    third = len(lost) // 3
    network, null = float(lost[-third:].mean()), float(other[-third:].mean())
    return [one, two, network, null, (one - network) / (one - two), (one - null) / (one - two)]


def null(arguments: argparse.Namespace) -> None:
    """Compare a network on `grammar` with one whose bits are exchanged among events of the same label."""
    units = [(seed, arguments.gaps, arguments.events) for seed in arguments.seeds]
    found = np.array(over_units(null_of, units, arguments.jobs))
    low, high = arguments.gaps
    print(f"grammar, gaps {low:g}-{high:g} ms, {arguments.events} events, {seeds_of(arguments)}: log2 loss,")
    print("last third; share: of the gap between order 1 and order 2 that is closed")
    print(f"{'seed':8}{header(SCORES)}")
    for seed, row in zip(arguments.seeds, found, strict=True):
        print(f"{seed:<8}{'  '.join(f'{value:14.3f}' for value in row)}")
    print(f"{'mean':8}{means(found)}")


def decoded(unit: tuple[int, tuple[float, float], int]) -> list[float]:
    """Return the share of the last third of labels so many events `AGO` that are told from the bits."""
    seed, gaps_ms, number = unit
    rng = np.random.default_rng([seed, 1])
    times = np.cumsum(rng.uniform(*gaps_ms, number))
    rows = [Row(round(time, 3), "ABCD"[rng.integers(LABELS)]) for time in times]
    events = events_of(rows, ms_per_unit=1.0)
    bits, labels = listened(config_of(seed), events)[0], events.label
    most = max(AGO)
    x = bits[most:].astype(float)
    first = len(x) - len(x) // 3
    mean = x[:first].mean(axis=0)
    x -= mean
    told = x[:first]
    shares = []
    for ago in AGO:
        wanted = labels[most - ago : len(bits) - ago]
        target = np.eye(LABELS)[wanted[:first]]
        w = np.linalg.solve(
            told.T @ told + RIDGE * np.eye(x.shape[1]), told.T @ (target - target.mean(axis=0))
        )
        guess = (x[first:] @ w + target.mean(axis=0)).argmax(axis=1)
        shares.append(float((guess == wanted[first:]).mean()))
    return shares


def memory(arguments: argparse.Namespace) -> None:
    """Say, and draw, which of the labels before the last one can be told from the bits after it."""
    print(
        f"{LABELS} labels, each independent of all others, {arguments.events} events, {seeds_of(arguments)}:"
    )
    print(f"share of labels told by a ridge regression, last third; chance {1 / LABELS}")
    print(f"{'gaps, ms':10}{header([f'{ago} ago' for ago in AGO])}")
    units = [(seed, gaps, arguments.events) for gaps in GAPS_MS for seed in arguments.seeds]
    found = np.array(over_units(decoded, units, arguments.jobs)).reshape(len(GAPS_MS), -1, len(AGO))
    figure, axes = style.one_panel(5.6, 3.4)
    for number, ((low, high), shares) in enumerate(zip(GAPS_MS, found, strict=True)):
        print(f"{f'{low}-{high}':10}{means(shares)}")
        axes.plot(AGO, shares.mean(axis=0), label=f"{low}-{high}", **style.point_style(number))
        axes.fill_between(
            AGO, shares.min(axis=0), shares.max(axis=0), color=style.colour_of(number), alpha=0.15
        )
    style.mark_level(axes, 1 / LABELS, "chance")
    axes.set(xlabel="events ago", ylabel="labels told from the bits", xticks=AGO, ylim=(0, 1.02))
    axes.legend(title="gaps (ms)", frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(FIGURE, dpi=150)
    print(f"picture: {FIGURE}")
