"""The network as Lava Processes; see `lava_predict.engines.lava.engine`."""

from lava_predict.engines.lava.engine import LavaEngine

PART = LavaEngine
