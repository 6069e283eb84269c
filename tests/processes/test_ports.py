"""Connecting ports of different shapes: the message names both, whichever Process begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lava", reason="lava-nc is not installed")

from lava_predict import UserError

from lava_predict.processes import Izhikevich, Readout  # isort: skip  Before Lava, which needs it from Python 3.11 on.
from lava.proc.dense.process import Dense
from lava.proc.io.sink import RingBuffer


def ours_to_lavas() -> Any:
    Izhikevich(shape=(50,)).s_out.connect(Dense(weights=np.ones((50, 60))).s_in)


def lavas_to_ours() -> Any:
    Dense(weights=np.ones((60, 50))).a_out.connect(Izhikevich(shape=(50,)).a_in)


def from_the_end() -> Any:
    RingBuffer(shape=(4,), buffer=9).a_in.connect_from(Readout(shape=(50,), events=2).prediction_out)


def lavas_to_lavas() -> Any:
    Dense(weights=np.ones((60, 50))).a_out.connect(RingBuffer(shape=(60, 1), buffer=9).a_in)


@pytest.mark.parametrize(
    ("connect", "message"),
    [
        (
            ours_to_lavas,
            "Izhikevich.s_out (50,) and Dense.s_in (60,) are connected, but differ in shape; connect",
        ),
        (
            lavas_to_ours,
            "Dense.a_out (60,) and Izhikevich.a_in (50,) are connected, but differ in shape; connect",
        ),
        (from_the_end, "RingBuffer.a_in (4,) and Readout.prediction_out (5,) are connected, but"),
        (
            lavas_to_lavas,
            "Dense.a_out (60,) and RingBuffer.a_in (60, 1) are connected, but differ in shape; reshape",
        ),
    ],
)
def test_ports_of_different_shapes_are_named(connect: Callable[[], Any], message: str) -> None:
    with pytest.raises(UserError) as refused:
        connect()
    assert message in str(refused.value)
    assert isinstance(refused.value, AssertionError)  # As Lava's own.


def test_ports_of_one_shape_connect_and_lava_still_checks_the_kind() -> None:
    cells, synapses = Izhikevich(shape=(50,)), Dense(weights=np.ones((60, 50)))
    cells.s_out.connect(synapses.s_in)
    synapses.a_out.reshape((60, 1)).connect(RingBuffer(shape=(60, 1), buffer=9).a_in)
    with pytest.raises(AssertionError, match="'ports' must be of type"):
        cells.s_out.connect(Izhikevich(shape=(50,)).v)
