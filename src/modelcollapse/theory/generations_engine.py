"""What does theory answer to a recursion? Fresh inputs are followed as a chain, inputs used again with their memory."""

from __future__ import annotations

import numpy as np

from modelcollapse import __version__
from modelcollapse.checks import Array
from modelcollapse.errors import InputError, NumericalError
from modelcollapse.problems.recursion import REAL, SYNTHETIC, Batch, Recursion
from modelcollapse.result import GenerationsResult, Status
from modelcollapse.theory.commuting import CommutingCovariances
from modelcollapse.theory.engine import Translation, translate
from modelcollapse.theory.equilibrium import Classes
from modelcollapse.theory.fixed_point import solve_fixed_point
from modelcollapse.theory.generations import Chain, Trajectory, trajectory
from modelcollapse.theory.memory import Memory, remembered_risk
from modelcollapse.theory.mixture import mixture_risk

MAX_MEMORY = 10**8
"""Numbers that a theory with memory may hold: the square of the generations, for each feature and set of inputs."""


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
    if problem.workflow.curation is not None:
        return "has no formula for curated samples that are used again"
    n_sets = len({batch.inputs for batch in problem.batches})
    if problem.n_fits**2 * (problem.mixture.n_features + n_sets) > MAX_MEMORY:
        return "remembers fewer generations of so many features"
    if _interpolating(problem) and not _additive(problem):
        return "has no formula for interpolating fits without ridge where some inputs are used again"
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
    elif _interpolating(problem):
        followed = _repeated(problem)
    else:
        followed = _remembered(problem)
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
        roots=_roots(arrays, given=problem.given),
        hit=None if curation is None else np.array([curation.hit]),
        false_keep=None if curation is None else np.array([curation.false_keep]),
        tolerance=None if curation is None else np.array([curation.tolerance]),
    )
    return chain, arrays.covariances


def uses_inputs_once(problem: Recursion) -> bool:
    """Whether no inputs take part in two fits."""
    sets = [batch.inputs for batch in problem.batches]
    once = all(batch.first == batch.last for batch in problem.batches) and len(set(sets)) == len(sets)
    return once and problem.workflow.kind != "accumulate-subsample"


def _additive(problem: Recursion) -> bool:
    """Whether all fits have the same inputs and no ridge, so that noise adds up and nothing else changes."""
    return len({batch.inputs for batch in problem.batches}) == 1 and not problem.given and not problem.ridge.any()


def _roots(arrays: Translation, *, given: bool) -> Array:
    """Return E z_a z_b along each direction, of the teacher and, when given, of the first model's error."""
    fixed, loadings = arrays.teachers.fixed, arrays.teachers.loadings
    if given:
        fixed = np.stack([fixed[REAL], fixed[SYNTHETIC] - fixed[REAL]])
        loadings = np.stack([loadings[REAL], loadings[SYNTHETIC] - loadings[REAL]])
    else:
        fixed, loadings = fixed[:1], loadings[:1]
    known = fixed[:, None] * fixed[None]
    return np.asarray(known + np.einsum("ac,bc,cd->abd", loadings, loadings, arrays.teachers.second_moments))


def _classes(problem: Recursion, group: tuple[int, ...]) -> Classes:
    """Return each fit by itself: what it uses of each source, inputs that are labelled twice once."""
    samples, weight = np.zeros((problem.n_fits, 2)), np.zeros((problem.n_fits, 2))
    for batches in _sets(problem):
        first = batches[0]
        pull = _pull(problem, batches)
        samples[:, first.source] += first.n_samples * (pull > 0) * _presence(problem)
        weight[:, first.source] = np.maximum(weight[:, first.source], pull * problem.n_total)
    return Classes(
        group=group,
        n_samples=samples,
        weight=weight,
        n_total=problem.n_total,
        ridge=problem.ridge,
        width=problem.width,
        feature_noise=np.zeros(max(group) + 1),
    )


def _presence(problem: Recursion) -> Array:
    """Return the probability that a sample is drawn for the fit of each generation, shape (generations + 1,)."""
    pool = problem.n_used.sum(axis=1)
    return np.asarray(np.divide(problem.n_total, pool, out=np.ones_like(pool), where=pool > 0))


def _sets(problem: Recursion) -> list[list[Batch]]:
    """Return the batches by their inputs."""
    sets: dict[int, list[Batch]] = {}
    for batch in problem.batches:
        sets.setdefault(batch.inputs, []).append(batch)
    return list(sets.values())


def _pull(problem: Recursion, batches: list[Batch]) -> Array:
    """Return the weight of a row of these inputs in the loss of each generation, shape (generations + 1,)."""
    pull = np.zeros(problem.n_fits)
    for batch in batches:
        used = slice(batch.first, batch.last + 1)
        pull[used] += problem.weight[used, batch.source] / problem.n_total[used]
    return pull


def _interpolating(problem: Recursion) -> bool:
    """Whether some fit has no ridge and no more samples than parameters: shrinkages vanish there."""
    classes = _classes(problem, (0, 0))
    interpolates = classes.active_samples.sum(axis=1) <= np.minimum(classes.limit, problem.mixture.n_features)
    return bool(((problem.ridge == 0) & interpolates)[int(problem.given) :].any())


