"""Does the forecast hold on this very data? Forecasts from one half of the rows, models trained on the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.decisions.audit_result import ValidationPoint
from modelcollapse.decisions.forecast import forecast
from modelcollapse.decisions.measures import forecast_measures, measured
from modelcollapse.estimation.pool import Pool, pool_of, stratify
from modelcollapse.estimation.repeats import first_of_each, hash_rows
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.parallel import side_by_side
from modelcollapse.result import Status
from modelcollapse.streams import stream

Progress = Callable[[str, int, int], None]

REPEATS = 4
MAX_ROWS = 100_000
"""Rows of a source that take part in the check: enough to see a disagreement, and few enough to copy."""
STRATA = (1, 4)
"""Sub-sources per source that are tried; the number that forecasts the trained models better is kept."""
FEWEST_ROWS = 4
"""A source with fewer rows has no halves that could be compared."""


@dataclass(frozen=True)
class Trial:
    """A mixture to train: sample counts and weights per source, and a ridge."""

    n_samples: Array
    weights: Array
    ridge: float


@dataclass(frozen=True)
class Measured:
    """Mean test error of trained models, its standard error, their number, and classification measures."""

    error: float
    stderr: float
    repeats: int
    measures: dict[str, float]


def train_ridge(sources: list[LabelledRows], *, weights: Array, ridge: float) -> Array:
    """Fit (1/N) Σ ω (y − xᵀw)² + λ‖w‖² on weighted sources; returns coefficients (n_features, n_outputs)."""
    total = sum(len(rows) for rows in sources)
    matrix = ridge * np.eye(sources[0].features.shape[1])
    vector = np.zeros((sources[0].features.shape[1], sources[0].targets.shape[1]))
    for weight, rows in zip(weights, sources, strict=True):
        matrix += weight / total * rows.features.T @ rows.features
        vector += weight / total * rows.features.T @ rows.targets
    return np.asarray(np.linalg.solve(matrix, vector))


def validate(
    pool: Pool,
    *,
    best_ridge: Callable[[Array, float], float],
    classification: bool,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[int, tuple[ValidationPoint, ...]]:
    """Forecast a handful of mixtures from one half of the pool, and train them on rows of the other half.

    Parameters
    ----------
    pool : Pool
        One sub-source per source.
    best_ridge : callable
        Takes counts (K,) and the weight of synthetic samples to the ridge at which the mixture is tried.
    classification : bool
        Whether classification measures are compared too.
    seed : int
        Of the halves and of the rows trained on.
    progress : callable, optional
        Called with (stage, done, total).

    Returns
    -------
    int
        Number of sub-sources per source that forecast better (`STRATA`).
    tuple of ValidationPoint
        With that number. A mixture that the half pool cannot tell is left out; none when a source is too small.

    Notes
    -----
    The two halves cannot change roles to double the evidence: the forecast for a mixture that is the half itself is
    the held-out error of the fit on it, so that both differences would cancel.
    """
    if min(len(rows) for rows in pool.rows) < FEWEST_ROWS:
        return STRATA[0], ()
    known, fresh = split_rows(pool, stream(seed, "validation"))
    trials = handful(np.array([len(rows) for rows in fresh]), best_ridge)
    pools = stratified(pool_of(known, holdout=pool.holdout, names=pool.names), ridge=trials[0].ridge)

    def compared(number: int) -> dict[int, ValidationPoint]:
        random = stream(seed, "validation", number)
        return compare(pools, fresh, trials[number], classification=classification, random=random, seed=seed)

    found = side_by_side(
        compared,
        range(len(trials)),
        report=(lambda done, total: progress("validation on the spot", done, total)) if progress else None,
    )
    points = {n: [point[n] for point in found if n in point] for n in STRATA}
    best = min(STRATA, key=lambda n: (-len(points[n]), typical_deviation(points[n]), n))
    return best, tuple(points[best])


def stratified(pool: Pool, *, ridge: float) -> dict[int, Pool]:
    """Return the pool with each number of sub-sources in `STRATA`, ready for several threads."""
    pools = {n: stratify(pool, n_strata=n, ridge=ridge) for n in STRATA}
    for candidate in pools.values():
        candidate.prepare()
    return pools


def compare(
    pools: dict[int, Pool],
    fresh: list[LabelledRows],
    trial: Trial,
    *,
    classification: bool,
    random: np.random.Generator,
    seed: int,
) -> dict[int, ValidationPoint]:
    """Forecast one mixture from each pool that can tell it, and train it on fresh rows; by the pools' keys."""
    found: dict[int, ValidationPoint] = {}
    seen: Measured | None = None
    for n, pool in pools.items():
        said = forecast(pool, n_samples=trial.n_samples, weights=trial.weights, ridge=trial.ridge)
        if said.status is not Status.OK:
            continue
        seen = seen or train_and_measure(
            fresh, pool.holdout, trial, classification=classification, run_to_run=said.run_to_run, random=random
        )
        found[n] = ValidationPoint(
            counts={name: int(count) for name, count in zip(pool.names, trial.n_samples, strict=True)},
            weight=float(trial.weights[-1]),
            ridge=trial.ridge,
            forecast=said.test_error,
            forecast_stderr=said.stderr,
            measured=seen.error,
            stderr=seen.stderr,
            repeats=seen.repeats,
            measures=forecast_measures(said, seed=seed) if classification else {},
            measured_measures=seen.measures,
        )
    return found


