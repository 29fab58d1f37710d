"""How accurate will a classifier trained on a mixture be? Any measure of the outputs, forecast through their noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from modelcollapse.checks import Array
from modelcollapse.decisions.forecast import Forecast
from modelcollapse.estimation.pool import evenly
from modelcollapse.estimation.pool_fit import PoolFit
from modelcollapse.result import Status
from modelcollapse.streams import stream

N_DRAWS = 16
"""Draws of the noise, in pairs of opposite sign."""
MAX_ROWS = 5_000
"""Held-out rows that are measured, which bounds the memory of the draws."""
LEVELS = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
"""Multiples of the pool's own noise at which a measure is taken before it is extrapolated."""
LEAST_PROBABILITY = 0.01
"""Outputs are clipped to [this, 1] and scaled to sum one before the log loss."""


def accuracy(outputs: Array, targets: Array) -> float:
    """Return the share of rows whose largest output is their class; outputs and one-hot targets (n, C)."""
    return float(np.mean(outputs.argmax(axis=1) == targets.argmax(axis=1)))


def log_loss(outputs: Array, targets: Array) -> float:
    """Return minus the mean log probability of the true class, outputs clipped and scaled to probabilities."""
    clipped = np.clip(outputs, LEAST_PROBABILITY, 1.0)
    probability = (clipped * targets).sum(axis=1) / clipped.sum(axis=1)
    return float(-np.mean(np.log(probability)))


def auc(outputs: Array, targets: Array) -> float:
    """Return the mean over classes of the area under the curve of each class against the rest; NaN with one class."""
    positives = targets.sum(axis=0)
    negatives = len(targets) - positives
    ranks = rankdata(outputs, axis=0)
    usable = (positives > 0) & (negatives > 0)
    if not usable.any():
        return float("nan")
    areas = ((ranks * targets).sum(axis=0) - positives * (positives + 1) / 2)[usable]
    return float(np.mean(areas / (positives * negatives)[usable]))


MEASURES: dict[str, Callable[[Array, Array], float]] = {"accuracy": accuracy, "log_loss": log_loss, "auc": auc}
LARGEST = {"accuracy": 1.0, "log_loss": np.inf, "auc": 1.0}
"""Measures lie between zero and this, and so does what is extrapolated."""


def measured(outputs: Array, targets: Array) -> dict[str, float]:
    """Return every classification measure of some outputs."""
    return {name: measure(outputs, targets) for name, measure in MEASURES.items()}


def forecast_measures(forecast: Forecast, *, seed: int = 0) -> dict[str, float]:
    """Forecast classification measures of a model trained on the mixture of a forecast, on the held-out rows.

    Parameters
    ----------
    forecast : Forecast
        Of a pool whose targets are one-hot classes.
    seed : int
        Of the noise that is added.

    Returns
    -------
    dict of str to float
        ``accuracy``, ``log_loss``, ``auc`` (mean over classes against the rest); NaN when the forecast has no numbers.

    Notes
    -----
    Outputs of a trained model are the mean predictor's plus a fluctuation: the sum over training rows of their pull
    (xᵀA⁻¹x_i) r_i, with r_i the residuals. Rows near x pull it most and have residuals of their own kind, so the
    fluctuation is drawn by giving each row of the pool a standard normal multiplier, and scaled to what the forecast
    says that each sub-source adds to the error. The pool fit shows the outputs with the pool's own fluctuation. Where
    the mixture fluctuates more, the difference is added and the measure averaged; where it fluctuates less, the
    measure is taken at several multiples of the pool's fluctuation and extrapolated back by a quadratic (SIMEX, Cook
    and Stefanski 1994).
    """
    seen = forecast.population
    if forecast.status is not Status.OK or seen is None:
        return {name: np.nan for name in MEASURES}
    fit = seen.fit
    errors = np.maximum(seen.mean_errors, 0.0)
    pool_parts, parts = np.maximum(seen.pool_amplification, 0.0) * errors, forecast.amplification * errors
    moves = unit_moves(fit, stream(seed, "measures"))
    ratio = float(parts.sum() / pool_parts.sum()) if pool_parts.any() else 1.0
    if ratio >= 1.0:
        return _averaged(fit, np.tensordot(np.sqrt(parts * (1.0 - 1.0 / ratio)), moves, axes=1))
    unit = np.tensordot(np.sqrt(pool_parts), moves, axes=1)
    seen_at = [_averaged(fit, np.sqrt(level) * unit) for level in LEVELS]
    parabolas = {name: np.polyfit(LEVELS, [values[name] for values in seen_at], 2) for name in MEASURES}
    return {name: float(np.clip(np.polyval(fit, ratio - 1.0), 0.0, LARGEST[name])) for name, fit in parabolas.items()}


def _averaged(fit: PoolFit, noise: Array) -> dict[str, float]:
    """Return each measure averaged over draws of the noise, shape (draws, rows, outputs)."""
    few = evenly(len(fit.held_out), MAX_ROWS)
    outputs, targets = fit.outputs[few], fit.spectrum.pool.holdout.targets[few]
    draws = [measured(outputs + draw, targets) for draw in (noise if noise.any() else noise[:1])]
    return {name: float(np.mean([values[name] for values in draws])) for name in MEASURES}


def unit_moves(fit: PoolFit, random: np.random.Generator) -> Array:
    """Return random moves of the measured outputs as the rows of each sub-source cause them, of mean square one.

    In pairs of opposite sign; shape (S, `N_DRAWS`, rows measured, n_outputs). Zero for a sub-source without residuals.
    """
    spectrum = fit.spectrum
    resolvent = 1.0 / (spectrum.eigenvalues + fit.ridge)
    measured_rows = spectrum.holdout_rows[evenly(len(fit.held_out), MAX_ROWS)]
    moves = np.empty((len(fit.weights), N_DRAWS // 2, len(measured_rows), fit.held_out.shape[1]))
    for s, (features, residuals) in enumerate(zip(spectrum.rows, fit.left_out, strict=True)):
        for draw in range(N_DRAWS // 2):
            pull = features.T @ (random.standard_normal((len(residuals), 1)) * residuals)
            moves[s, draw] = measured_rows @ (resolvent[:, None] * pull)
        length = np.sqrt(np.mean(np.sum(moves[s] ** 2, axis=-1)))
        moves[s] /= length if length > 0 else 1.0
    return np.concatenate([moves, -moves], axis=1)
