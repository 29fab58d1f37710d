"""What does theory answer to a problem? The one place where problems become arrays, and arrays results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from modelcollapse import __version__
from modelcollapse.checks import Array, choice, fail
from modelcollapse.errors import NumericalError
from modelcollapse.problems.mixture import Mixture
from modelcollapse.problems.spectrum import Spectrum
from modelcollapse.problems.teacher import TeacherLaw
from modelcollapse.result import PARTS, Result, Status
from modelcollapse.theory import floor, optima, sensitivity
from modelcollapse.theory.commuting import CommutingCovariances
from modelcollapse.theory.covariances import Covariances
from modelcollapse.theory.dense import DenseCovariances
from modelcollapse.theory.limits import SMALL_RIDGE
from modelcollapse.theory.mixture import MixtureRisk, mixture_risk
from modelcollapse.theory.networks import LinearEquivalent, linear_equivalent
from modelcollapse.theory.reductions import Sampling
from modelcollapse.theory.teachers import Teachers

COMMUTING = 1e-10
"""Covariances count as commuting when, in a common basis, entries off the diagonal are below this times the largest."""


@dataclass(frozen=True, kw_only=True)
class Translation:
    """A problem as arrays.

    Attributes
    ----------
    sampling : Sampling
    covariances : Covariances
    teachers : Teachers
    target : int
    basis : array of shape (d, d) or None
        Common eigenvectors as columns, in which everything commuting is written; None for the coordinates.
    """

    sampling: Sampling
    covariances: CommutingCovariances | DenseCovariances
    teachers: Teachers
    target: int
    basis: Array | None


def solve(problem: Mixture) -> Result:
    """Answer a mixture by deterministic equivalents.

    Parameters
    ----------
    problem : Mixture

    Returns
    -------
    Result
        Without randomness: standard errors and seed are 0 and None. On the interpolation threshold the risk is
        infinite and `status` says so.

    Raises
    ------
    InputError
        For an activation without a linear part; and without ridge, with more than 12 different covariances of which
        some are singular.
    NumericalError
        When the fixed point was not reached; carries the partial result.

    Examples
    --------
    >>> from modelcollapse import RandomTeacher, Source
    >>> real = Source("real", n_samples=400, noise_var=0.5, spectrum=Spectrum.isotropic(200), teacher=RandomTeacher())
    >>> round(solve(Mixture([real], ridge=0)).excess_risk, 6)  # σ² φ/(1 − φ)
    0.5
    """
    arrays = translate(problem)
    risk = mixture_risk(arrays.sampling, covariances=arrays.covariances, teachers=arrays.teachers, target=arrays.target)
    return _result(problem, risk)


def marginal_values(problem: Mixture) -> dict[str, float]:
    """Return ∂risk/∂n_k on the target by source name: negative where more samples help."""
    arrays = translate(problem)
    values = sensitivity.marginal_values(
        arrays.sampling, covariances=arrays.covariances, teachers=arrays.teachers, target=arrays.target
    )
    return dict(zip(_names(problem), map(float, values), strict=True))


def exchange_rates(problem: Mixture) -> dict[str, float]:
    """Return what one more sample of each source is worth in samples of the first: negative where it hurts.

    NaN for every source where more samples of the first do not help: its sample is no unit of worth there, and the
    sign of a ratio would mislead.
    """
    values = marginal_values(problem)
    unit = values[_names(problem)[0]]
    return {name: value / unit if unit < 0 else float("nan") for name, value in values.items()}


def infinite_data_floor(problem: Mixture) -> dict[str, float]:
    """Return the excess risk on each source as all sources grow without limit, at the same shares and ridge."""
    arrays = translate(problem)
    limit = floor.infinite_data_floor(
        arrays.sampling, covariances=arrays.covariances, teachers=arrays.teachers, target=arrays.target
    )
    return dict(zip(_names(problem), map(float, limit.excess_risk), strict=True))


def extreme_shifts(problem: Mixture, *, source: str) -> sensitivity.ExtremeShifts:
    """Return the worst and the mildest errors of one source's teacher, directions in the coordinates of the inputs."""
    arrays = translate(problem)
    extremes = sensitivity.extreme_shifts(
        arrays.sampling,
        covariances=arrays.covariances,
        teachers=arrays.teachers,
        source=_names(problem).index(choice("source", source, _names(problem))),
        target=arrays.target,
    )
    if arrays.basis is None:
        return extremes
    return replace(
        extremes,
        worst_direction=arrays.basis @ extremes.worst_direction,
        mildest_direction=arrays.basis @ extremes.mildest_direction,
    )


