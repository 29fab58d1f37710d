"""Which scaling law do runs follow? Every law the table allows, judged by what it foretells of the largest runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from modelcollapse.checks import Array
from modelcollapse.estimation.law_fits import LawFit, bootstrap, fit_law, huber_loss
from modelcollapse.estimation.law_misfit import Deviations, misfit_chance
from modelcollapse.estimation.scaling_laws import FLOORS, Points, ScalingLaw, Units, distinct

HELD_OUT_SHARE = 0.2
"""Share of the settings, the largest ones, that laws must foretell."""

FEWEST_HELD_OUT = 3
"""Fewest settings that are held out."""

FEWEST_SPARE = 2
"""Settings that a law needs beyond one for each parameter."""

N_FORETOLD = 64
"""Draws from which the forecast density of the held-out settings is taken."""

HOPELESS = 20.0
"""Laws that fit the smaller settings worse than the best by more, in log likelihood, are given no weight."""

SMALLEST_WEIGHT = 0.01
"""Laws with less weight are left out of the bands."""

SMALLEST_CHANCE = 0.05
"""Chance of the pattern that the best law leaves below which no law is taken to hold."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LawChoice:
    """K laws that were fitted to runs, and how far each is believed.

    Attributes
    ----------
    fits : tuple of LawFit
        To all settings.
    weights : array of shape (K,)
        Chances of the laws given the runs; they add up to 1.
    held_out : bool array of shape (n,)
        Settings that were held out to compute them.
    errors : array of shape (K, h)
        log loss − log forecast of the h held-out settings.
    deviation : float
        By how much log losses may deviate from every law: 0 where the best one leaves no pattern, else the root mean
        square of its errors.
    """

    fits: tuple[LawFit, ...]
    weights: Array
    held_out: NDArray[np.bool_]
    errors: Array
    deviation: float = 0.0

    @property
    def best(self) -> int:
        """Position of the law with the largest weight."""
        return int(np.argmax(self.weights))


@dataclass(frozen=True, eq=False, kw_only=True)
class LawDraws:
    """Laws that could have made the runs, B in all.

    Attributes
    ----------
    parts : tuple of (ScalingLaw, Units, array of shape (B_k, P_k))
        Parameter vectors by law.
    deviations : Deviations or None
        Of the B draws from their laws, where no law holds.
    """

    parts: tuple[tuple[ScalingLaw, Units, Array], ...]
    deviations: Deviations | None = None

    def log_losses(self, points: Points) -> Array:
        """Return log losses, (B, n), at settings."""
        found = np.concatenate([law.log_losses(vectors, points, units) for law, units, vectors in self.parts])
        return found if self.deviations is None else found + self.deviations.at(points)

    def floors(self, points: Points) -> Array:
        """Return the losses, (B, n), that endless data of the settings' shares leave."""
        found = np.concatenate([law.floors(vectors, points, units) for law, units, vectors in self.parts])
        return found if self.deviations is None else found * np.exp(self.deviations.at(points))


def candidate_laws(points: Points) -> tuple[list[ScalingLaw], dict[str, str]]:
    """Return the laws that the columns of a table allow, the simplest first, and why terms are not looked for.

    Parameters
    ----------
    points : Points
        n distinct settings.

    Returns
    -------
    laws : list of ScalingLaw
        Those whose parameters are fewer than the settings by `FEWEST_SPARE` at least.
    missing : dict of str to str
        Reasons by term.
    """
    missing = _missing_terms(points)
    floors = [None, *(floor for floor in FLOORS if f"{floor} floor" not in missing)]
    exchanges = (False,) if "exchange" in missing else (False, True)
    laws = []
    for floor, exchange, irreducible, size in product(floors, exchanges, (False, True), (False, True)):
        if (irreducible and "irreducible" in missing) or (size and "size" in missing):
            continue
        law = ScalingLaw(floor=floor, exchange=exchange, irreducible=irreducible, size=size)
        laws.append(law)
        if floor == "fraction":
            laws += [law.adding(*more) for more in _floor_terms(size, missing)]
    laws.sort(key=lambda law: len(law.parameters))
    n = len(points.real)
    allowed = [law for law in laws if len(law.parameters) + FEWEST_SPARE <= n]
    if len(allowed) < len(laws):
        most = len(laws[-1].parameters)
        missing[f"laws of {len(allowed[-1].parameters) + 1 if allowed else 2} and more parameters"] = (
            f"{n} settings are too few; {most + FEWEST_SPARE} would do for all"
        )
    return allowed, missing


