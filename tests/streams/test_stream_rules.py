from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from plain_stream_rules import PlainLabels, traces

from lava_predict import load_preset
from lava_predict.learning.ring import pack, unpack
from lava_predict.learning.streams.listen import listen
from lava_predict.learning.streams.memory import (
    OLD_LABEL,
    TAKEN,
    Learned,
    Ongoing,
    constants,
    make_room,
    start_learned,
    start_ongoing,
)
from lava_predict.learning.streams.next_label import learn_label, probabilities
from lava_predict.learning.traces import MEAN_EVERY
from lava_predict.network.arithmetic import arithmetic_of
from lava_predict.network.draw import draw_network
from lava_predict.network.stream_rules import rules_of
from lava_predict.settings.schema import Config

CELLS = 70  # More than a word of the ring has bits, and no multiple of it.
CONFIG = load_preset("stream", [f"reservoir.neurons={CELLS}", "task.cues=8"])


def play(
    spikes: np.ndarray,
    events: dict[int, list[int]],
    learning: bool = True,
    precision: str = "float",
    config: Config = CONFIG,
    labels: int = 3,
) -> tuple[Any, Ongoing, Learned, list[np.ndarray]]:
    """Let the rules listen to spikes, (T, N); ``events`` come at the end of steps. Returns each p, too."""
    rules = rules_of(config, arithmetic_of(config, draw_network(config), precision))
    k, kernels, fixed = rules.constants, rules.kernels, precision == "fixed"
    ongoing, learned = start_ongoing(config, fixed=fixed), start_learned(config, fixed=fixed)
    found = []
    for step, now in enumerate(spikes):
        spiking = np.zeros(spikes.shape[1], np.int64)
        where = np.flatnonzero(now)
        spiking[: where.size] = where
        kernels.listen(k, ongoing, learned, spiking, where.size, learning)
        for label in events.get(step, ()):
            found.append(ongoing.p.copy())
            seen = (ongoing.bits.copy(), ongoing.label_x.copy(), ongoing.p.copy())
            kernels.take_event(k, ongoing, learned, label, *seen, labels)
    return k, ongoing, learned, found


@pytest.fixture(scope="module")
def spikes() -> np.ndarray:
    return np.random.default_rng(1).random((6000, CELLS)) < 0.01


def test_a_ring_keeps_every_spike(spikes: np.ndarray) -> None:
    words, spiking = np.zeros(2, np.uint64), np.zeros(CELLS, np.int64)
    for now in [*spikes[:50], np.ones(CELLS, bool), np.zeros(CELLS, bool)]:
        where = np.flatnonzero(now)
        spiking[: where.size] = where
        pack(spiking, where.size, words)
        count = unpack(words, spiking)
        assert spiking[:count].tolist() == where.tolist()


@pytest.mark.slow
def test_traces_wait_in_the_ring_until_they_are_learned_from(spikes: np.ndarray) -> None:
    k, ongoing, _, _ = play(spikes[:500], {})
    whole = traces(spikes[:500], k.decay)
    np.testing.assert_allclose(ongoing.x, whole[-1], rtol=1e-12)
    slots = ongoing.first.size
    due = [step for step in range(500 - slots, 500) if (step + slots) % MEAN_EVERY == 0]
    assert ongoing.due[np.array(due) % slots].all()
    rows = (ongoing.now[TAKEN] + np.arange(len(due))) % len(ongoing.kept_x)
    np.testing.assert_allclose(ongoing.kept_x[rows], whole[due], rtol=1e-12)


@pytest.mark.slow
def test_the_label_rule_is_that_of_its_plain_form() -> None:
    rng = np.random.default_rng(2)
    plain, k, learned = PlainLabels(CELLS, 3), constants(CONFIG), start_learned(CONFIG)
    learned.labels[0] = 3
    last, p = 0, np.zeros(4)
    for event in range(120):
        bits = (rng.random(CELLS) < 0.3).astype(np.int64)
        # Labels go around, and after a while the other way: a surprise.
        came = (last + (1 if event < 80 else 2)) % 3
        x = plain.read(bits)
        probabilities(learned.label_w, last * learned.room, 3, x, p)
        np.testing.assert_allclose(p[:3], plain.predict(last, bits), rtol=1e-9)
        learn_label(k, learned, last, came, bits, x, p)
        plain.learn(last, came, bits, CONFIG.stream.surprise_bits)
        last = came
    np.testing.assert_allclose(learned.label_w.reshape(4, 4, -1)[:3, :3], plain.w, rtol=1e-6, atol=1e-9)
    assert learned.updates[:3].tolist() == plain.updates.tolist()
    assert plain.updates.max() < 60


