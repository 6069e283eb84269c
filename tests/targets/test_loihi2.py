"""The readiness check: sourced limits, sizes against hand counts, verdicts with reasons and changes."""

from __future__ import annotations

import io
import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from lava_predict import Experiment, StreamLearner, load_preset, with_changes
from lava_predict.cli import app
from lava_predict.cli.report import page_of
from lava_predict.engines.cpu import CpuEngine
from lava_predict.records.checkpoint import Checkpoint
from lava_predict.settings.schema import Config
from lava_predict.targets.loihi2 import readiness as readiness_module
from lava_predict.targets.loihi2.limits import LIMITS, Limit
from lava_predict.targets.loihi2.mapping import Links, drawn_counts, expected_counts, map_network
from lava_predict.targets.loihi2.page import outcome, page, table, worst
from lava_predict.targets.loihi2.readiness import (
    ASSUMPTIONS,
    Readiness,
    Status,
    Verdict,
    check_readiness,
    check_stream,
)
from lava_predict.targets.loihi2.stream_needs import stream_needs

DOCS = Path(__file__).parents[2] / "docs" / "loihi2.md"
TOO_LARGE = ["reservoir.neurons=50000", "reservoir.connection_probability=0.1"]
ON_CHIP = ["fixed.learning=on_chip"]


def small(*settings: str) -> Config:
    return load_preset("smoke", ["task.settle_ms=1000", *settings])


def static(*settings: str, preset: str = "robust") -> Readiness:
    return check_readiness(load_preset(preset, list(settings)), simulate=False)


def printed(found: Readiness) -> str:
    written = io.StringIO()
    Console(width=200, file=written).print(table(found))
    return written.getvalue()


@pytest.mark.parametrize("limit", LIMITS.values(), ids=lambda limit: limit.name)
def test_every_limit_has_a_source_that_the_docs_name(limit: Limit) -> None:
    assert len(limit.source.citation) > 10
    assert limit.source.url.startswith("https://")
    source = f"[{limit.source.citation}]({limit.source.url})"
    row = f"| `{limit.name}` | {limit.meaning} | {limit.in_words()} | {source} |"
    assert row in DOCS.read_text(), f"docs/loihi2.md lacks the row\n{row} {limit.note} |"


def test_a_figure_that_is_not_public_is_said_to_be() -> None:
    assert LIMITS["fan_in"].in_words() == "not public"
    with pytest.raises(ValueError, match="fan_in: not public"):
        _ = LIMITS["fan_in"].known


def test_figures_of_the_first_loihi_are_marked() -> None:
    for limit in LIMITS.values():
        assert limit.loihi1 == limit.name.endswith("_loihi1")
        assert limit.loihi1 <= ("first Loihi" in limit.meaning)


def test_sizes_of_robust_by_hand() -> None:
    # 800 and 200 senders onto 999 others at 0.1; 4 states of 24 bits, 2 parameters of 16 and 3 of 24;
    # 8 + 10 bits a synapse, as 2^10 >= 1000; an input weight of 8 bits a cell.
    layout = static().layout
    assert [one.synapses for one in layout.connections] == [79_920, 19_980, 1_000]
    (cells,) = layout.populations
    assert cells.neuron_bits == 4 * 24 + 2 * 16 + 3 * 24 == 200
    assert cells.memory_bits == 1_000 * 200 + 99_900 * 18 + 8_000 == 2_006_200
    # 192 KB hold 1,572,864 bits: 784 cells of 2,006.2 bits.
    assert (cells.most_per_core, layout.cores, cells.neurons_per_core) == (784, 2, 500)
    assert cells.memory_kb == pytest.approx(2_006.2 * 500 / 8192)


def test_sizes_of_a_readout_that_learns_on_the_chip_by_hand() -> None:
    layout = static("fixed.learning=on_chip", "reservoir.feedback_gain=0.3").layout
    sizes = {
        one.name: (one.synapses, one.fan_in, one.fan_out, one.payload_bits) for one in layout.connections
    }
    assert sizes["feedback, positive"] == sizes["feedback, negative"] == (2_000, 2, 1_000, 9)
    assert sizes["cells to relays"] == (1_000, 1, 1, 1)
    assert sizes["when weights"] == (2_000, 1_000, 2, 8)
    assert [one.neurons for one in layout.populations] == [1_000, 1_000, 2]
    assert layout.cores == 2 + 1 + 1


