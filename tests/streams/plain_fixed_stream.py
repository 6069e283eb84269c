"""The rules of a stream in plain Python integers, from docs/fixed-point.md: all spikes kept, no ring."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from plain_gated import read, teach
from plain_integers import clipped, cut, field_of, fits, fold, kept, product, sat, up

ONE = 2**16
LABELS_TAG = 2**32 + 4


def integer(value: float, fraction: int = 16) -> int:
    return math.floor(value * 2**fraction + 0.5)


def near(value: int, n: int = 16) -> int:
    return cut(value, n, "nearest")


def on_line(table: list[int], place: int) -> int:
    n, rest = divmod(place, 256)
    return table[n] + near((table[n + 1] - table[n]) * rest, 8) if rest else table[n]


POWERS = [integer(2 ** (-n / 256)) for n in range(257)]
LOGARITHMS = [integer(math.log2(1 + n / 256)) for n in range(257)]


def exp_minus(drive: int) -> int:
    whole, place = divmod(near(min(drive, 2**31) * integer(math.log2(math.e))), ONE)
    return on_line(POWERS, place) // 2**whole


def minus_log2(p: int) -> int:
    bits = p.bit_length() - 1
    return (16 - bits) * ONE - on_line(LOGARITHMS, p * 2 ** (16 - bits) - ONE)


class PlainFixedStream:
    """One call of `step` is a step, one of `event` an event at its end. ``decay`` as integers of 15 bits."""

    def __init__(self, config: Any, decay: list[int], labels: int, key: int) -> None:
        self.config, self.decay, self.most, self.key = config, decay, labels, key
        self.rounding, self.fraction = config.fixed.rounding, config.fixed.readout_fraction_bits
        self.cells = n = config.reservoir.neurons
        self.labels, self.last, self.elapsed, self.now = 1, -1, 0, 0
        self.w_what, self.w_when = (
            [[[0] * (n + 1) for _ in range(labels)] for _ in range(labels)] for _ in range(2)
        )
        self.r, self.x, self.history = [0] * n, [0] * n, []
        self.bit_mean, self.mean, self.moved = [0] * n, [0] * n, [0, 0]
        self.updates, self.losses = [0] * labels, [0, 0, 0]
        self.seen = [[0] * labels for _ in range(labels)]
        self.error = [[2 * ONE] * labels for _ in range(labels)]
        self.missed = [0, 0]
        self.events: dict[int, list[int]] = {}
        self.bits, self.p = [0] * n, [0] * labels
        self.grain = {
            name: 24 - getattr(config.fixed, f"{name}_bits") for name in ("trace", "mean", "readout")
        }
        self.saturations = {"z": 0, "w_when": 0, "w_what": 0}
        readout = config.readout
        rates = [max(readout.least_rate, readout.first_rate / (1 + i / 10)) * math.log(2) for i in range(100)]
        bits = max(f for f in range(41) if integer(rates[0], f) < 2**15)
        self.rates = [integer(rate, bits) for rate in rates]
        self.k = {
            "rounding": self.rounding,
            "when_shift": bits - self.fraction - 16,
            "weight_grain": self.grain["readout"],
        }

    def step(self, spiking: list[int], learning: bool = True) -> None:
        late = self.now - 150
        if late >= 0 and learning:
            self.learn_late(late)
        tagged = fold(fold(self.key, self.now), 2**32 + 1)
        for j, d in enumerate(self.decay):
            random = fold(tagged, j)
            left = kept(product(self.r[j], d), 15, self.grain["trace"], self.rounding, field_of(random, 0))
            self.r[j] = 2**22 if j in spiking else left
            way = product(self.r[j] - self.x[j], 2**15 - d)
            self.x[j] += kept(way, 15, self.grain["trace"], self.rounding, field_of(random, 16))
        self.history.append(list(self.x))
        self.now += 1
        self.elapsed += 1
        if self.last < 0:
            return
        if self.elapsed <= 100:
            for j in spiking:
                self.bits[j] = 1
        if self.elapsed == 100:
            self.form_p()
        if self.elapsed % 10 == 0 and self.elapsed <= 1000:
            self.read_sample()

    # What comes next.

    def form_p(self) -> None:
        x = [near(b * ONE - m, 8) for b, m in zip(self.bits, self.bit_mean, strict=True)]
        self.label_x = [*x, near(math.isqrt(sum(value * value for value in x)) * integer(0.6))]
        rows = self.w_what[self.last][: self.labels]
        drive = [sum(product(w, x) for w, x in zip(row, self.label_x, strict=True)) for row in rows]
        top = drive.index(max(drive))
        e = [exp_minus((drive[top] - value) >> (self.fraction + 8 - 16)) for value in drive]
        self.p = [max(1, (value * ONE + sum(e) // 2) // sum(e)) for value in e]
        self.p[top] += ONE - sum(self.p)
        self.p += [0] * (self.most - self.labels)

    def learn_label(self, came: int) -> None:
        norm = sum(value * value for value in self.label_x)
        self.notice(minus_log2(self.p[came]))
        readout = self.config.stream
        first, least = integer(readout.first_rate), integer(readout.least_rate)
        rate = max(least, first * 50 // (50 + self.updates[self.last]))
        if norm:
            bits = norm.bit_length()
            factor, n = rate * 2 ** (bits + 4) // norm, max(0, bits + 16 + 4 - 8 - self.fraction)
            tagged = fold(fold(self.key, LABELS_TAG), self.moved[0])
            for label in range(self.labels):
                size = sat(near(product(ONE * (label == came) - self.p[label], factor)))
                row = self.w_what[self.last][label]
                for j, value in enumerate(self.label_x):
                    r = field_of(fold(tagged, label * len(row) + j), 0)
                    moved = kept(product(size, value), n, self.grain["readout"], self.rounding, r)
                    row[j] = clipped(fits(row[j] + moved, 32), self.saturations, "w_what")
        self.updates[self.last] += 1
        self.moved[0] += 1
        share = max(integer(readout.mean_rate), (ONE + self.moved[0] // 2) // self.moved[0])
        self.bit_mean = [
            m + near((b * ONE - m) * share) for b, m in zip(self.bits, self.bit_mean, strict=True)
        ]

    def notice(self, loss: int) -> None:
        self.losses[2] += 1
        for n, rate in enumerate((0.1, 0.01)):
            self.losses[n] += near((loss - self.losses[n]) * max(integer(rate), ONE // self.losses[2]))
        surprise = integer(self.config.stream.surprise_bits)
        if self.losses[2] > 30 and self.losses[0] - self.losses[1] > surprise:
            self.losses[0] = self.losses[1]
            self.updates = [min(n, 50) for n in self.updates]

    # When it comes.

    def centred(self, x: list[int], mean: list[int]) -> list[int]:
        return [*(fits(cut(a - b, 7, self.rounding), 17) for a, b in zip(x, mean, strict=True)), 1638]

    def read(self, rows: list[list[int]], xc: list[int]) -> list[int]:
        shift = self.fraction - 1
        if shift >= 0:
            return [sat(wide) for wide in read(rows, xc, shift, self.rounding)]
        return [sat(up(sum(product(w, x) for w, x in zip(row, xc, strict=True)), -shift)) for row in rows]

    def read_sample(self) -> None:
        z = self.read(self.rows[: self.labels], self.centred(self.x, self.mean_then))
        self.z.append(z)
        open_ = [min(max(value, 0), ONE) for value in z]
        before = self.expired[-1] if self.expired else [0] * self.labels
        self.expired.append([a + b for a, b in zip(before, open_, strict=True)])
        passed = self.expired[-5] if len(self.expired) > 4 else [0] * self.labels
        left = [max(ONE - near(value * integer(10 / 80)), integer(0.02)) for value in passed]
        now = [p * s for p, s in zip(self.p[: self.labels], left, strict=True)]
        half = sum(now) // 2
        self.o.append(
            [near((up(a, 16) + half) // sum(now) * b) for a, b in zip(now, open_, strict=True)]
            if self.elapsed >= 100
            else [0] * self.labels
        )

    def last_before(self, step: int) -> tuple[int, int]:
        """Return the last event before the end of a step, and the step at whose end it came."""
        at = max((n for n in self.events if n < step), default=-1)
        return (self.events[at][-1], at) if at >= 0 else (-1, 0)

    def learn_late(self, late: int) -> None:
        x, key = self.history[late], fold(self.key, self.now)
        if self.now % 16 == 0:
            shift, tagged = min(self.moved[1].bit_length(), 9), fold(key, 2**32 + 1)
            for j, value in enumerate(x):
                r = field_of(fold(tagged, j), 32)
                self.mean[j] += kept(value - self.mean[j], shift, self.grain["mean"], self.rounding, r)
            self.moved[1] += 1
        last, at = self.last_before(late)
        if last < 0:
            return
        coming = [n for n in range(late, self.now) if n in self.events]
        if (late - at) % 10 == 0:
            self.teach(last, self.centred(x, self.mean), coming, late, key)
        if late in self.events:
            self.count(last, self.events[late][0])

    def teach(self, last: int, xc: list[int], coming: list[int], late: int, key: int) -> None:
        rows = self.w_when[last]
        z, target, gate = self.read(rows, xc), [0] * self.most, [0] * self.most
        if coming:
            label, ahead = self.events[coming[0]][0], coming[0] - late
            width = self.config.task.event_width_ms
            target[label], gate[label] = integer(math.exp(-0.5 * (ahead / width) ** 2)), 2**12
            self.missed[0] += (target[label] - z[label]) ** 2
            self.missed[1] += target[label] ** 2
        else:
            gate[: self.labels] = [integer(self.config.readout.gate_residual, 12)] * self.labels
        rates = [(self.rates[n] * g + 2**11) >> 12 for n, g in zip(self.seen[last], gate, strict=True)]
        error = [a - b for a, b in zip(target, z, strict=True)]
        floor = integer(self.config.readout.when_norm_floor, 30)
        norm = sum(value * value for value in xc) + floor
        teach(self.k, rows, rates, error, xc, norm, key, self.saturations)

    def count(self, last: int, label: int) -> None:
        readout, (missed, silent) = self.config.readout, self.missed
        self.missed = [0, 0]
        self.seen[last][label] += 1
        if not silent:
            return
        error, usual = min(missed // max(1, silent >> 16), 2**23 - 1), self.error[last][label]
        if error <= near(usual * integer(readout.timing_surprise)):
            self.error[last][label] += near((error - usual) * integer(readout.surprise_rate))
            return
        self.error[last][label], self.seen[last][label] = 2 * ONE, 0
        g, keep = self.grain["readout"], integer(readout.surprise_keep)
        self.w_when[last][label] = [up(near(w * keep, 16 + g), g) for w in self.w_when[last][label]]

    def event(self, label: int) -> None:
        if self.last >= 0:
            self.learn_label(label)
        if label == self.labels - 1 and self.labels < self.most:
            self.labels += 1
            for rows in self.w_what:
                rows[label + 1] = list(rows[label])
        self.events.setdefault(self.now - 1, []).append(label)
        self.last, self.elapsed, self.bits = label, 0, [0] * self.cells
        self.rows, self.mean_then = [list(row) for row in self.w_when[label]], list(self.mean)
        self.z: list[Any] = []
        self.o: list[Any] = []
        self.expired: list[Any] = []


def fixed_decay(decay: np.ndarray) -> list[int]:
    return [min(integer(float(value), 15), 2**15 - 1) for value in decay]