def _remembered(problem: Recursion) -> Trajectory:
    """Answer a recursion that uses inputs again."""
    arrays = translate(problem.mixture)
    covariances = arrays.covariances
    assert isinstance(covariances, CommutingCovariances)
    start, n_fits = int(problem.given), problem.n_fits
    classes = _classes(problem, arrays.sampling.group)
    roots = _roots(arrays, given=problem.given)
    equilibrium = solve_fixed_point(covariances, classes.rows(np.arange(start, n_fits)))
    shrinkage = np.ones((2, n_fits))
    shrinkage[:, start:] = (equilibrium.scale[:, None] * equilibrium.gain).T
    sets = _sets(problem)
    pull = np.stack([_pull(problem, batches) for batches in sets])
    taught, copied, noise = (np.stack(parts) for parts in zip(*(_labels(problem, s) for s in sets), strict=True))
    memory = Memory(
        eigenvalues=covariances.eigenvalues,
        group=np.array([arrays.sampling.group[batches[0].source] for batches in sets]),
        n_samples=np.array([float(batches[0].n_samples) for batches in sets]),
        force=(pull * shrinkage[[batches[0].source for batches in sets]])[:, start:],
        presence=np.broadcast_to(_presence(problem), pull.shape)[:, start:],
        ridge=equilibrium.effective_ridge,
        width=None if problem.width is None else problem.width[start:],
        taught=taught[:, start:],
        copied=copied[:, start:, start:],
        noise=noise[:, start:, start:],
        roots=roots,
    )
    real = arrays.sampling.group[REAL]
    bias, variance = remembered_risk(memory, covariance=real)
    if problem.given:
        bias = np.concatenate([[roots[1, 1] @ covariances.eigenvalues[real]], bias])
        variance = np.concatenate([[0.0], variance])
    return _trajectory(bias, variance, converged=bool(equilibrium.converged.all()))


def _labels(problem: Recursion, batches: list[Batch]) -> tuple[Array, Array, Array]:
    """Return, for the labels of one set of inputs, the roots and models they copy in each fit, and their noise."""
    n_fits = problem.n_fits
    share = np.zeros((len(batches), n_fits))  # of each batch in the mean label that a fit sees
    for row, batch in zip(share, batches, strict=True):
        row[batch.first : batch.last + 1] = problem.weight[batch.first : batch.last + 1, batch.source]
    total = share.sum(axis=0)
    share = np.divide(share, total, out=np.zeros_like(share), where=total > 0)
    taught, copied = np.zeros((n_fits, 1 + problem.given)), np.zeros((n_fits, n_fits))
    for row, batch in zip(share, batches, strict=True):
        if batch.source == SYNTHETIC and not (problem.given and batch.labelled == 1):
            copied[:, batch.labelled - 1] += row
        else:
            taught += row[:, None] * (1.0 if batch.source == SYNTHETIC else np.eye(1 + problem.given)[0])
    noise = np.einsum("bt,bs,b->ts", share, share, [batch.noise_var for batch in batches])
    return taught, copied, noise


def _repeated(problem: Recursion) -> Trajectory:
    """Answer fits without ridge on the same inputs: noise adds up, and what the inputs do not show stays unknown."""
    arrays = translate(problem.mixture)
    (batches,) = _sets(problem)
    sampling = arrays.sampling
    share = np.zeros(2)
    share[REAL] = 1.0
    n_total = np.array(float(batches[0].n_samples))
    alone = type(sampling)(
        group=sampling.group,
        share=share,
        n_total=n_total,
        noise_var=np.zeros(2),
        weight=np.ones(2),
        ridge=np.array(0.0),
        width=None,
        feature_noise=sampling.feature_noise,
    )
    risk = mixture_risk(alone, covariances=arrays.covariances, teachers=arrays.teachers, target=REAL)
    _, copied, noise = _labels(problem, batches)
    carried = np.linalg.inv(np.eye(problem.n_fits) - copied)  # noise of earlier generations in each model
    accumulated = np.diagonal(carried @ noise @ carried.T)
    bias = np.full(problem.n_fits, float(risk.bias))
    variance = float(risk.variance) + float(risk.amplification[REAL]) * accumulated
    return _trajectory(bias, variance, converged=bool(risk.converged), threshold=bool(risk.threshold))


def _trajectory(bias: Array, variance: Array, *, converged: bool, threshold: bool = False) -> Trajectory:
    """Return one recursion as a batch; on a threshold no generation has a risk."""
    flags = np.full(bias.shape, threshold)
    kept = np.where(np.arange(len(bias)) > 0, 1.0, np.nan)
    excess_risk = np.where(flags, np.inf, bias + variance)
    return Trajectory(
        excess_risk=excess_risk[None],
        bias=np.where(flags, np.nan, bias)[None],
        variance=np.where(flags, np.inf, variance)[None],
        kept_share=kept[None],
        threshold=flags[None],
        converged=np.full(bias.shape, converged)[None],
    )


def _result(problem: Recursion, followed: Trajectory) -> GenerationsResult:
    """Turn one trajectory into a result."""
    names = ("excess_risk", "bias", "variance", "kept_share")
    values = {name: tuple(getattr(followed, name)[0].tolist()) for name in names}
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
    return tuple(said)
