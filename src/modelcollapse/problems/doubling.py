"""Which problem has the same answer in theory at twice the size? There, the error of the proportional limit halves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.errors import InputError
from modelcollapse.problems.classes import Classes, ClassSource
from modelcollapse.problems.mixture import MAX_SAMPLES, Mixture, Source
from modelcollapse.problems.recursion import Recursion
from modelcollapse.problems.spectrum import Spectrum
from modelcollapse.problems.teacher import FixedTeacher, RandomTeacher, Shift, Teacher


def doubled(problem: Mixture) -> Mixture:
    """Return the problem with twice as many features, samples and random features, of the same ratios and powers.

    Every covariance Σ becomes Σ ⊗ I₂, every known vector f becomes f ⊗ (1, 1)/√2, and random teachers and shifts
    spread the same power over twice as many directions. The closed forms, which know ratios only, answer the same.

    Parameters
    ----------
    problem : Mixture

    Returns
    -------
    Mixture

    Raises
    ------
    InputError
        When twice a number of samples, or twice the width, exceeds 1e15.

    Examples
    --------
    >>> source = Source("real", n_samples=90, spectrum=Spectrum.explicit([2.0, 1.0]), teacher=FixedTeacher([1.0, 0.0]))
    >>> double = doubled(Mixture([source], ridge=0.1))
    >>> double.sources[0].n_samples, double.spectra[0].eigenvalues.tolist()
    (180, [2.0, 2.0, 1.0, 1.0])
    """
    _check_largest(max(problem.width or 0, *(source.n_samples for source in problem.sources)))
    first = problem.spectra[0]
    sources = [
        _doubled_source(source, inherits=k > 0 and source.spectrum is first) for k, source in enumerate(problem.sources)
    ]
    return replace(problem, sources=sources, width=None if problem.width is None else 2 * problem.width)


def doubled_recursion(problem: Recursion) -> Recursion:
    """Return the recursion with twice as many features, samples and random features in every generation.

    Parameters
    ----------
    problem : Recursion

    Returns
    -------
    Recursion

    Raises
    ------
    InputError
        When twice a number of samples, or twice a width, exceeds 1e15.
    """
    workflow = problem.workflow
    schedule = replace(
        workflow.schedule,
        width=None if workflow.schedule.width is None else [2 * width for width in workflow.schedule.width],
        n_samples={name: [2 * n for n in counts] for name, counts in workflow.schedule.n_samples.items()},
    )
    subsample = None if workflow.subsample is None else 2 * workflow.subsample
    return Recursion(doubled(problem.mixture), replace(workflow, schedule=schedule, subsample=subsample))


def doubled_classes(problem: Classes) -> Classes:
    """Return the two classes with twice as many features and samples, as far apart.

    Parameters
    ----------
    problem : Classes

    Returns
    -------
    Classes

    Raises
    ------
    InputError
        When twice a number of samples exceeds 1e15.

    Examples
    --------
    >>> source = ClassSource("real", n_samples=90, mean=[1.0, 0.0], spectrum=Spectrum.explicit([2.0, 1.0]))
    >>> double = doubled_classes(Classes([source], ridge=0.1))
    >>> double.sources[0].n_samples, double.means.round(3).tolist()
    (180, [[0.707, 0.707, 0.0, 0.0]])
    """
    _check_largest(max(source.n_samples for source in problem.sources))
    return replace(problem, sources=[_doubled_class_source(source) for source in problem.sources])


def _check_largest(largest: int) -> None:
    if 2 * largest > MAX_SAMPLES:
        raise InputError(
            f"a problem can be doubled up to {MAX_SAMPLES // 2:g} samples or random features; got {largest:g}. "
            "Use fewer: the answer has long reached its limit."
        )


def _doubled_class_source(source: ClassSource) -> ClassSource:
    """Return twice a source; a mean that is given by its norm goes on to be spread evenly."""
    assert source.spectrum is not None, "the sources of a problem have a spectrum"
    return replace(
        source,
        n_samples=2 * source.n_samples,
        mean=None if source.mean is None else _doubled_vector(source.mean),
        spectrum=_doubled_spectrum(source.spectrum),
    )


def _doubled_source(source: Source, *, inherits: bool) -> Source:
    """Return twice a source; one that inherits its covariance goes on to share it with the first."""
    assert source.spectrum is not None, "the sources of a mixture have a spectrum"
    return replace(
        source,
        n_samples=2 * source.n_samples,
        spectrum=None if inherits else _doubled_spectrum(source.spectrum),
        teacher=None if source.teacher is None else _doubled_teacher(source.teacher),
        shift=None if source.shift is None else _doubled_shift(source.shift),
    )


def _doubled_spectrum(spectrum: Spectrum) -> Spectrum:
    if spectrum.eigenvalues is not None:
        return Spectrum.explicit(np.repeat(spectrum.eigenvalues, 2))
    assert spectrum.covariance is not None
    double = Spectrum.full(np.kron(spectrum.covariance, np.eye(2)))
    variances, vectors = spectrum.directions
    assert vectors is not None
    # Where eigenvalues are equal, eigenvectors are anybody's choice: the double keeps the one that was made.
    double.__dict__["directions"] = (np.repeat(variances, 2), np.kron(vectors, np.eye(2)))
    return double


def _doubled_teacher(teacher: Teacher) -> Teacher:
    if isinstance(teacher, FixedTeacher):
        return FixedTeacher(_doubled_vector(teacher.vector))
    return RandomTeacher(np.repeat(teacher.power, 2)) if isinstance(teacher.power, np.ndarray) else teacher


def _doubled_shift(shift: Shift) -> Shift:
    if shift.vector is not None:
        return Shift(vector=_doubled_vector(shift.vector))
    return replace(shift, shape=np.repeat(shift.shape, 2)) if isinstance(shift.shape, np.ndarray) else shift


def _doubled_vector(vector: Array) -> Array:
    """Return f ⊗ (1, 1)/√2, of the same length and the same power in every direction of Σ ⊗ I₂."""
    return np.repeat(vector / np.sqrt(2), 2)
