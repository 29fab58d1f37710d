"""What do random-feature networks make of a mixture? Data drawn block by block, noise and teachers integrated out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.backend import Backend, Matrix, Randomness
from modelcollapse.simulation.design import Component, Design
from modelcollapse.simulation.fits import Fit
from modelcollapse.simulation.looks import Squares, averages, training_noise
from modelcollapse.simulation.moments import Moments, stack
from modelcollapse.simulation.neurons import Activation, Neurons, activate, feature_covariance, neurons
from modelcollapse.simulation.resolvent import invert

BLOCK = 2**21
"""Features and inputs that are formed at once: 16 MiB, with as much again while f is applied."""

Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True)
class Network:
    """A two-layer network whose first layer W, of entries iid N(0, 1/d), stays as it is drawn: z = f(W x) − E f(W x).

    Attributes
    ----------
    design : Design
    width : int
        m.
    activation : str or callable
        f: ``"relu"``, ``"tanh"``, ``"erf"``, ``"identity"``, or a function of a NumPy array, entry by entry.
    """

    design: Design
    width: int
    activation: Activation


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One draw of the first layer, under the inputs of each source.

    Attributes
    ----------
    sources : tuple of K Neurons
    moments : tuple of K arrays of shape (..., m + d, m + d)
        E (z, x)(z, x)ᵀ given W.
    """

    sources: tuple[Neurons, ...]
    moments: tuple[Matrix, ...]


@dataclass(frozen=True, kw_only=True)
class NetworkLook(Squares):
    """What one data set shows of one fit.

    Attributes
    ----------
    errors : tuple of A arrays of shape (..., m + d, p)
        Under clean labels: what each component leaves, as coefficients of (z, x).
    """

    errors: tuple[Matrix, ...]


def draw_unit(backend: Backend, randomness: Randomness, network: Network, fits: Sequence[Fit]) -> Moments:
    """Return the moments of each fit on two draws of the first layer with two data sets each.

    The second layer v minimises (1/N) Σ_i ω_k(i) (vᵀz_i − y_i)² + ridge ‖v‖². Every risk is a quadratic form of its
    error on source k, (v, −w_k) as coefficients of (z, x): in the second moments of the rows (z, x) for the training
    error, in E (z, x)(z, x)ᵀ given W, which is exact, for fresh inputs.

    Parameters
    ----------
    backend : Backend
    randomness : Randomness
    network : Network
    fits : sequence of Fit
        They share layers and data. The rank is min(width, samples of positive weight); the way is PRIMAL, or SPECTRAL
        where the rank is below the width and the ridge is 0 or near rounding.

    Returns
    -------
    Moments
        Leading axes: the backend's batch, then fits.

    Notes
    -----
    Gaussian inputs; features are centred source by source with their exact mean given W. Memory does not depend on the
    numbers of samples, time is proportional to them.
    """
    layers: list[Layer] = []
    looks: list[list[list[NetworkLook]]] = [[[], []] for _ in fits]
    for group in range(2):
        layers.append(draw_layer(backend, randomness, network))
        for _ in range(2):
            grams = [draw_gram(backend, randomness, network, layers[group], source=k) for k in _sources(network.design)]
            for f, fit in enumerate(fits):
                looks[f][group].append(look_at(backend, network, fit, layer=layers[group], grams=grams))
    one, two = (layer.sources for layer in layers)
    across = _by_covariance(network.design, lambda k: _joint_moments(backend, network, one[k], two[k], source=k))
    each = [_moments_of(backend, network.design, seen, layers, across) for seen in looks]
    return stack(each, axis=len(backend.batch))


def draw_layer(backend: Backend, randomness: Randomness, network: Network) -> Layer:
    """Return a first layer with the exact second moments of its features under each source's inputs."""
    design = network.design
    first_layer = randomness.normal(network.width, design.n_features) / float(np.sqrt(design.n_features))
    sources = _by_covariance(
        design,
        lambda k: neurons(backend, network.activation, first_layer=first_layer, covariance=design.covariances[k]),
    )
    moments = _by_covariance(design, lambda k: _joint_moments(backend, network, sources[k], sources[k], source=k))
    return Layer(sources=tuple(sources), moments=tuple(moments))


