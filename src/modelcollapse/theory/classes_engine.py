"""What does theory answer to a problem of two classes? The one place where such problems become its arrays."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from modelcollapse import __version__
from modelcollapse.checks import Array, choice, integer, real_array
from modelcollapse.errors import InputError, NumericalError
from modelcollapse.problems.classes import Classes
from modelcollapse.result import ClassesResult, Status
from modelcollapse.theory.classes import Labels, Margin, class_margin

SCANNED = 64
"""Numbers of samples that are looked at together."""


def solve_classes(problem: Classes) -> ClassesResult:
    """Answer a problem of two classes by deterministic equivalents.

    Parameters
    ----------
    problem : Classes

    Returns
    -------
    ClassesResult
        Without randomness: standard errors and seed are 0 and None. Without ridge and with as many kept samples as
        features the margin's variance is infinite, and `status` says so.

    Raises
    ------
    NumericalError
        When the fixed point was not reached; carries the partial result.

    Examples
    --------
    >>> from modelcollapse import ClassSource, Spectrum
    >>> real = ClassSource("real", n_samples=10**9, mean_norm=1.0, spectrum=Spectrum.isotropic(50))
    >>> round(solve_classes(Classes([real], ridge=0)).accuracy, 4)  # Φ(1): no classifier can do better
    0.8413
    """
    margin = _margin(problem, _n_samples(problem))
    result = _result(problem, margin)
    if result.status is Status.NOT_CONVERGED:
        raise NumericalError(
            f"the fixed point was not reached in {margin.iterations} iterations; use a larger ridge.", result=result
        )
    return result


def accuracies(problem: Classes, *, source: str, n_samples: ArrayLike) -> Array:
    """Return the accuracy at several sample counts of one source, the ridge per sample unchanged.

    Parameters
    ----------
    problem : Classes
    source : str
        Name of the source whose count varies.
    n_samples : array of shape (n,)
        Before any sample is thrown away.

    Returns
    -------
    array of shape (n,)

    Raises
    ------
    InputError
        When a count is negative, the source is unknown, or nothing is kept.
    """
    counts = real_array("n_samples", n_samples, ndim=1)
    if (counts < 0).any():
        raise InputError(f"`n_samples` must not be negative; got {counts.min():g}.")
    names = [item.name for item in problem.sources]
    varies = np.array(names) == choice("source", source, names)
    return _margin(problem, np.where(varies, counts[:, None], _n_samples(problem))).accuracy


def with_best_n_samples(problem: Classes, *, source: str, max_samples: int) -> Classes:
    """Return the problem with the number of samples of one source, from 0 to `max_samples`, that is most accurate.

    Counts are scanned on a logarithmic grid, and then again between the neighbours of the best one until these are
    consecutive.
    """
    others_kept = sum(item.n_kept for item in problem.sources if item.name != source)
    low, high = 0 if others_kept > 0 else 1, integer("max_samples", max_samples, low=1)
    while True:
        counts = np.unique(np.round(np.geomspace(low + 1, high + 1, SCANNED) - 1))
        best = int(np.argmax(accuracies(problem, source=source, n_samples=counts)))
        low, high = int(counts[max(best - 1, 0)]), int(counts[min(best + 1, len(counts) - 1)])
        if high - low <= 2:
            found = int(counts[best])
            sources = [replace(s, n_samples=found) if s.name == source else s for s in problem.sources]
            return replace(problem, sources=sources)


def _n_samples(problem: Classes) -> Array:
    """Return the samples of each source before any is thrown away, (K,)."""
    return np.array([float(source.n_samples) for source in problem.sources])


def _margin(problem: Classes, n_samples: Array) -> Margin:
    """Return the margin for sample counts of shape (..., K), at the problem's ridge per sample."""
    labels = Labels(
        n_right=n_samples * np.array([source.right_share for source in problem.sources]),
        n_wrong=n_samples * np.array([source.wrong_share for source in problem.sources]),
        n_total=n_samples.sum(axis=-1),
        ridge=np.array(problem.ridge),
    )
    if not ((labels.n_right + labels.n_wrong).sum(axis=-1) > 0).all():
        raise InputError("at least one source must have samples that are kept; nothing is left to fit.")
    return class_margin(labels, means=problem.means, eigenvalues=problem.eigenvalues)


def _result(problem: Classes, margin: Margin) -> ClassesResult:
    """Turn the margin at one point into a result."""
    names = [source.name for source in problem.sources]
    kept = [source.n_kept for source in problem.sources]
    wrong = [source.n_samples * source.wrong_share for source in problem.sources]
    numbers = ("accuracy", "margin_mean", "margin_variance")
    status = Status.OK if bool(margin.converged) else Status.NOT_CONVERGED
    none = dict.fromkeys(names, 0.0)
    return ClassesResult(
        accuracy=float(margin.accuracy),
        margin_mean=float(margin.mean),
        margin_variance=float(margin.variance),
        kept_samples=dict(zip(names, kept, strict=True)),
        kept_label_error={name: w / n if n else math.nan for name, w, n in zip(names, wrong, kept, strict=True)},
        stderr={**dict.fromkeys(numbers, 0.0), "kept_samples": none, "kept_label_error": none},
        status=Status.INTERPOLATION_THRESHOLD if bool(margin.threshold) else status,
        engine="theory",
        seed=None,
        n_replicates=None,
        version=__version__,
        assumptions=(
            "Gaussian classes of equal covariance and size",
            "samples and features large together: errors of the order of 1/n_samples",
        ),
    )
