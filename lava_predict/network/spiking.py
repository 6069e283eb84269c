"""Which cells spike: a flag for each is turned into a list of the few."""

from __future__ import annotations

import numpy as np

from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.views import viewed


@lean_kernel
def list_spiking(flags: np.ndarray, spiking: np.ndarray) -> int:
    """Write the numbers of the cells whose flag, (N,) uint8, is not 0 to the head of ``spiking``, ascending.

    Returns how many there are. Eight flags are looked at together, as hardly any cell spikes.
    """
    # Unsigned, so that numba does not look for negative indices.
    count = np.uint64(0)
    eights = viewed(flags, np.uint64)
    for eight in range(eights.size):
        if eights[eight] != 0:
            for j in range(np.uint64(8 * eight), np.uint64(8 * eight + 8)):
                spiking[count] = j
                count += np.uint64(flags[j])
    for j in range(8 * eights.size, flags.size):
        spiking[count] = j
        count += np.uint64(flags[j])
    return np.int64(count)  # type: ignore[return-value]
