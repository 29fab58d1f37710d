"""How does a linear classifier fitted on partly wrong labels do? Exact draws of all that its fit sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.special import ndtr

from modelcollapse.checks import Array
from modelcollapse.simulation.backend import NumpyBackend, Randomness
from modelcollapse.simulation.wishart import bartlett_factor

NEGLIGIBLE = 1e-8
"""Ridges below this times the largest variance are added as rows, in which nothing is squared."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """What the classifier is fitted on.

    Attributes
    ----------
    n_samples : tuple of K ints
        Before any is thrown away.
    shares : array of shape (K, 3)
        Probabilities that a sample is kept with a right label, kept with a wrong one, and thrown away.
    means, eigenvalues : arrays of shape (K, d)
        Centre of the class y = 1, and variances along the coordinates.
    ridge : float
    """

    n_samples: tuple[int, ...]
    shares: Array
    means: Array
    eigenvalues: Array
    ridge: float


@dataclass(frozen=True, kw_only=True)
class Replicate:
    """What one classifier does on new samples of the first source, and what it was fitted on.

    Attributes
    ----------
    margin_mean, margin_variance : float
        Of y wᵀx.
    accuracy : float
        Probability of a positive margin; a half where the classifier is zero.
    kept : array of shape (K, 2)
        Samples that were kept with a right and with a wrong label.
    """

    margin_mean: float
    margin_variance: float
    accuracy: float
    kept: Array


def draw_replicate(randomness: Randomness, generator: np.random.Generator, design: Design) -> Replicate:
    """Draw kept counts, the fit on as many samples, and its margin, which is known given the fit.

    Parameters
    ----------
    randomness : Randomness
        For the samples.
    generator : Generator
        For the counts.
    design : Design

    Returns
    -------
    Replicate
    """
    counts = [generator.multinomial(n, shares) for n, shares in zip(design.n_samples, design.shares, strict=True)]
    kept = np.array(counts, dtype=np.float64)[:, :2]
    rows, labels = _sufficient_rows(randomness, kept, design)
    classifier = _fit(rows, labels, ridge=design.ridge * sum(design.n_samples))
    mean = float(classifier @ design.means[0])
    variance = float(classifier**2 @ design.eigenvalues[0])
    accuracy = float(ndtr(mean / np.sqrt(variance))) if variance > 0 else 0.5
    return Replicate(margin_mean=mean, margin_variance=variance, accuracy=accuracy, kept=kept)


def _sufficient_rows(randomness: Randomness, kept: Array, design: Design) -> tuple[Array, Array]:
    """Return rows and labels with the same Σ zzᵀ and Σ z·label, jointly in law, as all kept samples z = yx.

    An orthogonal transformation of n rows z ~ N(μ, Σ) with the same label s = ±1 turns them into one row √n μ + Σ^½ h,
    label s √n, which holds their sum, and n − 1 rows of N(0, Σ), label 0, which only their Gram matrix matters of.

    Returns
    -------
    rows : array of shape (r, d)
        At most d + 2 for each covariance and source, whatever the sample counts.
    labels : array of shape (r,)
    """
    spectra, group = np.unique(design.eigenvalues, axis=0, return_inverse=True)
    n_centred = np.maximum(kept - 1, 0).sum(axis=1)
    backend, n_features = NumpyBackend(), spectra.shape[1]
    rows, labels = [np.zeros((0, n_features))], [np.zeros(0)]
    for g, spectrum in enumerate(spectra):
        n_samples = int(n_centred[group == g].sum())
        factor = bartlett_factor(backend, randomness, n_samples=n_samples, n_features=n_features)
        rows.append(factor.T * np.sqrt(spectrum))
        labels.append(np.zeros(factor.shape[1]))
    for counts, mean, variances in zip(kept, design.means, design.eigenvalues, strict=True):
        for count, label in zip(counts, (1.0, -1.0), strict=True):
            if count > 0:
                sums = np.sqrt(count) * mean + np.sqrt(variances) * randomness.normal(n_features)
                rows.append(sums[None, :])
                labels.append(np.array([label * np.sqrt(count)]))
    return np.concatenate(rows), np.concatenate(labels)


def _fit(rows: Array, labels: Array, *, ridge: float) -> Array:
    """Return argmin ‖rows w − labels‖² + ridge ‖w‖², the one of minimum norm without ridge."""
    n_features = rows.shape[1]
    gram = rows.T @ rows
    if ridge > NEGLIGIBLE * gram.trace():
        gram.flat[:: n_features + 1] += ridge
        return np.asarray(scipy.linalg.solve(gram, rows.T @ labels, assume_a="pos"))
    if ridge > 0:
        rows = np.concatenate([rows, np.sqrt(ridge) * np.eye(n_features)])
        labels = np.concatenate([labels, np.zeros(n_features)])
    return np.asarray(np.linalg.lstsq(rows, labels)[0])
