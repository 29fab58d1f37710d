"""What does theory answer to a recursion? Fresh inputs are followed as a chain, inputs used again with their memory."""

from __future__ import annotations

import numpy as np

from modelcollapse import __version__
from modelcollapse.errors import InputError, NumericalError
from modelcollapse.problems.recursion import REAL, SYNTHETIC, Recursion
from modelcollapse.result import GenerationsResult, Status
from modelcollapse.theory.commuting import CommutingCovariances
from modelcollapse.theory.engine import translate
from modelcollapse.theory.generations import Chain, Trajectory, trajectory
from modelcollapse.theory.memory_engine import (
    LEFT,
    additive,
    followed_with_memory,
    followed_without_ridge,
    interpolating,
    near_interpolation,
    roots_of,
)

MAX_MEMORY = 3 * 10**7
"""Most numbers in an array of memory, the square of the generations for each feature and set of inputs.

There are about a dozen of them: 3 GB, which 300 generations of accumulation reach after a minute.
"""


def unsupported(problem: Recursion) -> str | None:
    """Return why theory has no answer, in a few words; None when it has one."""
    if problem.mixture.activation not in (None, "identity"):
        return "has no formula for networks over generations"
    if not isinstance(translate(problem.mixture).covariances, CommutingCovariances):
        return "has no formula for covariances that do not commute"
    if uses_inputs_once(problem):
        return None
    kind = problem.workflow.kind
    if kind == "accumulate-subsample" and problem.workflow.design == "fixed":
        return "has no formula for subsamples that may hold the same inputs several times"
    if problem.workflow.curation is not None and problem.workflow.design == "fixed":
        return "has no formula for inputs that are curated anew in every generation"
    n_sets = len({batch.inputs for batch in problem.batches})
    if problem.n_fits**2 * (problem.mixture.n_features + n_sets) > MAX_MEMORY:
        return "remembers fewer generations of so many features"
    return None


def solve_generations(problem: Recursion) -> GenerationsResult:
    """Answer a recursion in the proportional limit.

    Parameters
    ----------
    problem : Recursion

    Returns
    -------
    GenerationsResult
        Standard errors are 0. From an interpolation threshold on the risk is infinite, and `status` says so.

    Raises
    ------
    InputError
        Where there is no formula; the simulation may have an answer.
    NumericalError
        When a fixed point was not reached.

    Examples
    --------
    >>> from modelcollapse import Mixture, RandomTeacher, Source, Spectrum
    >>> from modelcollapse.problems.workflow import Workflow
    >>> real = Source("real", n_samples=400, noise_var=0.5, spectrum=Spectrum.isotropic(200), teacher=RandomTeacher())
    >>> mixture = Mixture([real, Source("synthetic", n_samples=400, noise_var=0.5)], ridge=0)
    >>> risk = solve_generations(Recursion(mixture, Workflow("replace", generations=3, design="fixed"))).excess_risk
    >>> [round(value, 6) for value in risk]
    [0.5, 1.0, 1.5, 2.0]
    """
    reason = unsupported(problem)
    if reason is not None:
        raise InputError(f"theory {reason}. Ask the simulation.")
    if uses_inputs_once(problem):
        chain, covariances = translate_chain(problem)
        followed = trajectory(chain, covariances=covariances)
    elif interpolating(problem) and additive(problem):
        followed = followed_without_ridge(problem)
    else:
        followed = followed_with_memory(problem)
    return _result(problem, followed)


def translate_chain(problem: Recursion) -> tuple[Chain, CommutingCovariances]:
    """Write a recursion on fresh inputs as arrays, a batch of one.

    Raises
    ------
    InputError
        When the covariances do not commute.
    """
    arrays = translate(problem.mixture)
    if not isinstance(arrays.covariances, CommutingCovariances):
        raise InputError("theory has no formula for covariances that do not commute. Ask the simulation.")
    curation = problem.workflow.curation
    chain = Chain(
        group=(arrays.sampling.group[REAL], arrays.sampling.group[SYNTHETIC]),
        n_samples=problem.n_samples[None],
        noise_var=problem.noise_var[None],
        weight=problem.weight[None],
        ridge=problem.ridge[None],
        width=None if problem.width is None else problem.width[None],
        given=problem.given,
        roots=roots_of(arrays, given=problem.given),
        hit=None if curation is None else np.array([curation.hit]),
        false_keep=None if curation is None else np.array([curation.false_keep]),
        tolerance=None if curation is None else np.array([curation.tolerance]),
    )
    return chain, arrays.covariances


def uses_inputs_once(problem: Recursion) -> bool:
    """Whether no inputs take part in two fits."""
    sets = [batch.inputs for batch in problem.batches]
    at_once = all(batch.labelled == batch.first == batch.last for batch in problem.batches)
    once = at_once and len(set(sets)) == len(sets)
    return once and problem.workflow.kind != "accumulate-subsample"


def _result(problem: Recursion, followed: Trajectory) -> GenerationsResult:
    """Turn one trajectory into a result."""
    names = ("excess_risk", "bias", "variance", "kept_share")
    values = {name: tuple(getattr(followed, name)[0].tolist()) for name in names}
    if problem.workflow.curation is not None:
        unjudged = problem.n_samples[:, SYNTHETIC] == 0
        values["kept_share"] = tuple(np.where(unjudged, np.nan, values["kept_share"]).tolist())
    test_error = tuple((followed.excess_risk[0] + problem.noise_var[:, REAL]).tolist())
    result = GenerationsResult(
        **values,
        test_error=test_error,
        stderr={name: (0.0,) * problem.n_fits for name in (*names, "test_error")},
        status=Status.INTERPOLATION_THRESHOLD if followed.threshold.any() else Status.OK,
        engine="theory",
        seed=None,
        n_replicates=None,
        version=__version__,
        assumptions=_assumptions(problem),
    )
    if not followed.converged.all():
        raise NumericalError("a fixed point was not reached; use a larger ridge.")
    return result


def _assumptions(problem: Recursion) -> tuple[str, ...]:
    """Say what the numbers rest on."""
    said = ["Gaussian inputs", "samples, features and width large together: errors of the order of 1/n_samples"]
    if problem.workflow.curation is not None:
        said.append("curation keeps the share of samples that is expected")
    if not uses_inputs_once(problem) and interpolating(problem) and not additive(problem):
        said.append(f"where fits would interpolate, so small a ridge that {LEFT:g} of a residual is left")
    if near_interpolation(problem):
        said.append("no ridge, within 3 samples of interpolation: at this size the risk is far larger or has no mean")
    return tuple(said)
