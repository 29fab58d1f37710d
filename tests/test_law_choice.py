"""Do weights follow what laws foretell, and draws the weights?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modelcollapse.estimation import law_choice
from modelcollapse.estimation.law_choice import (
    FEWEST_SPARE,
    LawChoice,
    candidate_laws,
    choose_law,
    draw_laws,
    largest_settings,
)
from modelcollapse.estimation.law_words import TERMS, law_name
from modelcollapse.estimation.scaling_laws import Points, ScalingLaw, Units

UNITS = Units(data=1e7)
POWER, BENT = ScalingLaw(), ScalingLaw(irreducible=True)


def real_alone(n: int = 16) -> Points:
    total = np.geomspace(1e6, 1e9, n)
    return Points(real=total, synthetic=0 * total)


def chosen(law: ScalingLaw, vector: list[float], *, noise: float = 0.01, seed: int = 0) -> LawChoice:
    """Return how a power law with and without an irreducible loss fare on runs that one of them made."""
    points = real_alone()
    rng = np.random.default_rng(seed)
    loss = np.exp(law.log_losses(np.log(vector), points, UNITS) + noise * rng.standard_normal(16))
    return choose_law(points, loss, laws=[POWER, BENT], generator=rng)


def test_choose_law_gives_the_true_law_most_weight() -> None:
    bent = [chosen(BENT, [0.5, 0.3, 1.5], seed=seed) for seed in range(10)]
    power = [chosen(POWER, [1.5, 0.2], seed=seed) for seed in range(10)]
    assert all(choice.weights[1] > 0.99 for choice in bent)
    assert np.mean([choice.weights[0] for choice in power]) > 0.5
    assert sum(choice.best == 0 for choice in power) >= 8
    for choice in bent + power:
        assert choice.weights.sum() == pytest.approx(1.0)
        assert choice.errors.shape == (2, choice.held_out.sum())


def test_choose_law_foretells_the_held_out_settings_from_the_others() -> None:
    choice = chosen(BENT, [0.5, 0.3, 1.5], noise=1e-4)
    assert choice.held_out.sum() == 3
    assert np.abs(choice.errors[1]).max() < 0.01 < np.abs(choice.errors[0]).max()
    assert np.abs(choice.fits[1].residuals).max() < 0.001


def test_draws_are_as_many_as_the_weights_say() -> None:
    choice = replace(chosen(POWER, [1.5, 0.2]), weights=np.array([0.301, 0.699]))
    draws = draw_laws(choice, 1000, np.random.default_rng(0))
    assert [(law, len(vectors)) for law, _, vectors in draws.parts] == [(POWER, 301), (BENT, 699)]
    assert draws.log_losses(real_alone()).shape == (1000, 16)
    floors = draws.floors(real_alone())
    assert (floors[:301] < 1e-200).all()
    assert (floors[301:] > 0).all()
    alone = draw_laws(replace(choice, weights=np.array([0.0, 1.0])), 100, np.random.default_rng(0))
    assert [law for law, _, _ in alone.parts] == [BENT]


def test_candidate_laws_names_what_the_table_cannot_show() -> None:
    laws, missing = candidate_laws(real_alone())
    assert [law_name(law) for law in laws] == ["power law", "power law + irreducible loss"]
    assert set(missing) == set(TERMS) - {"irreducible"}


def test_candidate_laws_need_settings_to_spare() -> None:
    rng = np.random.default_rng(0)
    for n in range(4, 14):
        total, share = np.geomspace(1e6, 1e9, n), np.resize([0.0, 0.3, 0.8], n)
        points = Points(real=total * (1 - share), synthetic=total * share, size=10 ** rng.uniform(6, 9, n))
        laws, missing = candidate_laws(points)
        assert max(len(law.parameters) for law in laws) + FEWEST_SPARE <= n
        assert any("too few" in reason for reason in missing.values()) == (n < 11)


def test_candidate_laws_do_not_mistake_rounding_for_variation() -> None:
    share = np.linspace(0, 0.9, 12)
    points = Points(real=1e9 * (1 - share), synthetic=1e9 * share)
    assert "irreducible" in candidate_laws(points)[1]
    assert not any(law.irreducible for law in candidate_laws(points)[0])


def test_largest_settings_are_a_fifth_with_those_as_large() -> None:
    total = np.repeat(np.geomspace(1e6, 1e8, 5), 5)
    held = largest_settings(Points(real=total, synthetic=0 * total))
    np.testing.assert_array_equal(held, total == total.max())
    few = largest_settings(Points(real=np.arange(1.0, 7.0), synthetic=np.zeros(6)))
    np.testing.assert_array_equal(few, [False, False, False, True, True, True])
    size = np.array([1e6, 1e6, 1e9, 1e9, 1e9, 1e6, 1e6, 1e6])
    large = largest_settings(Points(real=np.geomspace(1e6, 1e7, 8), synthetic=np.zeros(8), size=size))
    np.testing.assert_array_equal(large, size == 1e9)


def weight_of_the_bent_law() -> float:
    """Return its weight where the smaller runs are too close to each other to bend, and three are far beyond them."""
    total = np.append(np.geomspace(1e6, 2e6, 10), [1e9, 2e9, 4e9])
    points = Points(real=total, synthetic=0 * total)
    rng = np.random.default_rng(0)
    loss = (1.0 + 2.0 * (total / 1e6) ** -0.3) * np.exp(0.005 * rng.standard_normal(13))
    return float(choose_law(points, loss, laws=[POWER, BENT], generator=rng).weights[1])


def test_choose_law_weighs_what_is_foretold_of_the_largest_runs() -> None:
    assert weight_of_the_bent_law() > 0.9


def test_weights_without_what_is_foretold_prefer_the_simpler_law(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(law_choice, "_log_density", lambda fit, points, error, generator: 0.0)
    assert weight_of_the_bent_law() < 0.5
