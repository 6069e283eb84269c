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


@pytest.mark.parametrize("latency", [0, 20, 150, 600, 950, 999])
def test_smoothed_peak_of_a_profile_is_its_latency_even_where_the_trial_cuts_it_off(latency: float) -> None:
    assert scores.smoothed_peak(bump(latency, 0.3)[:, None], TIMES, 40.0) == [latency]


def test_smoothed_peak_is_that_of_the_event_whatever_the_burst_at_the_cue() -> None:
    rare = bump(600, 0.1) + np.where((TIMES > 0) & (TIMES < 15), 0.12, 0.0)
    below = bump(600, 0.0199)
    o = np.stack((rare, below, np.where(TIMES < 0, 1.0, 0.0)), axis=1)
    found = scores.smoothed_peak(o, TIMES, 40.0)
    assert found[0] == 600
    assert np.isnan(found[1:]).all()
    assert scores.peak_time(o, TIMES)[0] < 560  # the centroid is drawn to the burst


@pytest.mark.parametrize("dt", [0.1, 0.5])
def test_smoothed_peak_by_brute_force(dt: float) -> None:
    times = np.arange(-20, 100, dt)
    o = np.random.default_rng(3).random((times.size, 2)).cumsum(axis=0) % 0.9
    after = times[times >= 0]
    gaussian = np.exp(-0.5 * ((after[:, None] - after) / 5.0) ** 2)
    match = (gaussian @ o[times >= 0]) / np.sqrt((gaussian**2).sum(axis=1))[:, None]
    np.testing.assert_allclose(scores.smoothed_peak(o, times, 5.0), after[match.argmax(axis=0)])


def test_errors_of_cues_leave_out_the_one_whose_truth_is_unknown() -> None:
    o, truth = np.random.default_rng(1).normal(size=(2, 3, 100, 2))
    truth[1] = np.nan
    error, by_cue = scores.cue_errors(o, truth)
    assert np.isnan(by_cue).tolist() == [False, True, False]
    assert error == pytest.approx(np.sqrt((by_cue[0] ** 2 + by_cue[2] ** 2) / 2))
    assert by_cue[2] == scores.rmse(o[2], truth[2])


def test_causal_estimate_uses_no_later_step_and_ends_at_the_whole_mean() -> None:
    drive = np.random.default_rng(0).normal(size=(100, 2))
    p = scores.causal_estimate(drive, (20, 60))
    for step in range(100):
        seen = drive[20 : min(step, 59) + 1]
        expected = seen.mean(axis=0) if step >= 20 else np.zeros(2)
        np.testing.assert_allclose(p[step], expected, atol=1e-12)
