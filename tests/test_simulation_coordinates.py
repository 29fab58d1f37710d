"""Are the coordinates those in which the covariances are simplest, and are roots and ranks right?"""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.simulation.coordinates import coordinates_for, rank_of_sum, square_root
from modelcollapse.streams import stream

D = 6


def basis(seed):
    return np.linalg.qr(stream(seed, "basis").standard_normal((D, D)))[0]


def matrix(values, seed):
    return basis(seed) * values @ basis(seed).T


ASCENDING, MIXED = np.arange(1.0, D + 1), np.array([3.0, 1.0, 2.0, 2.0, 5.0, 0.5])
FAMILIES = {
    "diagonals": ([ASCENDING, MIXED], True),
    "one basis": ([matrix(ASCENDING, 1), matrix(MIXED, 1)], True),
    "one basis, isotropic target": ([np.eye(D), matrix(MIXED, 1)], True),
    "isotropic diagonal beside a matrix": ([np.ones(D), matrix(MIXED, 1)], True),
    "two bases": ([matrix(ASCENDING, 1), matrix(MIXED, 2)], False),
    "diagonal beside a matrix": ([ASCENDING, matrix(MIXED, 2)], False),
    "tiny beside huge": ([1e-9 * matrix(ASCENDING, 1), 1e9 * matrix(MIXED, 2)], False),
}


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("name", FAMILIES)
def test_coordinates_keep_the_covariances(name, target):
    covariances, symmetric = FAMILIES[name]
    found = coordinates_for(covariances, target=target)
    assert found.symmetric == symmetric
    assert found.covariances[target].ndim == 1
    columns = np.eye(D) if found.basis is None else found.basis
    for given, written in zip(covariances, found.covariances, strict=True):
        given = np.diag(given) if given.ndim == 1 else given
        written = np.diag(written) if written.ndim == 1 else written
        np.testing.assert_allclose(columns @ written @ columns.T, given, atol=1e-8 * np.abs(given).max())


@pytest.mark.parametrize(
    "covariance",
    [ASCENDING, np.append(ASCENDING[:-1], 0), matrix(MIXED, 1), matrix(np.append(MIXED[:4], [0, 0]), 1), np.zeros(D)],
    ids=["diagonal", "singular diagonal", "matrix", "singular matrix", "zero"],
)
def test_square_root_squares_to_the_covariance(covariance):
    root = square_root(covariance)
    square = np.diag(root**2) if root.ndim == 1 else root @ root.T
    full = np.diag(covariance) if covariance.ndim == 1 else covariance
    np.testing.assert_allclose(square, full, atol=1e-12)
    if root.ndim == 2:
        assert root.shape[1] == np.linalg.matrix_rank(full)
        assert root.shape[1] < D or np.array_equal(root, np.triu(root))


HALF, OTHER_HALF = np.array([1.0, 2, 3, 0, 0, 0]), np.array([0, 0, 0, 1.0, 2, 3])
RANKS = [
    ([ASCENDING, MIXED], (2, 3), 5),
    ([ASCENDING, MIXED], (4, 3), 6),
    ([HALF, HALF], (2, 2), 3),
    ([HALF, OTHER_HALF], (10, 1), 4),
    ([HALF, HALF * 2, ASCENDING], (8, 8, 1), 4),
    ([matrix(HALF, 1), HALF], (10, 10), 6),
    ([HALF], (2,), 2),
    ([np.eye(D)[0], np.eye(D)[0] + np.eye(D)[1], np.repeat([0.0, 1.0], [2, 4])], (5, 5, 3), 5),  # nested
    ([HALF * [1, 1e-6, 1e-12, 0, 0, 0], OTHER_HALF], (2, 1), 3),
]


@pytest.mark.parametrize(("covariances", "counts", "rank"), RANKS)
def test_rank_of_sum_is_that_of_samples(covariances, counts, rank):
    roots = [square_root(covariance) for covariance in covariances]
    rng = stream(1, "rank")
    total = 0
    for root, n in zip(roots, counts, strict=True):
        x = rng.standard_normal((n, root.shape[-1]))
        x = x * root if root.ndim == 1 else x @ root.T
        total = total + x.T @ x
    assert np.linalg.matrix_rank(total) == rank
    assert rank_of_sum(roots, counts) == rank
