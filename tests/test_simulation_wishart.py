"""Does Bartlett's factor have the law of the samples that it stands for?"""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.simulation import wishart
from modelcollapse.simulation.backend import NumpyBackend
from modelcollapse.simulation.wishart import bartlett_factor
from modelcollapse.streams import stream

NUMPY = NumpyBackend()
N_DRAWS = 4000
SHAPES = [(3, 5), (5, 5), (6, 5), (40, 5), (1, 4), (100, 70)]  # samples, features; 70 spans two blocks of rows


def statistics(gram):
    """Return statistics that feel every entry: first, last and mixed moments, and the spread of the eigenvalues."""
    return np.array(
        [
            gram[0, 0],
            gram[-1, -1],
            gram[0, -1] ** 2,
            gram[0, 0] * gram[-1, -1],
            (gram**2).sum(),
            gram[1, 0] * gram[0, 0],
        ]
    )


def drawn(n_samples, n_features):
    """The same statistics of samples that are really drawn."""
    rng = stream(1, "drawn", n_samples)
    for _ in range(N_DRAWS):
        x = rng.standard_normal((n_samples, n_features))
        yield statistics(x.T @ x)


def from_factors(n_samples, n_features):
    randomness = NUMPY.randomness(2, "factors", n_samples)
    for _ in range(N_DRAWS):
        factor = bartlett_factor(NUMPY, randomness, n_samples=n_samples, n_features=n_features)
        yield statistics(factor @ factor.T)


def distances(n_samples, n_features):
    """Return the differences of mean statistics and of their mean squares, in standard errors."""
    one, two = np.array(list(drawn(n_samples, n_features))), np.array(list(from_factors(n_samples, n_features)))
    one, two = np.hstack([one, one**2]), np.hstack([two, two**2])
    stderr = np.sqrt((one.var(axis=0) + two.var(axis=0)) / N_DRAWS)
    return np.abs(one.mean(axis=0) - two.mean(axis=0)) / stderr


@pytest.mark.parametrize(("n_samples", "n_features"), SHAPES)
def test_bartlett_factor_has_the_law_of_drawn_samples(n_samples, n_features):
    assert distances(n_samples, n_features).max() < 5


@pytest.mark.parametrize(("n_samples", "n_features"), SHAPES[:-1])  # one in a hundred is too little to be seen
def test_bartlett_factor_with_one_degree_of_freedom_too_many_has_another_law(n_samples, n_features, monkeypatch):
    right = bartlett_factor

    def wrong(backend, randomness, *, n_samples, n_features):
        class Shifted:
            normal = staticmethod(randomness.normal)
            chi = staticmethod(lambda dof: randomness.chi(dof + 1))

        return right(backend, Shifted, n_samples=n_samples, n_features=n_features)

    monkeypatch.setitem(globals(), "bartlett_factor", wrong)
    assert distances(n_samples, n_features).max() > 5


@pytest.mark.parametrize(("n_samples", "rank"), [(0, 0), (3, 3), (70, 70), (10**6, 70)])
def test_bartlett_factor_is_upper_trapezoidal_and_of_full_rank(n_samples, rank):
    factor = bartlett_factor(NUMPY, NUMPY.randomness(0), n_samples=n_samples, n_features=70)
    assert factor.shape == (70, rank)
    assert np.array_equal(factor, np.triu(factor, k=rank - 70))
    assert rank == 0 or np.linalg.matrix_rank(factor) == rank


def test_bartlett_factor_draws_as_many_numbers_for_a_billion_samples_as_for_a_thousand():
    sizes = []

    class Counting:
        def normal(self, *shape):
            sizes.append(int(np.prod(shape)))
            return np.zeros(shape)

        def chi(self, dof):
            sizes.append(len(dof))
            return np.sqrt(dof)

    for n_samples in (10**3, 10**9):
        bartlett_factor(NUMPY, Counting(), n_samples=n_samples, n_features=100)
    half = len(sizes) // 2
    assert sizes[:half] == sizes[half:]
    assert sum(sizes[:half]) < 100 * 101 / 2 + 100 * wishart.ROWS
