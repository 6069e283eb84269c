"""Arithmetic that every part uses: compiling, random numbers, rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.numerics.compiled import kernel as kernel
    from lava_predict.numerics.noise import fold as fold
    from lava_predict.numerics.noise import key_of as key_of
    from lava_predict.numerics.noise import standard_noise as standard_noise
    from lava_predict.numerics.noise import uniform as uniform
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
