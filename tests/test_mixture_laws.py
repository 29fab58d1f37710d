"""Do laws of mixtures hold what they promise: slopes, limits, recovery, and weights that find the right law?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modelcollapse.checks import Array
from modelcollapse.estimation.mixture_belief import N_DRAWS, believe
from modelcollapse.estimation.mixture_law_fits import EVEN, FEWEST, fit_mixture_law, large, law_weights, scatter
from modelcollapse.estimation.mixture_laws import COUNT_LAWS, POWER_LAW, RIDGE_LAWS, MixtureLaw, Mixtures
from modelcollapse.estimation.scaling_laws import Units

LAWS = COUNT_LAWS + RIDGE_LAWS
JAIN = COUNT_LAWS[-1]
SHARES = (0.0, 0.125, 0.25, 0.5, 1.0)


def grid(*, real: float = 1000.0, synthetic: float = 1000.0) -> Mixtures:
    """Return all mixtures of some shares of the rows at hand, with a made-up ridge forecast."""
    pairs = [(r * real, s * synthetic) for r in SHARES for s in SHARES if r + s > 0]
    first, second = np.array(pairs).T
    return mixtures(first, second)


def mixtures(real: Array, synthetic: Array) -> Mixtures:
    """Return mixtures with a made-up ridge forecast."""
    total = real + synthetic
    damage = 0.1 * (synthetic / total) ** 2
    return Mixtures(real=real, synthetic=synthetic, ridge_error=0.8 + 50 / (total + 100) + damage, ridge_damage=damage)


def jain_error(points: Mixtures) -> Array:
    """Return errors by the formula of Jain, Montanari and Sasoglu for weights α = p, written with its three risks."""
    n, m, beta, floor = points.real, points.synthetic, 0.5, 0.1
    p = points.fraction
    a, b = 20.0, 50.0  # R_or(n) = (a/n)^β, R_su(m) − R_su(∞) = (b/m)^β
    variance = p**2 * np.where(m > 0, b / np.maximum(m, 1), 0) + (1 - p) ** 2 * np.where(n > 0, a / np.maximum(n, 1), 0)
    return 0.05 + p**2 * floor + variance**beta


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_slopes_are_differences(law: MixtureLaw) -> None:
    points, units, step = grid(), Units(data=500.0), 1e-6
    vector = law.prior(np.log(np.full(24, 0.3))).centre + 0.1
    value, slopes = law.with_slopes(vector, points, units)
    assert value == pytest.approx(law.log_losses(vector, points, units))
    for k in range(len(vector)):
        moved = [law.log_losses(vector + sign * step * np.eye(len(vector))[k], points, units) for sign in (1, -1)]
        assert slopes[:, k] == pytest.approx((moved[0] - moved[1]) / (2 * step), abs=1e-7), law.parameters[k]


def test_law_of_jain_is_the_published_formula() -> None:
    points, units = grid(), Units(data=1.0)
    held = {"amplitude": 0.5 * np.log(20.0), "exponent": np.log(0.5), "irreducible": np.log(0.05),
            "floor": np.log(0.1), "floor_power": np.log(2.0), "variance_ratio": np.log(2.5)}  # fmt: skip
    vector = np.array([held[name] for name in JAIN.parameters])
    assert np.exp(JAIN.log_losses(vector, points, units)) == pytest.approx(jain_error(points), rel=1e-12)


@pytest.mark.parametrize("law", COUNT_LAWS, ids=lambda law: law.name)
def test_laws_in_counts_ignore_the_ridge_forecast(law: MixtureLaw) -> None:
    points, units = grid(), Units(data=500.0)
    unknown = replace(points, ridge_error=np.full(24, np.nan), ridge_damage=np.full(24, np.nan))
    vector = law.prior(np.zeros(24)).centre
    assert not law.needs_ridge
    assert np.array_equal(law.log_losses(vector, points, units), law.log_losses(vector, unknown, units))
    assert not unknown.told.any()


def test_fit_recovers_the_law_beyond_its_points() -> None:
    points, random = grid(), np.random.default_rng(0)
    error = jain_error(points) * np.exp(0.01 * random.standard_normal(24))
    beyond = mixtures(np.array([4000.0, 4000.0, 1000.0]), np.array([0.0, 4000.0, 4000.0]))
    fit = fit_mixture_law(JAIN, points, error)
    off = fit.log_errors(fit.vector, beyond) - np.log(jain_error(beyond))
    assert np.abs(off).max() < 0.05
    plain = fit_mixture_law(POWER_LAW, points, error)
    assert np.abs(plain.log_errors(plain.vector, beyond) - np.log(jain_error(beyond))).max() > 0.15  # the twin
    assert 0.005 < fit.scale < 0.02


def test_models_of_few_rows_scatter_more() -> None:
    assert scatter(np.array([100.0, 800.0])) == pytest.approx([np.sqrt(4.5), 1.0])


def test_large_mixtures_hold_more_than_half_of_a_source() -> None:
    points = grid()
    assert np.array_equal(large(points), (points.real > 500) | (points.synthetic > 500))


def test_left_out_is_what_a_fit_without_the_model_misses() -> None:
    points = grid()
    error = jain_error(points)
    error[5] *= 2.0
    fit = fit_mixture_law(JAIN, points, error)
    assert fit.left_out[5] * fit.spread[5] == pytest.approx(np.log(2.0), rel=0.1)
    others = np.delete(fit.left_out, 5)
    assert np.abs(others).max() < abs(fit.left_out[5])


def test_weights_find_the_right_law_and_follow_what_is_missed() -> None:
    points, random = grid(), np.random.default_rng(1)
    fits = [fit_mixture_law(law, points, jain_error(points) * np.exp(0.01 * random.standard_normal(24)))
            for law in (POWER_LAW, JAIN)]  # fmt: skip
    shares = law_weights(fits)
    assert shares.sum() == pytest.approx(1.0)
    assert shares[1] == pytest.approx(1.0 - EVEN / 2, abs=1e-3)
    assert law_weights(fits[::-1])[0] == pytest.approx(shares[1])


def covered(half: float, *, n_sets: int = 30) -> float:
    """Return how often 90 % bands, made narrower by a factor, hold the errors that they are about."""
    beyond, points = mixtures(np.array([2000.0, 1000.0]), np.array([0.0, 2000.0])), grid()
    inside = []
    for k in range(n_sets):
        random = np.random.default_rng(k)
        noise = 0.03 * scatter(points.total) * random.standard_normal(24)
        belief = believe(points, jain_error(points) * np.exp(noise), laws=(POWER_LAW, JAIN), random=random)
        draws = belief.log_errors(beyond)
        middle = np.median(draws, axis=0)
        low, high = np.quantile(middle + half * (draws - middle), [0.05, 0.95], axis=0)
        truth = np.log(jain_error(beyond))
        inside.append((truth >= low) & (truth <= high))
    return float(np.mean(inside))


def test_bands_cover_what_they_are_about_and_a_tenth_of_them_does_not() -> None:
    assert covered(1.0) > 0.8  # 60 errors, two by two alike: 0.9 less 2.6 standard errors
    assert covered(0.1) < 0.8


def test_belief_draws_by_weight_and_leans_on_nothing_unknown() -> None:
    points = grid()
    belief = believe(points, jain_error(points), laws=LAWS, random=np.random.default_rng(0))
    assert belief.log_errors(points).shape == (N_DRAWS, 24)
    assert sum(len(vectors) for vectors in belief.vectors) == N_DRAWS
    assert belief.beyond.shape == (int(large(points).sum()),)
    perfect = believe(
        points, np.zeros(24) + 1e-9 * (np.arange(24) == 0), laws=COUNT_LAWS[:1], random=np.random.default_rng(0)
    )
    assert np.isfinite(perfect.log_errors(points)).all()
    assert FEWEST == 8
