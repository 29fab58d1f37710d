"""Do the audit and demo commands answer on stdout alone, refuse in one line, and leave no half-made report?"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from audit_fixture import audit_result, unknown
from modelcollapse import InputError, cli
from modelcollapse.cli._mixtures import read_mixture
from modelcollapse.report.summary import key_numbers

SOURCES = ["real", "synthetic", "synthetic2"]


def run(*arguments: str | Path, columns: int = 120) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of the command line."""
    result = CliRunner().invoke(cli.program(), [str(a) for a in arguments], env={"COLUMNS": str(columns)})
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return files of 160 real and 200 synthetic rows of a linear rule, the synthetic one with another slope."""
    random = np.random.default_rng(0)
    paths = []
    for name, n, slope in (("real", 160, 1.0), ("synthetic", 200, 0.7)):
        inputs = random.standard_normal((n, 4))
        table = pd.DataFrame(inputs, columns=list("abcd"))
        table["y"] = slope * inputs[:, 0] + 0.5 * inputs[:, 1] + 0.5 * random.standard_normal(n)
        paths.append(tmp_path / f"{name}.csv")
        table.to_csv(paths[-1], index=False)
    return paths


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Put a made-up audit in place of the real one, and return the calls that it got."""
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def audit(*arguments: Any, **options: Any) -> Any:
        calls.append((arguments, options))
        return audit_result()

    monkeypatch.setattr("modelcollapse.decisions.audit.audit", audit)
    return calls


def test_audit_answers_real_files_as_the_contract_says(files: list[Path], tmp_path: Path) -> None:
    report = tmp_path / "out.html"
    at = ("--at", "real=900,synthetic=100", "--at", "synthetic=1e3,ridge=0.01,weight=0.5")
    code, out, err = run("audit", *files, "--target", "y", *at, "--report", report, "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    answer = json.loads(out, parse_constant=refuse)
    wanted = {"verdict", "confidence", "task", "best", "floor", "exchange_rate", "quality", "input_shift", "forecasts"}
    assert set(answer) >= wanted | {"validation", "warnings", "version", "seed"}
    assert set(answer["best"]) >= {"counts", "weight", "ridge", "test_error", "band"}
    assert set(answer["best"]["counts"]) == {"real", "synthetic"}
    assert isinstance(answer["quality"]["value"], float)
    assert len(answer["quality"]["interval"]) == 2
    first, second = answer["forecasts"]
    assert set(first) >= {"counts", "ridge", "weight", "test_error", "band", "status"}
    assert first["counts"] == {"real": 900, "synthetic": 100}
    assert (second["counts"]["real"], second["ridge"], second["weight"]) == (0, 0.01, 0.5)
    assert first["band"][0] < first["test_error"] < first["band"][1]
    assert all(set(point) >= {"counts", "forecast", "measured", "stderr"} for point in answer["validation"])
    assert (answer["task"], answer["seed"]) == ("regression", 0)
    assert "</html>" in report.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "real.csv", "synthetic.csv"]


def test_audit_prints_the_verdict_first_and_the_key_numbers(asked: list[Any]) -> None:
    code, out, err = run("audit", "a.npz", "b.npz", columns=200)
    assert (code, err) == (0, "")
    assert out.startswith(audit_result().verdict)
    for row in key_numbers(audit_result()):
        assert f"{row.name} " in out
        assert row.value in out
    assert "9,000 real + 1,000 synthetic" in out
    assert "warning: column `a < b & c` was dropped" in out
    assert "note: task: regression." in out
    assert all(f"note: {step}" in out for step in audit_result().steps)
    assert "these held-out rows" in out
    assert out.index("note: ") < out.index("warning: ")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_audit_table_fits_the_terminal(asked: list[Any], columns: int) -> None:
    out = run("audit", "a.npz", "b.npz", columns=columns)[1]
    assert max(len(line.rstrip()) for line in out.splitlines()) <= columns
    assert columns < 80 or "0.314 (0.301 to 0.327)" in out


def test_audit_prints_plain_json_when_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelcollapse.decisions.audit.audit", lambda *_, **__: unknown())
    code, out, _ = run("audit", "a.npz", "b.npz", "--json")
    assert (code, json.loads(out)["best"]["test_error"]) == (0, None)
    code, out, _ = run("audit", "a.npz", "b.npz")
    assert (code, "nan" in out) == (0, False)


def test_audit_passes_every_option_on(asked: list[Any]) -> None:
    options = ["--target", "y", "--holdout", "h.csv", "--task", "regression", "--features", "relu:64"]
    more = ["--scale", "none", "--ridge", "0.1", "--ridge", "1e-3", "--at", "synthetic2=5", "--seed", "7"]
    assert run("audit", "a.csv", "b.csv", "c.csv", *options, *more)[0] == 0
    ((arguments, given),) = asked
    assert arguments == (Path("a.csv"), [Path("b.csv"), Path("c.csv")])
    assert given.pop("progress") is not None
    (request,) = given.pop("at")
    assert (request.counts, request.ridge, request.weight) == ({"synthetic2": 5.0}, None, 1.0)
    assert given == {
        "target": "y",
        "holdout": Path("h.csv"),
        "task": "regression",
        "features": "relu:64",
        "scale": "none",
        "ridge": [0.1, 1e-3],
        "own_model": None,
        "seed": 7,
    }


