"""lava-predict deploy fpga: its files, its proof, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("amaranth", reason="the FPGA core needs the extra fpga")

from tiny_core import TINY

from lava_predict import load_preset
from lava_predict.cli import app, shared
from lava_predict.errors import UserError
from lava_predict.targets.fpga import deploy, engine, verilator
from lava_predict.targets.fpga.shape import shape_of
from lava_predict.targets.fpga.synthesis import PARTS, block_rams, check_needs, marked
from lava_predict.targets.fpga.verify import Verification
from lava_predict.targets.fpga.verilog import to_rtlil

SETTINGS = [part for setting in TINY for part in ("--set", setting)]


def run(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    return found.exit_code, found.output


@pytest.mark.long
def test_deploy_leaves_a_core_whose_test_bench_agrees_with_the_cpu(tmp_path: Path) -> None:
    out = tmp_path / "core"
    code, text = run("deploy", "fpga", "--preset", "smoke", *SETTINGS, "--out", str(out))
    assert code == 0, text
    summary = json.loads((out / "summary.json").read_text())
    assert summary["cells"] == 12
    assert summary["verify"] is None
    assert set(summary["files"]) >= {"core.il", "core.v", "board.il", "ulx3s.lpf", "bench.v", "bench.hex"}
    network = deploy.of_config(load_preset("smoke", [*TINY]))
    words = (out / "memories/cells.b.hex").read_text().split()
    np.testing.assert_array_equal([int(word, 16) for word in words], network.arithmetic.network.cells.b)
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog is not installed")
    subprocess.run(["iverilog", "-g2005", "-o", "bench", "bench.v", "core.v"], cwd=out, check=True)
    played = subprocess.run(["vvp", "bench"], cwd=out, check=True, capture_output=True, text=True).stdout
    compared, different = (int(word) for word in played.splitlines()[-1].split() if word.isdigit())
    assert compared > 12 * 5
    assert different == 0


@pytest.mark.long
@pytest.mark.skipif(shutil.which("verilator") is None, reason="Verilator is not installed")
def test_a_trained_run_goes_on_learning_on_the_core_and_lint_is_clean(tmp_path: Path) -> None:
    trained, out = tmp_path / "run", tmp_path / "core"
    assert run("run", "--preset", "smoke", *SETTINGS, "--precision", "fixed", "--out", str(trained))[0] == 0
    code, text = run("deploy", "fpga", str(trained), "--verify", "all", "--out", str(out))
    assert code == 0, text
    summary = json.loads((out / "summary.json").read_text())
    assert summary["trained"]
    assert sum(summary["verify"]["compared"].values()) > 1000
    assert not any(summary["verify"]["different"].values())
    lint = ["verilator", "--lint-only", "-Wno-WIDTH", "--top-module", "top", str(out / "core.v")]
    assert subprocess.run(lint, capture_output=True, text=True, check=False).stderr == ""


@pytest.mark.long
def test_a_core_that_differs_is_reported_by_name_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Verification(clocks=[np.array([300, 310], np.uint32)])
    found.add("norm", np.array([1, 2]), np.array([1, 3]))
    found.add("z", np.array([1, 2]), np.array([1, 2]))
    monkeypatch.setattr(deploy, "verify", lambda *given: found)
    arguments = ("--preset", "smoke", *SETTINGS, "--verify", "2", "--out", str(tmp_path / "core"))
    code, text = run("deploy", "fpga", *arguments)
    assert code == 1
    assert "DIFFERENT from the cpu in 2 steps: norm\n" in text
    summary = json.loads((tmp_path / "core/summary.json").read_text())
    assert summary["verify"]["different"] == {"norm": 1, "z": 0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("deploy", "asic"), "deploy 'asic'"),
        (("deploy", "fpga", "--verify", "0"), "--verify '0'"),
        (("deploy", "fpga", "--synthesise", "ecp5-12k"), "--synthesise 'ecp5-12k'"),
        (("deploy", "fpga", "--preset", "smoke", "--set", "fixed.rounding=stochastic"), "fixed.rounding"),
        (("deploy", "fpga", "--preset", "robust", "--synthesise", "ecp5-25k"), "152 block memories"),
        (("run", "--preset", "smoke", "--backend", "fpga-sim"), "precision = 'float'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    code, text = run(*arguments, "--out", str(tmp_path / "out"))
    assert code == 2
    assert message in text
    assert len(text.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("missing", ["verilator", "amaranth"])
def test_what_is_missing_is_said_with_how_to_get_it(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verilator.shutil, "which", lambda name: None if name == missing else name)
    monkeypatch.setattr(engine, "find_spec", lambda name: None if name == missing else name)
    for command in (
        ("deploy", "fpga", "--preset", "smoke", "--verify", "9"),
        ("run", "--preset", "smoke", "--precision", "fixed", "--backend", "fpga-sim"),
    ):
        code, text = run(*command, "--out", str(tmp_path / "out"))
        assert code == 2
        assert text.startswith(f"error: {missing}: not ") or f"needs the package {missing}," in text
        assert "get it with `" in text
        assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_float_run_is_refused(tmp_path: Path) -> None:
    trained = tmp_path / "run"
    assert run("run", "--preset", "smoke", *SETTINGS, "--out", str(trained))[0] == 0
    code, text = run("deploy", "fpga", str(trained), "--out", str(tmp_path / "core"))
    assert code == 2
    assert "precision = 'float'" in text
    assert not (tmp_path / "core").exists()


def test_a_part_with_too_few_multipliers_is_refused_with_one_that_has_enough() -> None:
    with pytest.raises(UserError, match=r"ecp5-25k: .* 46 multipliers .* has 28; use ecp5-45k"):
        check_needs("ecp5-25k", {"dsp": 46, "block_ram": 29})
    check_needs("ecp5-45k", {"dsp": 46, "block_ram": 29})


@pytest.mark.slow
def test_products_with_a_constant_are_marked_and_no_others() -> None:
    rtlil = to_rtlil(shape_of(deploy.of_config(load_preset("smoke", [*TINY])).arithmetic))
    cells = re.findall(r"(attribute \\constant 1\n)? *cell \$mul (.*?)\n  end", marked(rtlil), re.DOTALL)
    assert len(cells) == rtlil.count("cell $mul") > 50
    constant = [bool(re.search(r"connect \\[AB] \d+'[01]+", cell)) for _, cell in cells]
    assert [bool(mark) for mark, _ in cells] == constant
    assert 20 < sum(constant) < len(cells)


def test_block_memories_grow_with_the_synapses_and_names_are_those_of_the_command_line() -> None:
    assert tuple(PARTS) == shared.FPGA_PARTS
    small, large = (
        block_rams(shape_of(deploy.of_config(load_preset("smoke", [f"reservoir.neurons={n}"])).arithmetic))
        for n in (100, 400)
    )
    assert small < large
