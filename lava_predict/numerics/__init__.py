"""Arithmetic that every part uses: compiling, random numbers, rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.numerics.binding import bind, part
    from lava_predict.numerics.compiled import kernel
    from lava_predict.numerics.draws import values_of
    from lava_predict.numerics.noise import fold, key_of, standard_noise, uniform
    from lava_predict.numerics.plan import Plan, Planner
    from lava_predict.numerics.time_step import decay_of_step
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
