"""What integers cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.comparison.streams import StreamComparison, StreamOutcome, compare_streams
    from lava_predict.comparison.study import (
        FIXED,
        FLOAT,
        NULLS,
        ON_CHIP,
        Comparison,
        Variant,
        compare,
        compare_cells,
        run_network,
        run_task,
        variants_of,
    )
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
