"""Currents from outside the recurrent synapses: cues, events, the fed-back readout, and private noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lava_predict.learning.readouts import fixed_graded, graded
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.integers import (
    FEEDBACK_FRACTION,
    MOST_FRACTION,
    cut_product,
    factor_offset,
    saturate,
    shifted,
    summand,
)
from lava_predict.numerics.noise import GOLDEN, NOISE_DEVIATION, NOISE_MEAN, field_sum, mix
from lava_predict.numerics.plan import Planner
from lava_predict.numerics.time_step import noise_of_step
from lava_predict.settings.schema import Config

_LEAST_NOISE_FRACTION = 4  # With it the noise of a step is below 2^28.


class Constants(NamedTuple):
    """What a step needs of feedback and noise.

    Attributes
    ----------
    noise : float
        Standard deviation of the private current in one step: noise * sqrt(1 ms / dt).
    feedback : bool
        Whether the when readout is fed back.
    """

    noise: float
    feedback: bool


def constants(config: Config) -> Constants:
    """Return what a step needs, from ``reservoir.noise``, the time step and ``reservoir.feedback_gain``."""
    reservoir = config.reservoir
    return Constants(noise_of_step(reservoir.noise, config.run.dt_ms), reservoir.feedback_gain != 0.0)


@lean_kernel
def sum_inputs(
    level: np.ndarray,
    input_weight: np.ndarray,
    z: np.ndarray,
    feedback_weight: np.ndarray,
    k: Constants,
    i_in: np.ndarray,
) -> None:
    """Sum the currents from cues, events and the readout, if it is fed back, exactly, as a synapse does.

    ``level``, (C,) float64, is 0 or 1 for each input channel; the weights are those of `Network`; z, (K,), is
    the when readout of the step before. ``i_in``, (N,), is overwritten with the sums.
    """
    i_in[:] = 0.0
    for channel in range(level.size):
        if level[channel] != 0.0:
            for j in range(i_in.size):
                i_in[j] += level[channel] * input_weight[channel, j]
    if k.feedback:
        for channel in range(z.size):
            fed_back = graded(z[channel])
            for j in range(i_in.size):
                i_in[j] += fed_back * feedback_weight[channel, j]


# In integers.


class FixedConstants(NamedTuple):
    """What an integer step needs of inputs, feedback and noise.

    Attributes
    ----------
    positive_shift, negative_shift : int
        From the input weights' to F fraction bits, by the weight's sign.
    feedback_positive_shift, feedback_negative_shift : int
        From the fraction bits of weight times graded spike down to F; negative: up.
    noise_factor, noise_shift : int
        What turns `noise_sum` into a current: factor (0: no noise), and shift down.
    feedback : bool
        Whether the readout is fed back.
    rounding : int
        `NEAREST`, `FLOOR` or `STOCHASTIC`; also that of the cells.
    """

    positive_shift: int
    negative_shift: int
    feedback_positive_shift: int
    feedback_negative_shift: int
    noise_factor: int
    noise_shift: int
    feedback: bool
    rounding: int


def quantise_noise(planner: Planner, noise: float, dt: float) -> tuple[int, int]:
    """Return the factor that turns `noise_sum` into a current of F fraction bits, and its shift down."""
    fraction = planner.settings.fraction_bits
    factor, shift = planner.factor(
        f"noise / {NOISE_DEVIATION:.0f}",
        noise_of_step(noise, dt) / NOISE_DEVIATION * 2.0**fraction,
        f"2^-{fraction} mV/ms",
        least=_LEAST_NOISE_FRACTION,
        most=MOST_FRACTION,
    )
    return int(factor), shift


def largest(input_weight: np.ndarray, feedback_weight: np.ndarray, k: FixedConstants) -> float:
    """Return the greatest sum of all inputs and feedback that a cell can get, in the last of F bits."""
    inputs = _sizes(input_weight, k.positive_shift, k.negative_shift)
    up = (FEEDBACK_FRACTION - k.feedback_positive_shift, FEEDBACK_FRACTION - k.feedback_negative_shift)
    return float((inputs.sum(axis=0) + _sizes(feedback_weight, *up).sum(axis=0)).max())


def _sizes(weight: np.ndarray, positive_shift: int, negative_shift: int) -> np.ndarray:
    shift = np.where(weight > 0, positive_shift, negative_shift)
    return np.asarray(np.ldexp(np.abs(weight.astype(np.float64)), shift))


@lean_kernel
def fixed_sum_inputs(
    level: np.ndarray,
    input_weight: np.ndarray,
    z: np.ndarray,
    feedback_weight: np.ndarray,
    k: FixedConstants,
    i_in: np.ndarray,
) -> None:
    """As `sum_inputs`, in integers: weights int16, z of `PAYLOAD_FRACTION` bits, sums of F fraction bits."""
    i_in[:] = 0
    for channel in range(level.size):
        if level[channel] != 0:
            for j in range(i_in.size):
                weight = np.int64(input_weight[channel, j])
                i_in[j] += weight << (k.positive_shift if weight > 0 else k.negative_shift)
    if k.feedback:
        for j in range(i_in.size):
            positive = negative = 0
            for channel in range(z.size):
                product = np.int64(feedback_weight[channel, j]) * fixed_graded(z[channel])
                positive += max(product, 0)
                negative += min(product, 0)
            i_in[j] += shifted(positive, k.feedback_positive_shift)
            i_in[j] += shifted(negative, k.feedback_negative_shift)


@lean_kernel
def gather_current(i_in: np.ndarray, bias: np.ndarray, k: FixedConstants, step_key: np.uint64) -> int:
    """Add bias and each cell's private noise to the current of a step, and saturate it.

    ``i_in``, (N,) int32 or int64, and ``bias``, (N,) int32, have F fraction bits; ``i_in`` has 24 bits
    afterwards. Returns how many currents were clipped.
    """
    held_whole = np.int32(0)
    if k.noise_factor == 0:
        for j in range(i_in.size):
            wide = np.add(summand(i_in[j]), bias[j])
            held = saturate(wide)
            i_in[j] = held
            held_whole = np.add(held_whole, np.int32(wide == held))
    else:
        # `noise_sum` times the factor, with the mean's part taken out of the loop.
        factor = np.uint64(np.uint32(k.noise_factor))
        added = np.uint64(factor_offset(k.rounding, k.noise_shift) - NOISE_MEAN * k.noise_factor)
        word = step_key
        for j in range(i_in.size):
            word += GOLDEN  # the same numbers as fold(step_key, j), without its product
            noise = cut_product(field_sum(mix(word)) * factor + added, k.noise_shift)
            wide = np.add(np.add(summand(i_in[j]), bias[j]), noise)
            held = saturate(wide)
            i_in[j] = held
            held_whole = np.add(held_whole, np.int32(wide == held))
    return i_in.size - held_whole
