"""What the rules of a stream keep and compute, and where on a chip that could be.

What waits to be learned from is counted as a ring of spikes with a late copy of the traces, which a chip has
room for; `lava_predict.learning.streams.ring` keeps the traces themselves, the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lava_predict.events.scores import SAMPLE_MS
from lava_predict.numerics.integers import STATE_BITS
from lava_predict.settings.schema import Config
from lava_predict.targets.loihi2.limits import LIMITS

_KB_BITS = 1024 * 8
_COUNT_BITS = STATE_BITS


class Place(Enum):
    """Where something could be."""

    CORES = "neuron cores"
    PROCESSOR = "embedded processor"


@dataclass(frozen=True)
class Kept:
    """Numbers that the rules keep.

    Attributes
    ----------
    name : str
        What they are.
    count, most : int
        How many there are with the labels that came, and with room for ``stream.labels_max``.
    bits : int
        Of each.
    place : Place
        Where they could be.
    """

    name: str
    count: int
    most: int
    bits: int
    place: Place

    @property
    def kb(self) -> float:
        """Memory with the labels that came, KB."""
        return self.count * self.bits / _KB_BITS

    @property
    def most_kb(self) -> float:
        """Memory with room for all labels, KB."""
        return self.most * self.bits / _KB_BITS


OPERATIONS = {
    "traces, bits, slow means, ring: each cell's own states": Place.CORES,
    "linear reads: the drive of each label's p, and z every 10 ms": Place.CORES,
    "the choice of the last label's rows: a gate": Place.CORES,
    "local updates: error times input, in the rows of the last label": Place.CORES,
    "softmax and the log2 loss: exponentials, a division, a logarithm": Place.PROCESSOR,
    "rates of learning: divisions by |x|^2 and by counts of events, a square root": Place.PROCESSOR,
    "revision of p while nothing comes: a division by a sum over labels": Place.PROCESSOR,
}
"""What the rules compute, and where that could be."""


@dataclass(frozen=True)
class StreamNeeds:
    """What a stream's rules need.

    Attributes
    ----------
    labels, most : int
        Labels that p is spread over, one for a label that is new included; and ``stream.labels_max``.
    kept : tuple of Kept
        All that they keep.
    config : Config
        Settings.
    """

    labels: int
    most: int
    kept: tuple[Kept, ...]
    config: Config

    def with_room(self, most: int) -> StreamNeeds:
        """Return the needs with room for so many labels."""
        stream = self.config.stream.model_copy(update={"labels_max": most})
        return stream_needs(self.config.model_copy(update={"stream": stream}), min(self.labels, most))

    def cores(self, most: bool = False) -> int:
        """Fewest cores that hold what could be on them, with the labels that came or ``most``."""
        kb = sum(one.most_kb if most else one.kb for one in self.kept if one.place is Place.CORES)
        return -int(-kb // LIMITS["memory_per_core"].known)


def stream_needs(config: Config, labels: int) -> StreamNeeds:
    """Count what the rules keep with so many labels, one for a label that is new included."""
    most, cells = config.stream.labels_max, config.reservoir.neurons
    ring, fixed = config.steps(config.readout.gate_window_ms), config.fixed
    samples = int(config.stream.horizon_ms / SAMPLE_MS)

    def of(name: str, count: int, bits: int) -> Kept:
        return Kept(name, count, count, bits, Place.CORES)

    def by_label(name: str, a: int, b: int, c: int, bits: int, place: Place = Place.CORES) -> Kept:
        """Count a + b L + c L L numbers."""
        count, room = (a + b * n + c * n * n for n in (labels, most))
        return Kept(name, count, room, bits, place)

    return StreamNeeds(
        labels,
        most,
        (
            of(f"ring of spikes, {ring} steps", ring * cells, 1),
            of("bits since the event", cells, 1),
            of("slow mean of the bits", cells, fixed.mean_bits),
            of("traces in two stages, now and as of the ring's end", 4 * cells, fixed.trace_bits),
            of("slow mean of the traces, now and as of the last event", 2 * cells, fixed.mean_bits),
            by_label("what weights, L rows for each last label", 0, 0, cells + 1, fixed.readout_bits),
            by_label("when weights, L rows for each last label", 0, 0, cells + 1, fixed.readout_bits),
            by_label("when rows as of the last event", 0, cells + 1, 0, fixed.readout_bits),
            by_label(
                "counts, errors and longest gaps of pairs of labels", 3, 1, 3, _COUNT_BITS, Place.PROCESSOR
            ),
            by_label(
                "p; z, its integral and o in each sample",
                0,
                2 + 3 * samples,
                0,
                STATE_BITS,
                Place.PROCESSOR,
            ),
        ),
        config,
    )
