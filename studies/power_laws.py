"""What would people do today? Power laws fitted to the runs of a share by scipy.optimize.curve_fit."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeWarning, curve_fit

from modelcollapse.estimation.runs import Runs

Array = NDArray[np.float64]


def plain(runs: Runs, settings: Sequence[Mapping[str, float]]) -> list[float]:
    """Foretell losses by log loss = a − b log total, fitted to the runs of the nearest share."""
    return [_foretell(runs, setting, constant=False) for setting in settings]


def with_constant(runs: Runs, settings: Sequence[Mapping[str, float]]) -> list[float]:
    """Foretell losses by loss = c + a total^−b, all positive, fitted to log losses of the runs of the nearest share."""
    return [_foretell(runs, setting, constant=True) for setting in settings]


def _foretell(runs: Runs, setting: Mapping[str, float], *, constant: bool) -> float:
    total = setting["real"] + setting["synthetic"]
    share = setting["synthetic"] / total
    away = np.abs(runs.fraction - share)
    near = away <= away.min() + 0.02
    unit = float(np.exp(np.log(runs.total[near]).mean()))
    x, y = np.log(runs.total[near] / unit), np.log(runs.loss[near])
    slope, level = np.polyfit(x, y, 1)
    at = np.log(total / unit)
    if not constant:
        (level, slope), _ = curve_fit(lambda x, level, slope: level + slope * x, x, y, p0=(level, slope))
        return float(np.exp(level + slope * at))

    def law(x: Array, amplitude: float, exponent: float, floor: float) -> Array:
        return np.logaddexp(amplitude - np.exp(exponent) * x, floor)

    start = (level - np.log(2), np.log(max(2 * abs(slope), 1e-3)), level - np.log(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)
        try:
            found, _ = curve_fit(law, x, y, p0=start, bounds=([-20, -7, -20], [20, 2, 20]), max_nfev=5000)
        except RuntimeError:
            return float(np.exp(level + slope * at))
    return float(np.exp(law(np.array(at), *found)))


RIVALS = {"curve_fit, power law": plain, "curve_fit, with constant": with_constant}
"""Rivals by name."""
