"""What is publicly known of Loihi 2, each figure with its source.

docs/loihi2.md has the same figures in words. A figure that is not public is None here, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType


@dataclass(frozen=True)
class Source:
    """Where a figure was read.

    Attributes
    ----------
    citation : str
        Who says it, and where.
    url : str
        Address of the page, or of the file in Lava's repository.
    """

    citation: str
    url: str


@dataclass(frozen=True)
class Limit:
    """A figure of the chip.

    Attributes
    ----------
    name : str
        Its key in `LIMITS`.
    meaning : str
        What it bounds, in words.
    value : float or None
        The figure; None if none is public.
    source : Source
        Where it was read; of a figure that is not public, what shows that it matters.
    note : str
        What to know before relying on it.
    unit : str
        Its unit.
    loihi1 : bool
        Whether it is a figure of the first Loihi, for orientation only.
    """

    name: str
    meaning: str
    value: float | None
    source: Source
    note: str = ""
    unit: str = ""
    loihi1: bool = False

    @property
    def known(self) -> float:
        """The figure, where it is public; ValueError where it is not."""
        if self.value is None:
            raise ValueError(f"{self.name}: not public")
        return self.value

    def in_words(self) -> str:
        """Write the figure with its unit, or "not public"."""
        if self.value is None:
            return "not public"
        return self.written(self.value)

    def written(self, number: float) -> str:
        """Write a number in the limit's unit: whole ones in full, others to three significant digits."""
        whole = float(number).is_integer() or number >= 1000
        unit = self.unit.removesuffix("s") if number == 1 else self.unit
        return f"{number:,.0f} {unit}".rstrip() if whole else f"{number:.3g} {unit}".rstrip()


_LAVA = "https://github.com/lava-nc/lava/blob/main/src/lava"

OPEN_NEUROMORPHIC = Source(
    "Open Neuromorphic, Loihi 2 - Intel (after Intel's technology brief of 2021)",
    "https://open-neuromorphic.org/neuromorphic-computing/hardware/loihi-2-intel/",
)
WIKICHIP = Source(
    "WikiChip, Loihi 2 - Intel, revision 102417",
    "https://en.wikichip.org/w/index.php?title=intel/loihi_2&oldid=102417",
)
PRESS = Source(
    "Intel Reveals 4nm Loihi 2 Neuromorphic Research Chip, press report of October 2021, quoted at geeks.fyi",
    "https://geeks.fyi/showthread.php?action=newpost&tid=16221",
)
HALA_POINT = Source(
    "eeNews Europe, Intel breaks a billion neurons (Hala Point), April 2024",
    "https://www.eenewseurope.com/en/intel-breaks-a-billion-neurons-for-worlds-largest-neuromorphic-"
    "computing-system/",
)
CONNECTOME = Source(
    "Wang et al. 2025, Neuromorphic Simulation of Drosophila Melanogaster Brain Connectome on Loihi 2, "
    "arXiv:2508.16792",
    "https://arxiv.org/abs/2508.16792",
)
IZHIKEVICH = Source(
    "Uludag et al. 2024, Bio-realistic neural network implementation on Loihi 2 with Izhikevich neurons, "
    "Neuromorph. Comput. Eng. 4, 024013",
    "https://doi.org/10.1088/2634-4386/ad5584",
)
DAVIES = Source(
    "Davies et al. 2018, Loihi: A Neuromorphic Manycore Processor with On-Chip Learning, IEEE Micro 38(1), "
    "table of simulated energies",
    "https://doi.org/10.1109/MM.2018.112130359",
)
SANA_FE = Source(
    "SANA-FE, model of the first Loihi, arch/loihi.yaml",
    "https://github.com/SLAM-Lab/SANA-FE/blob/main/arch/loihi.yaml",
)
LAVA_DENSE = Source(
    "Lava 0.10.0, lava.proc.dense.process.Dense: 'weights to use full 8 bit precision'",
    f"{_LAVA}/proc/dense/process.py",
)
LAVA_LIF = Source(
    "Lava 0.10.0, lava.proc.lif.models: u and v are 24 bits wide", f"{_LAVA}/proc/lif/models.py"
)
LAVA_LEARNING = Source(
    "Lava 0.10.0, lava.magma.core.learning.constants: W_TRACE, W_WEIGHTS_U",
    f"{_LAVA}/magma/core/learning/constants.py",
)

_QUOTED = (
    "First Loihi, 14 nm, simulated. Not verified here: the paper was not available; the figure is quoted "
    "from programs that cite it."
)

_ORIENTATION = "Above this figure the check warns, because the figure for Loihi 2 is not public."

