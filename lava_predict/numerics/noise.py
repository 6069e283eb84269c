"""Keyed random numbers: a number depends on what it is for, never on what was drawn before it.

The generator is SplitMix64 (Steele, Lea & Flood, OOPSLA 2014, doi 10.1145/2660193.2660195) used as a
hash: a key is folded with one word at a time, and every (seed, stream, segment, step, cell) owns its
number. So a probe, another chunking or another backend changes no draw.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lava_predict.numerics.compiled import lean_kernel

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_S32, _S16 = np.uint64(32), np.uint64(16)
_ONE = np.uint64(1)
_EVEN_FIELDS = np.uint64(0x0000FFFF0000FFFF)
_SUM = np.uint64(0xFFFFFFFF)

# A 16-bit field is uniform on 0 .. 65535: the sum of four has mean 131070 and standard deviation
# sqrt(4 * (65536**2 - 1) / 12) = 37837.2.
NOISE_MEAN = 131070
"""The mean of `field_sum`."""

NOISE_DEVIATION = 37837.0
"""What `noise_sum` is divided by to have variance 1."""

_SHARE, _REST = float.fromhex("0x1.bb685d0bp-16"), float.fromhex("0x1.3918dd532fb15p-50")
"""Times these two, of which the first has few bits, any such sum gives the same double as the quotient."""

TRAIN, PROBE, TASK, STREAM = range(4)
"""The streams: noise of training segments, of probes, the task's own draws, and noise of event streams."""

CELLS_WORD, TRACES_WORD, WEIGHTS_WORD, CHIP_WORD, LABELS_WORD = (np.uint64(2**32 + n) for n in range(5))
"""Words that keep the random numbers of a step's uses apart; cells are numbered below 2^32."""


@lean_kernel
def fold(key: np.uint64, word: np.uint64) -> np.uint64:
    """Mix one word into a key: output number ``word + 1`` of SplitMix64 started at ``key``."""
    return mix(key + GOLDEN * (word + _ONE))


@lean_kernel
def mix(z: np.uint64) -> np.uint64:
    """Scramble 64 bits, the output function of SplitMix64."""
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@lean_kernel
def field_sum(bits: np.uint64) -> np.uint64:
    """Return the sum of the four 16-bit fields of 64 random bits."""
    pairs = (bits & _EVEN_FIELDS) + ((bits >> _S16) & _EVEN_FIELDS)
    return (pairs + (pairs >> _S32)) & _SUM


@lean_kernel
def noise_sum(bits: np.uint64) -> int:
    """Turn 64 random bits into a near-normal integer, without log, cos or sqrt.

    It is `field_sum` less its mean: within +-131070, standard deviation 37837.2.
    """
    return np.int64(field_sum(bits)) - NOISE_MEAN  # type: ignore[return-value]


@lean_kernel
def standard_noise(bits: np.uint64) -> float:
    """Turn 64 random bits into a number of mean 0 and variance 1, by `noise_sum`.

    It is near-normal (excess kurtosis -0.3), within +-3.47, and free of library functions whose last bit
    differs between machines.
    """
    total = float(np.int32(noise_sum(bits)))
    return total * _SHARE + total * _REST


def key_of(*words: int) -> np.uint64:
    """Fold words below 2^64, such as seed, stream and segment, left to right into a key that starts at 0."""
    key: Any = np.uint64(0)
    for word in words:
        key = np.uint64(fold(key, np.uint64(word)))
    return np.uint64(key)


def uniform(*words: int) -> float:
    """Draw the number in [0, 1), a multiple of 2^-53, that belongs to ``words``, as in `key_of`."""
    return float(int(key_of(*words)) >> 11) / 2.0**53
