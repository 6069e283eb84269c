"""Parts by name: neurons, synapses, when rules, tasks and engines, ours and those of other packages.

A part of ours is a module of its room, for instance `lava_predict.neurons.izhikevich`. A part of another
package is an entry point of the group that has the room's name::

    [project.entry-points."lava_predict.neurons"]
    my_neuron = "my_package.my_neuron"

A room's ``__init__`` says what its parts offer. Nothing is imported before a part is asked for.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from lava_predict.errors import UserError, one_of


class Registry:
    """The parts of one kind.

    Parameters
    ----------
    key : str
        The setting or argument that names the part, for messages.
    room : str
        Package whose modules are the parts, and group of other packages' entry points.
    """

    def __init__(self, key: str, room: str) -> None:
        self.key = key
        self.room = room

    def names(self) -> list[str]:
        """Name all parts of this kind that can be found, in alphabetical order."""
        return sorted({*_own_names(self.room), *self._foreign()})

    def get(self, name: str) -> Any:
        """Return a part: its module, or what the module calls PART, or what an entry point leads to.

        Parameters
        ----------
        name : str
            One of `names`.

        Raises
        ------
        UserError
            If there is no such part, or the package that promises it cannot be imported.
        """
        if name not in self.names():
            raise UserError(
                f"{self.key} = {name!r}: there is no such part; {one_of(str(name), self.names())}"
            )
        foreign = self._foreign().get(name)
        if foreign is None:
            part = importlib.import_module(f"{self.room}.{name}")
        else:
            try:
                part = foreign.load()
            except Exception as error:
                raise UserError(
                    f"{self.key} = {name!r}: the entry point {foreign.value!r} cannot be loaded "
                    f"({type(error).__name__}: {error}); "
                    "install or mend the package that it belongs to"
                ) from None
        return getattr(part, "PART", part)

    def modules(self) -> list[str]:
        """Name the modules of all parts of this kind."""
        foreign = self._foreign()
        ours = [f"{self.room}.{name}" for name in _own_names(self.room)]
        return [*ours, *(point.module for point in foreign.values())]

    def _foreign(self) -> dict[str, EntryPoint]:
        """Return the entry points of other packages; a name of ours stays ours."""
        own = _own_names(self.room)
        return {name: point for name, point in _entry_points(self.room).items() if name not in own}


@lru_cache
def _own_names(room: str) -> frozenset[str]:
    folder = Path(__file__).parent.joinpath(*room.split(".")[1:])
    return frozenset(module.name for module in pkgutil.iter_modules([str(folder)]))


@lru_cache
def _entry_points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in _all_entry_points().select(group=group)}


@lru_cache
def _all_entry_points() -> Any:
    """Return the entry points of all packages; to look for those of one group takes as long."""
    return entry_points()


NEURONS = Registry("reservoir.neuron", "lava_predict.neurons")
SYNAPSES = Registry("reservoir.synapse", "lava_predict.synapses")
RULES = Registry("readout.rule", "lava_predict.learning.when")
TASKS = Registry("task.name", "lava_predict.tasks")
ENGINES = Registry("backend", "lava_predict.engines")
