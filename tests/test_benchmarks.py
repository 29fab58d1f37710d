"""Does the benchmarks page keep the sections that did not run, and state the machine?"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the benchmarks importable: they live beside the package, not in it."""
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.mark.usefixtures("benchmarks")
def test_page_round_trips_its_sections() -> None:
    page = importlib.import_module("benchmarks.page")
    sections = {"phase_diagram": "## Phase diagram\n\n| a |\n|---|", "memory": "## Memory\n\ntext <!-- note -->"}
    assert page.read_sections(page.write_page(sections)) == sections
    assert page.read_sections("# Benchmarks\n\nThis page is being written.\n") == {}


@pytest.mark.usefixtures("benchmarks")
def test_run_replaces_one_section_and_keeps_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = importlib.import_module("benchmarks.__main__")
    page = importlib.import_module("benchmarks.page")
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    for name in ("fast", "slow"):
        (folder / f"bench_{name}.py").touch()
    bench = type(sys)("benchmarks.bench_fast")
    bench.run = lambda: "## Fast\n\nnew"
    monkeypatch.setitem(sys.modules, "benchmarks.bench_fast", bench)
    monkeypatch.setattr(main, "FOLDER", folder)
    monkeypatch.setattr(main, "PAGE", tmp_path / "benchmarks.md")
    main.PAGE.write_text(page.write_page({"fast": "old", "slow": "kept", "gone": "deleted"}))
    assert main.main(["fast"]) == 0
    sections = page.read_sections(main.PAGE.read_text())
    assert set(sections) == {"fast", "slow"}
    assert sections["fast"].startswith("## Fast\n\nnew\n\nMeasured on ")
    assert "numpy" in sections["fast"]
    assert sections["slow"] == "kept"
    assert main.main(["fats"]) == 2
