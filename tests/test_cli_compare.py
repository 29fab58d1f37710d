"""Does `modelcollapse compare` show theory beside simulation, with the verdict first?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drawn_once import drawn_once
from modelcollapse.decisions.comparison import compare
from modelcollapse.problems.files import load_problem
from modelcollapse.result import PARTS
from test_cli import PROBLEM, nothing, run

NAMES = [*PARTS, "excess_risk", "test_error", "effective_ridge"]


@pytest.fixture
def problem(tmp_path: Path) -> str:
    path = tmp_path / "problem.toml"
    path.write_text(PROBLEM)
    return str(path)


def test_compare_prints_one_json_object(problem: str) -> None:
    code, out, err = run("compare", problem, "--json", "--seed", "2", "--n-replicates", "40")
    assert (code, err, out.count("\n")) == (0, "", 1)
    answer = json.loads(out)
    assert answer == compare(load_problem(problem), seed=2, n_replicates=40).to_dict()
    assert answer["agree"] is True
    assert set(answer["quantities"]) == {*NAMES, "training_error of real", "training_error of synthetic"}
    assert [result["seed"] for result in answer["simulations"].values()] == [2, 3, 4]
    assert answer["theory"]["engine"] == "theory"


@pytest.mark.parametrize("columns", [60, 80, 100, 160])
def test_compare_prints_verdict_then_every_quantity(
    problem: str,
    columns: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, err = run("compare", problem, "--n-replicates", "40")
    assert (code, err) == (0, "")
    assert out.startswith("Theory and simulation agree")
    assert all(len(line) <= columns for line in out.splitlines())
    assert [name for name in NAMES if f"\n {name} " not in out] == []
    assert "…" not in out
    assert ("gap" in out) == (columns >= 100)
    assert "seed 0; replicates: 40 at the problem's size, 40 at 4 times, 40 at 8 times" in " ".join(out.split())


def test_compare_shows_a_wrong_theory(problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelcollapse.simulation import engine
    from modelcollapse.theory import mixture

    monkeypatch.setattr(engine, "solve", drawn_once(engine.solve))
    right = mixture.amplification
    monkeypatch.setattr(mixture, "amplification", lambda *given: 1.2 * right(*given))
    code, out, _ = run("compare", problem, "--n-replicates", "100")
    assert code == 0  # the question is answered
    assert out.startswith("Theory and simulation disagree")
    assert json.loads(run("compare", problem, "--n-replicates", "100", "--json")[1])["agree"] is False


def test_compare_says_when_it_cannot_judge(tmp_path: Path) -> None:
    path = tmp_path / "threshold.toml"
    path.write_text(PROBLEM.replace("ridge = 0.1", "ridge = 0").replace("n_samples = 90", "n_samples = 20"))
    code, out, err = run("compare", str(path))
    assert (code, err) == (0, "")
    assert out.startswith("Cannot be judged: ")
    assert " nan" not in out
    answer = json.loads(run("compare", str(path), "--json")[1])
    assert answer["agree"] is None
    assert answer["theory"]["status"] == "interpolation_threshold"


def test_compare_shows_dashes_where_the_problem_itself_has_no_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "near.toml"
    path.write_text(PROBLEM.replace("ridge = 0.1", "ridge = 0").replace("n_samples = 90", "n_samples = 21"))
    monkeypatch.setenv("COLUMNS", "120")
    code, out, err = run("compare", str(path), "--n-replicates", "200")
    assert (code, err) == (0, "")
    assert out.startswith("Theory and simulation agree")
    (line,) = [line for line in out.splitlines() if " excess_risk " in line]
    assert line.split()[2:5] == ["inf", "–", "–"]
    assert "nan" not in out
    assert "40 at the problem's size, 200 at 4 times, 200 at 8 times" in out


def test_compare_prints_what_there_is_when_stopped_at_once(problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelcollapse.simulation.engine.solve", nothing)
    code, out, err = run("compare", problem)
    assert (code, err) == (130, "")
    assert out.startswith("Cannot be judged: the simulation was interrupted.\n")
    assert "nan" not in out
    code, out, err = run("compare", problem, "--json")
    assert (code, err) == (130, "")
    risk = json.loads(out)["quantities"]["excess_risk"]
    assert risk["theory"] > 0
    assert risk["simulation"] is risk["finite_size_gap"] is risk["agree"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--n-replicates", "3"], "n_replicates"),
        (["--relative-stderr", "0"], "relative_stderr"),
        (["--seed", "-1"], "--seed"),
        (["--device", "tpu"], "--device"),
        (["--engine", "theory"], "--engine"),
    ],
)
def test_compare_refuses_bad_options_in_one_line(
    problem: str,
    arguments: list[str],
    message: str,
) -> None:
    code, out, err = run("compare", problem, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
