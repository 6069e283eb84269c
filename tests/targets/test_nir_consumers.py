"""Norse and snnTorch, where they are installed, run the file with CubaLIF cells as its equations say.

They need torch, which the environment of the tests has not; docs/export.md says with what they were tried.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from plain_cuba import play_graph

nir = pytest.importorskip("nir")
torch = pytest.importorskip("torch")

from lava_predict import Experiment
from lava_predict.records.checkpoint import Checkpoint
from lava_predict.targets import to_cuba, write_nir

SNIPPETS = Path(__file__).parents[2] / "docs" / "snippets"


@pytest.fixture
def path(tiny, tmp_path: Path) -> Path:
    config = tiny("task.cues=2")
    experiment = Experiment(config)
    state = experiment.start().state
    graph, _ = to_cuba(Checkpoint(config, "float", "cpu", None, experiment.network, state, 0.0))
    write_nir(tmp_path / "network.nir", graph)
    return tmp_path / "network.nir"


@pytest.mark.parametrize("consumer", ["norse", "snntorch"])
def test_a_consumers_spikes_are_those_of_the_equations(consumer: str, path: Path, monkeypatch) -> None:
    pytest.importorskip(consumer)
    monkeypatch.setattr(sys, "argv", [consumer, str(path)])
    ran = runpy.run_path(str(SNIPPETS / f"nir_{consumer}.py"))
    found = torch.stack(ran["spikes"]).numpy()
    wanted = play_graph(nir.read(path), ran["level"][:, 0].numpy(), ran["step_s"])
    # In single precision a spike close to the threshold differs sooner.
    same = 2000 if consumer == "norse" else 200
    assert wanted[:same].sum() > 30
    assert np.array_equal(found[:same], wanted[:same])
    assert found.sum() == pytest.approx(wanted.sum(), rel=0.02)
    during = slice(ran["on"], ran["off"])
    assert wanted[during].mean() > 2.0 * wanted[: ran["on"]].mean()
    assert found[during].mean() == pytest.approx(wanted[during].mean(), rel=0.05)
