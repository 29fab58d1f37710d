"""Does a law that does not hold leave a pattern that is seen, and one that holds none?"""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.estimation.law_fits import LawFit, fit_law
from modelcollapse.estimation.law_misfit import LENGTHS, Deviations, misfit_chance
from modelcollapse.estimation.scaling_laws import Points, ScalingLaw

TOTAL, SHARE = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e6, 1e8, 7), [0.0, 0.3, 0.6, 0.9]))
POINTS = Points(real=TOTAL * (1 - SHARE), synthetic=TOTAL * SHARE)
N_TABLES = 100


def fitted(*, bend: float = 0.0, seed: int = 0, noise: float = 0.01) -> LawFit:
    """Return a power law with an irreducible loss, fitted to runs that leave it by a hump in the data."""
    loss = 1.5 + (TOTAL / 1e6) ** -0.3 * (1 + bend * np.sin(2 * np.log(TOTAL / 1e6)))
    rng = np.random.default_rng(seed)
    return fit_law(ScalingLaw(irreducible=True), POINTS, loss * np.exp(noise * rng.standard_normal(28)), n_starts=4)


def exceeding(bend: float) -> int:
    """Return how many of the tables leave a pattern whose chance is below a tenth."""
    return sum(misfit_chance(fitted(bend=bend, seed=seed)) < 0.1 for seed in range(N_TABLES))


def test_misfit_chance_is_small_as_often_as_it_says_where_the_law_holds() -> None:
    assert abs(exceeding(0.0) - 10) < 5 * np.sqrt(N_TABLES * 0.1 * 0.9)


def test_misfit_chance_is_small_more_often_where_no_law_holds() -> None:
    assert exceeding(0.3) - 10 > 5 * np.sqrt(N_TABLES * 0.1 * 0.9)


def test_misfit_chance_takes_outliers_for_no_pattern() -> None:
    loss = 1.5 + (TOTAL / 1e6) ** -0.3
    loss[[3, 17]] *= 3.0
    noise = np.exp(0.01 * np.random.default_rng(0).standard_normal(28))
    assert misfit_chance(fit_law(ScalingLaw(irreducible=True), POINTS, loss * noise, n_starts=4)) > 0.01


def test_misfit_chance_is_one_where_too_few_settings_are_to_spare() -> None:
    few = POINTS.select(np.arange(0, 28, 4))
    assert misfit_chance(fit_law(ScalingLaw(irreducible=True), few, few.total**-0.3, n_starts=4)) == 1.0


def test_deviations_vary_by_their_amplitude_and_go_together_at_short_distances() -> None:
    deviations = Deviations.drawn(0.2, 20_000, np.random.default_rng(0), reach=1e8)
    total = np.array([1e6, 1e6 * np.exp(LENGTHS[0]), 1e9])
    at = deviations.at(Points(real=total, synthetic=0 * total))
    covariance = at.T @ at / len(at)
    stderr = 0.2**2 * np.sqrt(1.5 / len(at))  # the fourth moment of √2 cos is 1.5
    assert abs(covariance[0, 0] - 0.04) < 5 * stderr
    assert abs(covariance[0, 1] - 0.04 * np.exp(-0.5)) < 5 * stderr
    assert np.sqrt(covariance[2, 2]) == pytest.approx(0.4, rel=0.05)  # tenfold beyond the largest run
