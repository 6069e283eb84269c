"""Pictures: every one can be drawn from the record, names its axes with units, and marks what it must."""

import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.text import Text

from lava_predict import Experiment, load_preset
from lava_predict.records.run_record import RunRecord
from lava_predict.reports import plot_style, plots, print_style
from lava_predict.reports.print_style import Printed, render


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


@pytest.mark.slow
@pytest.mark.parametrize("name", plots.FIGURES)
def test_a_figure_is_a_png_wide_enough_for_print_with_named_axes(name: str, record: RunRecord) -> None:
    figure = plots.FIGURES[name](record)
    png = render(figure)["png"]
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") >= 1000
    panels = figure.get_axes()
    assert any(axes.get_xlabel() for axes in panels)
    assert all(axes.get_ylabel() for axes in panels if axes.get_subplotspec().is_first_col())
    assert any("(ms)" in axes.get_xlabel() or "trial" in axes.get_xlabel() for axes in panels)


@pytest.mark.slow
def test_learning_curve_shows_every_probe_and_marks_the_switch(record: RunRecord) -> None:
    axes = plots.learning_curve(record).get_axes()[0]
    drawn = np.concatenate([line.get_ydata() for line in axes.get_lines() if line.get_marker() == "o"])
    nothing = record.zero_error
    np.testing.assert_allclose(drawn, record.error / nothing)
    counted = np.concatenate([line.get_ydata() for line in axes.get_lines() if line.get_marker() == "s"])
    np.testing.assert_allclose(counted, record.error_counting / nothing)
    assert any(list(line.get_xdata()) == [3.0, 3.0] for line in axes.get_lines())


@pytest.mark.slow
def test_prediction_shows_truth_and_last_probe(record: RunRecord) -> None:
    figure = plots.prediction(record)
    cues, events = record.o.shape[1], record.o.shape[3]
    panels = figure.get_axes()
    assert len(panels) == 2 * cues * events
    truth, predicted = panels[-1].get_lines()[:2]
    after = record.times_ms >= 0
    np.testing.assert_array_equal(truth.get_ydata(), record.truth[-1, -1, after, -1])
    np.testing.assert_array_equal(predicted.get_ydata(), record.o[-1, -1, after, -1])


@pytest.mark.slow
def test_raster_shows_every_spike_of_the_last_probe(record: RunRecord) -> None:
    axes = plots.raster(record).get_axes()[0]
    drawn = sum(line.get_xdata().size for line in axes.get_lines() if line.get_marker() == ".")
    last = record.spike_probe == record.spike_probe.max()
    assert drawn == np.count_nonzero(last & (record.spike_cue == 0))
    latencies = {300.0, 600.0} if record.o.shape[3] == 2 else {300.0, 600.0, 800.0}
    marked = {line.get_xdata()[0] for line in axes.get_lines() if line.get_linestyle() == "--"}
    assert marked == latencies


@pytest.mark.slow
def test_probability_shows_every_trial(record: RunRecord) -> None:
    panels = plots.probability(record).get_axes()
    drawn = sum(
        line.get_xdata().size for axes in panels for line in axes.get_lines() if line.get_linewidth() == 1.3
    )
    assert drawn == record.trial_p.size


@pytest.fixture(scope="module")
def high(record: RunRecord) -> RunRecord:
    """A record whose predictions and estimates overshoot, and in which two trials had no event."""
    outcome = record.trial_outcome.copy()
    outcome[:2] = -1
    return replace(record, o=record.o + 1.3, trial_p=record.trial_p + 1.5, trial_outcome=outcome)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["prediction", "probability"])
def test_axes_hold_all_that_is_drawn(name: str, high: RunRecord) -> None:
    panels = plots.FIGURES[name](high).get_axes()
    low, top = panels[0].get_ylim()
    drawn = np.concatenate([line.get_ydata() for axes in panels for line in axes.get_lines()])
    assert low <= np.nanmin(drawn)
    assert 1.3 < np.nanmax(drawn) <= top


@pytest.mark.slow
def test_trials_without_an_event_are_marked_below_0(high: RunRecord) -> None:
    marked = [
        trial
        for axes in plots.probability(high).get_axes()
        for line in axes.get_lines()
        if line.get_marker() == "|" and np.all(np.asarray(line.get_ydata()) < 0)
        for trial in line.get_xdata()
    ]
    assert sorted(marked) == np.flatnonzero(high.trial_outcome < 0).tolist()


