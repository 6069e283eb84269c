"""The documentation: what it links to exists, what it shows can be typed, and the site builds."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer

from lava_predict import UserError, load_config, load_preset
from lava_predict.cli import app
from lava_predict.sweeps.plan import Search, planned

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
PAGES = sorted([*REPOSITORY.glob("*.md"), *DOCS.rglob("*.md")])
GUIDE = [DOCS / "start.md", DOCS / "chip.md", DOCS / "guide.md"]
COMMAND_PAGES = [REPOSITORY / "README.md", DOCS / "index.md", DOCS / "sweeps.md", *GUIDE]
SYNOPSIS = re.compile(r"\[[A-Z-]|\||\.\.\.")

# Typer may bring a click of its own; what both call UsageError is the base of this one.
UsageError = typer.BadParameter.__bases__[0]
COMMANDS = typer.main.get_command(app).commands

FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1\s*$", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def named(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def prose(page: Path) -> str:
    """Return a page without its fenced blocks, where `](` is no link and # is no heading."""
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, made as GitHub and Python-Markdown both make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?)\s*$", prose(page), re.M):
        words = re.sub(r"[^\w\s-]", "", heading.lower()).strip()
        found.add(re.sub(r"\s", "-", words))
    return found


def links(page: Path) -> Iterator[str]:
    for target in LINK.findall(prose(page)):
        if not re.match(r"[a-z]+:", target):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        aim = (page.parent / path).resolve() if path else page
        assert aim.exists(), f"{target}: there is no such file"
        # Anchors of docstrings are the site's own; its build checks them.
        if anchor and not anchor.startswith("lava_predict."):
            assert anchor in anchors(aim), f"{target}: no such heading; there are {sorted(anchors(aim))}"


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=named)
def test_a_page_of_the_site_links_to_nothing_outside_it(page: Path) -> None:
    for target in links(page):
        aim = (page.parent / target.partition("#")[0]).resolve()
        assert DOCS in [aim, *aim.parents], f"{target}: would lead nowhere on the site"


def test_every_picture_has_a_text_in_its_place() -> None:
    for page in PAGES:
        for text, target in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", prose(page)):
            assert len(text) > 20, f"{named(page)}: {target} has no text for those who cannot see it"


def command_lines(page: Path) -> list[str]:
    """Return the lava-predict command lines in a page's code, comments and synopses left out."""
    text = page.read_text().replace("\\\n", " ")
    blocks = [block for _, block in re.findall(r"^(`{3,}\w*)\n(.*?)^```", text, re.M | re.S)]
    lines = [line for block in blocks for line in block.splitlines()]
    lines += [line[4:] for line in FENCE.sub("", text).splitlines() if line.startswith("    ")]
    lines += re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    found = []
    for line in lines:
        shown = re.match(r"(?:\$ )?(?:.*&& )?(?:uv run |\S*/uv run )?lava-predict( .*)?$", line.strip())
        if shown and not SYNOPSIS.search(line.partition("--set")[0]):
            found.append((shown[1] or "").strip())
    return found


def options_of(arguments: str) -> dict[str, Any]:
    """Parse a command line as the command does, without carrying it out; return its values."""
    words = shlex.split(arguments, comments=True)
    if not words or words[0].startswith("-"):
        return {}
    assert words[0] in COMMANDS, f"there is no command {words[0]!r}"
    with COMMANDS[words[0]].make_context(words[0], words[1:]) as context:
        return dict(context.params)


@pytest.mark.parametrize("page", COMMAND_PAGES, ids=named)
def test_every_command_shown_can_be_typed(page: Path) -> None:
    shown = command_lines(page)
    for arguments in shown:
        try:
            values = options_of(arguments)
        except UsageError as error:
            pytest.fail(f"lava-predict {arguments}: {error}")
        settings = (values.get("preset") or "robust", values.get("settings") or [])
        if arguments.startswith("sweep "):
            search = Search(values["trials"], 4) if values["search"] else None
            seeds = range(values["seeds"])
            planned(partial(load_preset, settings[0]), settings[1], seeds, values["precision"], search)
        elif "# a mistake" in arguments:
            with pytest.raises(UserError):
                load_preset(*settings)
        else:
            load_preset(*settings)


def test_the_guide_shows_every_command() -> None:
    shown = {arguments.split()[0] for page in GUIDE for arguments in command_lines(page) if arguments}
    assert shown >= set(COMMANDS)


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    for wrong in ("run --presett smoke", "compare --seeds", "check --seed x"):
        with pytest.raises(UsageError):
            options_of(wrong)
    with pytest.raises(AssertionError):
        options_of("lern")


def code(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


def test_configurations_in_the_guide_are_valid(tmp_path: Path) -> None:
    shown = [text for page in GUIDE for text in code(page, "toml")]
    assert shown
    for number, text in enumerate(shown):
        path = tmp_path / f"{number}.toml"
        path.write_text(text)
        load_config(path)


def test_the_contract_comes_first_in_the_readme() -> None:
    commands = [
        line.strip() for line in (REPOSITORY / "README.md").read_text().splitlines() if line[:4] == "    "
    ]
    assert [re.sub(r"\s+#.*", "", line) for line in commands[:2]] == [
        "python3 -m pip install uv && uv run lava-predict run",
        "python3 -m pip install uv && uv run pytest",
    ]


def test_the_developer_guide_names_every_module() -> None:
    table = (DOCS / "developer.md").read_text()
    for path in (REPOSITORY / "lava_predict").iterdir():
        if path.suffix == ".py" and not path.stem.startswith("__"):
            assert f"`{path.name}`" in table, f"{path.name}: is missing in the table of docs/developer.md"
        elif (path / "__init__.py").exists():
            assert f"`{path.name}/`" in table, f"{path.name}/: is missing in the table of docs/developer.md"


def test_the_developer_guide_shows_the_third_partys_parts() -> None:
    shown = code(DOCS / "developer.md", "python")
    for name in ("adaptive_exponential", "plain_delta", "streaks"):
        assert (REPOSITORY / "tests" / "third_party" / f"{name}.py").read_text() in shown


def test_what_is_guaranteed_has_its_tests() -> None:
    named = re.findall(r"`((?:tests|benchmarks)/[\w/]+\.py)", (DOCS / "guarantees.md").read_text())
    assert len(named) > 20
    for name in named:
        assert (REPOSITORY / name).is_file(), f"{name}: docs/guarantees.md names it"


def test_the_reference_has_every_module() -> None:
    pages = "\n".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    shown = set(re.findall(r"^::: ([\w.]+)$", pages, re.M))
    for package in ("lava_predict", "processes"):
        for path in (REPOSITORY / package).rglob("*.py"):
            module = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
            if path.stem.startswith("__") or module.startswith("lava_predict.cli."):
                continue
            assert module in shown, f"{module}: is missing in docs/reference"


@pytest.mark.slow
def test_the_examples_of_the_guide_run(tmp_path: Path) -> None:
    for number, text in enumerate(text for page in GUIDE for text in code(page, "python")):
        if "lava.magma" in text or 'load_record("' in text:
            continue
        script = tmp_path / f"{number}.py"
        script.write_text(text)
        done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{text}\n{done.stderr}"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed: uv sync --group docs")
def test_the_site_builds_without_a_warning_and_asks_no_other_server(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(r"<(?:script|img|iframe)\b[^>]*\bsrc=\"?(https?:[^\"\s>]+)", page.read_text())
        loaded += re.findall(r"<link\b[^>]*\bhref=\"?(https?:[^\"\s>]+)", page.read_text())
        assert not loaded, f"{page.name}: loads {loaded}"
