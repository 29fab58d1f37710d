"""Is the forecast accuracy that of trained classifiers? Measures against scikit-learn, forecasts against training."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from decision_worlds import scored_classes
from modelcollapse.checks import Array
from modelcollapse.decisions.forecast import forecast
from modelcollapse.decisions.measures import LEAST_PROBABILITY, accuracy, auc, forecast_measures, log_loss, measured
from modelcollapse.estimation.pool import Pool, pool_of
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.result import Status
from modelcollapse.streams import stream
from planted import train

SHIFT = 0.6
RIDGE = 0.01
N_POOLS = N_MODELS = 20
MIXTURES = [(60, 60), (200, 0), (300, 300), (3000, 0), (3000, 2000)]
"""Real and synthetic samples; the pools hold 250 of each."""
TOLERATED = {"accuracy": 0.01, "log_loss": 0.02, "auc": 0.01}


@pytest.fixture(scope="module")
def holdout() -> LabelledRows:
    return scored_classes(2000, stream(0, "measures holdout"), shift=0.0)


def sources(counts: tuple[int, int], name: str, seed: int) -> list[LabelledRows]:
    rng = stream(seed, name)
    return [scored_classes(n, rng, shift=shift) for n, shift in zip(counts, (0.0, SHIFT), strict=True) if n]


def pools(holdout: LabelledRows) -> list[Pool]:
    return [pool_of(sources((250, 250), "measures pool", seed), holdout=holdout) for seed in range(N_POOLS)]


def trained(counts: tuple[int, int], holdout: LabelledRows) -> dict[str, float]:
    """Return the mean measures of models trained on fresh rows."""
    weights = tuple(1.0 for n in counts if n)
    found = []
    for seed in range(N_MODELS):
        coefficients = train(sources(counts, "measures model", seed), weights=weights, ridge=RIDGE)
        found.append(measured(holdout.features @ coefficients, holdout.targets))
    return {name: float(np.mean([values[name] for values in found])) for name in found[0]}


def random_outputs(seed: int, n_classes: int) -> tuple[Array, Array]:
    rng = stream(seed, "outputs")
    outputs = np.round(rng.standard_normal((80, n_classes)) / 2 + 0.3, 1)
    return outputs, np.eye(n_classes)[rng.integers(0, n_classes, 80)]


@pytest.mark.parametrize("n_classes", [2, 5])
def test_measures_agree_with_scikit_learn(n_classes: int) -> None:
    outputs, targets = random_outputs(1, n_classes)
    labels = targets.argmax(axis=1)
    clipped = np.clip(outputs, LEAST_PROBABILITY, 1.0)
    probabilities = clipped / clipped.sum(axis=1, keepdims=True)
    assert accuracy(outputs, targets) == metrics.accuracy_score(labels, outputs.argmax(axis=1))
    assert log_loss(outputs, targets) == pytest.approx(metrics.log_loss(labels, probabilities))
    assert auc(outputs, targets) == pytest.approx(metrics.roc_auc_score(targets, outputs, average="macro"))
    named = {"accuracy": accuracy, "log_loss": log_loss, "auc": auc}
    assert measured(outputs, targets) == {name: measure(outputs, targets) for name, measure in named.items()}


def test_auc_leaves_out_classes_that_are_absent() -> None:
    outputs, targets = random_outputs(2, 3)
    held = np.column_stack([targets, np.zeros(len(targets))])
    assert auc(np.column_stack([outputs, outputs[:, 0]]), held) == auc(outputs, targets)
    assert np.isnan(auc(np.ones((4, 2)), np.tile([1.0, 0.0], (4, 1))))


def test_forecast_measures_agree_with_trained_models(holdout: LabelledRows) -> None:
    drawn = pools(holdout)
    missed: dict[str, list[float]] = {name: [] for name in TOLERATED}
    shown: list[float] = []
    for counts in MIXTURES:
        truth = trained(counts, holdout)
        told = [forecast(pool, n_samples=counts, ridge=RIDGE) for pool in drawn]
        for name, errors in missed.items():
            errors.append(np.mean([forecast_measures(one)[name] for one in told]) - truth[name])
        fits = [one.population.fit for one in told if one.population is not None]
        shown.append(np.mean([accuracy(fit.outputs, holdout.targets) for fit in fits]) - truth["accuracy"])
    for name, errors in missed.items():
        assert np.mean(np.abs(errors)) < TOLERATED[name], name
    assert np.mean(np.abs(shown)) > TOLERATED["accuracy"]  # the twin: what the matched pool fit shows itself


def test_forecast_measures_repeat_with_their_seed(holdout: LabelledRows) -> None:
    told = forecast(pools(holdout)[0], n_samples=(50, 50), ridge=RIDGE)
    assert forecast_measures(told, seed=3) == forecast_measures(told, seed=3)
    assert forecast_measures(told, seed=3) != forecast_measures(told, seed=4)


def test_forecast_measures_are_unknown_without_a_forecast(holdout: LabelledRows) -> None:
    told = forecast(pools(holdout)[0], n_samples=(1e9, 0), ridge=1e-9)
    beyond = forecast(pool_of(sources((20, 20), "few", 0), holdout=holdout), n_samples=(1e9, 0), ridge=1e-9)
    assert (told.status, beyond.status) == (Status.OK, Status.NOT_ENOUGH_DATA)
    assert np.isfinite(list(forecast_measures(told).values())).all()
    assert np.isnan(list(forecast_measures(beyond).values())).all()


def test_forecast_measures_stay_in_their_ranges_beyond_small_pools() -> None:
    found = []
    for seed in range(60):
        rng = stream(seed, "small pool")
        codes = rng.integers(0, 2, 120)
        features = np.column_stack([rng.standard_normal((120, 8)) + 1.2 * codes[:, None], np.ones(120)])
        rows = LabelledRows(features, np.eye(2)[codes])
        parts = [rows.take(part) for part in np.array_split(np.arange(120), 3)]
        told = forecast(pool_of(parts[:2], holdout=parts[2]), n_samples=(1e5, 1e5), ridge=RIDGE)
        found.append(forecast_measures(told))
    known = {name: np.array([values[name] for values in found if not np.isnan(values[name])]) for name in TOLERATED}
    assert len(known["accuracy"]) > 30
    assert (np.concatenate([known["accuracy"], known["auc"]]) <= 1).all()
    assert (np.concatenate(list(known.values())) >= 0).all()
    assert (known["auc"] == 1).any()  # where the extrapolation itself left the range
