"""How do synthetic labels and inputs differ from the real ones? Their quality, their shift, and what each costs."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from scipy.stats import norm, rankdata

from modelcollapse.checks import Array
from modelcollapse.decisions.audit_result import Damage, InputShift, Quality
from modelcollapse.decisions.forecast import BAND_LEVEL, difference_stderr, forecast
from modelcollapse.decisions.matching import match
from modelcollapse.decisions.uncertainty import row_moves, variance_of_sum
from modelcollapse.estimation.corrections import Population, population
from modelcollapse.estimation.pool import Pool, evenly
from modelcollapse.estimation.pool_fit import PoolFit, fit_pool
from modelcollapse.streams import stream

N_DRAWS = 200
MAX_ROWS = 5_000
"""Held-out rows on which the two label rules are compared, which bounds the memory of the draws."""
MOSTLY_RETAINED = 0.9
"""Share of a residual that a pool must retain for the noise of its label rule to stay small."""
ENDLESS = 1e15
"""Sample count at which a mixture's own sampling noise is nil."""


def label_rule(pool: Pool, *, ridge: float) -> Population | None:
    """Return what a single source's pool says about the rule that endless rows of it would teach.

    None when the pool holds too few rows for this ridge.
    """
    found = match(pool, n_samples=pool.split_counts(np.array([ENDLESS])), weights=np.ones(len(pool.rows)), ridge=ridge)
    return population(fit_pool(pool, weights=found.weights, ridge=ridge)) if found.found else None


def finest_ridge(pool: Pool, *, ridges: Array) -> float:
    """Return the smallest ridge at which every source's pool still retains most of a residual, else the largest."""
    endless = np.array([ENDLESS])
    alone = [pool.select([k]) for k in range(pool.n_sources)]

    def learnable(ridge: float) -> bool:
        found = (match(one, n_samples=one.split_counts(endless), weights=np.ones(1), ridge=ridge) for one in alone)
        return all(rule.found and rule.retained.min() > MOSTLY_RETAINED for rule in found)

    candidates = np.sort(ridges).tolist()
    return float(candidates[min(bisect_left(candidates, True, key=learnable), len(candidates) - 1)])


def label_quality(pool: Pool, *, source: int, ridge: float, seed: int = 0) -> Quality | None:
    """Estimate c² of a synthetic source's labels: the mean squared difference of the two label rules on real inputs.

    Parameters
    ----------
    pool : Pool
    source : int
        Index of the synthetic source.
    ridge : float
        λ at which both rules are learned; a coarser rule (larger λ) hides fine differences.
    seed : int
        Of the multiplier bootstrap.

    Returns
    -------
    Quality or None
        None when a source holds too few rows.

    Notes
    -----
    The difference of two noisy fits is too large by the noise of both; the noise is what `population` finds each fit's
    own sampling to add. The interval comes from a bootstrap that multiplies each row's influence on its fit by a
    standard normal number and redraws the held-out rows; the observed difference is first shrunk to its estimate, so
    that noise is not counted twice.
    """
    real, synthetic = (label_rule(pool.select([k]), ridge=ridge) for k in (0, source))
    if real is None or synthetic is None:
        return None
    difference = (synthetic.fit.outputs - real.fit.outputs)[evenly(len(pool.holdout), MAX_ROWS)]
    noises = [float(rule.pool_amplification @ rule.mean_errors) for rule in (real, synthetic)]
    raw = float(np.mean(np.sum(difference**2, axis=1)))
    value = max(raw - sum(noises), 0.0)
    centre = difference * np.sqrt(value / raw) if raw > 0 else difference
    random = stream(seed, "quality", source)
    real_moves, synthetic_moves = (
        fit_moves(rule.fit, random, size=noise) for rule, noise in zip((real, synthetic), noises, strict=True)
    )
    estimates = np.empty(N_DRAWS)
    for draw, (real_move, synthetic_move) in enumerate(zip(real_moves, synthetic_moves, strict=True)):
        rows = random.integers(0, len(centre), len(centre))
        moved = (centre + synthetic_move - real_move)[rows]
        estimates[draw] = np.mean(np.sum(moved**2, axis=1)) - sum(noises)
    low, high = np.quantile(estimates - value, [(1 - BAND_LEVEL) / 2, (1 + BAND_LEVEL) / 2])
    targets = pool.holdout.targets
    variance = float(np.sum(np.var(targets, axis=0)))
    interval = (max(0.0, value - float(high)), max(0.0, value - float(low)))
    shares = [part / variance if variance > 0 else np.nan for part in (value, *interval)]
    return Quality(value=value, interval=interval, relative=shares[0], relative_interval=(shares[1], shares[2]))


