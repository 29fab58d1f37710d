"""Do scaling laws say what their formulas say, and are their slopes those of their losses?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modelcollapse.estimation.law_words import MEANINGS, law_formula, law_name
from modelcollapse.estimation.scaling_laws import Points, ScalingLaw, Units

LAWS = [
    ScalingLaw(),
    ScalingLaw(irreducible=True),
    ScalingLaw(irreducible=True, exchange=True),
    ScalingLaw(floor="generator"),
    ScalingLaw(irreducible=True, floor="generator", exchange=True, size=True),
    ScalingLaw(irreducible=True, floor="fraction", exchange=True),
    ScalingLaw(irreducible=True, floor="fraction", size=True, interaction=True, generations=True),
]
FULL = LAWS[-1]


def runs(n: int = 20, *, seed: int = 0) -> Points:
    """Return settings over two decades of data; a fifth has no synthetic data."""
    rng = np.random.default_rng(seed)
    total, fraction = 10 ** rng.uniform(5, 7, n), rng.choice([0.0, 0.1, 0.5, 0.9, 0.99], n)
    return Points(
        real=total * (1 - fraction),
        synthetic=total * fraction,
        size=10 ** rng.uniform(6, 8, n),
        generation=np.where(fraction > 0, rng.integers(1, 5, n), 0).astype(float),
    )


def vectors(law: ScalingLaw, n_vectors: int = 3, *, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(-0.5, 0.5, (n_vectors, len(law.parameters)))


@pytest.mark.parametrize("law", LAWS, ids=law_name)
def test_scaling_law_slopes_are_those_of_its_losses(law: ScalingLaw) -> None:
    points, given, step = runs(), vectors(law), 1e-5
    units = Units.of(points)
    losses, slopes = law.with_slopes(given, points, units)
    assert losses.shape == (3, 20)
    np.testing.assert_array_equal(losses, law.log_losses(given, points, units))
    for k in range(len(law.parameters)):
        ends = [law.log_losses(given + sign * step * np.eye(given.shape[1])[k], points, units) for sign in (1, -1)]
        np.testing.assert_allclose(slopes[..., k], (ends[0] - ends[1]) / (2 * step), atol=1e-8)


def test_scaling_law_is_its_formula() -> None:
    points = runs()
    units = Units(data=1e6, size=1e7)
    values = {name: 0.3 + 0.1 * k for k, name in enumerate(FULL.parameters)}
    raw = ("interaction", "generation_power")
    vector = np.array([value if name in raw else np.log(value) for name, value in values.items()])
    share, size = points.fraction, points.size / 1e7
    generation = np.maximum(points.generation, 1)
    expected = (
        values["amplitude"] * ((points.real + points.synthetic) / 1e6) ** -values["exponent"]
        + values["irreducible"]
        + values["floor"]
        * share ** values["floor_power"]
        * size ** values["interaction"]
        * generation ** values["generation_power"]
        + values["size_amplitude"] * size ** -values["size_exponent"]
    )
    np.testing.assert_allclose(np.exp(FULL.log_losses(vector, points, units)), expected, rtol=1e-12)
    assert {name: float(value) for name, value in FULL.values(vector).items()} == pytest.approx(values)


def test_double_law_is_its_formula_with_the_generator_of_the_table_or_the_real_data_of_the_run() -> None:
    points, law = runs(), ScalingLaw(floor="generator", exchange=True)
    units = Units(data=1e6)
    vector = np.log([0.5, 0.3, 0.7, 0.2, 0.4])
    seen = np.full(20, 3e5)
    for generator, used in ((None, points.real), (seen, seen)):
        data = points.real + 0.7 * points.synthetic
        expected = 0.5 * (data / 1e6) ** -0.3 + 0.2 * points.fraction * (used / 1e6) ** -0.4
        losses = np.exp(law.log_losses(vector, replace(points, generator=generator), units))
        np.testing.assert_allclose(losses, expected, rtol=1e-12)


@pytest.mark.parametrize("law", LAWS, ids=law_name)
def test_scaling_law_without_terms_is_the_law_that_it_contains(law: ScalingLaw) -> None:
    points, units = runs(), Units.of(runs())
    for term in ("irreducible", "exchange", "floor", "size", "interaction", "generations"):
        if not getattr(law, term) or (term == "floor" and (law.interaction or law.generations)):
            continue
        less = law.without(term)
        assert law.contains(less)
        assert not less.contains(law)
        assert set(less.parameters) < set(law.parameters)
        if term == "size":
            vector = vectors(law, 1)[0]
            vector[law.parameters.index("size_amplitude")] = -60.0
            kept = [k for k, name in enumerate(law.parameters) if name in less.parameters]
            found = law.log_losses(vector, points, units)
            np.testing.assert_allclose(found, less.log_losses(vector[kept], points, units), rtol=1e-12)


def test_scaling_law_floors_are_the_limit_of_endless_data() -> None:
    points = runs()
    units = Units.of(points)
    for law in LAWS:
        vector = vectors(law, 1)[0]
        vector[[k for k, name in enumerate(law.parameters) if name in ("exponent", "floor_exponent")]] = 0.0  # 1
        endless = Points(
            real=points.real * 1e30, synthetic=points.synthetic * 1e30, size=points.size, generation=points.generation
        )
        limit = np.exp(law.log_losses(vector, endless, units))
        np.testing.assert_allclose(law.floors(vector, points, units), limit, rtol=1e-12, atol=1e-20)


def test_scaling_law_of_synthetic_data_alone_is_finite() -> None:
    alone = Points(real=np.zeros(1), synthetic=np.full(1, 1e6))
    for law in (ScalingLaw(exchange=True), ScalingLaw(floor="generator"), ScalingLaw(floor="fraction")):
        losses, slopes = law.with_slopes(np.full(len(law.parameters), -30.0), alone, Units(data=1e6))
        assert np.isfinite(losses).all()
        assert np.isfinite(slopes).all()


def test_every_parameter_has_a_meaning_and_every_law_a_name_and_a_formula() -> None:
    assert {name for law in LAWS for name in law.parameters} == set(MEANINGS)
    assert len({law_name(law) for law in LAWS}) == len(LAWS)
    for law in LAWS:
        assert all(name in law_formula(law) for name in law.parameters)
