"""The public face: names that resolve, are quick to import, and suffice for the documentation."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "lava_predict"
FACES = [
    ".".join(["lava_predict", *path.parent.relative_to(PACKAGE).parts])
    for path in sorted(PACKAGE.rglob("__init__.py"))
    if "public_face(" in path.read_text()
]
HEAVY = {"numpy", "numba", "pydantic", "h5py", "matplotlib", "scipy", "typer", "rich", "lava"}
IMPORT = re.compile(r"^[ \t]*(?:from|import) (lava_predict[\w.]*)(?: import (\([^)]*\)|[^\n#]+))?", re.M)


@pytest.mark.parametrize("package", [*FACES, "lava_predict.processes"])
def test_every_public_name_resolves_and_hides_no_module(package: str) -> None:
    if package == "lava_predict.processes":
        pytest.importorskip("lava", reason="lava-nc is not installed")
    face = import_module(package)
    assert face.__all__
    for name in face.__all__:
        assert getattr(face, name) is not None
        assert name in dir(face)
        assert find_spec(f"{package}.{name}") is None, f"{name}: the module {name} would take its place"
    with pytest.raises(AttributeError, match="has no attribute 'absent'"):
        getattr(face, "absent")  # noqa: B009


def test_a_name_is_loaded_once_and_then_belongs_to_the_package() -> None:
    code = (
        "import lava_predict; assert 'RunError' not in vars(lava_predict); "
        "first = lava_predict.RunError; assert vars(lava_predict)['RunError'] is first; "
        "from lava_predict import RunError; assert RunError is first"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import json, sys, lava_predict; print(json.dumps([name.split('.')[0] for name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert not HEAVY & set(json.loads(done.stdout))


def examples() -> Iterator[tuple[str, str]]:
    """Yield the code in the documentation, the tutorials and the benchmarks, with the file's name.

    Without the parts of another package: a part may build on a part of ours, one more level below.
    """
    parts = [path.read_text() for path in (REPOSITORY / "tests" / "third_party").glob("*.py")]
    for page in [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]:
        text = page.read_text()
        for part in parts:
            text = text.replace(part, "")
        yield page.name, text
    for notebook in (REPOSITORY / "tutorials").glob("*.ipynb"):
        for cell in json.loads(notebook.read_text())["cells"]:
            yield notebook.name, "".join(cell["source"])
    for folder in ("benchmarks", "docs/snippets"):
        for script in (REPOSITORY / folder).glob("*.py"):
            yield script.name, script.read_text()


def test_the_examples_import_from_the_package_or_one_level_below() -> None:
    for where, text in examples():
        for source, names in IMPORT.findall(text):
            assert source.count(".") <= 1, f"{where}: {source} is deeper than needed"
            if source == "lava_predict.processes" and find_spec("lava") is None:
                continue
            for name in re.findall(r"(\w+)(?: as \w+)?", names):
                # As Python imports: what is no attribute may be a module.
                exec(f"from {source} import {name}", {})
