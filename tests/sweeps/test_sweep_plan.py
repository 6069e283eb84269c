"""What is swept: values between commas, ranges, combinations, and messages for what cannot be swept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from lava_predict import UserError, load_preset
from lava_predict.sweeps.plan import Plan, Range, Search, Values, as_swept, planned

SMOKE = partial(load_preset, "smoke")


def plan(*settings: str, seeds: Sequence[int] = (1, 2), **options: Any) -> Plan:
    return planned(SMOKE, settings, seeds, **options)


def test_one_combination_is_swept_over_several_seeds() -> None:
    made = plan("reservoir.noise=0.5")
    assert [(point.settings, point.config.reservoir.noise) for point in made.grid] == [({}, 0.5)]
    assert made.runs == 2


@pytest.mark.parametrize("text", ["reservoir.noise=0.5,1", "reservoir.noise=0.5..2:log", "task.cues=1..3"])
def test_what_is_swept_is_written_as_it_is_read(text: str) -> None:
    (swept,) = plan(text, search=Search(4, 2)).swept
    assert f"{swept.key}={as_swept(swept.described())}" == text


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("readout.least_rate=0.02,0.05", ("0.02", "0.05")),
        (" readout.least_rate = 0.02 , 0.05 ", ("0.02", "0.05")),
        ("readout.rule=annealed_delta,gated_delta", ("annealed_delta", "gated_delta")),
        ("run.probe_trials=[0, 5],[0,1,5]", ("[0, 5]", "[0,1,5]")),
        ("readout.cue_weights='own',\"shared\"", ("'own'", '"shared"')),
        ("task.event_names=['a,b','c'],[\"it's, so\",\"d\"]", ("['a,b','c']", '["it\'s, so","d"]')),
        (
            "task.blocks=[{trials=2, probability=[1,0], latency_ms=[300,600]}],"
            "[{trials=3, probability=[1,0], latency_ms=[300,600]}]",
            (
                "[{trials=2, probability=[1,0], latency_ms=[300,600]}]",
                "[{trials=3, probability=[1,0], latency_ms=[300,600]}]",
            ),
        ),
    ],
)
def test_values_stand_between_commas_that_no_bracket_or_quotation_mark_encloses(
    text: str, values: tuple[str, ...]
) -> None:
    (one,) = plan(text).swept
    assert one == Values(text.partition("=")[0].strip(), values)


def test_a_grid_has_every_combination_and_the_settings_that_all_share() -> None:
    made = plan("reservoir.neurons=90", "readout.least_rate=0.02,0.05", "task.cues=1,2,3")
    assert [dict(point.settings) for point in made.grid] == [
        {"readout.least_rate": rate, "task.cues": cues} for rate in ("0.02", "0.05") for cues in "123"
    ]
    assert [point.number for point in made.grid] == list(range(6))
    assert [point.config.task.cues for point in made.grid] == [1, 2, 3] * 2
    assert {point.config.reservoir.neurons for point in made.grid} == {90}
    assert made.runs == 12


def test_a_point_has_the_configuration_of_a_run_with_its_settings() -> None:
    made = plan("readout.rule=annealed_delta,gated_delta", "readout.when_rate=0.02,0.05")
    for point in made.grid:
        texts = [f"{key}={text}" for key, text in point.settings.items()]
        assert point.config == load_preset("smoke", texts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reservoir.noise=0.01..0.1", Range("reservoir.noise", 0.01, 0.1, False, False)),
        ("reservoir.noise=1e-3..1:log", Range("reservoir.noise", 0.001, 1.0, True, False)),
        ("reservoir.noise=1..2", Range("reservoir.noise", 1.0, 2.0, False, False)),
        ("reservoir.neurons=100..400", Range("reservoir.neurons", 100, 400, False, True)),
        ("reservoir.feedback_gain=-.5..1.5", Range("reservoir.feedback_gain", -0.5, 1.5, False, False)),
    ],
)
def test_a_search_takes_ranges(text: str, expected: Range) -> None:
    made = plan(text, "task.cues=1,2", search=Search(7, 4))
    assert made.swept == (expected, Values("task.cues", ("1", "2")))
    assert made.runs == 14


SEARCH = {"search": Search(4, 2)}


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ([], {"seeds": [1]}, "nothing to sweep; give --set section.key=v1,v2"),
        (["reservoir.noise=0.5"], {"seeds": [1]}, "nothing to sweep"),
        (["reservoir.noise=0.5"], SEARCH, r"or --set section\.key=LOW\.\.HIGH"),
        (["readout.least_rat=0.02,0.05"], {}, "did you mean 'least_rate'"),
        (["reservor.noise=0.02,0.05"], {}, "did you mean 'reservoir'"),
        (["noise=1,2"], {}, "section.key=value"),
        (["reservoir.noise=1,"], {}, "a value between the commas is missing"),
        (["reservoir.noise=1,x"], {}, "reservoir.noise = 'x'"),
        (["reservoir.noise=1,2", "reservoir.noise=3"], {}, "reservoir.noise is given twice"),
        (["reservoir.noise=1,1.0"], {}, "reservoir.noise=1.0: gives the same settings as reservoir.noise=1;"),
        (["run.seed=1,2"], {}, "give --seeds and --first-seed"),
        (["fixed.weight_bits=4,8"], {}, "has no effect in float; add --precision fixed"),
        (["reservoir.noise=1,2"], {"precision": "fixd"}, "precision = 'fixd'.*did you mean 'fixed'"),
        (["reservoir.noise=0.1..0.5"], {}, "add --search optuna --trials N"),
        (["reservoir.noise=0.5..0.1"], SEARCH, "the lower end must come first"),
        (["reservoir.noise=0..1:log"], SEARCH, "a lower end above 0"),
        (["reservoir.noise=1..2:lin"], SEARCH, "'lin' is no scale"),
        (["reservoir.noise=1..1e999"], SEARCH, "both must be finite"),
        (["reservoir.noise=0..2000"], SEARCH, "reservoir.noise = 2000"),
        (["task.cues=0.5..3"], SEARCH, "task.cues = 0.5"),
    ],
)
def test_what_cannot_be_swept_is_named(settings: list[str], options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        plan(*settings, **options)


def test_word_lengths_are_swept_in_integers() -> None:
    made = plan("fixed.weight_bits=4,8", precision="fixed")
    assert [point.config.fixed.weight_bits for point in made.grid] == [4, 8]


def test_sweeps_are_told_apart_and_a_search_may_get_longer() -> None:
    one = plan("reservoir.noise=0.1,0.2")
    assert one.described() == plan("reservoir.noise=0.1,0.2").described()
    others = [
        plan("reservoir.noise=0.1,0.3"),
        plan("reservoir.noise=0.1,0.2", "task.cues=2"),
        plan("reservoir.noise=0.1,0.2", precision="fixed"),
        planned(SMOKE, ["reservoir.noise=0.1,0.2"], [1]),
        plan("reservoir.noise=0.1,0.2", search=Search(4, 4)),
        plan("reservoir.noise=0.1,0.2", search=Search(4, 2)),
    ]
    assert all(one.described() != other.described() for other in others)
    longer = plan("reservoir.noise=0.1,0.2", search=Search(9, 2))
    assert longer.described() == others[-1].described()
