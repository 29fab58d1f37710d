"""Does mending synthetic inputs forecast what the rows would have done without the defect?"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from modelcollapse import audit
from modelcollapse.checks import Array
from modelcollapse.decisions import repairs
from modelcollapse.decisions.audit_result import AuditResult, Repair
from modelcollapse.digits import HALF_WIDTH_90
from modelcollapse.estimation.mending import near_real_rows, onto_real_correlations, onto_real_margins

D = 30
RULE = np.linspace(1.0, 2.0, D)


def rows(seed: int, n: int) -> tuple[Array, Array]:
    """Draw equicorrelated Gaussian inputs, of correlation 1/2, and noise."""
    rng = np.random.default_rng(seed)
    return rng.multivariate_normal(np.zeros(D), 0.5 + 0.5 * np.eye(D), n), 0.7 * rng.standard_normal(n)


def labelled(inputs: Array, noise: Array) -> tuple[Array, Array]:
    return inputs, inputs @ RULE + noise


REAL = labelled(*rows(0, 120))
HOLDOUT = labelled(*rows(1, 800))
GOOD, NOISE = rows(2, 300)


@cache
def audited(scale: float) -> AuditResult:
    return audit(REAL, labelled(scale * GOOD, NOISE), holdout=HOLDOUT, ridge=[0.01], scale="none")


def repair(result: AuditResult, what: str) -> Repair:
    (found,) = (repair for repair in result.repairs if repair.mended == what)
    return found


def stderr(found: Repair) -> float:
    return (found.gain - found.interval[0]) / HALF_WIDTH_90


def test_repairs_start_near_the_mixture_at_hand_and_add_up() -> None:
    result = audited(0.3)
    assert {found.mended for found in result.repairs} >= {"spread and tails", "association"}
    for found in result.repairs:
        assert found.gain == pytest.approx(found.before - found.after)
        assert abs(found.before - result.at_hand.test_error) < 5 * (
            result.at_hand.stderr + result.at_hand.holdout_stderr
        )


def trained_gain(scale: float) -> tuple[float, float]:
    """Return by how much rows of real spread do better than narrow ones in trained models, and the standard error."""
    gains = []
    for seed in range(60):
        real, test = labelled(*rows(3 * seed + 100, 120)), rows(3 * seed + 101, 400)[0]
        inputs, noise = rows(3 * seed + 102, 300)
        errors = []
        for factor in (scale, 1.0):
            stacked = [np.concatenate(both) for both in zip(real, labelled(factor * inputs, noise), strict=True)]
            matrix = stacked[0].T @ stacked[0] + 0.01 * len(stacked[0]) * np.eye(D)
            errors.append(np.mean((test @ (np.linalg.solve(matrix, stacked[0].T @ stacked[1]) - RULE)) ** 2))
        gains.append(errors[0] - errors[1])
    return float(np.mean(gains)), float(np.std(gains, ddof=1) / np.sqrt(len(gains)))


def test_mending_the_spread_gains_what_trained_models_gain() -> None:
    found = repair(audited(0.3), "spread and tails")
    trained, error = trained_gain(0.3)
    assert found.gain > 5 * stderr(found)
    assert trained > 5 * error
    assert abs(found.gain - trained) < 5 * np.hypot(stderr(found), error)


def test_mending_the_association_does_not_gain_what_mending_the_spread_does() -> None:
    found = repair(audited(0.3), "association")
    trained, error = trained_gain(0.3)
    assert abs(found.gain - trained) > 5 * np.hypot(stderr(found), error)


def test_mending_rows_without_a_defect_gains_nothing() -> None:
    for found in audited(1.0).repairs:
        assert abs(found.gain) < 5 * stderr(found)


def test_repairs_are_left_out_of_large_audits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repairs, "MOST_FEATURES", 5)
    assert audited.__wrapped__(1.0).repairs == ()


def test_margins_become_the_real_ones_and_order_stays() -> None:
    real, synthetic = rows(3, 500)[0], 0.3 * rows(4, 300)[0] + 7
    moved = onto_real_margins(synthetic, real)
    for k in range(D):
        np.testing.assert_array_equal(np.argsort(moved[:, k]), np.argsort(synthetic[:, k]))
        quantiles = [np.quantile(values[:, k], [0.05, 0.5, 0.95]) for values in (moved, real)]
        np.testing.assert_allclose(*quantiles, atol=0.05)


def test_indicators_and_constants_are_not_moved() -> None:
    real, synthetic = (np.column_stack([rows(k, 200)[0], np.ones(200), rows(k, 200)[1] > 0]) for k in (5, 6))
    for moved in (onto_real_margins(synthetic, real), onto_real_correlations(synthetic, real)):
        np.testing.assert_array_equal(moved[:, D:], synthetic[:, D:])
        assert (moved[:, :D] != synthetic[:, :D]).any()


def test_correlations_become_the_real_ones_and_margins_keep_mean_and_variance() -> None:
    real = rows(7, 500)[0]
    synthetic = 3 + 0.5 * np.random.default_rng(8).standard_normal((400, D))
    moved = onto_real_correlations(synthetic, real)
    np.testing.assert_allclose(np.corrcoef(moved.T), np.corrcoef(real.T), atol=1e-9)
    np.testing.assert_allclose(moved.mean(axis=0), synthetic.mean(axis=0))
    np.testing.assert_allclose(moved.std(axis=0), synthetic.std(axis=0))
    np.testing.assert_allclose(onto_real_correlations(real, real), real, atol=1e-9)  # nothing moves without need


def test_rows_far_from_real_ones_are_told() -> None:
    real, synthetic = rows(9, 800)[0], rows(10, 800)[0]
    strange: Any = synthetic + np.where(np.arange(800) < 30, 20.0, 0.0)[:, None]
    near = near_real_rows(strange, real)
    assert not near[:30].any()
    assert near[30:].mean() == pytest.approx(0.99, abs=5 * np.sqrt(2 * 0.01 / 770))
