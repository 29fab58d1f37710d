"""Does the command line answer problem files with a workflow, draw them, and refuse what no engine answers?"""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from modelcollapse import load_problem, simulate_generations, solve_generations
from modelcollapse.decisions.comparison import compare
from modelcollapse.result import Status
from test_cli import PROBLEM, run

WORKFLOW = """
[workflow]
kind = "{kind}"
generations = {generations}
design = "{design}"
"""


def written(folder: Path, kind: str = "replace", design: str = "fresh", more: str = "", generations: int = 3) -> str:
    """Return the path of a problem file with a workflow."""
    path = folder / "problem.toml"
    plain = PROBLEM.replace('shift = { quality = 0.3, shape = "isotropic" }\n', "").replace("= 10\n", "= 90\n")
    path.write_text(plain + WORKFLOW.format(kind=kind, design=design, generations=generations) + more)
    return str(path)


def test_cli_solve_prints_a_row_for_each_generation(tmp_path: Path) -> None:
    code, stdout, _ = run("solve", written(tmp_path))
    assert code == 0
    rows = [line.split() for line in stdout.splitlines() if line.strip()[:1].isdigit()]
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    expected = solve_generations(load_problem(tmp_path / "problem.toml"))
    assert [float(row[1]) for row in rows] == pytest.approx(expected.excess_risk, rel=1e-4)
    assert [float(row[2]) for row in rows] == pytest.approx(expected.relative_risk, rel=1e-2)
    assert "kept_share" not in stdout


def test_cli_solve_shows_what_curation_keeps(tmp_path: Path) -> None:
    code, stdout, _ = run(
        "solve", written(tmp_path, more="curation = {hit = 0.9, false_keep = 0.2, tolerance = 0.5}\n")
    )
    assert code == 0
    assert "kept_share" in stdout


def test_cli_solve_simulates_generations_with_standard_errors(tmp_path: Path) -> None:
    file = written(tmp_path, kind="accumulate")
    code, stdout, _ = run("solve", file, "--engine", "simulation", "--n-replicates", "20", "--seed", "3", "--json")
    assert code == 0
    content = json.loads(stdout)
    expected = simulate_generations(load_problem(file), seed=3, n_replicates=20)
    assert content == json.loads(json.dumps(expected.to_dict()))
    assert content["kept_share"] == [None, 1, 1, 1]
    assert min(content["stderr"]["excess_risk"]) > 0


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_cli_solve_draws_the_generations(tmp_path: Path, ending: str) -> None:
    picture = tmp_path / f"generations.{ending}"
    assert run("solve", written(tmp_path), "--out", str(picture))[0] == 0
    assert picture.stat().st_size > 5_000


@pytest.mark.parametrize(
    ("workflow", "options", "message"),
    [
        (
            {"kind": "accumulate-subsample", "design": "fixed", "more": "subsample = 90\n"},
            [],
            "no formula for subsamples.*--engine simul",
        ),
        ({}, ["--engine", "simulation", "--device", "cpu"], "NumPy only. Leave out --device"),
        ({}, ["--out", "nowhere/picture.png"], "folder that exists"),
        ({}, ["--out", "picture.pdf"], "named .svg or .png"),
        ({"design": "random"}, [], "`design` must be one of fresh, fixed"),
        ({"more": "[workflow.schedule]\nridge = [0.1]\n"}, [], "one entry for each generation from 0 to 3"),
        ({"more": "[workflow.schedule.n_samples]\nsynth = [0, 1, 1, 1]\n"}, [], "unknown key `synth`.*synthetic"),
        (
            {"more": "[workflow.schedule.n_samples]\nsynthetic = [0, 1.5, 1, 1]\n"},
            [],
            "`schedule.n_samples.synthetic` must be a whole number",
        ),
    ],
)
def test_cli_solve_refuses_generations_in_one_line(
    tmp_path: Path, workflow: dict[str, str], options: list[str], message: str
) -> None:
    code, stdout, stderr = run("solve", written(tmp_path, **workflow), *options)
    assert (code, stdout, len(stderr.splitlines())) == (2, "", 1)
    assert stderr.startswith("error: ")
    assert re.search(message, stderr), stderr


def test_cli_solve_keeps_an_older_picture_when_nothing_was_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "picture.svg"
    picture.write_text("older")
    unknown = replace(
        solve_generations(load_problem(written(tmp_path))), excess_risk=(math.nan,) * 4, status=Status.INTERRUPTED
    )
    monkeypatch.setattr("modelcollapse.engines.answer", lambda *_, **__: unknown)
    assert run("solve", written(tmp_path), "--out", str(picture))[0] == 130
    assert picture.read_text() == "older"


def test_cli_solve_draws_no_single_fits(tmp_path: Path) -> None:
    path = tmp_path / "single.toml"
    path.write_text(PROBLEM)
    code, _, stderr = run("solve", str(path), "--out", str(tmp_path / "picture.svg"))
    assert code == 2
    assert "no `workflow` table" in stderr


def test_compare_prints_every_number_of_a_few_generations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    file = written(tmp_path, more="curation = {hit = 0.9, false_keep = 0.2, tolerance = 0.5}\n")
    code, stdout, stderr = run("compare", file, "--n-replicates", "40")
    assert (code, stderr) == (0, "")
    assert stdout.startswith("Theory and simulation agree")
    for name in ("excess_risk", "bias", "variance"):
        assert all(f"\n {name} of generation {t} " in stdout for t in range(4))
    assert "\n kept_share of generation 3 " in stdout
    assert "kept_share of generation 0" not in stdout
    assert "left out" not in stdout
    answer = json.loads(run("compare", file, "--n-replicates", "40", "--json")[1])
    assert answer == compare(load_problem(file), n_replicates=40).to_dict()


def test_compare_prints_risks_and_what_is_furthest_of_many_generations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    file = written(tmp_path, generations=12)
    found = compare(load_problem(file), n_replicates=40)
    code, stdout, _ = run("compare", file, "--n-replicates", "40")
    assert code == 0
    shown = re.findall(r"^ (\w+ of generation \d+) ", stdout, flags=re.MULTILINE)
    risks = [f"excess_risk of generation {t}" for t in range(13)]
    parts = sorted(
        set(found.quantities) - set(risks), key=lambda name: -abs(found.quantities[name].deviation_in_stderr)
    )
    assert [name for name in shown if name in risks] == risks
    assert {*shown} - {*risks} == {*parts[:3]}
    assert "23 parts that are closer to theory are left out; --json has them" in stdout


def test_compare_shows_a_wrong_theory_of_generations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelcollapse.theory import generations

    right = generations._noise_profile
    monkeypatch.setattr(generations, "_noise_profile", lambda *given: right(*given) / 2)
    code, stdout, _ = run("compare", written(tmp_path), "--n-replicates", "100")
    assert code == 0  # the question is answered
    assert stdout.startswith("Theory and simulation disagree")


def test_compare_refuses_generations_of_networks_in_one_line(tmp_path: Path) -> None:
    file = written(tmp_path)
    path = Path(file)
    path.write_text(path.read_text().replace("ridge = 0.1", 'ridge = 0.1\nwidth = 20\nactivation = "relu"'))
    code, stdout, stderr = run("compare", file)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert "theory has no formula for networks over generations: there is nothing to compare" in stderr
