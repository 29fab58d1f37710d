"""How accurate will a classifier trained on a mixture be? Any measure of the outputs, forecast through their noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from modelcollapse.decisions.forecast import Forecast
from modelcollapse.decisions.uncertainty import output_covariances
from modelcollapse.estimation.pool_fit import PoolFit
from modelcollapse.result import Status
from modelcollapse.streams import stream

Array = NDArray[np.float64]

N_DRAWS = 8
"""Draws of the noise, in pairs of opposite sign."""
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
    Outputs of a trained model are the mean predictor's plus a Gaussian fluctuation of covariance V(x) = ℓ(x) Σ_s c_s
    Cov_s: Cov_s of the mean predictor's residuals, c_s the amplification, ℓ(x) the leverage of x relative to the mean.
    The pool fit shows the outputs with the pool's own V. Where the mixture fluctuates more, noise is added and the
    measure averaged; where it fluctuates less, the measure is taken at several multiples of the pool's noise and
    extrapolated back by a quadratic (SIMEX, Cook and Stefanski 1994).
    """
    seen = forecast.population
    if forecast.status is not Status.OK or seen is None:
        return {name: np.nan for name in MEASURES}
    fit = seen.fit
    residuals = np.linalg.solve(seen.error_map, output_covariances(fit).reshape(len(fit.weights), -1))
    shape = (fit.held_out.shape[1],) * 2
    pool_noise = (seen.pool_amplification @ residuals).reshape(shape)
    mixture_noise = (forecast.amplification @ residuals).reshape(shape)
    factor = np.sqrt(relative_leverage(fit, contributions=seen.pool_amplification * seen.mean_errors))
    draws = noise_draws(fit, seed=seed)
    ratio = float(np.trace(mixture_noise) / np.trace(pool_noise))
    if ratio >= 1.0:
        noise = factor[:, None] * (draws @ square_root(mixture_noise * (1.0 - 1.0 / ratio)))
        return _averaged(fit, noise)
    unit = factor[:, None] * (draws @ square_root(pool_noise))
    seen_at = [_averaged(fit, np.sqrt(level) * unit) for level in LEVELS]
    parabolas = {name: np.polyfit(LEVELS, [values[name] for values in seen_at], 2) for name in MEASURES}
    return {name: float(np.clip(np.polyval(fit, ratio - 1.0), 0.0, LARGEST[name])) for name, fit in parabolas.items()}


def _averaged(fit: PoolFit, noise: Array) -> dict[str, float]:
    """Return each measure averaged over draws of the noise, shape (draws, rows, outputs)."""
    targets = fit.spectrum.pool.holdout.targets
    draws = [measured(fit.outputs + draw, targets) for draw in (noise if noise.any() else noise[:1])]
    return {name: float(np.mean([values[name] for values in draws])) for name in MEASURES}


def noise_draws(fit: PoolFit, *, seed: int) -> Array:
    """Return standard normal draws for the held-out outputs in pairs of opposite sign, (draws, rows, outputs)."""
    half = stream(seed, "measures").standard_normal((N_DRAWS // 2, *fit.held_out.shape))
    return np.concatenate([half, -half])


def relative_leverage(fit: PoolFit, *, contributions: Array) -> Array:
    """Return how strongly the fit fluctuates at each held-out row, relative to the mean, shape (rows held out,)."""
    spectrum = fit.spectrum
    source = np.tensordot(np.maximum(contributions, 0.0), spectrum.moments, axes=1)
    scaled = spectrum.holdout_rows / (spectrum.eigenvalues + fit.ridge)
    leverage = np.einsum("ia,ia->i", scaled @ source, scaled)
    return np.asarray(leverage / leverage.mean())


def square_root(covariance: Array) -> Array:
    """Return the symmetric square root of a covariance; small negative eigenvalues count as zero."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T)
