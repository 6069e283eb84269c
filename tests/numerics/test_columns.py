"""Packed columns are the wide ones they came from, whatever the number of cells."""

from __future__ import annotations

import numpy as np
import pytest

from lava_predict.numerics.columns import (
    LARGEST,
    RANGES,
    SMALL,
    Columns,
    arrays,
    cells_of,
    columns,
    in_pieces,
    is_packed,
    join,
    joined_target,
    joined_weight,
    pack,
    range_size,
    ranges_at_once,
)

GRAIN = 2.0**-24


def wide(cells: int, per_cell: int, seed: int = 1) -> Columns:
    """Make synapses of any targets; of the cells the last fifth is inhibitory, and some cells reach none."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, per_cell + 1, cells)
    target = [np.sort(rng.choice(cells, count, replace=False)) for count in counts]
    weight = [
        np.round(rng.uniform(0, 3, count) / GRAIN) * GRAIN * (1 if cell < 0.8 * cells else -1)
        for cell, count in enumerate(counts)
    ]
    first = np.concatenate(([0], np.cumsum(counts)))
    return Columns(first, np.concatenate(target).astype(np.int32), np.concatenate(weight))


@pytest.mark.slow
@pytest.mark.parametrize("cells", [1, 7, SMALL, SMALL + 1, 5003])
def test_what_is_packed_can_be_read_again_to_the_bit(cells: int) -> None:
    given = wide(cells, min(cells, 40))
    packed = pack(given)
    assert packed is not None
    assert is_packed(packed)
    assert not is_packed(given)
    assert cells_of(packed) == cells_of(given) == cells
    assert packed.target.itemsize + packed.weight.itemsize == 6
    for mine, theirs in zip(columns(packed), given, strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.tobytes() == theirs.tobytes()
    joined = b"".join(array.tobytes() for array in arrays(packed))
    assert joined == b"".join(array.tobytes() for array in given)


@pytest.mark.slow
@pytest.mark.parametrize("cells", [1, 7, SMALL + 1, 70_001])
def test_in_integers_target_and_weight_share_32_bits(cells: int) -> None:
    given = wide(cells, min(cells, 40))
    packed = pack(given)
    assert packed is not None
    weight = np.random.default_rng(3).integers(-(2**15), 2**15, given.weight.size).astype(np.int16)
    synapse, room = join(packed.target)
    room[:] = weight
    held = Columns(packed.first, packed.target[:0], synapse)
    assert is_packed(held)
    assert cells_of(held) == cells
    assert synapse.itemsize == 4
    found = columns(held)
    assert (found.target.dtype, found.weight.dtype) == (np.int32, np.int16)
    for mine, theirs in zip(found, (given.first, given.target, weight), strict=True):
        assert np.array_equal(mine, theirs)
    for index in range(min(50, synapse.size)):
        assert joined_target(synapse[index]) == given.target[index] % 2**16
        assert joined_weight(synapse[index]) == weight[index]


@pytest.mark.slow
def test_above_two_to_the_16_cells_a_target_has_its_higher_bits_from_its_range() -> None:
    cells = 70_001
    target = np.array([0, 65_535, 65_536, 70_000, 3, 69_999], np.int32)
    first = np.zeros(cells + 1, np.int64)
    first[1:5] = 4
    first[5:] = 6
    given = Columns(first, target, np.array([1.0, 0.5, 0.25, 2.0, -1.0, -GRAIN]))
    packed = pack(given)
    assert packed is not None
    assert packed.target.tolist() == [0, 65_535, 0, 4464, 3, 4463]
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(columns(packed), given, strict=True))


@pytest.mark.parametrize("cells", [SMALL + 1, 65_536, 65_537, 100_000, 300_000])
def test_ranges_hold_all_cells_and_none_lies_on_two_pages(cells: int) -> None:
    size = range_size(cells, RANGES)
    assert size * RANGES >= cells
    for low in range(0, cells, size):
        assert low >> 16 == min(low + size, cells) - 1 >> 16


@pytest.mark.parametrize(
    ("cells", "per_cell", "width", "expected"),
    [
        pytest.param(2_100, 210, 4, RANGES, id="all sums are near"),
        pytest.param(16_000, 1_600, 4, 4, id="half of them are"),
        pytest.param(16_000, 1_600, 8, RANGES, id="pieces would be short"),
        pytest.param(16_000, 3_200, 8, 2, id="a quarter"),
        pytest.param(100_000, 1_000, 4, RANGES, id="few synapses"),
    ],
)
def test_as_many_ranges_are_filled_at_once_as_a_cache_holds_if_pieces_are_long(
    cells: int, per_cell: int, width: int, expected: int
) -> None:
    found = ranges_at_once(cells, RANGES, cells * per_cell, width)
    assert min(found, RANGES) == expected


@pytest.mark.slow
def test_pieces_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lava_predict.numerics.columns._AT_A_TIME", 500)
    given = wide(3000, 9)
    packed = pack(given)
    assert packed is not None
    pieces = list(in_pieces(packed))
    assert len(pieces) > 10
    assert all(0 < piece.target.size <= 500 for piece in pieces)
    assert np.array_equal(np.concatenate([piece.target for piece in pieces]), given.target)
    assert sum(piece.first.size - 1 for piece in pieces) == 3000
    monkeypatch.setattr("lava_predict.numerics.columns._AT_A_TIME", 1)  # Less than a column.
    assert np.array_equal(columns(packed).weight, given.weight)


def test_a_weight_that_was_rounded_to_nothing_keeps_its_columns_sign() -> None:
    given = Columns(np.array([0, 2, 4]), np.array([0, 1, 0, 1], np.int32), np.array([0.0, 1.0, -0.0, -1.0]))
    packed = pack(given)
    assert packed is not None
    assert columns(packed).weight.tobytes() == given.weight.tobytes()


@pytest.mark.parametrize(
    ("target", "weight"),
    [([0, 1], [1.0, LARGEST]), ([0, 1], [1.0, GRAIN / 2]), ([1, 0], [1.0, 1.0]), ([0, 1], [1.0, np.nan])],
    ids=["large", "fine", "descending", "nan"],
)
def test_what_does_not_fit_stays_wide(target: list[int], weight: list[float]) -> None:
    assert pack(Columns(np.array([0, 2, 2]), np.array(target, np.int32), np.array(weight))) is None
