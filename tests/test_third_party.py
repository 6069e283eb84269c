"""Parts of another package run by their names: a neuron, a when rule and a task, each in one short file.

The three files are in the folder third_party; docs/developer.md shows them. ``third_party-1.0.dist-info``
there has their entry points, as an installed package has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from lava_predict.registry import RULES

PACKAGE = Path(__file__).parent / "third_party"
NEURON = "reservoir.neuron=adaptive_exponential"
RULE = "readout.rule=plain_delta"
TASK = "task.name=streaks"

# A first run compiles the kernels for its parts.
pytestmark = pytest.mark.long


def command(*arguments: str, cwd: Path, there: bool = True) -> subprocess.CompletedProcess[str]:
    """Run lava-predict where the package can be found, or not."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE) if there else ""}
    return subprocess.run(
        [sys.executable, "-m", "lava_predict", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run(*settings: str, cwd: Path, options: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run the preset smoke with settings, into the folder "out"; return its summary."""
    given = [text for setting in settings for text in ("--set", setting)]
    done = command("run", "--preset", "smoke", *given, "--quiet", "--out", "out", *options, cwd=cwd)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    summary: dict[str, Any] = json.loads((cwd / "out" / "summary.json").read_text())
    return summary


def refusal(*settings: str, cwd: Path, options: tuple[str, ...] = (), there: bool = True) -> str:
    """Return the one line that a run with these settings is refused with."""
    given = [text for setting in settings for text in ("--set", setting)]
    done = command("run", "--preset", "smoke", *given, "--out", "out", *options, cwd=cwd, there=there)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.count("\n") == 1
    assert list(cwd.iterdir()) == []
    return done.stderr


def has_learned(summary: dict[str, Any]) -> bool:
    """Whether the first block's prediction is better than none, and its likely event peaks near its time."""
    block = summary["blocks"][0]
    late = abs(block["peak_ms"][0] - block["latency_ms"][0])
    return bool(block["error"]["12"] < 0.7 * block["zero_error"] and late < 50)


@pytest.mark.parametrize("name", ["adaptive_exponential", "plain_delta", "streaks"])
def test_each_part_is_one_short_file(name: str) -> None:
    assert len((PACKAGE / f"{name}.py").read_text().splitlines()) < 60


def test_a_neuron(tmp_path: Path) -> None:
    summary = run(NEURON, "reservoir.inhibitory.tau_w_ms=100.0", cwd=tmp_path)
    assert has_learned(summary)
    assert 2.0 < summary["reservoir"]["mean_rate_hz"] < 50.0
    config = (tmp_path / "out" / "config.toml").read_text()
    assert 'neuron = "adaptive_exponential"' in config
    assert "tau_w_ms" in config
    again = command("run", "out/config.toml", "--out", "again", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["fingerprint"] == summary["fingerprint"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            (NEURON, "reservoir.excitatory.a=0.02"),
            "a = 0.02: there is no such setting; allowed: tau_w_ms, w_step",
        ),
        (
            (NEURON, "reservoir.excitatory.tau_w=9.0"),
            "tau_w = 9.0: there is no such setting; did you mean 'tau_w_ms'",
        ),
        (("reservoir.neuron=adaptiv_exponential",), "did you mean 'adaptive_exponential'"),
        ((RULE, "readout.when_rate=0.1"), "readout.when_rate = 0.1: there is no such setting"),
        ((TASK, "task.cues=2"), "task.cues = 2: must be 1 (one, as a streak knows no cues)"),
        ((TASK, "task.repeat=1.5"), "task.repeat = 1.5: must be less than or equal to 1 (probability q"),
    ],
)
def test_its_settings_are_checked_like_any(settings: tuple[str, ...], message: str, tmp_path: Path) -> None:
    assert message in refusal(*settings, cwd=tmp_path)


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        (NEURON, "reservoir.neuron = 'adaptive_exponential'"),
        (RULE, "readout.rule = 'plain_delta'"),
    ],
)
def test_a_part_in_float_only_is_refused_in_integers(setting: str, key: str, tmp_path: Path) -> None:
    said = refusal(setting, cwd=tmp_path, options=("--precision", "fixed"))
    assert said == f"error: {key}: has no integers; use --precision float, or another part\n"
    checked = command("check", "--preset", "smoke", "--set", setting, cwd=tmp_path)
    assert (checked.returncode, checked.stdout) == (2, "")
    assert f"{key}: has no integers" in checked.stderr


