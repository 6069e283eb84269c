"""What kernels in several threads tell each other through an array of int64, and how they wait.

A load sees all that was written before the store, addition or exchange that it reads from. These are for
kernels only.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import lower_builtin, type_callable

_WORD = types.Array(types.int64, 1, "C")
_IN_KERNELS = "in kernels only"


def load(words: np.ndarray, index: int) -> int:
    """Return a word."""
    raise NotImplementedError(_IN_KERNELS)


def store(words: np.ndarray, index: int, value: int) -> None:
    """Write a word."""
    raise NotImplementedError(_IN_KERNELS)


def add(words: np.ndarray, index: int, value: int) -> int:
    """Add to a word; return what it was."""
    raise NotImplementedError(_IN_KERNELS)


def exchange(words: np.ndarray, index: int, expected: int, value: int) -> bool:
    """Write a word if it is as expected; return whether it was."""
    raise NotImplementedError(_IN_KERNELS)


def pause() -> None:
    """Let the processor know that a loop only waits."""
    raise NotImplementedError(_IN_KERNELS)


give_way = types.ExternalFunction("sched_yield", types.int32())
"""Let another thread have the processor, if one waits for it."""


def _lowered(function: Any, typer: Any, given: tuple[Any, ...], lower: Any) -> None:
    """Tell numba the type of what a function returns, and how to lower it for these types of arguments."""
    declare: Any = type_callable
    lowered: Any = lower_builtin
    declare(function)(lambda context: typer)
    lowered(function, *given)(lower)


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.gep(
        context.make_array(signature.args[0])(context, builder, arguments[0]).data, [arguments[1]]
    )


def _whole(context: Any, builder: Any, signature: Any, arguments: Any, place: int) -> Any:
    return context.cast(builder, arguments[place], signature.args[place], types.int64)


def _load(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.load_atomic(_address(context, builder, signature, arguments), "acquire", 8)


def _store(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    value = _whole(context, builder, signature, arguments, 2)
    builder.store_atomic(value, _address(context, builder, signature, arguments), "release", 8)
    return context.get_dummy_value()


def _add(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    value = _whole(context, builder, signature, arguments, 2)
    return builder.atomic_rmw("add", _address(context, builder, signature, arguments), value, "acq_rel")


def _exchange(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    expected, value = (_whole(context, builder, signature, arguments, place) for place in (2, 3))
    address = _address(context, builder, signature, arguments)
    found = builder.cmpxchg(address, expected, value, "acq_rel", "acquire")
    return builder.extract_value(found, 1)


def _pause(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    if platform.machine() in ("x86_64", "AMD64"):
        insert: Any = cgutils.get_or_insert_function
        kind = ir.FunctionType(ir.VoidType(), [])
        builder.call(insert(builder.module, kind, "llvm.x86.sse2.pause"), [])
    return context.get_dummy_value()


_ONE, _TWO = (_WORD, types.Integer), (_WORD, types.Integer, types.Integer)
_lowered(load, lambda words, index: types.int64, _ONE, _load)
_lowered(store, lambda words, index, value: types.void, _TWO, _store)
_lowered(add, lambda words, index, value: types.int64, _TWO, _add)
_lowered(exchange, lambda words, index, expected, value: types.boolean, (*_TWO, types.Integer), _exchange)
_lowered(pause, lambda: types.void, (), _pause)
