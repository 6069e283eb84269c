"""The Izhikevich Process: cells with an exponentially decaying synaptic current."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var
from numpy.typing import ArrayLike

from lava_predict.errors import UserError, short, whole
from lava_predict.neurons.izhikevich import MOST_RECOVERY, V_LOWEST, V_PEAK, recovery_share
from lava_predict.numerics.plan import loihi_style
from lava_predict.processes.base import Process, checked_shape
from lava_predict.settings.schema import FixedSettings

COUNTERS = 4
"""How many counters of saturations there are: v, u, s and the current."""


class Izhikevich(Process):
    """Population of Izhikevich cells (Izhikevich 2003, doi 10.1109/TNN.2003.820440).

    In one time step of ``dt`` ms each cell does::

        s = s * exp(-dt / tau_s) + a_in
        I = bias + s + i_in + noise * sqrt(1 ms / dt) * (a random number of variance 1)
        v = max(v + dt / 2 * (0.04 v^2 + 5 v + 140 - u + I), -128)        # twice
        v = min(v, 30);  u += dt * a * (b * v - u)
        s_out = v >= 30;  where it is: v = c, u += d

    The arithmetic is that of `lava_predict.neurons.izhikevich`, in float64 or with the tag "fixed_pt" in
    Loihi-style integers, so that a network of these Processes and the
    package's own engine give the same bits. The model in integers quantises all parameters itself:
    arguments and Vars are physical with either. Only what comes in is not: there ``a_in`` and ``i_in`` are
    integers with F = ``fixed.fraction_bits`` fraction bits (16 by default), so that 1 mV / ms is 2^F.

    Either in-port may stay unconnected. A loop from ``s_out`` back to an in-port needs a Process in it that
    sends before it receives; Dense and Sparse do.

    Parameters
    ----------
    shape : tuple of int
        Number and topology of the cells. Where array_like is said below, a scalar or an array that
        broadcasts to this shape.
    a : array_like
        Rate of recovery, 1 / ms; above 0.
    b : array_like
        Sensitivity of recovery to v; a dt (1 + b dt / 2) must not exceed 2, where u would run away.
    c : array_like
        Reset potential, mV; at least -128 and below 30.
    d : array_like
        Step of recovery at a spike.
    bias : array_like
        Constant current, mV / ms, the current unit of Izhikevich 2003.
    v : array_like
        Membrane potential at the start, mV; at least -128.
    u : array_like, optional
        Recovery variable at the start; b * v unless given.
    s : array_like
        Synaptic current at the start, mV / ms.
    tau_s_ms : float
        Decay of the synaptic current, ms; above 0.
    dt_ms : float
        Time step, ms; above 0, at most 1.
    noise : float
        Standard deviation of each cell's private current per 1 ms step, mV / ms; 0 for none.
    noise_seed : int
        0 to 2^64 - 1. Cell and time step own their random number: two populations with the same seed
        get the same noise.
    fixed : FixedSettings or mapping, optional
        Word lengths and rounding of the model in integers: all, or some by name, such as ``{"v_bits": 20}``.
        The others are Loihi-style ones, as in the presets' section ``fixed``.
    playbook : object, optional
        Of a host that directs the population: its ``position(time_step)`` returns the noise key (uint64) of
        the segment that this Lava step (from 1) belongs to, and the step within it. A step below 0 means
        idle: inputs are dropped, nothing changes and no cell spikes. Without it the key comes from
        ``noise_seed`` and the step is the Lava step less 1.
    shared : mapping, optional
        Likewise: from "v", "u" or "s" to an array in memory that host and model share: float64, or int32 in
        integers, and there also from "saturations" to an int64 array. The model works on that array in place
        of its own, from its first step on; the array's values count, not the Var's initial ones.
    **kwargs
        Lava's ``name`` and ``log_config``.

    Attributes
    ----------
    a_in : InPort
        Synaptic charge that arrives in a step, mV / ms (integers: times 2^F): added to the decaying
        current s.
    i_in : InPort
        Current of this step only, mV / ms (integers: times 2^F).
    s_out : OutPort
        1 where a cell spikes in this step, else 0.
    v, u, s, a, b, c, d, bias : Var
        Of ``shape``, in physical units. In integers v, u and s show the state after the last step, and what
        is set is rounded to its grid.
    saturations : Var
        (4,), how often v, u, s and the current have hit the bounds of their 24 bits; 0 in float64.
    tau_s_ms, dt_ms, noise : Var
        Of shape (1,).

    Raises
    ------
    UserError
        For an argument that is not as above; the message names it, its value and what is allowed.
    TypeError
        For an argument that there is not.

    Examples
    --------
    >>> cells = Izhikevich(shape=(100,), d=8.0, bias=10.0)  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        shape: tuple[int, ...],
        a: ArrayLike = 0.02,
        b: ArrayLike = 0.2,
        c: ArrayLike = -65.0,
        d: ArrayLike = 8.0,
        bias: ArrayLike = 0.0,
        v: ArrayLike = -65.0,
        u: ArrayLike | None = None,
        s: ArrayLike = 0.0,
        tau_s_ms: float = 10.0,
        dt_ms: float = 1.0,
        noise: float = 0.0,
        noise_seed: int = 0,
        fixed: FixedSettings | Mapping[str, Any] | None = None,
        playbook: Any = None,
        shared: Mapping[str, np.ndarray] | None = None,
        **kwargs: Any,
    ) -> None:
        shape = checked_shape(shape)
        given = {"a": a, "b": b, "c": c, "d": d, "bias": bias, "v": v, "s": s}
        arrays = {key: _array(key, value, shape) for key, value in given.items()}
        arrays["u"] = arrays["b"] * arrays["v"] if u is None else _array("u", u, shape)
        # Arrays, because get() of a scalar Var never returns.
        settings = {"tau_s_ms": tau_s_ms, "dt_ms": dt_ms, "noise": noise}
        arrays |= {key: _array(key, value, (1,)) for key, value in settings.items()}
        noise_seed = whole("noise_seed", noise_seed, 0, 2**64 - 1)
        share = recovery_share(arrays["a"], arrays["b"], float(arrays["dt_ms"][0]))
        followed = f"small enough that a dt (1 + b dt / 2) is at most {MOST_RECOVERY:g} (else u runs away)"
        resets = (arrays["c"] >= V_LOWEST) & (arrays["c"] < V_PEAK)
        for key, value, good, allowed in (
            ("a", a, np.all(arrays["a"] > 0.0), "above 0"),
            ("c", c, np.all(resets), f"at least {V_LOWEST:g} and below {V_PEAK:g} mV"),
            ("v", v, np.all(arrays["v"] >= V_LOWEST), f"at least {V_LOWEST:g} mV"),
            ("tau_s_ms", tau_s_ms, arrays["tau_s_ms"][0] > 0.0, "above 0"),
            ("dt_ms", dt_ms, 0.0 < arrays["dt_ms"][0] <= 1.0, "above 0 and at most 1"),
            ("a", a, np.all(share <= MOST_RECOVERY), followed),
            ("noise", noise, arrays["noise"][0] >= 0.0, "0 or more"),
        ):
            if not good:
                raise UserError(f"{key} = {short(value)}: must be {allowed}")
        _check_shared(shared, shape)
        host = {"playbook": playbook, "shared": shared}
        super().__init__(shape=shape, noise_seed=noise_seed, fixed=loihi_style(fixed), **host, **kwargs)
        self.a_in = InPort(shape=shape)
        self.i_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        for key, array in arrays.items():
            setattr(self, key, Var(shape=array.shape, init=array))
        self.saturations = Var(shape=(COUNTERS,), init=np.zeros(COUNTERS, np.int64))


