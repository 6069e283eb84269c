"""A kernel's hint that memory will soon be read, so that it need not be waited for then."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import lower_builtin, type_callable


def prefetch(array: np.ndarray, index: int) -> None:
    """Ask for the cache line of an element of an array of one dimension; it need not lie within the array.

    Outside kernels this does nothing.
    """


def _lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    address = builder.bitcast(builder.gep(array.data, [arguments[1]]), byte)
    kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
    insert: Any = cgutils.get_or_insert_function
    function = insert(builder.module, kind, "llvm.prefetch.p0i8")
    # To read; to be kept in all caches; data.
    builder.call(function, [address, word(0), word(3), word(1)])
    return context.get_dummy_value()


_declare: Any = type_callable
_lowered: Any = lower_builtin
_declare(prefetch)(lambda context: lambda array, index: types.void)
_lowered(prefetch, types.Array, types.Integer)(_lower)
