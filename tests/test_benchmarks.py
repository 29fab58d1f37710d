"""Does the benchmarks page keep the sections that did not run, and state the machine?"""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
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


@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize(("kind", "noise"), [("random", 1.0), ("fixed", 1.0), ("random", 1.5)])
def test_rival_of_the_simulation_solves_the_same_problem_and_no_other(kind: str, noise: float) -> None:
    """Sees differences of about a tenth; the last case has more noise and must differ."""
    bench = importlib.import_module("benchmarks.bench_simulation")
    problem = bench._problem(40, 2, d=8, fixed=kind == "fixed")
    world = bench._world(problem)
    world = replace(world, noise_var=tuple(noise * variance for variance in world.noise_var))
    generator = np.random.default_rng(0)
    drawn = np.array([bench.draw_and_solve(world, generator) for _ in range(2000)])
    result = bench.simulate(problem, n_replicates=400)
    names = [source.name for source in problem.sources]
    expected = np.array([result.excess_risk, *(result.training_error[name] for name in names)])
    errors = [result.stderr["excess_risk"], *(result.stderr["training_error"][name] for name in names)]
    apart = (drawn.mean(axis=0) - expected) / np.hypot(drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn)), errors)
    assert (np.abs(apart).max() < 5) == (noise == 1.0)
