"""Is a synthetic sample told apart from a second real sample of the same size? Statistics for many measures at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array, integer
from modelcollapse.decisions.distribution_result import Finding
from modelcollapse.errors import InputError
from modelcollapse.estimation.measure import Measure
from modelcollapse.streams import stream

Units = NDArray[np.intp]

N_SPLITS = 199
"""Splits of the real units, so that the smallest corrected p-value is 1/200."""
N_OBSERVED = 20
"""Splits over which the comparison with synthetic units is averaged."""
LEVEL = 0.05
"""Chance of any finding at all when the synthetic units are a second real sample."""
_FEWEST_SPLITS = 19  # fewer could not give a p-value of 0.05
_FEWEST_UNITS = 2
_ROUNDING = 1e-12


def check_n_splits(n_splits: int) -> None:
    """Refuse fewer splits than a p-value of 0.05 needs."""
    integer("n_splits", n_splits, low=_FEWEST_SPLITS, hint="199 give corrected p-values down to 0.005.")


def half_size(n_real: int, n_synthetic: int) -> int:
    """Return k, the units in each part that is compared: min(n_synthetic, n_real // 2).

    Raises
    ------
    InputError
        When a part would have fewer than two units.
    """
    size = min(n_synthetic, n_real // 2)
    if size < _FEWEST_UNITS:
        raise InputError(
            f"too little data: a real half and as much synthetic data are compared; got {n_real} real and "
            f"{n_synthetic} synthetic units. Use at least {2 * _FEWEST_UNITS} real and {_FEWEST_UNITS} synthetic ones."
        )
    return size


def real_halves(n_real: int, *, size: int, n_splits: int, seed: int) -> Iterator[tuple[Units, Units]]:
    """Yield disjoint random parts (A_b, B_b) of the real units, `size` each; the same ones for the same arguments.

    Parameters
    ----------
    n_real : int
    size : int
        At most half of `n_real`.
    n_splits : int
        At least 19: fewer cannot give a p-value of 0.05.
    seed : int

    Yields
    ------
    first, second : int arrays, (size,)
    """
    check_n_splits(n_splits)
    generator = stream(seed, "real halves")
    for _ in range(n_splits):
        order = generator.permutation(n_real)
        yield order[:size], order[size : 2 * size]


def synthetic_parts(n_synthetic: int, *, size: int, n_parts: int, seed: int) -> Iterator[Units]:
    """Yield random parts S_b of the synthetic units, (size,), all of them each time where there are no more."""
    generator = stream(seed, "synthetic parts")
    for _ in range(n_parts):
        yield generator.permutation(n_synthetic)[:size]


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """What J measures gave, on the scale on which they are judged.

    Attributes
    ----------
    measures : tuple of Measure
        J of them.
    real, synthetic : arrays, (J,)
        Mean over splits of a summary of A_b and of S_b; of a comparison, of (A_b, B_b) and of (A_b, S_b).
    null : array, (B, J)
        Summary of B_b less that of A_b; or the comparison of A_b with B_b.
    n_real, n_synthetic : int
        Units at hand.
    n_parts : int, or int array (J,)
        Random parts of independent synthetic units over which `synthetic` is a mean; 1 where it is none, or where
        units depend on each other, so that a mean over parts may vary as much as a single one.
    """

    measures: tuple[Measure, ...]
    real: Array
    synthetic: Array
    null: Array
    n_real: int
    n_synthetic: int
    n_parts: int | Units = 1

    @property
    def comparison(self) -> NDArray[np.bool_]:
        """Which measures compare two samples, (J,)."""
        return np.array([measure.comparison for measure in self.measures], dtype=bool)

    @property
    def grain(self) -> Array:
        """What one unit can change, (J,)."""
        return np.array([measure.grain for measure in self.measures])

    @property
    def observed(self) -> Array:
        """What is held against the null, (J,): a difference of summaries, or the comparison itself."""
        return np.where(self.comparison, self.synthetic, self.synthetic - self.real)

    @property
    def widening(self) -> Array:
        """What the null's standard deviations are multiplied with, (J,): see `widening` and `narrowing`."""
        sizes = (self.n_real, self.n_synthetic)
        return np.where(self.comparison, widening(*sizes), narrowing(*sizes, n_parts=self.n_parts))


def widening(n_real: int, n_synthetic: int) -> float:
    """Return by how much the halves of one real sample understate the spread of a comparison; at least 1.

    √((k/m + k/n)/(1 − k/n)) for k units of n real and m synthetic ones.

    Notes
    -----
    Let a comparison of A and S be Σ_A a + Σ_S b to first order in the rows. Given the real sample, that of two halves
    has variance k (var a + var b)(1 − k/n) − 2 (k²/n) cov(a, b). The mean over splits of the comparison with synthetic
    rows, less the mean of the null, is k (mean_S b − mean_R b), with variance k² var b (1/m + 1/n). Their ratio is at
    most the square of the factor above unless a and b go together. A difference of summaries has a = −b: its null has
    variance 2 k var b, which is never too small.
    """
    size = half_size(n_real, n_synthetic)
    drawn = size / n_real
    return float(np.sqrt(max(1.0, (size / n_synthetic + drawn) / (1 - drawn))))


def narrowing(n_real: int, n_synthetic: int, *, n_parts: int | Units) -> Array:
    """Return by how much the halves of one real sample overstate the spread of a difference of summaries; at most 1.

    √((1 + k/m + (1 − k/m)/L)/2) for parts of k units, m synthetic ones and L parts of them.

    Notes
    -----
    A null draw is the difference of the summaries of two samples of k independent units, and has twice the variance v
    of one. The mean of a summary over all parts of k of m independent units has at most the variance v k/m, and over L
    random ones at most v (k/m + (1 − k/m)/L). The mean over real halves varies less than one of them, too; that is left
    as a margin for spreads that are estimated and summaries that are not normal.

    References
    ----------
    W. Hoeffding, A class of statistics with asymptotically normal distribution, Annals of Mathematical Statistics 19,
    1948, theorem 5.2.
    """
    drawn = half_size(n_real, n_synthetic) / n_synthetic
    return np.sqrt((1 + drawn + (1 - drawn) / np.asarray(n_parts)) / 2)


def distances(
    observed: Array, null: Array, *, grain: Array | float = 0.0, widening: Array | float = 1.0
) -> tuple[Array, Array]:
    """Return how far the observed values and the null draws are from the null's mean, in its standard deviations.

    Parameters
    ----------
    observed : array, (J,)
    null : array, (B, J)
    grain : array, (J,), or float
        Least standard deviation: what one unit can change. Where a null without spread has a grain of 0, an observed
        value other than the null's is infinitely far.
    widening : array, (J,), or float
        What the null's standard deviation is multiplied with for the observed value.

    Returns
    -------
    observed : array, (J,)
    null : array, (B, J)

    Notes
    -----
    What one half of the real units has too much of, the other one has too little of. So a summary that changes alike in
    both directions (the size of a correlation that is none, the entropy of even shares) hardly differs between two
    halves, whatever it does between two samples: its grain must be its standard deviation, not what one unit changes.
    """
    mean, far, scale, widened = _centred(observed, null, grain=grain, widening=widening)
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.where(far == 0, 0.0, far / widened)
        drawn = np.where(scale > 0, (null - mean) / scale, 0.0)
    return away, drawn


def _centred(
    observed: Array, null: Array, *, grain: Array | float, widening: Array | float
) -> tuple[Array, Array, Array, Array]:
    """Return the null's mean, how far the observed values are from it, and the scales of null draws and of these.

    Differences and scales that are rounding are 0.
    """
    mean, spread = null.mean(axis=0), null.std(axis=0, ddof=1)
    rounding = _ROUNDING * np.abs(mean)
    scale, widened = (np.maximum(spread * factor, grain) for factor in (1.0, widening))
    scale, widened = (np.where(size <= rounding, 0.0, size) for size in (scale, widened))
    far = observed - mean
    return mean, np.where(np.abs(far) <= rounding, 0.0, far), scale, widened


def _ranked(observed: Array, null: Array, *, grain: Array | float, widening: Array | float) -> tuple[Array, Array]:
    """Return the sizes of distances by which draws are ranked, of the observed values, (J,), and the null, (B, J).

    The observed value, brought to the scale of null draws, takes part in mean and standard deviation like any of them:
    left out of these, it would be farther away than they are with the same law.
    """
    mean, far, scale, widened = _centred(observed, null, grain=grain, widening=widening)
    with np.errstate(divide="ignore", invalid="ignore"):
        together = np.vstack([mean + np.where(far == 0, 0.0, far * scale / widened), null])
        spread = np.maximum(together.std(axis=0, ddof=1), grain)
        sizes = np.where(scale > 0, np.abs(together - together.mean(axis=0)) / spread, 0.0)
    return np.where((scale == 0) & (far != 0), np.inf, sizes[0]), sizes[1:]


def family_wise(observed: Array, null: Array, *, grain: Array | float = 0.0, widening: Array | float = 1.0) -> Array:
    """Return p-values that hold for all measures together, (J,).

    Step-down maxT: with z_j the distance from the mean of the null draws and the observed value together, in their
    standard deviations, the p-value of the measure with the r-th largest |z| is the share of null draws, the observed
    one counted among them, whose largest |z| over this and all measures with a smaller one reaches it; and at least
    the p-value of the one before.

    Parameters
    ----------
    observed, null, grain, widening
        See `distances`.

    Returns
    -------
    array, (J,)
        In [1/(B + 1), 1]. The chance that any is at most p when observed values and null draws are exchangeable is at
        most p.

    Notes
    -----
    The observed values are means over splits, and the null values single draws, which vary more: the mean of a
    difference has variance s² (1/m + 1/n) for rows of variance s², and one draw s² · 2/k, which is twice as much for
    m = n = 2k. `narrowing` makes up for half of that; the rest keeps the test conservative. Taking the largest
    distance over all measures uses how they depend on each other.

    References
    ----------
    P. H. Westfall, S. S. Young, Resampling-Based Multiple Testing, 1993, algorithm 4.1; restated by Y. Ge, S. Dudoit,
    T. P. Speed, Resampling-based multiple testing for microarray data analysis, Test 12, 2003, box 2.

    Examples
    --------
    >>> null = np.random.default_rng(0).standard_normal((199, 3))
    >>> family_wise(np.array([0.1, 8.0, -0.3]), null).round(3).tolist()
    [0.96, 0.005, 0.96]
    """
    away, drawn = _ranked(observed, null, grain=grain, widening=widening)
    order = np.argsort(-away, kind="stable")
    reached = np.maximum.accumulate(drawn[:, order[::-1]], axis=1)[:, ::-1]  # (B, J), largest from r on
    stepwise = (1 + (reached >= away[order]).sum(axis=0)) / (len(null) + 1)
    p_values = np.empty(len(observed))
    p_values[order] = np.maximum.accumulate(stepwise)
    return p_values


def band(null: Array, *, level: float = 0.90, widening: Array | float = 1.0) -> tuple[Array, Array]:
    """Return between which values a share `level` of the null lies, about its mean and widened, each (J,)."""
    mean = null.mean(axis=0)
    low, high = np.quantile(null, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return mean + widening * (low - mean), mean + widening * (high - mean)


def judge(draws: Draws) -> tuple[Finding, ...]:
    """Return a finding for every measure, those found first, by p-value and distance."""
    if not draws.measures:
        return ()
    given = {"grain": draws.grain, "widening": draws.widening}
    p_values = family_wise(draws.observed, draws.null, **given)
    away, _ = distances(draws.observed, draws.null, **given)
    base = draws.synthetic - draws.observed  # the real summary, or 0
    low, high = (base + end for end in band(draws.null, widening=draws.widening))
    findings = []
    for k, measure in enumerate(draws.measures):
        real, synthetic = measure.shown(draws.real[k]), measure.shown(draws.synthetic[k])
        findings.append(
            Finding(
                name=measure.name,
                topic=measure.topic,
                real=real,
                synthetic=synthetic,
                band=(measure.shown(low[k]), measure.shown(high[k])),
                distance=float(away[k]),
                p_value=float(p_values[k]),
                found=bool(p_values[k] <= LEVEL),
                sentence=measure.sentence(real, synthetic),
            )
        )
    return tuple(sorted(findings, key=lambda finding: (finding.p_value, -abs(finding.distance))))
