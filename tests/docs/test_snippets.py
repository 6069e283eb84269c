"""The files of docs/snippets: short, shown as they are, and each does what its page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from shared_segments import wait_until

DOCS = Path(__file__).resolve().parents[2] / "docs"
LONGER = "nir_izhikevich"
"""A module to import, not a script; tests/targets/test_nir_izhikevich.py tests it."""
SNIPPETS = sorted(path for path in (DOCS / "snippets").glob("*.py") if path.stem != LONGER)
LIMIT_S = 500
TAG = pytest.mark.parametrize("tag", ["floating_pt", "fixed_pt"])


@pytest.fixture
def run(tmp_path: Path, nothing_left: None) -> Callable[..., list[str]]:
    """Run a snippet's own file in a session of its own, of which nothing is left; what it prints."""
    pytest.importorskip("lava", reason="lava-nc is not installed")

    def start(name: str, *arguments: str) -> list[str]:
        process = subprocess.Popen(
            [sys.executable, DOCS / "snippets" / name, *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            printed, said = process.communicate(timeout=LIMIT_S)
            assert (process.returncode, said) == (0, "")
            assert wait_until(lambda: not of_session(process.pid))
        finally:
            for left in of_session(process.pid):
                left.kill()
        return printed.splitlines()

    return start


def of_session(number: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == number and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (OSError, psutil.Error):
            continue
    return found


def numbers(lines: list[str], pattern: str) -> list[float]:
    """Return what a pattern finds in each line; it must fit them all."""
    return [float(re.fullmatch(pattern, line).group(1)) for line in lines]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda path: path.stem)
def test_a_snippet_is_short_and_shown_as_it_is(snippet: Path) -> None:
    text = snippet.read_text()
    assert len(text.splitlines()) < 30
    pages = [page.name for page in DOCS.glob("*.md") if f"```python\n{text}```" in page.read_text()]
    assert len(pages) == 1


@pytest.mark.long
@TAG
def test_a_readout_of_lavas_own_cells_learns(tag: str, run) -> None:
    errors = numbers(run("lif_readout.py", tag), r"trial \d+: error (\d\.\d+)")
    assert len(errors) == 12
    # Nothing is taught in the first and the last trial, nor has anything been before the first.
    assert errors[-1] < errors[0] / 2
    assert errors[0] == pytest.approx(0.365, abs=0.001)


@pytest.mark.long
def test_izhikevich_cells_and_dense_spike_in_integers_about_as_in_float(run) -> None:
    (whole,) = numbers(run("izhikevich_integers.py"), r"(\d+) spikes")
    in_float = numbers(run("izhikevich.py"), r"\d+ ms: cell (\d+)")
    assert len(in_float) > 100
    assert whole == pytest.approx(len(in_float), rel=0.05)


@pytest.mark.long
@TAG
def test_a_reservoir_alone_answers_its_cues(tag: str, run) -> None:
    before, first, second = numbers(run("reservoir.py", tag), r".*: (\d+) of 200 cells")
    assert 20 < before < 100
    assert min(first, second) > before + 40
