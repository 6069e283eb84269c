"""Events: steps and numbers by hand, and what is refused."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_predict.errors import UserError
from lava_predict.events import Intake, Row, events_of


def rows(*times: float, labels: str = "ABCDEFGH", sequences: str = "") -> list[Row]:
    return [
        Row(time, labels[i % len(labels)], sequences[i] if sequences else None, i + 1)
        for i, time in enumerate(times)
    ]


@pytest.mark.slow
@given(st.lists(st.integers(0, 4000), min_size=2), st.sampled_from([1.0, 0.5, 0.25]))
def test_steps_are_times_rounded_to_the_nearest_halves_to_even(gaps: list[int], dt_ms: float) -> None:
    times = np.cumsum(gaps) / 8.0
    found = events_of(rows(*times.tolist()), dt_ms=dt_ms, ms_per_unit=1.0)
    exact = [Fraction(time - times[0]) / Fraction(dt_ms) for time in times]
    assert found.step.tolist() == [round(steps) for steps in exact]
    assert found.gap.tolist() == [-1, *np.diff(found.step)]
    assert found.simultaneous == np.sum(np.diff(found.step) == 0)
    np.testing.assert_array_equal(found.gap_ms, found.gap * dt_ms)


def test_whole_numbers_beyond_those_of_float64_keep_their_gaps() -> None:
    start = 2**62
    assert events_of(rows(start, start + 1, start + 3), ms_per_unit=1.0).step.tolist() == [0, 1, 3]


def test_labels_and_sequences_are_numbered_as_they_appear_and_each_sequence_starts_anew() -> None:
    found = events_of(rows(5, 6, 8, 1, 1, 4, labels="CAC", sequences="xxxyyy"), ms_per_unit=2.0)
    assert found.labels == ("C", "A")
    assert found.label.tolist() == [0, 1, 0, 0, 1, 0]
    assert found.sequence.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.step.tolist() == [0, 2, 6, 0, 0, 6]
    assert found.gap.tolist() == [-1, 2, 4, -1, 0, 6]
    assert any("events at the same step as the event before: 1," in note for note in found.notes)


def test_the_median_gap_above_0_within_sequences_becomes_400_ms() -> None:
    found = events_of(rows(0, 1, 1, 1, 3, 100, 107, sequences="aaaaabb"))
    assert found.ms_per_unit == 400.0 / 2  # Of 1, 2 and 7.
    assert any("ms per unit: 200, so that the median gap is 400 ms" in note for note in found.notes)


@pytest.mark.parametrize(
    ("given_rows", "ms_per_unit", "said"),
    [
        (rows(), 1.0, "no events: at least two are needed"),
        (rows(1), 1.0, "1 event: at least two are needed"),
        (rows(1, 2, 1.5), 1.0, r"row 3: time 1.5 is before the 2 .* sort the rows by time.*--sequence"),
        (rows(0, 2**31 + 1), 1.0, r"row 2: time 2147483649 comes 2.15e\+09 steps of 1 ms .* lower"),
        (rows(-1e308, 1e308), 1.0, "row 2: .* comes inf steps"),
        (rows(1, 1, 1), None, "0 gaps .*--ms-per-unit"),
        (rows(1, 2, sequences="ab"), None, "0 gaps .*--ms-per-unit"),
        (rows(0, 5e-324), None, "1 gaps .*--ms-per-unit"),
        (rows(1, 2), 0.0, "--ms-per-unit = 0.0: must be a number above 0"),
        (rows(1, 2), float("nan"), "--ms-per-unit = nan: must be a number above 0"),
        (rows(1, 2, 3, 4), 1.0, r"row 4: label 'D' is number 4; at most 3 labels .*labels_max"),
    ],
)  # fmt: skip
def test_refused(given_rows: list[Row], ms_per_unit: float | None, said: str) -> None:
    with pytest.raises(UserError, match=said):
        events_of(given_rows, ms_per_unit=ms_per_unit, labels_max=3)


def test_the_longest_gap_is_accepted() -> None:
    assert events_of(rows(0, 2**31), ms_per_unit=1.0).gap.tolist() == [-1, 2**31]


@pytest.mark.parametrize("refused", [Row(0, "A"), Row(3e9, "A"), Row(3, "C")])
def test_a_refused_event_changes_nothing(refused: Row) -> None:
    intake = Intake(1.0, 1.0, labels_max=2)
    for row in rows(1, 2):
        intake.add(row)
    before = vars(intake) | {"labels": list(intake.labels)}
    with pytest.raises(UserError):
        intake.add(refused)
    assert vars(intake) == before
    assert intake.add(Row(4, "A")) == (3, 0, 0, 2)


def test_an_intake_goes_on_from_plain_values() -> None:
    given = rows(5, 6.5, 8, 1, 2, labels="CAC", sequences="xxxyy")
    whole, first = Intake(0.5, 2.0), Intake(0.5, 2.0)
    expected = [whole.add(row) for row in given]
    found = [first.add(row) for row in given[:2]]
    second = Intake.from_dict(json.loads(json.dumps(first.to_dict())))
    assert found + [second.add(row) for row in given[2:]] == expected
    assert vars(second) == vars(whole)
    assert first.labels == ["C", "A"]
