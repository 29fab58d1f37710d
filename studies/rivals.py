"""What would people do instead? Fit a law to models trained inside the pool, and extrapolate it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import least_squares

from modelcollapse.estimation.pool import Pool
from modelcollapse.estimation.rows import Array
from modelcollapse.streams import stream
from studies.mixtures import Mixture
from studies.trained import squared_error, train

CURVE_SHARES = tuple(np.geomspace(0.1, 1.0, 7))
LAW_SHARES = (0.0, 0.1, 0.25, 0.5, 1.0)
LAW_WEIGHTS = (1.0, 0.3, 3.0)
N_RUNS = 3
N_STARTS = 30


@dataclass(frozen=True)
class Trained:
    """Models trained on parts of the pool: one row per model.

    Attributes
    ----------
    real, synthetic : ndarray (n_models,)
        Rows of the real and of the weak synthetic source.
    share : ndarray (n_models,)
        α: total weight of the synthetic rows over the total weight.
    errors : ndarray (n_models, n_ridges)
        On the held-out rows.
    """

    real: Array
    synthetic: Array
    share: Array
    errors: Array

    @property
    def n_models(self) -> int:
        """Models trained, all ridges together."""
        return int(self.errors.size)


def train_real_only(pool: Pool, *, ridges: tuple[float, ...], generator: np.random.Generator) -> Trained:
    """Train on parts of the real rows: seven sizes, from a tenth to all."""
    return _train(pool, [(share, 0.0, 1.0) for share in CURVE_SHARES], ridges, generator)


def train_mixtures(pool: Pool, *, ridges: tuple[float, ...], generator: np.random.Generator) -> Trained:
    """Train on parts of the real and of the weak synthetic rows: 24 pairs of sizes, those with both at 3 weights."""
    designs = [
        (real, synthetic, weight)
        for real, synthetic, weight in product(LAW_SHARES, LAW_SHARES, LAW_WEIGHTS)
        if real + synthetic > 0 and (weight == 1 or real * synthetic > 0)
    ]
    return _train(pool, designs, ridges, generator)


def _train(
    pool: Pool, designs: list[tuple[float, float, float]], ridges: tuple[float, ...], generator: np.random.Generator
) -> Trained:
    sizes, errors = [], []
    for (real, synthetic, weight), _ in product(designs, range(N_RUNS)):
        sources = []
        for share, rows in zip((real, synthetic), pool.rows, strict=False):
            chosen = generator.permutation(len(rows))[: round(share * len(rows))]
            sources.append((rows.features[chosen], rows.targets[chosen]))
        models = train(sources, weights=(1.0, weight), ridges=ridges)
        errors.append([squared_error(model, pool.holdout) for model in models])
        sizes.append((len(sources[0][0]), len(sources[1][0]), weight))
    n, m, weights = np.array(sizes, dtype=np.float64).T
    return Trained(n, m, weights * m / (n + weights * m), np.array(errors))


def power_law(trained: Trained, *, ridge: int) -> Callable[[float], float]:
    """Fit a + b n^(−c) to models trained on real rows only, at the ridge in a given position."""
    unit, sizes = float(trained.errors[:, ridge].max()), trained.real
    errors = trained.errors[:, ridge] / unit
    law = _fit(lambda p: p[0] + p[1] * sizes ** -p[2], errors, low=[1e-3, 1e-2, 0.05], high=[1.0, 1e2, 3.0])
    return lambda n: unit * float(law[0] + law[1] * n ** -law[2]) if n > 0 else np.nan


def mixture_law(trained: Trained, *, ridge: int) -> Callable[[Mixture], float]:
    """Fit the law of Jain, Montanari and Sasoglu (arXiv 2402.04376) to models trained on two sources.

    The law, as recalled: R(n, m; α) − R* = α² S + [α² (s m^−β)^(1/β) + (1 − α)² (r n^−β)^(1/β)]^β, S the excess error
    of infinitely many surrogate samples. Here R*, S, s, r and β are fitted, to relative errors, from many starts.
    """
    unit = float(trained.errors[:, ridge].max())

    def law(p: Array, n: Array, m: Array, share: Array) -> Array:
        beta = p[4]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            surrogate = np.where(m > 0, share**2 * p[2] ** (1 / beta) / m, 0.0)
            original = np.where(n > 0, (1 - share) ** 2 * p[3] ** (1 / beta) / n, 0.0)
        value: Array = p[0] + share**2 * p[1] + (surrogate + original) ** beta
        return value

    fitted = _fit(
        lambda p: law(p, trained.real, trained.synthetic, trained.share),
        trained.errors[:, ridge] / unit,
        low=[1e-3, 1e-3, 1e-2, 1e-2, 0.05],
        high=[1.0, 1.0, 1e2, 1e2, 3.0],
    )

    def predict(mixture: Mixture) -> float:
        if not mixture.two_sources:
            return np.nan
        n, m, _ = map(float, mixture.n_samples)
        real, synthetic = n * mixture.weights[0], m * mixture.weights[1]
        return unit * float(law(fitted, np.array(n), np.array(m), np.array(synthetic / (real + synthetic))))

    return predict


def _fit(model: Callable[[Array], Array], errors: Array, *, low: list[float], high: list[float]) -> Array:
    """Return the positive parameters with the least squared relative error, the best of many starts.

    Parameters are searched on a log scale; `low` and `high` bound the starts.
    """
    generator = stream(0, "starts")
    bounds = np.log(np.array([low, high]))

    def residuals(logs: Array) -> Array:
        relative: Array = model(np.exp(np.clip(logs, -60, 60))) / errors - 1.0
        return np.clip(np.nan_to_num(relative, nan=1e6, posinf=1e6), -1e6, 1e6)

    fits = [least_squares(residuals, generator.uniform(*bounds), loss="soft_l1", f_scale=0.1) for _ in range(N_STARTS)]
    best: Array = np.exp(np.clip(min(fits, key=lambda fit: fit.cost).x, -60, 60))
    return best
