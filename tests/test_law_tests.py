"""Is an additional term of a law found as often as it should be, and as large as it is? Slopes, levels, intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from modelcollapse.estimation import law_tests
from modelcollapse.estimation.extra_terms import Factor, FactorLaw, Floor, weak_prior, with_factor
from modelcollapse.estimation.law_tests import compare_laws
from modelcollapse.estimation.scaling_laws import Points, ScalingLaw, Units

LAW = ScalingLaw(irreducible=True)
N = 18
TOTAL = np.geomspace(1e6, 1e8, N)
LARGER = (np.arange(N) >= N // 2).astype(float)
POINTS = Points(real=TOTAL * (1 - 0.5 * LARGER), synthetic=0.5 * TOTAL * LARGER)
CLEAN = np.log(1.0 + 2.0 * (TOTAL / 1e6) ** -0.4)
NOISE = 0.01
CHANCE = 1e-4


def noisy(seed: int, *, effect: float = 0.0) -> Any:
    """Return log losses of which the larger half lies above the law, the noise of small runs being larger."""
    noise = NOISE * (TOTAL / 1e6) ** -0.15 * np.random.default_rng(seed).standard_normal(N)
    return CLEAN + effect * LARGER + noise


def judged(seed: int, *, effect: float = 0.0) -> Any:
    factor = Factor(null=LAW, points=POINTS, column=LARGER)
    return compare_laws(LAW, POINTS, noisy(seed, effect=effect), [factor], generator=np.random.default_rng(1000 + seed))


def test_slopes_of_a_law_with_factors_are_derivatives() -> None:
    law, units = with_factor(with_factor(LAW, LARGER), TOTAL / 1e8), Units.of(POINTS)
    vector = np.array([0.3, -0.9, 0.1, 0.05, -0.2])
    _, slopes = law.with_slopes(vector, POINTS, units)
    steps = 1e-6 * np.eye(5)
    differences = (law.log_losses(vector + steps, POINTS, units) - law.log_losses(vector - steps, POINTS, units)) / 2e-6
    assert np.allclose(slopes, differences.T, rtol=1e-6, atol=1e-8)
    assert law.parameters[-2:] == ("factor 1", "factor 2")
    assert law.plain == LAW
    assert len(weak_prior(law, CLEAN).centre) == 5


@pytest.mark.parametrize(
    "alternative",
    [
        Factor(null=LAW, points=POINTS, column=LARGER),
        Floor(null=LAW, points=POINTS),
        Factor(null=FactorLaw(irreducible=True, columns=LARGER[:, None]), points=POINTS, column=TOTAL / 1e8),
    ],
)
def test_alternatives_start_at_the_null_law_and_lose_their_term_where_expected(alternative: Any) -> None:
    units = Units.of(POINTS)
    null = alternative.null
    vectors = np.random.default_rng(0).normal(-0.5, 0.3, size=(3, len(null.parameters)))
    start = alternative.start(vectors)
    assert start.shape == (3, len(alternative.law.parameters))
    assert np.allclose(alternative.expected(start, units), null.log_losses(vectors, POINTS, units))
    moved = start + 0.1
    excess = alternative.law.log_losses(moved, alternative.points, units) - alternative.expected(moved, units)
    assert (np.abs(excess[:, ~alternative.touched]) < 1e-12).all()
    assert (excess[:, alternative.touched] > 0).all()
    assert (alternative.signs(moved) == 1).all()


def test_level_is_kept_on_fresh_tables() -> None:
    p_values = np.array([judged(seed).p_value for seed in range(80)])
    assert (p_values <= 0.1).sum() <= binom.isf(CHANCE, 80, 0.1)
    assert (p_values <= 0.5).sum() >= binom.ppf(CHANCE, 80, 0.4)  # not by never being small: half have no p of 1


def test_level_is_not_kept_when_the_law_is_not_fitted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: residuals of synthetic runs against a law of the others that is taken for exact."""

    def naive(seed: int) -> float:
        log_loss, few = noisy(seed), LARGER == 0
        fit = law_tests.fit_law(LAW, POINTS.select(few), np.exp(log_loss[few]))
        excess = log_loss[~few] - LAW.log_losses(fit.vector, POINTS, fit.units)[~few]
        return float(excess.mean() / (excess.std(ddof=1) / np.sqrt(len(excess))))

    alarms = sum(naive(seed) > 1.4 for seed in range(80))  # 1.4: one-sided 10 % of Student's law with 8 degrees
    assert alarms > binom.isf(CHANCE, 80, 0.1)


def coverage(n_tables: int, *, factor: float = 1.0) -> int:
    """Return how often the interval holds an effect of 3 %; its half widths taken so many times."""
    covered = 0
    for seed in range(n_tables):
        test = judged(seed, effect=float(np.log(1.03)))
        low, high = (test.effect + factor * (end - test.effect) for end in test.interval)
        covered += low <= 0.03 <= high
    return covered


def test_interval_of_the_effect_covers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(law_tests, "_p_value", lambda *rest: 1.0)
    assert coverage(80) >= binom.ppf(CHANCE, 80, 0.9)
    assert coverage(80, factor=0.5) < binom.ppf(CHANCE, 80, 0.9)  # the twin


def test_no_more_is_drawn_than_a_p_value_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    statistics = law_tests._Fits.statistics

    def counted(self: Any, target: Any) -> Any:
        drawn.append(len(target))
        return statistics(self, target)

    monkeypatch.setattr(law_tests._Fits, "statistics", counted)
    test = judged(0, effect=0.2)
    assert test.p_value == 1 / 1000
    assert sum(drawn) > law_tests.N_BOOTSTRAP
    for seed in range(6):
        drawn.clear()
        if judged(seed).p_value > 0.2:
            assert sum(drawn) < 2 * law_tests.BATCH
