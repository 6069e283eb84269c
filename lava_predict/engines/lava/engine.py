"""The network as Lava Processes: builds them, runs them under supervision, and cleans up.

Nothing outside this module and processes/ sees a Process, a Var or a port.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from lava_predict.engines import Played
from lava_predict.errors import UserError
from lava_predict.network.arithmetic import Arithmetic
from lava_predict.network.float_step import Recording
from lava_predict.network.segment_borders import enter
from lava_predict.network.state import State
from lava_predict.processes.shared_memory import Logbook, Playbook, shared_array, shared_state
from lava_predict.settings.schema import Config
from lava_predict.tasks.meet import Meet, Segment, Streams

FORMS = ("fused", "graph")
"""fused: reservoir and readout in one kernel. graph: the decomposition that maps to hardware."""

TARGETS = ("loihi2-sim", "loihi2-hw")
"""Where the integer network as a graph runs: in a simulation of Loihi 2's arithmetic, or on the chip."""

_MOST_SEGMENTS = 128
_STEPS_PER_MESSAGE = 200
_MOST_STEPS = 200_000
_MOST_SPIKES = 50_000_000
_DENSE_BITS = 8


def check_lava() -> None:
    """Raise a UserError where Lava cannot be imported.

    Raises
    ------
    UserError
        It says how to get Lava.
    """
    if find_spec("lava") is None:
        raise UserError(
            "backend = 'lava': needs lava-nc, which runs on Python 3.10 only (this is Python "
            f"{sys.version_info.major}.{sys.version_info.minor}); get it with `uv python install 3.10` and "
            "run `uv run --python 3.10 lava-predict`, or use --backend cpu"
        )


def check_hardware() -> None:
    """Raise a UserError where Intel's extension of Lava for Loihi 2 is not installed.

    Raises
    ------
    UserError
        It says what is missing and how to get it.
    """
    from lava.utils import loihi

    if not loihi.is_installed():
        raise UserError(
            "target = 'loihi2-hw': needs Lava-Loihi, Intel's extension, and a Loihi 2 system; both go "
            "to members of the Intel Neuromorphic Research Community only (inrc_interest@intel.com). "
            "docs/loihi2.md says what else is needed; --target loihi2-sim runs the same integers here"
        )


def check_weight_bits(config: Config, precision: str, form: str) -> None:
    """Raise a UserError for weights that Lava's Dense would clip.

    Parameters
    ----------
    config : Config
        Its ``fixed.weight_bits`` counts.
    precision, form : str
        Only the integer network as a graph has Dense connections of integers.

    Raises
    ------
    UserError
        If the weights have more bits than such a Dense keeps.
    """
    bits = config.fixed.weight_bits
    if precision == "fixed" and form == "graph" and bits > _DENSE_BITS:
        raise UserError(
            f"fixed.weight_bits = {bits}: at most {_DENSE_BITS} in the graph form, whose Dense connections "
            "hold no more; lower it, or use --form fused or --backend cpu"
        )


