"""Do scans and descents find the lowest of several valleys, in corners and along bent ones too?"""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.decisions.valleys import descended, lowest

BOX = np.array([[-5.0, 5.0]] * 2)


def two_valleys(points: np.ndarray) -> np.ndarray:
    """The deeper valley, at 3, is narrow; the shallow one, at −2, is wide."""
    first, second = points[:, 0], points[:, 1]
    return -np.exp(-20 * (first - 3) ** 2) - 0.9 * np.exp(-0.2 * (first + 2) ** 2) + second**2


def bent(points: np.ndarray) -> np.ndarray:
    """Rosenbrock's valley: its ground is at (1, 1)."""
    first, second = points.T
    return 100 * (second - first**2) ** 2 + (1 - first) ** 2


def test_lowest_valley_is_found_between_the_points_of_a_scan():
    assert lowest(two_valleys, [(-5, 5)] * 2, (41, 5)) == pytest.approx([3, 0], abs=0.01)
    assert lowest(two_valleys, [(-5, 5)] * 2, (4, 4))[0] < 0  # too coarse a scan must miss it


def test_descent_follows_a_bent_valley_and_keeps_points_apart():
    starts = np.array([[-1.5, 2.0], [0.0, 0.0], [4.0, -4.0]])
    points, values = descended(bent, starts, BOX, iterations=200)
    assert np.abs(points - 1).max() < 1e-2
    assert values == pytest.approx(bent(points))
    alone, _ = descended(bent, starts[:1], BOX, iterations=200)
    assert alone[0] == pytest.approx(points[0], abs=1e-9)


def test_descent_stays_in_its_box():
    points, _ = descended(lambda x: x[:, 0] + (x[:, 1] - 1) ** 2, np.array([[2.0, -3.0]]), BOX, iterations=50)
    assert points[0] == pytest.approx([-5, 1], abs=1e-4)


def test_descent_ends_in_the_valley_where_it_starts():
    points, _ = descended(two_valleys, np.array([[-1.0, 1.0], [3.2, 1.0]]), BOX, iterations=50)
    assert points[:, 0] == pytest.approx([-2, 3], abs=1e-3)
