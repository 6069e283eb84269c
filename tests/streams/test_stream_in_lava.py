"""A stream learned in Lava: the bits of the cpu, whatever stops it, and nothing left behind."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lava", reason="lava-nc is not installed")

from lava_predict import RunError, UserError, load_preset
from lava_predict.engines.lava import stream as lava
from lava_predict.events import Event, Events, Prediction, Row, events_of
from lava_predict.network.stream_network import BEGIN, GATHER
from lava_predict.records.folder import CHECKPOINT, unfinished_folder, unfinished_run
from lava_predict.streams import StreamNetwork, StreamSession, session

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_left"), pytest.mark.timeout(300)]

CONFIG = load_preset("stream", ["reservoir.neurons=60", "stream.settle_ms=100", "stream.labels_max=9"])
# New labels up to the most, more than first have room; gaps of no step and below the window of 100 ms; a
# sequence that begins within the ring of the one before; a gap beyond the horizon and longer than a chunk.
TIMES = [
    0,
    300,
    330,
    330,
    700,
    1100,
    1500,
    0,
    40,
    400,
    800,
    0,
    350,
    700,
    1100,
    36_000,
    36_300,
    36_600,
    36_610,
]
LABELS = "abacbdeaebfcghiabca"
SEQUENCES = [0] * 7 + [1] * 4 + [2] * 8
ROWS = [Row(*row) for row in zip(TIMES, LABELS, map(str, SEQUENCES), strict=True)]
STREAM = events_of(ROWS, ms_per_unit=1.0)
MESSAGES = np.stack((STREAM.gap, STREAM.label), axis=1)

Left = tuple[dict, bytes]
Learn = Callable[..., Left]


@pytest.fixture(scope="module", params=["float", "fixed"])
def precision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def learn(tmp_path: Path, precision: str) -> Learn:
    """Learn a stream on a backend, or go on with it; return its summary and its predictions."""

    def run(backend: str, progress=None, going_on: bool = False, stream: Events = STREAM) -> Left:
        with unfinished_run(tmp_path / "run", True, going_on) as files:
            one = StreamSession(CONFIG, stream, {}, precision, backend)
            if going_on:
                one.restore(unfinished_folder(tmp_path / "run") / CHECKPOINT)
            one.run(files, progress)
        shown = {name: array.tolist() for name, array in one.scored.recent.to_arrays().items()}
        return one.summary() | {"recent": shown}, (tmp_path / "run" / "predictions.csv").read_bytes()

    return run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, precision: str) -> Left:
    folder = tmp_path_factory.mktemp("whole") / "run"
    with unfinished_run(folder, False, False) as files:
        one = StreamSession(CONFIG, STREAM, {}, precision)
        one.run(files)
    shown = {name: array.tolist() for name, array in one.scored.recent.to_arrays().items()}
    return one.summary() | {"recent": shown}, (folder / "predictions.csv").read_bytes()


def check_same(found: Left, expected: Left) -> None:
    for key in ("fingerprint", "scores", "baselines", "saturations", "recent"):
        assert found[0][key] == expected[0][key]
    assert found[1] == expected[1]


@pytest.mark.parametrize(("messages", "chunks"), [(100, 50), (3, 1)])
def test_same_bits_as_the_cpu(
    learn: Learn, whole: Left, messages: int, chunks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lava, "_MOST_MESSAGES", messages)
    monkeypatch.setattr(lava, "_CHUNKS", chunks)
    assert CONFIG.steps(STREAM.gap_ms.max()) > 2 * StreamNetwork(CONFIG).chunk
    found = learn("lava")
    check_same(found, whole)
    assert found[0]["timing"]["simulated_s"] == whole[0]["timing"]["simulated_s"]


@pytest.mark.parametrize("second", ["lava", pytest.param("cpu", marks=pytest.mark.long)])
def test_a_stopped_session_goes_on_to_the_same_bits(
    learn: Learn, whole: Left, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "KEEP_EVERY_S", -1.0)
    monkeypatch.setattr(session, "TELL_EVERY_S", -1.0)
    monkeypatch.setattr(session, "TOGETHER", 4)

    def stop(done: int, total: int) -> None:
        assert done % 4 == 0
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn("lava", stop)
    assert multiprocessing.active_children() == []
    check_same(learn(second, going_on=True), whole)


def test_a_killed_child_ends_the_session_which_goes_on_to_the_same_bits(
    learn: Learn, whole: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "KEEP_EVERY_S", -1.0)
    monkeypatch.setattr(session, "TELL_EVERY_S", -1.0)
    monkeypatch.setattr(session, "TOGETHER", 5)

    def kill(done: int, total: int) -> None:
        if done == 10:
            multiprocessing.active_children()[0].kill()

    with pytest.raises(RunError, match="was killed by SIGKILL"):
        learn("lava", kill)
    assert multiprocessing.active_children() == []
    check_same(learn("lava", going_on=True), whole)


def test_waiting_is_as_good_as_a_long_gap(precision: str) -> None:
    one, other = (StreamNetwork(CONFIG, precision=precision) for _ in range(2))
    for gap, label in MESSAGES.tolist():
        expected = one.hear(gap, label)
        if gap > 50:
            so_far = other.hear(50, lava.NOTHING)
            assert so_far is not None
            assert not so_far.p.any()
            other.hear(30, lava.NOTHING)
        found = other.hear(gap if gap <= 50 else gap - 80, label)
        if expected is not None:
            assert found is not None
            for name in ("p", "o", "time_ms"):
                np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert other.weights_digest() == one.weights_digest()


def test_the_process_works_in_a_plain_lava_network(precision: str) -> None:
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    from lava_predict.processes import LearnStream

    one, other = (StreamNetwork(CONFIG, precision=precision) for _ in range(2))
    messages = np.vstack((MESSAGES[:7], [[GATHER, lava.NOTHING]]))
    process, source = LearnStream(network=other), Source(data=messages.T)
    sinks = [Sink(shape=port.shape, buffer=8) for port in (process.p_out, process.time_out, process.o_out)]
    source.s_out.connect(process.event_in)
    for port, sink in zip((process.p_out, process.time_out, process.o_out), sinks, strict=True):
        port.connect(sink.a_in)
    tag = {"float": "floating_pt", "fixed": "fixed_pt"}[precision]
    process.run(RunSteps(num_steps=8), Loihi2SimCfg(select_tag=tag))
    p, time_ms, o = (sink.data.get() for sink in sinks)
    process.stop()
    for step, (gap, label) in enumerate(MESSAGES[:7].tolist()):
        expected = one.hear(gap, label)
        if expected is None:
            assert not p[:, step].any()
            continue
        known, samples = expected.p.size, len(expected.o)
        if precision == "fixed":
            times = np.where(np.isnan(expected.time_ms), -1, np.rint(expected.time_ms))
            expected = Prediction(np.rint(expected.p * 65536), np.rint(expected.o * 65536), times)
        np.testing.assert_array_equal(p[:known, step], expected.p)
        np.testing.assert_array_equal(time_ms[:known, step], expected.time_ms)
        np.testing.assert_array_equal(o[:samples, :known, step], expected.o)
        p[:known, step], o[:samples, :known, step] = 0.0, 0.0
    assert not p.any()
    assert not o.any()
    process.gather()
    assert (other.weights_digest(), other.digest) == (one.weights_digest(), one.digest)


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ((300, 5), "label = 5: must be -1 .. 1"),
        ((BEGIN, -1), "label = -1: must be 0 .. 1"),
        ((-3, 0), "gap = -3: must be 0 .. 2147483648 steps"),
    ],
)
def test_a_message_that_cannot_be_ends_the_run_with_its_cause(message: tuple[int, int], cause: str) -> None:
    player = lava.LavaStream(StreamNetwork(CONFIG))
    player._exchange([lava._Message(BEGIN, 0)])
    with pytest.raises(UserError, match=cause):
        player._exchange([lava._Message(*message)])
    assert multiprocessing.active_children() == []


def test_an_event_needs_a_beginning() -> None:
    with pytest.raises(UserError, match="gap = 3: no event came before; give -1"):
        StreamNetwork(CONFIG).hear(3, 0)


def test_the_host_hears_the_spikes_at_their_steps() -> None:
    heard: dict[str, list[tuple[int, str, bytes]]] = {"cpu": [], "lava": []}
    networks = {backend: StreamNetwork(CONFIG) for backend in heard}
    for backend, found in heard.items():
        network = networks[backend]
        link = lambda chain, data, network=network, found=found: found.append((network.step, chain, data))  # noqa: E731
        network._link = link  # type: ignore[method-assign]
    columns = (STREAM.step, STREAM.label, STREAM.sequence, STREAM.gap)
    events = [Event(*row) for row in np.stack(columns, axis=1).tolist()]
    with closing(lava.LavaStream(networks["lava"])) as player:
        players = {"cpu": networks["cpu"], "lava": player}
        for backend, found in heard.items():
            for _ in players[backend].play(events):
                found.append((networks[backend].step, "event", b""))
    assert heard["lava"] == heard["cpu"]
    assert {chain for _, chain, _ in heard["cpu"]} == {"spikes", "prediction", "event"}
