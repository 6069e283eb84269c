"""Pages and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.reports.outcome import Outcome as Outcome
    from lava_predict.reports.plot_style import EVENT_COLOURS as EVENT_COLOURS
    from lava_predict.reports.plot_style import new_figure as new_figure
    from lava_predict.reports.plot_style import point_style as point_style
    from lava_predict.reports.plot_style import strip as strip
    from lava_predict.reports.run_page import run_outcome as run_outcome
    from lava_predict.reports.summary import plan_table as plan_table
    from lava_predict.reports.summary import run_table as run_table
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
