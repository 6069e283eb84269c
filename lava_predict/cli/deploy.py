"""``lava-predict deploy``: a network as a core for an FPGA."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lava_predict.cli import shared
from lava_predict.errors import UserError, one_of

PLACES = ("fpga",)


def deploy(
    place: Annotated[str, typer.Argument(metavar="fpga", help=f"Allowed: {', '.join(PLACES)}.")],
    config: Annotated[
        Path | None,
        typer.Argument(
            **shared.PATH, metavar="[CONFIG.toml|DIR]", help="TOML file with settings, or folder of a run."
        ),
    ] = None,
    preset: shared.PresetOption = None,
    seed: shared.SeedOption = None,
    settings: shared.SetOption = None,
    verify: Annotated[
        str | None,
        typer.Option(metavar="STEPS|all", help="Compare so many steps with the cpu, bit by bit."),
    ] = None,
    synthesise: Annotated[str | None, shared.choice("Place and route for a part", shared.FPGA_PARTS)] = None,
    no_route: Annotated[
        bool, typer.Option("--no-route", help="With --synthesise: only count what it takes (2 minutes).")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(**shared.FOLDER, help="Folder to write; default runs/<time>-fpga-<preset>-<seed>."),
    ] = None,
    overwrite: shared.OverwriteOption = False,
    quiet: shared.QuietOption = False,
    as_json: shared.JsonOption = False,
) -> None:
    """Write a network as a core for an FPGA, prove it bit by bit, and say what it costs."""
    from lava_predict.targets.fpga.engine import check_extra

    if place not in PLACES:
        raise UserError(f"deploy {place!r}: there is no such target; {one_of(place, PLACES)}")
    if no_route and synthesise is None:
        raise UserError("--no-route: says how far --synthesise goes; give it a part, or leave out --no-route")
    check_extra(synthesise is not None)
    from lava_predict.targets.fpga import deploy as target
    from lava_predict.targets.fpga.synthesis import check_part
    from lava_predict.targets.fpga.verilator import check_verilator

    steps = _steps(verify)
    if steps is not None:
        check_verilator()
    if synthesise is not None:
        check_part(synthesise)
    if config is not None and config.is_dir():
        if preset is not None or seed is not None or settings:
            raise UserError(f"DIR = {str(config)!r}: a trained run; leave out --preset, --seed and --set")
        network = target.of_run(config)
    else:
        network = target.of_config(shared.chosen_config(config, preset, settings, seed))
    if synthesise is not None:
        check_part(synthesise, network.shape)
    chosen = network.config
    folder = out if out is not None else shared.default_folder(f"fpga-{chosen.preset}-{chosen.run.seed}")
    doing = "writing the core" if steps is None else "verifying"
    with (
        shared.delivery(folder, overwrite, quiet, as_json) as deliver,
        shared.progress_bar(quiet or as_json, doing, "steps") as progress,
    ):

        def tell(text: str) -> None:
            if not (quiet or as_json):
                print(f"{text} ...", file=sys.stderr, flush=True)

        outcome = target.deploy(network, steps, synthesise, not no_route, progress, tell)
        deliver(outcome)
    if (found := outcome.values["verify"]) and any(found["different"].values()):
        raise typer.Exit(1)


def _steps(verify: str | None) -> int | None:
    """Return how many steps are to be verified, 0 for all."""
    if verify is None or verify == "all":
        return None if verify is None else 0
    if not verify.isdigit() or int(verify) == 0:
        raise UserError(f"--verify {verify!r}: give a number of steps from 1 up, or all")
    return int(verify)
