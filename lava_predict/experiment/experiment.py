"""A configuration, ready to run on any engine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from functools import cached_property
from typing import Any

from lava_predict.engines import engine_options
from lava_predict.engines.cpu import CpuEngine
from lava_predict.experiment.results import Result, RunState
from lava_predict.experiment.session import Session, unlearned_norm
from lava_predict.experiment.trial_loop import Progress
from lava_predict.network.arithmetic import Arithmetic, FixedArithmetic, arithmetic_of, fixed_parts
from lava_predict.network.draw import Network, draw_network
from lava_predict.registry import TASKS
from lava_predict.settings.files import with_seed
from lava_predict.settings.schema import Config
from lava_predict.tasks import Task

_LOG = logging.getLogger(__name__)

KEEP_EVERY_S = 2.0
"""How much work a run that keeps its state can lose, in seconds."""

Keep = Callable[[RunState], None]
"""Called with the state of a run between two trials."""


class Experiment:
    """A configuration, ready to run.

    Parameters
    ----------
    config : Config
        Settings, for instance from `load_preset`.
    seed : int, optional
        Replaces ``run.seed``.
    network : Network, optional
        Cells and synapses in physical units, for instance those of a `Checkpoint`, instead of drawing them.

    Raises
    ------
    UserError
        If these are no settings, or the seed is not a whole number from 0 to 2^63 - 1.

    Attributes
    ----------
    network : Network
        As drawn, or as given.
    task : Task
        The task that ``task.name`` names.

    Examples
    --------
    >>> from lava_predict import Experiment, load_preset
    >>> result = Experiment(load_preset("smoke"), seed=1).run()
    >>> sorted(result.blocks[0].error)
    [0, 1, 10, 12]
    """

    def __init__(self, config: Config, seed: int | None = None, network: Network | None = None) -> None:
        self.config = config = with_seed(config, seed)
        self.network = draw_network(config) if network is None else network
        self.task: Task = TASKS.get(config.task.name)(config)

    @cached_property
    def chip_norm(self) -> float:
        """What the when rule on Lava's learning engine divides by, spikes^2 per ms^2, from a short run.

        That is the mean of |xc|^2 from the cue on before anything is learned, in integers, plus the floor,
        as ``readout.when_norm = "constant"`` has it.
        """
        fixed_parts(self.config)  # Refuses what has no form for the learning engine before it runs.
        own = self.config.fixed.model_copy(update={"learning": "own"})
        plain = self.config.model_copy(update={"fixed": own})
        engine = CpuEngine(FixedArithmetic(plain, self.network), self.task)
        return float(unlearned_norm(self.task, engine)) + float(self.config.readout.when_norm_floor)

    def arithmetic(self, precision: str) -> Arithmetic:
        """Return the network's numbers and kernels in one of `PRECISIONS`."""
        on_chip = precision == "fixed" and self.config.fixed.learning == "on_chip"
        return arithmetic_of(self.config, self.network, precision, self.chip_norm if on_chip else None)

    def start(self, backend: str = "cpu", precision: str = "float", **options: Any) -> Session:
        """Build the engine and return a session before its first trial.

        Parameters
        ----------
        backend : str
            Name of an engine, such as "cpu" or "lava".
        precision : str
            One of `PRECISIONS`.
        **options
            Of the engine. Lava's are ``form``, "fused" (the default), in one kernel, or "graph", as it maps
            to hardware; and ``target``, one of `TARGETS`, which needs precision "fixed" and form "graph".
            None counts as not given.

        Returns
        -------
        Session
            To `Session.advance`, and to `Session.close`.

        Raises
        ------
        UserError
            If there is no such backend, precision or option, or not here.
        """
        engine, chosen = engine_options(backend, precision, options, self.config)
        arithmetic = self.arithmetic(precision)
        size, synapses = self.network.size, self.network.synapses.target.size
        _LOG.info("%d cells, %d synapses: backend %s %s, %s", size, synapses, backend, chosen, precision)
        return Session(arithmetic, self.task, engine(arithmetic, self.task, chosen))

    def run(
        self,
        backend: str = "cpu",
        precision: str = "float",
        *,
        progress: Progress | None = None,
        state: RunState | None = None,
        keep: Keep | None = None,
        **options: Any,
    ) -> Result:
        """Run all blocks.

        Parameters
        ----------
        backend, precision, **options
            As for `start`.
        progress : callable, optional
            Told the trials done and in all after each trial; with ``keep`` only once they are kept.
        state : RunState, optional
            Where to go on from, of the same configuration and precision; by default the start.
        keep : callable, optional
            Given the state before the first trial, every `KEEP_EVERY_S` or so, and at the end, to be kept.

        Returns
        -------
        Result
            Its ``wall_s`` is that of this part of the run.

        Raises
        ------
        UserError
            As for `start`.
        RunError
            If the network diverges, or a process of it fails.
        """
        _, chosen = engine_options(backend, precision, options, self.config)
        session = self.start(backend, precision, **options)
        if state is not None:
            session.restore(state)
        with closing(session):
            started = time.perf_counter()
            if keep is None:
                session.advance(self.task.first_trials[-1], progress)
            else:
                self._advance_and_keep(session, keep, progress)
            wall_s = time.perf_counter() - started
        state = session.state
        return Result(
            config=self.config,
            backend=backend,
            form=getattr(chosen, "form", None),
            precision=precision,
            network=self.network,
            state=state,
            blocks=session.blocks(),
            prediction=state.probes[-1].o[0, self.task.cue_step :],
            saturations=session.saturations,
            wall_s=wall_s,
        )

    def _advance_and_keep(self, session: Session, keep: Keep, progress: Progress | None) -> None:
        """Advance for about `KEEP_EVERY_S` at a time, and give the state that was reached to ``keep``."""
        total, trials = self.task.first_trials[-1], 1
        keep(session.state)
        while session.trials_done < total:
            started, before = time.perf_counter(), session.trials_done
            session.advance(trials)
            keep(session.state)
            if progress is not None:
                progress(session.trials_done, total)
            per_trial = (time.perf_counter() - started) / (session.trials_done - before)
            trials = max(1, int(KEEP_EVERY_S / per_trial))
