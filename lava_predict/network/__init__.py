"""Draws the parts and binds them into one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.network.arithmetic import (
        PRECISIONS,
        Arithmetic,
        FixedArithmetic,
        FloatArithmetic,
        arithmetic_of,
    )
    from lava_predict.network.draw import Network, draw_network
    from lava_predict.network.state import State
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
