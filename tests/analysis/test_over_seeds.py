"""Mean and spread over seeds, in numbers and in words."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from lava_predict.analysis.over_seeds import in_words, mean_and_deviation
from lava_predict.reports.outcome import plain


def test_mean_and_deviation_are_those_of_the_known_seeds() -> None:
    found = mean_and_deviation([0.1, np.nan, 0.4, 0.3])
    assert found["mean"] == pytest.approx(statistics.mean([0.1, 0.4, 0.3]))
    assert found["sd"] == pytest.approx(statistics.stdev([0.1, 0.4, 0.3]))


@pytest.mark.parametrize(
    ("values", "words"),
    [([0.25, 0.75], "0.50 ± 0.35"), ([0.5], "0.50 ± –"), ([0.5, np.nan], "0.50 ± –"), ([np.nan], "–")],
)
def test_a_spread_that_is_not_known_is_a_dash(values: list[float], words: str) -> None:
    found = mean_and_deviation(values)
    assert in_words(found, ".2f") == words
    assert in_words(plain(found), ".2f") == words
