"""Pictures: every one can be drawn from the record, names its axes with units, and marks what it must."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from lava_predict import Experiment, load_preset
from lava_predict.records.run_record import RunRecord
from lava_predict.reports import plot_style, plots


@pytest.fixture(scope="module", params=["one cue", "two cues, three events"])
def record(request: pytest.FixtureRequest) -> RunRecord:
    small = ["reservoir.neurons=60", "run.probe_trials=[0, 2]"]
    probability, latency = ("[0.6, 0.3]", "[300, 600]")
    if request.param != "one cue":
        small.append("task.cues=2")
        probability, latency = ("[[0.6, 0.3, 0.0], [0.1, 0.1, 0.2]]", "[300, 600, 800]")
    block = f"{{trials=3, probability={probability}, latency_ms={latency}}}"
    first = block if request.param == "one cue" else block.replace("}", ", cues=[1]}")
    return RunRecord.of(Experiment(load_preset("smoke", [*small, f"task.blocks=[{first}, {block}]"])).run())


@pytest.mark.parametrize("name", plots.FIGURES)
def test_a_figure_is_a_png_wide_enough_for_print_with_named_axes(name: str, record: RunRecord) -> None:
    figure = plots.FIGURES[name](record)
    png = plot_style.to_png(figure)
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") >= 1000
    panels = figure.get_axes()
    assert any(axes.get_xlabel() for axes in panels)
    assert all(axes.get_ylabel() for axes in panels if axes.get_subplotspec().is_first_col())
    assert any("(ms)" in axes.get_xlabel() or "trial" in axes.get_xlabel() for axes in panels)


def test_learning_curve_shows_every_probe_and_marks_the_switch(record: RunRecord) -> None:
    axes = plots.learning_curve(record).get_axes()[0]
    drawn = np.concatenate([line.get_ydata() for line in axes.get_lines() if line.get_marker() == "o"])
    np.testing.assert_array_equal(drawn, record.error)
    counted = np.concatenate([line.get_ydata() for line in axes.get_lines() if line.get_marker() == "s"])
    np.testing.assert_array_equal(counted, record.error_counting)
    assert any(list(line.get_xdata()) == [3.0, 3.0] for line in axes.get_lines())


def test_prediction_shows_truth_and_last_probe(record: RunRecord) -> None:
    figure = plots.prediction(record)
    cues, events = record.o.shape[1], record.o.shape[3]
    panels = figure.get_axes()
    assert len(panels) == 2 * cues * events
    truth, predicted = panels[-1].get_lines()[:2]
    np.testing.assert_array_equal(truth.get_ydata(), record.truth[-1, -1, :, -1])
    np.testing.assert_array_equal(predicted.get_ydata(), record.o[-1, -1, :, -1])


def test_raster_shows_every_spike_of_the_last_probe(record: RunRecord) -> None:
    axes = plots.raster(record).get_axes()[0]
    drawn = sum(line.get_xdata().size for line in axes.get_lines() if line.get_marker() == ".")
    last = record.spike_probe == record.spike_probe.max()
    assert drawn == np.count_nonzero(last & (record.spike_cue == 0))
    latencies = {300.0, 600.0} if record.o.shape[3] == 2 else {300.0, 600.0, 800.0}
    marked = {line.get_xdata()[0] for line in axes.get_lines() if line.get_linestyle() == "--"}
    assert marked == latencies


def test_probability_shows_every_trial(record: RunRecord) -> None:
    panels = plots.probability(record).get_axes()
    drawn = sum(
        line.get_xdata().size for axes in panels for line in axes.get_lines() if line.get_linewidth() == 1.3
    )
    assert drawn == record.trial_p.size


def test_colours_are_told_apart_without_red_or_green() -> None:
    # Luminance alone separates any two neighbours of the palette.
    def luminance(colour: str) -> float:
        rgb = [int(to_hex(colour)[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    first_two = [luminance(plot_style.colour_of(event)) for event in (0, 1)]
    assert abs(first_two[0] - first_two[1]) > 0.05