def test_synapses_are_counted_as_a_matrix_has_them() -> None:
    config = small("reservoir.neurons=60", "reservoir.excitatory_fraction=0.7")
    network = Experiment(config).network
    synapses = network.synapses
    connected = np.zeros((60, 60), bool)
    for sender in range(60):
        connected[synapses.target[synapses.first[sender] : synapses.first[sender + 1]], sender] = True
    counts = drawn_counts(config, network)
    for links, part in ((counts.excitatory, connected[:, :42]), (counts.inhibitory, connected[:, 42:])):
        assert links == Links(int(part.sum()), int(part.sum(axis=1).max()), int(part.sum(axis=0).max()))


@pytest.mark.parametrize(
    "settings", [[], ["reservoir.neurons=900"], ["reservoir.connection_probability=0.3"]]
)
def test_what_is_expected_is_near_what_is_drawn(settings: list[str]) -> None:
    config = small(*settings)
    expected, drawn = expected_counts(config), drawn_counts(config, Experiment(config).network)
    for one, other in ((expected.excitatory, drawn.excitatory), (expected.inhibitory, drawn.inhibitory)):
        assert abs(one.synapses - other.synapses) < 4.0 * np.sqrt(one.synapses)
        assert one.fan_in == pytest.approx(other.fan_in, rel=0.25)
        assert one.fan_out == pytest.approx(other.fan_out, rel=0.25)


def test_a_network_that_is_far_too_large_is_judged_without_drawing_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def draw(config: Config) -> Experiment:
        raise AssertionError("drawn")

    monkeypatch.setattr(readiness_module, "Experiment", draw)
    started = time.process_time()
    found = check_readiness(load_preset("robust", TOO_LARGE))
    assert time.process_time() - started < 1.0
    assert found.verdict is Verdict.NOT_READY
    assert found.layout.chips > 20
    failing = [reason for reason in found.reasons if reason.fails]
    assert [("cores" in one.text, "synapses" in one.text) for one in failing] == [
        (True, False),
        (False, True),
    ]
    assert all("reservoir.neurons" in one.change for one in failing)
    assert (found.activity, found.energy, found.health, found.plan) == (None, None, None, None)
    assert "not measured" in printed(found)


def test_the_change_that_is_proposed_is_enough_and_not_more_than_that() -> None:
    change = static(*TOO_LARGE).reasons[0].change
    words = change.replace(",", "").split()
    cells = int(words[words.index("most") + 1])
    assert static(f"reservoir.neurons={cells}").layout.cores <= LIMITS["cores_in_hala_point"].known
    assert static(f"reservoir.neurons={cells + 50}").layout.cores > LIMITS["cores_in_hala_point"].known
    sparser = static("reservoir.neurons=50000", f"reservoir.connection_probability={words[-1]}")
    assert sparser.verdict is Verdict.WARNINGS


def test_a_network_for_every_last_core_is_warned_of() -> None:
    found = static("reservoir.neurons=9700")
    assert LIMITS["cores_in_hala_point"].known < found.layout.cores <= LIMITS["cores"].known
    assert "neuron cores of a chip in the largest system" in found.reasons[0].text
    assert "lower reservoir.neurons to at most" in found.reasons[0].change


def test_a_neuron_that_no_core_can_hold_fails() -> None:
    found = static(
        "reservoir.neurons=99000", "reservoir.connection_probability=0.00001", "fixed.learning=on_chip"
    )
    failing = [check.part for check in found.checks if check.status is Status.FAILS]
    assert "when readout" in failing


def test_wide_weights_fail_and_the_setting_is_named() -> None:
    found = check_readiness(small("fixed.weight_bits=9"))
    assert found.verdict is Verdict.NOT_READY
    assert found.reasons[0].change == "set fixed.weight_bits to at most 8"