class LavaEngine:
    """Plays segments on a network of Lava Processes.

    Parameters
    ----------
    arithmetic : Arithmetic
        The network and its numbers.
    meet : Meet
        The task.
    form : str
        One of `FORMS`.
    target : str
        One of `TARGETS`. Hardware could not be tried: with Intel's extension Lava is asked for its models
        for the chip where it has any, and for this package's on the host.

    Raises
    ------
    UserError
        If there is no such form, no Lava, no hardware, or a setting that the form does not allow.
    """

    def __init__(
        self, arithmetic: Arithmetic, meet: Meet, form: str = "fused", target: str = TARGETS[0]
    ) -> None:
        if form not in FORMS:
            raise UserError(f"form = {form!r}: there is no such form; allowed: {', '.join(FORMS)}")
        config = arithmetic.config
        check_weight_bits(config, arithmetic.precision, form)
        check_lava()
        if target == "loihi2-hw":
            check_hardware()
        self._target = target
        self._arithmetic, self._meet = arithmetic, meet
        self._graph = form == "graph"
        self._state: State = shared_state(arithmetic.start)
        # The graph keeps what inhibitory spikes in flight will add apart from a_in.
        self._inhibitory = shared_array(self._state.a_in.shape, self._state.a_in.dtype)
        steps = 1 if self._graph else config.run.steps_per_lava_step
        # The graph's connections take one step at a time; elsewhere a message costs more than its rows.
        per_message = 1 if self._graph else steps * max(1, _STEPS_PER_MESSAGE // steps)
        self._playbook = Playbook(_MOST_SEGMENTS, steps, int(self._graph), per_message)
        pause = config.steps(max(config.task.pause_ms[1], config.task.settle_ms))
        longest = max(meet.times_ms.size, pause)
        # Room for the longest segment even if every cell spiked in every step; pages in use count only.
        cells = self._state.v.size
        most_spikes = max(_MOST_SPIKES, longest * cells)
        self._most_steps = min(max(_MOST_STEPS, longest), most_spikes // cells)
        self._logbook = Logbook(_MOST_SEGMENTS, self._most_steps, most_spikes, self._state)
        self._time_step = 1
        self._run: Any = None

    @property
    def state(self) -> State:
        """A copy of the whole state between two segments."""
        state = self._state.copy()
        state.a_in[:] += self._inhibitory
        return state

    def restore(self, state: State) -> None:
        """Put the network into a state that an engine gave."""
        self._state.restore(state)
        self._inhibitory[:] = 0

    def play(self, segments: Sequence[Segment]) -> Iterator[Played]:
        """Play segments in order and yield what each left behind, as many at a time as memory holds."""
        start = 0
        while start < len(segments):
            stop, steps = start, 0
            while stop < len(segments) and stop - start < _MOST_SEGMENTS:
                steps += segments[stop].steps
                if steps > self._most_steps and stop > start:
                    break
                stop += 1
            yield from self._play_together(segments[start:stop])
            start = stop

    def close(self) -> None:
        """Stop the network and give back all processes and memory."""
        if self._run is not None:
            self._run.stop()
            self._run = None

    def _play_together(self, segments: Sequence[Segment]) -> list[Played]:
        if self._run is None:
            self._build()
        enter(segments[0], self._state, self._arithmetic.start, (self._inhibitory,))
        before = self._state.saturations.copy()
        self._logbook.spike_count[0] = 0
        lava_steps = self._playbook.write(segments, self._time_step)
        try:
            self._run.run(lava_steps)
        except BaseException:
            self.close()
            raise
        self._time_step += lava_steps
        offsets = np.cumsum([0, *(segment.steps for segment in segments)]).tolist()
        saturations = np.diff(self._logbook.saturations[: len(segments)], axis=0, prepend=before[None])
        return [
            self._played(row, segment, offsets[row], saturations[row]) for row, segment in enumerate(segments)
        ]

    def _played(self, row: int, segment: Segment, offset: int, saturations: np.ndarray) -> Played:
        """Read the record of one segment, whose steps begin at an offset, out of the logbook."""
        book, events = self._logbook, self._state.z.size
        prediction = book.prediction[offset : offset + segment.steps]
        low = int(book.spikes_after[row - 1]) if row else 0
        spikes = book.spikes[:, low : int(book.spikes_after[row])].copy()
        return self._arithmetic.played(
            segment,
            spikes,
            prediction[:, :events].copy(),
            prediction[:, events : 2 * events].copy(),
            prediction[:, -1].copy(),
            book.p[row].copy(),
            book.w_when[row].copy(),
            book.w_what[row].copy(),
            saturations,
        )

    def _build(self) -> None:
        """Make the Processes and connect them; they start with the first run."""
        from lava_predict.engines.lava.supervised import SupervisedRun, import_lava

        import_lava()
        from lava_predict.processes.meet.process import Meet as MeetProcess
        from lava_predict.processes.predictor.process import Predictor

        self._compile_kernels()
        common = {
            "arithmetic": self._arithmetic,
            "state": self._state,
            "playbook": self._playbook,
            "logbook": self._logbook,
        }
        predictor = Predictor(
            what_window=self._meet.what_window,
            inhibitory_in_flight=self._inhibitory if self._graph else None,
            **common,
        )
        host = MeetProcess(meet=self._meet, lead=int(self._graph), in_flight=(self._inhibitory,), **common)
        host.level_out.connect(predictor.level_in)
        host.teach_out.connect(predictor.teach_in)
        predictor.prediction_out.connect(host.prediction_in)
        self._run = SupervisedRun(
            host,
            _run_config(self._arithmetic.precision, self._graph, self._target),
            progress=lambda: int(self._logbook.progress[0]),
        )

    def _compile_kernels(self) -> None:
        """Compile, or load, in this process what the models call, so that no child has to."""
        arithmetic, state = self._arithmetic, self._state.copy()
        nothing = np.empty(0, np.uint32)
        no_rows: np.ndarray = np.empty((0, state.z.size), arithmetic.number)
        channels = arithmetic.network.input_weight.shape[0]
        no_levels: np.ndarray = np.empty((0, channels), arithmetic.number)
        recording = Recording(nothing, nothing, no_rows, no_rows, np.empty(0, arithmetic.accumulator))
        streams = Streams(no_levels, no_rows, no_rows)
        arithmetic.advance(state, streams, 0, 0, (0, 0), True, recording)
        if self._graph:
            no_spikes = np.empty(0, np.int64)
            gate, target, drive = np.zeros((3, state.z.size), arithmetic.number)
            arithmetic.readout_step(state, no_spikes, gate, target, False, True, 0, np.uint64(0), drive)
            arithmetic.graded(state.z)


class _ModelsByClass(dict[Any, Any]):
    """Models by class of Process, asked for by instance: so Lava's compiler searches no folders."""

    def __contains__(self, process: object) -> bool:
        return super().__contains__(type(process)) or super().__contains__(process)

    def __getitem__(self, process: object) -> Any:
        return super().__getitem__(type(process) if super().__contains__(type(process)) else process)


def _run_config(precision: str, graph: bool, target: str = TARGETS[0]) -> Any:
    """Return a Lava run configuration that names the model of every Process."""
    from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg
    from lava.proc.dense.process import Dense

    models = _graph_models(precision) if graph else _fused_models(precision)
    tag = {"float": "floating_pt", "fixed": "fixed_pt"}[precision]
    if target == "loihi2-hw":
        # Untried. Of these Processes only Dense is known to have a model for the chip in the extension.
        on_host = {process: model for process, model in models.items() if process is not Dense}
        return Loihi2HwCfg(select_tag=tag, exception_proc_model_map=_ModelsByClass(on_host))
    return Loihi2SimCfg(select_tag=tag, exception_proc_model_map=_ModelsByClass(models))


def _fused_models(precision: str) -> dict[Any, Any]:
    from lava_predict.processes.meet.models import PyMeetFixed, PyMeetFloat
    from lava_predict.processes.meet.process import Meet as MeetProcess
    from lava_predict.processes.predictor.models import PyPredictorFixed, PyPredictorFloat
    from lava_predict.processes.predictor.process import Predictor

    if precision == "fixed":
        return {MeetProcess: PyMeetFixed, Predictor: PyPredictorFixed}
    return {MeetProcess: PyMeetFloat, Predictor: PyPredictorFloat}


def _graph_models(precision: str) -> dict[Any, Any]:
    from lava.proc.dense.models import PyDenseModelBitAcc, PyDenseModelFloat
    from lava.proc.dense.process import Dense

    from lava_predict.processes.event_sparse.models import PyEventSparseFixed, PyEventSparseFloat
    from lava_predict.processes.event_sparse.process import EventSparse
    from lava_predict.processes.izhikevich.models import PyIzhikevichFixed, PyIzhikevichFloat
    from lava_predict.processes.izhikevich.process import Izhikevich
    from lava_predict.processes.predictor.models import SubPredictorModel
    from lava_predict.processes.predictor.process import Predictor
    from lava_predict.processes.readout.models import PyReadoutFixed, PyReadoutFloat
    from lava_predict.processes.readout.process import Readout
    from lava_predict.processes.reservoir.models import SubReservoirModel
    from lava_predict.processes.reservoir.process import Reservoir

    models = _fused_models(precision) | {Predictor: SubPredictorModel, Reservoir: SubReservoirModel}
    if precision == "fixed":
        return models | {
            Readout: PyReadoutFixed,
            Izhikevich: PyIzhikevichFixed,
            EventSparse: PyEventSparseFixed,
            Dense: PyDenseModelBitAcc,
        }
    return models | {
        Readout: PyReadoutFloat,
        Izhikevich: PyIzhikevichFloat,
        EventSparse: PyEventSparseFloat,
        Dense: PyDenseModelFloat,
    }
