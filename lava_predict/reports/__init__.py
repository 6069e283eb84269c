"""Pages and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.reports.curves import prediction_overlay
    from lava_predict.reports.outcome import Outcome
    from lava_predict.reports.plot_style import EVENT_COLOURS, new_figure, point_style, strip
    from lava_predict.reports.run_page import run_outcome
    from lava_predict.reports.summary import plan_table, run_table
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
