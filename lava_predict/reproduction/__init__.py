"""The claims of Yamada & Chao (arXiv:2510.14382): what is run, what is measured, by which rule it is judged.

``studies`` holds what is run, a unit of work at a time; ``claims`` what is made of the results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.reproduction.baselines.broadcast import BroadcastReadout
    from lava_predict.reproduction.baselines.merged import MergedReadout
    from lava_predict.reproduction.baselines.rls import LeastSquares, RlsReadout
    from lava_predict.reproduction.claim import Claim, judge
    from lava_predict.reproduction.reproduce import JudgedClaim, Reproduction
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
