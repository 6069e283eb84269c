"""Claim 2: on cue-only trials the prediction is locked to both latencies."""

from __future__ import annotations

import numpy as np

from lava_predict.analysis.spike_statistics import pearson
from lava_predict.experiment import scores
from lava_predict.reports import plot_style as style
from lava_predict.reproduction.claim import Figures, Results, Seeds, Units, Values, over_seeds, stated
from lava_predict.reproduction.conditions import with_blocks
from lava_predict.reproduction.studies.ablation import ablated_rules
from lava_predict.reproduction.studies.blocks import block_ends, learn_blocks, of_rule
from lava_predict.settings.schema import Config
from lava_predict.work.unit import Found, unit

_NULL = "shuffled timing"


def _units(config: Config, seed: int) -> Units:
    laid_out = with_blocks(config, seed)
    return {"blocks": unit(learn_blocks, laid_out), _NULL: unit(ablated_rules, laid_out, ablations=[_NULL])}


def peak_distance(found: Found) -> float:
    """Return the mean distance of the prediction's peak from the latency at the ends of all blocks, ms.

    A prediction that is nowhere above 0 has no peak and counts as half of the trial away.
    """
    peaks = [scores.peak_time(found["o"][probe], found["time_ms"]) for probe in block_ends(found)]
    distance = np.abs(peaks - found["latency_ms"])
    none = (found["time_ms"][-1] - found["time_ms"][0]) / 2
    return float(np.mean(np.where(np.isnan(distance), none, distance)))


def shape_correlation(found: Found) -> float:
    """Return the mean correlation over time of prediction and truth at the ends of all blocks.

    A prediction that is flat has no correlation; it counts as 0.
    """
    ends = block_ends(found)
    pairs = zip(found["o"][ends], found["truth"][ends], strict=True)
    r = [pearson(o[:, k], truth[:, k]) for o, truth in pairs for k in range(o.shape[1])]
    return float(np.mean(np.nan_to_num(r)))


def _measure(found: Results, place: int) -> Values:
    ours, null = found["blocks"], of_rule(found[_NULL], _NULL)
    return {
        "peak": (peak_distance(ours), peak_distance(null)),
        "shape": (shape_correlation(ours), shape_correlation(null)),
    }


def _draw(config: Config, seeds: Seeds) -> Figures:
    first, o = seeds[0]["blocks"], over_seeds(seeds, "blocks", "o")
    ends = block_ends(first)
    figure, (panels,) = style.panels(1, len(ends), 2.6 * len(ends) + 0.6, 3.2, sharey=True)
    for block, (axes, probe) in enumerate(zip(panels, ends, strict=True)):
        for event in range(o.shape[-1]):
            line, name = style.point_style(event) | {"marker": ""}, f"predicted {style.event_name(event)}"
            style.median_and_band(axes, first["time_ms"], o[:, probe, :, event], name, line)
            true, label = first["truth"][probe, :, event], "_" if event else "truth"
            axes.plot(first["time_ms"], true, color=style.GREY, linewidth=0.9, label=label)
            latency = first["latency_ms"][block, event]
            axes.axvline(latency, color=style.colour_of(event), linewidth=0.6, alpha=0.5)
        axes.set_title(f"end of block {block + 1}", fontsize=10)
        axes.set_xlabel("time after the cue (ms)")
    panels[0].set(ylabel="prediction", ylim=(0, None))
    return {"anticipation": style.legend(figure)}


CLAIM = stated("anticipation", _units, _measure, _draw)
