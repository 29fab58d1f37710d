"""Does a study pass? Medians, coverage and costs of its rows, against what is aimed for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from modelcollapse.decisions.forecast import BAND_LEVEL

COVERAGE_AIM = (0.80, 0.97)
ACCURACY_AIM = 1.0
"""Points."""


@dataclass(frozen=True)
class Agreement:
    """How one kind of forecast agrees with the measured errors.

    Attributes
    ----------
    n : int
        Comparisons; mixtures beyond what the pool can tell have no forecast and do not count.
    n_unanswered : int
        Comparisons without a forecast.
    median, worst : float
        Of |forecast/measured − 1|.
    bias : float
        Median of forecast/measured − 1.
    coverage : float
        Share of measured means within the `BAND_LEVEL` band of a mean over the runs.
    expected : float
        Median of |forecast/measured − 1| when the deviations were as large as the bands say.
    """

    n: int
    n_unanswered: int
    median: float
    worst: float
    bias: float
    coverage: float
    expected: float


def agreement(rows: pd.DataFrame, forecast: str, *, band: str | None = None) -> Agreement:
    """Compare one column of forecasts with the measured means.

    Parameters
    ----------
    rows : DataFrame
        See `studies.comparison.Findings`.
    forecast : str
        Column of the forecasts.
    band : str, optional
        Forecast whose standard error and spread make the band; default: `forecast` itself.
    """
    known = rows[rows[forecast].notna()]
    ratio = (known[forecast] / known["measured"]).to_numpy(np.float64)
    sigma = _sigma(known, band or forecast)
    quantile = float(norm.ppf((1 + BAND_LEVEL) / 2))
    deviation = np.abs(ratio - 1.0)
    return Agreement(
        n=len(known),
        n_unanswered=len(rows) - len(known),
        median=float(np.median(deviation)),
        worst=float(deviation.max()),
        bias=float(np.median(ratio - 1.0)),
        coverage=float(np.mean(deviation <= quantile * sigma)),
        expected=float(norm.ppf(0.75) * np.median(sigma)),
    )


def _sigma(rows: pd.DataFrame, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the standard deviation of forecast − measured mean that the forecast states, over the measured mean."""
    variance = rows[f"{name}_stderr"] ** 2 + rows[f"{name}_spread"] ** 2 / rows["effective_runs"]
    return np.asarray(np.sqrt(variance) / rows["measured"], dtype=np.float64)


def accuracy_differences(rows: pd.DataFrame) -> pd.Series[float]:
    """Return forecast − measured accuracy in points for every comparison; empty in regression."""
    return 100 * (rows["accuracy_forecast"] - rows["accuracy"]).dropna()


def passes(found: Agreement, *, limit: float) -> bool:
    """Tell whether a forecast meets the aims for median and coverage."""
    return found.median <= limit and covered(found)


def covered(found: Agreement) -> bool:
    """Tell whether a forecast meets the aim for coverage."""
    return COVERAGE_AIM[0] <= found.coverage <= COVERAGE_AIM[1]


def closer(rows: pd.DataFrame, one: str, other: str) -> float:
    """Return the share of comparisons in which one forecast is closer to the measured error than another."""
    known = rows[rows[[one, other]].notna().all(axis=1)]
    distance = {name: (known[name] - known["measured"]).abs() for name in (one, other)}
    return float((distance[one] < distance[other]).mean())


def rivalry(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows on which forecast and rivals can be compared.

    Beyond the pool, real rows in the mixture, one synthetic source at most: elsewhere one rival or another is not
    defined.
    """
    kinds = ["forecast", "power_law_real", "power_law_total", "mixture_law"]
    return rows[rows["beyond"] & rows[kinds].notna().all(axis=1)]
