"""What was reached at each setting of past runs? Repeats of a setting count once, with their median loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array
from modelcollapse.estimation.runs import Runs
from modelcollapse.estimation.scaling_laws import Points, nearly_equal


@dataclass(frozen=True, eq=False, kw_only=True)
class Settings:
    """Settings of past runs, each once: repeats may share what a setting has of its own.

    Attributes
    ----------
    points : Points
        n settings.
    log_loss : array of shape (n,)
        Logarithm of the loss; of repeats, the median.
    band_log_losses : mapping of str to array of shape (n,)
        The same by the frequency of the token, the most frequent band first.
    names : tuple of str
        Of the runs; of repeats, the first.
    unit : str
        What data is counted in.
    """

    points: Points
    log_loss: Array
    band_log_losses: Mapping[str, Array]
    names: tuple[str, ...]
    unit: str

    def __len__(self) -> int:
        return len(self.log_loss)

    @property
    def shares(self) -> Array:
        """Synthetic shares (n,), rounded to percents: those that are told apart; above 0 where there is any."""
        share = self.points.fraction
        return np.where(share > 0, np.maximum(np.round(share, 2), 0.01), 0.0)

    @property
    def generations(self) -> Array:
        """Generations (n,); where they are not known, 0 for real data alone and 1 otherwise."""
        if self.points.generation is not None:
            return self.points.generation
        return (self.points.synthetic > 0).astype(np.float64)

    def select(self, chosen: NDArray[np.bool_]) -> Settings:
        """Return some of the settings, by a mask (n,)."""
        return Settings(
            points=self.points.select(chosen),
            log_loss=self.log_loss[chosen],
            band_log_losses={band: values[chosen] for band, values in self.band_log_losses.items()},
            names=tuple(name for name, kept in zip(self.names, chosen, strict=True) if kept),
            unit=self.unit,
        )


def settings_of(runs: Runs) -> Settings:
    """Return the settings of runs, in the order in which they appear first; nearly equal amounts of data are one."""
    _, first, places = np.unique(runs.settings, return_index=True, return_inverse=True)
    order = np.argsort(first)

    def medians(values: Array) -> Array:
        return np.array([np.median(np.log(values[places == k])) for k in order])

    points = runs.select(first[order]).points
    change = nearly_equal(points.total) / points.total
    return Settings(
        points=replace(points, real=points.real * change, synthetic=points.synthetic * change),
        log_loss=medians(runs.loss),
        band_log_losses={band: medians(values) for band, values in runs.band_losses.items()},
        names=tuple(runs.names[k] for k in first[order]),
        unit=runs.unit,
    )
