"""The version stands in four places, which agree; the workflow tests what the package claims to run on."""

from __future__ import annotations

import re
from pathlib import Path

import lava_predict
from lava_predict.settings import parse_toml

REPOSITORY = Path(__file__).resolve().parents[1]


def text(name: str) -> str:
    return (REPOSITORY / name).read_text()


def test_every_place_names_the_same_version() -> None:
    project = parse_toml(text("pyproject.toml"))["project"]
    (cited,) = re.findall(r"^version: (.+)$", text("CITATION.cff"), re.M)
    newest = re.findall(r"^## (.+)$", text("docs/releases.md"), re.M)[0]
    assert project["version"] == lava_predict.__version__ == cited == newest


def test_the_citation_has_what_its_format_demands() -> None:
    """As the schema of the Citation File Format 1.2.0 says: these keys, and authors who are named."""
    keys = re.findall(r"^([\w-]+):", text("CITATION.cff"), re.M)
    assert {"cff-version", "message", "title", "authors"} <= set(keys)
    assert len(keys) == len(set(keys))
    assert "cff-version: 1.2.0\n" in text("CITATION.cff")
    project = parse_toml(text("pyproject.toml"))["project"]
    names = re.findall(r'^  - name: "(.+)"$', text("CITATION.cff"), re.M)
    assert names == [author["name"] for author in project["authors"]]
    assert f"license: {project['license']}\n" in text("CITATION.cff")


def test_the_workflow_calls_what_must_pass_on_the_oldest_python() -> None:
    workflow = text(".github/workflows/ci.yml")
    assert "run: bash .ci/run\n" in workflow
    pythons = re.findall(r"^ +(3\.\d+)$", workflow, re.M)
    assert pythons[-1] == text(".python-version").strip()
    oldest = parse_toml(text("pyproject.toml"))["project"]["requires-python"]
    assert oldest == f">={pythons[-1]}"
