"""Files: run record, checkpoint, unfinished run, trained network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.records.checkpoint import Checkpoint, load_checkpoint
    from lava_predict.records.run_data import RunData, load_run
    from lava_predict.records.run_record import RunRecord, load_record
    from lava_predict.records.trained_network import TrainedNetwork
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
