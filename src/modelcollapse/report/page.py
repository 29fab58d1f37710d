"""How does an audit become one page? Figures, sentences and tables in a template, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelcollapse.decisions.audit_result import AuditResult
from modelcollapse.figures.curves import draw_forecast_curves, forecast_curves_data
from modelcollapse.figures.damage import damage_data, draw_damage
from modelcollapse.figures.exchange import draw_exchange_rate, exchange_rate_data
from modelcollapse.figures.own_model import draw_own_model, own_model_data
from modelcollapse.figures.spectrum import draw_spectrum, spectrum_data
from modelcollapse.figures.surface import draw_surface, surface_data
from modelcollapse.figures.validation import draw_validation, validation_data
from modelcollapse.report.own_model_summary import (
    law_rows,
    own_check_rows,
    own_forecast_rows,
    own_key_numbers,
    say_own_model,
)
from modelcollapse.report.paths import check_report_path
from modelcollapse.report.rendering import Panel, panel, render, write_page
from modelcollapse.report.sentences import (
    say_curves,
    say_damage,
    say_exchange_rate,
    say_spectrum,
    say_surface,
    say_validation,
)
from modelcollapse.report.summary import WHAT_BANDS_ARE, forecast_rows, key_numbers, repair_rows, validation_rows


def write_report(result: AuditResult, path: str | Path) -> None:
    """Write an audit as one HTML file that opens offline.

    Parameters
    ----------
    result : AuditResult
    path : str or Path
        An existing file is replaced once the new one is complete, and left alone when anything fails. The permissions
        are those of any new file, whatever those of the file replaced.

    Raises
    ------
    InputError
        When the folder is missing, or the file cannot be written.
    """
    check_report_path(path)
    write_page(render_report(result), path)


def render_report(result: AuditResult) -> str:
    """Return the page as HTML text; the same result gives the same bytes."""
    return render(
        "template.html",
        result=result,
        own=_own_model(result),
        bands=WHAT_BANDS_ARE,
        key_numbers=key_numbers(result),
        panels=list(_panels(result)),
        validation=validation_rows(result),
        forecasts=forecast_rows(result),
        repairs=repair_rows(result),
    )


def _own_model(result: AuditResult) -> dict[str, Any] | None:
    """Return what the page says of the model that is really trained; None without one."""
    own = result.own_model
    if own is None:
        return None
    return {
        "name": own.estimator,
        "key_numbers": own_key_numbers(own),
        "panel": panel(
            "own-model",
            f"Will more data help {own.estimator}?",
            say_own_model(own),
            "Test error against the number of samples, with the 90 % band for one trained model on these held-out "
            "rows. Dots are the models that were trained; thin lines are the forecast for ridge regression.",
            draw_own_model(own_model_data(own)),
        ),
        "forecasts": own_forecast_rows(own),
        "laws": law_rows(own),
        "checks": own_check_rows(own),
    }


def _panels(result: AuditResult) -> Iterator[Panel]:
    """Yield the figures in the order of the page."""
    yield panel(
        "curves",
        "Will more data help?",
        say_curves(result),
        "Test error against the number of samples, each at its best ridge; shaded: 90 % band for one trained model, on "
        "these held-out rows. "
        "Rings and dots are the mixtures trained as a check, at shares and ridges of their own.",
        draw_forecast_curves(forecast_curves_data(result)),
    )
    for table in result.surfaces:
        yield panel(
            f"surface-{table.source.replace('+', '-')}",
            "How much of each is best?" if len(result.surfaces) == 1 else f"How much of each is best? ({table.source})",
            say_surface(result, table),
            "Test error over the numbers of real and synthetic samples, each pair at its best weight and ridge.",
            draw_surface(surface_data(result, table)),
        )
    yield panel(
        "exchange",
        "What is one synthetic row worth?",
        say_exchange_rate(result),
        "Real rows that one more synthetic row of weight 1 is worth, the real rows at hand given.",
        draw_exchange_rate(exchange_rate_data(result)),
    )
    yield panel(
        "damage",
        "What is wrong with the synthetic rows?",
        say_damage(result),
        "Test error above that of as many real rows, split into what the labels and what the inputs cost.",
        draw_damage(damage_data(result)),
    )
    yield panel(
        "spectrum",
        "Along how many directions do the inputs vary?",
        say_spectrum(result),
        "Eigenvalues of each source's second moment, descending; a steep line means few directions that matter.",
        draw_spectrum(spectrum_data(result)),
    )
    yield panel(
        "validation",
        "Can the forecast be trusted here?",
        say_validation(result),
        "Forecast over measured test error of the mixtures trained as a check, with 90 % intervals; 1 is perfect.",
        draw_validation(validation_data(result)),
    )
