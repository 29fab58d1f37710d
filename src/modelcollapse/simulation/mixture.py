"""What do linear models and random projections make of a mixture? Exact draws of the Gram matrices, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.backend import Backend, Matrix, Randomness
from modelcollapse.simulation.moments import Component, Moments, stack
from modelcollapse.simulation.resolvent import Fit, Response, respond
from modelcollapse.simulation.wishart import bartlett_factor


@dataclass(frozen=True, kw_only=True)
class Design:
    """A mixture as arrays, in coordinates in which the target's covariance is diagonal.

    Attributes
    ----------
    n_samples : tuple of K ints
    roots : tuple of K arrays of shape (d,) or (d, q)
        Σ_k = root rootᵀ; an upper triangular square root, or q columns where Σ_k has rank q.
    covariances : tuple of K arrays of shape (d,) or (d, d)
        Σ_k, as its diagonal where it is diagonal.
    target : int
    components : tuple of A Components
        Of the teachers.
    symmetric : bool
        Whether all covariances are diagonal here, so that signs of coordinates do not change the inputs' law.
    """

    n_samples: tuple[int, ...]
    roots: tuple[Array, ...]
    covariances: tuple[Array, ...]
    target: int
    components: tuple[Component, ...]
    symmetric: bool

    @property
    def n_features(self) -> int:
        """Input dimension d."""
        return int(self.covariances[0].shape[0])

    @property
    def n_total(self) -> int:
        """N."""
        return sum(self.n_samples)


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one set of inputs shows of one fit; arrays of the backend, its batch axes in front.

    Attributes
    ----------
    noise : (..., K); teacher, clean : (..., A); training_noise : (..., K, K); training_teacher : (..., K, A); trace : (...)
        As in `Moments`.
    complement : (..., d, d), or its diagonal (..., d)
        Σ_k B_k − I, for products with other sets of inputs.
    """

    noise: Matrix
    teacher: Matrix
    clean: Matrix
    training_noise: Matrix
    training_teacher: Matrix
    trace: Matrix
    complement: Matrix


def draw_unit(backend: Backend, randomness: Randomness, design: Design, fits: Sequence[Fit]) -> Moments:
    """Return the moments of each fit on a few sets of inputs, the fewest that give every part without bias.

    Linear models: two independent sets. Random projections: two draws of the features with two sets each. Most numbers
    are averages over the sets; squares of means come from products between them.

    Parameters
    ----------
    backend : Backend
    randomness : Randomness
    design : Design
    fits : sequence of Fit
        All of the same width: they share inputs and features.

    Returns
    -------
    Moments
        Leading axes: the backend's batch, then fits.
    """
    width = fits[0].width
    repeats = n_replicates(width) // 2
    looks: list[list[list[Look]]] = [[[], []] for _ in fits]
    for group in range(2):
        features = None if width is None else draw_features(backend, randomness, width, design.n_features)
        for _ in range(repeats):
            factors = [
                draw_factor(backend, randomness, root, n_samples=n, n_total=design.n_total)
                for root, n in zip(design.roots, design.n_samples, strict=True)
            ]
            grams = [_gram(backend, factor) for factor in factors]
            for f, fit in enumerate(fits):
                response = respond(backend, fit, factors=factors, grams=grams, features=features)
                looks[f][group].append(look(backend, design, fit, factors, response))
    return stack([_moments(backend, design, fit, look) for fit, look in zip(fits, looks, strict=True)], axis=len(backend.batch))


def n_replicates(width: int | None) -> int:
    """Return how many sets of inputs a unit holds."""
    return 2 if width is None else 4


def draw_features(backend: Backend, randomness: Randomness, width: int, n_features: int) -> Matrix:
    """Return F with F Fᵀ = Sᵀ S in law, S (width, d) of iid N(0, 1/d): as with samples, the width costs nothing."""
    return bartlett_factor(backend, randomness, n_samples=width, n_features=n_features) / float(np.sqrt(n_features))


def draw_factor(backend: Backend, randomness: Randomness, root: Array, *, n_samples: int, n_total: int) -> Matrix:
    """Return Z (..., d, r) with Z Zᵀ = XᵀX / n_total in law, for n_samples rows of covariance root rootᵀ."""
    factor = bartlett_factor(backend, randomness, n_samples=n_samples, n_features=root.shape[-1])
    scaled = backend.asarray(root / np.sqrt(n_total))
    return scaled[:, None] * factor if root.ndim == 1 else scaled @ factor


def _gram(backend: Backend, factor: Matrix) -> Matrix:
    """Return Z Zᵀ; a square factor is triangular."""
    return backend.gram_of_triangular(factor) if factor.shape[-2] == factor.shape[-1] else backend.gram(factor)


def look(backend: Backend, design: Design, fit: Fit, factors: Sequence[Matrix], response: Response) -> Look:
    """Integrate noise and teachers out of the response of a fit."""
    xp = backend.xp
    target_var = backend.asarray(design.covariances[design.target])
    n_samples = np.array(design.n_samples, dtype=np.float64)
    sampled = [1 / n if n > 0 else np.nan for n in n_samples]
    per_sample = backend.asarray(np.array(sampled))
    noise = [_dot(xp, diagonal, target_var) / design.n_total for diagonal in response.noise_diagonal]
    own = backend.asarray(np.diag(np.where(n_samples > 0, n_samples, np.nan))) - 2 * (
        response.hat_traces[..., None] * backend.asarray(np.eye(len(n_samples)))
    )
    errors = [_component_errors(backend, design, fit, factors, response, c) for c in design.components]
    bare = fit.width is None and design.symmetric
    return Look(
        noise=xp.stack(noise, axis=-1),
        teacher=xp.stack([teacher for teacher, _, _ in errors], axis=-1),
        clean=xp.stack([clean for _, clean, _ in errors], axis=-1),
        training_noise=(response.hat_squares + own) * per_sample[:, None],
        training_teacher=xp.stack([training for _, _, training in errors], axis=-1)
        * (design.n_total * per_sample)[:, None],
        trace=response.trace,
        complement=xp.linalg.diagonal(response.complement) if bare else response.complement,
    )


