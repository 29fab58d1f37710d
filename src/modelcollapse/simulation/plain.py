"""What does a simulation without any mathematics say? Everything drawn, data formed, fits solved: a reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from modelcollapse.checks import Array
from modelcollapse.simulation.design import Design
from modelcollapse.simulation.fits import Fit
from modelcollapse.simulation.moments import Moments
from modelcollapse.simulation.neurons import Activation

TEST_SIZE = 2000
"""Fresh inputs on which the risk of a network is measured."""

FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "tanh": np.tanh,
    "erf": lambda x: np.asarray(erf(x)),
    "identity": lambda x: x,
}


@dataclass(frozen=True, kw_only=True)
class PlainMoments:
    """What one unit shows: averages over its two data sets, and a product between them.

    Attributes
    ----------
    excess_risk : float
    clean : float
        Excess risk of the same data sets with all labels by the target's teacher, the noise unchanged.
    bias : float
        Squared error of the mean predictor under clean labels: the product of the errors of the two fits without noise.
    training_error : array of shape (K,)
        NaN for a source without samples.
    trace : float
        tr Q, Q the inverse of the features' weighted second moment plus ridge; 0 for the linear model.
    """

    excess_risk: float
    clean: float
    bias: float
    training_error: Array
    trace: float


def as_moments(unit: PlainMoments, *, width: int | None) -> Moments:
    """Return what a unit shows as moments of one component of power 1, which stands for teachers and noise together.

    The projection variance needs the noise apart, and with a width it is not known: NaN.
    """
    n_sources = len(unit.training_error)
    return Moments(
        noise=np.zeros(n_sources),
        teacher=np.array([unit.excess_risk]),
        clean=np.array([unit.clean]),
        bias=np.array([unit.bias]),
        spread=np.full((1 + n_sources, 1), 0.0 if width is None else np.nan),
        training_noise=np.zeros((n_sources, n_sources)),
        training_teacher=unit.training_error[:, None],
        trace=np.array(unit.trace),
    )


@dataclass(frozen=True, kw_only=True)
class FittedSet:
    """One data set and its three fits: to the labels, to clean labels, and to clean labels without noise.

    Attributes
    ----------
    errors : array of shape (probes, 3)
        Predictions less the target's labels without noise.
    training_error : array of shape (K,)
    trace : float
    """

    errors: Array
    training_error: Array
    trace: float


def draw_unit(
    generator: np.random.Generator,
    design: Design,
    fit: Fit,
    *,
    noise_var: Sequence[float] | Array,
    power: Sequence[float] | Array,
    activation: Activation | None = None,
) -> PlainMoments:
    """Return what two data sets show that share the teachers and nothing else.

    Parameters
    ----------
    generator : numpy.random.Generator
    design : Design
    fit : Fit
        Only the weights, the ridge and the width are read.
    noise_var : K floats
    power : A floats
        By what the second moment of each component is multiplied.
    activation : str or callable, optional
        Makes the random projections a network.

    Returns
    -------
    PlainMoments

    Notes
    -----
    Time and memory grow with the numbers of samples. Risks of linear features are exact given the fit, those of
    networks averages over 2,000 fresh inputs. Components are drawn as signs: only their second moment enters the risks.
    """
    teachers = _draw_teachers(generator, design, power)
    probes = _draw_probes(generator, design, exact=activation is None)
    one, two = (_draw_fit(generator, design, fit, teachers, noise_var, activation, probes) for _ in range(2))
    risks = (np.mean(one.errors**2, axis=0) + np.mean(two.errors**2, axis=0)) / 2
    return PlainMoments(
        excess_risk=float(risks[0]),
        clean=float(risks[1]),
        bias=float(np.mean(one.errors[:, 2] * two.errors[:, 2])),
        training_error=(one.training_error + two.training_error) / 2,
        trace=(one.trace + two.trace) / 2,
    )


def _draw_teachers(generator: np.random.Generator, design: Design, power: Sequence[float] | Array) -> Array:
    """Return w_k of each source, (K, d)."""
    teachers = np.zeros((len(design.n_samples), design.n_features))
    for component, factor in zip(design.components, power, strict=True):
        root = np.eye(design.n_features) if component.root is None else component.root
        signs = generator.choice([-1.0, 1.0], size=root.shape[1])
        teachers += np.sqrt(factor) * component.loadings * (root @ signs)
    return teachers


def _draw_probes(generator: np.random.Generator, design: Design, *, exact: bool) -> Array:
    """Return inputs over which the mean squared error is the risk on the target: exactly for linear features."""
    root = _as_matrix(design.roots[design.target])
    if exact:
        return np.asarray(root.T * np.sqrt(root.shape[1]))
    return generator.standard_normal((TEST_SIZE, root.shape[1])) @ root.T


def _draw_fit(
    generator: np.random.Generator,
    design: Design,
    fit: Fit,
    teachers: Array,
    noise_var: Sequence[float] | Array,
    activation: Activation | None,
    probes: Array,
) -> FittedSet:
    """Draw a data set, fit it, and try the fit on the probes and on its own samples."""
    roots = [_as_matrix(root) for root in design.roots]
    layer = None if fit.width is None else generator.standard_normal((fit.width, design.n_features))
    inputs, features, labels = [], [], []
    for root, n, teacher, variance in zip(roots, design.n_samples, teachers, noise_var, strict=True):
        x = generator.standard_normal((n, root.shape[1])) @ root.T
        noise = np.sqrt(variance) * generator.standard_normal(n)
        inputs.append(x)
        features.append(_features(x, layer, activation, root))
        clean = x @ teachers[design.target]
        labels.append(np.stack([x @ teacher + noise, clean + noise, clean], axis=1))
    weights = np.repeat(fit.weight, design.n_samples)
    coefficients, trace = _ridge(np.concatenate(features), np.concatenate(labels), weights, fit.ridge)
    at_probes = _features(probes, layer, activation, roots[design.target])
    return FittedSet(
        errors=at_probes @ coefficients - (probes @ teachers[design.target])[:, None],
        training_error=np.array(
            [
                np.mean((z @ coefficients[:, 0] - y[:, 0]) ** 2) if len(y) else np.nan
                for z, y in zip(features, labels, strict=True)
            ]
        ),
        trace=0.0 if layer is None else trace,
    )


def _features(inputs: Array, layer: Array | None, activation: Activation | None, root: Array) -> Array:
    """Return the features of inputs whose covariance is root rootᵀ: themselves, projections, or centred neurons."""
    if layer is None:
        return inputs
    first_layer = layer / np.sqrt(inputs.shape[1])
    if activation is None:
        return np.asarray(inputs @ first_layer.T)
    function = FUNCTIONS[activation] if isinstance(activation, str) else activation
    grid = np.linspace(-10.0, 10.0, 4001)  # standard deviations
    density = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    spread = np.linalg.norm(first_layer @ root, axis=1)
    centre = np.trapezoid(function(spread[:, None] * grid) * density, grid, axis=1)
    return np.asarray(function(inputs @ first_layer.T) - centre)


def _ridge(features: Array, labels: Array, weights: Array, ridge: float) -> tuple[Array, float]:
    """Return the weighted ridge fits, of minimum norm without ridge, and tr Q, by least squares on augmented rows."""
    n, width = features.shape
    scale = np.sqrt(weights / n)[:, None]
    rows, targets = scale * features, scale * labels
    if ridge > 0:
        rows = np.concatenate([rows, np.sqrt(ridge) * np.eye(width)])
        targets = np.concatenate([targets, np.zeros((width, labels.shape[1]))])
    coefficients, _, rank, singular = np.linalg.lstsq(rows, targets, rcond=None)
    return coefficients, float((singular**-2.0).sum()) if rank == width else np.inf


def _as_matrix(root: Array) -> Array:
    return np.asarray(np.diag(root)) if root.ndim == 1 else root