def fit_moves(fit: PoolFit, random: np.random.Generator, *, size: float) -> Array:
    """Return `N_DRAWS` random moves of the outputs on `MAX_ROWS` held-out rows as fresh pools would cause them.

    Each row's pull on the fit is multiplied by a standard normal number; the moves are scaled to the mean squared
    length `size`. Shape (N_DRAWS, rows, n_outputs).
    """
    spectrum = fit.spectrum
    resolvent = 1.0 / (spectrum.eigenvalues + fit.ridge)
    measured_rows = spectrum.holdout_rows[evenly(len(fit.held_out), MAX_ROWS)]
    moves = np.empty((N_DRAWS, len(measured_rows), fit.held_out.shape[1]))
    for draw in range(N_DRAWS):
        pull = np.zeros_like(fit.coefficients)
        for s, (features, residuals) in enumerate(zip(spectrum.rows, fit.left_out, strict=True)):
            share = fit.weights[s] / spectrum.pool.total * np.sqrt(spectrum.pool.counts[s] / len(residuals))
            pull += share * features.T @ (random.standard_normal((len(residuals), 1)) * residuals)
        moves[draw] = measured_rows @ (resolvent[:, None] * pull)
    length = float(np.mean(np.sum(moves**2, axis=2)))
    return moves * np.sqrt(max(size, 0.0) / length) if length > 0 else moves


def input_shift(pool: Pool, *, source: int, ridge: float, seed: int = 0) -> InputShift:
    """Compare the inputs of a synthetic source with the real ones.

    Parameters
    ----------
    pool : Pool
    source : int
        Index of the synthetic source.
    ridge : float
        λ of the linear rule and of the leverage.
    seed : int
        Of the split in halves: the rule learns on one half and is scored on the other, both ways.

    Notes
    -----
    The area's standard error is that of Hanley and McNeil (1982) for one half: between like inputs both halves' areas
    follow from the same product of the halves' mean differences, so that their mean errs as much as either.
    """
    random = stream(seed, "input shift", source)
    groups = [np.concatenate([pool.error_rows[s].features for s in np.flatnonzero(pool.parents == k)])
              for k in (0, source)]  # fmt: skip
    halves = [np.array_split(random.permutation(len(rows)), 2) for rows in groups]
    areas: list[float] = []
    errors: list[float] = []
    for learn, score in ((0, 1), (1, 0)):
        rule = separating_rule([rows[half[learn]] for rows, half in zip(groups, halves, strict=True)], ridge=ridge)
        real, synthetic = (rows[half[score]] @ rule for rows, half in zip(groups, halves, strict=True))
        area, error = area_under_curve(real, synthetic)
        areas.append(area)
        errors.append(error)
    area = float(np.mean(areas))
    half_width = float(norm.ppf((1 + BAND_LEVEL) / 2) * np.mean(errors))
    matrix = groups[0].T @ groups[0] / len(groups[0])
    matrix[np.diag_indices_from(matrix)] += ridge
    moments = (pool.holdout_moment, groups[1].T @ groups[1] / len(groups[1]))
    real_spread, synthetic_spread = (float(np.trace(np.linalg.solve(matrix, moment))) for moment in moments)
    interval = (max(0.0, area - half_width), min(1.0, area + half_width))
    return InputShift(auc=area, auc_interval=interval, spread=synthetic_spread / real_spread)


def separating_rule(groups: list[Array], *, ridge: float) -> Array:
    """Return the ridge direction that tells two groups of rows apart, both groups weighing the same, (n_features,)."""
    matrix = sum(rows.T @ rows / len(rows) for rows in groups) / 2
    matrix = np.asarray(matrix) + ridge * np.eye(groups[0].shape[1])
    return np.asarray(np.linalg.solve(matrix, groups[1].mean(axis=0) - groups[0].mean(axis=0)))


def area_under_curve(negatives: Array, positives: Array) -> tuple[float, float]:
    """Return the probability that a positive scores above a negative, and its standard error."""
    n, m = len(positives), len(negatives)
    ranks = rankdata(np.concatenate([positives, negatives]))
    area = float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))
    both, one = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (n - 1) * (both - area**2) + (m - 1) * (one - area**2)) / (n * m)
    return area, float(np.sqrt(max(variance, 0.0)))


