"""The network as Lava Processes: builds them, runs them under supervision, and cleans up.

Nothing outside this module and processes/ sees a Process, a Var or a port.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from lava_predict.engines import Engine
from lava_predict.engines.lava.needs import check_hardware, check_lava
from lava_predict.errors import UserError, one_of
from lava_predict.network.arithmetic import Arithmetic
from lava_predict.network.shared_memory import Logbook, Playbook, shared_array, shared_state
from lava_predict.network.state import State
from lava_predict.network.step import Recording
from lava_predict.network.stream_network import StreamNetwork, StreamPlayer
from lava_predict.settings.schema import Config
from lava_predict.tasks import Kind, Played, Segment, Streams, Task

FORMS = ("fused", "graph")
"""fused: reservoir and readout in one kernel. graph: the decomposition that maps to hardware."""

TARGETS = ("loihi2-sim", "loihi2-hw")
"""Where the integer network as a graph runs: in a simulation of Loihi 2's arithmetic, or on the chip."""

_MOST_SEGMENTS = 128
_STEPS_PER_MESSAGE = 200
_MOST_STEPS = 200_000
_MOST_SPIKES = 50_000_000
_DENSE_BITS = 8


@dataclass(frozen=True)
class LavaOptions:
    """How the network runs in Lava: one of `FORMS`, and one of `TARGETS`.

    Hardware could not be tried: with Intel's extension Lava is asked for its models for the chip where it has
    any, and for this package's on the host.
    """

    form: str = FORMS[0]
    target: str | None = None


def _check_target(target: str, precision: str, form: str) -> None:
    if target not in TARGETS:
        raise UserError(f"target = {target!r}: there is no such target; {one_of(target, TARGETS)}")
    for key, value, needed in (("precision", precision, "fixed"), ("form", form, "graph")):
        if value != needed:
            raise UserError(f"target = {target!r}: needs {key} = {needed!r}, not {value!r}")


def _check_graph(config: Config, precision: str) -> None:
    """Raise a UserError for what the graph of Processes has no Process for, or would clip."""
    bits = config.fixed.weight_bits
    if precision == "fixed" and bits > _DENSE_BITS:
        raise UserError(
            f"fixed.weight_bits = {bits}: at most {_DENSE_BITS} in the graph form, whose Dense connections "
            "hold no more; lower it, or use --form fused or --backend cpu"
        )
    reservoir = config.reservoir
    for setting, part, known in (
        (f"reservoir.neuron = {reservoir.neuron!r}", reservoir.neuron, "izhikevich"),
        (reservoir.synapse_setting, reservoir.synapse_part, "exponential"),
    ):
        if part != known:
            raise UserError(
                f"{setting}: has no Lava Process, which the graph form needs ('izhikevich' cells and "
                "'exponential' synapses without delay have one); use --form fused or --backend cpu"
            )


