"""Whatever is given as a path ends in work or in a message that names it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lava_predict import (
    StreamLearner,
    UserError,
    export_nir,
    load_checkpoint,
    load_config,
    load_preset,
    load_record,
    load_run,
    read_nir,
)
from lava_predict.errors import path_of
from lava_predict.events.reading import read_events
from lava_predict.records.checkpoint import settings_of
from lava_predict.records.folder import write_file
from lava_predict.targets.nir.export import read_graph
from lava_predict.work.cache import Cache


def save(path: Any) -> None:
    StreamLearner(config=load_preset("stream", ["reservoir.neurons=20"])).save(path)


TAKE_A_PATH = [
    Cache,
    StreamLearner.load,
    load_checkpoint,
    load_config,
    load_record,
    load_run,
    pytest.param(read_events, id="read_events"),
    save,
    settings_of,
    pytest.param(lambda path: write_file(path, b"", overwrite=False), id="write_file"),
]
WITH_NIR = [read_nir, read_graph, lambda run: export_nir(run, "never.nir")]

NO_PATHS = {
    "a null character": ("a\0b", "is no name of a file"),
    "a lone surrogate": ("\ud800", "is no name of a file"),
    "too long": ("a" * 5000, "is longer than names of files may be"),
    "None": (None, "must be a path"),
    "a number": (3, "= 3: must be a path"),
    "bytes": (b"abc", "must be a path"),
}


@pytest.mark.slow
@pytest.mark.parametrize("function", TAKE_A_PATH)
@pytest.mark.parametrize(("given", "message"), NO_PATHS.values(), ids=NO_PATHS)
def test_what_is_no_path_is_named(
    function: Callable[[Any], object],
    given: Any,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        function(given)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("function", WITH_NIR, ids=["read_nir", "read_graph", "export_nir"])
@pytest.mark.parametrize(("given", "message"), NO_PATHS.values(), ids=NO_PATHS)
def test_what_is_no_path_of_a_graph_is_named(
    function: Callable[[Any], object], given: Any, message: str
) -> None:
    pytest.importorskip("nir")
    with pytest.raises(UserError, match=message):
        function(given)


def test_a_path_is_that_of_a_text_or_of_a_path(tmp_path: Path) -> None:
    assert path_of("path", str(tmp_path / "new")) == tmp_path / "new"
    assert path_of("path", tmp_path) == tmp_path
    assert path_of("path", "b\udce4h") == Path("b\udce4h")  # A byte that is no UTF-8, as Python reads it.