def test_settings_that_the_learning_engine_refuses_fail() -> None:
    found = check_readiness(small("fixed.learning=on_chip", "task.cues=2"))
    assert found.verdict is Verdict.NOT_READY
    assert "readout.cue_weights" in found.reasons[0].text


@pytest.mark.slow
def test_a_network_that_is_unwell_in_integers_is_warned_of() -> None:
    found = check_readiness(small("fixed.weight_bits=2"))
    assert found.verdict is Verdict.WARNINGS
    reason = next(one for one in found.reasons if "became zero" in one.text)
    assert reason.change == "raise fixed.weight_bits"


@pytest.mark.slow
def test_synaptic_operations_are_counted_spike_by_spike() -> None:
    config = small("reservoir.feedback_gain=0.5")
    found = check_readiness(config)
    experiment = Experiment(config)
    engine = CpuEngine(experiment.arithmetic("fixed"), experiment.task)
    trial = list(engine.play(experiment.task.trial(0, 0)))[-1]
    first = experiment.network.synapses.first
    border = int(200 * config.reservoir.excitatory_fraction)
    operations = {"excitatory synapses": 0, "inhibitory synapses": 0}
    for cell in trial.spike_cell.tolist():
        sign = "excitatory" if cell < border else "inhibitory"
        operations[f"{sign} synapses"] += int(first[cell + 1] - first[cell])
    seconds = (config.task.before_ms + config.task.after_ms) / 1000.0
    assert found.activity is not None
    for name, count in operations.items():
        assert found.activity.operations[name] == pytest.approx(count / seconds)
    assert found.activity.operations["inputs"] == pytest.approx(config.task.cue_ms * 200 / seconds)
    assert found.activity.updates == pytest.approx(200 * 1000.0)
    assert found.energy is not None
    assert found.energy.synapses_w == pytest.approx(found.activity.operations_per_s * 23.6e-12)
    assert found.energy.neurons_w == pytest.approx(200 * 1000.0 * 81e-12)


@pytest.mark.slow
def test_what_learns_on_the_host_is_said_to() -> None:
    found = check_readiness(small())
    assert found.verdict is Verdict.WARNINGS
    assert [reason.change[:33] for reason in found.reasons] == ["set fixed.learning = 'on_chip' (d"]
    assert any("when rule" in part for part in found.host)
    assert not any("LearningDense" in part for part in found.missing)


@pytest.mark.slow
def test_robust_is_ready_but_for_where_it_learns() -> None:
    found = check_readiness(load_preset("robust"))
    assert (found.verdict, found.layout.cores, len(found.reasons)) == (Verdict.WARNINGS, 2, 1)
    learning = check_readiness(load_preset("robust", ON_CHIP))
    assert (learning.verdict, learning.reasons, learning.layout.cores) == (Verdict.READY, (), 4)
    assert not any("when rule" in part for part in learning.host)
    assert any("LearningDense" in part for part in learning.missing)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [[], ["fixed.weight_bits=2"], TOO_LARGE])
def test_the_summary_is_plain_and_complete(settings: list[str]) -> None:
    found = check_readiness(small(*settings))
    summary = json.loads(outcome(found).summary_text())
    assert (summary["schema"], summary["command"], summary["preset"]) == (1, "check", "smoke")
    assert summary["verdict"] == found.verdict.value
    assert {limit["name"] for limit in summary["limits"]} == set(LIMITS)
    assert all(limit["source"]["url"] for limit in summary["limits"])
    assert summary["energy"]["loihi2"] == "not public"
    assert summary["resources"]["counted"] == (settings != TOO_LARGE)
    assert (summary["parameters"] is None) == (settings == TOO_LARGE)
    soft = [(reason.text, reason.change) for reason in found.reasons if not reason.fails]
    assert [(one["cause"], one["remedy"]) for one in summary["warnings"]] == soft


def test_the_table_shows_of_each_limit_what_fares_worst() -> None:
    found = static("fixed.weight_bits=9", "reservoir.feedback_gain=0.3")
    checks = outcome(found).summary["checks"]
    shown = {check["limit"]: check for check in worst(checks)}
    assert len(shown) == len(worst(checks))
    assert shown["payload_bits"]["part"].startswith("feedback")
    assert shown["weight_bits"]["status"] == "fails"
    text = printed(found)
    assert "verdict: not ready" in text
    assert text.count("change: set fixed.weight_bits to at most 8") == 1


