"""The learners that count, written anew from their definitions: each time from the list of past events."""

from __future__ import annotations

from math import exp, nan

PAST = list[tuple[tuple[int, ...], int, float]]  # Context, label, gap in ms.


def profile(away_ms: float) -> float:
    return exp(-((away_ms / 40.0) ** 2) / 2.0)


def predicted(
    past: PAST, context: tuple[int, ...], labels: int, horizon: int, memory: float, hazard: bool
) -> tuple[list[float], list[list[float]], list[float]]:
    """p, o at 10, 20, ... ms, and the time of each label."""
    here = [(label, gap) for then, label, gap in past if then == context]
    weighed = [(1 - 1 / memory) ** age for age in reversed(range(len(here)))]
    own = [
        [(w, gap) for w, (label, gap) in zip(weighed, here, strict=True) if label == k] for k in range(labels)
    ]
    count = [sum(w for w, _ in gaps) for gaps in own]
    p = [(n + 0.5) / (sum(count) + 0.5 * labels) for n in count]
    o, time = [], []
    for t in range(10, horizon + 1, 10):
        if hazard:
            left = [[(w, gap) for w, gap in gaps if gap >= t] for gaps in own]
            waiting = 0.5 + sum(w for gaps in left for w, _ in gaps)
            o.append([sum(w * profile(t - gap) for w, gap in gaps) / waiting for gaps in left])
        else:
            mean = sum(profile(t - gap) for *_, gap in past) / max(len(past), 1)
            sums = [sum(w * profile(t - gap) for w, gap in gaps) for gaps in own]
            o.append([p[k] * (sums[k] + 0.5 * mean) / (count[k] + 0.5) for k in range(labels)])
    timed = [gap for *_, gap in past if gap <= horizon]
    for gaps in own:
        within = [(w, gap) for w, gap in gaps if gap <= horizon]
        if within:
            time.append(sum(w * gap for w, gap in within) / sum(w for w, _ in within))
        else:
            time.append(sum(timed) / len(timed) if timed else nan)
    return p, o, time


def contexts(
    sequences: list[list[tuple[int, float]]], order: int, labels: int
) -> list[tuple[int, ...] | None]:
    """The context of each event; None for the first of a sequence; ``labels`` is that there was nothing."""
    found: list[tuple[int, ...] | None] = []
    for sequence in sequences:
        told = [labels, labels, *(label for label, _ in sequence)]
        for number in range(len(sequence)):
            found.append(None if number == 0 else tuple(told[number + 2 - order : number + 2]))
    return found
