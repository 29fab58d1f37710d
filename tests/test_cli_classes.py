"""Does the command line answer problems of two classes with both engines, as tables and as JSON?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelcollapse import cli, load_problem, simulate_classes, solve_classes
from test_classes_problem import DOCUMENTED


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    path = tmp_path / "problem.toml"
    path.write_text(DOCUMENTED.replace("= 500", "= 50"))
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        cli.program()([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_solve_prints_the_answer_of_each_engine_as_json(problem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = load_problem(problem)
    for arguments, expected in (
        ([], solve_classes(asked)),
        (
            ["--engine", "simulation", "--n-replicates", 30, "--seed", 2],
            simulate_classes(asked, n_replicates=30, seed=2),
        ),
    ):
        code, out, err = run(capsys, "solve", problem, "--json", *arguments)
        assert (code, err) == (0, "")
        assert json.loads(out) == expected.to_dict()


def test_solve_prints_every_number_of_classes_in_a_table(problem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "solve", problem, "--engine", "simulation", "--n-replicates", 30)
    assert code == 0
    for name in ("accuracy", "margin_mean", "margin_variance", "kept_samples of real", "kept_label_error of synthetic"):
        assert name in out
    assert "±" in out
    assert "status: ok, engine: simulation, seed: 0, replicates: 30" in out


def test_compare_holds_the_accuracy_against_simulation(problem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "compare", problem, "--n-replicates", 100)
    assert code == 0
    assert out.startswith("Theory and simulation agree")
    for name in ("accuracy", "margin_mean", "margin_variance"):
        assert f"\n {name} " in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare", "--device", "cpu"], "Leave out `device`"),
        (["solve", "--engine", "simulation", "--device", "cpu"], "Leave out --device"),
        (["solve", "--seed", 1], "belong to the simulation"),
    ],
)
def test_commands_refuse_what_classes_have_not(
    arguments: list[object], said: str, problem: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *arguments, problem)
    assert (code, out) == (2, "")
    assert said in err
