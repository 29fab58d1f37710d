"""How would a recursion fare otherwise? At another ridge, with other noise, after another first model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelcollapse.decisions.what_if import with_quality
from modelcollapse.problems.mixture import Mixture
from modelcollapse.problems.recursion import REAL, Recursion
from modelcollapse.theory.engine import solve, translate
from modelcollapse.theory.generations_engine import uses_inputs_once
from modelcollapse.theory.optima import optimal_ridge
from modelcollapse.theory.reweighed_engine import reweighed

LOG_RIDGES = np.linspace(-14.0, 4.0, 25)
"""Ridges that are tried, over the mean variance of the real inputs; every second where inputs are used again."""
MOST_FITS = 31
"""Fits over which ridges are tried where inputs are used again."""


def real_only(problem: Recursion) -> Mixture:
    """Return real samples only, as many as the first fit has that has some, at the ridge of generation 0."""
    source = problem.mixture.sources[REAL]
    counts = problem.n_used[:, REAL]
    first = int(np.argmax(counts > 0))
    n_samples = int(counts[first]) if counts.any() else source.n_samples
    alone = replace(source, n_samples=n_samples, noise_var=float(problem.noise_var[first, REAL]), weight=1.0)
    width = None if problem.width is None else int(problem.width[first])
    return replace(problem.mixture, sources=[alone], ridge=float(problem.ridge[first]), width=width)


def references(problem: Recursion) -> tuple[float, float, float]:
    """Return the excess risk of real samples only at the problem's ridge, at their best ridge, and that ridge."""
    alone = real_only(problem)
    arrays = translate(alone)
    best = optimal_ridge(arrays.sampling, covariances=arrays.covariances, teachers=arrays.teachers)
    own = solve(alone).excess_risk
    return (own, best.excess_risk, best.ridge) if best.excess_risk < own else (own, own, alone.ridge)


def best_common_ridge(problem: Recursion) -> tuple[float, float] | None:
    """Return the ridge of all generations for which the last excess risk is smallest, and that risk.

    None where it would take long: many generations on inputs that are used again, or curated ones among these.
    """
    once = uses_inputs_once(problem)
    slow = problem.n_fits > MOST_FITS or problem.workflow.curation is not None
    if slow and not once:
        return None
    eigenvalues, _ = problem.mixture.spectra[REAL].directions
    ridges = np.exp(LOG_RIDGES[:: 1 if once else 2]) * float(np.mean(eigenvalues))
    rows = len(ridges)
    weight = np.repeat(problem.weight[None], rows, axis=0)
    last = reweighed(problem)(weight, np.repeat(ridges[:, None], problem.n_fits, axis=1))[:, -1]
    best = int(np.argmin(last))
    return float(ridges[best]), float(last[best])


def with_noise_scaled(problem: Recursion, factor: float) -> Recursion:
    """Return the recursion with the noise of all labels multiplied."""
    sources = [replace(source, noise_var=source.noise_var * factor) for source in problem.mixture.sources]
    schedule = problem.workflow.schedule
    scaled = {name: [factor * value for value in values] for name, values in schedule.noise_var.items()}
    workflow = replace(problem.workflow, schedule=replace(schedule, noise_var=scaled))
    return Recursion(replace(problem.mixture, sources=sources), workflow)


def with_first_error_scaled(problem: Recursion, factor: float) -> Recursion | None:
    """Return the recursion with the error c² of its given first model multiplied; None where there is none."""
    mixture = with_quality(problem.mixture, factor)
    return None if mixture is None or not problem.given else Recursion(mixture, problem.workflow)
