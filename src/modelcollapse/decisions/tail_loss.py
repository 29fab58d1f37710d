"""Is the tail lost first? Losses of rare tokens that get worse, beside those of frequent tokens of the same runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.examination import (
    Examination,
    Generators,
    Judged,
    clean_law,
    enough_for,
    groups_of,
    run_test,
)
from modelcollapse.decisions.plateau import bends
from modelcollapse.digits import amount_text
from modelcollapse.estimation.distinct_settings import Settings
from modelcollapse.estimation.extra_terms import Alternative, Factor
from modelcollapse.estimation.law_fits import fit_law
from modelcollapse.estimation.scaling_laws import distinct


def examine_tails(settings: Settings, generators: Generators) -> Examination:
    """Look for rare tokens that are learned worse with synthetic data, later generations or more data of all kinds.

    What the most frequent band of the same run lies above or below its own clean law is taken off the rare bands, so
    that what harms all tokens alike is not called a loss of the tail.
    """
    bands = list(settings.band_log_losses)
    alternatives = _alternatives(settings)
    if len(bands) < 2:
        return Examination(not_found="Needs losses by token frequency: columns loss_head, loss_tail or the like, the "
                           "most frequent band first.")  # fmt: skip
    if not alternatives:
        return Examination(not_found="Needs runs that differ in their synthetic share or generation, or more amounts "
                           f"of data; there are {len(settings)} settings.")  # fmt: skip
    common = _excess(settings, settings.band_log_losses[bands[0]])
    rare = bands[(len(bands) + 1) // 2 :]
    found = [
        _examined(
            run_test(
                clean_law(settings),
                settings,
                settings.band_log_losses[band] - common,
                alternatives,
                generator=generators(f"band {band}"),
            ),
            band,
            frequent=bands[0],
        )
        for band in rare
    ]
    best = min(found, key=lambda examination: examination.p_value or 0.0)
    return replace(best, p_value=min(1.0, len(found) * (best.p_value or 0.0)))


def _alternatives(settings: Settings) -> list[Alternative]:
    """Return along what rare tokens may get worse: the share, the generation, or more data."""
    law, points = clean_law(settings), settings.points
    if not enough_for(law, n_settings=len(settings)):
        return []
    found: list[Alternative] = []
    if distinct(settings.shares) > 1:
        found.append(Factor(null=law, points=points, column=points.fraction))
    if points.generation is not None and distinct(points.generation) > 1:
        found.append(Factor(null=law, points=points, column=points.generation))
    return found + list(bends(law, settings))


def _excess(settings: Settings, log_loss: Array) -> Array:
    """Return how far each setting lies above the clean law, (n,)."""
    return fit_law(clean_law(settings), settings.points, np.exp(log_loss)).residuals


def _examined(judged: Judged, band: str, *, frequent: str) -> Examination:
    """Say along what a band gets worse."""
    axis, where = _axis(judged)
    x = {
        "data": judged.settings.points.total,
        "synthetic_fraction": judged.settings.points.fraction,
        "generation": judged.settings.generations,
    }[axis]
    return Examination(
        p_value=judged.test.p_value,
        effect=judged.test.effect,
        interval=judged.test.interval,
        effect_meaning=f"loss of band {band} {where}, above its clean law, beyond that of band {frequent}",
        found=f"The tail gets worse: {where}, the loss of band {band} is {judged.percent} above its clean law, beyond "
        f"what band {frequent} shows.",
        not_found=f"The tail keeps up: band {band} follows its clean law as band {frequent} does."
        + ("" if axis == "data" else f" {where[0].upper()}{where[1:]}, its excess beyond that is {judged.percent}."),
        runs=judged.worst,
        x_name=axis,
        evidence=judged.evidence(x, groups_of(judged.settings)),
        positive=axis == "data",
    )


def _axis(judged: Judged) -> tuple[str, str]:
    """Return the axis along which the best alternative works, and its far end in words."""
    best, points = judged.alternative, judged.settings.points
    assert isinstance(best, Factor)
    if np.array_equal(best.column, points.fraction):
        return "synthetic_fraction", f"at a synthetic share of {points.fraction.max():.2g}"
    if points.generation is not None and np.array_equal(best.column, points.generation):
        return "generation", f"in generation {best.column.max():g}"
    return "data", f"beyond {amount_text(float(points.total[~best.touched].max()))} {judged.settings.unit}"
