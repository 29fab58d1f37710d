"""How many synthetic samples keep the risk within a factor of real data only? In place of real ones, or added."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from modelcollapse import __version__
from modelcollapse.checks import Array, number
from modelcollapse.decisions.advice import FACTOR, Advice, theory_error
from modelcollapse.decisions.market import Market, market
from modelcollapse.digits import count_text, share_text
from modelcollapse.errors import InputError
from modelcollapse.problems.mixture import Mixture
from modelcollapse.result import Writable
from modelcollapse.theory.tuning import tuned_fits

POINTS = 33
ZOOMS = 3
"""Counts that are tried, and how often more are tried about the threshold: it is then right to 0.1 % of itself."""
MOST_ADDED = 1e4
"""Synthetic samples are added up to this many times the real ones."""
SMALLEST_FRACTION = 1e-4


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How many synthetic samples there may be.

    Attributes
    ----------
    fixed : str
        What stays: the ``"total"`` of samples, or the ``"real"`` ones.
    weights : str
        ``"given"``: those of the problem; ``"best"``: the best for each mixture. The ridge is the best for each.
    synthetic_fraction : float or None
        Largest synthetic fraction up to which the risk stays within the factor; None: any.
    n_synthetic : int or None
        The same as a count of whole samples; None: any.
    """

    fixed: str
    weights: str
    synthetic_fraction: float | None
    n_synthetic: int | None


@dataclass(frozen=True, kw_only=True)
class MixturePlan(Writable):
    """How much synthetic data a mixture can bear.

    Attributes
    ----------
    advice : Advice
    factor : float
    allowances : tuple of Allowance
    references : dict of str to float
        Excess risk of real samples only, at the best ridge: as many as all samples (``"total"``), and the real ones.
    version : str
    """

    advice: Advice
    factor: float
    allowances: tuple[Allowance, ...]
    references: dict[str, float]
    version: str = __version__


def plan_mixture(problem: Mixture, *, factor: float = FACTOR) -> MixturePlan:
    """Return how many synthetic samples keep the excess risk within a factor of that of real samples only.

    Parameters
    ----------
    problem : Mixture
        Two sources, the target with samples and a synthetic one. Its ridge plays no part.
    factor : float
        At least 1.

    Returns
    -------
    MixturePlan

    Raises
    ------
    InputError
        When the problem does not fit or the factor is below 1.

    Notes
    -----
    Where the risk rises and falls again, the first threshold counts.

    Examples
    --------
    >>> from modelcollapse import RandomTeacher, Shift, Source, Spectrum
    >>> real = Source("real", n_samples=900, noise_var=0.5, spectrum=Spectrum.isotropic(100), teacher=RandomTeacher())
    >>> synthetic = Source("synthetic", n_samples=100, noise_var=0.5, shift=Shift(quality=0.5, shape="isotropic"))
    >>> plan = plan_mixture(Mixture([real, synthetic], ridge=0))
    >>> [(a.fixed, a.weights, a.n_synthetic) for a in plan.allowances]
    [('total', 'given', 68), ('total', 'best', 131), ('real', 'given', 146), ('real', 'best', None)]
    """
    factor = number("factor", factor, low=1)
    goods = market(problem, prices=np.ones(2), limits=np.full(2, np.inf))
    counts = np.array([float(source.n_samples) for source in problem.sources])
    n_real, n_total = float(counts[goods.real]), float(counts.sum())
    if n_real == 0:
        raise InputError(f"the target `{problem.target}` must have samples to compare with; got 0.")
    only_real = (np.arange(2) == goods.real).astype(np.float64)
    references = {
        "total": float(_risk(goods, n_total * only_real[None], weights="best")[0]),
        "real": float(_risk(goods, n_real * only_real[None], weights="best")[0]),
    }
    allowances = []
    for fixed in references:
        for weights in ("given", "best"):
            allowances.append(_allowance(goods, fixed, weights, n_real if fixed == "real" else n_total,
                                         most=factor * references[fixed]))  # fmt: skip
    names = [source.name for source in problem.sources]
    advice = _advise(allowances, factor, n_real, n_total, real=names[goods.real], synthetic=names[1 - goods.real])
    return MixturePlan(advice=advice, factor=factor, allowances=tuple(allowances), references=references)