class LavaEngine(Engine):
    """Plays segments on a network of Lava Processes; takes what `Engine` takes, raises as `check` does."""

    Options = LavaOptions

    def __init__(self, arithmetic: Arithmetic, task: Task, options: LavaOptions | None = None) -> None:
        options = options or LavaOptions()
        config = arithmetic.config
        self.check(arithmetic.precision, options, config)
        self._target = options.target or TARGETS[0]
        self._arithmetic, self._task = arithmetic, task
        self._graph = options.form == "graph"
        self._state: State = shared_state(arithmetic.start)
        # The graph keeps what inhibitory spikes in flight will add apart from a_in.
        a_in = getattr(self._state.synapses, "a_in", np.zeros(0))
        self._inhibitory: np.ndarray = shared_array(a_in.shape, a_in.dtype)
        steps = 1 if self._graph else config.run.steps_per_lava_step
        # The graph's connections take one step at a time; elsewhere a message costs more than its rows.
        per_message = 1 if self._graph else steps * max(1, _STEPS_PER_MESSAGE // steps)
        self._playbook = Playbook(_MOST_SEGMENTS, steps, int(self._graph), per_message)
        pause = config.steps(max(config.task.pause_ms[1], config.task.settle_ms))
        longest = max(task.times_ms.size, pause)
        # Room for the longest segment even if every cell spiked in every step; pages in use count only.
        cells = arithmetic.network.size
        most_spikes = max(_MOST_SPIKES, longest * cells)
        self._most_steps = min(max(_MOST_STEPS, longest), most_spikes // cells)
        self._logbook = Logbook(_MOST_SEGMENTS, self._most_steps, most_spikes, self._state)
        self._time_step = 1
        self._run: Any = None

    @classmethod
    def check_stream(cls, config: Config, options: LavaOptions) -> None:  # noqa: D102
        if options.form == "graph":
            raise UserError(
                "--form graph: in Lava a stream is learned by one Process, --form fused; leave it out "
                "(docs/streams.md says why)"
            )

    @classmethod
    def stream_player(cls, network: StreamNetwork) -> StreamPlayer:  # noqa: D102
        from lava_predict.engines.lava.stream import LavaStream

        return LavaStream(network)

    @classmethod
    def check(cls, precision: str, options: LavaOptions, config: Config | None = None) -> None:
        """Raise a UserError without such a form or target, Lava, the chip, or for a setting they rule out."""
        if options.form not in FORMS:
            raise UserError(f"form = {options.form!r}: there is no such form; {one_of(options.form, FORMS)}")
        if options.target is not None:
            _check_target(options.target, precision, options.form)
        check_lava()
        if options.target == "loihi2-hw":
            check_hardware()
        if config is not None and options.form == "graph":
            _check_graph(config, precision)

    @property
    def state(self) -> State:  # noqa: D102
        state = self._state.copy()
        if self._graph:
            state.synapses.a_in[:] += self._inhibitory
        return state

    def restore(self, state: State) -> None:  # noqa: D102
        self._state.restore(state)
        self._inhibitory[:] = 0

    def play(self, segments: Sequence[Segment]) -> Iterator[Played]:
        """Play segments in order and yield what each left behind, as many at a time as memory holds."""
        start = 0
        while start < len(segments):
            steps = np.cumsum([segment.steps for segment in segments[start : start + _MOST_SEGMENTS]])
            count = max(1, int(np.searchsorted(steps, self._most_steps, side="right")))
            yield from self._play_together(segments[start : start + count])
            start += count

    def close(self) -> None:
        """Stop the network and give back all processes and memory."""
        if self._run is not None:
            self._run.stop()
            self._run = None

    def _play_together(self, segments: Sequence[Segment]) -> list[Played]:
        if self._run is None:
            self._build()
        self._arithmetic.enter(segments[0], self._state, (self._inhibitory,))
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
        spikes = book.spikes[:, low : int(book.spikes_after[row])]
        read = (prediction[:, :events], prediction[:, events : 2 * events], prediction[:, -1])
        left = (book.p[row], book.w_when[row], book.w_what[row], saturations)
        return self._arithmetic.played(segment, *(array.copy() for array in (spikes, *read, *left)))

    def _build(self) -> None:
        """Make the Processes and connect them; they start with the first run."""
        from lava_predict.engines.lava.supervised import SupervisedRun, import_lava

        import_lava()
        from lava_predict.processes.meet.process import Meet
        from lava_predict.processes.predictor.process import Predictor

        self._compile_kernels()
        parts = (self._arithmetic, self._state, self._playbook, self._logbook)
        common = dict(zip(("arithmetic", "state", "playbook", "logbook"), parts, strict=True))
        in_flight = self._inhibitory if self._graph else None
        predictor = Predictor(inhibitory_in_flight=in_flight, **common)
        host = Meet(task=self._task, lead=int(self._graph), in_flight=(self._inhibitory,), **common)
        host.level_out.connect(predictor.level_in)
        host.teach_out.connect(predictor.teach_in)
        predictor.prediction_out.connect(host.prediction_in)
        configuration = _run_config(self._arithmetic.precision, self._graph, self._target)
        self._run = SupervisedRun(host, configuration, lambda: int(self._logbook.progress[0]))

    def _compile_kernels(self) -> None:
        """Compile, or load, in this process what the models call, so that no child has to."""
        arithmetic, state = self._arithmetic, self._state.copy()
        nothing = np.empty(0, np.uint32)
        channels = arithmetic.network.input_weight.shape[0]
        no_rows: np.ndarray = np.empty((0, state.z.size), arithmetic.number)
        no_levels: np.ndarray = np.empty((0, channels), arithmetic.number)
        recording = Recording(nothing, nothing, no_rows, no_rows, np.empty(0, arithmetic.accumulator))
        streams, pause = Streams(no_levels, no_rows, no_rows), Segment(Kind.PAUSE, 0, 0, 0, 0)
        arithmetic.advance(state, streams, pause, 0, recording)
        if self._graph:
            no_spikes = np.empty(0, np.int64)
            gate, target, drive = np.zeros((3, state.z.size), arithmetic.number)
            arithmetic.readout_step(state, no_spikes, gate, target, -1, True, 0, np.uint64(0), drive)
            arithmetic.graded(state.z)


class _ModelsByClass(dict[Any, Any]):
    """Models by class of Process, asked for by instance: so Lava's compiler searches no folders."""

    def __contains__(self, process: object) -> bool:
        return super().__contains__(type(process)) or super().__contains__(process)

    def __getitem__(self, process: object) -> Any:
        return super().__getitem__(type(process) if super().__contains__(type(process)) else process)


def _run_config(precision: str, graph: bool, target: str) -> Any:
    """Return a Lava run configuration that names the model of every Process."""
    from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg

    from lava_predict.processes.base import TAGS

    tag = TAGS[precision][-1]
    folders = ("meet", "predictor", "reservoir", "readout", "izhikevich", "event_sparse")
    modules = [f"lava_predict.processes.{folder}.models" for folder in folders[: None if graph else 2]]
    # Untried: of these Processes only Dense is known to have a model for the chip in Intel's extension.
    if graph and target != "loihi2-hw":
        modules.append("lava.proc.dense.models")
    contents = [content for module in modules for content in vars(import_module(module)).values()]
    models = [content for content in contents if tag in getattr(content, "tags", ())]
    if graph:
        from lava_predict.processes.predictor.models import SubPredictorModel
        from lava_predict.processes.reservoir.models import SubReservoirModel

        models += [SubPredictorModel, SubReservoirModel]
    chosen = _ModelsByClass({model.implements_process: model for model in models})
    configuration = Loihi2HwCfg if target == "loihi2-hw" else Loihi2SimCfg
    return configuration(select_tag=tag, exception_proc_model_map=chosen)
