"""Does `modelcollapse audit --estimator` answer for the user's model, go on from its file, and refuse in one line?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from modelcollapse import cli


def run(*arguments: str | Path, columns: int = 120) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of the command line."""
    result = CliRunner().invoke(cli.program(), [str(a) for a in arguments], env={"COLUMNS": str(columns)})
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return files of real and synthetic rows in the working directory, the synthetic labels of another rule."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name, n, slope in (("real", 160, 1.0), ("synthetic", 200, 0.3)):
        inputs = random.standard_normal((n, 3))
        table = pd.DataFrame(inputs, columns=list("abc"))
        table["y"] = slope * inputs[:, 0] + 0.3 * random.standard_normal(n)
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "own_models_of_ours.py").write_text(
        "from sklearn.linear_model import Ridge\n\n\ndef make():\n    return Ridge(alpha=2.0)\n"
    )
    return ["real.csv", "synthetic.csv", "--target", "y"]


def test_audit_answers_for_a_factory_of_the_working_directory(files: list[str], tmp_path: Path) -> None:
    asked = ("--at", "real=480", "--at", "real=100,synthetic=100,weight=0.5")
    budget = ("--max-fits", "9", "--fits", "fits.jsonl", "--report", "out.html")
    command = ("audit", *files, "--estimator", "own_models_of_ours:make", *asked, *budget)
    code, out, err = run(*command, "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    answer = json.loads(out)
    told = answer["estimator"]
    assert answer["verdict"] == told["verdict"]
    assert "own_models_of_ours:make" in told["verdict"]
    assert (len(told["fits"]), told["n_reused"]) == (9, 0)
    assert [point["status"] for point in told["forecasts"]] == ["ok", "not_enough_data"]
    assert told["forecasts"][0]["band"][0] < told["forecasts"][0]["test_error"] < told["forecasts"][0]["band"][1]
    assert len(answer["forecasts"]) == 2  # those for ridge stay
    assert "Key numbers of own_models_of_ours:make" in (tmp_path / "out.html").read_text()
    again = json.loads(run(*command, "--json")[1])["estimator"]
    assert again["n_reused"] == 9
    assert {**again, "n_reused": 0} == told


def test_audit_prints_the_estimator_first_and_ridge_after_it(files: list[str]) -> None:
    code, out, err = run("audit", *files, "--estimator", "linear", "--max-fits", "8", "--at", "real=480")
    assert (code, err) == (0, "")
    assert out.startswith("For linear, ")
    assert "linear was trained 8 times" in out
    assert out.index("Forecasts that were asked for, linear") < out.index("Ridge regression, the proxy")
    assert out.index("Ridge regression, the proxy") < out.index("Label quality")


@pytest.mark.parametrize("columns", [80, 200])
def test_tables_of_the_estimator_fit_the_terminal(files: list[str], columns: int) -> None:
    out = run("audit", *files, "--estimator", "linear", "--max-fits", "8", columns=columns)[1]
    assert max(len(line.rstrip()) for line in out.splitlines()) <= columns


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--estimator", "randomforest"], "Did you mean `random_forest`"),
        (["--estimator", "own_models_of_ours:mak"], "Did you mean `make`"),
        (["--estimator", "no_such_module_of_ours:make"], "cannot be imported"),
        (["--estimator", "sklearn.svm:SVC"], "is a classifier, and the task is regression"),
        (["--estimator", "linear", "--max-fits", "3"], "max_fits"),
        (["--estimator", "linear", "--max-seconds", "-1"], "max_seconds"),
        (["--estimator", "linear", "--fits", "real.csv"], "line 1 is no trained model"),
        (["--estimator", "linear", "--fits", "no/fits.jsonl"], "does not exist"),
        (["--max-fits", "20"], "only with --estimator"),
        (["--fits", "fits.jsonl", "--max-seconds", "5"], "--max-seconds, --fits: only with --estimator"),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_line(files: list[str], options: list[str], message: str) -> None:
    before = Path("real.csv").read_bytes()
    code, out, err = run("audit", *files, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert Path("real.csv").read_bytes() == before


def test_estimator_needs_a_target(files: list[str]) -> None:
    code, _, err = run("audit", "real.csv", "synthetic.csv", "--estimator", "linear")
    assert code == 2
    assert "--estimator needs --target" in err