def _array(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Broadcast an argument to a fresh, writable float64 array of a shape."""
    try:
        given = np.asarray(value)
        if given.dtype.kind not in "biuf":
            raise TypeError
        array = np.array(np.broadcast_to(given.astype(np.float64), shape), order="C")
    except (TypeError, ValueError):
        what = "one number" if shape == (1,) else f"a number or an array that broadcasts to {shape}"
        raise UserError(f"{name} = {short(value)}: must be {what}") from None
    if not np.all(np.isfinite(array)):
        raise UserError(f"{name} = {short(value)}: must be finite")
    return array


def _check_shared(shared: Mapping[str, Any] | None, shape: tuple[int, ...]) -> None:
    """Check the arrays that a model is to work on; there a mistake would hang the network."""
    kinds = dict.fromkeys(("v", "u", "s"), "float64 or int32") | {"saturations": "int64"}
    for name, array in (shared or {}).items():
        if name not in kinds:
            raise UserError(f"shared[{name!r}]: there is no such state; allowed: {', '.join(kinds)}")
        size = COUNTERS if name == "saturations" else math.prod(shape)
        fits = (
            isinstance(array, np.ndarray)
            and array.dtype.name in kinds[name].split(" or ")
            and array.size == size
            and array.flags.c_contiguous
            and array.flags.writeable
        )
        if not fits:
            raise UserError(
                f"shared[{name!r}] = {short(array)}: must be a writable, contiguous {kinds[name]} array "
                f"of {size} values"
            )
