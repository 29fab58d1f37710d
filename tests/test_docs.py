"""Is what the documentation shows still true? Python blocks run, commands parse, dependencies have reasons."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from modelcollapse import cli

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    ["README.md", "CONTRIBUTING.md", *(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md"))]
)
NOT_RUN = r"^<!-- not run: [^\n]+ -->\n"  # on the line before a block, with the reason


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of one language, without those that are marked as not run."""
    found = re.findall(rf"({NOT_RUN})?^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    return [body for skipped, body in found if not skipped]


def commands(page: str) -> list[list[str]]:
    """Return the words of every command that the console blocks of a page show."""
    lines = [line for body in blocks(page, "console") for line in body.replace("\\\n", " ").splitlines()]
    return [shlex.split(line.removeprefix("$ "), comments=True) for line in lines if line.startswith("$ ")]


def check_command(words: list[str]) -> None:
    """Refuse a command that is not there: `modelcollapse` with its options, `make` with its target."""
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), f"no target {words[1]}"
    if words[0] == "modelcollapse" and not words[1].startswith("--"):
        known: Any = typer.main.get_command(cli.program())
        known.commands[words[1]].make_context(words[1], words[2:])


@pytest.mark.parametrize("page", PAGES)
def test_docs_python_blocks_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks((ROOT / page).read_text(), "python"):
        exec(compile(block, page, "exec"), names)


@pytest.mark.parametrize("page", PAGES)
def test_docs_commands_parse(page: str) -> None:
    for words in commands((ROOT / page).read_text()):
        check_command(words)


def test_docs_blocks_are_found_and_can_fail() -> None:
    page = "Text\n\n```python\nx = 1\n```\n\n<!-- not run: needs data -->\n```python\n1 / 0\n```\n"
    assert blocks(page, "python") == ["x = 1\n"]
    assert any(blocks((ROOT / page).read_text(), "python") for page in PAGES)
    assert any(commands((ROOT / page).read_text()) for page in PAGES)
    shown = "Text\n\n```console\n$ modelcollapse solve a.toml \\\n    --jsn  # why\nanswer: 1\n```\n"
    assert commands(shown) == [["modelcollapse", "solve", "a.toml", "--jsn"]]


@pytest.mark.parametrize(
    "words", [["make", "coffee"], ["modelcollapse", "slove"], ["modelcollapse", "solve", "a", "--x"]]
)
def test_docs_commands_check_catches_what_is_not_there(words: list[str]) -> None:
    with pytest.raises((AssertionError, KeyError, typer.TyperException)):
        check_command(words)


def unexplained(pyproject: str) -> set[str]:
    """Return the dependencies of a pyproject text that have no reason on their line."""
    project = tomllib.loads(pyproject)
    extras = project["project"].get("optional-dependencies", {}).values()
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(d for e in extras for d in e),
    ]
    return {
        name for name in wanted if not re.search(rf'^.*"{re.escape(name)}".*\]?,?\s+# \S.*$', pyproject, re.MULTILINE)
    }


def test_dependencies_have_reasons() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert unexplained(text) == set()
    assert unexplained(re.sub(r'("numpy[^"]*",).*', r"\1", text)) == {"numpy>=2.0"}


def unnamed(page: str) -> set[str]:
    """Return the public modules that a reference page does not name."""
    source = ROOT / "src"
    paths = [path.relative_to(source).with_suffix("") for path in source.glob("modelcollapse/**/*.py")]
    modules = [".".join(path.parts) for path in paths if not any(part.startswith("_") for part in path.parts)]
    return {module for module in modules if not re.search(rf"^::: {re.escape(module)}(\.\w+)?$", page, re.MULTILINE)}


def test_reference_names_every_public_module() -> None:
    page = (ROOT / "docs" / "reference.md").read_text()
    assert unnamed(page) == set()
    assert unnamed(page.replace("modelcollapse.streams", "")) == {"modelcollapse.streams"}


def test_architecture_names_every_part_of_the_package() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    package = ROOT / "src" / "modelcollapse"
    parts = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert "problems" in parts
    assert {part for part in parts - {"__init__"} if f"`{part}`" not in page} == set()
