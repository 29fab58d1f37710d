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


@pytest.mark.torch
@pytest.mark.usefixtures("benchmarks")
def test_rival_of_training_is_the_same_network_and_no_larger() -> None:
    """The plain GPT has our weights, laid out otherwise: then its logits are ours."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
    pytest.importorskip("transformers", reason="transformers is not installed: pip install 'modelcollapse[train]'")
    training = importlib.import_module("modelcollapse.problems.training")
    gpt = importlib.import_module("modelcollapse.training.gpt")
    rivals = importlib.import_module("benchmarks.gpt_rivals")
    size = training.Transformer(n_layers=2, n_heads=2, width=16, context=8)
    ours = gpt.build_gpt(size, n_tokens=11, random=np.random.default_rng(0)).eval()
    plain = rivals.PlainGPT(size, n_tokens=11)
    names = {"wte": "tokens", "wpe": "positions", "h.": "blocks.", "ln_f": "norm", "ln_": "norm_"}
    names |= {"attn.c_attn": "attention", "attn.c_proj": "projection", "mlp.c_fc": "inner", "mlp.c_proj": "outer"}
    state = {}
    for name, weights in ours.transformer.state_dict().items():
        turned = weights.dim() == 2 and ".c_" in name  # transformers keeps these as (in, out)
        for theirs, own in names.items():
            name = name.replace(theirs, own)
        state[name] = weights.T if turned else weights
    plain.load_state_dict({**state, "head.weight": ours.lm_head.weight})
    ids = torch.arange(8)[None]
    with torch.no_grad():
        apart = (plain(ids) - ours(ids).logits).abs().max() / ours(ids).logits.abs().max()
    assert apart < 1e-5
    assert gpt.n_parameters(plain) == gpt.n_parameters(ours)


@pytest.mark.torch
@pytest.mark.usefixtures("benchmarks")
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_training_and_writing_are_timed_in_turn() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'modelcollapse[train]'")
    pytest.importorskip("transformers", reason="transformers is not installed: pip install 'modelcollapse[train]'")
    bench = importlib.import_module("benchmarks.bench_training")
    size = replace(bench.CPU.size, n_layers=1, n_heads=1, width=4, context=8)
    small = {"n_tokens": 7, "batch_size": 2, "n_steps": 2, "n_written": 2, "n_prompt": 2, "n_new": 3, "repeats": 2}
    setting = replace(bench.CPU, size=size, **small)
    table = bench.rows(bench.training_speeds(setting, "float32"), "float32") + bench.rows(
        bench.writing_speeds(setting), "float32"
    )
    assert len(table) == 5
    assert table[0].endswith("| 1 |  |")
    assert all(line.count("|") == 6 for line in table)