_LIMITS = (
    Limit("cores", "neuron cores of a chip", 128, OPEN_NEUROMORPHIC),
    Limit("cores_in_hala_point", "neuron cores of a chip in the largest system", 122, HALA_POINT),
    Limit("neurons", "neurons of a chip", 1_000_000, OPEN_NEUROMORPHIC),
    Limit("neurons_per_core", "neurons of a core", 8192, WIKICHIP),
    Limit("synapses", "synapses of a chip", 120_000_000, OPEN_NEUROMORPHIC),
    Limit("memory_per_core", "memory of a core", 192, PRESS, unit="KB"),
    Limit("states_per_neuron", "state words of a neuron", 4096, PRESS),
    Limit("weight_bits", "magnitude of a weight", 8, LAVA_DENSE, unit="bits"),
    Limit("state_bits", "state word", 24, LAVA_LIF, unit="bits"),
    Limit("payload_bits", "payload of a graded spike", 32, OPEN_NEUROMORPHIC, unit="bits"),
    Limit("learning_trace_bits", "trace of the learning engine", 7, LAVA_LEARNING, unit="bits"),
    Limit("learning_weight_bits", "magnitude of a weight that learns", 8, LAVA_LEARNING, unit="bits"),
    Limit("learning_factors", "factors of a learning rule", 3, OPEN_NEUROMORPHIC, unit="factors"),
    Limit("fan_in", "synapses onto a neuron", None, CONNECTOME),
    Limit("fan_out", "synapses from a neuron", None, CONNECTOME),
    Limit("axons_in", "input axons of a core", None, CONNECTOME),
    Limit("axons_out", "output axons of a core", None, CONNECTOME),
    Limit("axons_in_loihi1", "input axons of a core of the first Loihi", 4096, SANA_FE, loihi1=True),
    Limit("axons_out_loihi1", "output axons of a core of the first Loihi", 4096, SANA_FE, loihi1=True),
    Limit(
        "energy_per_synaptic_operation", "energy of a synaptic operation", None, OPEN_NEUROMORPHIC, unit="pJ"
    ),
    Limit(
        "energy_per_synaptic_operation_loihi1",
        "energy of a synaptic operation on the first Loihi, at least",
        23.6,
        DAVIES,
        unit="pJ",
        loihi1=True,
    ),
    Limit(
        "energy_per_neuron_update_loihi1",
        "energy of one step of a neuron on the first Loihi",
        81,
        DAVIES,
        unit="pJ",
        loihi1=True,
    ),
    Limit("power_per_chip", "power of a chip, at most", 2.26, HALA_POINT, unit="W"),
)
_NOTES = {
    "cores_in_hala_point": (
        "140,544 cores in 1,152 chips: not every chip offers all 128. Above this figure the check warns."
    ),
    "neurons": "'Up to 1 million'.",
    "neurons_per_core": "1,048,576 neurons in 128 cores. Fewer where states and synapses fill the memory.",
    "synapses": "Only with shared or very narrow synapses: 128 times 192 KB are 1.7 bits for each.",
    "memory_per_core": (
        "Partitioned by program between synapses, states, program and routing tables. The share for program "
        "and tables is not public; none is reserved here."
    ),
    "states_per_neuron": "'Up to 4096 states depending on the model'.",
    "weight_bits": (
        "All excitatory or all inhibitory, so that the sign takes no bit; a mixed one has 7 and a sign. Open "
        "Neuromorphic gives 'at most 32 bit' for the chip; Lava's connections hold 8."
    ),
    "state_bits": "Of Lava's bit-accurate neuron. Widths in programmed neurons: not public.",
    "learning_trace_bits": "Pre-synaptic traces have no sign.",
    "learning_factors": (
        "'Support for three-factor learning rules'. Two-factor rules are known to run on a chip through "
        "Lava's extension (lava-nc/lava#528)."
    ),
    "fan_in": (
        "The paper names 'fan-in and fan-out memory limitations' as the first limits that a recurrent "
        "network reaches."
    ),
    "fan_out": "As fan_in.",
    "axons_in": "As fan_in.",
    "axons_out": "As fan_out.",
    "axons_in_loihi1": f"'At most 4096 slots'. {_ORIENTATION}",
    "axons_out_loihi1": f"'4096 slots'. {_ORIENTATION}",
    "energy_per_synaptic_operation": (
        "The page gives 'about 1 W' for a chip, but no energy per operation. Figures on other pages have no "
        "source."
    ),
    "energy_per_synaptic_operation_loihi1": f"{_QUOTED} SANA-FE's model of the first Loihi has 35.5 pJ.",
    "energy_per_neuron_update_loihi1": (
        f"{_QUOTED} A leaky integrate-and-fire neuron; an Izhikevich neuron's program is longer."
    ),
    "power_per_chip": "2,600 W at most for 1,152 chips and everything around them, including idle parts.",
}
"""What to know of a figure before relying on it."""

LIMITS: Mapping[str, Limit] = MappingProxyType(
    {limit.name: replace(limit, note=_NOTES.get(limit.name, "")) for limit in _LIMITS}
)
"""All figures, by name."""
