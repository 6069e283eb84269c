"""The rules of a stream in one arithmetic: constants, kernels, and what their numbers stand for."""

from __future__ import annotations

from typing import NamedTuple

from lava_predict.errors import Caution
from lava_predict.learning.streams.listen import (
    Kernels,
    fixed_listen,
    fixed_take_event,
    listen,
    take_event,
)
from lava_predict.learning.streams.memory import Constants, FixedConstants, constants, quantise
from lava_predict.network.arithmetic import Arithmetic
from lava_predict.numerics.integers import PAYLOAD_FRACTION
from lava_predict.numerics.plan import Planner
from lava_predict.settings.schema import Config


class Rules(NamedTuple):
    """What a network needs of the rules.

    Attributes
    ----------
    constants : Constants or FixedConstants
        What a step needs.
    kernels : Kernels
        What happens in a step and at an event.
    unit : float
        What a p, o or z of 1 stands for.
    warnings : list of Caution
        What the integers of the constants lose.
    """

    constants: Constants | FixedConstants
    kernels: Kernels
    unit: float
    warnings: list[Caution]


def rules_of(config: Config, arithmetic: Arithmetic) -> Rules:
    """Return the rules in the arithmetic of a network."""
    if arithmetic.precision == "float":
        return Rules(constants(config), Kernels(listen, take_event), 1.0, [])
    planner = Planner(config.fixed)
    k = quantise(planner, config, arithmetic.constants.when)
    kernels = Kernels(fixed_listen, fixed_take_event)
    return Rules(k, kernels, 2.0**-PAYLOAD_FRACTION, planner.plan.warnings)
