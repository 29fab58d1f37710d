"""Is the chosen run the one that shrinks the answer's variance most?"""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.decisions.next_run import most_informative

TIMES = np.linspace(0, 4, 9)


def line_draws(n_draws: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of a line's slope, and of the line at `TIMES`."""
    rng = np.random.default_rng(0)
    slope, level = rng.normal(0, 1, n_draws), rng.normal(0, 0.5, n_draws)
    return slope, level[:, None] + slope[:, None] * TIMES


def test_most_informative_expects_the_posterior_variance_of_a_linear_model() -> None:
    slope, lines = line_draws()
    found = most_informative(slope, lines, noise=0.7, clip=(0.0, 1.0))
    assert found.best == len(TIMES) - 1  # the longest lever
    precision = np.array([[1.0, 0.0], [0.0, 1 / 0.25]])
    for time, expected in zip(TIMES, found.expected, strict=True):
        design = np.array([time, 1.0])
        exact = np.linalg.inv(precision + np.outer(design, design) / 0.49)[0, 0]
        assert expected == pytest.approx(exact, rel=5 * np.sqrt(2 / 20_000))
    assert found.variance == pytest.approx(1.0, rel=5 * np.sqrt(2 / 20_000))


def test_most_informative_without_the_noise_expects_too_little() -> None:
    slope, lines = line_draws()
    found = most_informative(slope, lines, noise=0.0, clip=(0.0, 1.0))
    exact = np.linalg.inv(np.diag([1.0, 4.0]) + np.outer([4.0, 1.0], [4.0, 1.0]) / 0.49)[0, 0]
    assert found.expected[-1] < exact * (1 - 5 * np.sqrt(2 / 20_000))


def test_most_informative_avoids_the_place_that_is_too_noisy() -> None:
    slope, lines = line_draws()
    noise = np.where(TIMES > 2, 50.0, 0.5)
    assert TIMES[most_informative(slope, lines, noise=noise).best] == 2.0


def test_most_informative_keeps_what_no_measurement_tells() -> None:
    rng = np.random.default_rng(1)
    asked, candidates = rng.standard_normal(5000), rng.standard_normal((5000, 3))
    found = most_informative(asked, candidates, noise=1.0)
    np.testing.assert_allclose(found.expected, found.variance, rtol=5 * 2 / 5000 * 5)
    certain = most_informative(np.ones(100), rng.standard_normal((100, 2)), noise=1.0)
    assert (certain.variance, certain.best) == (0.0, 0)
    assert (certain.expected == 0).all()


def test_most_informative_bears_answers_without_an_end() -> None:
    slope, lines = line_draws(2000)
    endless = np.where(slope > 1.5, np.inf, slope)
    found = most_informative(endless, lines, noise=0.7)
    assert np.isfinite(found.expected).all()
    assert found.best == len(TIMES) - 1
    nothing = most_informative(np.full(10, np.inf), lines[:10], noise=1.0)
    assert nothing.variance == 0
