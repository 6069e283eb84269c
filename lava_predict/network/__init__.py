"""Draws the parts and binds them into one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.network.arithmetic import PRECISIONS as PRECISIONS
    from lava_predict.network.arithmetic import Arithmetic as Arithmetic
    from lava_predict.network.arithmetic import FixedArithmetic as FixedArithmetic
    from lava_predict.network.arithmetic import FloatArithmetic as FloatArithmetic
    from lava_predict.network.arithmetic import arithmetic_of as arithmetic_of
    from lava_predict.network.draw import Network as Network
    from lava_predict.network.draw import draw_network as draw_network
    from lava_predict.network.state import State as State
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
