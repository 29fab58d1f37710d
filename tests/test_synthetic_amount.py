"""The largest synthetic amount: against the limits of chains, a published rule, and amounts one more."""

from __future__ import annotations

import math

import numpy as np
import pytest

from modelcollapse import InputError
from modelcollapse.theory.chain_moments import Samples, chain_moments
from modelcollapse.theory.reuse_bounds import deviation_bound
from modelcollapse.theory.synthetic_amount import (
    conservative_synthetic_amount,
    largest_synthetic_amount,
    limiting_drift_variance,
)
from modelcollapse.theory.token_errors import Refit, absolute_errors


def zipf(n_tokens: int) -> np.ndarray:
    weights = 1 / np.arange(1.0, n_tokens + 1)
    return weights / weights.sum()


@pytest.mark.parametrize(("n_real", "n_samples"), [(10, 10), (100, 10), (100, 1000), (3, 200)])
def test_limit_is_that_of_many_generations(n_real: int, n_samples: int) -> None:
    moments = chain_moments("mix", Samples(n_real, n_samples, real=n_real), generations=400, reused=True)
    found = limiting_drift_variance(n_samples, n_real=n_real)
    assert found == pytest.approx(moments.drift[-1], rel=1e-4)
    assert limiting_drift_variance(math.inf, n_real=n_real) > found


def test_limit_is_the_published_one() -> None:
    scale = 1 - zipf(20) @ zipf(20)
    for n_real, n_samples, expected in ((10, 10, 2.545e-2), (100, 10, 7.23e-4), (100, 1000, 4.11e-3),
                                        (100, 10**12, 4.32e-3)):  # fmt: skip
        found = scale * limiting_drift_variance(n_samples, n_real=n_real)
        assert found == pytest.approx(expected, rel=5e-3 if n_samples < 10**6 else 1e-2)


@pytest.mark.parametrize("tolerance", [0.002, 0.004, 0.0069])
def test_largest_amount_keeps_the_tolerance_and_one_more_does_not(tolerance: float) -> None:
    law, n_real = zipf(65), 10**4
    found = largest_synthetic_amount(law, n_real=n_real, tolerance=tolerance)
    assert found.exact
    scale = 1 - law @ law

    def distance(n: float) -> float:
        return math.sqrt(scale * limiting_drift_variance(n, n_real=n_real))

    assert distance(found.n_samples) <= tolerance
    assert found.n_samples == math.inf or distance(found.n_samples + 1) > tolerance


def test_largest_amount_in_absolute_error_keeps_the_tolerance_and_one_more_does_not() -> None:
    law, n_real = zipf(20), 50
    found = largest_synthetic_amount(law, n_real=n_real, tolerance=0.2, norm="l1")
    assert found.exact
    drifts = []
    for n in (int(found.n_samples), int(found.n_samples) + 1):
        refit = Refit(kind="mix-reused", n_first=n_real, n_samples=n)
        drifts.append(absolute_errors(law, counts=np.ones(20), refit=refit, generations=60)[1][-1])
    assert drifts[0] <= 0.2 < drifts[1]


def test_largest_amount_in_absolute_error_is_infinite_beyond_what_any_number_does() -> None:
    law = zipf(20)
    assert largest_synthetic_amount(law, n_real=100, tolerance=0.2015, norm="l1").n_samples == math.inf
    below = largest_synthetic_amount(law, n_real=100, tolerance=0.2013, norm="l1")
    assert below.n_samples < math.inf


def test_largest_amount_in_absolute_error_is_safe_where_it_is_not_exact() -> None:
    law, n_real, tolerance = np.full(65, 1 / 65), 10**6, 0.001
    found = largest_synthetic_amount(law, n_real=n_real, tolerance=tolerance, norm="l1")
    assert not found.exact
    scale = np.sqrt(law * (1 - law)).sum()
    assert scale * math.sqrt(limiting_drift_variance(found.n_samples, n_real=n_real)) <= tolerance
    assert scale * math.sqrt(limiting_drift_variance(found.n_samples + 1, n_real=n_real)) > tolerance


@pytest.mark.parametrize(
    ("n_tokens", "n_real", "amount", "bound"),
    [(65, 10**4, 1.22, 0.0539), (65, 10**6, 5.13, 0.0111), (50_000, 10**12, 11.23, 0.0005)],
)
def test_conservative_amount_is_the_published_one(n_tokens: int, n_real: int, amount: float, bound: float) -> None:
    found = conservative_synthetic_amount(n_tokens, n_real=n_real, tolerance=0.1)
    assert found == pytest.approx(amount, abs=0.005)
    at_least = deviation_bound(n_tokens, n_real=n_real, n_samples=max(int(found), 1))
    assert at_least <= bound * 1.01 < 0.1
    law = np.full(n_tokens, 1 / n_tokens)
    if n_tokens < 100:
        assert largest_synthetic_amount(law, n_real=n_real, tolerance=0.1, norm="l1").n_samples == math.inf


def test_conservative_amount_needs_enough_tokens_and_real_samples() -> None:
    assert conservative_synthetic_amount(2, n_real=10**12, tolerance=0.1) == 0
    assert conservative_synthetic_amount(65, n_real=10, tolerance=0.1) == 0


def test_amounts_refuse_what_is_out_of_range() -> None:
    with pytest.raises(InputError, match="add up to 1"):
        largest_synthetic_amount([0.5, 0.4], n_real=10, tolerance=0.1)
    with pytest.raises(InputError, match="`tolerance`"):
        largest_synthetic_amount([0.5, 0.5], n_real=10, tolerance=0)
    with pytest.raises(InputError, match="`norm`"):
        largest_synthetic_amount([0.5, 0.5], n_real=10, tolerance=1, norm="l3")
