"""Does the forecast say what trained models do? Planted worlds against theory and brute force, with twins that fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ortho_group

from modelcollapse import InputError, solve
from modelcollapse.checks import Array
from modelcollapse.decisions import forecast as forecast_module
from modelcollapse.decisions.forecast import Forecast, amplifications, forecast
from modelcollapse.decisions.matching import retained_factors
from modelcollapse.estimation.corrections import population
from modelcollapse.estimation.pool import Pool, pool_of, stratify
from modelcollapse.estimation.pool_fit import fit_pool
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.result import Status
from modelcollapse.streams import stream
from planted import World, planted_world, squared_error, train

N_POOLS = N_MODELS = 100
RIDGE = 0.05
N_FEATURES = 40
COUNTS = {2: (200, 150), 3: (200, 150, 120)}
MIXTURES = [  # samples and weights
    ((100, 50), (1.0, 1.0)),
    ((200, 150), (1.0, 1.0)),
    ((2000, 1500), (1.0, 0.3)),
    ((300, 1500), (1.0, 0.5)),
    ((1000, 0), (1.0, 1.0)),
    ((0, 800), (1.0, 1.0)),
    ((150, 100, 200), (1.0, 0.2, 0.6)),
    ((400, 0, 1200), (3.0, 1.0, 0.5)),
    ((2000, 1000, 1200), (1.0, 1.0, 1.0)),
]


def without_second_order(pool: Pool, n_samples: tuple[int, ...], weights: tuple[float, ...]) -> float:
    """Take the errors and sensitivities that the matched pool fit shows for those of the distributions."""
    seen = forecast(pool, n_samples=n_samples, weights=weights, ridge=RIDGE).population
    assert seen is not None
    samples, omega, fit = np.array(n_samples, dtype=float), np.array(weights), seen.fit
    raw = amplifications(
        fit.coupling * pool.total,
        fit.holdout_coupling * pool.total,
        retained=retained_factors(fit.traces, n_samples=samples, weights=omega),
        n_samples=samples,
        weights=omega,
    )
    return float(fit.held_out_error + raw @ fit.left_out_errors)


def unmatched(pool: Pool, n_samples: tuple[int, ...], weights: tuple[float, ...]) -> float:
    """Read the pool fit with weights 1, whatever the mixture."""
    seen = population(fit_pool(pool, weights=np.ones(len(weights)), ridge=RIDGE))
    samples, omega = np.array(n_samples, dtype=float), np.array(weights)
    retained = retained_factors(seen.traces, n_samples=samples, weights=omega)
    terms = {"retained": retained, "n_samples": samples, "weights": omega}
    return float(
        seen.target_error + amplifications(seen.sensitivity, seen.target_sensitivity, **terms) @ seen.mean_errors
    )


def deviation(drawn: Array, expected: float, *, smallest: int, stderr: float = 0.0) -> float:
    """Return |mean/expected − 1| in units of 5 standard errors plus 1/smallest, the order of what theory leaves out."""
    allowed = 5 * np.hypot(drawn.std(ddof=1) / np.sqrt(len(drawn)), stderr) / expected + 1 / smallest
    return float(abs(drawn.mean() / expected - 1) / allowed)


def pools(world: World, n_sources: int) -> list[Pool]:
    return [world.pool(COUNTS[n_sources], stream(0, "forecast", i)) for i in range(N_POOLS)]


@pytest.mark.parametrize(("n_samples", "weights"), MIXTURES)
def test_forecast_agrees_with_theory_and_trained_models(n_samples: tuple[int, ...], weights: tuple[float, ...]) -> None:
    world = planted_world(len(n_samples), n_features=N_FEATURES)
    drawn = np.array([forecast(pool, n_samples=n_samples, weights=weights, ridge=RIDGE).test_error
                      for pool in pools(world, len(n_samples))])  # fmt: skip
    holdout, models = world.holdout(), []
    for i in range(N_MODELS):
        rows = [world.draw(k, max(n, 1), stream(0, "models", i, k)) for k, n in enumerate(n_samples)]
        used = [rows[k] for k, n in enumerate(n_samples) if n]
        used_weights = tuple(weight for weight, n in zip(weights, n_samples, strict=True) if n)
        models.append(squared_error(train(used, weights=used_weights, ridge=RIDGE), holdout))
    smallest = min(sum(n_samples), *COUNTS[len(n_samples)])
    trained = np.array(models)
    stderr = float(trained.std(ddof=1) / np.sqrt(N_MODELS))
    assert deviation(drawn, float(trained.mean()), smallest=smallest, stderr=stderr) < 1
    theory = solve(world.problem(n_samples, weights=weights, ridge=RIDGE)).test_error
    assert deviation(drawn, theory, smallest=smallest) < 1


@pytest.mark.parametrize(
    ("wrong", "mixture"),
    [(without_second_order, 2), (without_second_order, 8), (unmatched, 3), (unmatched, 7)],
)
def test_forecast_twin_with_a_wrong_formula_fails(
    wrong: Callable[[Pool, tuple[int, ...], tuple[float, ...]], float], mixture: int
) -> None:
    n_samples, weights = MIXTURES[mixture]
    world = planted_world(len(n_samples), n_features=N_FEATURES)
    drawn = np.array([wrong(pool, n_samples, weights) for pool in pools(world, len(n_samples))])
    theory = solve(world.problem(n_samples, weights=weights, ridge=RIDGE)).test_error
    assert deviation(drawn, theory, smallest=min(COUNTS[len(n_samples)])) > 1


def test_forecast_training_error_agrees_with_theory() -> None:
    world, n_samples, weights = planted_world(2, n_features=N_FEATURES), (120, 400), (1.0, 0.5)
    drawn = np.array([forecast(pool, n_samples=n_samples, weights=weights, ridge=RIDGE).training_error
                      for pool in pools(world, 2)])  # fmt: skip
    theory = solve(world.problem(n_samples, weights=weights, ridge=RIDGE)).training_error
    for k in range(2):
        assert deviation(drawn[:, k], theory[f"source {k}"], smallest=120) < 1
        assert deviation(drawn[:, k], theory[f"source {1 - k}"], smallest=120) > 1
    lonely = forecast(pools(world, 2)[0], n_samples=(300, 0), ridge=RIDGE)
    assert np.isnan(lonely.training_error).tolist() == [False, True]


def classified(n_samples: int, rng: np.random.Generator, *, synthetic: bool) -> LabelledRows:
    """Draw 60 rectified features and a constant, with one-hot labels of 4 classes; synthetic labels are worse."""
    fixed = stream(3, "classification world")
    first, second = fixed.standard_normal((20, 60)) / np.sqrt(20), fixed.standard_normal((20, 4))
    shift = fixed.standard_normal((20, 4))
    latent = rng.standard_normal((n_samples, 20)) * (1.3 if synthetic else 1.0)
    features = np.column_stack([np.maximum(latent @ first, 0), np.ones(n_samples)])
    scores = latent @ (second + 0.7 * shift if synthetic else second) + rng.standard_normal((n_samples, 4))
    return LabelledRows(features, np.eye(4)[scores.argmax(axis=1)])


@pytest.mark.parametrize(("n_samples", "weights"), [((300, 200), (1.0, 1.0)), ((3000, 2000), (1.0, 0.4))])
def test_forecast_holds_for_classes_and_features_that_are_not_gaussian(
    n_samples: tuple[int, int], weights: tuple[float, float]
) -> None:
    holdout = classified(2000, stream(3, "held out"), synthetic=False)

    def sources(counts: tuple[int, int], name: str, i: int) -> list[LabelledRows]:
        return [classified(n, stream(3, name, i, k), synthetic=k == 1) for k, n in enumerate(counts)]

    told = [
        forecast(
            pool_of(sources((400, 400), "pool", i), holdout=holdout), n_samples=n_samples, weights=weights, ridge=0.01
        )
        for i in range(N_POOLS)
    ]
    trained = np.array([
        squared_error(train(sources(n_samples, "model", i), weights=weights, ridge=0.01), holdout) for i in range(60)
    ])  # fmt: skip
    expected = {"expected": float(trained.mean()), "stderr": float(trained.std(ddof=1) / np.sqrt(len(trained)))}
    assert deviation(np.array([one.test_error for one in told]), smallest=400, **expected) < 1
    shown = np.array([one.population.fit.held_out_error for one in told if one.population is not None])
    assert deviation(shown, smallest=400, **expected) > 1  # the matched fit itself, uncorrected


@pytest.fixture(scope="module")
def pool() -> Pool:
    return planted_world(3, n_features=10, n_outputs=2).pool((60, 50, 40), stream(0, "identities"))


ASKED = {"n_samples": (200, 30, 90), "weights": (1.0, 0.4, 2.0), "ridge": 0.1}
ANSWER = ("test_error", "training_error", "stderr", "run_to_run")


def answers(one: Forecast) -> list[Array]:
    return [np.asarray(getattr(one, name)) for name in ANSWER]


def test_forecast_of_the_pool_itself_is_its_held_out_error(pool: Pool) -> None:
    weights = np.array([1.0, 0.3, 2.0])
    own = forecast(pool, n_samples=pool.counts, weights=weights, ridge=0.1)
    fit = fit_pool(pool, weights=weights, ridge=0.1)
    assert own.test_error == pytest.approx(fit.held_out_error, rel=1e-5)
    np.testing.assert_allclose(own.training_error, fit.retained**2 * fit.left_out_errors, rtol=1e-5)
    other = forecast(pool, n_samples=pool.counts * [3, 1, 1], weights=weights, ridge=0.1)
    assert other.test_error != pytest.approx(fit.held_out_error, rel=1e-2)


def test_forecast_scales_with_the_square_of_the_targets(pool: Pool) -> None:
    scaled = Pool(
        pool.names,
        pool.parents,
        tuple(replace(rows, targets=3 * rows.targets) for rows in pool.rows),
        replace(pool.holdout, targets=3 * pool.holdout.targets),
    )
    for value, expected in zip(answers(forecast(scaled, **ASKED)), answers(forecast(pool, **ASKED)), strict=True):
        np.testing.assert_allclose(value, 9 * expected)


def test_forecast_scales_with_features_and_ridge(pool: Pool) -> None:
    scaled = Pool(
        pool.names,
        pool.parents,
        tuple(replace(rows, features=2 * rows.features) for rows in pool.rows),
        replace(pool.holdout, features=2 * pool.holdout.features),
    )
    for value, expected in zip(
        answers(forecast(scaled, **{**ASKED, "ridge": 0.4})), answers(forecast(pool, **ASKED)), strict=True
    ):
        np.testing.assert_allclose(value, expected)


def test_forecast_ignores_the_common_scale_of_weights_and_ridge(pool: Pool) -> None:
    scaled = forecast(pool, n_samples=ASKED["n_samples"], weights=(5.0, 2.0, 10.0), ridge=0.5)
    for value, expected in zip(answers(scaled), answers(forecast(pool, **ASKED)), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_forecast_ignores_rotations_of_the_features(pool: Pool) -> None:
    rotation = ortho_group.rvs(10, random_state=stream(0, "rotation"))
    rotated = pool_of(
        [replace(rows, features=rows.features @ rotation) for rows in pool.rows],
        holdout=replace(pool.holdout, features=pool.holdout.features @ rotation),
    )
    for value, expected in zip(answers(forecast(rotated, **ASKED)), answers(forecast(pool, **ASKED)), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_forecast_permutes_with_the_sources(pool: Pool) -> None:
    order = [2, 0, 1]
    permuted = forecast(
        pool_of([pool.rows[k] for k in order], holdout=pool.holdout),
        n_samples=np.array(ASKED["n_samples"])[order],
        weights=np.array(ASKED["weights"])[order],
        ridge=0.1,
    )
    plain = forecast(pool, **ASKED)
    assert permuted.test_error == pytest.approx(plain.test_error, rel=1e-5)
    np.testing.assert_allclose(permuted.training_error, plain.training_error[order], rtol=1e-5)
    np.testing.assert_allclose(permuted.amplification, plain.amplification[order], rtol=1e-4)


@pytest.mark.parametrize(("n_samples", "weights"), [((500, 0, 0), (1, 1, 1)), ((500, 70, 70), (1, 0, 0))])
def test_forecast_of_one_source_equals_its_own_pools(
    pool: Pool, n_samples: tuple[int, ...], weights: tuple[float, ...]
) -> None:
    together = forecast(pool, n_samples=n_samples, weights=weights, ridge=0.1)
    scale = sum(n_samples) / 500  # samples without weight still divide the sum of squares
    alone = forecast(pool.select([0]), n_samples=(500,), ridge=0.1 * scale)
    assert together.test_error == pytest.approx(alone.test_error, rel=1e-5)
    assert together.stderr == pytest.approx(alone.stderr, rel=1e-4)
    assert together.run_to_run == pytest.approx(alone.run_to_run, rel=1e-4)


def test_forecast_adds_over_outputs(pool: Pool) -> None:
    def output(c: int) -> Pool:
        parts = tuple(replace(rows, targets=rows.targets[:, [c]]) for rows in pool.rows)
        return Pool(pool.names, pool.parents, parts, replace(pool.holdout, targets=pool.holdout.targets[:, [c]]))

    parts = [forecast(output(c), **ASKED) for c in range(2)]
    assert forecast(pool, **ASKED).test_error == pytest.approx(sum(part.test_error for part in parts))


def test_forecast_changes_little_when_a_source_is_split_at_random() -> None:
    whole = planted_world(2, n_features=20).pool((200, 200), stream(0, "halves"))
    halves = pool_of(
        [whole.rows[0].take(np.arange(100)), whole.rows[0].take(np.arange(100, 200)), whole.rows[1]],
        holdout=whole.holdout,
    )
    one = forecast(whole, n_samples=(1000, 300), weights=(1.0, 0.5), ridge=RIDGE)
    two = forecast(halves, n_samples=(500, 500, 300), weights=(1.0, 1.0, 0.5), ridge=RIDGE)
    assert abs(two.test_error - one.test_error) < 0.5 * one.stderr


def scaled_rows(n_samples: int, rng: np.random.Generator) -> LabelledRows:
    """Draw rows that differ in scale by a factor of 8, so that a few carry the second moments."""
    scale = np.where(rng.random(n_samples) < 0.15, 4.0, 0.5)[:, None]
    features = scale * rng.standard_normal((n_samples, 30))
    teacher = stream(5, "scaled rows").standard_normal((30, 1)) / np.sqrt(30)
    return LabelledRows(features, features @ teacher + 0.5 * rng.standard_normal((n_samples, 1)))


def test_strata_of_leverage_help_when_rows_differ_in_scale() -> None:
    holdout, asked = scaled_rows(4000, stream(5, "held out")), {"n_samples": (60,), "ridge": 0.1}
    whole = [pool_of([scaled_rows(600, stream(5, "pool", i))], holdout=holdout) for i in range(40)]
    plain = np.mean([forecast(one, **asked).test_error for one in whole])
    split = np.mean([forecast(stratify(one, n_strata=4, ridge=0.1), **asked).test_error for one in whole])
    trained = np.mean(
        [
            squared_error(train([scaled_rows(60, stream(5, "model", i))], weights=(1.0,), ridge=0.1), holdout)
            for i in range(200)
        ]
    )
    assert abs(split / trained - 1) < 0.5 * abs(plain / trained - 1)


def tiny_forecasts(n_problems: int) -> tuple[Array, list[Status]]:
    """Return forecast/theory for pools of a few rows, mixtures up to a million samples, any ridge; NaN: not told."""
    world, rng = planted_world(2, n_features=N_FEATURES), stream(0, "tiny pools")
    ratios, statuses = [], []
    for _ in range(n_problems):
        counts = tuple(int(n) for n in np.exp(rng.uniform(np.log(5), np.log(100), 2)))
        n_samples = tuple(int(n) for n in np.exp(rng.uniform(np.log(5), np.log(1e6), 2)))
        ridge = float(np.exp(rng.uniform(np.log(1e-6), np.log(10))))
        one = forecast(world.pool(counts, rng), n_samples=n_samples, ridge=ridge)
        told = one.status is Status.OK
        assert all(np.isfinite(value).all() == told for value in answers(one))
        assert np.isfinite(one.band).tolist() == [told, told]
        theory = solve(world.problem(n_samples, weights=(1.0, 1.0), ridge=ridge)).test_error
        ratios.append(one.test_error / theory)
        statuses.append(one.status)
    return np.array(ratios), statuses


def test_forecast_says_not_enough_data_rather_than_garbage() -> None:
    ratios, statuses = tiny_forecasts(250)
    assert statuses.count(Status.NOT_ENOUGH_DATA) > 50
    assert statuses.count(Status.OK) > 50
    told = ratios[[status is Status.OK for status in statuses]]
    assert ((told > 1 / 3) & (told < 3)).all()


def test_forecast_garbage_twin_without_the_check_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast_module, "MAX_RELATIVE_STDERR", np.inf)
    ratios = tiny_forecasts(250)[0]
    told = ratios[np.isfinite(ratios)]
    assert ((told < 1 / 3) | (told > 3)).any()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"n_samples": (1, 2)}, "one entry for each of real, synthetic, synthetic2; got 2 and 3"),
        ({"weights": (1.0, 1.0)}, "got 3 and 2"),
        ({"n_samples": (-1, 2, 3)}, "at least 0"),
        ({"n_samples": (0, 5, 0), "weights": (1, 0, 1)}, "one source where both are positive"),
        ({"ridge": 0.0}, "Use a small positive ridge"),
        ({"n_samples": (np.nan, 2, 3)}, "must be finite"),
    ],
)
def test_forecast_refuses_what_is_no_mixture(pool: Pool, asked: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        forecast(pool, **{**ASKED, **asked})
