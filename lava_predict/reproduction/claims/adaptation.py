"""Claim 4: after a switch of timing, probability or both the prediction soon adapts."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from lava_predict.reports.curves import learning_curves, switches
from lava_predict.reproduction.claim import Figures, Results, Seeds, Units, Values, over_seeds, stated
from lava_predict.reproduction.conditions import FOUR_BLOCKS, HALF, SOON, SWITCHES, with_blocks
from lava_predict.reproduction.studies.blocks import error_after, learn_blocks
from lava_predict.reproduction.studies.floor import floor
from lava_predict.settings.schema import Config
from lava_predict.work.unit import Found, unit


def _units(config: Config, seed: int) -> Units:
    every_trial = ("run", "probe_trials", list(range(config.task.blocks[0].trials + 1)))
    return {
        "blocks": unit(learn_blocks, with_blocks(config, seed)),
        "floor": unit(floor, with_blocks(config, seed, every_trial)),
    }


def overshoot(found: Found) -> float:
    """Return by how much the estimate passes the new probability; negative where it falls short of it."""
    beyond = []
    for block in range(1, len(found["probability"])):
        change = found["probability"][block] - found["probability"][block - 1]
        if np.any(change):
            late = found["trial_p"][found["trial_block"] == block]
            late = late[round(SOON * len(late)) :]
            beyond.append(np.mean((late - found["probability"][block]) * np.sign(change)))
    return float(np.mean(beyond))


def _measure(found: Results, place: int) -> Values:
    def ratio(block: int, share: float, to: float) -> float:
        return error_after(found["blocks"], block, share) / error_after(found["blocks"], block, to)

    mean_error = {name: float(error.mean()) for name, error in found["floor"].items()}
    switched = range(1, len(FOUR_BLOCKS))
    return {
        kind: (ratio(block, SOON, 0.0), ratio(0, SOON, 0.0))
        for block, kind in zip(switched, SWITCHES, strict=True)
    } | {
        "overshoot": overshoot(found["blocks"]),
        "drift": (float(np.mean([ratio(block, 1.0, HALF) for block in switched])), ratio(0, 1.0, HALF)),
        "floor": (mean_error["local"], mean_error["observer"]),
        "floor_what": mean_error["local_what"],
        "floor_when": mean_error["local_when"],
    }


def _draw(config: Config, seeds: Seeds) -> Figures:
    first, errors = seeds[0]["blocks"], over_seeds(seeds, "blocks", "error")
    fresh = errors[:, first["block"] == 0]
    panels = {
        f"{kind} switch": {"after the switch": errors[:, first["block"] == block], "first block": fresh}
        for block, kind in enumerate(SWITCHES, start=1)
    }
    figure = switches(first["trials"][first["block"] == 0], panels)
    return {"adaptation": figure, "floor": _draw_floor(seeds)}


def _draw_floor(seeds: Seeds) -> Figure:
    def errors(**names: str) -> dict[str, np.ndarray]:
        return {label: over_seeds(seeds, "floor", name) for name, label in names.items()}

    rules = errors(
        local="local rules", local_what="with the true timing", local_when="with the true probability"
    )
    nulls = errors(observer="ideal observer", counting_observer="observer without change points")
    first = seeds[0]["floor"]
    return learning_curves(first["trial"], first["block"], rules, nulls, markers=False)


CLAIM = stated("adaptation", _units, _measure, _draw)
