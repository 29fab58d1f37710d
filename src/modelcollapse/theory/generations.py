"""What is the risk after many generations on fresh inputs? Mean and variance of the model, direction by direction.

Given the model of the generation before, a generation is a mixture of two sources, so that its mean predictor and its
fluctuations follow from the fixed point of mixtures. Only second moments along the common eigenvectors of the
covariances matter: they are the state that is passed on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.parallel import side_by_side
from modelcollapse.theory.commuting import CommutingCovariances
from modelcollapse.theory.curation import kept_errors
from modelcollapse.theory.fixed_point import solve_fixed_point
from modelcollapse.theory.mixture import coupling, projection_response, stiffness
from modelcollapse.theory.reductions import Reductions, Sampling, reduce
from modelcollapse.theory.teachers import Components

REAL, SYNTHETIC = 0, 1


@dataclass(frozen=True, kw_only=True)
class Chain:
    """S recursions of T + 1 generations, generation 0 first, every one on fresh inputs.

    Attributes
    ----------
    group : tuple of 2 ints
        Which covariance the real and the synthetic inputs have.
    n_samples, noise_var, weight : arrays of shape (S, T + 1, 2)
        Of the real and the synthetic source; samples before curation.
    ridge : array of shape (S, T + 1)
    width : array of shape (S, T + 1) or None
        Random projections, drawn anew in every generation; None for the linear model.
    given : bool
        Whether the model of generation 0 is given: the first teacher plus the second root.
    roots : array of shape (J, J, d) or (S, J, J, d)
        E z_a z_b along each direction, of the first teacher z_0 and, when given, of the first model's error z_1.
    hit, false_keep, tolerance : arrays of shape (S,), or None
        Curation.
    """

    group: tuple[int, int]
    n_samples: Array
    noise_var: Array
    weight: Array
    ridge: Array
    width: Array | None
    given: bool
    roots: Array
    hit: Array | None = None
    false_keep: Array | None = None
    tolerance: Array | None = None

    def rows(self, rows: slice) -> Chain:
        """Return some of the recursions."""

        def own(array: Array | None) -> Array | None:
            return None if array is None else array[rows]

        return replace(
            self,
            n_samples=self.n_samples[rows],
            noise_var=self.noise_var[rows],
            weight=self.weight[rows],
            ridge=self.ridge[rows],
            width=own(self.width),
            roots=self.roots if self.roots.ndim == 3 else self.roots[rows],
            hit=own(self.hit),
            false_keep=own(self.false_keep),
            tolerance=own(self.tolerance),
        )


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """What becomes of the model; all arrays of shape (S, T + 1).

    Attributes
    ----------
    excess_risk, bias, variance : arrays
        On the real source; the first is the sum of the other two, infinite from an interpolation threshold on, and
        where it outgrows the numbers.
    kept_share : array
        Share of the synthetic samples that curation keeps; NaN in generation 0.
    threshold, converged : bool arrays
    """

    excess_risk: Array
    bias: Array
    variance: Array
    kept_share: Array
    threshold: NDArray[np.bool_]
    converged: NDArray[np.bool_]


def trajectory(chain: Chain, *, covariances: CommutingCovariances) -> Trajectory:
    """Follow the mean and the variance of the model from generation to generation.

    With δ the error of the labelling model, γ_k = p_k ω_k e_k and R = (Σ_k γ_k Σ_k + κ)⁻¹, the error u of the mean
    predictor and the variance along direction i are

        u = R (γ_2 Σ_2 δ − κ w_1),   Var_i = Σ_k c_k(i) (E‖w̄ − w_k‖²_{Σ_k} + π_k + σ_k²) + π(i)

    where c_k(i) is the amplification of source k's residual towards that direction. Curation by the label error
    ε = xᵀδ + noise multiplies E ε² and E xε by β and changes the inputs along Σ_2 δ only, a perturbation of rank one.

    Parameters
    ----------
    chain : Chain
    covariances : CommutingCovariances
        G groups, shared by all recursions.

    Returns
    -------
    Trajectory

    Raises
    ------
    InputError
        Without ridge, with different covariances of which some are singular, as for mixtures.

    Notes
    -----
    Proportional limit, Gaussian inputs; inputs, noise and features are fresh in every generation. Recursions are worked
    on in pieces that fit the cache, side by side on the cores; generations that are sampled alike share a fixed point.

    References
    ----------
    E. Dohmatob, Y. Feng, A. Subramonian, J. Kempe, Strong Model Collapse, 2024, arXiv 2410.04840, Section 5;
    E. Dohmatob, Y. Feng, J. Kempe, Model Collapse Demystified, 2024, arXiv 2402.07712, are special cases.
    """
    step = covariances.rows_at_once
    pieces = [slice(first, first + step) for first in range(0, len(chain.ridge), step)]
    if len(pieces) == 1:
        return _follow(chain, covariances)
    parts = list(side_by_side(lambda rows: _follow(chain.rows(rows), covariances), pieces))
    names = Trajectory.__dataclass_fields__
    return Trajectory(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


@dataclass(frozen=True, kw_only=True)
class _Model:
    """A model's law: ŵ = w_1 + Σ_a mean_a z_a + fluctuation, with the mean's factors and the variance by direction.

    Attributes
    ----------
    mean : array of shape (J, S, d)
    variance : array of shape (S, d)
    """

    mean: Array
    variance: Array

    def squares(self, roots: Array) -> Array:
        """Return E (ŵ − w_1)² without the fluctuation, (S, d)."""
        return _moment(self.mean, self.mean, roots)


def _moment(left: Array, right: Array, roots: Array) -> Array:
    """Return Σ_ab left_a right_b E z_a z_b, (S, d)."""
    size = len(left)
    return np.asarray(sum(left[a] * right[b] * roots[..., a, b, :] for a in range(size) for b in range(size)))


def _follow(chain: Chain, covariances: CommutingCovariances) -> Trajectory:
    """Follow a piece of the recursions."""
    n_settings, n_fits = chain.ridge.shape
    d, n_roots = covariances.n_features, chain.roots.shape[-2]
    start = np.zeros((n_roots, n_settings, d))
    if chain.given:
        start[1] = 1.0
    model = _Model(mean=start, variance=np.zeros((n_settings, d)))
    real = covariances.eigenvalues[chain.group[REAL]]
    out = {name: np.full((n_settings, n_fits), np.nan) for name in ("bias", "variance", "kept_share")}
    threshold = np.zeros((n_settings, n_fits), dtype=np.bool_)
    converged = np.ones((n_settings, n_fits), dtype=np.bool_)
    fit: _Fit | None = None
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # beyond a threshold nothing is finite
        for t in range(n_fits):
            if t > 0 or not chain.given:
                labels = _labels(chain, t, model, covariances)
                fit = _fit(chain, t, labels, covariances, before=fit)
                model = _next(chain, t, model, labels, fit, covariances)
                inherits = chain.n_samples[:, t, SYNTHETIC] * chain.weight[:, t, SYNTHETIC] > 0
                before = threshold[:, t - 1] if t > 0 else False
                threshold[:, t] = fit.reductions.equilibrium.threshold | (before & inherits)
                converged[:, t] = fit.reductions.equilibrium.converged
                out["kept_share"][:, t] = labels.kept_share if t > 0 else np.nan
            out["bias"][:, t] = model.squares(chain.roots) @ real
            out["variance"][:, t] = model.variance @ real
    excess_risk = out["bias"] + out["variance"]
    lost = threshold | ~np.isfinite(excess_risk)
    return Trajectory(
        excess_risk=np.where(lost, np.inf, excess_risk),
        bias=np.where(lost, np.nan, out["bias"]),
        variance=np.where(lost, np.inf, out["variance"]),
        kept_share=out["kept_share"],
        threshold=threshold,
        converged=converged,
    )


@dataclass(frozen=True, kw_only=True)
class _Labels:
    """The law of the synthetic labels' errors ε, and what curation keeps of them.

    Attributes
    ----------
    square : array of shape (S,)
        E ε² of those kept.
    slope : array of shape (S,)
        β = E[ε² | kept]/E ε²: by how much curation multiplies E xε.
    bend : array of shape (S,)
        (β − 1)/E ε²: E xxᵀ of those kept is Σ_2 + bend Σ_2 δ δᵀ Σ_2.
    kept_share : array of shape (S,)
    """

    square: Array
    slope: Array
    bend: Array
    kept_share: Array


def _labels(chain: Chain, t: int, model: _Model, covariances: CommutingCovariances) -> _Labels:
    """Return the law of the errors of the labels that a model gives, after curation."""
    synthetic = covariances.eigenvalues[chain.group[SYNTHETIC]]
    square = (model.squares(chain.roots) + model.variance) @ synthetic + chain.noise_var[:, t, SYNTHETIC]
    ones = np.ones_like(square)
    if chain.hit is None or chain.false_keep is None or chain.tolerance is None:
        return _Labels(square=square, slope=ones, bend=0 * ones, kept_share=ones)
    kept_share, slope = kept_errors(square, hit=chain.hit, false_keep=chain.false_keep, tolerance=chain.tolerance)
    bend = np.divide(slope - 1, square, out=np.zeros_like(square), where=square > 0)
    return _Labels(square=slope * square, slope=slope, bend=bend, kept_share=kept_share)


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """The fixed point of one generation.

    Attributes
    ----------
    sampling : Sampling
    reductions : Reductions
    inverse : array of shape (S, d)
        κ R, or R where only directions without samples are shrunk.
    """

    sampling: Sampling
    reductions: Reductions
    inverse: Array


def _fit(chain: Chain, t: int, labels: _Labels, covariances: CommutingCovariances, *, before: _Fit | None) -> _Fit:
    """Return the fixed point of a generation: that of the generation before when it is sampled alike."""
    samples = chain.n_samples[:, t].copy()
    samples[:, SYNTHETIC] *= labels.kept_share
    total = samples.sum(axis=1)
    thinned = chain.n_samples[:, t].sum(axis=1) / np.where(total > 0, total, 1.0)
    sampling = Sampling(
        group=chain.group,
        share=samples / np.where(total > 0, total, 1.0)[:, None],
        n_total=total,
        noise_var=chain.noise_var[:, t],
        weight=chain.weight[:, t],
        ridge=chain.ridge[:, t] * thinned,  # of the loss that is divided by the number of samples before curation
        width=None if chain.width is None else chain.width[:, t],
        feature_noise=np.zeros(covariances.n_groups),
    )
    if before is not None and _alike(sampling, before.sampling):
        return before
    nothing = np.zeros((0, covariances.n_features))
    components = Components(loadings=np.zeros((2, 0)), known=nothing, random=nothing, scale=np.ones(2))
    reductions = reduce(sampling, covariances=covariances, components=components, solver=solve_fixed_point)
    gains = (reductions.pull * reductions.n_samples) @ np.eye(covariances.n_groups)[list(reductions.class_group)]
    inverse = covariances.resolvent(gains, reductions.equilibrium.shift).inverse
    return _Fit(sampling=sampling, reductions=reductions, inverse=inverse)


def _alike(one: Sampling, other: Sampling) -> bool:
    """Whether two samplings have the same fixed point."""
    names = ("share", "n_total", "weight", "ridge", "width")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def _next(chain: Chain, t: int, model: _Model, labels: _Labels, fit: _Fit, covariances: CommutingCovariances) -> _Model:
    """Return the model fitted on real samples and on those that the last model labelled."""
    roots, inverse, reductions = chain.roots, fit.inverse, fit.reductions
    real, synthetic = (covariances.eigenvalues[g] for g in chain.group)
    shift = reductions.equilibrium.shift
    teacher = np.zeros_like(model.mean)
    teacher[0] = 1.0
    lost = inverse * shift  # the part of the teacher that no sample teaches
    filtered = inverse * synthetic
    pull = reductions.pull[:, reductions.class_of[SYNTHETIC]]
    gain = fit.sampling.n_samples[:, SYNTHETIC] * pull
    error = model.squares(roots) + model.variance
    reach = (filtered * error) @ synthetic
    blocked = (lost * _moment(teacher, model.mean, roots)) @ synthetic
    towards = (gain * labels.slope * reach - blocked) / (1 + gain * labels.bend * reach)  # δᵀ Σ_2 u
    inherited = filtered * (gain * (labels.slope - labels.bend * towards))[:, None]
    mean = inherited * model.mean - lost * teacher
    carried = inherited**2 * model.variance
    squares = _moment(mean, mean, roots) + carried
    spread = (_moment(mean + teacher, mean + teacher, roots) + carried).sum(axis=-1)  # E ‖w̄‖²
    response = projection_response(fit.sampling, reductions, covariances.n_features)[:, list(chain.group)]
    residual = response * spread[:, None]
    residual[:, REAL] += squares @ real + chain.noise_var[:, t, REAL]
    residual[:, SYNTHETIC] += (
        squares @ synthetic + labels.square - 2 * labels.slope * towards + labels.bend * towards**2
    )
    profile = _noise_profile(fit, residual, spread, covariances)
    return _Model(mean=mean, variance=carried + inverse**2 * profile)


def _noise_profile(fit: _Fit, residual: Array, spread: Array, covariances: CommutingCovariances) -> Array:
    """Return the noise that residuals and random features put into each direction, before it is filtered; (S, d).

    The transpose of `amplification`: one solution serves all directions, Σ_c z_c (Σ_c + tr(Σ_c R²)/s) + ‖w̄‖²/s, with
    the stiffness s of the random features.
    """
    reductions, sampling = fit.reductions, fit.sampling
    pull = reductions.pull
    system, _ = coupling(sampling, reductions, covariances.n_features)
    per_class = np.zeros_like(pull)
    for source, of_class in enumerate(reductions.class_of):
        per_class[:, of_class] += sampling.n_samples[:, source] * pull[:, of_class] * residual[:, source]
    settled = np.linalg.solve(np.swapaxes(system, -1, -2), per_class[..., None])[..., 0] * pull
    group = list(reductions.class_group)
    profile = settled @ covariances.eigenvalues[group]
    if sampling.width is None:
        return profile
    stiff = stiffness(sampling, reductions, covariances.n_features)[:, None]
    features = ((settled * reductions.square_traces[:, group]).sum(axis=-1) + spread)[:, None]
    scattered = np.broadcast_to(reductions.equilibrium.shift, profile.shape)  # none where the fit determines all
    return np.asarray(profile + np.divide(scattered * features, stiff, out=np.zeros_like(profile), where=scattered > 0))
