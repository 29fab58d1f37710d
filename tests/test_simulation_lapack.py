"""Do the routines that are called without Python's lock compute what their names say?"""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.simulation import lapack

SIZES = [1, 2, 7, 300]


def numbers(*shape):
    return np.random.default_rng(0).standard_normal(shape)


@pytest.mark.parametrize("d", SIZES)
def test_invert_leaves_the_upper_triangle_of_the_inverse(d):
    square = numbers(d, d)
    matrix = square @ square.T + d * np.eye(d)
    inverse = matrix.copy()
    lapack.invert(inverse)
    np.testing.assert_allclose(np.triu(inverse), np.triu(np.linalg.inv(matrix)), rtol=0, atol=1e-13)
    np.testing.assert_array_equal(np.tril(inverse, -1), np.tril(matrix, -1))


def test_invert_refuses_a_matrix_that_is_not_positive_definite():
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        lapack.invert(np.diag([1.0, -1.0, 1.0]))


@pytest.mark.parametrize("d", SIZES)
def test_square_triangle_leaves_the_upper_triangle_of_the_product(d):
    triangle = np.triu(numbers(d, d))
    product = triangle.copy()
    lapack.square_triangle(product)
    np.testing.assert_allclose(np.triu(product), np.triu(triangle @ triangle.T), rtol=0, atol=1e-12 * d)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("d", "p"), [(1, 1), (7, 3), (7, 7), (300, 310)])
def test_transposed_triangle_times_a_matrix(d, p, order):
    triangle, matrix = np.asarray(np.triu(numbers(d, d)), order=order), numbers(d, p)
    given = triangle.copy(), matrix.copy()
    product = lapack.transposed_triangle_times(triangle, matrix)
    np.testing.assert_allclose(product, triangle.T @ matrix, rtol=0, atol=1e-12 * d)
    np.testing.assert_array_equal(triangle, given[0])
    np.testing.assert_array_equal(matrix, given[1])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("d", "p"), [(1, 1), (7, 3), (300, 17)])
def test_solve_factored_solves_what_factor_factored(d, p, order):
    square, right = numbers(d, d), np.asarray(numbers(d, p), order=order)
    matrix = square @ square.T + d * np.eye(d)
    triangle, given = matrix.copy(), right.copy()
    lapack.factor(triangle)
    np.testing.assert_allclose(np.triu(triangle).T @ np.triu(triangle), matrix, rtol=0, atol=1e-12 * d)
    np.testing.assert_allclose(matrix @ lapack.solve_factored(triangle, right), right, rtol=0, atol=1e-12 * d)
    np.testing.assert_array_equal(right, given)
