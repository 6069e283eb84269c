"""What the Processes and their models share: a base class of either, and the decorator of a model."""

import inspect
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import AbstractPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lava_predict.errors import UserError, plain, refuse_unknown, short
from lava_predict.network.alone import MakeArithmetic
from lava_predict.network.arithmetic import Arithmetic
from lava_predict.numerics.noise import fold, key_of
from lava_predict.numerics.plan import Plan

TAGS = {"float": ("floating_pt",), "fixed": ("bit_accurate_loihi", "fixed_pt")}
"""Lava's tags of the models in a precision; the last one selects them."""

_LAVAS = ("name", "log_config")
"""Arguments that Lava gives every Process."""

_KINDS = {PyInPort: PyInPort.VEC_DENSE, PyOutPort: PyOutPort.VEC_DENSE, np.ndarray: np.ndarray}


class PortsDifferError(UserError, AssertionError):
    """Two ports of different shapes were connected; an AssertionError, too, as Lava itself raises."""


def _check_shapes(
    port: AbstractPort,
    others: list[AbstractPort],
    kind: type,
    same_shape: bool = True,
    same_type: bool = False,
) -> None:
    """Refuse ports of different shapes by the names of both; Lava's own check comes after it."""
    for other in others:
        if same_shape and isinstance(other, AbstractPort) and port.shape != other.shape:
            remedy = (
                "reshape one: port.reshape(...)"
                if port.size == other.size
                else "connect ports of one shape, or put a Dense between them"
            )
            raise PortsDifferError(
                f"{_named(port)} and {_named(other)} are connected, but differ in shape; {remedy}"
            )
    _lavas_check(port, others, kind, same_shape, same_type)


def _named(port: AbstractPort) -> str:
    owner = "" if port.process is None else f"{type(port.process).__name__}."
    return f"{owner}{port.name} {port.shape}"


_lavas_check = AbstractPort._validate_ports
# Lava's message has neither port's name. Most connections begin or end at a port of Lava's own Processes.
AbstractPort._validate_ports = _check_shapes


class Process(AbstractProcess):
    """A Lava Process whose constructor may raise, and that refuses arguments it does not know.

    Every one takes, beside the arguments in its signature, Lava's ``name`` (str) and ``log_config``
    (LogConfig). Lava itself would take any other argument and ignore it.

    Raises
    ------
    TypeError
        For an argument that neither the class nor one that it passes ``**kwargs`` on to has; the message
        names it, the likely one and all that there are.
    """

    # Lava's destructor asks for it, also when the constructor has raised.
    _runtime: Any = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Refuse unknown arguments before anything is made."""
        refuse_unknown(cls.__name__, kwargs, _arguments(cls))
        return super().__new__(cls)


def _arguments(process: type) -> list[str]:
    """List the arguments of a Process: its own, those of the classes that it passes others on to, Lava's."""
    allowed: dict[str, None] = {}
    for cls in process.__mro__[: process.__mro__.index(Process)]:
        if "__init__" not in vars(cls):
            continue
        parameters = [*inspect.signature(vars(cls)["__init__"]).parameters.values()][1:]
        variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        allowed |= {each.name: None for each in parameters if each.kind not in variable}
        if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters):
            return list(allowed)
    return [*allowed, *_LAVAS]


def checked_shape(value: Any) -> tuple[int, ...]:
    """Return the shape of a population; raises a UserError if it is none."""
    sizes = plain(value)
    if isinstance(sizes, tuple | list) and sizes and all(type(n) is int and n > 0 for n in sizes):
        return tuple(sizes)
    raise UserError(f"shape = {short(value)}: must be a tuple of whole numbers above 0, such as (100,)")


def checked_count(name: str, value: Any) -> int:
    """Return a number of things; raises a UserError if it is none."""
    count = plain(value)
    if type(count) is int and count > 0:
        return count
    raise UserError(f"{name} = {short(value)}: must be a whole number above 0")


class Model(PyLoihiProcessModel):
    """A model in Python that knows which step of a segment it is at."""

    precision: str

    def __init__(self, proc_params: Any, seed: int = 0) -> None:
        super().__init__(proc_params)
        self._playbook = proc_params.get("playbook")
        self._shared = proc_params.get("shared") or {}
        self._key = key_of(seed)

    def _position(self) -> tuple[np.uint64, int]:
        """Return the random key of this step and the step in its segment, below 0 for an idle one."""
        # Without a playbook there is one segment without end.
        key, step = self._key, self.time_step - 1
        if self._playbook is not None:
            key, step = self._playbook.position(self.time_step)
        # What a kernel returns is a plain int, which would become a signed one.
        return np.uint64(fold(key, np.uint64(max(step, 0)))), step

    def _numbers(self, given: Arithmetic | MakeArithmetic) -> Arithmetic:
        """Return the arithmetic of a host's network, or make that of this model's precision."""
        if isinstance(given, Arithmetic):
            return given
        made = given(self.precision)
        if made.plan is not None:
            self._log_warnings(made.plan)
        return made

    def _log_warnings(self, plan: Plan) -> None:
        """Log what is lost in integers, unless a host that shares its memory has the plan itself."""
        for warning in () if self._shared else plan.warnings:
            self._warn(str(warning))

    def _warn(self, text: str) -> None:
        """Log a warning: an exception here would hang Lava."""
        name = self.implements_process.__name__
        logging.getLogger(type(self).__module__).warning("%s: %s", name, text)


def model(process: type, precision: str, number: Any = float, **others: Any) -> Callable[[type], type]:
    """Make a class the model of a Process on a CPU, and give its annotated ports and Vars their types.

    Parameters
    ----------
    process : type
        The Process.
    precision : str
        "float" or "fixed".
    number : type or (type, int)
        Type of the elements of ports and Vars, and the bits that they take.
    **others
        The same for ports and Vars, by name, that differ.
    """

    def decorate(cls: type) -> type:
        for base in reversed(cls.__mro__):
            for name, kind in vars(base).get("__annotations__", {}).items():
                if kind in _KINDS:
                    chosen = others.get(name, number)
                    given = chosen if isinstance(chosen, tuple) else (chosen,)
                    setattr(cls, name, LavaPyType(_KINDS[kind], *given))
        # Lava's decorator would add to the tags of a base class, which may be the model in float64.
        cls.tags = list(TAGS[precision])  # type: ignore[attr-defined]
        cls.precision = precision  # type: ignore[attr-defined]
        return implements(proc=process, protocol=LoihiProtocol)(requires(CPU)(cls))  # type: ignore[no-any-return]

    return decorate
