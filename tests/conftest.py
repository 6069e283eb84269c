"""Fixtures that several tests share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings

from lava_predict import Config, load_preset

# No deadline: the first call of a kernel compiles it. The same examples every time.
settings.register_profile("lava-predict", deadline=None, derandomize=True)
settings.load_profile("lava-predict")


@pytest.fixture
def tiny() -> Callable[..., Config]:
    """Make a configuration that runs in well under a second; arguments are --set texts."""

    def make(*overrides: str) -> Config:
        return load_preset(
            "smoke",
            [
                "reservoir.neurons=80",
                "run.probe_trials=[0, 2]",
                "run.probe_repeats=2",
                "task.settle_ms=400",
                "task.blocks=[{trials=3, probability=[0.6, 0.3], latency_ms=[300, 600]},"
                "{trials=2, probability=[0.1, 0.9], latency_ms=[500, 200]}]",
                *overrides,
            ],
        )

    return make
