"""Do pages and tables of past runs show what was found, with its uncertainty, and the same bytes each time?"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from modelcollapse.digits import UNKNOWN
from modelcollapse.errors import InputError
from modelcollapse.report.run_report import (
    render_diagnosis_report,
    render_fit_report,
    write_diagnosis_report,
    write_fit_report,
)
from modelcollapse.report.run_summary import fit_notes, fit_tables, fit_warnings, laws_left_out, signature_rows
from run_examples import diagnosis, not_enough, run_fit


def cells(title: str) -> list[tuple[str, ...]]:
    """Return the rows of the table of a title."""
    return [row for table in fit_tables(run_fit()) if table.title == title for row in table.content.rows]


@pytest.mark.parametrize(
    ("title", "row"),
    [
        (
            "What loss will a run reach?",
            ("1 ×10⁹ real + 3 ×10⁹ synthetic tokens, size 100 ×10⁶", "2.00 (1.90 to 2.10)", "1.80 to 2.20", "3.0 ×"),
        ),
        (
            "How much synthetic data does no harm?",
            ("4 ×10⁹ tokens, size 100 ×10⁶", "2 %", "10 (5 to 20) %"),
        ),
        (
            "How much synthetic data may be added to the real data?",
            ("1 ×10⁹ tokens", "2 ×10⁹ (1 ×10⁹ to 3 ×10⁹)", "more than 100 ×10⁹ (10 ×10⁹ to more than 100 ×10⁹)"),
        ),
        (
            "What is one more synthetic token worth?",
            ("1 ×10⁹ real + 3 ×10⁹ synthetic tokens, size 100 ×10⁶", "−0.25 (−0.50 to −0.10)"),
        ),
        ("Where will it stop?", ("50 % synthetic, size 100 ×10⁶", "1.75 (1.70 to 1.80)")),
        (
            "Which run would tell most?",
            ("1 ×10⁹ real + 3 ×10⁹ synthetic tokens, size 100 ×10⁶", "loss", "10 %", "5.0 %"),
        ),
        ("Its parameters", ("exponent", "0.35 (0.30 to 0.40)", "how fast loss falls")),
    ],
)
def test_fit_tables_show_each_answer_with_its_interval(title: str, row: tuple[str, ...]) -> None:
    assert cells(title) == [row]


def test_fit_tables_say_why_a_law_was_not_fitted() -> None:
    assert cells("Which law?") == [
        ("power law", "2", "4.0 ± 1.0 %", "10 %", ""),
        ("synthetic floor", "5", "1.00 ± 0.20 %", "90 %", "chosen"),
        ("generator's floor", "–", "–", "–", "no column `generator`"),
    ]


def test_fit_tables_can_leave_out_laws_that_count_for_nothing() -> None:
    first, *others = run_fit().candidates
    fit = run_fit(candidates=(first, *others, replace(others[0], name="useless", weight=0.004, chosen=False)))
    shown = [
        row[0]
        for table in fit_tables(fit, every_law=False)
        if table.title == "Which law?"
        for row in table.content.rows
    ]
    assert shown == ["power law", "synthetic floor"]
    assert laws_left_out(fit).startswith("2 more laws")
    assert laws_left_out(not_enough()) == ""


def test_fit_tables_say_what_cannot_be_told_once() -> None:
    unknown = (math.nan, math.nan)
    fit = run_fit(
        forecasts=(replace(run_fit().forecasts[0], loss=math.nan, band=unknown, run_band=unknown),),
        harmless=(replace(run_fit().harmless[0], share=math.nan, interval=unknown),),
        prices=(replace(run_fit().prices[0], price=math.nan, interval=unknown),),
    )
    forecasts, harmless, _, prices, *_ = (table.content.rows[0] for table in fit_tables(fit))
    assert forecasts[1:3] == (UNKNOWN, UNKNOWN)
    assert harmless[2] == prices[1] == UNKNOWN
    assert "nan" not in render_fit_report(fit)


def test_fit_tables_leave_out_what_was_not_answered() -> None:
    assert fit_tables(not_enough()) == ()
    assert fit_notes(not_enough()) == ()


def test_fit_warnings_name_the_forecast_they_are_about() -> None:
    assert fit_warnings(run_fit()) == (
        "A warning.",
        "1 ×10⁹ real + 3 ×10⁹ synthetic tokens, size 100 ×10⁶: three times as much data as the largest run",
    )


def test_signature_rows_show_what_was_found_and_what_could_not_be_looked_at() -> None:
    assert signature_rows(diagnosis()).rows == (
        ("The plateau of `loss`", "found", "0.001", "5.0 (2.0 to 8.0) %", "loss above the clean law"),
        ("The share of `loss`", "not enough runs", "–", "–", "loss above the clean law"),
    )


def test_fit_page_shows_sentences_figures_tables_and_warnings() -> None:
    page = render_fit_report(run_fit())
    for text in (
        "The headline with <code>&lt;code&gt;</code>",
        "A second sentence.",
        "from about 700 ×10⁶ on, more of them hurt".replace(" ×", "\u00a0×"),
        "Where will it stop?",
        "A warning.",
        "1,000 replicates",
    ):
        assert text in page
    assert page.count("<svg") == 2
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert page == render_fit_report(run_fit())


def test_fit_page_says_where_synthetic_data_begins_to_help() -> None:
    curve = replace(run_fit().price_curves[0], price=(-0.5, -0.1, 0.2))
    page = render_fit_report(run_fit(price_curves=(curve,)))
    assert "worth −0.50 real ones each; from about 1\u00a0×10⁹ on, more of them help" in page
    never = replace(curve, price=(-0.5, -0.4, -0.3))
    assert "more of them never help" in render_fit_report(run_fit(price_curves=(never,)))


def test_fit_page_of_too_few_runs_says_so_alone() -> None:
    page = render_fit_report(not_enough())
    assert "Not enough runs." in page
    assert "<svg" not in page


def test_diagnosis_page_draws_the_signatures_that_were_examined() -> None:
    page = render_diagnosis_report(diagnosis())
    assert "The verdict with <code>&lt;code&gt;</code>" in page
    assert "Tails: no losses by band." in page
    assert re.findall(r'id="panel-([^"]+)"', page) == ["signature-plateau"]
    assert page == render_diagnosis_report(diagnosis())


def test_reports_are_written_whole_or_refused(tmp_path: Path) -> None:
    write_fit_report(run_fit(), tmp_path / "fit.html")
    write_diagnosis_report(diagnosis(), tmp_path / "diagnosis.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["diagnosis.html", "fit.html"]
    with pytest.raises(InputError, match="folder"):
        write_fit_report(run_fit(), tmp_path / "none" / "fit.html")
