"""Scores of predictions whose scores are known."""

import numpy as np
import pytest

from lava_predict.experiment import scores

TIMES = np.arange(-200, 1000) * 1.0


def bump(latency: float, height: float) -> np.ndarray:
    return height * np.exp(-((TIMES - latency) ** 2) / (2 * 40.0**2))


def test_prediction_clips_the_estimate_and_rectifies_the_readout() -> None:
    z = np.array([[-1.0, 0.5], [2.0, 0.25]])
    np.testing.assert_array_equal(scores.prediction(z, np.array([1.5, -0.1])), [[0, 0], [2, 0]])
    np.testing.assert_array_equal(scores.prediction(z, np.array([0.5, 1.0])), [[0, 0.5], [1, 0.25]])


def test_rmse_of_a_gaussian_against_its_integral() -> None:
    # The integral of the squared Gaussian is height^2 * width * sqrt(pi).
    expected = 0.7 * np.sqrt(40 * np.sqrt(np.pi) / 1200)
    assert scores.rmse(bump(400, 0.7), np.zeros(1200)) == pytest.approx(expected, rel=1e-6)


def test_amplitude_of_a_gaussian_against_its_integral() -> None:
    o = np.stack((bump(300, 0.7), bump(600, 0.2)), axis=1)
    found = scores.amplitude(o, TIMES, np.array([300.0, 600.0]))
    from math import erf

    mean = 40 * np.sqrt(2 * np.pi) * erf(50.5 / (40 * np.sqrt(2))) / 101
    np.testing.assert_allclose(found, [0.7 * mean, 0.2 * mean], rtol=1e-3)


def test_peak_time_is_the_centroid_of_the_upper_half() -> None:
    o = np.stack((bump(300, 0.7), np.where(TIMES == 500, 1.0, 0.0), np.zeros(1200)), axis=1)
    peaks = scores.peak_time(o, TIMES)
    assert peaks[0] == pytest.approx(300)
    assert peaks[1] == 500
    assert np.isnan(peaks[2])


def test_peak_time_disregards_what_comes_before_the_cue() -> None:
    o = (bump(400, 0.5) + np.where(TIMES < 0, 3.0, 0.0))[:, None]
    assert scores.peak_time(o, TIMES)[0] == pytest.approx(400)


def test_causal_estimate_uses_no_later_step_and_ends_at_the_whole_mean() -> None:
    drive = np.random.default_rng(0).normal(size=(100, 2))
    p = scores.causal_estimate(drive, (20, 60))
    for step in range(100):
        seen = drive[20 : min(step, 59) + 1]
        expected = seen.mean(axis=0) if step >= 20 else np.zeros(2)
        np.testing.assert_allclose(p[step], expected, atol=1e-12)
