"""A broadcast reward as a baseline: all readouts learn from one number and their own perturbations.

The exploratory Hebbian rule (Legenstein et al. 2010, doi 10.1523/JNEUROSCI.4284-09.2010) in its form of
node perturbation: what a readout adds to its output at random is strengthened where the reward then
exceeds its running mean. No readout knows its own error, nor whether its event is the one that occurred.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np

from lava_predict.learning.on_traces import Chunk, when_inputs
from lava_predict.learning.what import Reading
from lava_predict.numerics.compiled import kernel
from lava_predict.numerics.noise import fold, key_of, standard_noise
from lava_predict.settings.schema import Config
from lava_predict.tasks import Kind, Segment

REWARD_MS, REWARD_TRIALS = 10.0, 10.0
"""Time constants of the mean rewards of the when and of the what readout."""

_WHEN, _WHAT = 0, 1


@kernel
def broadcast_rows(
    w: np.ndarray,
    mean_reward: np.ndarray,
    inputs: np.ndarray,
    gate: np.ndarray,
    target: np.ndarray,
    key: np.uint64,
    first_step: int,
    noise: float,
    rate: float,
    reward_rate: float,
    norm_floor: float,
    read: np.ndarray,
) -> None:
    """Read out a chunk of steps, perturb, and learn from the reward in each that has any gate open.

    R = -sum_k G_k (g_k - z_k - xi_k)^2; w_k += rate * (R - mean R) * xi_k / (2 noise^2) * x / |x|^2.
    Averaged over the perturbations xi that is `gated_delta`; what differs is the variance.

    Weights w, (K, n), and the running mean of R, (1,), NaN before the first reward, change in place. The
    inputs x, (steps, n), are presynaptic traces; ``gate``, (steps, K), is the weight of each channel in the
    reward, ``target``, (steps, K), what it should read. Step, counted from ``first_step``, and channel are
    folded into the key of the perturbations, whose standard deviation ``noise`` is in units of the target.
    Both rates, of weights and mean reward, are per step. ``norm_floor`` is added to |x|^2; nothing is
    learned where the sum is 0. ``read``, (steps, K), is overwritten with w . x, without the perturbation.
    """
    channels = w.shape[0]
    perturbation = np.empty(channels)
    for row in range(inputs.shape[0]):
        x = inputs[row]
        norm = norm_floor
        for j in range(x.size):
            norm += x[j] * x[j]
        row_key = fold(key, np.uint64(first_step + row))
        reward = 0.0
        rewarded = False
        for k in range(channels):
            total = 0.0
            for j in range(x.size):
                total += w[k, j] * x[j]
            read[row, k] = total
            perturbation[k] = noise * standard_noise(fold(row_key, np.uint64(k)))
            if gate[row, k] != 0.0:
                rewarded = True
                reward -= gate[row, k] * (target[row, k] - total - perturbation[k]) ** 2
        if not rewarded or norm <= 0.0:
            continue
        if np.isnan(mean_reward[0]):
            mean_reward[0] = reward
        surplus = reward - mean_reward[0]
        mean_reward[0] += reward_rate * surplus
        for k in range(channels):
            step = rate * surplus * perturbation[k] / (2.0 * noise * noise * norm)
            for j in range(x.size):
                w[k, j] += step * x[j]


class BroadcastReadout:
    """When and what readout, each taught by a broadcast reward; a `recorded_spikes.Rule`.

    The timing errors of a step, and the outcome errors of a trial, are one reward each. The learning rates
    are per ms (when) and per trial (what), ``noise`` is the standard deviation of the perturbations in units
    of the target, and ``key`` their key, 64 bits: the same key, the same weights.
    """

    copy = deepcopy

    def __init__(
        self, config: Config, key: int, when_rate: float, what_rate: float, noise: float = 0.1
    ) -> None:
        cells, events, dt = config.reservoir.neurons, config.task.events, config.run.dt_ms
        self.w_when: np.ndarray = np.zeros((events, when_inputs(config)))
        self.w_what: np.ndarray = np.zeros((events, cells))
        self._when_reward, self._what_reward = np.full(1, np.nan), np.full(1, np.nan)
        self._key = key
        self._when = (noise, when_rate * dt, min(1.0, dt / REWARD_MS), config.readout.when_norm_floor)
        self._what = (noise, what_rate, 1.0 / REWARD_TRIALS, 0.0)

    def step(self, segment: Segment, chunk: Chunk) -> np.ndarray:
        """Read the when channels, (steps, K), without perturbation, and in a trial learn."""
        if segment.kind is not Kind.TRIAL:
            return np.asarray(chunk.xc @ self.w_when.T)
        z = np.empty_like(chunk.target)
        key = key_of(self._key, _WHEN, segment.noise_key)
        taught = (chunk.xc, chunk.gate, chunk.target, key, chunk.first_step)
        broadcast_rows(self.w_when, self._when_reward, *taught, *self._when, z)
        return z

    def end(self, segment: Segment, reading: Reading) -> np.ndarray:
        """Read the probabilities, (K,), without perturbation, and after a trial learn from the outcome."""
        if segment.kind is not Kind.TRIAL:
            return np.asarray(self.w_what @ reading.x)
        p: np.ndarray = np.empty((1, len(self.w_what)))
        outcome = (np.arange(p.size) == segment.outcome).astype(np.float64)
        key = key_of(self._key, _WHAT, segment.noise_key)
        taught = (reading.x[None], np.ones_like(p), outcome[None], key, 0)
        broadcast_rows(self.w_what, self._what_reward, *taught, *self._what, p)
        return np.asarray(p[0])
