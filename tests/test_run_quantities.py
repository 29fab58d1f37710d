"""Do shares, amounts and prices follow from losses as they should?"""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.decisions.run_quantities import (
    MOST_PRICE,
    best_amounts,
    harmless_amounts,
    harmless_shares,
    interval,
    median,
    prices,
    zero_crossings,
)
from modelcollapse.estimation.scaling_laws import Points, ScalingLaw, Units

SHARES = np.linspace(0, 1, 201)


def test_harmless_shares_are_where_the_loss_rises_by_the_tolerance() -> None:
    slopes = np.array([0.1, 0.5, 0.01, -0.2])
    found = harmless_shares(np.log(1 + slopes[:, None] * SHARES), SHARES, tolerance=0.05)
    np.testing.assert_allclose(found, [0.5, 0.1, 1.0, 1.0], atol=1e-3)
    assert (harmless_shares(np.log(1 + slopes[:, None] * SHARES), SHARES, tolerance=0.02)[:2] < found[:2]).all()


def test_harmless_shares_end_at_the_first_harm() -> None:
    bump = np.log(1 + 0.2 * np.exp(-(((SHARES - 0.5) / 0.1) ** 2)))
    assert harmless_shares(bump[None], SHARES, tolerance=0.1)[0] < 0.5


def test_harmless_shares_and_amounts_bear_losses_without_end() -> None:
    steep = np.where(SHARES > 0.3, np.inf, 0.0)[None]
    assert harmless_shares(steep, SHARES, tolerance=0.01)[0] == pytest.approx(0.3, abs=0.005)


def test_best_amounts_are_minimum_and_break_even_of_a_parabola() -> None:
    amounts = np.concatenate([[0.0], np.geomspace(0.01, 100, 2000)])
    curves = np.array([(amounts - 2) ** 2, amounts, -amounts])
    best, most = best_amounts(curves * 1e-3, amounts)
    np.testing.assert_allclose(best, [2.0, 0.0, np.inf], rtol=0.01)
    np.testing.assert_allclose(most, [4.0, 0.0, np.inf], rtol=0.01)


def test_harmless_amounts_end_at_the_first_harm_whatever_gains_lie_beyond() -> None:
    amounts = np.concatenate([[0.0], np.geomspace(0.01, 100, 2000)])
    dip = 1e-3 * amounts * (amounts - 3)
    curves = np.array([dip, amounts, -amounts, np.where(amounts < 10, amounts, -amounts)])
    best, most = harmless_amounts(curves, amounts)
    np.testing.assert_allclose(best, [1.5, 0.0, np.inf, 0.0], rtol=0.01)
    np.testing.assert_allclose(most, [3.0, 0.0, np.inf, 0.0], rtol=0.01)
    assert best_amounts(curves, amounts)[1][3] == np.inf  # gains far beyond a harm


def test_prices_are_unknown_where_real_data_gains_nothing() -> None:
    points = Points(real=np.array([1e6]), synthetic=np.array([1e6]))
    harmed = prices(lambda at: np.log(at.real + at.synthetic)[None], points)
    assert np.abs(harmed).max() == MOST_PRICE


def test_prices_of_an_exchange_are_its_worth_and_one_without_it() -> None:
    points = Points(real=np.array([1e6, 1e6]), synthetic=np.array([1e5, 4e6]))
    law, units = ScalingLaw(irreducible=True, exchange=True), Units(data=1e6)
    vector = np.log([[0.8, 0.3, 1.5, 0.37], [0.5, 0.2, 0.1, 1.4]])
    found = prices(lambda at: law.log_losses(vector, at, units), points)
    np.testing.assert_allclose(found, [[0.37, 0.37], [1.4, 1.4]], rtol=1e-3)
    plain = law.without("exchange")
    np.testing.assert_allclose(prices(lambda at: plain.log_losses(vector[:, :3], at, units), points), 1.0)


def test_prices_are_negative_where_the_floor_outgrows_the_gain() -> None:
    law, units = ScalingLaw(irreducible=True, floor="fraction"), Units(data=1e6)
    points = Points(real=np.full(2, 1e8), synthetic=np.array([1e6, 1e10]))
    vector = np.log([[0.8, 0.3, 1.5, 0.5, 1.0]])
    at = lambda where: law.log_losses(vector, where, units)  # noqa: E731
    found = prices(at, points)[0]

    def slopes(real: float, synthetic: float) -> tuple[float, float]:
        total = real + synthetic
        by_data = -0.3 * 0.8 * (total / 1e6) ** -0.3 / total
        return by_data - 0.5 * synthetic / total**2, by_data + 0.5 * real / total**2

    exact = [slopes(1e8, y)[1] / slopes(1e8, y)[0] for y in points.synthetic]
    np.testing.assert_allclose(found, exact, rtol=1e-3)
    assert found[0] < 0


def test_zero_crossings_are_interpolated() -> None:
    amounts = np.linspace(0, 10, 11)
    curves = np.array([4.5 - amounts, 1 + amounts, -1 - amounts])
    np.testing.assert_allclose(zero_crossings(curves, amounts), [4.5, np.inf, 0.0])


def test_intervals_and_medians_bear_endless_draws() -> None:
    draws = np.concatenate([np.arange(90.0), np.full(10, np.inf)])
    assert interval(draws) == (4.0, np.inf)
    assert median(draws) == 49.0
