"""How do answers about past runs become one page? What was found, its figures, and the tables behind them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from modelcollapse.decisions.diagnosis import Diagnosis, Signature
from modelcollapse.decisions.run_fit_result import RunFit
from modelcollapse.digits import amount_text, rough_text
from modelcollapse.figures.marginal_price import draw_marginal_price, marginal_price_data
from modelcollapse.figures.run_curves import MOST_CURVES, draw_run_curves, run_curves_data
from modelcollapse.figures.signatures import draw_signature, signature_data
from modelcollapse.report.paths import check_report_path
from modelcollapse.report.rendering import Panel, panel, render, write_page
from modelcollapse.report.run_summary import TitledRows, fit_notes, fit_tables, fit_warnings, signature_rows


def write_fit_report(fit: RunFit, path: str | Path) -> None:
    """Write what past runs foretell as one HTML file that opens offline.

    Parameters
    ----------
    fit : RunFit
    path : str or Path
        An existing file is replaced once the new one is complete.

    Raises
    ------
    InputError
        When the folder is missing, or the file cannot be written.
    """
    check_report_path(path)
    write_page(render_fit_report(fit), path)


def write_diagnosis_report(diagnosis: Diagnosis, path: str | Path) -> None:
    """Write a diagnosis of past runs as one HTML file that opens offline.

    Parameters
    ----------
    diagnosis : Diagnosis
    path : str or Path
        An existing file is replaced once the new one is complete.

    Raises
    ------
    InputError
        When the folder is missing, or the file cannot be written.
    """
    check_report_path(path)
    write_page(render_diagnosis_report(diagnosis), path)


def render_fit_report(fit: RunFit) -> str:
    """Return the page of a fit as HTML text; the same fit gives the same bytes."""
    return render(
        "runs.html",
        title="What past runs foretell",
        sentences=fit.sentences,
        panels=list(_fit_panels(fit)),
        tables=fit_tables(fit),
        notes=fit_notes(fit),
        warnings=fit_warnings(fit),
        version=fit.version,
        seed=fit.seed,
        n_runs=fit.n_runs,
    )


def render_diagnosis_report(diagnosis: Diagnosis) -> str:
    """Return the page of a diagnosis as HTML text; the same diagnosis gives the same bytes."""
    caption = (
        f"p: corrected for all signatures together; {100 * diagnosis.level:g} % or less is found. Effects in percent "
        "of the loss."
    )
    return render(
        "runs.html",
        title="Diagnosis of past runs",
        sentences=(diagnosis.verdict,),
        panels=[_signature_panel(found, diagnosis) for found in diagnosis.signatures if found.evidence],
        tables=(TitledRows("What was looked for?", caption, signature_rows(diagnosis)),),
        notes=diagnosis.not_examined,
        warnings=diagnosis.warnings,
        version=diagnosis.version,
        seed=diagnosis.seed,
        n_runs=diagnosis.counts["runs"],
    )


def _fit_panels(fit: RunFit) -> Iterator[Panel]:
    """Yield the figures of a fit in the order of the page."""
    if not fit.curves:
        return
    hidden = len(fit.curves) - MOST_CURVES
    left_out = f" Of {len(fit.curves)} kinds of runs, {MOST_CURVES} of the largest models." if hidden > 0 else ""
    yield panel(
        "run-curves",
        "Will more data help?",
        f"The runs follow the law `{fit.law}`: {fit.formula}.",
        "Loss against data, with the law's 90 % band; dashed: what endless data leaves. Hollow runs were held out when "
        f"the law was chosen.{left_out}",
        draw_run_curves(run_curves_data(fit), unit=fit.unit),
    )
    if fit.price_curves:
        one = fit.unit.removesuffix("s")
        yield panel(
            "marginal-price",
            f"When does one more synthetic {one} help?",
            _say_price(fit),
            f"Real {fit.unit} that one more synthetic {one} is worth, the real data fixed, with 90 % bands.",
            draw_marginal_price(marginal_price_data(fit), unit=fit.unit),
        )


def _say_price(fit: RunFit) -> str:
    """Say what the first synthetic data is worth, and where that turns."""
    curve = fit.price_curves[0]
    first = curve.price[0]
    if not math.isfinite(first):
        return "There are not enough runs to tell."
    helps = next((n for n, price in zip(curve.synthetic, curve.price, strict=True) if price > 0), math.inf)
    turns = curve.zero_at if first > 0 else helps
    given = f"With {amount_text(curve.real)} real {fit.unit}, the first synthetic ones are worth {rough_text(first, 2)}"
    after = "hurt" if first > 0 else "help"
    if turns == math.inf:
        return f"{given} real ones each; in the range drawn, more of them never {after}."
    return f"{given} real ones each; from about {amount_text(turns)} on, more of them {after}."


def _signature_panel(signature: Signature, diagnosis: Diagnosis) -> Panel:
    """Return the figure of one signature."""
    return panel(
        f"signature-{signature.name}",
        signature.title,
        signature.sentence,
        "Each setting's loss above what is expected of it without the signature, in percent.",
        draw_signature(signature_data(signature), x_name=signature.x_name, unit=diagnosis.unit),
    )
