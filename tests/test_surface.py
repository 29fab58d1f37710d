"""Does a surface say what the forecast of each mixture says? Interpolated against exact, on random mixtures."""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse import InputError
from modelcollapse.checks import Array
from modelcollapse.decisions.forecast import forecast
from modelcollapse.decisions.surface import LOG_RATIOS, Surface, surface
from modelcollapse.estimation.pool import Pool, stratify
from modelcollapse.result import Status
from modelcollapse.streams import stream
from planted import planted_world

RIDGES = np.array([1e-3, 1e-2, 1e-1, 1.0])
CLOSE = 2e-3
"""A surface equals the exact forecast within 0.2 %."""


@pytest.fixture(scope="module")
def pool() -> Pool:
    return planted_world(2, n_features=30).pool((300, 200), stream(0, "surface"))


@pytest.fixture(scope="module")
def read(pool: Pool) -> Surface:
    return surface(pool, ridges=RIDGES)


def mixtures(n_mixtures: int, *, n_largest: float = 2e4) -> tuple[Array, Array, Array]:
    """Return samples, weights and ridges of random mixtures, a tenth of them without one of the sources."""
    rng = stream(0, "surface mixtures")
    n_samples = np.round(np.exp(rng.uniform(np.log(20), np.log(n_largest), (n_mixtures, 2))))
    n_samples[: n_mixtures // 20, 0] = 0
    n_samples[n_mixtures // 20 : n_mixtures // 10, 1] = 0
    weights = np.column_stack([np.ones(n_mixtures), np.exp(rng.uniform(-3, 3, n_mixtures))])
    return n_samples, weights, np.exp(rng.uniform(np.log(RIDGES[0]), np.log(RIDGES[-1]), n_mixtures))


def exact(pool: Pool, n_samples: Array, weights: Array, ridges: Array) -> Array:
    asked = zip(n_samples, weights, ridges, strict=True)
    return np.array([forecast(pool, n_samples=n, weights=w, ridge=r).test_error for n, w, r in asked])


def test_surface_equals_the_exact_forecast(pool: Pool, read: Surface) -> None:
    n_samples, weights, ridges = mixtures(300)
    interpolated = read.test_error(n_samples=n_samples, weights=weights, ridge=ridges)
    one_by_one = exact(pool, n_samples, weights, ridges)
    assert np.isfinite(one_by_one).all()
    assert np.max(np.abs(interpolated / one_by_one - 1)) < CLOSE


def test_surface_twin_of_another_pool_is_not_as_close(pool: Pool) -> None:
    other = planted_world(2, n_features=30).pool((300, 200), stream(1, "surface"))
    n_samples, weights, ridges = mixtures(20)
    interpolated = surface(other, ridges=RIDGES).test_error(n_samples=n_samples, weights=weights, ridge=ridges)
    assert np.max(np.abs(interpolated / exact(pool, n_samples, weights, ridges) - 1)) > CLOSE


def test_surface_of_one_ridge_equals_the_exact_forecast(pool: Pool) -> None:
    n_samples, weights, _ = mixtures(60)
    ridges = np.full(60, 0.02)
    interpolated = surface(pool, ridges=np.array([0.02])).test_error(n_samples=n_samples, weights=weights, ridge=ridges)
    assert np.max(np.abs(interpolated / exact(pool, n_samples, weights, ridges) - 1)) < CLOSE


def test_surface_stays_exact_where_corrections_change_sign() -> None:
    small = planted_world(2, n_features=30).pool((30, 45), stream(0, "small surface"))
    n_samples, weights, ridges = mixtures(200)
    ridges = np.maximum(ridges, 1e-2)
    interpolated = surface(small, ridges=np.array([1e-2, 1.0])).test_error(
        n_samples=n_samples, weights=weights, ridge=ridges
    )
    one_by_one = exact(small, n_samples, weights, ridges)
    both = np.isfinite(interpolated) & np.isfinite(one_by_one)
    assert both.sum() > 100
    assert (
        np.max(np.abs(interpolated / one_by_one - 1)[both]) < 5 * CLOSE
    )  # quantities vary faster near the pool's reach


def test_surface_is_nan_outside_the_pools_reach() -> None:
    small = planted_world(2, n_features=30).pool((12, 9), stream(0, "tiny surface"))
    asked = np.array([[1e6, 1e6], [1e6, 0.0], [5.0, 5.0]])
    ridges = np.array([1e-3, 1e-3, 1.0])
    interpolated = surface(small, ridges=RIDGES).test_error(n_samples=asked, weights=np.ones((3, 2)), ridge=ridges)
    assert np.isfinite(interpolated).tolist() == [False, False, True]
    assert forecast(small, n_samples=asked[0], ridge=1e-3).status is Status.NOT_ENOUGH_DATA


def test_surface_is_nan_beyond_its_grid_of_ridges(read: Surface) -> None:
    asked = {"n_samples": np.array([300.0, 200.0]), "weights": np.ones(2)}
    assert np.isfinite(read.test_error(**asked, ridge=np.array(0.5)))
    assert np.isnan(read.test_error(**asked, ridge=np.array([1e-8, 1e8]))).all()


def test_surface_broadcasts(read: Surface) -> None:
    real, synthetic = np.array([100.0, 1000.0, 3000.0]), np.array([0.0, 500.0])
    n_samples = np.stack(np.broadcast_arrays(real[:, None], synthetic), axis=-1)[:, :, None, None]
    weights = np.stack(np.broadcast_arrays(1.0, np.array([0.1, 0.5, 1.0, 2.0])), axis=-1)[:, None]
    table = read.test_error(n_samples=n_samples, weights=weights, ridge=RIDGES)
    assert table.shape == (3, 2, 4, 4)
    single = read.test_error(n_samples=n_samples[2, 1, 0, 0], weights=weights[3, 0], ridge=RIDGES[1])
    assert single.shape == ()
    assert single == pytest.approx(table[2, 1, 3, 1], rel=1e-4)
    np.testing.assert_allclose(table[:, 0], table[:, 0, :1] * np.ones((1, 4, 1)), rtol=1e-4)  # no synthetic: any weight


def test_surface_states_its_fits_and_sources(pool: Pool, read: Surface) -> None:
    assert read.n_fits == len(LOG_RATIOS) * len(read.log_ridges)
    assert read.counts.tolist() == [300, 200]
    with pytest.raises(InputError, match="exactly 2 sub-sources; got 4"):
        surface(stratify(pool, n_strata=2, ridge=0.1), ridges=RIDGES)