@pytest.mark.slow
def test_times_are_taught_in_the_rings_time_before_an_event_only(spikes: np.ndarray) -> None:
    """Of two events 400 ms apart, one weight row changes before the ring's time, and none before that."""
    at = {299: [0], 699: [1]}
    _, _, before, _ = play(spikes[:549], at)
    assert not before.time_w[1].any()
    _, ongoing, after, _ = play(spikes[:860], at)
    row = 0 * after.room + 1
    assert after.time_w[row].any()
    assert after.occurrences[row] == 1
    assert ongoing.now[OLD_LABEL] == 1


@pytest.mark.slow
def test_z_comes_to_peak_at_the_gap_that_recurs() -> None:
    """The same spikes follow every event, and the next event comes after 300 ms."""
    rng = np.random.default_rng(3)
    after = rng.random((300, CELLS)) < 0.02
    spikes = np.concatenate([after] * 60 + [after, np.zeros((100, CELLS), bool)])
    _, ongoing, learned, _ = play(spikes, {300 * n - 1: [0] for n in range(1, 61)})
    z = ongoing.z[:40, 0]
    assert abs(10 * (z.argmax() + 1) - 300) <= 40
    assert z.max() > 0.5
    assert z[3:15].max() < 0.3
    assert learned.labels[0] == 2


def test_nothing_but_the_moment_changes_without_learning(spikes: np.ndarray) -> None:
    k, ongoing, learned, _ = play(spikes[:2000], {299: [0], 699: [1], 1099: [0]})
    before = [array.copy() for array in learned]
    spiking = np.zeros(CELLS, np.int64)
    for _ in range(400):
        listen(k, ongoing, learned, spiking, 3, False)
    for array, old in zip(learned, before, strict=True):
        np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize("gap", [100, 130, 250, 700])
def test_p_does_not_tell_when_the_next_event_comes(spikes: np.ndarray, gap: int) -> None:
    """With the same spikes after it an event has the same p, whenever the next one comes."""
    *_, found = play(spikes[:1200], {299: [0], 299 + gap: [1]})
    *_, longest = play(spikes[:1200], {299: [0], 1199: [1]})
    assert found[1].tolist() == longest[1].tolist()


def test_room_grows_without_changing_anything(spikes: np.ndarray) -> None:
    k, ongoing, learned, _ = play(spikes[:2000], {n: [n // 300 % 3] for n in range(299, 2000, 300)})
    wider, later = make_room(learned, ongoing, CONFIG, 5)
    assert wider.room == 8
    for name in ("label_w", "time_w"):
        old, new = getattr(learned, name), getattr(wider, name)
        np.testing.assert_array_equal(new.reshape(8, 8, -1)[:4, :4], old.reshape(4, 4, -1))
        assert not new.reshape(8, 8, -1)[4:].any()
    spiking = np.arange(CELLS)
    for _ in range(300):
        listen(k, ongoing, learned, spiking, 2, True)
        listen(k, later, wider, spiking, 2, True)
    np.testing.assert_array_equal(later.o[:, :4], ongoing.o)
    np.testing.assert_array_equal(later.p[:4], ongoing.p)


def test_a_new_label_is_as_likely_as_the_last_one_was(spikes: np.ndarray) -> None:
    _, ongoing, learned, _ = play(spikes[:2000], {299: [0], 599: [0], 899: [1], 1199: [0]})
    assert learned.labels[0] == 3  # As many as are allowed: the last one is a known label's.
    w = learned.label_w.reshape(4, 4, -1)
    assert ongoing.p[:3].sum() == pytest.approx(1.0)
    assert not w[3].any()
