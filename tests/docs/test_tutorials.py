"""The notebooks run as they stand, in their time, and show what is kept in them."""

from __future__ import annotations

import importlib.util
import re
import resource
import shutil
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import NotebookNode

TUTORIALS = Path(__file__).parents[2] / "tutorials"
NOTEBOOKS = sorted(TUTORIALS.glob("*.ipynb"))
NEEDS = {"2_lava_processes": "lava", "5_ready_for_loihi2": "lava", "6_your_own_events": "music21"}
MOST_CPU_S = 120
LEAST_FIGURES = 2
MOST_BYTES = 400_000

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def _module() -> ModuleType:
    """Import tutorials/execute.py, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("execute_tutorials", TUTORIALS / "execute.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


execute = _module()


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def figures(notebook: NotebookNode) -> int:
    return sum("image/png" in output.get("data", {}) for output in outputs(notebook))


def kinds(notebook: NotebookNode) -> list[list[str]]:
    """Say of every cell what came out of it: the kinds of its outputs, and which text."""
    return [[_kind(output) for output in cell.get("outputs", [])] for cell in notebook.cells]


def _kind(output: NotebookNode) -> str:
    if output.output_type == "stream":
        # Numbers may differ in their last digits between machines, and spaces with them; words may not.
        return f"{output.name}: {re.sub(r'[-+.0-9 ]+', '#', output.text)}"
    return f"{output.output_type}: {', '.join(sorted(output.get('data', {})))}"


def cpu_s_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def notebook_of(*sources: str) -> NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def test_there_are_six() -> None:
    assert [path.stem[:2] for path in NOTEBOOKS] == ["1_", "2_", "3_", "4_", "5_", "6_"]
    assert {path.stem for path in NOTEBOOKS} >= set(NEEDS)
    assert all(f"({path.name})" in (TUTORIALS / "README.md").read_text() for path in NOTEBOOKS)


@each
def test_what_is_kept_came_from_these_cells(path: Path) -> None:
    """Whoever changes a cell has to execute the notebook; its outputs would tell another story."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.executed == execute.source_digest(notebook), (
        f"{path.name} has changed since it was executed; run: uv run python tutorials/execute.py {path}"
    )
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert figures(notebook) >= LEAST_FIGURES
    assert path.stat().st_size < MOST_BYTES


@each
def test_what_is_kept_names_no_machine(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert {key: notebook.metadata[key] for key in notebook.metadata if key != "executed"} == execute.KERNEL
    assert all(not cell.metadata for cell in notebook.cells)
    for output in outputs(notebook):
        assert output.output_type in ("display_data", "execute_result", "stream")
        assert output.get("name") != "stderr"
        data = {kind: text for kind, text in output.get("data", {}).items() if not kind.startswith("image/")}
        text = f"{output.get('text', '')} {data}"
        assert not re.search(
            r"\wWarning:|/(home|root|Users|tmp|var|usr|opt|work)/|site-packages|0x[0-9a-f]{6}", text
        )


@pytest.mark.long
@each
def test_it_runs_in_its_time_and_leaves_nothing(path: Path, tmp_path: Path, nothing_left: None) -> None:
    if path.stem in NEEDS:
        pytest.importorskip(NEEDS[path.stem])
    copy = Path(shutil.copy(path, tmp_path))
    before = copy.read_bytes()
    used = cpu_s_of_children()
    fresh = execute.execute(copy)
    assert cpu_s_of_children() - used < MOST_CPU_S
    assert figures(fresh) >= LEAST_FIGURES
    assert kinds(fresh) == kinds(nbformat.read(path, as_version=4))
    assert copy.read_bytes() == before
    assert list(tmp_path.iterdir()) == [copy]


@pytest.mark.long
def test_tunes_are_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_left: None) -> None:
    (tmp_path / "music21.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    fresh = execute.execute(TUTORIALS / "6_your_own_events.ipynb")
    assert figures(fresh) >= LEAST_FIGURES
    assert any("uv sync --extra music" in output.get("text", "") for output in outputs(fresh))


@pytest.mark.slow
def test_a_cell_that_raises_is_an_error_and_the_notebook_stays(tmp_path: Path, nothing_left: None) -> None:
    path = tmp_path / "fails.ipynb"
    nbformat.write(notebook_of("print('so far')", "1 / 0"), path)
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute.main([str(path)])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_a_cell_that_takes_too_long_is_ended(tmp_path: Path, nothing_left: None) -> None:
    path = tmp_path / "sleeps.ipynb"
    nbformat.write(notebook_of("import time; time.sleep(3600)"), path)
    with pytest.raises(CellTimeoutError):
        execute.execute(path, limit_s=1)


@pytest.mark.slow
def test_what_is_written_is_executed_and_bare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "prints.ipynb"
    notebook = notebook_of("import sys\nprint(sys.version_info.major)", "open('left', 'w').close()")
    notebook.metadata["kernelspec"] = {"name": "someone's", "display_name": "Someone's", "language": "python"}
    nbformat.write(notebook, path)
    digest = execute.source_digest(notebook)
    execute.main([str(path)])
    written = nbformat.read(path, as_version=4)
    assert written.cells[0].outputs[0].text == f"{sys.version_info.major}\n"
    assert written.metadata == {**execute.KERNEL, "executed": digest}
    assert all(not cell.metadata for cell in written.cells)
    assert list(tmp_path.iterdir()) == [path]
    assert "prints.ipynb" in capsys.readouterr().out
    written.cells[0].source += "\n"
    assert execute.source_digest(written) != digest