def _floor_terms(size: bool, missing: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return what may be added to a floor in the share."""
    terms = [term for term in ("interaction", "generations") if term not in missing and (size or term != "interaction")]
    return [(term,) for term in terms] + ([tuple(terms)] if len(terms) == 2 else [])


def _missing_terms(points: Points) -> dict[str, str]:
    """Return the terms that the table's columns cannot show, with the reason."""
    mixed = points.synthetic > 0
    seen = points.real if points.generator is None else points.generator
    missing = {}
    if distinct(np.log(points.total)) < 3:
        missing["irreducible"] = "needs three amounts of data"
    if distinct(points.fraction) < 2:
        missing["exchange"] = missing["fraction floor"] = "needs runs with different synthetic shares"
    if "exchange" in missing or len(np.unique(seen[mixed])) < 2 or (seen[mixed] <= 0).any():
        missing["generator floor"] = "needs runs whose generators were trained on different known amounts of real data"
    if points.size is None or len(np.unique(points.size)) < 2:
        missing["size"] = missing["interaction"] = "needs runs with different model sizes"
    elif len(np.unique(points.size[mixed])) < 2:
        missing["interaction"] = "needs runs with synthetic data and different model sizes"
    if points.generation is None or len(np.unique(points.generation[mixed])) < 2:
        missing["generations"] = "needs runs of different generations"
    return missing


def largest_settings(points: Points) -> NDArray[np.bool_]:
    """Return which settings are the largest by data times model size: a fifth of them, and at least three.

    Settings as large as the smallest of these join them, unless that would be more than a third of all.
    """
    scale = np.log(points.total) + (0.0 if points.size is None else np.log(points.size))
    n = len(scale)
    count = min(max(FEWEST_HELD_OUT, round(HELD_OUT_SHARE * n)), n - 2)
    order = np.argsort(scale, kind="stable")
    tied = scale >= scale[order[-count]] * (1 - 1e-12)
    if tied.sum() <= max(count, n / 3):
        return np.asarray(tied)
    chosen = np.zeros(n, dtype=bool)
    chosen[order[-count:]] = True
    return chosen


def choose_law(points: Points, loss: Array, *, laws: list[ScalingLaw], generator: np.random.Generator) -> LawChoice:
    """Fit laws, and weigh them by what they foretell.

    Parameters
    ----------
    points : Points
        n distinct settings.
    loss : array of shape (n,)
    laws : list of ScalingLaw
    generator : numpy.random.Generator

    Returns
    -------
    LawChoice

    Notes
    -----
    A law's weight is its chance given the runs when all laws are as likely beforehand, by the chain rule: how well it
    fits the smaller settings, by the Bayesian information criterion, times the density that it, fitted to them, gives
    to the largest ones. That density is Student's, about the forecast, with the spread of the bootstrap and of the
    noise.

    References
    ----------
    O'Hagan (1995), J. R. Stat. Soc. B 57, 99 (partial Bayes factors); Schwarz (1978), Ann. Statist. 6, 461.
    """
    held_out = largest_settings(points)
    small, large = points.select(~held_out), points.select(held_out)
    smaller = [fit_law(law, small, loss[~held_out]) for law in laws]
    errors = np.array([np.log(loss[held_out] / fit.losses(large)) for fit in smaller])
    fitted = _information(smaller)
    chances = np.full(len(laws), -np.inf)
    for k in np.flatnonzero(fitted >= fitted.max() - HOPELESS):
        chances[k] = fitted[k] + _log_density(smaller[k], large, errors[k], generator)
    weights = np.exp(chances - chances.max())
    weights[weights < SMALLEST_WEIGHT * weights.sum()] = 0.0
    fits = tuple(fit_law(law, points, loss) for law in laws)
    best = int(np.argmax(weights))
    holds = misfit_chance(fits[best]) >= SMALLEST_CHANCE
    return LawChoice(
        fits=fits,
        weights=weights / weights.sum(),
        held_out=held_out,
        errors=errors,
        deviation=0.0 if holds else float(np.sqrt(np.mean(errors[best] ** 2))),
    )


def _information(fits: list[LawFit]) -> Array:
    """Return minus half the Bayesian information criterion, (K,), at the scale of the law that fits best."""
    n = len(fits[0].residuals)
    scale = min(fit.scale for fit in fits)
    deviance = np.array([huber_loss(fit.residuals / scale).sum() for fit in fits])
    return np.asarray(-deviance - 0.5 * np.log(n) * np.array([len(fit.vector) for fit in fits]))


def _log_density(fit: LawFit, points: Points, error: Array, generator: np.random.Generator) -> float:
    """Return the log density that a fit's forecast gives to settings it has not seen, up to a constant of all laws."""
    draws = fit.law.log_losses(bootstrap(fit, N_FORETOLD, generator), points, fit.units)
    away = draws - fit.law.log_losses(fit.vector, points, fit.units)
    spread = away.T @ away / len(away) + fit.scale**2 * np.eye(len(error))
    freedom, h = max(len(fit.residuals) - len(fit.vector), 1), len(error)
    distance = float(error @ np.linalg.solve(spread, error))
    constant = gammaln((freedom + h) / 2) - gammaln(freedom / 2) - h / 2 * np.log(freedom)
    return float(constant - (np.linalg.slogdet(spread)[1] + (freedom + h) * np.log1p(distance / freedom)) / 2)


def draw_laws(choice: LawChoice, n_replicates: int, generator: np.random.Generator) -> LawDraws:
    """Draw laws by their weights, each with parameters of its own bootstrap.

    Parameters
    ----------
    choice : LawChoice
    n_replicates : int
        Draws in all.
    generator : numpy.random.Generator
    """
    ends = np.round(np.cumsum(choice.weights) * n_replicates).astype(int)
    counts = np.diff(ends, prepend=0)
    parts = tuple(
        (fit.law, fit.units, bootstrap(fit, int(count), generator))
        for fit, count in zip(choice.fits, counts, strict=True)
        if count
    )
    if not choice.deviation:
        return LawDraws(parts=parts)
    reach = float(choice.fits[0].points.total.max())
    return LawDraws(parts=parts, deviations=Deviations.drawn(choice.deviation, n_replicates, generator, reach=reach))
