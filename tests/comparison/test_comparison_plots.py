"""Pictures of a comparison: all data is drawn, axes are named, lines are told apart, nulls are grey."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lava_predict.analysis.spike_statistics import SpikeTimeLag
from lava_predict.comparison import plots
from lava_predict.reports import curves, plot_style
from lava_predict.reports.print_style import render

RANDOM = np.random.default_rng(1)
CURRENTS = np.linspace(0, 10, 6)
RATES = {"float": RANDOM.random((4, 6)), "fixed": RANDOM.random((4, 6))}
LAGS = {name: SpikeTimeLag(np.arange(1, 9) * 100.0, RANDOM.normal(size=8)) for name in ("a", "b", "c")}
TIMES = np.arange(50.0)
SHARES = {"float against fixed": RANDOM.random(50), "float, one ulp": RANDOM.random(50)}
DISTANCES = {"float against fixed": RANDOM.random((20, 50))}
TRIALS, BLOCK = np.array([0, 10, 20, 20, 30, 40]), np.array([0, 0, 0, 1, 1, 1])
ERRORS = {"float": RANDOM.random((5, 6)), "fixed": RANDOM.random((5, 6))}
WEIGHTS = RANDOM.normal(size=(2, 2, 30))
OBJECTS = {"float": RANDOM.random((50, 2)), "fixed": RANDOM.random((50, 2))}
TRUTH = RANDOM.random((50, 2))
BITS = np.array([4, 6, 8, 10, 12, 14])
KNEES = {"float": 8, "fixed": None}
NULL = {"another seed": RANDOM.random(50)}

FIGURES: dict[str, Callable[[], Figure]] = {
    "f_i_curves": lambda: plots.f_i_curves(CURRENTS, RATES, ["one", "two", "three", "four"]),
    "lag_over_time": lambda: plots.lag_over_time({"fixed": LAGS["a"]}),
    "divergence": lambda: plots.divergence(TIMES, SHARES, NULL, 0.5),
    "distance_over_lag": lambda: plots.distance_over_lag(
        TIMES - 25, DISTANCES, {"another seed": RANDOM.random((20, 50))}
    ),
    "rate_scatter": lambda: plots.rate_scatter(*RANDOM.random((2, 30)), 24),
    "learning_curves": lambda: curves.learning_curves(TRIALS, BLOCK, ERRORS, {"null": ERRORS["float"] + 1}),
    "amplitude_against_probability": lambda: curves.amplitude_against_probability(
        np.linspace(0, 1, 6), ERRORS
    ),
    "switches": lambda: curves.switches(np.arange(6), {"timing": ERRORS, "both": ERRORS}),
    "readout_weights": lambda: plots.readout_weights(*WEIGHTS, events=2),
    "prediction_overlay": lambda: curves.prediction_overlay(TIMES - 10, OBJECTS, TRUTH, 5.0),
    "word_length_knees": lambda: plots.word_length_knees(BITS, ERRORS, KNEES, np.array([0.2, 0.3])),
}


def panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.get_axes() if axes.get_visible()]


def line(axes: Axes, name: str) -> Line2D:
    (found,) = (line for line in axes.get_lines() if line.get_label() == name)
    return found


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_a_png_with_named_axes_that_pyplot_does_not_keep(name: str) -> None:
    figure = FIGURES[name]()
    png = render(figure)["png"]
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") >= 750
    for axes in panels(figure):
        assert axes.get_xlabel()
        assert axes.get_ylabel() or not axes.get_subplotspec().is_first_col()
    assert not pyplot.get_fignums()


def test_twelve_lines_are_told_apart_by_more_than_colour() -> None:
    styles = [plot_style.point_style(number) for number in range(12)]
    assert len({(style["color"], str(style["linestyle"]), style["marker"]) for style in styles}) == 12
    for six in (styles[:6], styles[6:]):
        assert len({str(style["linestyle"]) for style in six}) == 6
    assert plot_style.GREY not in {style["color"] for style in styles}


@pytest.mark.parametrize(
    ("name", "null"),
    [("divergence", "another seed"), ("distance_over_lag", "another seed"),
     ("learning_curves", "null")],
)  # fmt: skip
def test_nulls_are_grey_and_named(name: str, null: str) -> None:
    figure = FIGURES[name]()
    drawn = line(panels(figure)[0], null)
    assert drawn.get_color() == plot_style.GREY
    assert null in legend(figure)


def test_f_i_curves_has_a_panel_for_each_cell() -> None:
    figure = FIGURES["f_i_curves"]()
    assert [axes.get_title() for axes in panels(figure)] == ["one", "two", "three", "four"]
    for number, axes in enumerate(panels(figure)):
        for name, rates in RATES.items():
            np.testing.assert_array_equal(line(axes, name).get_ydata(), rates[number])
    assert legend(figure) == list(RATES)


def test_lag_over_time_shows_every_spike_in_seconds() -> None:
    axes = panels(plots.lag_over_time(LAGS))[0]
    for name, lag in LAGS.items():
        np.testing.assert_allclose(line(axes, name).get_xdata(), lag.reference_ms / 1000)
        np.testing.assert_array_equal(line(axes, name).get_ydata(), lag.lag_ms)


def test_divergence_shows_every_pair_and_the_threshold() -> None:
    axes = panels(FIGURES["divergence"]())[0]
    for name, share in SHARES.items():
        np.testing.assert_array_equal(line(axes, name).get_ydata(), share)
    assert set(line(axes, "diverged above").get_ydata()) == {0.5}


def test_distance_over_lag_marks_the_least_median_and_leaves_silent_cells_out() -> None:
    distance = np.abs(np.arange(50) - 31.0)[None, :] + RANDOM.random((9, 1))
    silent = np.vstack((distance, np.full((1, 50), np.nan)))
    axes = panels(plots.distance_over_lag(TIMES - 25, {"pair": silent}))[0]
    np.testing.assert_allclose(line(axes, "pair").get_ydata(), np.median(distance, axis=0))
    (marked,) = (drawn for drawn in axes.get_lines() if np.size(drawn.get_xdata()) == 1)
    assert np.ravel(marked.get_xdata()) == 6


def test_rate_scatter_tells_the_two_kinds_of_cells_apart() -> None:
    one, other = RANDOM.random((2, 30))
    axes = panels(plots.rate_scatter(one, other, 24))[0]
    np.testing.assert_array_equal(line(axes, "excitatory").get_xdata(), one[:24])
    np.testing.assert_array_equal(line(axes, "inhibitory").get_ydata(), other[24:])


def test_learning_curves_show_medians_block_by_block_and_mark_the_switch() -> None:
    figure = FIGURES["learning_curves"]()
    axes = panels(figure)[0]
    for name, error in ERRORS.items():
        for label, part in ((name, slice(0, 3)), (f"_{name}", slice(3, 6))):
            np.testing.assert_allclose(line(axes, label).get_ydata(), np.median(error, axis=0)[part])
    assert any(list(drawn.get_xdata()) == [20.0, 20.0] for drawn in axes.get_lines())
    assert legend(figure) == ["predicting nothing", "null", *ERRORS]


def test_bands_reach_from_quartile_to_quartile() -> None:
    error = np.arange(5.0)[:, None] + np.array([0.0, 10.0])
    axes = panels(curves.switches(np.array([0, 1]), {"timing": {"float": error}}))[0]
    (band,) = axes.collections
    assert set(map(tuple, band.get_paths()[0].vertices)) == {(0, 1), (0, 3), (1, 11), (1, 13)}


def test_amplitude_gives_the_correlation_of_the_median_seed() -> None:
    probability = np.linspace(0, 1, 5)
    falling = np.stack((1 - probability, 2 - 2 * probability))
    figure = curves.amplitude_against_probability(probability, {"event B": falling})
    assert legend(figure) == ["event B, r = -1.000"]
    points = [drawn for drawn in panels(figure)[0].get_lines() if drawn.get_linestyle() == "None"]
    assert sum(drawn.get_xdata().size for drawn in points) == falling.size


def test_readout_weights_shows_every_input_and_survives_unlearned_ones() -> None:
    for number, axes in enumerate(panels(FIGURES["readout_weights"]())):
        (drawn,) = (found for found in axes.get_lines() if found.get_marker() == ".")
        np.testing.assert_array_equal(drawn.get_xdata(), WEIGHTS[0, number])
        np.testing.assert_array_equal(drawn.get_ydata(), WEIGHTS[1, number])
    with np.errstate(all="raise"):
        assert render(plots.readout_weights(np.zeros((1, 5)), np.zeros((1, 5)), events=1))["png"]


def test_readout_weights_has_a_panel_an_event_with_the_weights_of_all_cues() -> None:
    weights = np.arange(30.0).reshape(6, 5)
    drawn = panels(plots.readout_weights(weights, -weights, events=2))
    assert len(drawn) == 2
    (second,) = (found for found in drawn[1].get_lines() if found.get_marker() == ".")
    np.testing.assert_array_equal(second.get_xdata(), np.concatenate((weights[1], weights[3], weights[5])))
    np.testing.assert_array_equal(second.get_ydata(), -second.get_xdata())


def test_prediction_overlay_shows_each_variant_beside_the_truth() -> None:
    figure = FIGURES["prediction_overlay"]()
    for event, axes in enumerate(panels(figure)):
        for name, o in {**OBJECTS, "truth": TRUTH}.items():
            np.testing.assert_array_equal(line(axes, name).get_ydata(), o[:, event])
    assert legend(figure) == ["truth", "float", "fixed", "cue"]


def test_word_length_knees_are_ringed_where_they_are() -> None:
    figure = FIGURES["word_length_knees"]()
    axes = panels(figure)[0]
    assert {"float: 8 bits", "fixed: no knee"} < set(legend(figure))
    (ring,) = (drawn for drawn in axes.get_lines() if np.size(drawn.get_xdata()) == 1)
    assert np.ravel(ring.get_xdata()) == 8
    assert np.ravel(ring.get_ydata()) == np.median(ERRORS["float"][:, 2])


def test_word_length_knees_lie_in_view_however_large_the_error_of_few_bits() -> None:
    huge = ERRORS["float"] * np.array([500, 50, 1, 1, 1, 1])
    axes = panels(plots.word_length_knees(BITS, {"v": huge}, {"v": 8}, np.array([0.3])))[0]
    assert axes.get_ylim()[1] < 3


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_runs_that_failed_count_as_worse_than_any() -> None:
    failed = np.array([[0.1, np.nan, np.nan], [0.2, 0.2, np.nan], [0.3, 0.3, np.nan]])
    learning = curves.learning_curves(np.arange(3), np.zeros(3, int), {"fixed": failed})
    widths = plots.word_length_knees(np.array([4, 6, 8]), {"v": failed}, {"v": None}, np.array([0.2]))
    for figure, name in ((learning, "fixed"), (widths, "v: no knee")):
        assert render(figure)["png"]
        np.testing.assert_array_equal(line(panels(figure)[0], name).get_ydata(), [0.2, 0.3, np.inf])
