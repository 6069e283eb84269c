"""What arrays a network and its state are made of: shapes in terms of N cells and K events, types, bounds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lava_predict.errors import DAMAGED, UserError
from lava_predict.learning import what
from lava_predict.network import fixed_step
from lava_predict.network.arithmetic import fixed_parts, parts_of, row_blocks
from lava_predict.network.draw import Network
from lava_predict.network.state import State, mapped
from lava_predict.settings.schema import Config


class Expected(NamedTuple):
    """What an array must be.

    Attributes
    ----------
    shape : tuple of int or str, or None
        Lengths; a name stands for a length that all arrays with this name share. None is any shape.
    kinds : tuple of str
        Names of the types that are allowed, such as "float64".
    missing : bool
        Whether NaN stands for what does not exist; otherwise all numbers are finite.
    low, high : int, str or None
        Bounds of the values; a name is that of a length, which the values are below.
    """

    shape: tuple[int | str, ...] | None
    kinds: tuple[str, ...] = ("float64",)
    missing: bool = False
    low: int | None = None
    high: int | str | None = None


_NUMBERS = ("float64", "float32", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8")
_CONNECTIONS = {
    "first": Expected(("N + 1",), ("int64",), low=0),
    "target": Expected(("S",), ("int32", "uint16", "uint32"), low=0, high="N"),
    "weight": Expected(("S",), ("float64", "float32", "int32")),
    "delay": Expected(("N",), ("int32",), low=1),
}
"""Of synapses, in any type that holds them; arrays of other names are only taken to be finite numbers."""

_INDICES = {"row": Expected((1,), ("int64",), low=0, high="longest delay")}
_RING = ("longest delay", "N")
"""Of the state of synapses with delays."""


_RULE_INDICES = {"cue": Expected((2,), ("int64",), low=-1, high="M + 1")}
"""Of a when rule's memory: the cue that was recognised last, and how many are known."""


def lengths(config: Config) -> dict[str, int]:
    """Return the lengths that settings decide, by name."""
    task = config.task
    cells, events, cues = config.reservoir.neurons, task.events, task.cues
    channels = cues + (events if task.events_drive_reservoir else 0)
    found = {"N": cells, "N + 1": cells + 1, "K": events, "M": cues, "M + 1": cues + 1, "C": channels}
    steps = config.steps(task.before_ms) + config.steps(task.after_ms)
    return found | {"B": len(task.blocks), "steps": steps}


def network_layout(config: Config) -> Network:
    """Return the tree of a network as drawn, with what each array must be."""
    neuron, synapse, _ = parts_of(config)
    cells = neuron.Parameters(*[Expected(("N",))] * len(neuron.Parameters._fields))
    unknown = Expected(None, _NUMBERS)
    connections = synapse.Connections(*(_CONNECTIONS.get(n, unknown) for n in synapse.Connections._fields))
    weights: Any = (Expected(("C", "N")), Expected(("K", "N")))
    return Network(cells, connections, *weights)


def state_layout(config: Config, network: Network, precision: str) -> State:
    """Return the tree of the state of a network in one of `PRECISIONS`, with what each array must be."""
    fixed = precision == "fixed"
    parts = fixed_parts(config) if fixed else parts_of(config)
    neuron, synapse, rule = parts
    cells = mapped(lambda array: array.astype(np.int32 if fixed else np.float64), neuron.start(network.cells))
    synapses = synapse.fixed_start(network.synapses, True) if fixed else synapse.start(network.synapses)
    learned = rule.fixed_start(config) if fixed else rule.start(config)
    task = config.task
    memory = what.start(network.size, task.events, task.cues, row_blocks(rule, config), fixed=fixed)
    whole: Any = State(
        cells=cells,
        synapses=synapses,
        z=np.zeros(task.events, np.int32 if fixed else np.float64),
        when=learned,
        what=memory,
        saturations=np.zeros(len(fixed_step.saturating(*parts)) if fixed else 0, np.int64),
    )
    expected: Any = like_tree(whole)
    indices = {name: one for name, one in _RULE_INDICES.items() if name in expected.when._fields}
    when = expected.when._replace(**indices)
    found: State = expected._replace(synapses=_in_flight(expected.synapses), when=when)
    return found


def like(array: np.ndarray) -> Expected:
    """Return that an array must be as another one, but for its values."""
    return Expected(array.shape, (array.dtype.name,))


def like_tree(tree: Any) -> Any:
    """Return a tree of the same classes that says that each array must be as this tree's."""
    return type(tree)(*(like(part) if isinstance(part, np.ndarray) else like_tree(part) for part in tree))


def check_begins(first: np.ndarray, synapses: int) -> None:
    """Raise a UserError if these are no begins of columns: a kernel would read beside their memory."""
    if first[0] != 0 or first[-1] != synapses or (np.diff(first) < 0).any():
        raise UserError(f"network/synapses/first: must ascend from 0 to the number of synapses; {DAMAGED}")


def _in_flight(synapses: Any) -> Any:
    """Let sums of weights have 32 or 64 bits in integers, as their weights need, and bound indices."""
    found = {
        name: one._replace(kinds=("int32", "int64")) if one.kinds == ("int64",) else one
        for name, one in synapses._asdict().items()
    }
    if "ring" in found:
        found |= {**_INDICES, "ring": found["ring"]._replace(shape=_RING)}
    return type(synapses)(**found)