def test_a_rule_without_a_form_for_learning_engines_is_refused_there(tmp_path: Path) -> None:
    said = refusal(RULE, "fixed.learning=on_chip", cwd=tmp_path, options=("--precision", "fixed"))
    assert "readout.rule = 'plain_delta' has none for learning engines; set fixed.learning = " in said


def test_a_rule(tmp_path: Path) -> None:
    assert has_learned(run(RULE, cwd=tmp_path))
    with h5py.File(tmp_path / "out" / "checkpoint.h5") as file:
        assert set(file["state/when"]) == {"x", "w"}
    # A gate would leave the time of an event alone that does not occur.
    never = "task.blocks=[{trials=12, probability=[1.0, 0.0], latency_ms=[300, 600]}]"
    for rule, learned in ((RULE, True), ("readout.rule=gated_delta", False)):
        summary = run(rule, never, cwd=tmp_path, options=("--overwrite",))
        assert (summary["blocks"][0]["when_amplitude"][1] > 0.1) == learned


def test_a_rule_that_diverges_is_named(tmp_path: Path) -> None:
    done = command("run", "--preset", "smoke", "--set", RULE, "--set", "readout.rate=1000.0", cwd=tmp_path)
    assert done.returncode == 1
    assert "lower the rate of readout.rule = 'plain_delta'" in done.stderr


def test_a_task(tmp_path: Path) -> None:
    """The outcomes of a block with q = 1 are all its first one; all else is MEET's."""
    blocks = "task.blocks=[{trials=20, probability=[0.5, 0.4], latency_ms=[300, 600]}]"
    outcomes, summaries = {}, {}
    for name, settings in {
        "meet": [],
        "never": [TASK, "task.repeat=0.0"],
        "some": [TASK],
        "always": [TASK, "task.repeat=1.0"],
    }.items():
        summaries[name] = run(*settings, blocks, cwd=tmp_path, options=("--overwrite",))
        with h5py.File(tmp_path / "out" / "results.h5") as file:
            outcomes[name] = file["trial_outcome"][()].tolist()
    assert outcomes["never"] == outcomes["meet"]
    assert summaries["never"]["fingerprint"] == summaries["meet"]["fingerprint"]
    assert len(set(outcomes["meet"])) == 3
    assert outcomes["always"] == outcomes["meet"][:1] * 20
    changes = {name: int(np.count_nonzero(np.diff(found))) for name, found in outcomes.items()}
    assert changes["always"] == 0 < changes["some"] < changes["meet"] / 2
    assert summaries["always"]["blocks"][0]["probability"] == summaries["meet"]["blocks"][0]["probability"]


def test_all_three_in_lava(tmp_path: Path) -> None:
    pytest.importorskip("lava", reason="lava-nc is not installed")
    parts = (NEURON, RULE, TASK, "reservoir.neurons=80", "run.probe_repeats=1")
    on_cpu = run(*parts, cwd=tmp_path)
    in_lava = run(*parts, cwd=tmp_path, options=("--overwrite", "--backend", "lava"))
    assert in_lava["fingerprint"] == on_cpu["fingerprint"]


def test_where_the_package_is_missing_its_parts_are_unknown(tmp_path: Path) -> None:
    assert "plain_delta" not in RULES.names()
    said = refusal(RULE, cwd=tmp_path, there=False)
    assert said.startswith("error: readout.rule = 'plain_delta': there is no such part; ")
    assert said.endswith("allowed: annealed_delta, gated_delta\n")


def test_a_package_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (broken / "entry_points.txt").write_text("[lava_predict.tasks]\nbroken = not_there:Task\n")
    done = subprocess.run(
        [sys.executable, "-m", "lava_predict", "run", "--set", "task.name=broken"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 2
    reason = "ModuleNotFoundError: No module named 'not_there'"
    assert f"the entry point 'not_there:Task' cannot be loaded ({reason})" in done.stderr
