"""Pictures as the files that a page shows."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from lava_predict.reports.print_style import render


def pngs(figures: Mapping[str, Figure]) -> dict[str, bytes]:
    return {name: render(figure)["png"] for name, figure in figures.items()}
