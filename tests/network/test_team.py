"""Threads that share a network's spikes: the same bits as one thread, however late each comes."""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue

import numpy as np
import pytest

from lava_predict import Experiment, UserError, load_preset
from lava_predict.engines.cpu import CpuEngine, CpuOptions
from lava_predict.experiment.results import Result
from lava_predict.network import team as teams

LARGE = (
    "reservoir.neurons=2100",
    "task.settle_ms=100",
    "task.after_ms=320",
    "task.blocks=[{trials=2, probability=[0.7, 0.3], latency_ms=[100, 200]}]",
    "run.probe_trials=[]",
)
DELAYED = ("reservoir.synapse=delayed", "reservoir.delay_ms=[1, 9]")


def experiment(*settings: str) -> Experiment:
    return Experiment(load_preset("smoke", [*LARGE, *settings]))


def found(result: Result) -> tuple[object, ...]:
    return (result.fingerprint, result.prediction.tobytes())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "settings"),
    [
        pytest.param("float", (), id="float-exponential"),
        pytest.param("fixed", (), id="fixed-exponential", marks=pytest.mark.long),
        pytest.param("float", DELAYED, id="float-delayed", marks=pytest.mark.long),
        pytest.param("fixed", DELAYED, id="fixed-delayed", marks=pytest.mark.long),
    ],
)
def test_threads_do_not_change_a_bit(precision: str, settings: tuple[str, ...]) -> None:
    one = experiment(*settings)
    alone = found(one.run(precision=precision))
    assert found(one.run(precision=precision, threads=3)) == alone


@pytest.mark.slow
def test_one_thread_does_all_where_the_others_never_come(monkeypatch: pytest.MonkeyPatch) -> None:
    one = experiment()
    alone = found(one.run())

    def come_too_late(assist: object, tasks: SimpleQueue[object], ended: SimpleQueue[None]) -> None:
        while tasks.get() is not None:
            ended.put(None)

    monkeypatch.setattr(teams, "_work", come_too_late)
    assert found(one.run(threads=2)) == alone


@pytest.mark.slow
def test_a_forked_process_has_threads_of_its_own() -> None:
    one = experiment()
    arithmetic = one.arithmetic("float")
    engine = CpuEngine(arithmetic, one.task, CpuOptions(threads=2))
    *_, before = engine.play(one.task.trial(0, 0))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        *_, after = engine.play(one.task.trial(0, 1))
        os.write(writer, after.z.tobytes())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        z = np.frombuffer(told.read())
    assert os.waitpid(child, 0)[1] == 0
    *_, here = engine.play(one.task.trial(0, 1))
    assert z.tobytes() == here.z.tobytes() != before.z.tobytes()


@pytest.mark.slow
def test_threads_end_with_their_engine() -> None:
    # Threads of an engine before may still be ending, so threads are compared, not how many they are.
    before = set(threading.enumerate())
    one = experiment()
    engine = CpuEngine(one.arithmetic("float"), one.task, CpuOptions(threads=3))
    list(engine.play(one.task.trial(0, 0)))
    started = set(threading.enumerate()) - before
    assert sorted(thread.name for thread in started) == ["lava-predict spikes 2", "lava-predict spikes 3"]
    del engine
    for thread in started:
        thread.join(timeout=300)
    assert started.isdisjoint(threading.enumerate())


@pytest.mark.slow
def test_a_small_network_has_nothing_to_share() -> None:
    assert Experiment(load_preset("smoke")).arithmetic("float").team(4) is None
    assert experiment().arithmetic("float").team(1) is None


@pytest.mark.parametrize("threads", [0, 9, 1.5, "2", True])
def test_other_numbers_of_threads_are_refused(threads: object) -> None:
    with pytest.raises(UserError, match=r"threads .*1 .*8"):
        Experiment(load_preset("smoke")).start(threads=threads)


def test_a_backend_without_threads_says_so() -> None:
    with pytest.raises(UserError, match="threads = 2: backend 'lava'"):
        Experiment(load_preset("smoke")).start("lava", threads=2)
