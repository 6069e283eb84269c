"""As `next_time`, in integers: traces, divisor and weights as those of `annealed_delta`.

z, p, o and errors have `PAYLOAD_FRACTION` bits; one division a label and sample makes o.
"""

from __future__ import annotations

import numpy as np

from lava_predict.learning.readouts import fixed_read_row
from lava_predict.learning.streams.fixed_label import share_of
from lava_predict.learning.streams.memory import STEP, W_WHEN, FixedConstants, Learned, Ongoing, Z
from lava_predict.learning.streams.next_time import EARLIEST
from lava_predict.learning.traces import (
    CENTRED_FRACTION,
    fixed_advance_bounded_traces,
    fixed_advance_mean,
    fixed_subtract_mean,
)
from lava_predict.learning.when.annealed_delta import GATE_FRACTION
from lava_predict.learning.when.gated_delta import UNTAUGHT_ERROR, fixed_teach_row
from lava_predict.numerics.compiled import lean_kernel
from lava_predict.numerics.functions import ONE
from lava_predict.numerics.integers import HIGHEST, PAYLOAD_FRACTION, bit_length, saturate
from lava_predict.numerics.noise import WEIGHTS_WORD, fold

_EARLIEST = int(EARLIEST * ONE + 0.5)
_UNTAUGHT = int(UNTAUGHT_ERROR * ONE)


@lean_kernel
def advance_traces(
    k: FixedConstants, r: np.ndarray, x: np.ndarray, spiking: np.ndarray, count: int, step: int
) -> None:
    """Advance traces by the spikes of a step; the late ones get the random numbers that the others got."""
    time, key = k.time, fold(k.key, np.uint64(step))
    given = (time.decay, time.decay_bits, time.trace_grain, time.rounding, key)
    fixed_advance_bounded_traces(r, x, spiking, count, *given)


@lean_kernel
def advance_mean(k: FixedConstants, learned: Learned, x: np.ndarray, step: int) -> None:
    """Let the slow means of the traces follow them, at first by more."""
    shift = min(bit_length(learned.moved[1]), k.time.mean_shift)
    mean, key = learned.trace_mean.reshape((1, x.size)), fold(k.key, np.uint64(step))
    fixed_advance_mean(mean, 0, x, shift, k.time.mean_grain, k.time.rounding, key)
    learned.moved[1] += 1


@lean_kernel
def centre(k: FixedConstants, x: np.ndarray, mean: np.ndarray, xc: np.ndarray) -> int:
    """Write traces less their means, and a constant, to ``xc``, (N + 1,) int32; return |xc|^2."""
    norm = fixed_subtract_mean(x, mean.reshape((1, x.size)), 0, k.time.rounding, xc)
    xc[x.size] = k.constant_input
    return norm + k.constant_input * k.constant_input


@lean_kernel
def read_row(k: FixedConstants, w: np.ndarray, row: int, xc: np.ndarray) -> int:
    """Return a row of weights times ``xc``; beyond 24 bits, too."""
    fraction = k.time.readout_fraction + CENTRED_FRACTION - PAYLOAD_FRACTION
    return fixed_read_row(w, row, xc, fraction, k.time.rounding)


@lean_kernel
def teach(
    k: FixedConstants, ongoing: Ongoing, learned: Learned, row: int, norm: int, target: int, share: int
) -> int:
    """Teach a row of weights a target at a share of its rate, `GATE_FRACTION` bits; return its error."""
    time = k.time
    wide = read_row(k, learned.time_w, row, ongoing.xc)
    z = saturate(wide)
    learned.saturations[Z] += wide != z
    rate = time.rates[min(learned.occurrences[row], time.rates.size - 1)] * share
    rate = (rate + (1 << (GATE_FRACTION - 1))) >> GATE_FRACTION
    word = row % learned.updates.size * ongoing.xc.size
    key = fold(fold(k.key, np.uint64(ongoing.now[STEP])), WEIGHTS_WORD)
    error = np.int64(target) - z
    given = (time.norm_floor + norm, time, key, word)
    learned.saturations[W_WHEN] += fixed_teach_row(learned.time_w[row], ongoing.xc, error, rate, *given)
    return error


@lean_kernel
def teach_time(
    k: FixedConstants, ongoing: Ongoing, learned: Learned, row: int, norm: int, ahead: int
) -> None:
    """Teach a row of weights the profile so many steps ``ahead`` of its event, and add up what it missed."""
    target = np.int64(k.profile[ahead])
    error = teach(k, ongoing, learned, row, norm, target, 1 << GATE_FRACTION)
    ongoing.missed[0] += error * error
    ongoing.missed[1] += target * target


@lean_kernel
def teach_silence(k: FixedConstants, ongoing: Ongoing, learned: Learned, row: int, norm: int) -> None:
    """Teach a row of weights 0, as no event came."""
    teach(k, ongoing, learned, row, norm, 0, k.residual)


@lean_kernel
def learn_occurrence(k: FixedConstants, ongoing: Ongoing, learned: Learned, row: int) -> None:
    """Count an event, and forget its time if that was a surprise."""
    learned.occurrences[row] += 1
    missed, ongoing.missed[0] = ongoing.missed[0], 0
    silent, ongoing.missed[1] = ongoing.missed[1], 0
    if silent <= 0:
        return
    error = min(missed // max(silent >> PAYLOAD_FRACTION, 1), HIGHEST)
    if error <= share_of(learned.error[row], k.timing_surprise):
        learned.error[row] += share_of(error - learned.error[row], k.surprise_rate)
        return
    learned.error[row], learned.occurrences[row] = _UNTAUGHT, 0
    grain = k.time.weight_grain
    cut = PAYLOAD_FRACTION + grain
    for j in range(learned.time_w.shape[1]):
        kept = (learned.time_w[row, j] * k.surprise_keep + (1 << (cut - 1))) >> cut
        learned.time_w[row, j] = kept << grain


@lean_kernel
def read_sample(k: FixedConstants, ongoing: Ongoing, labels: int, sample: int, known: bool) -> None:
    """As `next_time.read_sample`; the integral of z counts samples, and p S has twice the bits of p."""
    xc = ongoing.xc
    centre(k, ongoing.x, ongoing.mean, xc)
    total = np.int64(0)
    for label in range(labels):
        z = saturate(read_row(k, ongoing.rows, label, xc))
        before = ongoing.expired[sample - 1, label] if sample > 0 else 0
        ongoing.z[sample, label] = z
        ongoing.expired[sample, label] = before + min(max(z, 0), ONE)
        passed = ongoing.expired[sample - k.late, label] if sample >= k.late else 0
        left = max(ONE - share_of(passed, k.width), _EARLIEST)
        ongoing.p_now[label] = ongoing.p[label] * left
        total += ongoing.p_now[label]
    for label in range(labels):
        revised = ((ongoing.p_now[label] << PAYLOAD_FRACTION) + (total >> 1)) // total if known else 0
        ongoing.o[sample, label] = share_of(revised, min(max(ongoing.z[sample, label], 0), ONE))
