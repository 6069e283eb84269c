"""What integers cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.comparison.study import FIXED as FIXED
    from lava_predict.comparison.study import FLOAT as FLOAT
    from lava_predict.comparison.study import NULLS as NULLS
    from lava_predict.comparison.study import ON_CHIP as ON_CHIP
    from lava_predict.comparison.study import UNCENTRED as UNCENTRED
    from lava_predict.comparison.study import Comparison as Comparison
    from lava_predict.comparison.study import NetworkUnit as NetworkUnit
    from lava_predict.comparison.study import TaskUnit as TaskUnit
    from lava_predict.comparison.study import Variant as Variant
    from lava_predict.comparison.study import compare as compare
    from lava_predict.comparison.study import compare_cells as compare_cells
    from lava_predict.comparison.study import run_network as run_network
    from lava_predict.comparison.study import run_task as run_task
    from lava_predict.comparison.study import variants_of as variants_of
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
