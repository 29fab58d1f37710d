"""Does `modelcollapse plan` recommend on stdout alone, with reasons, and refuse in one line?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit_fixture import audit_result
from modelcollapse.decisions.allowance import plan_mixture
from modelcollapse.decisions.audit_file import load_audit
from modelcollapse.decisions.audit_plan import plan_audit
from modelcollapse.decisions.budget import plan_budget
from modelcollapse.problems.files import load_problem
from test_cli import PROBLEM, run

WORKFLOW = '\n[workflow]\nkind = "mix"\ngenerations = 3\ndesign = "fresh"\nreal = "fresh"\n'
MONEY = ("--price", "real=1,synthetic=0.2", "--budget", "80")
PRICES = {"real": 1.0, "synthetic": 0.2}


@pytest.fixture
def problem(tmp_path: Path) -> str:
    path = tmp_path / "problem.toml"
    path.write_text(PROBLEM)
    return str(path)


@pytest.fixture
def recursion(tmp_path: Path) -> str:
    path = tmp_path / "recursion.toml"
    path.write_text(PROBLEM.replace('shift = { quality = 0.3, shape = "isotropic" }', "") + WORKFLOW)
    return str(path)


@pytest.fixture
def audit(tmp_path: Path) -> str:
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(audit_result().to_dict()))
    return str(path)


def answer(*arguments: str) -> dict:
    code, out, err = run("plan", *arguments, "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    return json.loads(out)


def test_plan_prints_one_json_object(problem: str, recursion: str, audit: str) -> None:
    mixture = load_problem(problem)
    assert answer(problem, *MONEY) == plan_budget(mixture, prices=PRICES, budget=80).to_dict()
    assert answer(problem, "--factor", "1.3") == plan_mixture(mixture, factor=1.3).to_dict()
    plan = plan_audit(load_audit(audit), prices=PRICES, budget=2000)
    assert answer(audit, *MONEY[:2], "--budget", "2000") == plan.to_dict()
    generations = answer(recursion, "--factor", "1.3")
    assert generations["factor"] == 1.3
    assert len(generations["excess_risk"]) == 4
    assert generations["mixing"]["gain"] >= 0


def test_plan_passes_on_target_error_and_limits(problem: str) -> None:
    plan = answer(problem, "--price", "real=1,synthetic=0.2", "--target-error", "0.35", "--at-most", "synthetic=30")
    assert plan["target_error"] == 0.35
    assert plan["best"]["test_error"] <= 0.35
    assert plan["best"]["counts"]["synthetic"] <= 30


@pytest.mark.parametrize(
    ("file", "arguments", "columns", "start"),
    [
        ("problem", MONEY, 60, "Buy "),
        ("problem", (), 60, "Replace "),
        ("recursion", (), 60, "Go on: "),
        ("audit", (*MONEY[:2], "--budget", "2000"), 60, "Buy "),
    ],
)
def test_plan_prints_what_to_do_first_then_why(
    file: str,
    arguments: tuple[str, ...],
    columns: int,
    start: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, err = run("plan", request.getfixturevalue(file), *arguments)
    assert (code, err) == (0, "")
    assert out.startswith(start)
    assert all(len(line) <= columns for line in out.splitlines())
    for heading in ("why: ", "how sure: ", "what would change it: "):
        assert f"\n{heading}" in out
    assert "nan" not in out
    assert "…" not in out


def test_plan_draws_what_money_buys_and_generations(recursion: str, audit: str, tmp_path: Path) -> None:
    asked = {"b.png": (recursion,), "c.svg": (audit, *MONEY[:2], "--budget", "2000")}
    for name, arguments in asked.items():
        path = tmp_path / name
        assert run("plan", *arguments, "--out", str(path))[0] == 0
        assert path.read_bytes()[:4] in (b"<svg", b"\x89PNG")


def test_plan_is_printed_before_a_picture_that_cannot_be_written(
    audit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full)
    code, out, err = run("plan", audit, *MONEY[:2], "--budget", "2000", "--out", str(tmp_path / "plan.png"))
    assert (code, err.count("\n")) == (2, 1)
    assert "cannot be written" in err
    assert out.startswith("Buy ")


def test_plan_without_a_picture_is_refused_before_the_work(problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*arguments: object, **options: object) -> None:
        raise AssertionError("the work was done")

    monkeypatch.setattr("modelcollapse.decisions.allowance.plan_mixture", work)
    code, out, err = run("plan", problem, "--out", "plan.svg")
    assert (code, out) == (2, "")
    assert "Give --price and --budget" in err


def test_plan_that_is_stopped_says_so(problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("modelcollapse.decisions.allowance.plan_mixture", stopped)
    assert run("plan", problem) == (130, "", "error: stopped before the end.\n")


def test_plan_of_an_audit_takes_target_error_and_limits(audit: str) -> None:
    plan = answer(audit, "--price", "real=1,synthetic=0.02", "--target-error", "0.38", "--at-most", "synthetic=900")
    assert plan["best"]["test_error"] <= 0.38
    assert plan["best"]["counts"]["synthetic"] <= 900


def test_damaged_audit_is_one_line(audit: str) -> None:
    content = json.loads(Path(audit).read_text()) | {"surfaces": None}
    Path(audit).write_text(json.dumps(content))
    code, out, err = run("plan", audit, *MONEY)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "audit.json: the audit's `surfaces` is damaged" in err


def test_tables_of_a_plan_keep_their_words_whole_at_80_columns(
    problem: str, audit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    wide = Path(problem).with_name("wide.toml")
    wide.write_text(Path(problem).read_text().replace("ridge", "width = 20\nridge", 1))
    for file, labels in ((problem, ("real only", "no real", "10 % less")), (str(wide), ("real only",)), (audit, ())):
        code, out, _ = run("plan", file, *MONEY[:2], "--budget", "2006.5")
        assert code == 0
        rows = [line.strip() for line in out.splitlines()]
        for label in ("best", *labels):
            assert sum(row.startswith(f"{label}  ") for row in rows) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--budget", "10"), "needs --price"),
        (("--price", "real=1,synthetic=1"), "--budget or --target-error"),
        ((*MONEY, "--target-error", "0.3"), "got both"),
        ((*MONEY, "--factor", "1.2"), "Leave out one"),
        (("--price", "real", "--budget", "1"), "name=number"),
        (("--price", "real=1,real=2", "--budget", "1"), "given once"),
        (("--price", "real=1,synthetic=x", "--budget", "1"), "a number"),
        (("--price", "real=1", "--budget", "1"), "price of `synthetic`"),
        (("--price", "real=1,synthetic=-1", "--budget", "1"), "price of synthetic"),
        (("--price", "real=1,synthetic=1", "--budget", "0.5"), "A single sample costs 1"),
        (("--price", "real=1,synthetic=1", "--target-error", "0.1"), "the floor"),
        (("--factor", "0.5"), "factor"),
        (("--out", "plan.pdf"), "must be named .svg or .png"),
        (("--out", "plan.svg"), "Give --price and --budget"),
    ],
)
def test_plan_refuses_in_one_line(
    problem: str, arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run("plan", problem, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_plan_refuses_options_of_another_kind_of_file(recursion: str, audit: str, tmp_path: Path) -> None:
    classes = tmp_path / "classes.toml"
    classes.write_text(
        'kind = "classes"\nridge = 0.1\n[[sources]]\nname = "real"\nn_samples = 90\n'
        'spectrum = { kind = "isotropic", n_features = 30 }\n'
    )
    for arguments, message in (
        ((recursion, *MONEY), "prices belong to a mixture without a workflow"),
        ((audit,), "needs --price, and --budget"),
        ((audit, "--factor", "2"), "Leave out --factor"),
    ):
        code, out, err = run("plan", *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err
