"""Pictures as the files that a page shows."""

from __future__ import annotations

from collections.abc import Mapping

from lava_predict.reports.second_process import Picture, Rendering


def pngs(figures: Mapping[str, Picture]) -> dict[str, bytes]:
    return {name: files["png"] for name, files in Rendering(figures).files().items()}
