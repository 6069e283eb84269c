"""Pieces of work that can run anywhere and are kept under a key of all that their result depends on.

`lava_predict.work.unit` describes a piece, `lava_predict.work.digest` makes its key,
`lava_predict.work.cache` keeps the results and `lava_predict.work.carried_out` does what is missing. With
them a stopped command continues where it was, and another command reuses the same pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.work.cache import Cache
    from lava_predict.work.unit import Found, Unit
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
