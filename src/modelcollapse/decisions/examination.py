"""What comes of looking for a signature? A p-value with its evidence, or what is missing to look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.diagnosis import Evidence, Interval
from modelcollapse.digits import interval_text, rough_text
from modelcollapse.estimation.distinct_settings import Settings
from modelcollapse.estimation.extra_terms import Alternative
from modelcollapse.estimation.law_tests import LawTest, compare_laws
from modelcollapse.estimation.scaling_laws import ScalingLaw

SPARE = 3
"""Settings more than a law has parameters from which it is tested."""
SHOWN = 5
"""Most runs that are named."""


@dataclass(frozen=True, kw_only=True)
class Examination:
    """One signature, looked for.

    Attributes
    ----------
    p_value : float or None
        Of this signature alone. None where it could not be looked for.
    effect : float or None
        Relative excess over the clean law where it is largest.
    interval : (float, float) or None
        90 %.
    effect_meaning : str
    found, not_found : str
        Sentences for either case. Where it could not be looked for, `not_found` says what would be enough.
    runs : tuple of str
    x_name : str
    evidence : tuple of Evidence
    positive : bool
        Whether the effect is above 0 by construction, so that it says nothing unless it is found.
    """

    p_value: float | None = None
    effect: float | None = None
    interval: Interval | None = None
    effect_meaning: str = ""
    found: str = ""
    not_found: str
    runs: tuple[str, ...] = ()
    x_name: str = "data"
    evidence: tuple[Evidence, ...] = ()
    positive: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Judged:
    """A law tested on settings, with the alternative that fits best.

    Attributes
    ----------
    settings : Settings
    log_loss : array of shape (n,)
        What was tested: the log loss of the settings, or of a band.
    alternative : Alternative
    test : LawTest
    """

    settings: Settings
    log_loss: Array
    alternative: Alternative
    test: LawTest

    @property
    def percent(self) -> str:
        """The effect in percent, with its interval."""
        return percent_text(self.test.effect, self.test.interval)

    @property
    def worst(self) -> tuple[str, ...]:
        """Names of the runs that lie highest above the clean law, of those that the term touches."""
        excess = self.log_loss - self.test.expected
        order = np.argsort(-excess)
        shown = [k for k in order if self.alternative.touched[k] and excess[k] > 0]
        return tuple(self.settings.names[k] for k in shown[:SHOWN])

    def evidence(self, x: Array, groups: Sequence[str]) -> tuple[Evidence, ...]:
        """Return each setting beside the clean law."""
        measured, expected = np.exp(self.log_loss), np.exp(self.test.expected)
        return tuple(
            Evidence(run=name, x=float(at), measured=float(reached), expected=float(clean), group=group)
            for name, at, reached, clean, group in zip(self.settings.names, x, measured, expected, groups, strict=True)
        )


Generators = Callable[[str], np.random.Generator]
"""Random numbers by what they are for."""


def clean_law(settings: Settings) -> ScalingLaw:
    """Return the law of runs to which nothing happens: synthetic data are as good as real ones.

    A power law of all data with an irreducible loss, and a power law of the model's size where it varies.
    """
    size = settings.points.size
    return ScalingLaw(irreducible=True, size=size is not None and len(np.unique(size)) > 1)


def run_test(
    null: ScalingLaw,
    settings: Settings,
    log_loss: Array,
    alternatives: Sequence[Alternative],
    *,
    generator: np.random.Generator,
) -> Judged:
    """Test a law on settings."""
    test = compare_laws(null, settings.points, log_loss, alternatives, generator=generator)
    return Judged(settings=settings, log_loss=log_loss, alternative=alternatives[test.best], test=test)


def enough_for(law: ScalingLaw, *, n_settings: int, more: int = 1) -> bool:
    """Return whether there are enough settings to test a law against one with more parameters."""
    return n_settings >= len(law.parameters) + more + SPARE


def groups_of(settings: Settings) -> list[str]:
    """Return what each setting is called in a legend: by its share, and its generation where there are several."""
    several = len(np.unique(settings.generations[settings.shares > 0])) > 1
    return [
        "real data only" if share == 0 else f"share {share:g}" + (f", generation {t:g}" if several else "")
        for share, t in zip(_coarse(settings.shares), settings.generations, strict=True)
    ]


def _coarse(shares: Array) -> Array:
    """Return shares for a legend: to a quarter where there are many."""
    if len(np.unique(shares)) <= SHOWN:
        return shares
    return np.where(shares > 0, np.ceil(4 * shares) / 4, 0.0)


def percent_text(effect: float, interval: Interval) -> str:
    """Return a relative excess in percent, with its interval.

    Examples
    --------
    >>> percent_text(0.0612, (0.041, 0.0823))
    '6.1 (4.1 to 8.2) %'
    """
    low, high = interval
    if not high > low:
        return f"{rough_text(100 * effect, 2)} %"
    return f"{interval_text(100 * effect, (100 * low, 100 * high))} %"
