"""Are estimates unbiased, and are their standard errors right?"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from modelcollapse.simulation.estimates import Question, answer, erratic, excess_risk
from modelcollapse.simulation.moments import Moments, concatenate, select, stack
from modelcollapse.streams import stream

N_TRIALS = 1500
QUESTION = Question(
    noise_var=np.array([0.5, 0.2]),
    power=np.array([1.0, 4.0]),
    n_features=10,
    ridge=0.1,
    width=20,
    unit=1.0,
    margin=np.inf,
)
SHAPES = {
    "noise": (2,), "teacher": (2,), "clean": (2,), "bias": (2,), "spread": (3, 2),
    "training_noise": (2, 2), "training_teacher": (2, 2), "trace": (),
}  # fmt: skip


def random_moments(seed, *, n_units, scatter=0.3):
    """Return moments about known means, with units that scatter."""
    rng, about = stream(seed, "moments"), stream(0, "means")
    means = {name: about.uniform(0.5, 1.5, shape) for name, shape in SHAPES.items()}
    return means, Moments(
        **{name: mean + scatter * rng.standard_normal((n_units, *mean.shape)) for name, mean in means.items()}
    )


def truth(means):
    noise, power = QUESTION.noise_var, QUESTION.power
    spread = means["spread"] @ power
    risk, clean = means["noise"] @ noise + means["teacher"] @ power, means["noise"] @ noise + means["clean"] @ power
    projection = spread[0] + means["noise"] @ spread[1:]
    return {
        "excess_risk": risk,
        "bias": means["bias"] @ power,
        "variance": clean - means["bias"] @ power - projection,
        "projection_variance": projection,
        "collapse": risk - clean,
        "training_error": means["training_noise"] @ noise + means["training_teacher"] @ power,
    }


def deviations(n_units):
    """Return (estimate − truth)/stderr of the mean of many estimates, and the mean ratio of stderr to scatter."""
    trials = [answer(random_moments(seed, n_units=n_units)[1], QUESTION) for seed in range(N_TRIALS)]
    distances, ratios = {}, {}
    for name, value in truth(random_moments(0, n_units=2)[0]).items():
        estimates = np.array([trial[name][0] for trial in trials])
        stderrs = np.array([trial[name][1] for trial in trials])
        scatter = estimates.std(axis=0, ddof=1)
        distances[name] = np.max(np.abs(estimates.mean(axis=0) - value) / scatter) * np.sqrt(N_TRIALS)
        ratios[name] = np.sqrt((stderrs**2).mean(axis=0)) / scatter
    return distances, ratios


def test_estimates_are_unbiased_from_three_units():
    distances, _ = deviations(3)
    assert max(distances.values()) < 5


def plugged(moments):
    """The wrong way: products of means without correction."""
    return truth({f.name: getattr(moments, f.name).mean(axis=0) for f in fields(Moments)})["projection_variance"]


def test_products_of_means_are_unbiased_where_units_move_together_and_not_when_means_are_plugged_in():
    corrected, wrong = [], []
    for seed in range(N_TRIALS):
        means, moments = random_moments(seed, n_units=3, scatter=0.6)
        moved = moments.spread.copy()
        moved[:, 1:] = means["spread"][1:] + (moments.noise - means["noise"])[:, :, None]
        alike = replace(moments, spread=moved)
        corrected.append(answer(alike, QUESTION)["projection_variance"][0])
        wrong.append(plugged(alike))
    expected = truth(means)["projection_variance"]
    for values, off in ((corrected, False), (wrong, True)):
        distance = abs(np.mean(values) - expected) / np.std(values) * np.sqrt(N_TRIALS)
        assert (distance > 5) == off


def test_standard_errors_are_those_of_repeated_estimates():
    _, ratios = deviations(40)
    for name, ratio in ratios.items():  # the scatter of 1500 estimates is known to 1/√(2·1500) = 1.8 %
        np.testing.assert_allclose(ratio, 1, atol=5 / np.sqrt(2 * N_TRIALS), err_msg=name)


def test_linear_estimates_are_means():
    _, moments = random_moments(1, n_units=20)
    risk = excess_risk(moments, QUESTION)
    value, stderr = answer(moments, QUESTION)["excess_risk"]
    assert value == pytest.approx(risk.mean(), rel=1e-12)
    assert stderr == pytest.approx(risk.std(ddof=1) / np.sqrt(20), rel=1e-12)


def test_estimates_of_what_never_varies_are_exact():
    _, moments = random_moments(1, n_units=7, scatter=0.0)
    for value, stderr in answer(moments, QUESTION).values():
        assert not np.any(stderr)
        assert np.isfinite(value).all()
    linear = answer(moments, replace(QUESTION, width=None, unit=3.0))
    assert linear["effective_ridge"] == (pytest.approx(0.3), 0)


def test_effective_ridge_is_zero_where_the_trace_is_infinite():
    _, moments = random_moments(1, n_units=7)
    value, stderr = answer(replace(moments, trace=np.full(7, np.inf)), QUESTION)["effective_ridge"]
    assert (value, stderr) == (0, 0)


def test_moments_stack_concatenate_and_select():
    _, moments = random_moments(1, n_units=3)
    fits = stack([moments, moments], axis=1)
    assert fits.spread.shape == (3, 2, 3, 2)
    assert np.array_equal(select(fits, 1).spread, moments.spread)
    assert concatenate([fits, fits]).trace.shape == (6, 2)


def test_erratic_are_values_that_one_of_them_decides():
    normal = stream(0, "erratic").standard_normal(1000)
    assert not erratic(normal)
    assert not erratic(normal[:20])
    assert not erratic(np.zeros(20))
    assert erratic(np.append(normal, 30.0))
    assert erratic(np.append(normal[:19], 30.0))
