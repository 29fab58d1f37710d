"""In which worlds is the forecast tested? Sources whose distribution is known, with held-out rows free of noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import ortho_group

from modelcollapse import FixedTeacher, Mixture, Source, Spectrum
from modelcollapse.checks import Array
from modelcollapse.estimation.pool import Pool, pool_of
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.streams import stream


@dataclass(frozen=True)
class World:
    """Gaussian sources x ~ N(0, Σ_k), y = w_kᵀx + noise; the first is the target.

    Attributes
    ----------
    covariances : ndarray (K, d, d)
    teachers : ndarray (K, d, n_outputs)
    noise_vars : ndarray (K,)
        Per output.
    """

    covariances: Array
    teachers: Array
    noise_vars: Array

    def draw(self, source: int, n_samples: int, rng: np.random.Generator) -> LabelledRows:
        root = np.linalg.cholesky(self.covariances[source])
        features = rng.standard_normal((n_samples, len(root))) @ root.T
        noise = rng.standard_normal((n_samples, self.teachers.shape[2])) * np.sqrt(self.noise_vars[source])
        return LabelledRows(features, features @ self.teachers[source] + noise)

    def holdout(self) -> LabelledRows:
        """Rows whose second moment is exactly the target's and whose noise is exactly orthogonal and of its size.

        The error of any predictor on them is its expected test error: nothing of the held-out sample is random.
        """
        n_features, n_outputs = self.teachers.shape[1:]
        n_rows = 2 * (n_features + n_outputs)
        gaussian = stream(1, "ideal holdout").standard_normal((n_rows, n_features + n_outputs))
        orthonormal = np.sqrt(n_rows) * np.linalg.qr(gaussian)[0]
        features = orthonormal[:, :n_features] @ np.linalg.cholesky(self.covariances[0]).T
        noise = np.sqrt(self.noise_vars[0]) * orthonormal[:, n_features:]
        return LabelledRows(features, features @ self.teachers[0] + noise)

    def pool(self, counts: tuple[int, ...], rng: np.random.Generator) -> Pool:
        return pool_of([self.draw(k, count, rng) for k, count in enumerate(counts)], holdout=self.holdout())

    def problem(self, n_samples: tuple[int, ...], *, weights: tuple[float, ...], ridge: float) -> Mixture:
        """Return the mixture as a problem for the theory engine (one output)."""
        return Mixture(
            [
                Source(
                    f"source {k}",
                    n_samples=n,
                    noise_var=float(self.noise_vars[k]),
                    weight=weights[k],
                    spectrum=Spectrum.full(self.covariances[k]),
                    teacher=FixedTeacher(self.teachers[k, :, 0]),
                )
                for k, n in enumerate(n_samples)
            ],
            ridge=ridge,
        )


def planted_world(n_sources: int, *, n_features: int, n_outputs: int = 1) -> World:
    """Build sources that differ in everything: spectrum, eigenvectors, teacher, noise."""
    rng = stream(7, "planted world", n_sources, n_features)
    covariances, teachers = [], []
    real = rng.standard_normal((n_features, n_outputs)) / np.sqrt(n_features)
    for k in range(n_sources):
        eigenvalues = (1.0 + 0.5 * k) * np.arange(1.0, n_features + 1.0) ** (-0.6 - 0.3 * k)
        basis = ortho_group.rvs(n_features, random_state=rng)
        covariances.append((basis * eigenvalues * n_features / eigenvalues.sum()) @ basis.T)
        shift = rng.standard_normal((n_features, n_outputs)) / np.sqrt(n_features)
        teachers.append(real + 0.6 * np.sqrt(k) * shift)
    return World(np.stack(covariances), np.stack(teachers), 0.3 / (1.0 + np.arange(n_sources)))


def train(sources: list[LabelledRows], *, weights: tuple[float, ...], ridge: float) -> Array:
    """Return argmin (1/N) Σ ω_k (y − xᵀw)² + λ‖w‖², shape (n_features, n_outputs)."""
    total = sum(len(rows) for rows in sources)
    matrix = ridge * np.eye(sources[0].features.shape[1])
    right = np.zeros((len(matrix), sources[0].targets.shape[1]))
    for weight, rows in zip(weights, sources, strict=True):
        matrix += weight / total * rows.features.T @ rows.features
        right += weight / total * rows.features.T @ rows.targets
    return np.asarray(np.linalg.solve(matrix, right))


def squared_error(coefficients: Array, rows: LabelledRows) -> float:
    """Return the mean squared error, summed over outputs."""
    return float(np.sum((rows.targets - rows.features @ coefficients) ** 2) / len(rows))


@dataclass(frozen=True)
class Truth:
    """What `population` estimates, from the distributions themselves."""

    gains: Array
    traces: Array
    sensitivity: Array
    target_sensitivity: Array
    mean_errors: Array
    target_error: float


def truth(world: World, *, n_samples: Array, weights: Array, ridge: float) -> Truth:
    """Solve e_k = 1/(1 + ω_k tr(Σ_k R)/N) by plain iteration and evaluate the mean predictor."""
    shares, total = n_samples / n_samples.sum(), n_samples.sum()
    retained = np.ones(len(shares))
    for _ in range(10_000):
        gains = shares * weights * retained
        matrix = np.tensordot(gains, world.covariances, axes=1) + ridge * np.eye(world.covariances.shape[1])
        resolvent = np.linalg.inv(matrix)
        traces = np.einsum("kab,ba->k", world.covariances, resolvent)
        updated = 1.0 / (1.0 + weights * traces / total)
        if np.max(np.abs(updated - retained)) < 1e-13:
            break
        retained = updated
    moved = resolvent @ world.covariances
    sensitivity = np.einsum("kab,jba->kj", moved, moved)
    predictor = resolvent @ np.einsum("k,kab,kbc->ac", gains, world.covariances, world.teachers)
    gaps = world.teachers - predictor
    n_outputs = world.teachers.shape[2]
    errors = np.einsum("kac,kab,kbc->k", gaps, world.covariances, gaps) + n_outputs * world.noise_vars
    return Truth(gains, traces, sensitivity, sensitivity[:, 0], errors, float(errors[0]))
