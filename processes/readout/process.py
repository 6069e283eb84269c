"""The Readout Process: traces of spikes, the when and what readouts, and the gated when rule."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var
from numpy.typing import ArrayLike

from lava_predict.errors import UserError, one_of, short
from lava_predict.network.alone import MakeArithmetic, readout_alone
from lava_predict.network.arithmetic import PRECISIONS, Arithmetic
from lava_predict.network.shared_memory import Logbook, Playbook
from lava_predict.network.state import State
from lava_predict.processes.base import Process, checked_count, checked_shape
from lava_predict.settings.schema import FixedSettings
from lava_predict.tasks import Streams


class Readout(Process):
    """Reads N cells out for K events, and learns, online and by three factors, when they occur.

    In every time step it takes the cells' spikes into traces x, sends the readout z = W x, and changes W by
    (presynaptic trace) x (error: target - z) x (gate). Which rule that is, ``rule`` says.

    Of any cells, with plain arguments: ``Readout(shape=(100,), events=2)``. Only the when rule works then,
    in every step; what the engine does between the trials of a task (the what rule, the surprises, rates
    that fall with the trials) needs its host. The engine gives ``arithmetic`` and ``state`` in their place.

    Parameters
    ----------
    shape : tuple of int
        Shape of the population that is read, N cells in all.
    events : int
        K.
    rule : str
        The when rule. "gated_delta" needs nothing else. "annealed_delta", the presets' own, has weights of
        their own for each cue, reads and learns from 10 ms after a cue came on, and needs to be told that
        one did. Or that of another package.
    rate : float, optional
        Learning rate per ms: at gate 1 a step of ``dt_ms`` removes this share of the error times ``dt_ms``.
        By default the rule's own at an event's first occurrence, for both rules 0.05.
    tau_x_ms : float or (float, float), optional
        Decay of the traces, ms; by default 75. With "annealed_delta" the least and the greatest, from which
        each cell's is drawn; by default (20, 150).
    tau_m_ms : float, optional
        Slow mean that is subtracted from the traces, ms; by default 10,000, or 8,192 with "annealed_delta".
    cues : int
        Most cues that "annealed_delta" tells apart, by the spikes that follow them.
    dt_ms : float
        Duration of a time step, ms; 0.01 to 1.
    seed : int
        Of what a rule draws.
    settings : mapping, optional
        Further settings of the rule, by their name in the presets' section ``readout``.
    fixed : FixedSettings or mapping, optional
        Word lengths and rounding of the model in integers, all or some by name; else those of the presets.
    gate, target : (T, K) array_like, optional
        A schedule in physical units: the gate of each event in each step, 0 .. 1, and what z shall be. It
        starts again every T steps, and what comes in at ``teach_in`` is added to it.
    cue : (T,) array_like, optional
        1 in the steps in which a cue comes on, else 0; likewise, with ``cue_in``.
    arithmetic : Arithmetic or callable
        In place of all above: a network's numbers and settings, or what makes them for a precision.
    state : State, optional
        Where x, m, z, x_sum and the weights stand; shared memory lets the host see them.
    playbook : Playbook, optional
        Tells the segment. Without it there is one, in which every step learns.
    logbook : Logbook, optional
        With a playbook, gets the spikes.
    **kwargs
        Lava's ``name`` and ``log_config``.

    Attributes
    ----------
    s_in : InPort
        ``shape``, a spike where it is not 0.
    teach_in : InPort
        (2 K,), gates, then targets, as `teaching` gives them.
    cue_in : InPort
        (1,), not 0 in the step in which a cue comes on; not used with a playbook.
    prediction_out : OutPort
        (2 K + 1,): z, W_what . x and |xc|^2 of this step, before it learns. In integers z has 16 fraction
        bits.
    feedback_out : OutPort
        (K,), z as graded spikes in 0 .. 1: multiples of 2^-16, or integers of 8 fraction bits.
    w_when, w_what : Var
        Weights, as the rules have them: for "gated_delta" (K, N + 1), the last one of a constant input.
    x, m : Var
        Traces, (N,), and their slow means, as the rule has them; a rule without slow means shows 0.
    z : Var
        (K,), when readout. In integers all Vars are, in the formats of docs/fixed-point.md.

    Raises
    ------
    UserError
        For a bad value of an argument; the message names it, the value and what is allowed.
    TypeError
        For an argument that there is not, or neither shape and events nor arithmetic.

    Examples
    --------
    >>> readout = Readout(shape=(100,), events=2, rate=0.02, tau_x_ms=30.0)  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        shape: tuple[int, ...] | None = None,
        events: int | None = None,
        rule: str = "gated_delta",
        rate: float | None = None,
        tau_x_ms: Any = None,
        tau_m_ms: float | None = None,
        cues: int = 1,
        dt_ms: float = 1.0,
        seed: int = 1,
        settings: Mapping[str, Any] | None = None,
        fixed: FixedSettings | Mapping[str, Any] | None = None,
        gate: ArrayLike | None = None,
        target: ArrayLike | None = None,
        cue: ArrayLike | None = None,
        arithmetic: Arithmetic | MakeArithmetic | None = None,
        state: State | None = None,
        playbook: Playbook | None = None,
        logbook: Logbook | None = None,
        **kwargs: Any,
    ) -> None:
        if arithmetic is None:
            if shape is None or events is None:
                raise TypeError("Readout: needs shape and events, as in Readout(shape=(100,), events=2)")
            shape = checked_shape(shape)
            counts = (int(np.prod(shape)), checked_count("cues", cues), checked_count("events", events))
            given = {"rule": rule, "tau_x_ms": tau_x_ms, "tau_m_ms": tau_m_ms, **(settings or {})}
            arithmetic = readout_alone(
                *counts, dt_ms=dt_ms, seed=seed, fixed=fixed, rate=rate, settings=given
            )
        self._arithmetic = arithmetic
        start = state or self._numbers("float").start
        events, when, what = start.z.size, start.when, start.what
        untaught = gate is None and target is None and cue is None
        schedule = None if untaught else _schedule(events, gate, target, cue)
        parts = {"arithmetic": arithmetic, "state": state, "playbook": playbook, "logbook": logbook}
        super().__init__(**parts, schedule=schedule, **kwargs)
        self.s_in = InPort(shape=shape or when.x.shape)
        self.teach_in = InPort(shape=(2 * events,))
        self.cue_in = InPort(shape=(1,))
        self.prediction_out = OutPort(shape=(2 * events + 1,))
        self.feedback_out = OutPort(shape=(events,))
        self.w_when = Var(shape=when.w.shape, init=when.w)
        self.w_what = Var(shape=what.w.shape, init=what.w)
        self.x = Var(shape=when.x.shape, init=when.x)
        m = getattr(when, "m", np.zeros_like(when.x))
        self.m = Var(shape=m.shape, init=m)
        self.z = Var(shape=start.z.shape, init=start.z)

    def teaching(self, gate: ArrayLike, target: ArrayLike, precision: str = "float") -> np.ndarray:
        """Turn gates and targets in physical units, (T, K), into what ``teach_in`` takes, (2 K, T).

        ``precision`` is "float" or "fixed". In integers a gate is multiplied by the learning rate or has 12
        fraction bits, as the rule has it; a target has 16.
        """
        if precision not in PRECISIONS:
            raise UserError(f"precision = {precision!r}: there is none such; {one_of(precision, PRECISIONS)}")
        arithmetic = self._numbers(precision)
        streams = arithmetic.streams(_schedule(arithmetic.start.z.size, gate, target, None))
        taught: np.ndarray = np.concatenate((streams.gate, streams.target), axis=1).T
        return taught

    def _numbers(self, precision: str) -> Arithmetic:
        given = self._arithmetic
        return given if isinstance(given, Arithmetic) else given(precision)


