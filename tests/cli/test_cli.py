"""The command as a user meets it: files, output, exit codes, interruption."""

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lava_predict import __version__, load_config, load_preset, pool, preset_names
from lava_predict.cli import app, run, shared
from lava_predict.engines.lava import engine
from lava_predict.network import arithmetic
from lava_predict.newer_python import lava_is_missing
from lava_predict.records.run_record import load_record
from lava_predict.registry import ENGINES
from lava_predict.reports.second_process import SecondProcess

SMALL = [
    "--preset",
    "smoke",
    "--set",
    "reservoir.neurons=60",
    "--set",
    "run.probe_trials=[0, 2]",
    "--set",
    "task.blocks=[{trials=3, probability=[0.6, 0.3], latency_ms=[300, 600]}]",
]


def command(*arguments: str, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lava_predict", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
        **options,
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("ran")
    return folder / "out", command("run", *SMALL, "--seed", "5", "--out", "out", cwd=folder)


@pytest.mark.slow
def test_a_run_leaves_what_the_contract_names(ran: tuple[Path, Any]) -> None:
    out, done = ran
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {
        "config.toml",
        "summary.json",
        "results.h5",
        "checkpoint.h5",
        "figures",
    }
    figures = {path.name for path in (out / "figures").iterdir()}
    assert figures == {"learning_curve.png", "prediction.png", "raster.png", "probability.png"}
    assert load_config(out / "config.toml").run.seed == 5
    assert load_record(out).error.size == 3


@pytest.mark.slow
def test_summary_has_the_fields_of_the_contract(ran: tuple[Path, Any]) -> None:
    summary = json.loads((ran[0] / "summary.json").read_text())
    assert summary["schema"] == 1
    assert [summary[key] for key in ("command", "preset", "backend", "precision", "seed")] == [
        "run",
        "smoke",
        "cpu",
        "float",
        5,
    ]
    assert "form" in summary
    assert set(summary["reservoir"]) == {"neurons", "synapses", "mean_rate_hz"}
    (block,) = summary["blocks"]
    assert block["trials"] == 3
    assert block["probability"] == [0.6, 0.3]
    assert block["latency_ms"] == [300, 600]
    assert set(block["error"]) == {"0", "2", "3"}
    assert block["error"]["0"] == block["zero_error"]
    assert block["error_by_cue"] == {trials: [error] for trials, error in block["error"].items()}
    assert block["zero_error_by_cue"] == [block["zero_error"]]
    assert set(block["baseline"]["counting"]) == set(block["error"])
    for key in ("probability_estimate", "amplitude", "peak_ms"):
        assert len(block[key]) == 2
    assert set(summary["fingerprint"]) == {"spikes", "weights", "prediction"}
    assert all(len(value) == 64 for value in summary["fingerprint"].values())
    assert set(summary["timing"]) == {"wall_s", "simulated_s", "real_time_factor"}


@pytest.mark.slow
def test_output_in_a_pipe_is_a_table_without_a_bar(ran: tuple[Path, Any]) -> None:
    done = ran[1]
    assert "0.60 / 0.30" in done.stdout
    assert "1, counting" in done.stdout
    assert "figures" in done.stdout
    # On a busy machine a line of progress may come.
    assert all(line.startswith(("training: ", "compiling")) for line in done.stderr.splitlines())
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.slow
def test_config_of_a_run_and_a_second_run_agree(ran: tuple[Path, Any], tmp_path: Path) -> None:
    done = command("run", str(ran[0] / "config.toml"), "--json", "--out", "again", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    first = json.loads((ran[0] / "summary.json").read_text())
    assert summary["fingerprint"] == first["fingerprint"]
    assert summary == json.loads((tmp_path / "again" / "summary.json").read_text())


@pytest.mark.slow
def test_a_run_that_takes_long_is_drawn_by_two_processes_to_the_same_files(
    ran: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, ...]] = []

    def start(second: SecondProcess, *modules: str) -> None:
        started.append(modules)
        start_it(second, *modules)
        second.wait()  # So it is ready before the run ends.
        monkeypatch.setattr(second, "wait", lambda: None)

    start_it = SecondProcess.start
    monkeypatch.setattr(SecondProcess, "start", start)
    monkeypatch.setattr(run, "_LONG_S", 0.0)
    monkeypatch.setattr(pool, "processors", lambda: 2)
    done = CliRunner().invoke(app, ["run", *SMALL, "--seed", "5", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    for file in (ran[0] / "figures").iterdir():
        assert (tmp_path / "out/figures" / file.name).read_bytes() == file.read_bytes()
    assert started == [("lava_predict.reports.plots",)]


@pytest.mark.slow
def test_default_folder_and_quiet(tmp_path: Path) -> None:
    done = command("run", *SMALL, "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("-smoke-1")


BAD_CALLS = {
    "unknown setting": (["--set", "reservoir.nois=1"], "did you mean 'noise'"),
    "unknown option": (["--sed", "1"], "--seed"),
    "unknown preset": (["--preset", "papr"], "did you mean 'paper'"),
    "unknown backend": (["--backend", "lva"], "did you mean 'lava'"),
    "unknown precision": (["--precision", "half"], "precision = 'half'"),
    "form on the cpu": (["--form", "graph"], "form = 'graph': backend 'cpu' has threads"),
    "seed of letters": (["--seed", "abc"], "--seed"),
    "negative seed": (["--seed=-1"], "run.seed = -1"),
    "no such file": (["nowhere.toml"], "nowhere.toml"),
    "not TOML": (["text.toml"], "not a TOML"),
    "folder as config": (["folder"], "folder"),
    "config and preset": (["text.toml", "--preset", "paper"], "exclude each other"),
    "folder exists": (["--out", "folder"], "exists already"),
    "foreign folder": (["--out", "folder", "--overwrite"], "choose another"),
}


@pytest.mark.parametrize(("arguments", "part"), BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_bad_calls_end_with_2_and_one_message(
    arguments: list[str], part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.toml").write_text("this is not TOML")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("mine")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["run", *arguments])
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)
    assert part in done.stderr
    assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "text.toml"]
    assert (tmp_path / "folder" / "mine").read_text() == "mine"


def test_lava_where_it_is_not_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "lava", None)
    done = CliRunner().invoke(app, ["run", "--backend", "lava"])
    assert done.exit_code == 2
    assert f"backend = 'lava': {lava_is_missing()}, or use --backend cpu" in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_bad_call_from_the_shell(tmp_path: Path) -> None:
    done = command("run", "--set", "reservoir.tau_s_ms=-1", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: reservoir.tau_s_ms = -1: must be")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_run_that_diverges_ends_with_1_and_leaves_nothing(tmp_path: Path) -> None:
    diverging = [
        "--set",
        "readout.rule=gated_delta",
        "--set",
        "readout.when_rate=100",
        "--set",
        "readout.when_norm=constant",
    ]
    done = command("run", *SMALL, *diverging, "--out", "out", cwd=tmp_path)
    assert done.returncode == 1
    assert "diverged" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_help_and_version(tmp_path: Path) -> None:
    assert "--set" in command("run", "--help", cwd=tmp_path).stdout
    assert CliRunner().invoke(app, ["--version"]).stdout.strip() == __version__


def test_the_library_needs_no_lava_and_the_command_line_no_plotting_to_start() -> None:
    script = (
        "import sys, lava_predict, lava_predict.cli\n"
        "assert not any(name.split('.')[0] in ('lava', 'matplotlib') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=1200)


def test_help_names_what_there_is() -> None:
    for listed, defined in (
        (shared.PRESETS, preset_names()),
        (shared.BACKENDS, ENGINES.names()),
        (shared.FORMS, engine.FORMS),
        (shared.TARGETS, engine.TARGETS),
        (shared.PRECISIONS, arithmetic.PRECISIONS),
        (shared.EXECUTORS, pool.EXECUTORS),
    ):
        assert list(listed) == list(defined)


def test_the_commands_import_what_takes_long_only_when_they_run() -> None:
    script = (
        "import sys\n"
        "import lava_predict.cli\n"
        "slow = {'numba', 'numpy', 'scipy', 'h5py', 'matplotlib', 'pydantic', 'jinja2', 'rich', 'lava'}\n"
        "assert not slow & {name.split('.')[0] for name in sys.modules}, slow & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=1200)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "spared"),
    [
        (["plan", "--preset", "smoke", "--json"], {"matplotlib", "pandas", "lava", "jinja2"}),
        (["report", "DIR"], {"matplotlib", "numba", "scipy", "h5py", "pandas", "lava"}),
    ],
    ids=["plan", "report"],
)
def test_a_command_imports_no_more_than_it_needs(
    command: list[str], spared: set[str], tmp_path: Path
) -> None:
    """A page is made of what a folder holds, without a simulator; what draws nothing needs no plotting."""
    folder = tmp_path / "out"
    if "DIR" in command:
        small = ["--set", "reservoir.neurons=60"]
        made = CliRunner().invoke(app, ["check", "--preset", "smoke", *small, "--out", str(folder)])
        assert made.exit_code == 0, made.output
    script = (
        "import atexit, json, sys\n"
        "def tell():\n"
        "    print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})), file=sys.stderr)\n"
        "atexit.register(tell)\n"
        "from lava_predict.cli import main\n"
        "main()\n"
    )
    words = [str(folder) if word == "DIR" else word for word in command]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], check=True, capture_output=True, text=True, timeout=1200
    )
    assert not spared & set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_in_a_finaliser_is_not_lost(signum: signal.Signals) -> None:
    script = textwrap.dedent(
        f"""
        import signal, time
        from lava_predict import cli

        class Interrupted:
            def __del__(self):
                signal.raise_signal({int(signum)})

        def command(arguments):
            Interrupted()
            time.sleep(1000)

        cli.app = command
        cli.main()
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200)
    assert done.returncode == (-signum if signum == signal.SIGINT else 128 + signum)
    assert "ignored" not in done.stderr


@pytest.mark.slow
def test_presets_can_be_named_from_python_as_on_the_command_line(ran: tuple[Path, Any]) -> None:
    overrides = [text for text in SMALL[2:] if text != "--set"]
    assert load_config(ran[0] / "config.toml") == load_preset("smoke", [*overrides, "run.seed=5"])


@pytest.mark.slow
def test_a_run_in_integers_says_what_saturates_and_what_to_do(tmp_path: Path) -> None:
    forced = ["--set", "fixed.fraction_bits=20"]
    done = command("run", *SMALL, "--precision", "fixed", *forced, "--json", cwd=tmp_path)
    assert done.returncode == 0
    summary = json.loads(done.stdout)
    assert summary["precision"] == "fixed"
    assert summary["saturations"]["v"] > 0
    assert len(summary["warnings"]) > 3
    for warning in summary["warnings"]:
        assert f"warning: {warning['cause']}; {warning['remedy']}" in done.stderr
    assert "lower fixed.fraction_bits" in done.stderr


@pytest.mark.slow
def test_a_run_in_integers_by_default_warns_of_nothing(tmp_path: Path) -> None:
    smoke = ["--preset", "smoke", "--precision", "fixed", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["run", *smoke])
    assert done.exit_code == 0
    assert "warning" not in done.output
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert not any(summary["saturations"].values())
    assert set(summary["saturations"]) >= {"v", "u", "s"}


@pytest.mark.slow
def test_plan_shows_every_parameter(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["plan", "--preset", "smoke", "--json", "--out", str(tmp_path / "plan")])
    summary = json.loads(done.stdout)
    assert summary == json.loads((tmp_path / "plan" / "summary.json").read_text())
    assert (summary["command"], summary["warnings"]) == ("plan", [])
    named = {entry["name"]: entry for entry in summary["parameters"]}
    assert named["a dt"]["error"] < 0.01
    assert named["excitatory weights"]["bits"] == 8
    assert {"decay of x", "slow mean", "norm floor", "when rates"} <= set(named)
    shown = CliRunner().invoke(app, ["plan", "--preset", "smoke", "--set", "fixed.parameter_bits=5"])
    assert "decay of x" in shown.stdout
    assert "warning: decay of x" in shown.stderr


@pytest.mark.long
def test_compare_writes_table_figures_and_page(tmp_path: Path) -> None:
    settings = ["--set", "task.settle_ms=400", "--set", "run.probe_repeats=1"]
    done = command("compare", *SMALL, *settings, "--seeds", "1", "--jobs", "2", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    left = {"config.toml", "summary.json", "report.html", "figures"}
    assert {path.name for path in out.iterdir()} == left
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["command"], summary["seeds"]) == ("compare", [100])
    assert "float + 1 ulp" in done.stdout
    assert len(list((out / "figures").iterdir())) >= 8