def typical_deviation(points: list[ValidationPoint]) -> float:
    """Return the root mean square of log(forecast/measured); 0 without points."""
    logs = [np.log(max(point.ratio, 1e-12)) for point in points]
    return float(np.sqrt(np.mean(np.square(logs)))) if logs else 0.0


def split_rows(pool: Pool, random: np.random.Generator) -> tuple[list[LabelledRows], list[LabelledRows]]:
    """Split each source, or `MAX_ROWS` of its rows, at random into two halves; repeats of a rare row share a half."""
    known, fresh = [], []
    for rows in pool.rows:
        order = random.permutation(len(rows))[:MAX_ROWS]
        first = first_of_each(hash_rows(rows.features, rows=order))
        together = np.argsort(first, kind="stable")
        order, first = order[together], first[together]
        middle = len(order) // 2
        start, stop = np.searchsorted(first, first[middle]), np.searchsorted(first, first[middle], side="right")
        cut = start if start >= 2 else stop if len(order) - stop >= 2 else middle
        known.append(rows.take(np.sort(order[:cut])))
        fresh.append(rows.take(np.sort(order[cut:])))
    return known, fresh


def handful(available: NDArray[np.intp], best_ridge: Callable[[Array, float], float]) -> list[Trial]:
    """Return the mixtures to train: all rows, real only small and large, synthetic only, several shares and weights."""
    is_real = np.arange(len(available)) == 0
    plans = [(1.0, 1.0, 1.0), (0.25, 0.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.3), (0.25, 1.0, 1.0), (1.0, 0.25, 1.0),
             (0.0, 1.0, 1.0)]  # fmt: skip
    trials = []
    for real, synthetic, weight in plans:
        counts = np.floor(available * np.where(is_real, real, synthetic))
        trials.append(Trial(counts, np.where(is_real, 1.0, weight), best_ridge(counts, weight)))
    return trials


def train_and_measure(
    fresh: list[LabelledRows],
    holdout: LabelledRows,
    trial: Trial,
    *,
    classification: bool,
    run_to_run: float,
    random: np.random.Generator,
) -> Measured:
    """Train `REPEATS` models on random rows (one where every row is used) and measure them on the held-out rows.

    The standard error is never less than `run_to_run` over the root of how many disjoint training sets the rows hold.
    """
    counts = trial.n_samples.astype(int)
    largest_share = max(count / len(rows) for count, rows in zip(counts, fresh, strict=True))
    repeats = 1 if largest_share > 0.99 else REPEATS
    errors, measures = [], []
    for _ in range(repeats):
        drawn = [rows.take(random.permutation(len(rows))[:n]) for n, rows in zip(counts, fresh, strict=True) if n > 0]
        coefficients = train_ridge(drawn, weights=trial.weights[counts > 0], ridge=trial.ridge)
        outputs = holdout.features @ coefficients
        errors.append(float(np.mean(np.sum((holdout.targets - outputs) ** 2, axis=1))))
        measures.append(measured(outputs, holdout.targets) if classification else {})
    independent = min(repeats, 1.0 / largest_share)
    scatter = float(np.std(errors, ddof=1) / np.sqrt(repeats)) if repeats > 1 else 0.0
    return Measured(
        error=float(np.mean(errors)),
        stderr=max(scatter, run_to_run / np.sqrt(independent)),
        repeats=repeats,
        measures={name: float(np.mean([values[name] for values in measures])) for name in measures[0]},
    )
