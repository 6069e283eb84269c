"""numba's dispatcher, except that a function which only kernels call is not made into machine code.

Of every function that a kernel calls, numba makes two things: intermediate code, which becomes a part of the
kernel, and machine code of its own with a wrapper for Python. A step is made of a hundred small functions,
and nobody calls them from Python. Without the second, compiling takes three quarters of the time.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding as llvm
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher
from numba.core.sigutils import normalize_signature

_PART = "part"
"""What numba's cache holds of such a function, where it has machine code of others."""


class _Compiling(threading.local):
    """How many kernels are being compiled in this thread, each for the one before it."""

    depth = 0


_COMPILING = _Compiling()


@contextmanager
def _compiling() -> Iterator[None]:
    """Count a kernel while it is being compiled.

    Garbage is collected once all are. numba makes a million small objects that live on, and looking through
    them again and again takes a tenth of the time.
    """
    collecting = gc.isenabled()
    gc.disable()
    _COMPILING.depth += 1
    try:
        yield
    finally:
        _COMPILING.depth -= 1
        if collecting:
            gc.enable()


def for_a_kernel() -> bool:
    """Tell whether what is being compiled is a part of another kernel."""
    return _COMPILING.depth > 1


class _Part(JITCodeLibrary):
    """Intermediate code that becomes a part of kernels; it has no address.

    It is optimised all the same. Optimised in its kernels alone, it makes a step in float take 4 % longer.
    """

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def serialize_using_object_code(self) -> tuple[str, str, bytes]:
        """Return what the cache is to hold; numba asks for machine code."""
        return self.name, _PART, self._get_module_for_linking().as_bitcode()

    @classmethod
    def read(cls, codegen: Any, name: str, bitcode: bytes) -> _Part:
        """Return the code that the cache holds."""
        part = cls(codegen, name)
        part._final_module = llvm.parse_bitcode(bitcode)
        part._finalize_final_module()
        return part


class _Pipeline(Compiler):
    """numba's passes, with a `_Part` for what is not to be made into machine code."""

    def __init__(self, typingctx: Any, targetctx: Any, library: Any, *others: Any) -> None:
        if library is None and for_a_kernel():
            library = _Part(targetctx.codegen(), _PART)
        super().__init__(typingctx, targetctx, library, *others)

    def define_pipelines(self) -> list[Any]:
        """Return numba's passes, with one that merges functions in less time."""
        # Only here, as it imports much of numba that a start without compiling does not need.
        from lava_predict.numerics.merging import merging

        return [merging(passes) for passes in super().define_pipelines()]


def _flags(flags: Any) -> Any:
    if for_a_kernel():
        flags.no_compile = flags.no_cpython_wrapper = True
    return flags


class KernelDispatcher(CPUDispatcher):
    """Compiles a function for its callers: as a part of a kernel, or to be called from Python.

    Parameters
    ----------
    function : callable
        In numba's nopython subset.
    options : dict
        Those of ``numba.njit``.
    """

    _compiler: Any

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        super().__init__(function, targetoptions=options, pipeline_class=_Pipeline)
        self._compiler._customize_flags = _flags

    def compile(self, sig: Any) -> Any:
        """Compile for a signature, unless that has been done, and return what stands for the function."""
        arguments, _ = normalize_signature(sig)
        with global_compiler_lock:
            known: Any = self.overloads.get(tuple(arguments))
            if _COMPILING.depth == 0 and known is not None and isinstance(known.library, _Part):
                del self.overloads[tuple(arguments)]
            with _compiling():
                return super().compile(sig)

    def add_overload(self, compiled: Any) -> None:
        """Make what has been compiled known, a part to kernels alone."""
        if not isinstance(compiled.library, _Part):
            super().add_overload(compiled)
            # numba does so only for the function itself, as it has done before for what that calls.
            for environment in compiled._find_referenced_environments():
                compiled.codegen.set_env(environment.env_name, environment)
            return
        if compiled.entry_point is None:
            compiled = compiled._replace(entry_point=object())
            self.targetctx.insert_user_function(compiled.entry_point, compiled.fndesc, [compiled.library])
        self.overloads[tuple(compiled.signature.args)] = compiled


def rebuilt(target_context: Any, payload: tuple[Any, ...]) -> Any:
    """Return the result of a compilation that the cache holds; numba inserts it."""
    (name, kind, code), function, environment, signature = payload[:4]
    result: Any = CompileResult
    if kind != _PART:
        return result._rebuild(target_context, *payload)
    known = {
        "target_context": target_context,
        "typing_context": target_context.typing_context,
        "library": _Part.read(target_context.codegen(), name, code),
        "entry_point": object(),
        "fndesc": function,
        "environment": environment,
        "signature": signature,
    }
    return result(**{**dict.fromkeys(result._fields), **known, "objectmode": False})
