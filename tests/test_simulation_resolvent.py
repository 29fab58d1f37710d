"""Is the response of a fit right? Against plain linear algebra on the samples, by every way."""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.simulation.backend import NumpyBackend
from modelcollapse.simulation.fits import Fit, Way
from modelcollapse.simulation.resolvent import respond
from modelcollapse.streams import stream

NUMPY = NumpyBackend()
D = 12
CASES = {  # samples of two sources, width, ridge, ways that can do it
    "many samples": ((30, 20), None, 0.1, (Way.PRIMAL, Way.SPECTRAL)),
    "many samples, no ridge": ((30, 20), None, 0.0, (Way.PRIMAL, Way.SPECTRAL)),
    "few samples": ((4, 3), None, 0.1, (Way.PRIMAL, Way.SPECTRAL, Way.DUAL, Way.ORTHOGONAL)),
    "few samples, no ridge": ((4, 3), None, 0.0, (Way.SPECTRAL, Way.DUAL, Way.ORTHOGONAL)),
    "few samples, tiny ridge": ((4, 3), None, 1e-25, (Way.SPECTRAL, Way.DUAL, Way.ORTHOGONAL)),
    "narrow": ((30, 20), 5, 0.1, (Way.PRIMAL, Way.SPECTRAL)),
    "narrow, no ridge": ((30, 20), 5, 0.0, (Way.PRIMAL, Way.SPECTRAL)),
    "wide": ((30, 20), 40, 0.1, (Way.PRIMAL, Way.SPECTRAL)),
    "wide, few samples, no ridge": ((4, 3), 40, 0.0, (Way.SPECTRAL, Way.DUAL, Way.ORTHOGONAL)),
}
WEIGHTS = [(1.0, 1.0), (1.0, 0.25), (0.5, 1.0), (1.0, 0.0)]


def inputs(counts, width):
    """Return samples of two sources with scales that are unlike, and features."""
    rng = stream(5, "resolvent")
    x = [rng.standard_normal((n, D)) * np.linspace(1, 2 + k, D) for k, n in enumerate(counts)]
    return x, None if width is None else rng.standard_normal((width, D)) / np.sqrt(D)


def by_hand(x, projection, weight, ridge):
    """Return B_k, N Var ŵ / σ_k² and the hat matrices by pseudo-inverses of the data matrix."""
    total = sum(len(rows) for rows in x)
    s = np.eye(D) if projection is None else projection
    design = np.concatenate([np.sqrt(w / total) * rows @ s.T for w, rows in zip(weight, x, strict=True)])
    stretched = np.concatenate([design, np.sqrt(ridge) * np.eye(len(s))])  # ridge as extra rows: no small inverse
    solver = s.T @ np.linalg.pinv(stretched, rcond=1e-11)[:, : len(design)]
    ends = np.cumsum([0, *(len(rows) for rows in x)])
    products, variances, hats = [], [], []
    for k, (w, rows) in enumerate(zip(weight, x, strict=True)):
        own = solver[:, ends[k] : ends[k + 1]] * np.sqrt(w / total)  # from labels to ŵ
        products.append(own @ rows)
        variances.append(total * own @ own.T)
        hats.append(
            [rows @ (solver[:, a:b] * np.sqrt(v / total)) for a, b, v in zip(ends, ends[1:], weight, strict=False)]
        )
    return products, variances, hats


def features_of(projection):
    """Return some F with F Fᵀ = Sᵀ S and as many columns as it has rank."""
    values, vectors = np.linalg.eigh(projection.T @ projection)
    kept = values > 1e-12
    return vectors[:, kept] * np.sqrt(values[kept])


def responses(name, weight):
    counts, width, ridge, ways = CASES[name]
    x, projection = inputs(counts, width)
    factors = [rows.T / np.sqrt(sum(counts)) for rows in x]
    grams = [factor @ factor.T for factor in factors]
    rank = min(sum(n for n, w in zip(counts, weight, strict=True) if w > 0), D if width is None else min(width, D))
    features = None if projection is None else features_of(projection)
    for way in ways:
        fit = Fit(weight=weight, ridge=ridge, relative_ridge=ridge, width=width, rank=rank, way=way)
        yield way, respond(NUMPY, fit, factors=factors, grams=list(grams), features=features, largest=0)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("name", CASES)
def test_response_is_that_of_the_data_matrix_by_every_way(name, weight):
    counts, width, ridge, _ = CASES[name]
    x, projection = inputs(counts, width)
    products, variances, hats = by_hand(x, projection, weight, ridge)
    for way, response in responses(name, weight):
        close = {"rtol": 1e-7, "atol": 1e-7, "err_msg": f"{way}"}
        np.testing.assert_allclose(response.complement, sum(products) - np.eye(D), **close)
        for k, w in enumerate(weight):
            if w > 0:
                np.testing.assert_allclose(w * response.products[k], products[k], **close)
            np.testing.assert_allclose(response.noise_diagonal[k], np.diag(variances[k]), **close)
            np.testing.assert_allclose(response.hat_traces[k], np.trace(hats[k][k]), **close)
            squares = [(hats[k][j] ** 2).sum() for j in range(2)]
            np.testing.assert_allclose(response.hat_squares[k], squares, **close)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[1] is not None])
def test_response_trace_is_that_of_the_features(name):
    counts, width, ridge, _ = CASES[name]
    x, projection = inputs(counts, width)
    total = sum(counts)
    moment = sum(projection @ rows.T @ rows @ projection.T for rows in x) / total
    values = np.linalg.eigvalsh(moment) + ridge
    expected = np.inf if ridge == 0 and sum(counts) < width else (1 / values).sum()
    for _, response in responses(name, (1.0, 1.0)):
        assert response.trace == pytest.approx(expected, rel=1e-6)


def test_inverse_of_a_matrix_that_is_not_positive_definite_is_refused():
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        NUMPY.inverse(np.diag([1.0, -1.0]))


@pytest.mark.parametrize("size", [1, 5, 255, 256, 257, 600])
def test_numpy_backend_gives_whole_matrices(size):
    upper = np.triu(stream(1, "upper", size).standard_normal((size, size))) + size * np.eye(size)
    np.testing.assert_allclose(NUMPY.gram_of_triangular(upper), upper @ upper.T, rtol=1e-12, atol=1e-10)
    matrix = upper @ upper.T
    np.testing.assert_allclose(NUMPY.inverse(matrix.copy()) @ matrix, np.eye(size), atol=1e-9)