def with_optimal_ridge(problem: Mixture) -> Mixture:
    """Return the problem with the ridge that makes its excess risk smallest."""
    return _with_fit(problem, optima.optimal_ridge)


def with_optimal_weights(problem: Mixture) -> Mixture:
    """Return the problem with the weights that make its excess risk smallest at its ridge."""
    return _with_fit(problem, optima.optimal_weights)


def with_optimal_fit(problem: Mixture) -> Mixture:
    """Return the problem with the weights and the ridge that together make its excess risk smallest."""
    return _with_fit(problem, optima.optimal_fit)


def with_best_width(problem: Mixture, *, max_width: int) -> Mixture:
    """Return the problem with the width up to `max_width` that makes its excess risk smallest.

    Raises
    ------
    InputError
        When the problem is a linear model, which has no width.
    """
    if problem.width is None:
        raise fail("width", None, "a whole number", "The linear model has no width to choose.")
    arrays = translate(problem)
    best = optima.best_width(
        arrays.sampling,
        covariances=arrays.covariances,
        teachers=arrays.teachers,
        target=arrays.target,
        max_width=max_width,
    )
    return replace(problem, width=best.width)


def _with_fit(problem: Mixture, optimise: Callable[..., optima.BestFit]) -> Mixture:
    arrays = translate(problem)
    best = optimise(arrays.sampling, covariances=arrays.covariances, teachers=arrays.teachers, target=arrays.target)
    sources = [replace(s, weight=float(weight)) for s, weight in zip(problem.sources, best.weight, strict=True)]
    return replace(problem, sources=sources, ridge=best.ridge)


def _names(problem: Mixture) -> list[str]:
    return [source.name for source in problem.sources]


def translate(problem: Mixture) -> Translation:
    """Write a problem as arrays; covariances that commute are rotated to their common eigenvectors."""
    group, spectra = _groups(problem.spectra)
    covariances, basis = _covariances(spectra)
    equivalents = _equivalents(problem, covariances)
    slope = np.array([1.0 if e is None else e.slope for e in equivalents])
    samples = np.array([source.n_samples for source in problem.sources], dtype=np.float64)
    total = samples.sum()
    return Translation(
        sampling=Sampling(
            group=group,
            share=samples / total,
            n_total=np.array(total),
            noise_var=np.array([source.noise_var for source in problem.sources]),
            weight=np.array([source.weight for source in problem.sources]),
            ridge=np.array(problem.ridge),
            width=None if problem.width is None else np.array(float(problem.width)),
            feature_noise=np.array([0.0 if e is None else e.feature_noise for e in equivalents]),
        ),
        covariances=covariances.scaled(slope**2),
        teachers=_teachers(problem.teachers, covariances, basis, scale=1 / slope[list(group)]),
        target=problem.target_index,
        basis=basis,
    )


def _groups(spectra: tuple[Spectrum, ...]) -> tuple[tuple[int, ...], list[Spectrum]]:
    """Return which distinct covariance each source has, and the distinct ones."""
    distinct: list[Spectrum] = []
    group = []
    for spectrum in spectra:
        same = [g for g, other in enumerate(distinct) if _same(spectrum, other)]
        group.append(same[0] if same else len(distinct))
        if not same:
            distinct.append(spectrum)
    return tuple(group), distinct


def _same(one: Spectrum, other: Spectrum) -> bool:
    """Whether two spectra are the same covariance, whatever their recipes."""
    if one is other:
        return True
    if one.eigenvalues is not None and other.eigenvalues is not None:
        return np.array_equal(one.eigenvalues, other.eigenvalues)
    if one.covariance is not None and other.covariance is not None:
        return np.array_equal(one.covariance, other.covariance)
    return False


def _covariances(spectra: list[Spectrum]) -> tuple[CommutingCovariances | DenseCovariances, Array | None]:
    """Return the covariances on the cheapest path, and the basis they are written in."""
    diagonal = [spectrum.eigenvalues for spectrum in spectra if spectrum.eigenvalues is not None]
    if len(diagonal) == len(spectra):
        return CommutingCovariances(np.stack(diagonal)), None
    matrices = np.stack([_matrix(spectrum) for spectrum in spectra])
    scales = np.abs(matrices).max(axis=(1, 2))
    scales[scales == 0] = 1.0
    mix = np.sqrt(np.arange(2.0, len(matrices) + 2.0)) / scales  # generic, so that no two eigenvalues meet by accident
    _, basis = np.linalg.eigh(np.tensordot(mix, matrices, axes=1))
    rotated = basis.T @ matrices @ basis
    eigenvalues = np.diagonal(rotated, axis1=1, axis2=2)
    residue = np.abs(rotated - eigenvalues[:, :, None] * np.eye(len(basis))).max(axis=(1, 2))
    if (residue > COMMUTING * scales).any():
        return DenseCovariances(np.stack([_clipped(matrix) for matrix in matrices])), None
    return CommutingCovariances(np.stack([_without_rounding(values) for values in eigenvalues])), basis


