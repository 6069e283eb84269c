"""Where a network can be taken to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.targets.fpga.engine import FpgaEngine
    from lava_predict.targets.fpga.serial_bus import SerialBus
    from lava_predict.targets.loihi2.limits import LIMITS
    from lava_predict.targets.loihi2.mapping import map_network
    from lava_predict.targets.loihi2.page import table
    from lava_predict.targets.loihi2.readiness import Readiness, check_readiness, check_stream
    from lava_predict.targets.nir.approximation import Approximation, approximate
    from lava_predict.targets.nir.cuba_cells import CubaCells, play_cuba
    from lava_predict.targets.nir.export import (
        export_cuba,
        export_nir,
        from_nir,
        read_graph,
        read_nir,
        register_nodes,
        to_cuba,
        to_nir,
        write_nir,
    )
    from lava_predict.targets.nir.responses import Responses, respond
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