@pytest.mark.slow
@pytest.mark.parametrize("settings", [[], TOO_LARGE])
def test_the_page_names_every_source(settings: list[str]) -> None:
    html = page(outcome(check_readiness(small(*settings))).summary, {}).html()
    for limit in LIMITS.values():
        assert limit.source.url.replace("&", "&amp;") in html
    assert "not public" in html


@pytest.mark.slow
def test_the_page_fits_a_screen_and_a_phone(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(outcome(check_readiness(small())).summary, {}).html(), encoding="utf-8")
    browser.check_that_it_fits(file)


def test_a_chip_holds_a_population_on_cores_of_its_own() -> None:
    config = small("fixed.learning=on_chip")
    layout = map_network(config, expected_counts(config))
    assert layout.cores == sum(one.cores for one in layout.populations) == 3
    assert layout.axons_in == 201


@pytest.mark.slow
def test_other_cells_and_delays_are_mapped_by_what_they_are() -> None:
    # 2 states of the cell and s; a spike is in flight for 1 to 20 steps. 3 parameters of 16 bits, 5 of 24.
    settings = ["reservoir.neuron=adaptive_lif", "reservoir.delay_ms=[1, 20]"]
    found = check_readiness(small(*settings))
    (cells,) = found.layout.populations
    assert cells.name == "adaptive LIF cells"
    assert cells.states[:3] == ("v", "h", "s")
    assert cells.states[3:] == tuple(f"arriving in step {step}" for step in range(1, 21))
    assert cells.neuron_bits == 23 * 24 + 3 * 16 + 5 * 24 == 720
    words = next(check for check in found.checks if check.limit.name == "states_per_neuron")
    assert words.need == 23
    assert found.plan is not None
    assert {"decay of v", "decay of h", "threshold_step"} <= {entry.name for entry in found.plan.entries}
    assert found.activity is not None
    assert found.activity.rate_hz > 0
    said = (*found.missing, *found.host, *ASSUMPTIONS)
    assert "a neuron program for adaptive LIF cells: this package has none" in said
    assert not any("Izhikevich" in part for part in said)
    assert any("Uludag" in part for part in check_readiness(small()).missing)
    assert len(static(settings[0]).layout.populations[0].states) == 4


@pytest.mark.long
@pytest.mark.parametrize("learning", ["own", "on_chip"])
def test_other_cells_learn_on_the_chip_as_well(learning: str) -> None:
    found = check_readiness(small("reservoir.neuron=adaptive_lif", f"fixed.learning={learning}"))
    assert found.verdict is not Verdict.NOT_READY
    assert found.layout.cores == (3 if learning == "on_chip" else 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "settings"),
    [
        pytest.param("robust", [], marks=pytest.mark.long),
        ("robust", ["task.cues=3"]),
        pytest.param("robust", ["task.cues=3", "readout.cue_weights=shared"], marks=pytest.mark.long),
        ("paper", []),
        pytest.param("paper", ["task.cues=2"], marks=pytest.mark.long),
    ],
)
def test_what_to_change_for_learning_on_the_chip_is_accepted(preset: str, settings: list[str]) -> None:
    (reason,) = static(*settings, preset=preset).reasons
    changes = re.findall(r"(\S+) = '(\w+)'", reason.change)
    changed = small(*settings, f"readout.rule={load_preset(preset).readout.rule}")
    for key, value in changes:
        changed = with_changes(changed, [(*key.split("."), value)])
    assert changed.fixed.learning == "on_chip"
    assert not any("learns on the host" in one.text for one in check_readiness(changed).reasons)


STREAM = ["reservoir.neurons=80", "stream.settle_ms=100", "stream.times=false"]


def stream_of(*settings: str) -> StreamLearner:
    learner = StreamLearner(config=load_preset("stream", [*STREAM, *settings]))
    for number in range(6):
        learner.learn_one(200 * number, "AB"[number % 2])
    return learner