def test_audit_leaves_defaults_to_the_audit(asked: list[Any]) -> None:
    run("audit", "a.npz", "b.npz")
    ((_, given),) = asked
    assert (given["ridge"], given["task"], given["target"], given["at"]) == (None, None, None, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "REAL"),
        (["missing.csv"], "SYNTHETIC"),
        (["missing.csv", "b.csv", "--target", "y"], "missing.csv"),
        (["a", "b", "--targte", "y"], "--target"),
        (["a", "b", "--task", "ranking"], "ranking"),
        (["a", "b", "--scale", "log"], "log"),
        (["a", "b", "--seed", "-1"], "--seed"),
        (["a", "b", "--ridge", "x"], "--ridge"),
        (["a.npz", "b", "--ridge", "0"], "ridge"),
        (["a", "b", "--target", "y", "--at", "synthetic2=5"], "unknown key `synthetic2`"),
        (["a", "b", "--report", "nowhere/report.html"], "does not exist"),
        (["a", "b", "--report", "."], "this is a folder"),
        (["a", "b", "--report", "real.csv"], "must be named .html or .htm"),
        (["a", "b", "--report", "report"], "must be named .html or .htm"),
    ],
)
def test_audit_refuses_bad_input_in_one_line(arguments: list[str], message: str) -> None:
    code, out, err = run("audit", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_audit_checks_report_and_mixtures_before_the_work(asked: list[Any], tmp_path: Path) -> None:
    assert run("audit", "a.npz", "b", "--report", tmp_path / "nowhere" / "x.html")[0] == 2
    assert run("audit", "a.npz", "b", "--at", "real=-1")[0] == 2
    assert asked == []


@pytest.mark.parametrize("given", ["real", "synthetic", "holdout", "link", "hard link"])
def test_audit_never_overwrites_its_input(asked: list[Any], tmp_path: Path, given: str) -> None:
    names = {name: tmp_path / f"{name}.html" for name in ("real", "synthetic", "holdout", "link", "hard link")}
    for name in ("real", "synthetic", "holdout"):
        names[name].write_text(name)
    names["link"].symlink_to(names["real"])
    names["hard link"].hardlink_to(names["synthetic"])
    files = [names["real"], names["synthetic"], "--holdout", names["holdout"]]
    code, out, err = run("audit", *files, "--target", "y", "--report", names[given])
    assert (code, out, err.count("\n"), asked) == (2, "", 1, [])
    assert "would overwrite this input file" in err
    assert [names[name].read_text() for name in ("real", "synthetic", "holdout")] == ["real", "synthetic", "holdout"]
    assert run("audit", *files, "--target", "y", "--report", tmp_path / "other.html")[0] == 0


def test_audit_refuses_an_unwritable_folder(asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # the superuser may write anywhere
    code, out, err = run("audit", "a.npz", "b", "--report", tmp_path / "x.html")
    assert (code, out, err.count("\n"), asked) == (2, "", 1, [])
    assert "not writable" in err


def test_audit_that_fails_leaves_the_report_alone(files: list[Path], tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text("old")
    code, out, err = run("audit", *files, "--target", "z", "--report", report)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "no target column `z`" in err
    assert report.read_text() == "old"


def test_audit_whose_report_fails_prints_no_answer(
    asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    code, out, err = run("audit", "a.npz", "b", "--report", tmp_path / "x.html", "--json")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "counts", "ridge", "weight"),
    [
        ("real=9000,synthetic=1000", {"real": 9000, "synthetic": 1000}, None, 1.0),
        (" real = 1e4 , weight=0.5, ridge=1e-3", {"real": 1e4}, 1e-3, 0.5),
        ("real=0,synthetic2=5.0", {"real": 0, "synthetic2": 5.0}, None, 1.0),
        ("real=5,synthetic=5,weight=0", {"real": 5, "synthetic": 5}, None, 0.0),
    ],
)
def test_read_mixture_reads_counts_ridge_and_weight(
    text: str, counts: dict[str, float], ridge: float | None, weight: float
) -> None:
    request = read_mixture(text, sources=SOURCES)
    assert (request.counts, request.ridge, request.weight) == (counts, ridge, weight)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "name=number"),
        ("real", "name=number"),
        ("real=5,", "name=number"),
        ("=5", "name=number"),
        ("real=many", "must be a number; got 'many'"),
        ("real=5=6", "must be a number"),
        ("real=nan", "a whole number of at least 0"),
        ("real=inf", "a whole number of at least 0"),
        ("real=-5", "`--at real=...` must be a whole number of at least 0; got -5"),
        ("synthetic2=0.5", "`--at synthetic2=...` must be a whole number"),
        ("real=5,ridge=0", "`--at ridge=...`"),
        ("real=5,weight=-1", "`--at weight=...`"),
        ("rael=5", "Did you mean `real`"),
        ("real=5,real=6", "`--at real=...` must be given once"),
        ("real=0", "positive count"),
        ("ridge=0.1", "positive count"),
        ("synthetic=5,weight=0", "positive count and weight"),
    ],
)
def test_read_mixture_refuses_with_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_mixture(text, sources=SOURCES)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_demo_writes_files_and_report_that_can_be_audited_again(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "demo"
    code, out, err = run("demo", "--out", folder)
    assert (code, err) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == ["real.csv", "report.html", "synthetic.csv"]
    assert f"Report: {folder / 'report.html'}" in out
    assert len(pd.read_csv(folder / "real.csv")) > 800
    assert out.splitlines()[0].split(".")[0] in (folder / "report.html").read_text()


def test_demo_refuses_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, out, err = run("demo", "--out", tmp_path / "file" / "demo")
    assert (code, out, err.count("\n")) == (2, "", 1)