def _schedule(events: int, gate: Any, target: Any, cue: Any) -> Streams:
    """Check a schedule; a part that is None is all 0."""
    given = {"gate": (gate, events), "target": (target, events), "cue": (cue, 1)}
    found = {name: _rows(name, *part) for name, part in given.items() if part[0] is not None}
    steps = {name: len(rows) for name, rows in found.items()}
    if len(set(steps.values())) > 1:
        said = ", ".join(f"{name} has {count}" for name, count in steps.items())
        raise UserError(f"gate, target and cue must have equally many steps; {said}")
    gates = found.get("gate", np.zeros(1))
    if np.any((gates < 0.0) | (gates > 1.0)):
        raise UserError(f"gate = {_shown(gate)}: must be 0 to 1")
    count = max(steps.values())
    rows = (found.get(name, np.zeros((count, width))) for name, (_, width) in given.items())
    gates, targets, cues = rows
    return Streams(cues, gates, targets)


def _rows(name: str, value: Any, width: int) -> np.ndarray:
    """Return a part of a schedule as (T, width) float64; that of the cue comes as (T,)."""
    try:
        array = np.asarray(value, np.float64)
        rows = array[:, None] if name == "cue" else array
        if rows.ndim == 2 and len(rows) > 0 and rows.shape[1] == width and np.all(np.isfinite(rows)):
            return rows
    except (TypeError, ValueError, IndexError):
        pass
    shape = "(T,)" if name == "cue" else f"(T, {width})"
    raise UserError(f"{name} = {_shown(value)}: must be an array of finite numbers, {shape}")


def _shown(value: Any) -> str:
    """Show an array in one line."""
    return " ".join(short(value).split())
