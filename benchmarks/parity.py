"""Show that every way of running a configuration gives the same three fingerprints, within one precision.

The smoke preset and a 20-trial block of robust, both with noise, learning and feedback (gain 0.3), with
and without a reset before each trial, with probes in between; on the cpu, as fused Lava Processes
with 1, 10 and 50 steps per Lava step, and as a Lava graph; in float64 and in integers. With all seeds it
takes about three quarters of an hour.

    python benchmarks/parity.py [--precision float|fixed] [--seeds 1]
"""

from __future__ import annotations

import sys
from functools import partial
from itertools import product

from frame import block, parser_of, timed, with_steps

from lava_predict import Config, Experiment, load_preset
from lava_predict.network import PRECISIONS

FEEDBACK = "reservoir.feedback_gain=0.3"
RESET = {"no reset": (), "reset": ("task.reset=true",)}
SHORT = ("task.settle_ms=1000", "run.probe_trials=[0, 10]", "run.probe_repeats=1")
CASES = {
    "smoke": ("smoke", ()),
    "robust, 20 trials": ("robust", (block(20, [0.7, 0.3], [300, 600]), *SHORT)),
}
WAYS = {"fused-1": ("fused", 1), "fused-10": ("fused", 10), "fused-50": ("fused", 50), "graph": ("graph", 1)}


def same(config: Config, precision: str, seed: int, ways: list[str]) -> bool:
    """Run one configuration in every way and print whether the fingerprints and the state are the same."""
    wall_s, expected = timed(lambda: Experiment(config, seed=seed).run(precision=precision))
    print(f"    cpu       {expected.fingerprint.weights[:16]}  {wall_s:6.1f} s", flush=True)
    all_same = True
    for name in ways:
        form, steps = WAYS[name]
        experiment = Experiment(with_steps(config, steps), seed=seed)
        wall_s, found = timed(partial(experiment.run, "lava", precision, form=form))
        equal = found.fingerprint == expected.fingerprint and not found.state.differences(expected.state)
        all_same &= equal
        print(
            f"    {name:9} {found.fingerprint.weights[:16]}  {wall_s:6.1f} s  "
            f"same spikes, weights, prediction and state: {'yes' if equal else 'NO'}",
            flush=True,
        )
    return all_same


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="seeds 1 to this")
    parser.add_argument("--precision", choices=[*PRECISIONS, "both"], default="both")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    arguments = parser.parse_args()
    precisions = PRECISIONS if arguments.precision == "both" else (arguments.precision,)
    count = equal = 0
    for precision, case, (name, reset) in product(precisions, arguments.cases, RESET.items()):
        preset, settings = CASES[case]
        config = load_preset(preset, (*settings, FEEDBACK, *reset))
        for seed in range(1, arguments.seeds + 1):
            print(f"{precision}, {case}, {name}, seed {seed}")
            count += 1
            equal += same(config, precision, seed, arguments.ways)
    print(f"{equal} of {count} cases have the same fingerprints in every way")
    sys.exit(equal != count)


if __name__ == "__main__":
    main()