def test_what_a_streams_rules_keep_by_hand() -> None:
    needs = stream_needs(load_preset("stream", ["stream.labels_max=10"]), 5)
    kept = {one.name.split(",")[0]: (one.count * one.bits, one.most * one.bits) for one in needs.kept}
    assert kept["ring of spikes"] == (150_000, 150_000)
    assert kept["what weights"] == kept["when weights"] == (25 * 1_001 * 24, 100 * 1_001 * 24)
    assert kept["slow mean of the bits"] == (24_000, 24_000)
    assert kept["traces in two stages"] == (4 * 24_000, 4 * 24_000)
    # On cores: 8 means and traces of 24 bits, 151 bits, and 2 x 25 + 5 rows of 1,001 weights, in 192 KB each.
    bits = 1_000 * (7 * 24 + 151) + (2 * 25 + 5) * 1_001 * 24
    assert needs.cores() == -(-bits // (192 * 8192)) == 2
    assert needs.cores(most=True) == -(-(319_000 + 210 * 1_001 * 24) // (192 * 8192)) == 4


@pytest.mark.slow
@pytest.mark.parametrize("times", [True, False])
def test_a_streams_verdict_says_what_hinders_it(times: bool) -> None:
    found = check_stream(stream_of("reservoir.neurons=1000", f"stream.times={str(times).lower()}"), False)
    assert found.verdict is Verdict.WARNINGS
    assert found.stream is not None
    assert (found.stream.labels, found.stream.most) == (3, 64)
    room, learning, copied = found.reasons
    assert "room for 64 labels: neuron cores of a chip: 129 needed, 128 allowed" in room.text
    most = int(room.change.split()[-1])
    for labels, fits in ((most, True), (most + 1, False)):
        cores = found.layout.cores + found.stream.with_room(labels).cores(most=True)
        assert (cores <= LIMITS["cores"].known) == fits
    assert "both readouts' updates do not fit the learning engine" in learning.text
    assert copied.change == ("set stream.times = false" if times else "")
    text = printed(found)
    assert "softmax" in text
    assert "trial" not in " ".join(found.host)


@pytest.mark.slow
def test_a_stream_that_does_not_fit_is_not_ready() -> None:
    learner = stream_of()
    labels = np.full(1, 64)
    learner.network.learned = learner.network.learned._replace(labels=labels)
    assert check_stream(learner, False).verdict is Verdict.WARNINGS
    big = learner.config.reservoir.model_copy(update={"neurons": 1_000})
    learner.network.config = learner.network.config.model_copy(update={"reservoir": big})
    found = check_stream(learner, False)
    assert found.verdict is Verdict.NOT_READY
    assert "cells and rules, 64 labels" in found.reasons[0].text


def checked(*arguments: str | Path):
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


@pytest.mark.slow
def test_the_command_checks_the_folder_of_a_stream_and_of_a_run(tmp_path: Path) -> None:
    for name in ("stream", "run", "neither"):
        (tmp_path / name).mkdir()
    stream_of().save(tmp_path / "stream" / "checkpoint.h5")
    done = checked(tmp_path / "stream", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["verdict"] == "ready with warnings"
    assert summary["stream"]["labels"] == 3
    assert summary["health"]["rate_hz"] > 0
    assert page_of(tmp_path / "out")[2] == (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    config = small("reservoir.neurons=60")
    experiment = Experiment(config)
    state = experiment.start().state
    kept = Checkpoint(config, "float", "cpu", None, experiment.network, state, 0.0)
    (tmp_path / "run" / "checkpoint.h5").write_bytes(kept.to_bytes())
    (tmp_path / "run" / "config.toml").write_text(config.to_toml())
    found = json.loads(checked(tmp_path / "run", "--json").stdout)
    assert found["stream"] is None
    assert found["resources"]["neurons"] == 60
    for arguments, message in (
        ((tmp_path / "neither",), "there is no such file; give the checkpoint.h5 that a run wrote or"),
        ((tmp_path / "stream", "--seed", "1"), "a learned stream; leave out --preset, --seed and --set"),
    ):
        refused = checked(*arguments)
        assert (refused.exit_code, message in refused.stderr) == (2, True)
        assert refused.stderr.count("\n") == 1