def _matrix(spectrum: Spectrum) -> Array:
    """Return the covariance as a matrix (d, d)."""
    if spectrum.eigenvalues is not None:
        return np.diag(spectrum.eigenvalues)
    assert spectrum.covariance is not None
    return spectrum.covariance


def _clipped(matrix: Array) -> Array:
    """Return the nearest matrix without negative eigenvalues, those within rounding of zero set to zero."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * _without_rounding(values)) @ vectors.T)


def _without_rounding(eigenvalues: Array) -> Array:
    """Set eigenvalues below d·eps of the largest to zero: the numerical rank counts the others."""
    tiny = len(eigenvalues) * np.finfo(np.float64).eps * np.abs(eigenvalues).max()
    return np.where(eigenvalues > tiny, eigenvalues, 0.0)


def _equivalents(problem: Mixture, covariances: Covariances) -> list[LinearEquivalent | None]:
    """Return the linear equivalent of the network on each covariance; None for linear features."""
    if problem.activation is None:
        return [None] * covariances.n_groups
    variances = covariances.traces() / covariances.n_features
    return [linear_equivalent(problem.activation, preactivation_var=float(variance)) for variance in variances]


def _teachers(law: TeacherLaw, covariances: Covariances, basis: Array | None, *, scale: Array) -> Teachers:
    """Write the teachers in the basis of the covariances: second moments as diagonals, or as matrices when dense."""
    dense = isinstance(covariances, DenseCovariances)
    second_moments = []
    for variances, directions in zip(law.variances, law.directions, strict=True):
        if dense:
            axes = np.eye(covariances.n_features) if directions is None else directions
            second_moments.append((axes * variances) @ axes.T)
        elif basis is None and directions is None:
            second_moments.append(variances)
        else:
            identity = np.eye(covariances.n_features)
            overlap = (identity if basis is None else basis).T @ (identity if directions is None else directions)
            second_moments.append(overlap**2 @ variances)
    shape = (-1, *(covariances.n_features,) * (2 if dense else 1))
    return Teachers(
        fixed=law.fixed if basis is None else law.fixed @ basis,
        loadings=law.loadings,
        second_moments=np.array(second_moments, dtype=np.float64).reshape(shape),
        scale=scale,
    )


def _result(problem: Mixture, risk: MixtureRisk) -> Result:
    """Turn the risk at one point into a result."""
    names = _names(problem)
    excess_risk = float(risk.excess_risk[problem.target_index])
    status = Status.OK if bool(risk.converged) else Status.NOT_CONVERGED
    numbers = ("excess_risk", "test_error", *PARTS, "effective_ridge")
    result = Result(
        excess_risk=excess_risk,
        test_error=excess_risk + problem.sources[problem.target_index].noise_var,
        training_error=dict(zip(names, map(float, risk.training_error), strict=True)),
        bias=float(risk.bias),
        variance=float(risk.variance),
        projection_variance=float(risk.projection_variance),
        collapse=float(risk.collapse),
        effective_ridge=float(risk.effective_ridge),
        stderr={**dict.fromkeys(numbers, 0.0), "training_error": dict.fromkeys(names, 0.0)},
        status=Status.INTERPOLATION_THRESHOLD if bool(risk.threshold) else status,
        engine="theory",
        seed=None,
        n_replicates=None,
        version=__version__,
        assumptions=_assumptions(problem, mixed=bool(risk.mixed)),
    )
    if status is Status.NOT_CONVERGED:
        raise NumericalError(
            f"the fixed point was not reached in {risk.iterations} iterations; use a larger ridge.", result=result
        )
    return result


def _assumptions(problem: Mixture, *, mixed: bool) -> tuple[str, ...]:
    """Say what the numbers rest on."""
    said = ["Gaussian inputs", "samples, features and width large together: errors of the order of 1/n_samples"]
    if problem.activation is not None:
        said += ["Gaussian equivalence of the network's features", "features centred source by source"]
    if mixed:
        said += [f"ridge of {SMALL_RIDGE:g} of the inputs' variance: without it only some sources interpolate"]
    return tuple(said)
