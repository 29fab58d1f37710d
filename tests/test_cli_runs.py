"""Do the commands `fit` and `diagnose` answer on stdout alone, end with their exit codes, and refuse in one line?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from modelcollapse import cli
from modelcollapse.decisions import diagnose as diagnose_module
from modelcollapse.decisions import run_fit as run_fit_module
from modelcollapse.estimation.runs import Runs
from run_examples import diagnosis, not_enough, run_fit, runs_table


def run(*arguments: str | Path, columns: int = 120) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of the command line."""
    result = CliRunner().invoke(cli.program(), [str(a) for a in arguments], env={"COLUMNS": str(columns)})
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of runs whose loss has a floor in the synthetic share."""
    path = tmp_path_factory.mktemp("runs") / "runs.csv"
    runs_table().to_csv(path, index=False)
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Answer at once, and return what was asked."""
    seen: dict[str, Any] = {}

    def answer(found: Any) -> Any:
        def called(runs: Runs, **options: Any) -> Any:
            seen.update(options, runs=runs)
            return found

        return called

    monkeypatch.setattr(run_fit_module, "fit_runs", answer(run_fit()))
    monkeypatch.setattr(diagnose_module, "diagnose", answer(diagnosis()))
    return seen


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("columns", [60, 120])
def test_fit_prints_every_answer(table: Path, columns: int) -> None:
    code, out, err = run("fit", table, columns=columns)
    assert (code, err) == (0, "")
    for text in (
        "The headline",
        "Where will it stop?",
        "Which law?",
        "warning: A warning.",
    ):
        assert text in " ".join(out.split())
    assert "Its parameters" not in out  # on the page, and in the JSON object


def test_fit_passes_on_what_is_asked(table: Path, asked: dict[str, Any]) -> None:
    options = ["--at", "real=1e9,synthetic=2e9,size=1e8", "--at", "real=5", "--tolerance", "0.05", "--ask", "price"]
    assert run("fit", table, *options, "--seed", "3")[0] == 0
    assert asked["at"] == [{"real": 1e9, "synthetic": 2e9, "size": 1e8}, {"real": 5.0}]
    assert (asked["tolerance"], asked["ask"], asked["seed"]) == (0.05, "price", 3)
    assert len(asked["runs"]) == 32


@pytest.mark.usefixtures("asked")
def test_fit_writes_page_and_picture(table: Path, tmp_path: Path) -> None:
    code, _, err = run("fit", table, "--report", tmp_path / "fit.html", "--out", tmp_path / "fit.svg")
    assert (code, err) == (0, "")
    assert "The headline" in (tmp_path / "fit.html").read_text()
    assert (tmp_path / "fit.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("command", ["fit", "diagnose"])
def test_commands_read_columns_that_are_named(command: str, table: Path, tmp_path: Path, asked: dict[str, Any]) -> None:
    path = tmp_path / "named.csv"
    pd.read_csv(table).rename(columns={"loss": "ce", "real_tokens": "human"}).to_csv(path, index=False)
    assert run(command, path)[0] == 2
    assert run(command, path, "--column", "loss=ce", "--column", "real=human")[0] in (0, 3)
    assert asked["runs"].loss.tolist() == pd.read_csv(table)["loss"].tolist()


@pytest.mark.parametrize("command", ["fit", "diagnose"])
def test_commands_read_weights_and_losses(command: str, tmp_path: Path, asked: dict[str, Any]) -> None:
    (tmp_path / "weights.csv").write_text("index,web,phi\n1,1.0,0.0\n2,0.5,0.5\n")
    (tmp_path / "losses.csv").write_text("index,valid_web,valid_phi\n1,3.0,2.0\n2,2.5,1.0\n")
    files = [tmp_path / "weights.csv", tmp_path / "losses.csv"]
    pair = ["--synthetic-domain", "phi", "--total", "1e9", "--column", "loss=valid_web"]
    assert run(command, *files, *pair)[0] in (0, 3)
    assert asked["runs"].synthetic.tolist() == [0, 5e8]
    assert asked["runs"].loss.tolist() == [3.0, 2.5]


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("command", ["fit", "diagnose"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["none.csv"], "none.csv: no such file."),
        (["TABLE", "--total", "1e9"], "--total is for two files"),
        (["TABLE", "TABLE"], "need --synthetic-domain NAME"),
        (["TABLE", "TABLE", "--synthetic-domain", "phi"], "need --total TOKENS"),
        (["TABLE", "TABLE", "TABLE"], "one table of runs, or weights.csv and losses.csv"),
        (["TABLE", "--column", "loss"], "`--column` must be NAME=COLUMN, each name once; got 'loss'."),
        (["TABLE", "--column", "los=loss"], "unknown key `los` in the columns"),
        (["TABLE", "--report", "runs.txt"], "runs.txt: the report must be named .html or .htm."),
    ],
)  # fmt: skip
def test_commands_refuse_bad_input_in_one_line(table: Path, command: str, options: list[str], message: str) -> None:
    code, out, err = run(command, *[table if option == "TABLE" else option for option in options])
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--at", "real=1e9,fake=2"], "unknown key `fake`"),
        (["--at", "1e9"], "Write it like real=1e9,synthetic=2e9."),
        (["--out", "fit.pdf"], "must be named .svg or .png"),
    ],
)
def test_fit_refuses_bad_options_in_one_line(table: Path, options: list[str], message: str) -> None:
    code, out, err = run("fit", table, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


@pytest.mark.parametrize(("status", "expected"), [("clean", 0), ("signature", 3), ("not_enough_runs", 4)])
def test_diagnose_ends_with_the_code_of_what_was_found(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, expected: int
) -> None:
    monkeypatch.setattr(diagnose_module, "diagnose", lambda *_, **__: diagnosis(status))
    code, out, err = run("diagnose", table, "--report", tmp_path / "diagnosis.html")
    assert (code, err) == (expected, "")
    assert "The verdict" in out
    assert "The verdict" in (tmp_path / "diagnosis.html").read_text()
    code, out, _ = run("diagnose", table, "--json")
    assert (code, out.count("\n")) == (expected, 1)
    assert json.loads(out)["status"] == status


def test_fit_of_too_few_runs_ends_with_the_code_of_that(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_fit_module, "fit_runs", lambda *_, **__: not_enough())
    assert run("fit", table)[:2] == (4, "Not enough runs.\nwarning: A warning.\n")
    assert json.loads(run("fit", table, "--json")[1])["status"] == "not_enough_runs"


def test_fit_answers_end_to_end(table: Path) -> None:
    code, out, err = run("fit", table, "--at", "real=4e9,synthetic=12e9", "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    content = json.loads(out)
    (forecast,) = content["forecasts"]
    truth = 1.5 + 12 * 16_000**-0.35 + 0.5 * 0.75
    assert content["status"] == "ok"
    assert forecast["setting"] == {"real": 4e9, "synthetic": 12e9}
    assert forecast["band"][0] <= forecast["loss"] <= forecast["band"][1]
    assert forecast["loss"] == pytest.approx(truth, rel=0.05)  # twelve times as much data as any run
    assert run("fit", table, "--at", "real=4e9,synthetic=12e9", "--json")[1] == out


def test_diagnose_tells_a_floor_from_a_clean_law_end_to_end(table: Path, tmp_path: Path) -> None:
    runs_table(floor=0.0).to_csv(tmp_path / "clean.csv", index=False)
    assert run("diagnose", table)[0] == 3
    assert run("diagnose", tmp_path / "clean.csv")[0] == 0
