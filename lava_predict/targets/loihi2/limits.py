"""What is publicly known of Loihi 2, each figure with its source.

limits.toml states them, docs/loihi2.md has them in words. A figure that is not public is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

from lava_predict.settings.files import parse_toml


@dataclass(frozen=True)
class Source:
    """Who says a figure, and the address of the page, or of the file in Lava's repository."""

    citation: str
    url: str


@dataclass(frozen=True)
class Limit:
    """A figure of the chip: ``name`` is its key in `LIMITS`, ``meaning`` what it bounds, in words.

    ``value`` is None if none is public; then the source shows that it matters. ``note`` is what to know
    before relying on it. ``loihi1`` marks a figure of the first Loihi, for orientation only.
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


def _limits() -> dict[str, Limit]:
    """Return the limits that limits.toml states, in its order."""
    text = resources.files("lava_predict.targets.loihi2").joinpath("limits.toml").read_text("utf-8")
    stated = parse_toml(text)
    sources = {name: Source(**entries) for name, entries in stated["sources"].items()}
    return {
        name: Limit(name, **{"value": None, **entries, "source": sources[entries["source"]]})
        for name, entries in stated["limits"].items()
    }


LIMITS: Mapping[str, Limit] = MappingProxyType(_limits())
"""All figures, by name."""
