"""What a stream's network is and has learned, without its moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lava_predict.learning.streams.memory import CONSTANT_INPUT
from lava_predict.learning.when.annealed_delta import time_constants_ms
from lava_predict.network.draw import Network, draw_network
from lava_predict.records.trained_network import check_exportable, check_float
from lava_predict.streams.learner import StreamLearner


@dataclass(frozen=True)
class LearnedStream:
    """A stream's network, frozen. N cells; L labels: those that came, and one for a label that is new.

    Attributes
    ----------
    network : Network
        Cells and weights; input channel k is the cue of the label that came k-th.
    dt_ms, tau_s_ms : float
        Time step, and time constant of the synaptic current.
    noise : float
        Standard deviation of the private current in a step of 1 ms, mV/ms.
    tau_x_ms, mean : (N,) float64
        Time constant of each cell's trace, and what is subtracted from it.
    w_when, offset : (L L, N), (L L,) float64
        Weights of the when readout, and what its constant input adds; row c L + k is for k after c.
    bit_mean : (N,) float64
        What is subtracted from the bits.
    w_what : (L L, N + 1) float64
        Weights of the what readout; the last column is that of half the length of the others' input.
    window : int
        Steps after an event in which a spike sets the bit of its cell.
    feedback : bool
        Always False: streams have none.
    """

    network: Network
    dt_ms: float
    tau_s_ms: float
    noise: float
    tau_x_ms: np.ndarray
    mean: np.ndarray
    w_when: np.ndarray
    offset: np.ndarray
    bit_mean: np.ndarray
    w_what: np.ndarray
    window: int
    feedback: bool = False

    @classmethod
    def of(cls, learner: StreamLearner) -> LearnedStream:
        """Take the network out of a learner."""
        check_float(learner.network.precision)
        config, learned = learner.network.config, learner.network.learned
        check_exportable(config, ["annealed_delta"])
        labels = int(learned.labels[0])
        w_what, w_when = (
            np.ascontiguousarray(w.reshape(learned.room, learned.room, -1)[:labels, :labels])
            for w in (learned.label_w, learned.time_w)
        )
        w_what, w_when = (w.reshape(labels * labels, -1) for w in (w_what, w_when))
        network = draw_network(config)
        cells = network.size
        return cls(
            network=network._replace(feedback_weight=np.zeros((labels * labels, cells))),
            dt_ms=config.run.dt_ms,
            tau_s_ms=config.reservoir.tau_s_ms,
            noise=config.reservoir.noise,
            tau_x_ms=time_constants_ms(config),
            mean=learned.trace_mean,
            w_when=w_when[:, :-1].copy(),
            offset=w_when[:, -1] * CONSTANT_INPUT,
            bit_mean=learned.bit_mean,
            w_what=w_what,
            window=config.steps(config.stream.window_ms),
        )

    @property
    def events(self) -> int:
        """Number of outputs of each readout, L L."""
        return int(self.offset.size)
