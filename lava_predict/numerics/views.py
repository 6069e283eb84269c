"""Memory read as numbers of another type, in kernels: as numpy's ``view``, in less time to compile."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import lower_builtin, type_callable


def viewed(array: np.ndarray, kind: Any) -> np.ndarray:
    """Return a view of a contiguous array of one dimension, as of numbers of another type.

    Its last bytes are left out where they make no whole number. numba's ``view`` looks into shapes and
    strides of all kinds, which takes a tenth of a second wherever it is used.
    """
    whole = array.nbytes - array.nbytes % np.dtype(kind).itemsize
    return array.view(np.uint8)[:whole].view(kind)


def _type(array: Any, kind: Any) -> Any:
    if isinstance(array, types.Array) and array.ndim == 1 and array.layout == "C":
        return types.Array(kind.dtype, 1, "C")
    return None


def _lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    # Only here, as a start without compiling does not need it.
    from numba.np.arrayobj import populate_array

    kind = signature.return_type
    given = context.make_array(signature.args[0])(context, builder, arguments[0])
    found = context.make_array(kind)(context, builder)
    number = context.get_data_type(kind.dtype)
    width = context.get_constant(types.intp, context.get_abi_sizeof(number))
    fill: Any = populate_array
    fill(
        found,
        data=builder.bitcast(given.data, number.as_pointer()),
        shape=[builder.udiv(builder.mul(given.nitems, given.itemsize), width)],
        strides=[width],
        itemsize=width,
        meminfo=given.meminfo,
        parent=given.parent,
    )
    borrowed: Any = impl_ret_borrowed
    return borrowed(context, builder, kind, found._getvalue())


_declare: Any = type_callable
_lowered: Any = lower_builtin
_declare(viewed)(lambda context: _type)
_lowered(viewed, types.Array, types.NumberClass)(_lower)
