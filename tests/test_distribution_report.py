"""Do page, figure and terminal of an audit of a distribution show what was found, and refuse in one line?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from modelcollapse import cli
from modelcollapse.decisions.distribution_result import DistributionAudit, Fact, Finding, Loss
from modelcollapse.figures.findings import draw_findings, findings_data
from modelcollapse.report.distribution_page import render_distribution_report, write_distribution_report
from modelcollapse.report.distribution_summary import finding_rows, left_out
from planted_tables import sample


def run(*arguments: str | Path, columns: int = 120) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of the command line."""
    result = CliRunner().invoke(cli.program(), [str(a) for a in arguments], env={"COLUMNS": str(columns)})
    return result.exit_code, result.stdout, result.stderr


def finding(number: int, *, found: bool, distance: float = 7.0) -> Finding:
    return Finding(
        name=f"spread of `<x{number}>`",
        topic="spread" if number % 2 else "tails",
        real=2.0,
        synthetic=1.5,
        band=(1.9, 2.1),
        distance=distance,
        p_value=0.005 if found else 0.7,
        found=found,
        sentence="`<x>` varies 25 % less than in real data",
    )


def audit(n_found: int = 3, n_others: int = 10, *, source: str = "synthetic", **changes: Any) -> DistributionAudit:
    findings = [
        finding(k, found=k < n_found, distance=7.0 if k < n_found else 0.1 * k) for k in range(n_found + n_others)
    ]
    given: dict[str, Any] = {
        "source": source,
        "verdict": "The verdict with `<code>`.",
        "details": "The details.",
        "findings": tuple(findings),
        "losses": (Loss(name="categories of `c`", count=12_345, share=0.034, examples=("<a>", "b")),),
        "facts": (Fact(name="a fact", value=0.5, interval=(0.4, 0.6), meaning="what it is"),),
        "unit": "row",
        "counts": {"real": 1000, "synthetic": 900, "compared": 500},
        "level": 0.05,
        "n_splits": 199,
        "steps": ("A step.",),
        "warnings": ("A warning.",),
        "seconds": 1.0,
        "seed": 0,
    }
    return DistributionAudit(**{**given, **changes})


def test_page_shows_verdict_findings_losses_and_warnings() -> None:
    page = render_distribution_report([audit()])
    for text in (
        "The verdict with <code>&lt;code&gt;</code>",
        "What was found",
        "12,345",
        "&lt;a&gt;, b",
        "A warning.",
    ):
        assert text in page
    assert page.count("<svg") == 1
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert page == render_distribution_report([audit()])


def test_page_sets_names_of_columns_as_code_everywhere() -> None:
    page = render_distribution_report([audit()])
    assert "`" not in page.partition("</style>")[2]
    assert "<code>&lt;x0&gt;</code>" in page
    assert "categories of <code>c</code>" in page


def test_page_of_several_sources_has_a_section_each_and_unique_ids() -> None:
    page = render_distribution_report([audit(), audit(0, source="synthetic2")])
    assert "2 synthetic sources" in page
    assert "What came closest" in page
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


def test_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_distribution_report([audit()], path)
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert list(tmp_path.iterdir()) == [path]


def test_findings_that_do_not_fit_are_counted() -> None:
    result = audit(60, 5)
    assert len(finding_rows(result, most=20).rows) == 20
    assert left_out(result, most=20) == 40
    assert len(finding_rows(audit(2, 9)).rows) == 2
    assert len(finding_rows(audit(0, 9)).rows) == 5
    assert left_out(audit(0, 9)) == 0


@pytest.mark.parametrize("distance", [0.0, 3.0, 40.0, -2e5, np.inf, -np.inf])
def test_figure_draws_any_distance(distance: float) -> None:
    result = audit(findings=(finding(0, found=True, distance=distance), finding(1, found=False, distance=0.1)))
    axes = draw_findings(findings_data(result))
    axes.get_figure(root=True).draw_without_rendering()
    low, high = axes.get_xlim()
    drawn = np.concatenate([np.asarray(dots.get_offsets())[:, 0] for dots in axes.collections])
    assert (low < drawn).all()
    assert (drawn < high).all()
    assert [text.get_text() for text in axes.get_yticklabels()] == ["tails", "spread"]


