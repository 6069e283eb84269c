"""Where a network can be taken to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.targets.loihi2.limits import LIMITS as LIMITS
    from lava_predict.targets.loihi2.mapping import map_network as map_network
    from lava_predict.targets.loihi2.page import table as table
    from lava_predict.targets.loihi2.readiness import Readiness as Readiness
    from lava_predict.targets.loihi2.readiness import check_readiness as check_readiness
    from lava_predict.targets.nir.export import export_nir as export_nir
    from lava_predict.targets.nir.export import from_nir as from_nir
    from lava_predict.targets.nir.export import read_nir as read_nir
    from lava_predict.targets.nir.export import to_nir as to_nir
    from lava_predict.targets.nir.export import write_nir as write_nir
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
