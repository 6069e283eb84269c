"""The playbook: which segment and step a Lava time step belongs to, against a brute-force list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_predict.network.shared_memory import IDLE, Playbook
from lava_predict.tasks import Kind, Segment

pytestmark = pytest.mark.slow

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def segments(lengths: list[int]) -> list[Segment]:
    return [
        Segment(Kind.TRIAL, n, 2**64 - 1 - row, row, 3 * row, row - 1, row - 2, row % 2 == 0, row % 3 == 0)
        for row, n in enumerate(lengths)
    ]


@given(LENGTHS, st.integers(1, 50), st.integers(0, 1), st.integers(1, 1000))
def test_every_time_step_has_its_place(lengths: list[int], per_step: int, idle: int, first: int) -> None:
    playbook = Playbook(8, per_step, idle, per_step)
    expected = []
    for row, length in enumerate(lengths):
        expected += [(row, IDLE)] * idle
        expected += [(row, step) for step in range(0, length, per_step)]
    laid_out = segments(lengths)
    assert playbook.write(laid_out, first) == len(expected)
    for offset, place in enumerate(expected):
        assert playbook.locate(first + offset) == place
        assert playbook.position(first + offset) == (laid_out[place[0]].noise_key, place[1])
        last = offset + 1 == len(expected) or expected[offset + 1][0] != place[0]
        assert playbook.ends_with(first + offset) == last
    for outside in (first - 1, first + len(expected)):
        with pytest.raises(IndexError):
            playbook.locate(outside)


@given(LENGTHS)
def test_segments_read_back_equal_and_a_new_edition_counts(lengths: list[int]) -> None:
    playbook = Playbook(8, 1, 0, 1)
    for edition in (lengths, lengths[::-1]):
        laid_out = segments(edition)
        playbook.write(laid_out, 1)
        assert [playbook.segment(row) for row in range(len(edition))] == laid_out
        assert playbook.locate(1) == (0, 0)
        assert playbook.is_last(len(edition) - 1)
