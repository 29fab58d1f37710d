"""What does a terminal show of chains? Tables that fit, limits and bounds, pictures, JSON, and clear errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from modelcollapse import cli
from modelcollapse.engines import answer
from modelcollapse.figures.chains import chain_data, draw_chain
from modelcollapse.problems.files import load_problem
from modelcollapse.result import ChainResult

WORKFLOW = '[workflow]\nkind = "replace"\ngenerations = 40\nn_samples = 200\n'
TOKENS = 'kind = "tokens"\nlaw = { kind = "zipf", n_tokens = 50, exponent = 1.1 }\n' + WORKFLOW
GAUSSIAN = 'kind = "gaussian"\neigenvalues = [1.0]\nestimator = "unbiased"\nthreshold = 0.1\n' + WORKFLOW
NGRAMS = 'kind = "ngrams"\ntokens = [0, 1, 0, 2, 1, 0]\n[workflow]\nkind = "replace"\ngenerations = 2\n'


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs a command on a problem's text and returns exit code, stdout and stderr."""

    def run(command: str, text: str, *options: str) -> tuple[int, str, str]:
        (tmp_path / "problem.toml").write_text(text)
        with pytest.raises(SystemExit) as ended:
            cli.program()([command, str(tmp_path / "problem.toml"), *options])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def test_solve_shows_generations_limits_and_bounds_of_tokens(run: Any) -> None:
    code, out, _ = run("solve", TOKENS)
    assert code == 0
    assert max(map(len, out.split("collapse_time")[0].splitlines())) <= 80
    shown = [int(line.split()[0]) for line in out.splitlines() if re.match(r"\s*\d+\s", line)]
    assert set(shown) == {0, 1, 2, 5, 10, 20, 40}
    assert re.search(r"collapse_time: \d+", out)
    assert "squared_error after many generations" in out
    assert re.search(r"collapse_time: between [\d.]+ and [\d,]+ \(Seddik", out)
    assert "engine: theory" in out


@pytest.mark.parametrize("text", [TOKENS, GAUSSIAN], ids=["tokens", "gaussian"])
def test_solve_writes_the_same_numbers_as_json(run: Any, text: str, tmp_path: Path) -> None:
    code, out, _ = run("solve", text, "--json")
    assert code == 0
    printed = json.loads(out)
    result = answer(load_problem(tmp_path / "problem.toml"))
    assert isinstance(result, ChainResult)
    for name, values in result.generations.items():
        np.testing.assert_allclose(printed["generations"][name], values)
        assert printed["stderr"]["generations"][name] == [0] * 41


def test_solve_simulates_chains_and_ngrams_only_by_simulation(run: Any) -> None:
    code, out, _ = run("solve", TOKENS, "--engine", "simulation", "--n-replicates", "20")
    assert code == 0
    assert "replicates: 20" in out
    assert run("solve", NGRAMS, "--engine", "simulation")[0] == 0
    code, _, err = run("solve", NGRAMS)
    assert code == 2
    assert "--engine simulation" in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_solve_draws_chains(run: Any, tmp_path: Path, ending: str) -> None:
    picture = tmp_path / f"chain.{ending}"
    assert run("solve", TOKENS, "--out", str(picture))[0] == 0
    assert picture.stat().st_size > 1000


def test_figure_of_a_chain_has_a_panel_for_each_quantity_and_its_limit_in_sight(tmp_path: Path) -> None:
    (tmp_path / "problem.toml").write_text(TOKENS)
    result = answer(load_problem(tmp_path / "problem.toml"))
    assert isinstance(result, ChainResult)
    data = chain_data(result)
    assert set(data["quantities"]["quantity"]) == set(result.generations)
    figure = draw_chain(data)
    assert isinstance(figure, Figure)
    assert len(figure.axes) == len(result.generations)
    by_label = {axes.get_ylabel(): axes for axes in figure.axes}
    assert by_label["vocabulary"].get_ylim()[0] < 1.0 < by_label["vocabulary"].get_ylim()[1]
    for name, values in result.generations.items():
        low, high = by_label[name.replace("_", " ")].get_ylim()
        assert low <= min(values) <= max(values) <= high