def first_above(function: Callable[[Array], Array], points: Array, most: float) -> float | None:
    """Return the last point before a function first exceeds a value, refined between points; None: it never does."""
    found = None
    for _ in range(1 + ZOOMS):
        above = ~(function(points) <= most)
        if not above.any():
            return found
        first = int(np.argmax(above))
        if first == 0:
            return float(points[0])
        found = float(points[first - 1])
        points = np.linspace(points[first - 1], points[first], POINTS // 3)
    return found


def _allowance(goods: Market, fixed: str, weights: str, n_fixed: float, *, most: float) -> Allowance:
    """Return the largest number of synthetic samples in place of real ones, or beside them."""
    if (fixed, weights) == ("real", "best"):  # their best weight may be 0: adding them never hurts
        return Allowance(fixed=fixed, weights=weights, synthetic_fraction=None, n_synthetic=None)

    def risk(n_synthetic: Array) -> Array:
        n_real = n_fixed - n_synthetic if fixed == "total" else np.full(len(n_synthetic), n_fixed)
        order = [n_real, n_synthetic] if goods.real == 0 else [n_synthetic, n_real]
        return _risk(goods, np.stack(order, axis=-1), weights=weights)

    if fixed == "total":
        small = np.geomspace(SMALLEST_FRACTION, 0.5, POINTS // 2)
        points = n_fixed * np.concatenate([[0.0], small, 1 - small[-2::-1], [1.0]])
    else:
        points = n_fixed * np.concatenate([[0.0], np.geomspace(SMALLEST_FRACTION, MOST_ADDED, 2 * POINTS)])
    n_synthetic = first_above(risk, points, most * (1 + 1e-6))
    if n_synthetic is None:
        return Allowance(fixed=fixed, weights=weights, synthetic_fraction=None, n_synthetic=None)
    count = math.floor(n_synthetic * (1 + 1e-9))
    total = n_fixed if fixed == "total" else n_fixed + count
    return Allowance(fixed=fixed, weights=weights, synthetic_fraction=count / total, n_synthetic=count)


def _risk(goods: Market, counts: Array, *, weights: str) -> Array:
    """Return the risk of mixtures (P, 2) at the best ridge, and the given or the best weights."""
    if weights == "best":  # the given ones are among them, however flat the search finds its ground
        return np.minimum(goods.fits(counts).excess_risk, _risk(goods, counts, weights="given"))
    total = counts.sum(axis=1)
    sampling = goods.sampling(counts / total[:, None], total)
    return tuned_fits(sampling, covariances=goods.arrays.covariances, teachers=goods.arrays.teachers,
                      target=goods.real, free_weight=False).excess_risk  # fmt: skip


def _advise(
    allowances: list[Allowance], factor: float, n_real: float, n_total: float, *, real: str, synthetic: str
) -> Advice:
    replaced, reweighed, added, _ = allowances
    reasons = [
        f"Of {count_text(n_total)} samples, {_share(replaced)} may be {synthetic} at the given weights, and "
        f"{_share(reweighed)} at the best ones; the ridge is the best for each.",
        f"Beside {count_text(n_real)} {real} sample{'s' if n_real > 1 else ''}, {_count(added)} at the given weights "
        f"stay within it; at the best weights, which may be small, no number of {synthetic} ones hurts.",
    ]
    return Advice(
        recommendation=(
            f"Replace {_share(replaced)} of {count_text(n_total)} {real} samples by {synthetic} ones, or add "
            f"{_count(added)} to {count_text(n_real)}: the excess risk then stays within {factor:g} times that of "
            f"{real} samples only."
        ),
        reasons=tuple(reasons),
        uncertainty=(theory_error(n_real),),
        changes=("With prices and a budget (`--price`, `--budget`) the plan says what to buy.",),
    )


def _share(allowance: Allowance) -> str:
    if allowance.synthetic_fraction is None:
        return "any share"
    return f"up to {share_text(allowance.synthetic_fraction)}" if allowance.n_synthetic else "none"


def _count(allowance: Allowance) -> str:
    if allowance.n_synthetic is None:
        return "any number"
    return f"up to {count_text(allowance.n_synthetic)}" if allowance.n_synthetic else "none"
