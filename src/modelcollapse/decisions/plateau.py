"""Does more data stop helping? Runs of one kind that bend off their own law, and floors that real data have not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from modelcollapse.decisions.examination import (
    SPARE,
    Examination,
    Generators,
    Judged,
    clean_law,
    enough_for,
    groups_of,
    run_test,
)
from modelcollapse.digits import amount_text
from modelcollapse.estimation.distinct_settings import Settings
from modelcollapse.estimation.extra_terms import Factor, Floor
from modelcollapse.estimation.scaling_laws import ScalingLaw, distinct

FEWEST_AMOUNTS = 6
"""Different amounts of data from which a bend is looked for."""
BEFORE, BEYOND = 4, 2
"""Amounts of data, and settings, up to which and beyond which a law may bend."""
MOST_BENDS = 4
"""Amounts at which it is tried whether a law bends."""
MOST_GROUPS = 3
"""Groups of runs, those with most settings, whose own laws are looked at."""
FLOOR_AMOUNTS = 4
"""Different amounts of real data alone, and with synthetic data, from which their limits are compared."""


def examine_plateau(settings: Settings, generators: Generators) -> Examination:
    """Look for runs whose loss falls less with data than a clean law, irreducible loss included, says."""
    found = [_bend(name, settings.select(chosen), generators) for name, chosen in _groups(settings)]
    if _limits_comparable(settings):
        found.append(_limit(settings, generators))
    if not found:
        fewest = len(clean_law(settings).parameters) + 1 + SPARE
        return Examination(
            not_found=f"Needs {max(FEWEST_AMOUNTS, fewest)} settings of one synthetic share, or of one amount of real "
            f"data, with {FEWEST_AMOUNTS} different amounts of data in all."
        )
    best = min(found, key=lambda examination: examination.p_value or 0.0)
    return replace(best, p_value=min(1.0, len(found) * (best.p_value or 0.0)))


def bends(law: ScalingLaw, settings: Settings) -> list[Factor]:
    """Return the alternatives in which losses leave the law upwards, as a power of the data beyond an amount.

    None where there are too few amounts of data.
    """
    total = settings.points.total
    if distinct(total) < FEWEST_AMOUNTS or not enough_for(law, n_settings=len(settings)):
        return []
    inside = np.array([amount for amount in np.unique(total)[BEFORE - 1 :] if (total > amount).sum() >= BEYOND])
    places = np.round(np.linspace(0, len(inside) - 1, min(MOST_BENDS, len(inside)))).astype(int)
    columns = [np.maximum(0.0, np.log(total / inside[place])) for place in places]
    return [Factor(null=law, points=settings.points, column=column) for column in columns]


def _groups(settings: Settings) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return the groups of settings that have a law of their own, by name, the largest ones."""
    generations, shares, real = settings.generations, settings.shares, settings.points.real
    found: list[tuple[str, NDArray[np.bool_]]] = []
    several = distinct(generations[shares > 0]) > 1
    for t in np.unique(generations):
        when = f" in generation {t:g}" if several else ""
        for share in np.unique(shares):
            name = "with real data only" if share == 0 else f"with a synthetic share of {share:g}{when}"
            found.append((name, (generations == t) & (shares == share)))
        for amount in np.unique(real[shares > 0]):
            name = f"with {amount_text(float(amount))} real {settings.unit} and more and more synthetic ones{when}"
            found.append((name, (generations == t) & (real == amount) & (shares > 0)))
    large = [(name, chosen) for name, chosen in found if _bends_comparable(settings.select(chosen))]
    return sorted(large, key=lambda group: -int(group[1].sum()))[:MOST_GROUPS]


def _bends_comparable(group: Settings) -> bool:
    return len(group) > 0 and bool(bends(clean_law(group), group))


def _bend(name: str, group: Settings, generators: Generators) -> Examination:
    """Test whether a group leaves its own law at some amount of data."""
    law = clean_law(group)
    judged = run_test(law, group, group.log_loss, bends(law, group), generator=generators(f"bend {name}"))
    amount = f"{amount_text(float(group.points.total[~judged.alternative.touched].max()))} {group.unit}"
    return _examined(
        judged,
        meaning=f"loss of the largest runs {name}, above their own law",
        found=f"Of the runs {name}, those with more than {amount} get better more slowly than their law, or not "
        f"at all: the largest have {judged.percent} more loss than it says, irreducible loss included.",
        not_found=f"The runs {name} go on to follow their own law, the largest ones too.",
    )


def _limit_law(settings: Settings) -> ScalingLaw:
    """Return the law in which synthetic data may be worth less, but lead to the same limit."""
    return replace(clean_law(settings), exchange=True)


def _limits_comparable(settings: Settings) -> bool:
    total, mixed = settings.points.total, settings.shares > 0
    amounts = min(distinct(total[~mixed]), distinct(total[mixed]))
    return amounts >= FLOOR_AMOUNTS and enough_for(_limit_law(settings), n_settings=len(settings), more=2)


def _limit(settings: Settings, generators: Generators) -> Examination:
    """Test whether endless data with synthetic ones among them leads to more loss than endless real data."""
    law = _limit_law(settings)
    floor = Floor(null=law, points=settings.points)
    judged = run_test(law, settings, settings.log_loss, [floor], generator=generators("limit"))
    return _examined(
        judged,
        meaning="the floor under runs with synthetic data, above the law of real data",
        found=f"Runs with synthetic data head for a floor that no amount of data removes: {judged.percent} of loss "
        "above the law that real data alone goes on to follow.",
        not_found="Runs with synthetic data go on to get better with more data, as those without do.",
    )


def _examined(judged: Judged, *, meaning: str, found: str, not_found: str) -> Examination:
    return Examination(
        p_value=judged.test.p_value,
        effect=judged.test.effect,
        interval=judged.test.interval,
        effect_meaning=meaning,
        found=found,
        not_found=not_found,
        runs=judged.worst,
        x_name="data",
        evidence=judged.evidence(judged.settings.points.total, groups_of(judged.settings)),
        positive=True,
    )
