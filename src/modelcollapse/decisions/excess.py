"""Do runs lie above the clean law for their synthetic data? For having any, for their share, for their generation."""

from __future__ import annotations

import numpy as np

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
from modelcollapse.estimation.distinct_settings import Settings
from modelcollapse.estimation.extra_terms import Factor, with_factor
from modelcollapse.estimation.scaling_laws import ScalingLaw, distinct
from modelcollapse.estimation.wording import counted

REAL_ONLY = 4
"""Settings without synthetic data from which these have a law."""
FEWEST = 3
"""Settings with synthetic data, and synthetic shares, from which there is something to compare."""


def examine_departure(settings: Settings, generators: Generators) -> Examination:
    """Look for runs with synthetic data that have more loss than the same amount of real data would leave."""
    law, mixed = clean_law(settings), settings.shares > 0
    n_real, n_mixed = int((~mixed).sum()), int(mixed.sum())
    if n_real < REAL_ONLY or n_mixed < FEWEST or not enough_for(law, n_settings=len(settings)):
        return Examination(
            not_found=f"Needs at least {REAL_ONLY} settings with real data only, {FEWEST} with synthetic data and "
            f"{_fewest(law)} together; there are {n_real} and {n_mixed}."
        )
    judged = _judged(law, settings, mixed.astype(np.float64), generators("departure"))
    n_above = int((judged.log_loss > judged.test.expected)[mixed].sum())
    return _examined(
        judged,
        x_name="data",
        meaning="loss of runs with synthetic data, above the clean law",
        found=f"Runs with synthetic data have {judged.percent} more loss than the law of data and size says of real "
        f"data: {n_above} of {n_mixed} settings lie above it.",
        not_found=f"Runs with synthetic data follow the law of those without: the excess is {judged.percent}.",
    )


def examine_share(settings: Settings, generators: Generators) -> Examination:
    """Look for loss that grows with the synthetic share, at the same data and size."""
    law, n_shares = clean_law(settings), distinct(settings.shares)
    if n_shares < FEWEST or not enough_for(law, n_settings=len(settings)):
        return Examination(
            x_name="synthetic_fraction",
            not_found=f"Needs at least {FEWEST} synthetic shares, 0 among them where it can be, and {_fewest(law)}; "
            f"there are {n_shares} in {counted(len(settings), 'setting')}.",
        )
    judged = _judged(law, settings, settings.points.fraction, generators("share"))
    largest = f"{settings.points.fraction.max():.0%}".replace("%", " %")
    return _examined(
        judged,
        x_name="synthetic_fraction",
        meaning=f"loss at {largest} synthetic data, above the clean law",
        found=f"Loss grows with the synthetic share: at {largest} synthetic data it is {judged.percent} above the law "
        "of data and size.",
        not_found=f"Loss does not grow with the synthetic share: at {largest} synthetic data the excess is "
        f"{judged.percent}.",
    )


def examine_generations(settings: Settings, generators: Generators) -> Examination:
    """Look for loss that grows with the generation, at the same data, size and synthetic share."""
    mixed = settings.shares > 0
    known = settings.points.generation is not None
    n_generations = distinct(settings.generations[mixed]) if known else 0
    by_share = distinct(settings.shares) > 1
    law: ScalingLaw = clean_law(settings)
    if by_share:
        law = with_factor(law, settings.points.fraction)
    if n_generations < 2 or not enough_for(law, n_settings=len(settings)):
        got = f"there are {n_generations} in {counted(len(settings), 'setting')}" if known else "they are not given"
        return Examination(
            x_name="generation",
            not_found=f"Needs at least 2 generations with synthetic data, and {_fewest(law)}; {got}.",
        )
    judged = _judged(law, settings, settings.generations, generators("generations"))
    last = f"generation {settings.generations.max():g}"
    return _examined(
        judged,
        x_name="generation",
        meaning=f"loss of {last}, above the law without generations",
        found=f"Loss grows with the generation: in {last} it is {judged.percent} above the law of data, size and "
        "synthetic share.",
        not_found=f"Loss does not grow with the generation: in {last} the excess is {judged.percent}.",
    )


def _fewest(law: ScalingLaw) -> str:
    return counted(len(law.parameters) + 1 + SPARE, "setting")


def _judged(law: ScalingLaw, settings: Settings, column: np.ndarray, generator: np.random.Generator) -> Judged:
    factor = Factor(null=law, points=settings.points, column=column)
    return run_test(law, settings, settings.log_loss, [factor], generator=generator)


def _examined(judged: Judged, *, x_name: str, meaning: str, found: str, not_found: str) -> Examination:
    """Return a test with its evidence along an axis."""
    settings = judged.settings
    axes = {
        "data": settings.points.total,
        "synthetic_fraction": settings.points.fraction,
        "generation": settings.generations,
    }
    return Examination(
        p_value=judged.test.p_value,
        effect=judged.test.effect,
        interval=judged.test.interval,
        effect_meaning=meaning,
        found=found,
        not_found=not_found,
        runs=judged.worst,
        x_name=x_name,
        evidence=judged.evidence(axes[x_name], groups_of(settings)),
    )
