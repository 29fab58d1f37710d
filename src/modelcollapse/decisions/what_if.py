"""How does a choice of counts change when the world is another one? Other qualities, other noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.first_sample import LOG_RANGE, crossing, first_sample_worth
from modelcollapse.decisions.market import Market, Profile
from modelcollapse.problems.mixture import Mixture, Source
from modelcollapse.theory.engine import translate

FACTORS = (0.5, 1.5)
"""By which quality and noise are multiplied."""


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """What would be best if one property were another.

    Attributes
    ----------
    what : str
        ``"quality"`` or ``"noise_var"``, of the synthetic source and of both.
    factor : float
    share : float
        Best share of the cost for synthetic samples.
    excess_risk : float
        Of the best mixture.
    regret : float
        By which share the risk of the recommended counts, fitted in the best way there, exceeds it.
    """

    what: str
    factor: float
    share: float
    excess_risk: float
    regret: float


def what_ifs(problem: Mixture, goods: Market, *, budget: float, profile: Profile, counts: Array) -> tuple[WhatIf, ...]:
    """Choose again with the quality, and with the noise of both sources, half and one and a half times as large."""
    found = []
    for what, change in (("quality", with_quality), ("noise_var", with_noise)):
        for factor in FACTORS:
            other = change(problem, factor)
            if other is not None:
                found.append(_what_if(other, goods, budget, profile, counts, what=what, factor=factor))
    return tuple(found)


def _what_if(
    problem: Mixture, goods: Market, budget: float, profile: Profile, counts: Array, *, what: str, factor: float
) -> WhatIf:
    elsewhere = replace(goods, arrays=translate(problem))
    found = elsewhere.profile(budget, like=profile, zooms=1)
    kept = elsewhere.fits(counts[None], start=profile.fits.point[profile.best], rounds=8).excess_risk[0]
    least = float(found.excess_risk[found.best])
    regret = max(0.0, float(kept) / least - 1) if least > 0 else float("nan")
    return WhatIf(
        what=what,
        factor=factor,
        share=float(elsewhere.spent_share(found.counts[found.best])),
        excess_risk=least,
        regret=regret,
    )


def quality_without(problem: Mixture, goods: Market, *, budget: float) -> float | None:
    """Return the quality from which on no synthetic sample is worth its price beside real ones for all the money.

    None without a random shift of positive quality, without real samples for all the money, or when no quality within a
    factor of a million decides.
    """
    synthetic = problem.sources[1 - goods.real]
    n_real = float(budget / goods.prices[goods.real])
    if synthetic.shift is None or not synthetic.shift.quality or n_real > goods.limits[goods.real]:
        return None
    ridge = float(goods.fits_alone(np.array([n_real]), source=goods.real).ridge[0])
    ratio = float(goods.prices[1 - goods.real] / goods.prices[goods.real])

    def surplus(log_factor: float) -> float:
        other = with_quality(problem, float(np.exp(log_factor)))
        assert other is not None, "a random shift has a quality"
        elsewhere = replace(goods, arrays=translate(other))
        worth = first_sample_worth(elsewhere, n_samples=n_real, source=1 - goods.real, ridge=ridge)
        return float(np.log(np.clip(worth, 1e-300, 1e300) / ratio))

    found = crossing(surplus, -LOG_RANGE, LOG_RANGE)
    return None if found is None else synthetic.shift.quality * float(np.exp(found))


def with_quality(problem: Mixture, factor: float) -> Mixture | None:
    """Return the problem with the quality c² of its synthetic labels multiplied; None when they are perfect."""
    synthetic = problem.sources[1 - problem.target_index]
    if synthetic.shift is None or synthetic.shift.quality == 0:
        return None
    if synthetic.shift.vector is not None:
        shift = replace(synthetic.shift, vector=synthetic.shift.vector * np.sqrt(factor))
    else:
        assert synthetic.shift.quality is not None, "a shift has a vector or a quality"
        shift = replace(synthetic.shift, quality=synthetic.shift.quality * factor)
    return replace(problem, sources=[replace(s, shift=shift) if s is synthetic else s for s in problem.sources])


def with_noise(problem: Mixture, factor: float) -> Mixture | None:
    """Return the problem with the noise of all labels multiplied; None when there is none."""
    sources: list[Source] = [replace(s, noise_var=s.noise_var * factor) for s in problem.sources]
    return replace(problem, sources=sources) if any(source.noise_var for source in sources) else None
