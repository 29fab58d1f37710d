"""What should random features do on a mixture of labels? Forecast from a pool of images that no model is trained on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from modelcollapse.decisions.forecast import forecast
from modelcollapse.estimation.pool import Pool, pool_of
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.experiments.image_shares import Shares, SyntheticLabels, n_synthetic_of
from modelcollapse.experiments.run_folder import RunFolder
from modelcollapse.problems.image_training import REAL, ImageTraining
from modelcollapse.training.random_features import FirstLayer, coordinates

FORECAST_LAYER = ("forecast", "first layer")
"""Stream of the first layer that forecasts are read with: another draw than that of any trained model."""


def pool_for(source: str | None, shares: Shares, synthetic: SyntheticLabels, *, width: int, seed: int) -> Pool:
    """Return the pool of real images and of those that a labeller has labelled, as random features.

    Parameters
    ----------
    source : str or None
        The labeller; None for the real images alone.
    shares : Shares
        Its test images are the pool's held-out rows.
    synthetic : mapping of str to ndarray
    width, seed : int
        Of the random features.
    """
    parts = [(shares.real_pool, shares.labels)]
    if source is not None:
        parts.append((shares.synthetic_pool, synthetic[source]))
    rows = np.concatenate([each for each, _ in parts])
    layer = FirstLayer(width, seed, FORECAST_LAYER)
    features, held_out = coordinates(shares.pixels[rows], shares.test_pixels, layer=layer)
    ends = np.cumsum([len(each) for each, _ in parts])[:-1]
    sources = [
        LabelledRows(part, labels[each]) for part, (each, labels) in zip(np.split(features, ends), parts, strict=True)
    ]
    return pool_of(sources, holdout=LabelledRows(held_out, shares.test_labels))


def forecasts_for(
    source: str | None,
    shares: Shares,
    synthetic: SyntheticLabels,
    *,
    width: int,
    fractions: tuple[float, ...],
    experiment: ImageTraining,
    folder: RunFolder,
) -> list[dict[str, Any]]:
    """Return the forecasts for one source of labels at every fraction, size and ridge; read again when they are there.

    Returns
    -------
    list of dict
        ``synthetic_fraction``, ``n_samples``, ``ridge``, ``forecast``, ``forecast_low``, ``forecast_high``; NaN where
        the pool cannot tell.
    """
    task = f"forecast/width-{width}/{source or REAL}"
    found = folder.outcome(task)
    if found is None:
        pool = pool_for(source, shares, synthetic, width=width, seed=experiment.seed)
        with threadpool_limits(limits=1):
            rows = [
                _forecast(pool, fraction=fraction, n_samples=n_samples, ridge=ridge)
                for fraction in fractions
                for n_samples in experiment.n_samples
                for ridge in experiment.random_features.ridges
            ]
        found = folder.finish(task, {"forecasts": rows})
    return [{key: math.nan if value is None else value for key, value in row.items()} for row in found["forecasts"]]


def _forecast(pool: Pool, *, fraction: float, n_samples: int, ridge: float) -> dict[str, Any]:
    """Forecast one mixture."""
    n_synthetic = n_synthetic_of(n_samples, fraction)
    counts = [float(n_samples - n_synthetic), float(n_synthetic)][: pool.n_sources]
    found = forecast(pool, n_samples=counts, ridge=ridge)
    low, high = found.band
    setting = {"synthetic_fraction": fraction, "n_samples": n_samples, "ridge": ridge}
    return {**setting, "forecast": found.test_error, "forecast_low": low, "forecast_high": high}
