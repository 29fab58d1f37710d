"""What does a surface of 10,000 mixtures cost, against training those mixtures with scikit-learn's Ridge?"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import Ridge

from benchmarks.digit_like import DigitLike
from modelcollapse.decisions.forecast import forecast
from modelcollapse.decisions.surface import Surface, surface
from modelcollapse.estimation.pool import Pool, pool_of
from modelcollapse.estimation.rows import Array
from modelcollapse.streams import stream

POOL, HOLDOUT = 3000, 2000
COUNTS = np.geomspace(300, 20_000, 10).round()
WEIGHTS = np.geomspace(0.1, 3.0, 10)
RIDGES = np.geomspace(1e-4, 1e-1, 10)
N_REPEATS = 4
N_SIZE_GROUPS, PER_GROUP = 5, 2
N_EXACT = 25
LEAST_RATIO, LONGEST = 100.0, 60.0


@dataclass(frozen=True)
class Mixtures:
    """Mixtures side by side: `n_samples` and `weights` (n, 2), `ridge` (n,)."""

    n_samples: Array
    weights: Array
    ridge: Array

    def __len__(self) -> int:
        return len(self.ridge)

    def __getitem__(self, chosen: np.ndarray) -> Mixtures:
        return Mixtures(self.n_samples[chosen], self.weights[chosen], self.ridge[chosen])

    def errors(self, read: Surface) -> Array:
        """Return the forecast test error of each mixture."""
        return read.test_error(n_samples=self.n_samples, weights=self.weights, ridge=self.ridge)


def run() -> str:
    """Time the surface, exact forecasts and training on fresh draws; compare their errors."""
    generator = stream(0, "bench-surface")
    world = DigitLike.make(generator)
    pool = pool_of(
        [world.draw(POOL, generator), world.draw(POOL, generator, weak=True)], holdout=world.draw(HOLDOUT, generator)
    )
    mixtures = all_mixtures()
    start = time.perf_counter()
    read = surface(pool, ridges=RIDGES)
    reading = time.perf_counter() - start
    errors = mixtures.errors(read)
    total = time.perf_counter() - start
    exact, exact_seconds = exact_errors(pool, mixtures[some(mixtures, N_EXACT, generator)], read)
    sample = mixtures[stratified(mixtures, generator)]
    measured, seconds = train(world, pool, sample, generator)
    deviation = np.abs(sample.errors(read) / measured.mean(axis=1) - 1.0)
    training = seconds.mean() * len(mixtures)
    return "\n".join([
        "## Forecast surface",
        "",
        f"{len(mixtures):,} mixtures (10 real counts × 10 synthetic counts × 10 weights × 10 ridges, counts 300 to",
        f"20,000) at {pool.n_features} features and 10 outputs, from pools of {POOL:,} + {POOL:,} rows with a spectrum",
        f"like that of images of digits; {HOLDOUT:,} held out. Training: `Ridge(alpha=N*ridge)` with sample weights",
        f"on fresh draws, timed for {len(sample)} mixtures stratified over sizes, {N_REPEATS} repeats each, and",
        "extrapolated; data are drawn outside the clock.",
        "",
        "| | seconds | ratio |",
        "|---|---|---|",
        f"| surface: {read.n_fits} pool fits ({reading:.1f} s) and {len(mixtures):,} readings | **{total:.1f}** | 1 |",
        f"| training every mixture once | {training:,.0f} | {training / total:,.0f} |",
        f"| training every mixture {N_REPEATS} times | {N_REPEATS * training:,.0f} | "
        f"**{N_REPEATS * training / total:,.0f}** |",
        f"| one exact forecast | {exact_seconds:.2f} | |",
        f"| training one mixture once, mean over the sample | {seconds.mean():.2f} | |",
        "",
        f"Limits: at least {LEAST_RATIO:.0f} times cheaper than training {N_REPEATS} times "
        f"({'met' if N_REPEATS * training / total >= LEAST_RATIO else 'missed'}), under {LONGEST:.0f} s "
        f"({'met' if total < LONGEST else 'missed'}).",
        "",
        f"Accuracy: surface against exact forecast at {N_EXACT} random mixtures: median difference "
        f"{100 * np.median(exact):.2g} %, worst {100 * exact.max():.2g} %. Surface against the measured errors of the",
        f"{len(sample)} trained mixtures ({measured.min():.2f} to {measured.max():.2f}), {N_REPEATS} runs each: median "
        f"{100 * np.median(deviation):.2f} %, worst {100 * deviation.max():.2f} %.",
        f"{np.isnan(errors).sum():,} of the {len(mixtures):,} mixtures were beyond what the pool can tell.",
    ])  # fmt: skip


def all_mixtures() -> Mixtures:
    """Return the 10 × 10 × 10 × 10 grid as one list."""
    real, synthetic, weight, ridge = (
        axis.ravel() for axis in np.meshgrid(COUNTS, COUNTS, WEIGHTS, RIDGES, indexing="ij")
    )
    return Mixtures(np.stack([real, synthetic], axis=1), np.stack([np.ones_like(weight), weight], axis=1), ridge)


def some(mixtures: Mixtures, n: int, generator: np.random.Generator) -> np.ndarray:
    """Return the positions of `n` random mixtures."""
    return generator.choice(len(mixtures), size=n, replace=False)


def stratified(mixtures: Mixtures, generator: np.random.Generator) -> np.ndarray:
    """Return the positions of random mixtures, as many from each fifth of the sizes."""
    groups = np.array_split(np.argsort(mixtures.n_samples.sum(axis=1), kind="stable"), N_SIZE_GROUPS)
    return np.concatenate([generator.choice(group, size=PER_GROUP, replace=False) for group in groups])


def exact_errors(pool: Pool, mixtures: Mixtures, read: Surface) -> tuple[Array, float]:
    """Return how far, relatively, the surface is from the exact forecast of each mixture, and seconds per forecast."""
    start = time.perf_counter()
    exact = [
        forecast(pool, n_samples=n_samples, weights=weights, ridge=float(ridge)).test_error
        for n_samples, weights, ridge in zip(mixtures.n_samples, mixtures.weights, mixtures.ridge, strict=True)
    ]
    seconds = (time.perf_counter() - start) / len(mixtures)
    difference = np.abs(mixtures.errors(read) / np.array(exact) - 1.0)
    return difference[~np.isnan(difference)], seconds


def train(world: DigitLike, pool: Pool, mixtures: Mixtures, generator: np.random.Generator) -> tuple[Array, Array]:
    """Return errors on the held-out rows and seconds of each fit, shape (mixtures, repeats)."""
    errors, seconds = np.empty((2, len(mixtures), N_REPEATS))
    for row, (counts, weights, ridge) in enumerate(
        zip(mixtures.n_samples.astype(int), mixtures.weights, mixtures.ridge, strict=True)
    ):
        for repeat in range(N_REPEATS):
            parts = [world.draw(int(n), generator, weak=weak) for n, weak in zip(counts, (False, True), strict=True)]
            features = np.concatenate([part.features for part in parts])
            targets = np.concatenate([part.targets for part in parts])
            start = time.perf_counter()
            model = Ridge(alpha=counts.sum() * ridge, fit_intercept=False)
            model.fit(features, targets, sample_weight=np.repeat(weights, counts))
            seconds[row, repeat] = time.perf_counter() - start
            residuals = pool.holdout.targets - model.predict(pool.holdout.features)
            errors[row, repeat] = (residuals**2).sum() / len(residuals)
    return errors, seconds
