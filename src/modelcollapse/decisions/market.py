"""Which counts are best for the money? Mixtures of two sources along a budget, each with its best weight and ridge."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq

from modelcollapse.checks import Array
from modelcollapse.errors import InputError
from modelcollapse.problems.mixture import Mixture
from modelcollapse.theory.commuting import CommutingCovariances
from modelcollapse.theory.engine import Translation, translate
from modelcollapse.theory.reductions import Sampling
from modelcollapse.theory.tuning import ROUNDS, TunedFits, tuned_fits

SHARES = 25
"""Shares of the money along a budget; then more of them around the best."""
ZOOM = 5
WIDTHS = 16
POLISH = 12
"""Grids that bring the fit of the whole counts to eight digits."""
BUDGETS, ZOOMS, MARGIN = 13, 2, 4e-3
"""Budgets that are tried at once to bracket the smallest that will do, how often, and room for rounding."""
NEAR = 5
"""Even shares on either side of the best that are looked at while a budget is sought; all of them in the end."""
GROWTH = np.array([1.001, 1.003, 1.01])
"""Factors by which counts grow where no whole counts beside the exact ones reach a risk."""
PLENTY = 1e12
"""Samples of a source that stand for any number of them."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Mixtures that cost the same, in the order of their share of synthetic samples.

    Attributes
    ----------
    share : array of shape (S,)
        Of the budget that may go to the synthetic source, from 0 to 1; what a limit forbids is not spent.
    counts : array of shape (S, 2)
        In the order of the sources; not whole.
    fits : TunedFits
    """

    share: Array
    counts: Array
    fits: TunedFits

    @property
    def best(self) -> int:
        """Position of the smallest risk; of the least synthetic mixture among equal ones."""
        return int(np.argmin(self.fits.excess_risk))

    @property
    def excess_risk(self) -> Array:
        """Of each mixture (S,)."""
        return self.fits.excess_risk

    def fit_near(self, share: Array) -> Array:
        """Return starts for the fits of similar mixtures (S', 2)."""
        return np.stack([np.interp(share, self.share, column) for column in self.fits.point.T], axis=-1)


@dataclass(frozen=True, kw_only=True)
class Market:
    """Two sources whose samples can be bought.

    Attributes
    ----------
    arrays : Translation
        The target is the real source, the other one the synthetic.
    prices, limits : arrays of shape (2,)
        Of each source: price of a sample, and the most samples there are (infinite: any number).
    width : float or None
        Of the model.
    """

    arrays: Translation
    prices: Array
    limits: Array
    width: float | None

    @property
    def real(self) -> int:
        """Position of the real source."""
        return self.arrays.target

    def counts(self, budget: float, share: Array) -> Array:
        """Return what a budget buys at shares of the money for synthetic samples, shape (..., 2); not whole."""
        spent = np.empty((*share.shape, 2))
        spent[..., self.real], spent[..., 1 - self.real] = 1 - share, share
        return np.asarray(np.minimum(budget * spent / self.prices, self.limits))

    def spent_share(self, counts: Array) -> Array:
        """Return the share of the cost of counts (..., 2) that goes to synthetic samples."""
        cost = counts * self.prices
        return np.asarray(cost[..., 1 - self.real] / cost.sum(axis=-1))

    def sampling(self, share: Array, n_total: Array) -> Sampling:
        """Return mixtures of shares (..., 2) with so many samples (...)."""
        width = None if self.width is None else np.array(self.width)
        return replace(self.arrays.sampling, share=share, n_total=n_total, width=width)

    def fits(self, counts: Array, *, start: Array | None = None, rounds: int = ROUNDS) -> TunedFits:
        """Return the best fits of mixtures with counts (P, 2)."""
        total = counts.sum(axis=1)
        sampling = self.sampling(counts / total[:, None], total)
        return tuned_fits(sampling, covariances=self.arrays.covariances, teachers=self.arrays.teachers,
                          target=self.real, start=start, rounds=rounds)  # fmt: skip

    def fits_alone(self, n_samples: Array, *, source: int) -> TunedFits:
        """Return the best fits on samples (P,) of one source only: there is no weight to choose."""
        sampling = replace(self.sampling(np.eye(2)[source], n_samples), weight=np.ones(2))
        return tuned_fits(sampling, covariances=self.arrays.covariances, teachers=self.arrays.teachers,
                          target=self.real, free_weight=False, rounds=POLISH)  # fmt: skip

    def profile(
        self, budget: float, *, like: Profile | None = None, zooms: int = 2, near: int | None = None
    ) -> Profile:
        """Return the mixtures that a budget buys: even shares first, then closer ones around the best, `zooms` times.

        With a similar profile, fits start from it, and of the even shares only so many as `near` on either side of its
        best are looked at.
        """
        even = self._even(budget)
        if like is not None and near is not None:
            best = int(np.searchsorted(even, like.share[like.best]))
            even = even[max(best - near, 0) : best + near + 1]
        found = self._at(budget, even, like)
        for _ in range(zooms):
            about = found.share[max(found.best - 1, 0) : found.best + 2]
            closer = np.setdiff1d(np.linspace(about[0], about[-1], 2 * ZOOM + 1), found.share)
            if len(closer):
                found = _merged(found, self._at(budget, closer, found))
        return found

    def _even(self, budget: float) -> Array:
        """Return shares between which log counts change evenly, whole samples at both ends, and nothing of a source."""
        one = np.minimum(self.prices / budget, 0.5)  # share of the money that a single sample costs
        low, high = one[1 - self.real], 1 - one[self.real]
        odds = np.linspace(np.log(low / (1 - low)), np.log(high / (1 - high)), SHARES - 2)
        inner = 1 / (1 + np.exp(-odds))
        return np.unique(np.concatenate([[0.0], inner, [1.0]]))

    def _at(self, budget: float, share: Array, like: Profile | None) -> Profile:
        counts = self.counts(budget, share)
        counts, share = counts[counts.sum(axis=1) > 0], share[counts.sum(axis=1) > 0]
        start = None if like is None else like.fit_near(share)
        return Profile(share=share, counts=counts, fits=self.fits(counts, start=start))

    def whole(self, budget: float, profile: Profile) -> Array:
        """Return the best whole counts about the best of a profile, (2,): nothing costs more than the budget."""
        dear = int(np.argmax(self.prices))
        most = np.minimum(np.floor(budget / self.prices * (1 + 1e-12)), self.limits)
        about = np.floor(profile.counts[profile.best, dear]) + np.arange(-1, 3)
        bought = np.zeros((len(about) + 1, 2))
        bought[:-1, dear] = about
        bought[:, dear] = np.clip(bought[:, dear], 0, most[dear])
        left = budget - bought[:, dear] * self.prices[dear]
        cheap = np.floor(left / self.prices[1 - dear] * (1 + 1e-12))
        bought[:, 1 - dear] = np.minimum(cheap, self.limits[1 - dear])
        bought = bought[bought.sum(axis=1) > 0]
        fits = self.fits(bought, start=profile.fits.point[profile.best], rounds=POLISH)
        return np.asarray(bought[int(np.argmin(fits.excess_risk))])

    def cheapest(self, excess_risk: float, profile: Profile) -> Array:
        """Return the cheapest whole counts about the best of a profile that reach a risk, (2,)."""
        exact = profile.counts[profile.best]
        up = np.maximum(np.ceil(exact), exact > 0)
        single = np.eye(2)
        grown = np.ceil(exact * GROWTH[:, None])  # where no neighbour is enough
        around = np.stack([up, [up[0], np.floor(exact[1])], [np.floor(exact[0]), up[1]], *single, *grown])
        around = np.unique(around[(around.sum(axis=1) > 0) & (around <= self.limits).all(axis=1)], axis=0)
        risk = self.fits(around, rounds=POLISH).excess_risk
        cost = np.where(risk <= excess_risk, around @ self.prices, np.inf)
        return np.asarray(around[int(np.argmin(cost if np.isfinite(cost).any() else risk))])

    def smallest_risk(self) -> float:
        """Return the risk with all samples that there are."""
        counts = np.minimum(self.limits, PLENTY)
        each = np.stack([counts, counts * (np.arange(2) == self.real)])
        return float(self.fits(each[each.sum(axis=1) > 0]).excess_risk.min())

    def budget_for(self, excess_risk: float) -> float:
        """Return the smallest budget whose best mixture reaches a risk; infinite when none does.

        A budget spent twice, once on each source, is at least as good as the best mixture for it, and no better than
        the best mixture for the double: that brackets the answer.
        """

        def enough(log_budgets: Array) -> tuple[float, float]:
            counts = np.minimum(np.exp(log_budgets)[:, None] / self.prices, self.limits)
            reached = self.fits(counts).excess_risk <= excess_risk
            first = int(np.argmax(reached)) if reached.any() else len(reached) - 1
            return float(log_budgets[max(first - 1, 0)]), float(log_budgets[first])

        def missed(log_budget: float) -> float:
            found = self.profile(float(np.exp(log_budget)), like=like, zooms=1, near=NEAR)
            return _above(float(found.excess_risk.min()), excess_risk)

        if self.smallest_risk() > excess_risk:
            return float("inf")
        low = float(np.log(self.prices.min()))
        high = float(np.log((self.prices * np.minimum(self.limits, PLENTY)).max()))
        for _ in range(ZOOMS):
            low, high = enough(np.linspace(low, high, BUDGETS))
        high += np.log(2.0) + MARGIN
        like = self.profile(float(np.exp(low)), zooms=0)
        if missed(low) <= 0:
            return float(np.exp(low))
        return float(np.exp(brentq(missed, low, high, xtol=2e-4)))


def _above(risk: float, wanted: float) -> float:
    """Return by which logarithm a risk exceeds what is wanted."""
    tiny = np.finfo(np.float64).tiny
    return float(np.log(max(risk, tiny)) - np.log(max(wanted, tiny)))


def _merged(one: Profile, other: Profile) -> Profile:
    """Return two profiles of one budget as one."""
    share = np.concatenate([one.share, other.share])
    order = np.argsort(share, kind="stable")
    fits = {
        name: np.concatenate([getattr(one.fits, name), getattr(other.fits, name)])[order]
        for name in TunedFits.__dataclass_fields__
    }
    counts = np.concatenate([one.counts, other.counts])[order]
    return Profile(share=share[order], counts=counts, fits=TunedFits(**fits))


def market(problem: Mixture, *, prices: Array, limits: Array) -> Market:
    """Return the sources of a problem as goods.

    Raises
    ------
    InputError
        Unless the problem has two sources and covariances that commute.
    """
    if len(problem.sources) != 2:
        raise InputError(
            f"a plan is made for two sources, the target and a synthetic one; got {len(problem.sources)}. "
            "Leave out the others."
        )
    arrays = translate(problem)
    if not isinstance(arrays.covariances, CommutingCovariances):
        raise InputError(
            "a plan looks at thousands of mixtures, which takes covariances that commute. Give both sources the same "
            "eigenvectors."
        )
    width = None if problem.width is None else float(problem.width)
    return Market(arrays=arrays, prices=prices, limits=limits, width=width)


def best_width(goods: Market, budget: float, *, max_width: int) -> tuple[Market, Profile]:
    """Return the market with the width up to `max_width` that is best for its best counts, and its profile.

    Counts are chosen at the largest width, the width for them, and the counts again.
    """
    widest = replace(goods, width=float(max_width))
    profile = widest.profile(budget)
    counts, start = profile.counts[[profile.best]], profile.fits.point[profile.best]
    low, high = 1, max_width
    while True:
        widths = np.unique(np.round(np.geomspace(low, high, WIDTHS)))
        risks = [float(replace(goods, width=w).fits(counts, start=start).excess_risk[0]) for w in widths.tolist()]
        best = int(np.argmin(risks))
        low, high = int(widths[max(best - 1, 0)]), int(widths[min(best + 1, len(widths) - 1)])
        if high - low <= 2:
            break
    if widths[best] == max_width:
        return widest, profile
    narrower = replace(goods, width=float(widths[best]))
    return narrower, narrower.profile(budget, like=profile)
