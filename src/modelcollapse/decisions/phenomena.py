"""What has become of a scaling law? Lost, shifted from generation to generation, skills un-learned, or grokked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.decisions.curve_bends import (
    Curve,
    Lag,
    Stretch,
    flat_end,
    flat_middle,
    lag,
    student_quantile,
    surely_positive,
)
from modelcollapse.digits import amount_text, rough_text
from modelcollapse.result import TailsResult, Writable

KNOWN, LOST = 0.9, 0.5
"""An item is known from the first of these probabilities on, and lost below the second."""

ROUNDING = 1e-9
"""Errors that differ by less than this, relative to themselves, are the same."""

NOTABLE = 0.05
"""A shifted curve lags by at least this share of the data, or of the error where one size tells no slope; and where
scaling is lost, the error of generation 0 falls by at least this share."""

HALF_A_DECADE = 3.0
"""A plateau that grokking follows is at least so wide, its last size divided by its first: as in 1, 3, 10."""


@dataclass(frozen=True, kw_only=True)
class Phenomenon(Writable):
    """Something that may become of a scaling law.

    Attributes
    ----------
    name : str
    found : bool
    sentence : str
        What was found, or that it was not.
    values : mapping
        Numbers by name, and lists with one number for each generation from 1 on; NaN where there is none.
    stderr : mapping
        Standard errors of some of them, under the same names.
    """

    name: str
    found: bool
    sentence: str
    values: Mapping[str, Any] = field(default_factory=dict)
    stderr: Mapping[str, Any] = field(default_factory=dict)


def phenomena(result: TailsResult) -> tuple[Phenomenon, ...]:
    """Return what has become of the scaling law of a Zipf task: each phenomenon, found or not.

    Parameters
    ----------
    result : TailsResult
        Of theory or simulation.

    Returns
    -------
    tuple of Phenomenon
        ``loss_of_scaling``, ``shifted_scaling``, ``unlearned_skills`` and ``grokking``.

    Notes
    -----
    Later generations are held against generation 0 of the same result. Where they learn from data of the same law, each
    phenomenon is found in at most 5 % of simulated results: thresholds are quantiles of Student's distribution at a
    level of 1 %, divided by the number of places that are looked at.

    References
    ----------
    Named by Dohmatob, Feng, Yang, Charton and Kempe (2024), arXiv 2402.07043; what counts as found is ours.

    Examples
    --------
    >>> from modelcollapse.engines import answer
    >>> from modelcollapse.problems.tails import Generator, ZipfTask
    >>> task = ZipfTask(1.5, [100, 1000, 10_000, 100_000], generator=Generator(rank=10))
    >>> [each.name for each in phenomena(answer(task, engine="simulation")) if each.found]
    ['loss_of_scaling', 'shifted_scaling', 'unlearned_skills']
    """
    return loss_of_scaling(result), shifted_scaling(result), unlearned_skills(result), grokking(result)


def loss_of_scaling(result: TailsResult) -> Phenomenon:
    """Say whether more data have stopped helping: a curve that ends flatter than half of generation 0's slope.

    Only where generation 0 itself learns: its error falls by 5 % or more where the other is flat.

    Returns
    -------
    Phenomenon
        ``values``: of each generation, ``knee``, the size from which on its curve is flat, ``slope``, the power by
        which its error falls from there on, and ``plateau``, its error at the largest size; NaN where nothing is lost.
    """
    name, curves = "loss_of_scaling", _curves(result)
    if (reason := _blind(result, curves, n_sizes=2)) is not None:
        return Phenomenon(name=name, found=False, sentence=f"Loss of scaling cannot be judged: {reason}.")
    clean, *later = curves
    flat = [flat_end(curve, clean, n_tests=len(later)) for curve in later]
    ends = [end if end is not None and _learns(clean, end) else None for end in flat]
    lost = [g for g, end in enumerate(ends, start=1) if end is not None]
    knees = [math.nan if end is None else float(clean.sizes[end.start]) for end in ends]
    slopes = [(math.nan, math.nan) if end is None else (end.slope, end.stderr) for end in ends]
    levels = [float(curve.errors[-1]) if end else math.nan for curve, end in zip(later, ends, strict=True)]
    spreads = [float(curve.stderr[-1]) if end else math.nan for curve, end in zip(later, ends, strict=True)]
    sentence = "No loss of scaling: no error surely falls less than half as fast as generation 0's in the end."
    if lost and (end := ends[lost[-1] - 1]) is not None:
        expected, _ = clean.slope(end.start, end.end)
        sentence = (
            f"Loss of scaling: from T = {amount_text(clean.sizes[end.start])} on, the error of generation {lost[-1]} "
            f"goes as T to the power {_power(end.slope)}, that of generation 0 to {_power(expected)}; at the largest T "
            f"it is {rough_text(levels[lost[-1] - 1])}."
        )
    return Phenomenon(
        name=name,
        found=bool(lost),
        sentence=sentence,
        values={"knee": knees, "slope": [slope for slope, _ in slopes], "plateau": levels},
        stderr={"slope": [stderr for _, stderr in slopes], "plateau": spreads},
    )


def shifted_scaling(result: TailsResult) -> Phenomenon:
    """Say whether curves move with the generations: by which factor in data each lags behind generation 0.

    Found where the last generation's error at the largest size is surely above that of generation 1 (with one
    generation of generators: above generation 0's), by what 5 % of the data are worth or more. Of one size, whose slope
    is not known: by 5 %.

    Returns
    -------
    Phenomenon
        ``values``: of each generation, ``data_factor``, by which the data of generation 0 would be multiplied for the
        same error as at the largest size, and ``effective_samples``, that many data, NaN of one size; and ``growth``,
        the power of the generation by which this error grows over the last half of them, NaN with one.
    """
    name, curves = "shifted_scaling", _curves(result)
    if (reason := _blind(result, curves, n_sizes=1)) is not None:
        return Phenomenon(name=name, found=False, sentence=f"Shifted scaling cannot be judged: {reason}.")
    clean, *later = curves
    before, last = (later[0] if len(later) > 1 else clean), later[-1]
    gap = last.errors[-1] - before.errors[-1]
    stderr = math.hypot(last.stderr[-1], before.stderr[-1], ROUNDING * before.errors[-1])
    sure = surely_positive(gap, stderr, freedom=min(before.freedom, last.freedom), n_tests=1)
    lags = [lag(curve, clean, len(clean.sizes) - 1) for curve in later]
    worth = [lags[0].factor if len(later) > 1 else 1.0, lags[-1].factor]
    if not np.isfinite(worth).all():
        worth = [1 / before.errors[-1], 1 / last.errors[-1]]
    found = sure and bool(worth[1] <= (1 - NOTABLE) * worth[0])
    growth, growth_stderr = _growth(later)
    factors = [each.factor for each in lags]
    return Phenomenon(
        name=name,
        found=found,
        sentence=_shift_sentence(curves, lags[-1], growth) if found else _no_shift_sentence(clean),
        values={
            "data_factor": factors,
            "effective_samples": [f * result.n_samples[-1] for f in factors],
            "growth": growth,
        },
        stderr={"data_factor": [each.factor * each.log_stderr for each in lags], "growth": growth_stderr},
    )


def unlearned_skills(result: TailsResult) -> Phenomenon:
    """Say which items are lost: known to generation 0 with 90 %, and surely to a later one with less than 50 %.

    Returns
    -------
    Phenomenon
        ``values``: ``lost_ranks``, a list of ranks for each generation, among those that the result tells of; and
        ``first_generation``, the first that has lost one, NaN where none has.
    """
    name, knowledge = "unlearned_skills", np.array(result.knowledge)
    if len(knowledge) < 2 or not np.isfinite(knowledge).all():
        reason = _blind(result, _curves(result), n_sizes=1) or "there are no numbers"
        return Phenomenon(name=name, found=False, sentence=f"Un-learning cannot be judged: {reason}.")
    known = knowledge[0] >= KNOWN
    lost = _surely_below(result, LOST, n_tests=int(max(known.sum(), 1)) * (len(knowledge) - 1)) & known
    ranks = np.array(result.ranks)
    generations = [g for g in range(1, len(lost)) if lost[g].any()]
    sentence = "No un-learned skills: no listed item that generation 0 knows is surely lost."
    if generations:
        last = generations[-1]
        gone = ranks[lost[last]]
        span = f"rank {gone[0]:,}" if len(gone) == 1 else f"ranks {gone[0]:,} to {gone[-1]:,}"
        sentence = (
            f"Un-learned skills: generation {last} has lost {len(gone)} of the {int(known.sum())} listed items that "
            f"generation 0 knows, {span}; the first loss is in generation {generations[0]}."
        )
    return Phenomenon(
        name=name,
        found=bool(generations),
        sentence=sentence,
        values={
            "lost_ranks": [ranks[row].tolist() for row in lost[1:]],
            "first_generation": generations[0] if generations else math.nan,
        },
    )


def grokking(result: TailsResult) -> Phenomenon:
    """Say whether learning starts again after a plateau of at least half a decade of training-set sizes.

    Returns
    -------
    Phenomenon
        ``values``: ``generation``, the one with the widest plateau, ``start`` and ``end``, the sizes between which it
        is flat, ``slope_before`` and ``slope_after``, the powers by which its error falls on the plateau and after it,
        and ``speedup``, their ratio (infinite where the plateau does not fall). Nothing where none is found.
    """
    name, curves = "grokking", _curves(result)
    if (reason := _blind(result, curves, n_sizes=3)) is not None:
        return Phenomenon(name=name, found=False, sentence=f"Grokking cannot be judged: {reason}.")
    clean, *later = curves
    stretches = {
        g: stretch
        for g, curve in enumerate(later, start=1)
        if (stretch := flat_middle(curve, clean, least=HALF_A_DECADE, n_tests=len(later))) is not None
    }
    if not stretches:
        sentence = "No grokking: no error surely falls again after a plateau of half a decade."
        return Phenomenon(name=name, found=False, sentence=sentence)
    sizes = clean.sizes
    generation = max(stretches, key=lambda g: sizes[stretches[g].end] / sizes[stretches[g].start])
    flat = stretches[generation]
    after, after_stderr = later[generation - 1].slope(flat.end, len(sizes) - 1)
    start, end = float(sizes[flat.start]), float(sizes[flat.end])
    return Phenomenon(
        name=name,
        found=True,
        sentence=(
            f"Grokking: from T = {amount_text(start)} to {amount_text(end)} the error of generation {generation} goes "
            f"as T to the power {_power(flat.slope)} only, afterwards to {_power(after)}."
        ),
        values={
            "generation": generation,
            "start": start,
            "end": end,
            "slope_before": flat.slope,
            "slope_after": after,
            "speedup": after / flat.slope if flat.slope > 0 else math.inf,
        },
        stderr={"slope_before": flat.stderr, "slope_after": after_stderr},
    )


def _curves(result: TailsResult) -> list[Curve]:
    """Return the scaling curve of each generation."""
    freedom = result.freedom.get("test_error")
    return [
        Curve(
            sizes=np.array(result.n_samples),
            errors=np.array(errors),
            stderr=np.array(stderr),
            freedom=math.inf if freedom is None else float(np.min(freedom[g])),
        )
        for g, (errors, stderr) in enumerate(zip(result.test_error, result.stderr["test_error"], strict=True))
    ]


def _blind(result: TailsResult, curves: Sequence[Curve], *, n_sizes: int) -> str | None:
    """Return why nothing can be seen in curves; None when it can."""
    if len(curves) < 2:
        return "all data are real"
    if len(result.n_samples) < n_sizes:
        return f"it takes at least {n_sizes} training-set sizes"
    usable = all(np.isfinite([*each.errors, *each.stderr]).all() and (each.errors > 0).all() for each in curves)
    return None if usable else "there are no numbers"


def _learns(clean: Curve, stretch: Stretch) -> bool:
    """Return whether an error falls by a notable share along a stretch."""
    return bool(clean.errors[stretch.end] <= (1 - NOTABLE) * clean.errors[stretch.start])


def _shift_sentence(curves: Sequence[Curve], behind: Lag, growth: float) -> str:
    """Say how far the last of the curves is behind the first."""
    clean, *later = curves
    grows = f" Over the last half of the generations its error grows as g to the power {growth:.2f}."
    if math.isfinite(behind.factor):
        factor = f"{'' if behind.inside else 'about '}{rough_text(behind.factor)}"
        lead = f"where generation 0 is with {factor} times the data"
    else:
        lead = f"at {rough_text(later[-1].errors[-1] / clean.errors[-1])} times the error of generation 0"
    place = f"at T = {amount_text(clean.sizes[-1])}, generation {len(later)}"
    return f"Shifted scaling: {place} is {lead}.{grows if len(later) > 1 else ''}"


def _no_shift_sentence(clean: Curve) -> str:
    least = f"{100 * NOTABLE:g} %" if len(clean.sizes) == 1 else f"what {100 * NOTABLE:g} % of the data are worth"
    place = f"at T = {amount_text(clean.sizes[-1])}"
    return f"No shifted scaling: {place}, the last generation is not surely behind earlier ones by {least} or more."


def _growth(later: Sequence[Curve]) -> tuple[float, float]:
    """Return d ln error / d ln generation over the last half of the generations, and its standard error."""
    last, half = len(later), max(len(later) // 2, 1)
    if last < 2:
        return math.nan, math.nan
    points = [(later[g - 1].errors[-1], later[g - 1].stderr[-1]) for g in (half, last)]
    width = math.log(last / half)
    (first, first_stderr), (end, end_stderr) = points
    return math.log(end / first) / width, math.hypot(first_stderr / first, end_stderr / end) / width


def _surely_below(result: TailsResult, level: float, *, n_tests: int) -> NDArray[np.bool_]:
    """Return where probabilities are surely below a level; of a few replicates that all agree, none is sure."""
    knowledge, stderr = np.array(result.knowledge), np.array(result.stderr["knowledge"])
    if result.n_replicates is None:
        return np.asarray(knowledge < level)
    least = level / result.n_replicates  # one replicate more or less
    freedom = max(result.n_replicates - 1.0, 1.0)
    quantile = student_quantile(freedom, n_tests=n_tests)
    return np.asarray(level - knowledge > quantile * np.maximum(stderr, least))


def _power(slope: float) -> str:
    """Return minus a slope, with two decimals."""
    return f"{-slope:.2f}".replace("-", "−").replace("−0.00", "0.00")
