"""numba's merging of one kernel's source into another, except that a scope is not copied block by block.

numba copies every block of a merged function twice, and with each all of the function's variables. A step is
merged from a dozen functions; such copies took a tenth of the time in which it is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core.compiler import DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.inline_closurecall import InlineWorker
from numba.core.untyped_passes import InlineInlinables

# numba is annotated in part only.
_registered: Any = register_pass
_default: Any = DefaultPassBuilder


def merging(passes: Any) -> Any:
    """Let a list of numba's passes merge functions as this module does."""
    passes.passes = [(_Merge if one is InlineInlinables else one, told) for one, told in passes.passes]
    passes.finalize()
    return passes


def _untyped_passes(state: Any) -> Any:
    return merging(_default.define_untyped_pipeline(state))


class _Merger(InlineWorker):
    """Merges functions whose blocks keep their scope when they are copied.

    A copied block is put into the scope of the caller anyway, with variables of new names.
    """

    def run_untyped_passes(self, func: Callable[..., Any], enable_ssa: bool = False) -> Any:
        theirs: Any = super()
        self._compiler_pipeline: Any = _untyped_passes
        found = theirs.run_untyped_passes(func, enable_ssa)
        for block in found.blocks.values():
            block.scope.__deepcopy__ = lambda copies, scope=block.scope: scope
        return found


@_registered(mutates_CFG=True, analysis_only=False)
class _Merge(InlineInlinables):
    """The pass that merges."""

    _name = "merge_kernels"

    def _do_work(self, state: Any, work: Any, block: Any, place: int, call: Any, worker: Any) -> Any:
        worker.__class__ = _Merger
        theirs: Any = super()
        return theirs._do_work(state, work, block, place, call, worker)
