"""Float against fixed: the comparison's parts, its nulls, and what it writes."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import pngs

from lava_predict import Config, Experiment, load_preset
from lava_predict.comparison import study
from lava_predict.comparison.page import outcome, page
from lava_predict.comparison.study import (
    FIXED,
    FLOAT,
    NOISE,
    NULLS,
    ON_CHIP,
    ULP,
    WIDTHS,
    Comparison,
    TaskOutcome,
    compare,
    disturbed,
    run_network,
    run_task,
    variants_of,
    with_changes,
)
from lava_predict.work.cache import Cache

Tiny = Callable[..., Config]


def run(config: Config, name: str) -> TaskOutcome:
    variant = variants_of(config)[name]
    return run_task(with_changes(config, variant.changes), variant.precision, variant.disturbed)


def test_a_disturbance_is_one_unit_in_the_last_place(tiny: Tiny) -> None:
    state = Experiment(tiny()).arithmetic("float").start
    moved = disturbed(state)
    assert moved.differences(state) == ["cells.v"]
    v, before = moved.cells.v.view(np.int64), state.cells.v.view(np.int64)
    np.testing.assert_array_equal(v, before - 1)  # v is negative


def test_variants_change_what_they_are_named_after(tiny: Tiny) -> None:
    config = tiny()
    variants = variants_of(config)
    assert list(variants)[-2:] == list(NULLS) == [ULP, NOISE]
    chip = with_changes(config, variants[ON_CHIP].changes)
    assert (chip.fixed.learning, chip.readout.cue_weights) == ("on_chip", "shared")
    assert ON_CHIP not in variants_of(load_preset("paper"))
    noise = with_changes(config, variants[NOISE].changes)
    assert noise.run.draws.noise == config.run.draws.noise + 1
    assert noise.run.draws.cells == config.run.draws.cells
    assert with_changes(config, variants[FLOAT].changes, seed=9).run.seed == 9


@pytest.mark.slow
def test_a_task_run_is_the_experiments_own(tiny: Tiny) -> None:
    config = tiny()
    for name, precision in ((FLOAT, "float"), (FIXED, "fixed")):
        outcome, result = run(config, name), Experiment(config).run(precision=precision)
        errors = [probe.error / probe.zero_error for probe in result.state.probes]
        np.testing.assert_array_equal(outcome.error, errors)
        assert outcome.rate_hz == pytest.approx(result.mean_rate_hz)
        np.testing.assert_array_equal(outcome.amplitude, [b.amplitude[0] for b in result.blocks])
        assert outcome.saturations == result.saturations


@pytest.mark.slow
def test_other_noise_differs_from_float_and_a_repetition_does_not(tiny: Tiny) -> None:
    config = tiny()
    reference = run(config, FLOAT)
    np.testing.assert_array_equal(run(config, FLOAT).w_when, reference.w_when)
    assert not np.array_equal(run(config, NOISE).w_when, reference.w_when)


@pytest.mark.slow
def test_a_run_that_diverges_is_a_gap(tiny: Tiny) -> None:
    outcome = run(tiny("readout.rule=gated_delta", "readout.when_rate=90.0"), FLOAT)
    assert np.isnan(outcome.error[-1])
    assert np.isnan(outcome.amplitude).all()
    assert outcome.trials.tolist() == [0, 2, 3, 0, 2]


@pytest.mark.slow
def test_rasters_part_from_float_and_keep_its_statistics(tiny: Tiny) -> None:
    config = tiny()
    found = run_network(config)
    assert set(found.pairs) == {FIXED, *NULLS}
    for name, pair in found.pairs.items():
        assert 0 <= pair.distance.min() < 1.2
        assert found.rate_hz[name] == pytest.approx(found.rate_hz[FLOAT], rel=0.1)
        assert pair.rate_correlation > 0.9
        assert 0.5 < pair.cka <= 1.0 + 1e-12
        assert 0 <= pair.angle_deg < 60
        assert found.dimension[name] == pytest.approx(found.dimension[FLOAT], rel=0.25)
    # Other noise and coarser numbers are there from the first step; in so small a network an ulp may die out.
    assert found.pairs[FIXED].horizon_ms < 2000
    assert found.pairs[NOISE].horizon_ms < 2000
    assert not found.pairs[ULP].horizon_ms < found.pairs[NOISE].horizon_ms


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.images, self.headings, self.text = 0, 0, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.images += tag == "img"
        self.headings += tag in ("h1", "h2")

    def handle_data(self, data: str) -> None:
        self.text += data


CONFIG = load_preset(
    "smoke",
    [
        "reservoir.neurons=60",
        "run.probe_trials=[0, 2]",
        "run.probe_repeats=1",
        "task.settle_ms=400",
        "task.blocks=[{trials=3, probability=[0.6, 0.4], latency_ms=[300, 600]},"
        "{trials=3, probability=[0.1, 0.9], latency_ms=[500, 200]}]",
    ],
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def found(cache: Cache) -> Comparison:
    return compare(CONFIG, [3, 4], cache=cache)


@pytest.mark.long
def test_what_was_done_before_is_not_done_again(
    found: Comparison, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("run_task", "run_network"):
        monkeypatch.delattr(study, name)
    told: list[tuple[int, int]] = []
    again = compare(CONFIG, [3, 4], cache=cache, progress=lambda done, total: told.append((done, total)))
    ((done, total),) = told
    assert done == total
    assert outcome(again, 0.0).summary == outcome(found, 0.0).summary
    with pytest.raises(NameError):
        compare(CONFIG, [3, 5], cache=cache)


@pytest.mark.slow
def test_a_comparison_holds_every_seed_variant_and_width(found: Comparison) -> None:
    assert found.seeds == (3, 4)
    assert set(found.tasks) == {FLOAT, FIXED, ON_CHIP, *NULLS}
    assert all(len(outcomes) == 2 for outcomes in found.tasks.values())
    assert {name: a.shape for name, a in found.amplitude.items()} == dict.fromkeys(
        (FLOAT, FIXED, ON_CHIP), (2, 11)
    )
    for amplitude in found.amplitude.values():
        assert amplitude[:, 0].max() < 0.05  # what never happens is not expected
    assert all(error.shape[0] == 2 for error in found.sweep.values())
    # The runs with full word lengths are those of the task.
    end = np.flatnonzero(found.tasks[FIXED][0].block == 0)[-1]
    assert found.full_error().tolist() == [outcome.error[end] for outcome in found.tasks[FIXED]]
    # A sweep's run at a default length is that run too, although it is tested less often.
    default = WIDTHS["weight_bits"].tolist().index(found.config.fixed.weight_bits)
    assert found.sweep["weight_bits"][:, default].tolist() == found.full_error().tolist()


@pytest.mark.slow
def test_what_a_comparison_writes(found: Comparison) -> None:
    made = outcome(found, 1.5)
    summary = made.summary
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["timing"] == {"wall_s": 1.5}
    assert (summary["command"], summary["schema"], summary["seeds"]) == ("compare", 1, [3, 4])
    ratio = summary["task"]["variants"][FIXED]["first_block_end_ratio_to_float"]
    end = np.flatnonzero(found.tasks[FLOAT][0].block == 0)[-1]
    pairs = zip(found.tasks[FIXED], found.tasks[FLOAT], strict=True)
    expected = np.mean([a.error[end] / b.error[end] for a, b in pairs])
    assert ratio["mean"] == pytest.approx(expected)
    parsed = Page()
    parsed.feed(page(summary, pngs(made.figures)).html())
    assert parsed.images == len(made.figures) >= 11
    text = " ".join(parsed.text.split())
    assert "one unit in the last place" in text
    assert all(f"“{name}”" in text for name in (ON_CHIP, ULP, NOISE))
    assert made.table.row_count == 5


@pytest.mark.long
def test_the_page_fits_a_screen_and_a_phone(browser: Any, found: Comparison, tmp_path: Path) -> None:
    made, file = outcome(found, 1.5), tmp_path / "page.html"
    file.write_text(page(made.summary, pngs(made.figures)).html(), encoding="utf-8")
    browser.check_that_it_fits(file)


@pytest.mark.long
def test_cues_with_weights_of_their_own_are_compared_with_those_that_share_them(tiny: Tiny) -> None:
    made = outcome(compare(tiny("task.cues=2"), [3]), 0.0)
    readouts = made.summary["readouts"]
    assert readouts[ON_CHIP]["weight_correlation"]["mean"] is None
    assert readouts[FIXED]["weight_correlation"]["mean"] > 0.3
