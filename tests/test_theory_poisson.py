"""Survival of Poisson rates: against the published theorem, published and own draws, and against wrong exponents."""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse.theory.chain_moments import Samples
from modelcollapse.theory.poisson import survival_exponents, surviving_rates
from modelcollapse.theory.token_bounds import survival_rates


def test_exponents_of_replacement_are_those_of_theorem_2() -> None:
    found = survival_exponents("replace", Samples(10, 10), generations=199)
    np.testing.assert_allclose(found, 10 * survival_rates(200), rtol=1e-12)


def test_survival_agrees_with_published_draws() -> None:
    exponents = survival_exponents("replace", Samples(10, 10), generations=199)
    for rate, fits, drawn in ((1.0, 20, 0.6011), (1.0, 200, 0.0929), (10.0, 200, 0.6275)):
        stderr = (drawn * (1 - drawn) / 5000) ** 0.5
        assert abs(surviving_rates(np.array([rate]), exponents)[fits - 1] - drawn) < 5 * stderr
    assert abs(surviving_rates(np.array([1.0]), exponents)[18] - 0.6011) > 0.01  # one fit less


@pytest.mark.parametrize(
    ("kind", "real", "window", "reused"),
    [("replace", None, None, False), ("mix", 2, None, False), ("mix", 4, None, True), ("accumulate", None, None, False),
     ("recent", None, 3, False)],
)  # fmt: skip
def test_survival_agrees_with_draws(kind: str, real: int | None, window: int | None, reused: bool) -> None:
    first, synthetic, generations, runs, rate = 4, 5, 8, 40_000, 0.3
    random = np.random.default_rng(3)
    sums = random.poisson(rate * first, size=runs).astype(float)
    models, pool, n = [np.full(runs, rate), sums / first], sums, first
    for t in range(1, generations + 1):
        if kind == "recent":
            shares = [2, 2, 1] if t > 1 else [3, 2]  # the most recent first
            new = sum(random.poisson(k * models[-1 - age]) for age, k in enumerate(shares))
            models.append(new / synthetic)
            continue
        new = random.poisson(synthetic * models[-1])
        if kind == "accumulate":
            pool, n = pool + new, n + synthetic
            models.append(pool / n)
        elif real is not None:
            kept = sums if reused else random.poisson(rate * real, size=runs)
            models.append((kept + new) / (real + synthetic))
        else:
            models.append(new / synthetic)
    alive = np.array([np.mean(model > 0) for model in models[1:]])
    stderr = np.sqrt(alive * (1 - alive) / runs)
    samples = Samples(first, synthetic, real=real)
    exponents = survival_exponents(kind, samples, generations=generations, reused=reused, window=window)
    found = surviving_rates(np.array([rate]), exponents)
    assert (np.abs(found - alive) < 5 * stderr).all()
    assert (np.abs(found * 1.05 - alive) > 5 * stderr).any()


def test_rates_add_up() -> None:
    exponents = np.array([3.0, 1.0])
    found = surviving_rates(np.array([0.0, 0.5, 2.0]), exponents)
    np.testing.assert_allclose(found, [2 - np.exp(-1.5) - np.exp(-6), 2 - np.exp(-0.5) - np.exp(-2)], rtol=1e-12)
