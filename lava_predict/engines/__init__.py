"""What plays segments: each module is one engine; `lava_predict.registry.ENGINES` finds it.

An engine is a subclass of `Engine`; its module calls it ``PART``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from lava_predict.errors import UserError, likely, named_arguments, one_of, short
from lava_predict.lazy import public_face
from lava_predict.network.arithmetic import PRECISIONS, Arithmetic
from lava_predict.network.state import State
from lava_predict.registry import ENGINES
from lava_predict.settings.schema import Config
from lava_predict.tasks import Played, Segment, Task

_OF_RUNS = ("backend", "precision", "progress", "state", "keep", "form", "target", "threads")
"""Arguments that some run takes, for a near miss."""


@dataclass(frozen=True)
class NoOptions:
    """What an engine without options of its own has."""


class Engine(ABC):
    """A network that plays segments, on whatever it runs on.

    Parameters
    ----------
    arithmetic : Arithmetic
        The network and its numbers.
    task : Task
        Gives the streams of a segment.
    options : Options
        How to run.

    Attributes
    ----------
    Options : type
        A frozen dataclass of the engine's own options, each with a default; by default there are none.
    """

    Options: ClassVar[Any] = NoOptions

    @abstractmethod
    def __init__(self, arithmetic: Arithmetic, task: Task, options: Any) -> None: ...

    @classmethod  # noqa: B027 - most run everywhere
    def check(cls, precision: str, options: Any, config: Config | None = None) -> None:
        """Raise a UserError if the engine is not available here, or cannot run this in this way."""

    @classmethod
    def check_stream(cls, config: Config, options: Any) -> None:
        """Raise a UserError if streams are not learned with this engine, or not in this way."""
        raise UserError(
            f"{cls.__name__}: streams are not learned with this backend; choose cpu, fpga-sim or lava"
        )

    @classmethod
    def stream_player(cls, network: StreamNetwork) -> StreamPlayer:
        """Return what plays a stream's network with this engine; close it to have the network back."""
        raise NotImplementedError

    @property
    @abstractmethod
    def state(self) -> State:
        """A copy of the whole state between two segments."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Put the network into a state that `state` gave, here or in another engine."""

    @abstractmethod
    def play(self, segments: Sequence[Segment]) -> Iterator[Played]:
        """Play segments in order and yield what each left behind; exhaust it before the next call."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Give back what the engine holds; it cannot be used afterwards."""


@named_arguments
def engine_options(
    backend: str, precision: str, given: Mapping[str, Any], config: Config | None = None
) -> tuple[type[Engine], Any]:
    """Look up an engine and complete its options; a UserError says why it cannot run in this way, here.

    Parameters
    ----------
    backend, precision : str
        Name of the engine, and one of `PRECISIONS`.
    given : mapping
        The engine's options by name; None counts as not given.
    config : Config, optional
        What it is to run; checked if given.
    """
    if backend not in ENGINES.names():
        raise UserError(f"backend = {backend!r}: not available; {one_of(str(backend), ENGINES.names())}")
    if precision not in PRECISIONS:
        raise UserError(f"precision = {precision!r}: not available; {one_of(str(precision), PRECISIONS)}")
    engine = ENGINES.get(backend)
    chosen = {name: value for name, value in given.items() if value is not None}
    known = [field.name for field in fields(engine.Options)]
    for name, value in chosen.items():
        if name not in known:
            has = f"has {', '.join(known)}" if known else "has no options"
            near = likely(name, [*known, *_OF_RUNS])
            remedy = "leave it out" if near in (None, name) else f"did you mean {near!r}?"
            raise UserError(f"{name} = {short(value)}: backend {backend!r} {has}; {remedy}")
    options = engine.Options(**chosen)
    engine.check(precision, options, config)
    return engine, options


if TYPE_CHECKING:
    from lava_predict.engines.cpu import CpuEngine
    from lava_predict.engines.lava.engine import LavaEngine
    from lava_predict.engines.lava.stream import LavaStream
    from lava_predict.engines.lava.supervised import SupervisedRun, import_lava
    from lava_predict.network.stream_network import StreamNetwork, StreamPlayer
else:
    __all__, __getattr__, __dir__ = public_face(__name__, "Engine", "engine_options")