@pytest.mark.slow
@pytest.mark.parametrize(("cues", "events"), [(12, 20), (64, 40)])
def test_many_cues_and_events_take_a_readable_number_of_panels(
    cues: int, events: int, record: RunRecord
) -> None:
    many = [f"task.cues={cues}", f"run.probe_trials=[0, {cues}]", "reservoir.neurons=60"]
    p = "[" + ",".join([str([round(0.8 / events, 4)] * events)] * cues) + "]"
    latency = np.linspace(100, 700, events).round(1).tolist()
    block = f"{{trials={cues}, probability={p}, latency_ms={latency}}}"
    config = load_preset("smoke", [*many, f"task.blocks=[{block}]"])
    steps = record.o.shape[2]
    rng = np.random.default_rng(1)
    shown = replace(
        record,
        config=config,
        probe_block=np.zeros(2, int),
        probe_trials=np.array([0, cues]),
        o=rng.random((2, cues, steps, events)),
        truth=rng.random((2, cues, steps, events)),
        trial_cue=np.arange(cues),
        trial_p=rng.random((cues, events)),
        trial_outcome=np.arange(cues) % events,
    )
    for name in ("prediction", "raster", "probability"):
        assert len(plots.FIGURES[name](shown).get_axes()) <= 9
    left, right = plots.prediction(shown).get_axes()[:2]
    rows, after = 12, record.times_ms >= 0
    for axes, part in ((left, shown.o), (right, shown.truth)):
        (image,) = axes.get_images()
        expected = np.concatenate([part[1, cue, after].T for cue in range(cues - rows, cues)])
        np.testing.assert_array_equal(image.get_array(), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", plots.FIGURES)
def test_print_has_its_width_embedded_fonts_and_readable_texts(name: str, record: RunRecord) -> None:
    figure = plots.FIGURES[name](record)
    files = render(figure, Printed(("pdf", "svg"), 85.0))
    assert list(files) == ["png", "pdf", "svg"]
    assert figure.get_figwidth() * 25.4 == pytest.approx(85)
    assert b"/FontFile2" in files["pdf"]
    assert b"/Type3" not in files["pdf"]
    assert b'width="240.94' in files["svg"]
    assert b"<text" not in files["svg"]
    sizes = {text.get_fontsize() for text in figure.findobj(Text) if text.get_text()}
    assert sizes <= {7.0, 8.0}
    assert all(line.get_linewidth() >= 0.6 for line in figure.findobj(Line2D))
    inside = figure.get_window_extent()
    for legend in figure.legends:
        assert legend.get_window_extent().width <= inside.width


@pytest.mark.long
@pytest.mark.parametrize("name", plots.FIGURES)
def test_labels_that_are_empty_change_no_picture(
    name: str, record: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = render(plots.FIGURES[name](record))
    monkeypatch.setattr(print_style, "_place_empty_labels", lambda figure: None)
    assert render(plots.FIGURES[name](record)) == shown


@pytest.mark.slow
def test_a_picture_is_the_same_file_every_time(record: RunRecord) -> None:
    first, second = (
        render(plots.learning_curve(record), Printed(("png", "pdf", "svg"), 85.0)) for _ in range(2)
    )
    assert first == second


@pytest.mark.slow
@pytest.mark.parametrize("name", ["prediction", "raster", "probability"])
def test_events_and_cues_have_their_names(name: str, record: RunRecord) -> None:
    _, cues, _, events = record.o.shape
    named = {"event_names": ("tone", "light", "puff")[:events], "cue_names": ("left", "right")[:cues]}
    task = record.config.task.model_copy(update=named)
    figure = plots.FIGURES[name](replace(record, config=record.config.model_copy(update={"task": task})))
    texts = " ".join(text.get_text() for text in figure.findobj(Text))
    assert all(event in texts for event in named["event_names"])
    assert cues == 1 or all(f"cue {cue}" in texts for cue in named["cue_names"])
    assert not re.search(r"event [A-C]\b|cue \d", texts)


def test_colours_are_told_apart_without_red_or_green() -> None:
    # Luminance alone separates any two neighbours of the palette.
    def luminance(colour: str) -> float:
        rgb = [int(to_hex(colour)[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    first_two = [luminance(plot_style.colour_of(event)) for event in (0, 1)]
    assert abs(first_two[0] - first_two[1]) > 0.05