def _component_errors(
    backend: Backend, design: Design, fit: Fit, factors: Sequence[Matrix], response: Response, component: Component
) -> tuple[Matrix, Matrix, Matrix]:
    """Return the excess risk (...), clean (...), and N/n_k times less than the training errors (..., K) of a component."""
    xp, target_var = backend.xp, backend.asarray(design.covariances[design.target])
    loadings, root = backend.asarray(component.loadings), component.root
    at_target = loadings[design.target]

    def rooted(matrix: Matrix) -> Matrix:
        return matrix if root is None else matrix @ backend.asarray(root)

    def risk(matrix: Matrix) -> Matrix:
        return _dot(xp, xp.vecdot(matrix, matrix), target_var)

    clean_error = rooted(response.complement * at_target)
    clean = risk(clean_error)
    if component.shared:
        if root is None and fit.width is None:  # the error is −ridge G, and M_k G follows from the noise
            square = fit.ridge**2 * at_target**2
            known = [
                _dot(xp, d, square / w**2) if w > 0 else _square(xp, z.mT @ clean_error)
                for d, w, z in zip(response.noise_diagonal, fit.weight, factors, strict=True)
            ]
            return clean, clean, xp.stack(known, axis=-1)
        return clean, clean, xp.stack([_square(xp, z.mT @ clean_error) for z in factors], axis=-1)
    fitted = xp.zeros_like(response.complement)
    for product, loading in zip(response.products, loadings, strict=True):
        if product is not None and bool(xp.any(loading != 0)):
            fitted = fitted + product * loading
    identity = backend.asarray(np.eye(design.n_features))
    errors = [rooted(fitted - identity * loading) for loading in loadings]
    training = [_square(xp, z.mT @ error) for z, error in zip(factors, errors, strict=True)]
    return risk(errors[design.target]), clean, xp.stack(training, axis=-1)


def _moments(backend: Backend, design: Design, fit: Fit, looks: Sequence[Sequence[Look]]) -> Moments:
    """Average the looks of a unit, and take the products between them."""
    members = [look for group in looks for look in group]

    def mean(name: str) -> Array:
        return backend.to_numpy(sum(getattr(member, name) for member in members) / len(members))

    norms = [design.covariances[design.target], *design.covariances]
    across = _mean_products(backend, design, [(a, b) for a in looks[0] for b in looks[1]], norms, symmetric=design.symmetric)
    spread = np.zeros_like(across)
    if fit.width is not None:
        spread = _mean_products(backend, design, [(group[0], group[1]) for group in looks], norms, symmetric=False) - across
    return Moments(
        **{name: mean(name) for name in ("noise", "teacher", "clean", "training_noise", "training_teacher", "trace")},
        bias=across[..., 0, :],
        spread=spread,
    )


def _mean_products(
    backend: Backend, design: Design, pairs: Sequence[tuple[Look, Look]], norms: Sequence[Array], *, symmetric: bool
) -> Array:
    """Return E e₁ᵀ Σ e₂ over pairs, for the clean errors of each component and each norm Σ: (..., norms, A).

    Where signs of coordinates do not matter and the two sets share nothing, the mean errors are diagonal matrices.
    """
    xp = backend.xp
    columns = []
    for component in design.components:
        loading, root = backend.asarray(component.loadings[design.target]), component.root
        sums: list[Matrix] = [0.0 for _ in norms]
        for one, two in pairs:
            left, right = one.complement, two.complement
            if symmetric:
                left, right = (m if m.shape[-1:] == m.shape[len(backend.batch) :] else xp.linalg.diagonal(m) for m in (left, right))
                product = left * right * loading**2
                sums = [s + _dot(xp, product, backend.asarray(norm)) for s, norm in zip(sums, norms, strict=True)]
                continue
            left, right = left * loading, right * loading
            if root is not None:
                left, right = left @ backend.asarray(root), right @ backend.asarray(root)
            for q, norm in enumerate(norms):
                weighted = norm[:, None] * 1.0 if norm.ndim == 1 else norm
                weighted = backend.asarray(weighted)
                product = left * (weighted * right if norm.ndim == 1 else weighted @ right)
                sums[q] = sums[q] + xp.sum(product, axis=(-2, -1))
        columns.append(xp.stack([s / len(pairs) for s in sums], axis=-1))
    return backend.to_numpy(xp.stack(columns, axis=-1))


def _dot(xp: object, vector: Matrix, weights: Matrix) -> Matrix:
    """Return Σ_i weights_i vector_i over the last axis."""
    return xp.sum(vector * weights, axis=-1)  # type: ignore[attr-defined]


def _square(xp: object, matrix: Matrix) -> Matrix:
    """Return the squared Frobenius norm over the last two axes."""
    return xp.sum(matrix * matrix, axis=(-2, -1))  # type: ignore[attr-defined]
