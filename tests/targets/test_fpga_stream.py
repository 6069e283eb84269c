"""A stream with its reservoir on the core: the predictions and digests of the cpu, event by event."""

from __future__ import annotations

import shutil
from contextlib import closing

import numpy as np
import pytest

pytest.importorskip("amaranth", reason="the FPGA core needs the extra fpga")

from lava_predict import load_preset
from lava_predict.errors import UserError
from lava_predict.events import Event, example
from lava_predict.network.stream_network import StreamNetwork
from lava_predict.targets.fpga.engine import FpgaEngine
from lava_predict.targets.fpga.stream import CoreStream


@pytest.mark.long
@pytest.mark.usefixtures("quickly_built")
@pytest.mark.skipif(shutil.which("verilator") is None, reason="Verilator is not installed")
def test_a_stream_runs_event_by_event_on_the_core_with_the_predictions_of_the_cpu() -> None:
    config = load_preset("stream", ["reservoir.neurons=60", "stream.labels_max=5", "stream.settle_ms=100"])
    events = example("markov", 8, 1, config.run.dt_ms).events
    columns = (events.step, events.label, events.sequence, events.gap)
    heard = [Event(*map(int, row)) for row in zip(*columns, strict=True)]
    here, there = (StreamNetwork(config, len(events.labels), "fixed") for _ in range(2))
    with closing(CoreStream(there)) as core:
        for event in heard:
            (mine,), (theirs,) = core.play([event]), here.play([event])
            assert (mine is None) == (theirs is None)
            if mine is not None:
                for one, other in zip(mine, theirs, strict=True):
                    np.testing.assert_array_equal(one, other)
    assert there.digest == here.digest
    assert there.weights_digest() == here.weights_digest()
    assert there.moment.state.differences(here.moment.state) == []


def test_more_labels_than_channels_are_refused() -> None:
    with pytest.raises(UserError, match=r"stream.labels_max = 64: .* 32 input channels"):
        FpgaEngine.check_stream(load_preset("stream"), None)
