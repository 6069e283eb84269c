"""Arguments that a Process does not have are refused by name, before anything is made."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lava", reason="lava-nc is not installed")

from lava.magma.core.process.process import LogConfig
from scipy.sparse import csr_matrix

import lava_predict.processes
from lava_predict.processes import EventSparse, Izhikevich
from lava_predict.processes.base import Process
from lava_predict.processes.on_chip_readout.process import ReadoutNeuron, TraceRelay

FACE = lava_predict.processes.__all__
PROCESSES = [getattr(lava_predict.processes, name) for name in FACE] + [TraceRelay, ReadoutNeuron]
WEIGHTS = csr_matrix(np.eye(2))


class Patient(Izhikevich):
    """Of a user: passes on what it does not know."""

    def __init__(self, *, waits: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.proc_params["waits"] = waits


class Single(Izhikevich):
    """Of a user: takes nothing else."""

    def __init__(self, bias: float) -> None:
        super().__init__(shape=(1,), bias=bias)


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.__name__)
def test_every_process_refuses_what_it_does_not_know(process: type) -> None:
    assert issubclass(process, Process)
    with pytest.raises(TypeError, match=rf"{process.__name__}\(absent=1\): there is no such argument; "):
        process(absent=1)


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.__name__)
def test_what_is_allowed_is_the_signature_and_lavas_two(process: type) -> None:
    own = [name for name in inspect.signature(process.__init__).parameters if name not in ("self", "kwargs")]
    with pytest.raises(TypeError, match=re.escape(f"allowed: {', '.join([*own, 'name', 'log_config'])}")):
        process(zzzz=None)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Izhikevich(shape=(2,), biass=10), r"Izhikevich\(biass=10\): .* did you mean 'bias'\?"),
        (lambda: EventSparse(weights=WEIGHTS, num_message_bits=8), r"EventSparse\(num_message_bits=8\): "),
        (lambda: EventSparse(weights=WEIGHTS, nam="e"), r"did you mean 'name'\? allowed: weights, "),
        (lambda: Patient(shape=(2,), wait=3), r"Patient\(wait=3\): .* did you mean 'waits'\?"),
        (lambda: Patient(shape=(2,), biass=3), r"did you mean 'bias'\? allowed: waits, shape, a, "),
        (lambda: Single(bias=1.0, name="mine"), r"Single\(name='mine'\): .* allowed: bias$"),
    ],
)
def test_the_message_names_the_argument_and_the_near_miss(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()


def test_lavas_own_arguments_and_those_of_a_users_class_stay_allowed() -> None:
    cells = Patient(shape=(2,), bias=3.0, waits=4, name="mine", log_config=LogConfig(file="x.log"))
    assert (cells.name, cells.proc_params["waits"], cells._log_config.file) == ("mine", 4, "x.log")
    np.testing.assert_array_equal(cells.bias.get(), 3.0)
    assert Single(2.0).name.startswith("Process_")
