"""A network whose cells are replaced by the nearest ones that NIR has, and how near they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lava_predict.errors import UserError
from lava_predict.network.draw import Network
from lava_predict.settings.schema import Config
from lava_predict.targets.nir.cuba_cells import play_cuba
from lava_predict.targets.nir.cuba_fit import Fit, fit
from lava_predict.targets.nir.responses import Responses, respond


@dataclass(frozen=True)
class Approximation:
    """A network and the cells that stand for its own. N cells.

    Attributes
    ----------
    network : Network
        The original, in physical units.
    neuron : str
        What its cells are.
    dt_ms, tau_s_ms : float
        Time step, and time constant of the synaptic current.
    fit : Fit
        The cells in their place, and how near they are under the same currents.
    responses : Responses
        Of the original, which the cells are fitted to.
    original_hz, network_hz : (N,) float64
        Rates of the cells in the original, and in the network in which all cells are replaced.
    """

    network: Network
    neuron: str
    dt_ms: float
    tau_s_ms: float
    fit: Fit
    responses: Responses
    original_hz: np.ndarray
    network_hz: np.ndarray

    @property
    def summary(self) -> dict[str, float]:
        """How near it is, in a few numbers."""
        alone = np.abs(self.fit.rate_hz - self.original_hz)
        together = np.abs(self.network_hz - self.original_hz)
        spiking = self.fit.distance[np.isfinite(self.fit.distance)]
        return {
            "cell_rate_error_hz": float(np.median(alone)),
            "cell_rate_error_most_hz": float(alone.max()),
            "cell_distance": float(np.median(spiking)) if spiking.size else float("nan"),
            "cell_rate_error_in_network_hz": float(np.median(together)),
            "rate_hz": float(self.network_hz.mean()),
            "original_rate_hz": float(self.original_hz.mean()),
        }


def approximate(config: Config, network: Network, channels: int) -> Approximation:
    """Replace every cell of a network by the nearest current-based leaky integrate-and-fire cell.

    Parameters
    ----------
    config : Config
        Its settings.
    network : Network
        In physical units.
    channels : int
        How many of its input channels are in use.

    Raises
    ------
    UserError
        If spikes have delays, or the readout is fed back: the graph has neither.
    """
    reservoir = config.reservoir
    if reservoir.synapse_part != "exponential":
        raise UserError(
            f"{reservoir.synapse_setting}: with --cells cubalif only networks of 'exponential' synapses "
            "without delay can be exported; use the run's checkpoint.h5, which holds any"
        )
    if reservoir.feedback_gain != 0.0:
        raise UserError(
            f"reservoir.feedback_gain = {reservoir.feedback_gain:g}: with --cells cubalif the graph has no "
            "readout that could be fed back; export a run without feedback, or use --cells izhikevich"
        )
    dt_ms, tau_s_ms = config.run.dt_ms, reservoir.tau_s_ms
    responses = respond(config, network, channels)
    nearest = fit(network, responses, tau_s_ms)
    played = play_cuba(nearest.cells, network, responses.level, dt_ms, tau_s_ms)
    return Approximation(
        network=network,
        neuron=reservoir.neuron,
        dt_ms=dt_ms,
        tau_s_ms=tau_s_ms,
        fit=nearest,
        responses=responses,
        original_hz=responses.rates_hz(responses.raster),
        network_hz=responses.rates_hz(played),
    )