@pytest.mark.parametrize("distance", [14.7, 40.0, 2e5])
def test_figure_shows_by_a_tick_how_far_the_farthest_is(distance: float) -> None:
    axes = draw_findings(findings_data(audit(findings=(finding(0, found=True, distance=distance),))))
    axes.get_figure(root=True).draw_without_rendering()
    beyond = axes.get_xscale() == "linear" or max(axes.get_xticks()) >= min(distance, 1e4)
    assert beyond, "on a logarithmic scale a dot beyond the last tick could lie anywhere"
    assert axes.get_xticklabels()[-1].get_text() == {14.7: "10", 40.0: "100", 2e5: "10k+"}[distance]


def test_figure_draws_many_measures_with_small_dots() -> None:
    few, many = (draw_findings(findings_data(audit(0, n))).collections[0].get_sizes().max() for n in (20, 4000))
    assert many < few / 4


def test_figure_draws_nothing_found_and_nothing_measured() -> None:
    for result in (audit(0, 5), audit(0, 0)):
        draw_findings(findings_data(result)).get_figure(root=True).draw_without_rendering()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return files of real rows, of as many more, and of narrower ones."""
    tables = [sample(np.random.default_rng(k), 600) for k in range(3)]
    tables[2][["a", "b"]] *= 0.6
    paths = [tmp_path / f"{name}.csv" for name in ("real", "second", "narrow")]
    for table, path in zip(tables, paths, strict=True):
        table.to_csv(path, index=False)
    return paths


def test_audit_without_target_prints_verdict_and_findings(files: list[Path], tmp_path: Path) -> None:
    code, out, err = run("audit", files[0], files[2], "--report", tmp_path / "out.html")
    assert (code, err) == (0, "")
    assert out.startswith("The synthetic rows are no second real sample: spread is smaller in 2 columns")
    assert "spread of `a`" in out
    assert "spread is smaller in 2 columns" in (tmp_path / "out.html").read_text()


def test_audit_without_target_prints_json_of_all_sources(files: list[Path]) -> None:
    code, out, err = run("audit", files[0], files[2], files[1], "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    content = json.loads(out, parse_constant=lambda constant: pytest.fail(constant))
    assert (content["source"], content["others"][0]["source"]) == ("synthetic", "synthetic2")
    assert (content["n_found"] > 0, content["others"][0]["n_found"]) == (True, 0)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_audit_without_target_fits_the_terminal(files: list[Path], columns: int) -> None:
    out = run("audit", files[0], files[2], columns=columns)[1]
    assert max(len(line) for line in out.splitlines()) <= columns


def test_audit_without_target_reads_metadata(files: list[Path], tmp_path: Path) -> None:
    columns = {"a": "id", "b": "numerical", "c": "numerical", "d": "numerical", "e": "categorical", "f": "categorical"}
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps({"columns": {name: {"sdtype": kind} for name, kind in columns.items()}}))
    out = run("audit", files[0], files[2], "--metadata", path, columns=200)[1]
    assert "spread is smaller in 1 column" in out
    assert "`a` left out: of kind id." in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ridge", "1"], "--ridge needs --target COLUMN"),
        (["--at", "real=3", "--holdout", "h.csv"], "--holdout, --at need --target COLUMN"),
        (["--features", "relu:3"], "--features needs --target"),
        (["--scale", "none"], "--scale needs --target"),
        (["--task", "regression"], "--task needs --target"),
        (["--target", "a", "--metadata", "m.json"], "--metadata is for audits without --target"),
        (["--metadata", "none.json"], "none.json: the metadata cannot be read"),
    ],
)
def test_audit_refuses_options_that_do_not_go_together(files: list[Path], options: list[str], message: str) -> None:
    code, out, err = run("audit", *files[:2], *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_audit_without_target_refuses_other_columns(files: list[Path], tmp_path: Path) -> None:
    table = pd.read_csv(files[1]).rename(columns={"a": "aa"})
    table.to_csv(tmp_path / "other.csv", index=False)
    code, out, err = run("audit", files[0], tmp_path / "other.csv", "--report", tmp_path / "out.html")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "missing `a`; extra `aa`. Did you mean `aa`?" in err
    assert not (tmp_path / "out.html").exists()