def draw_gram(backend: Backend, randomness: Randomness, network: Network, layer: Layer, *, source: int) -> Matrix:
    """Return J = Σ_i (z_i, x_i)(z_i, x_i)ᵀ / N, (..., m + d, m + d), over the samples of a source, drawn in blocks."""
    xp, design, neuron = backend.xp, network.design, layer.sources[source]
    root, n_samples = design.roots[source], design.n_samples[source]
    spread = backend.asarray(root)
    size = network.width + design.n_features
    rows = max(1, BLOCK // (size * int(np.prod(backend.batch, dtype=int))))
    gram = backend.zeros(size, size)
    for start in range(0, n_samples, rows):
        normal = randomness.normal(min(rows, n_samples - start), root.shape[-1])
        inputs = normal * spread if root.ndim == 1 else normal @ spread.mT
        values = activate(backend, network.activation, inputs @ neuron.first_layer.mT)
        joined = xp.concat([values - neuron.centre[..., None, :], inputs], axis=-1)
        gram += backend.gram(joined.mT)
    return gram / design.n_total


def look_at(backend: Backend, network: Network, fit: Fit, *, layer: Layer, grams: Sequence[Matrix]) -> NetworkLook:
    """Return what one data set shows of one fit.

    Parameters
    ----------
    backend : Backend
    network : Network
    fit : Fit
    layer : Layer
    grams : sequence of K arrays of shape (..., m + d, m + d)
        J_k.
    """
    xp, design, m = backend.xp, network.design, network.width
    second = [gram[..., :m, :m] for gram in grams]
    active = [(weight, moment) for weight, moment in zip(fit.weight, second, strict=True) if weight > 0]
    total = sum(weight * moment for weight, moment in active)
    resolvent, trace = invert(backend, total, ridge=fit.ridge, rank=None, way=fit.way)
    hats = [resolvent @ moment for moment in second]
    at_target = resolvent @ layer.moments[design.target][..., :m, :m]
    noise = [w**2 * _trace_of_product(xp, at_target, hat) for w, hat in zip(fit.weight, hats, strict=True)]
    squares = [
        xp.stack([w**2 * _trace_of_product(xp, one, two) for w, two in zip(fit.weight, hats, strict=True)], axis=-1)
        for one in hats
    ]
    traces = [w * xp.linalg.trace(hat) for w, hat in zip(fit.weight, hats, strict=True)]
    risks = [
        _component_risks(backend, design, fit, component, resolvent=resolvent, layer=layer, grams=grams)
        for component in design.components
    ]
    return NetworkLook(
        noise=xp.stack(noise, axis=-1) / design.n_total,
        teacher=xp.stack([teacher for teacher, _, _, _ in risks], axis=-1),
        clean=xp.stack([clean for _, clean, _, _ in risks], axis=-1),
        training_noise=training_noise(
            backend, design, hat_squares=xp.stack(squares, axis=-2), hat_traces=xp.stack(traces, axis=-1)
        ),
        training_teacher=xp.stack([training for _, _, training, _ in risks], axis=-1)
        * backend.asarray(design.total_per_source)[:, None],
        trace=trace,
        errors=tuple(error for _, _, _, error in risks),
    )


def _component_risks(
    backend: Backend,
    design: Design,
    fit: Fit,
    component: Component,
    *,
    resolvent: Matrix,
    layer: Layer,
    grams: Sequence[Matrix],
) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Return excess risk (...), clean (...), training errors times n_k/N (..., K), and the clean error."""
    m, target = resolvent.shape[-1], design.target
    moments = layer.moments[target]
    teachers = [_teacher_matrix(backend, component, k) for k in _sources(design)]

    def learned(labels: Sequence[Matrix]) -> Matrix:
        """Return V = Q Σ_k ω_k Z_kᵀ X_k Θ_k / N for teachers Θ_k."""
        used = [(w, gram, label) for w, gram, label in zip(fit.weight, grams, labels, strict=True) if w > 0]
        return resolvent @ sum(w * (gram[..., :m, m:] @ label) for w, gram, label in used)

    clean_error = _error(backend, learned([teachers[target] for _ in teachers]), teachers[target])
    clean = _form(backend, clean_error, moments, clean_error)
    if component.shared:
        errors, risk = [clean_error for _ in teachers], clean
    else:
        fitted = learned(teachers)
        errors = [_error(backend, fitted, teacher) for teacher in teachers]
        risk = _form(backend, errors[target], moments, errors[target])
    training = [_form(backend, error, gram, error) for error, gram in zip(errors, grams, strict=True)]
    return risk, clean, backend.xp.stack(training, axis=-1), clean_error


def _teacher_matrix(backend: Backend, component: Component, source: int) -> Matrix:
    """Return Θ = diag(loadings) root of a source, (d, p): E w wᵀ = Θ Θᵀ."""
    loading = component.loadings[source]
    return backend.asarray(np.diag(loading) if component.root is None else loading[:, None] * component.root)


def _error(backend: Backend, fitted: Matrix, teacher: Matrix) -> Matrix:
    """Return (V, −Θ), (..., m + d, p)."""
    beside = backend.zeros(*teacher.shape) - teacher
    return backend.xp.concat([fitted, beside], axis=-2)


def _moments_of(
    backend: Backend,
    design: Design,
    looks: Sequence[Sequence[NetworkLook]],
    layers: Sequence[Layer],
    across: Sequence[Matrix],
) -> Moments:
    """Return the moments of a unit: averages over its looks, and products between them.

    Products between first layers give the square of the mean predictor; those between data sets of one layer also hold
    its variance over layers. `across` is E (z, x)(z′, x)ᵀ under each source's inputs, (..., m + d, m + d).
    """
    apart, within = [], []
    for a in range(len(design.components)):
        one, two = ((group[0].errors[a] + group[1].errors[a]) / 2 for group in looks)
        apart.append(_stacked(backend, [_form(backend, one, matrix, two) for matrix in across]))
        forms = [
            [_form(backend, group[0].errors[a], matrix, group[1].errors[a]) for matrix in layer.moments]
            for group, layer in zip(looks, layers, strict=True)
        ]
        within.append(_stacked(backend, [(left + right) / 2 for left, right in zip(*forms, strict=True)]))
    mean_squares = np.stack(apart, axis=-1)  # (..., K, A)
    spread = np.stack(within, axis=-1) - mean_squares
    target = slice(design.target, design.target + 1)
    return Moments(
        **averages(backend, [look for group in looks for look in group]),
        bias=mean_squares[..., design.target, :],
        spread=np.concatenate([spread[..., target, :], spread], axis=-2),
    )


def _joint_moments(backend: Backend, network: Network, one: Neurons, other: Neurons, *, source: int) -> Matrix:
    """Return E (z, x)(z′, x)ᵀ under a source's inputs, for the features z and z′ of two layers or of one twice."""
    xp, covariance = backend.xp, network.design.covariances[source]
    inputs = backend.asarray(np.diag(covariance) if covariance.ndim == 1 else covariance)
    features = feature_covariance(backend, network.activation, one, other)
    left, right = (neuron.slope[..., :, None] * neuron.image for neuron in (one, other))  # E z xᵀ
    lower = xp.concat([right.mT, backend.zeros(*inputs.shape) + inputs], axis=-1)
    return xp.concat([xp.concat([features, left], axis=-1), lower], axis=-2)


def _by_covariance(design: Design, make: Callable[[int], Made]) -> list[Made]:
    """Return make(k) for every source k, made once for sources with equal covariances."""
    covariances = design.covariances
    first = [next(j for j, other in enumerate(covariances) if np.array_equal(other, one)) for one in covariances]
    made = {k: make(k) for k in sorted(set(first))}
    return [made[k] for k in first]


def _sources(design: Design) -> range:
    return range(len(design.n_samples))


def _form(backend: Backend, left: Matrix, matrix: Matrix, right: Matrix) -> Matrix:
    """Return tr leftᵀ matrix right over the last two axes."""
    return backend.xp.sum(left * (matrix @ right), axis=(-2, -1))


def _trace_of_product(xp: object, one: Matrix, two: Matrix) -> Matrix:
    return xp.sum(one * two.mT, axis=(-2, -1))  # type: ignore[attr-defined]


def _stacked(backend: Backend, values: Sequence[Matrix]) -> Array:
    return backend.to_numpy(backend.xp.stack(list(values), axis=-1))