def damage(pool: Pool, *, counts: Array, ridge: float, real_ridge: float, rule_ridge: float) -> Damage | None:
    """Split what a synthetic source costs against as many real rows into labels and inputs.

    Parameters
    ----------
    pool : Pool
        The real and the synthetic source, one sub-source each.
    counts : ndarray (2,)
        Samples of the mixture.
    ridge, real_ridge : float
        λ of the mixture and of as many real rows: the best of each.
    rule_ridge : float
        λ at which the two label rules are learned; small, for a shrunken rule hides what is wrong with its labels.

    Returns
    -------
    Damage or None
        None when the data cannot tell.

    Notes
    -----
    Wrong labels move the mean predictor by R g Σ (w_synthetic − w_real) and raise the residuals that are amplified;
    that is the labels' part (the squared move less the noise of the two rules, its product with the shrinkage that the
    ridge causes, and the amplified excess of residuals). To it comes what the mixture's ridge, which wrong labels make
    strong, would cost as many real rows. The rest is the inputs'. Standard errors are those of the two forecasts'
    difference, and of the labels' part by each row's influence on the two rules and on the residuals.
    """
    mixture = forecast(pool, n_samples=counts, ridge=ridge)
    as_many_real, shrunk = (forecast(pool, n_samples=[counts.sum(), 0.0], ridge=each) for each in (real_ridge, ridge))
    real, synthetic = (label_rule(pool.select([k]), ridge=rule_ridge) for k in (0, 1))
    total = mixture.test_error - as_many_real.test_error
    strength = shrunk.test_error - as_many_real.test_error
    if mixture.population is None or np.isnan(total + strength) or real is None or synthetic is None:
        return None
    fit = mixture.population.fit
    spectrum = fit.spectrum
    resolvent = 1.0 / (spectrum.eigenvalues + fit.ridge)
    pull = fit.weights[1] * pool.counts[1] / pool.total * spectrum.moments[1]
    transfer = resolvent[:, None] * pull
    coefficients = [
        spectrum.vectors.T @ (rule.fit.spectrum.vectors @ rule.fit.coefficients) for rule in (real, synthetic)
    ]
    move = transfer @ (coefficients[1] - coefficients[0])
    metric = transfer.T @ spectrum.holdout_moment @ transfer
    metric = spectrum.vectors @ metric @ spectrum.vectors.T
    noise = sum(fit_noise(rule.fit, metric) for rule in (real, synthetic))
    shrinkage = -fit.ridge * resolvent[:, None] * coefficients[0]
    product = 2.0 * float(np.sum(shrinkage * (spectrum.holdout_moment @ move)))
    squared = float(np.sum(move * (spectrum.holdout_moment @ move))) - noise
    errors = mixture.population.mean_errors
    residuals = float(mixture.amplification[1] * (errors[1] - errors[0]))
    labels = float(squared + product + residuals + strength)
    gradient = spectrum.vectors @ (2.0 * transfer.T @ (spectrum.holdout_moment @ (move + shrinkage)))
    variance = sum(rule_variance(rule.fit, gradient) for rule in (real, synthetic))
    scatter = mixture.amplification[1] * np.array([np.std(squares) for squares in fit.left_out_squares])
    stderr = {
        "total": difference_stderr(mixture, as_many_real, counts=pool.counts),
        "labels": float(np.sqrt(variance + np.sum(scatter**2 / pool.counts))),
    }
    return Damage(
        total=total,
        labels=labels,
        inputs=total - labels,
        stderr={**stderr, "inputs": float(np.hypot(stderr["total"], stderr["labels"]))},
    )


def rule_variance(fit: PoolFit, gradient: Array) -> float:
    """Return the variance that a rule's pool gives a quantity with a gradient (n_features, n_outputs) in the rule."""
    moves = row_moves(fit, fit.spectrum.vectors.T @ gradient, pull=fit.weights / fit.spectrum.pool.total)
    return variance_of_sum(moves, fit.spectrum.pool.counts)


def fit_noise(fit: PoolFit, metric: Array) -> float:
    """Return the mean squared length, in a metric (n_features, n_features), of a fit's sampling noise."""
    spectrum = fit.spectrum
    rotated = spectrum.vectors.T @ metric @ spectrum.vectors
    resolvent = 1.0 / (spectrum.eigenvalues + fit.ridge)
    noise = 0.0
    for s, (features, residuals) in enumerate(zip(spectrum.rows, fit.left_out, strict=True)):
        scaled = features * resolvent
        lengths = np.einsum("ia,ia->i", scaled @ rotated, scaled)
        squares = np.einsum("ic,ic->i", residuals, residuals)
        noise += (
            spectrum.pool.counts[s] * (fit.weights[s] / spectrum.pool.total) ** 2 * float(np.mean(lengths * squares))
        )
    return noise
