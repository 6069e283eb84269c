"""Compare the bits of two checkouts, or of two Pythons: fingerprints of spikes, weights and prediction.

    uv run python benchmarks/bits.py --against FOLDER
    uv run python benchmarks/bits.py --python .venv-313/bin/python

FOLDER is another checkout, with its environment in FOLDER/.venv. With ``--python`` this checkout is compared
with itself in another environment. Prints a line a case and exits with 1 if any differs. A case uses
presets, ``--set`` texts, `Experiment.run` and the command line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

FIRST_BLOCK = "task.blocks=[{trials=100, probability=[0.7, 0.3], latency_ms=[300.0, 600.0]}]"
FEW = "task.blocks=[{trials=20, probability=[0.7, 0.3], latency_ms=[300.0, 600.0]}]"
TWO_CUES = (
    "task.blocks=[{trials=20, probability=[[0.7, 0.3], [0.2, 0.6]], "
    "latency_ms=[[300.0, 600.0], [500.0, 200.0]]}]"
)
GATED = "readout.rule=gated_delta"
LAVA = {"backend": "lava"}
CASES = {
    "smoke": ("smoke", [], {}),
    "robust, seed 1, first block": ("robust", [FIRST_BLOCK, "run.seed=1"], {}),
    "robust, seed 100, first block": ("robust", [FIRST_BLOCK, "run.seed=100"], {}),
    "paper": ("paper", [], {}),
    "dt 0.5 ms, norm constant": ("smoke", ["run.dt_ms=0.5", 'readout.when_norm="constant"'], {}),
    "gated, dt 0.5 ms, norm constant, no slow means": (
        "smoke",
        [GATED, "run.dt_ms=0.5", 'readout.when_norm="constant"', "readout.centred=false"],
        {},
    ),
    "gated, fixed": ("smoke", [GATED], {"precision": "fixed"}),
    "fixed": ("robust", [FEW], {"precision": "fixed"}),
    "fixed, smoke, stochastic, short words": (
        "smoke",
        ['fixed.rounding="stochastic"', "fixed.v_bits=20", "fixed.s_bits=21", "fixed.mean_bits=20"],
        {"precision": "fixed"},
    ),
    "fixed, floor": ("smoke", ['fixed.rounding="floor"'], {"precision": "fixed"}),
    "fixed on chip": ("robust", [FEW, 'fixed.learning="on_chip"'], {"precision": "fixed"}),
    "feedback .3": ("robust", [FEW, "reservoir.feedback_gain=0.3"], {}),
    "feedback .3, fixed": ("smoke", ["reservoir.feedback_gain=0.3"], {"precision": "fixed"}),
    "two cues": ("robust", [TWO_CUES, "task.cues=2"], {}),
    "two cues, shared and protected": (
        "robust",
        [TWO_CUES, "task.cues=2", "readout.cue_weights=shared", "readout.protect=hebbian"],
        {},
    ),
    "events drive the reservoir": ("robust", [FEW, "task.events_drive_reservoir=true"], {}),
    "events drive the reservoir, fixed": (
        "smoke",
        ["task.events_drive_reservoir=true"],
        {"precision": "fixed"},
    ),
    "smoke, Lava fused": ("smoke", [], {**LAVA, "form": "fused"}),
    "smoke, Lava graph": ("smoke", [], {**LAVA, "form": "graph"}),
    "smoke, Lava fused, fixed": ("smoke", [], {**LAVA, "form": "fused", "precision": "fixed"}),
    "smoke, Lava graph, fixed": ("smoke", [], {**LAVA, "form": "graph", "precision": "fixed"}),
}
RESUMED = "robust, 20 trials, killed and resumed"


def fingerprints(names: list[str]) -> dict[str, dict[str, str]]:
    """Run some cases in this process and return their fingerprints by name."""
    from lava_predict import Experiment, UserError, load_preset

    found = {}
    for name in names:
        preset, overrides, how = CASES[name]
        try:
            config = load_preset(preset, overrides)
        except UserError as error:  # a setting that one of the two does not have
            found[name] = {"spikes": str(error)}
            continue
        result = Experiment(config).run(**how)
        found[name] = vars(result.fingerprint) | {"network": result.network.fingerprint()}
    return found


def killed_and_resumed(python: str, checkout: Path) -> dict[str, str]:
    """Kill a run once it has kept something, resume it, and return its fingerprints."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [python, "-m", "lava_predict", "run", "--quiet"]
        slow = ["--set", FIRST_BLOCK, "--set", "reservoir.neurons=2000"]
        with subprocess.Popen([*command, *slow, "--out", str(run)], cwd=checkout) as child:
            while child.poll() is None and not list(Path(folder).glob("**/checkpoint.h5")):
                time.sleep(0.01)
            time.sleep(2.5)
            child.kill()
        if (run / "summary.json").exists():
            raise SystemExit("the run ended before it could be killed")
        done = subprocess.run([*command, "--resume", str(run), "--json"], cwd=checkout, capture_output=True)
        found: dict[str, str] = json.loads(done.stdout)["fingerprint"]
        return found


def found_in(checkout: Path, python: str, cases: list[str]) -> dict[str, dict[str, str]]:
    """Run all cases in a checkout, in an interpreter of its own."""
    script = str(Path(__file__).resolve())
    ran = subprocess.run(
        [python, script, "--cases", json.dumps(cases)], cwd=checkout, capture_output=True, text=True
    )
    if ran.returncode:
        raise SystemExit(ran.stderr)
    found: dict[str, dict[str, str]] = json.loads(ran.stdout.splitlines()[-1])
    return found | {RESUMED: killed_and_resumed(python, checkout)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--against", type=Path, help="the other checkout")
    other.add_argument("--python", type=Path, help="the Python of the other environment")
    parser.add_argument("--cases", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cases:
        print(json.dumps(fingerprints(json.loads(arguments.cases))))
        return 0
    if not (arguments.against or arguments.python):
        parser.error("give --against or --python")
    here = Path(__file__).resolve().parents[1]
    there = (arguments.against or here).resolve()
    # Not resolved: a link is what tells the interpreter its environment.
    python = (arguments.python or there / ".venv" / "bin" / "python").absolute()
    sides = [
        found_in(there, str(python), list(CASES)),
        found_in(here, str(here / ".venv" / "bin" / "python"), list(CASES)),
    ]
    different = 0
    for name, before in sides[0].items():
        same = before == sides[1][name]
        different += not same
        print(f"{'same     ' if same else 'DIFFERENT'}  {name}: spikes {sides[1][name]['spikes'][:16]}")
    print(f"{len(sides[0]) - different} of {len(sides[0])} cases have the same fingerprints")
    return int(different > 0)


if __name__ == "__main__":
    raise SystemExit(main())
