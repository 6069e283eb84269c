"""What comes next: one bit per cell into a softmax with its own rows for the last label.

The bit says whether the cell spiked within a fixed window after the event. The window must not end with the
next event: what is read would then tell when that came, and so what it was.
"""

from __future__ import annotations

import numpy as np

from lava_predict.learning.readouts import add_to_row
from lava_predict.learning.streams.memory import LABEL, Constants, Learned, Ongoing
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.grid import kernel_on_grid

HALVING = 50.0
"""After so many updates the rate of a label's rows is half the first."""

LEARNED_FIRST = 30
"""So many losses are averaged before one can be a surprise."""

CONSTANT_SHARE = 0.6
"""The constant input is so long beside the centred bits."""

FAST, SLOW = 0.1, 0.01
"""Rates of the running means of the loss."""


@lean_kernel
def centre_bits(bits: np.ndarray, mean: np.ndarray, x: np.ndarray) -> None:
    """Write bits less their means, and a constant input beside them, to ``x``, (N + 1,)."""
    square = 0.0
    for j in range(bits.size):
        x[j] = bits[j] - mean[j]
        square += x[j] * x[j]
    x[bits.size] = CONSTANT_SHARE * np.sqrt(square)


@lean_kernel
def probabilities(w: np.ndarray, first: int, labels: int, x: np.ndarray, p: np.ndarray) -> None:
    """Write the softmax of so many rows of weights, from ``first`` on, times ``x`` to the head of ``p``."""
    most = -np.inf
    for k in range(labels):
        drive = 0.0
        for j in range(x.size):
            drive += w[first + k, j] * x[j]
        p[k] = drive
        most = max(most, drive)
    total = 0.0
    for k in range(labels):
        p[k] = kernel_on_grid(np.exp(p[k] - most))
        total += p[k]
    for k in range(labels):
        p[k] /= total


@lean_kernel
def form_p(k: Constants, ongoing: Ongoing, learned: Learned) -> None:
    """Read the bits of the window, and write what comes next to ``ongoing.p``."""
    centre_bits(ongoing.bits, learned.bit_mean, ongoing.label_x)
    first = ongoing.now[LABEL] * learned.updates.size
    probabilities(learned.label_w, first, learned.labels[0], ongoing.label_x, ongoing.p)


@lean_kernel
def learn_label(
    k: Constants, learned: Learned, last: int, came: int, bits: np.ndarray, x: np.ndarray, p: np.ndarray
) -> None:
    """Change the rows of the ``last`` label by what was read x (what came - p), and let the means follow.

    The rate falls with the updates after this label. A loss that stays far above its slow mean is a surprise:
    all labels' rates are high again.
    """
    norm = 0.0
    for j in range(x.size):
        norm += x[j] * x[j]
    notice_surprise(k, learned, -kernel_on_grid(np.log2(max(p[came], 2.0**-40))))
    rate = max(k.least_label_rate, k.first_label_rate / (1.0 + learned.updates[last] / HALVING))
    first = last * learned.updates.size
    if norm > 0.0:
        for label in range(learned.labels[0]):
            error = (1.0 if label == came else 0.0) - p[label]
            add_to_row(learned.label_w, first + label, x, rate * error / norm)
    learned.updates[last] += 1
    learned.moved[0] += 1
    share = max(k.bit_mean_rate, 1.0 / learned.moved[0])
    for j in range(bits.size):
        learned.bit_mean[j] += (bits[j] - learned.bit_mean[j]) * share


@lean_kernel
def notice_surprise(k: Constants, learned: Learned, loss: float) -> None:
    """Let the running means of the loss follow it; with the fast one far above the slow one, learn fast."""
    mean = learned.loss
    mean[2] += 1.0
    mean[0] += (loss - mean[0]) * max(FAST, 1.0 / mean[2])
    mean[1] += (loss - mean[1]) * max(SLOW, 1.0 / mean[2])
    if mean[2] > LEARNED_FIRST and mean[0] - mean[1] > k.surprise_bits:
        mean[0] = mean[1]
        for label in range(learned.updates.size):
            learned.updates[label] = min(learned.updates[label], int(HALVING))


@lean_kernel
def expect_new(learned: Learned, label: int, room: int) -> None:
    """Make room in p for another unknown label, as likely as the one that has now come first."""
    learned.labels[0] = label + 2
    for last in range(room):
        row = last * room + label
        for j in range(learned.label_w.shape[1]):
            learned.label_w[row + 1, j] = learned.label_w[row, j]
