"""What do the answers of an audit rest on? Pools, surfaces, and the check against models trained on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.audit_result import MixtureForecast, ValidationPoint
from modelcollapse.decisions.forecast import Forecast, band_of, difference_stderr, forecast
from modelcollapse.decisions.landscape import Landscape, candidate_ridges, landscape
from modelcollapse.decisions.measures import forecast_measures
from modelcollapse.decisions.on_the_spot import Progress, validate
from modelcollapse.decisions.verdict import Agreement, agreement
from modelcollapse.estimation.pool import Pool, pool_of, stratify
from modelcollapse.estimation.preparation import PreparedData


@dataclass(frozen=True)
class Evidence:
    """The pools and surfaces of one audit.

    Attributes
    ----------
    whole : Pool
        One sub-source per source.
    pool : Pool
        Sub-sources as the check on the spot chose them; every reported forecast is read from it.
    classification : bool
    ridges : ndarray
        Ridges that may be chosen.
    landscapes : tuple of Landscape
        One for each synthetic source, and last one for all of them together.
    points : tuple of ValidationPoint
        The check against models trained on the spot.
    checked : Agreement
        Its outcome; standard errors are enlarged by its inflation.
    seed : int
    """

    whole: Pool
    pool: Pool
    classification: bool
    ridges: Array
    landscapes: tuple[Landscape, ...]
    points: tuple[ValidationPoint, ...]
    checked: Agreement
    seed: int

    @property
    def together(self) -> Landscape:
        """The surface of the real source and all synthetic ones."""
        return self.landscapes[-1]

    @property
    def counts(self) -> Array:
        """Rows at hand, (K,)."""
        return self.whole.source_counts

    @property
    def only_real(self) -> Array:
        """Rows at hand without the synthetic ones, (K,)."""
        return np.where(np.arange(len(self.counts)) == 0, self.counts, 0.0)

    def mixed(self, where: Landscape, *, real: float, synthetic: float) -> Array:
        """Return counts per source for so many real and synthetic samples of a surface, (K,)."""
        counts = np.zeros(len(self.counts))
        members = list(where.members)
        counts[0] = real
        counts[members] = synthetic * self.counts[members] / self.counts[members].sum()
        return counts

    def best_ridge(self, counts: Array, *, weight: float = 1.0) -> float:
        """Return the best ridge for given counts (K,); the largest candidate where the data cannot tell."""
        return ridge_among(self.landscapes, counts, weight=weight)

    def forecast(self, counts: Array, *, weight: float = 1.0, ridge: float | None = None) -> Forecast:
        """Forecast one mixture, at its best ridge unless one is given."""
        weights = np.concatenate([[1.0], np.full(len(counts) - 1, weight)])
        chosen = self.best_ridge(counts, weight=weight) if ridge is None else ridge
        return forecast(self.pool, n_samples=counts, weights=weights, ridge=chosen)

    def answer(self, found: Forecast) -> MixtureForecast:
        """Name the numbers of a forecast, with standard errors enlarged as the check on the spot demands."""
        stderr = found.stderr * self.checked.inflation
        names = self.whole.names
        training = zip(names, found.training_error, found.n_samples, strict=True)
        return MixtureForecast(
            counts={name: whole_number(count) for name, count in zip(names, found.n_samples, strict=True)},
            weight=float(found.weights[-1]),
            ridge=found.ridge,
            test_error=found.test_error,
            band=band_of(found.test_error, stderr=stderr, run_to_run=found.run_to_run),
            stderr=stderr,
            run_to_run=found.run_to_run,
            holdout_stderr=found.holdout_stderr,
            training_error={name: float(error) for name, error, count in training if count > 0},
            measures=forecast_measures(found, seed=self.seed) if self.classification else {},
            status=found.status,
        )

    def difference_stderr(self, first: Forecast, second: Forecast) -> float:
        """Return the standard error of the difference of two forecasts from the same pool; NaN without forecasts."""
        return difference_stderr(first, second, counts=self.pool.counts) * self.checked.inflation


def whole_number(count: float) -> float:
    """Return a count as an int when it is whole, so that it prints as one."""
    return int(count) if float(count).is_integer() else float(count)


def ridge_among(landscapes: Sequence[Landscape], counts: Array, *, weight: float = 1.0) -> float:
    """Return the best ridge for counts (K,), on the surface of the synthetic sources that are present.

    With several but not all present, or in other proportions than at hand, the surface of all stands in. The largest
    candidate where the data cannot tell.
    """
    present = set(np.flatnonzero(counts[1:] > 0) + 1)
    where = next((one for one in landscapes if present <= set(one.members)), landscapes[-1])
    synthetic = np.array([float(counts[1:].sum())])
    found = where.best(real=float(counts[0]), synthetic=synthetic, weights=np.array([weight]))
    return found.ridge if found else float(where.ridges[-1])


def gather(
    data: PreparedData, *, ridge: Sequence[float] | None, seed: int, progress: Progress | None = None
) -> Evidence:
    """Read the pool, check the forecast on the spot, and choose sub-sources.

    Parameters
    ----------
    data : PreparedData
    ridge : sequence of float, optional
        Ridges that may be chosen.
    seed : int
    progress : callable, optional
        Called with (stage, done, total).
    """
    classification = data.task == "classification"
    whole = pool_of(data.pools, holdout=data.holdout, names=data.names)
    ridges = candidate_ridges(whole, ridge)
    synthetic = tuple(range(1, whole.n_sources))
    groups = [(k,) for k in synthetic] + ([synthetic] if len(synthetic) > 1 else [])
    landscapes = []
    for done, members in enumerate(groups):
        if progress:
            progress("reading the pool", done, len(groups))
        landscapes.append(landscape(whole, members=members, ridges=ridges))
    n_strata, points = validate(
        whole,
        best_ridge=lambda counts, weight: ridge_among(landscapes, counts, weight=weight),
        classification=classification,
        seed=seed,
        progress=progress,
    )
    pool = stratify(whole, n_strata=n_strata, ridge=ridge_among(landscapes, whole.source_counts))
    pool.prepare()
    return Evidence(
        whole=whole,
        pool=pool,
        classification=classification,
        ridges=ridges,
        landscapes=tuple(landscapes),
        points=points,
        checked=agreement(points),
        seed=seed,
    )
