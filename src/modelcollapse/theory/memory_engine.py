"""What does theory answer to recursions that use inputs again? Who labels which inputs, and what is remembered."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.problems.recursion import REAL, SYNTHETIC, Batch, Recursion
from modelcollapse.theory.commuting import CommutingCovariances
from modelcollapse.theory.curation import kept_errors
from modelcollapse.theory.engine import Translation, translate
from modelcollapse.theory.equilibrium import Bools, Classes, Equilibrium
from modelcollapse.theory.fixed_point import solve_fixed_point
from modelcollapse.theory.generations import Trajectory
from modelcollapse.theory.memory import Memory, Remembered, remembered
from modelcollapse.theory.mixture import mixture_risk
from modelcollapse.theory.reductions import Sampling

ROUNDS = 200
"""Most rounds in which curation and the models that it judges settle."""
SETTLED = 1e-11
"""Relative change of the excess risks from which on they count as settled."""
LEFT = 1e-8
"""Share of a residual that a fit leaves which would interpolate without ridge: responses to forces need some."""


NEAR = 3
"""Samples from interpolation within which a risk has no variance, at any size, and within one no mean."""


def additive(problem: Recursion) -> bool:
    """Whether all fits have the same inputs, no ridge and no width, so that noise adds up and nothing else changes."""
    alike = len({batch.inputs for batch in problem.batches}) == 1 and problem.width is None
    return alike and not problem.given and not problem.ridge.any()


def interpolating(problem: Recursion) -> bool:
    """Whether some fit has no ridge and, as far as is sure before curation, no more samples than parameters."""
    curation = problem.workflow.curation
    least = 1.0 if curation is None else min(curation.hit, curation.false_keep)
    sets = [own if own.source == REAL else replace(own, n_samples=own.n_samples * least) for own in sets_of(problem)]
    classes = classes_of(problem, sets, (0, 0))
    interpolates = classes.active_samples.sum(axis=1) <= np.minimum(classes.limit, problem.mixture.n_features)
    return bool(((problem.ridge == 0) & interpolates)[int(problem.given) :].any())


def near_interpolation(problem: Recursion) -> bool:
    """Whether some fit has no ridge and, before curation, within 3 as many samples as parameters."""
    if problem.workflow.subsample is None and len({batch.inputs for batch in problem.batches}) == len(problem.batches):
        n_samples = (problem.n_used * (problem.weight > 0)).sum(axis=1)  # a long chain's sets would not fit in memory
    else:
        n_samples = classes_of(problem, sets_of(problem), (0, 0)).active_samples.sum(axis=1)
    width = np.inf if problem.width is None else problem.width
    capacity = np.minimum(width, problem.mixture.n_features)
    near = np.abs(n_samples - capacity) <= NEAR
    return bool(((problem.ridge == 0) & near)[int(problem.given) :].any())


def roots_of(arrays: Translation, *, given: bool) -> Array:
    """Return E z_a z_b along each direction, of the teacher and, when given, of the first model's error."""
    fixed, loadings = arrays.teachers.fixed, arrays.teachers.loadings
    if given:
        fixed = np.stack([fixed[REAL], fixed[SYNTHETIC] - fixed[REAL]])
        loadings = np.stack([loadings[REAL], loadings[SYNTHETIC] - loadings[REAL]])
    else:
        fixed, loadings = fixed[:1], loadings[:1]
    known = fixed[:, None] * fixed[None]
    return np.asarray(known + np.einsum("ac,bc,cd->abd", loadings, loadings, arrays.teachers.second_moments))


@dataclass(frozen=True, kw_only=True)
class _Set:
    """The samples of one set of inputs.

    Attributes
    ----------
    source : int
    n_samples : float
    labelled : int
        Generation in which they get their (first) labels.
    noise_var : float
        Of these labels.
    offered : bool array of shape (generations + 1,)
        Which fits could draw on them, whatever their weight.
    pull : array of shape (generations + 1,)
        Weight of each in the loss of each generation, ω/N; 0 where it takes no part.
    taught, copied, noise : arrays of shape (generations + 1, ...)
        See `memory.Memory`.
    """

    source: int
    n_samples: float
    labelled: int
    noise_var: float
    offered: Bools
    pull: Array
    taught: Array
    copied: Array
    noise: Array


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What curation makes of each set of inputs.

    Attributes
    ----------
    kept_share, slope, square : arrays of shape (B,)
        Share that is kept, E[ε² | kept]/E ε², and E ε² of the label errors ε.
    met : array of shape (B, T)
        E ε g_t: how much of the label errors is in the residuals of each fit, had the sample been left out.
    """

    kept_share: Array
    slope: Array
    square: Array
    met: Array

    @classmethod
    def all_kept(cls, n_sets: int, n_fits: int) -> Verified:
        """Return what no verifier makes of them."""
        ones = np.ones(n_sets)
        return cls(kept_share=ones, slope=ones, square=ones, met=np.ones((n_sets, n_fits)))

    def towards(self, other: Verified, step: float) -> Verified:
        """Return what lies between two, the other itself at step 1."""
        names = self.__dataclass_fields__
        return Verified(**{n: (1 - step) * getattr(self, n) + step * getattr(other, n) for n in names})


def followed_with_memory(problem: Recursion) -> Trajectory:
    """Answer a recursion that uses inputs again.

    A verifier looks at the errors of models that depend on what it keeps: both are found in rounds. One that prefers
    wrong labels would overshoot, and goes half of the way.
    """
    arrays, sets = translate(problem.mixture), sets_of(problem)
    verified = Verified.all_kept(len(sets), problem.n_fits)
    curation = problem.workflow.curation
    settled, before = curation is None, np.zeros(1)
    step = 1.0 if curation is None or curation.hit >= curation.false_keep else 0.5
    for _ in range(ROUNDS):
        memory, equilibrium = memory_of(problem, arrays, sets, verified)
        found = remembered(memory, covariance=arrays.sampling.group[REAL])
        risks = np.diagonal(found.errors[arrays.sampling.group[REAL]])
        settled = settled or (len(before) == len(risks) and np.allclose(risks, before, rtol=SETTLED, atol=0))
        if settled:
            break
        before, verified = risks, verified.towards(_verify(problem, sets, memory, found), step)
    kept_share = np.full(problem.n_fits, np.nan)
    kept_share[1:] = 1.0
    for batch, share in zip(sets, verified.kept_share, strict=True):
        if batch.source == SYNTHETIC:
            kept_share[batch.labelled] = share
    bias, variance = found.bias, np.maximum(risks - found.bias, 0.0)
    if problem.given:
        first = memory.roots[1, 1] @ memory.eigenvalues[arrays.sampling.group[REAL]]
        bias, variance = np.concatenate([[first], bias]), np.concatenate([[0.0], variance])
    return _trajectory(
        bias,
        variance,
        kept_share=kept_share,
        converged=bool(equilibrium.converged.all()) and settled,
        lost=_lost(sets, equilibrium.threshold),
    )


def _lost(sets: list[_Set], threshold: Bools) -> Bools:
    """Return which generations are on an interpolation threshold or copy one that is, shape (generations + 1,)."""
    n_fits = len(sets[0].pull)
    lost = np.concatenate([np.zeros(n_fits - len(threshold), dtype=np.bool_), threshold])
    copies = np.any([own.copied > 0 for own in sets if own.n_samples > 0], axis=0)
    for t in range(n_fits):
        lost[t] |= (copies[t] & lost).any()
    return lost


def fixed_points(covariances: CommutingCovariances, classes: Classes) -> Equilibrium:
    """Return the fixed point of each fit; where nothing would be left of residuals, at the ridge that leaves `LEFT`.

    So are, at a ridge of that size, random projections without ridge that see directions without samples.
    """
    limit = solve_fixed_point(covariances, classes)
    left = np.where(classes.active, limit.scale[:, None] * limit.gain, 0.0).max(axis=1)
    gain = np.where(classes.active, limit.gain, 0.0).max(axis=1)
    spare = np.ones_like(gain) if classes.width is None else limit.spare_width / covariances.n_features
    hidden = (np.atleast_2d(limit.shift) * covariances.eigenvalues.sum(axis=0) > 0).any(axis=1)
    blind = hidden & (limit.effective_ridge == 0) & (classes.width is not None)
    vanishing = (classes.ridge == 0) & ~limit.threshold & ((left < LEFT) | blind)
    if not vanishing.any():
        return limit
    reach = (classes.force @ classes.membership * covariances.traces()).sum(axis=1) / covariances.n_features
    tiny = LEFT * np.where(left < LEFT, spare / np.where(gain > 0, gain, 1.0), reach)
    solved = solve_fixed_point(covariances, replace(classes, ridge=np.where(vanishing, tiny, classes.ridge)))
    return replace(solved, threshold=limit.threshold)


def memory_of(
    problem: Recursion, arrays: Translation, sets: list[_Set], verified: Verified
) -> tuple[Memory, Equilibrium]:
    """Return what the theory needs of a recursion, and the fixed point of every fit."""
    covariances = arrays.covariances
    assert isinstance(covariances, CommutingCovariances)
    start, n_fits, sources = int(problem.given), problem.n_fits, [own.source for own in sets]
    kept = [replace(own, n_samples=own.n_samples * share) for own, share in zip(sets, verified.kept_share, strict=True)]
    classes = classes_of(problem, kept, arrays.sampling.group)
    equilibrium = fixed_points(covariances, classes.rows(np.arange(start, n_fits)))
    shrinkage = np.ones((2, n_fits))
    shrinkage[:, start:] = (equilibrium.scale[:, None] * equilibrium.gain).T
    pull = np.stack([own.pull for own in sets])
    excess = np.divide(verified.slope - 1, verified.square, out=np.zeros(len(sets)), where=verified.square > 0)
    met = np.where(pull > 0, verified.met, 0.0)
    slanted_taught, slanted_copied = _slants(problem, sets, excess[:, None] * met)
    noise = np.stack([own.noise for own in sets]) + excess[:, None, None] * met[:, :, None] * met[:, None, :]
    memory = Memory(
        eigenvalues=covariances.eigenvalues,
        group=np.array([arrays.sampling.group[source] for source in sources]),
        n_samples=np.array([own.n_samples for own in kept], dtype=np.float64),
        force=(pull * shrinkage[sources])[:, start:],
        presence=np.broadcast_to(_presence(problem, kept), pull.shape)[:, start:],
        ridge=equilibrium.effective_ridge,
        width=None if problem.width is None else problem.width[start:],
        taught=np.stack([own.taught for own in sets])[:, start:],
        copied=np.stack([own.copied for own in sets])[:, start:, start:],
        noise=noise[:, start:, start:],
        slanted_taught=slanted_taught[:, start:],
        slanted_copied=slanted_copied[:, start:, start:],
        roots=roots_of(arrays, given=problem.given),
    )
    return memory, equilibrium


def _slants(problem: Recursion, sets: list[_Set], slant: Array) -> tuple[Array, Array]:
    """Return what curated inputs teach of the error of the model that labelled them, in each fit, beside the labels."""
    taught = np.zeros((len(sets), problem.n_fits, 1 + problem.given))
    copied = np.zeros((len(sets), problem.n_fits, problem.n_fits))
    for b, own in enumerate(sets):
        if own.source == REAL:
            continue
        if problem.given and own.labelled == 1:
            taught[b, :, 1] = slant[b]  # its error is the second root
        else:
            copied[b, :, own.labelled - 1] = slant[b]
    return taught, copied


def _verify(problem: Recursion, sets: list[_Set], memory: Memory, found: Remembered) -> Verified:
    """Return what the verifier keeps of the labels of each set, given the errors of all models."""
    curation, start = problem.workflow.curation, int(problem.given)
    assert curation is not None
    square, met = np.ones(len(sets)), np.zeros((len(sets), problem.n_fits))
    for b, own in enumerate(sets):
        if own.source == REAL:
            continue
        g = memory.group[b]
        if problem.given and own.labelled == 1:
            error, along = memory.roots[1, 1] @ memory.eigenvalues[g], found.along_roots[g, :, 1]
        else:
            labeller = own.labelled - 1 - start
            error, along = found.errors[g, labeller, labeller], found.errors[g, :, labeller]
        square[b] = max(error, 0.0) + own.noise_var  # what has not settled yet may be anything
        met[b, start:] = square[b] - along
    rates = {name: np.array(getattr(curation, name)) for name in ("hit", "false_keep", "tolerance")}
    kept_share, slope = kept_errors(square, **rates)
    real = np.array([own.source == REAL for own in sets])
    return Verified(
        kept_share=np.where(real, 1.0, kept_share), slope=np.where(real, 1.0, slope), square=square, met=met
    )


def classes_of(problem: Recursion, sets: list[_Set], group: tuple[int, ...]) -> Classes:
    """Return each fit by itself: what it uses of each source, inputs that are labelled twice once."""
    samples, weight = np.zeros((problem.n_fits, 2)), np.zeros((problem.n_fits, 2))
    presence = _presence(problem, sets)
    for own in sets:
        samples[:, own.source] += own.n_samples * (own.pull > 0) * presence
        weight[:, own.source] = np.maximum(weight[:, own.source], own.pull * problem.n_total)
    return Classes(
        group=group,
        n_samples=samples,
        weight=weight,
        n_total=problem.n_total,
        ridge=problem.ridge,
        width=problem.width,
        feature_noise=np.zeros(max(group) + 1),
    )


def _presence(problem: Recursion, sets: list[_Set]) -> Array:
    """Return the probability that a sample is drawn for the fit of each generation, shape (generations + 1,)."""
    presence = np.ones(problem.n_fits)
    if problem.workflow.subsample is not None:
        pool = sum(own.n_samples * own.offered for own in sets)
        presence[1:] = problem.workflow.subsample / np.maximum(pool, problem.workflow.subsample)[1:]
    return presence


def sets_of(problem: Recursion) -> list[_Set]:
    """Return the samples of a recursion by their inputs."""
    by_inputs: dict[int, list[Batch]] = {}
    for batch in problem.batches:
        by_inputs.setdefault(batch.inputs, []).append(batch)
    sets = []
    for batches in by_inputs.values():
        taught, copied, noise = _labels(problem, batches)
        fits = np.arange(problem.n_fits)
        sets.append(
            _Set(
                source=batches[0].source,
                n_samples=batches[0].n_samples,
                labelled=batches[0].labelled,
                noise_var=batches[0].noise_var,
                offered=np.any([(batch.first <= fits) & (fits <= batch.last) for batch in batches], axis=0),
                pull=_pull(problem, batches),
                taught=taught,
                copied=copied,
                noise=noise,
            )
        )
    return sets


def _pull(problem: Recursion, batches: list[Batch]) -> Array:
    """Return the weight of a row of these inputs in the loss of each generation, shape (generations + 1,)."""
    pull = np.zeros(problem.n_fits)
    for batch in batches:
        used = slice(batch.first, batch.last + 1)
        pull[used] += problem.weight[used, batch.source] / problem.n_total[used]
    return pull


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
        if batch.source == SYNTHETIC and problem.given and batch.labelled == 1:
            taught[:, 1] += row
        elif batch.source == SYNTHETIC:
            copied[:, batch.labelled - 1] += row
    noise = np.einsum("bt,bs,b->ts", share, share, [batch.noise_var for batch in batches])
    return taught, copied, noise


def followed_without_ridge(problem: Recursion) -> Trajectory:
    """Answer fits without ridge on the same inputs: noise adds up, and what the inputs do not show stays unknown."""
    arrays = translate(problem.mixture)
    (only,) = sets_of(problem)
    alone = Sampling(
        group=arrays.sampling.group,
        share=np.array([1.0, 0.0]),
        n_total=np.array(float(only.n_samples)),
        noise_var=np.zeros(2),
        weight=np.ones(2),
        ridge=np.array(0.0),
        width=None,
        feature_noise=arrays.sampling.feature_noise,
    )
    risk = mixture_risk(alone, covariances=arrays.covariances, teachers=arrays.teachers, target=REAL)
    carried = np.linalg.inv(np.eye(problem.n_fits) - only.copied)  # noise of earlier generations in each model
    accumulated = np.diagonal(carried @ only.noise @ carried.T)
    bias = np.full(problem.n_fits, float(risk.bias))
    amplification = 0.0 if risk.threshold else float(risk.amplification[REAL])  # infinite times nothing is nothing
    variance = float(risk.variance) + amplification * accumulated
    kept_share = np.where(np.arange(problem.n_fits) > 0, 1.0, np.nan)
    lost = np.full(problem.n_fits, bool(risk.threshold))
    return _trajectory(bias, variance, kept_share=kept_share, converged=bool(risk.converged), lost=lost)


def _trajectory(bias: Array, variance: Array, *, kept_share: Array, converged: bool, lost: Bools) -> Trajectory:
    """Return one recursion as a batch, without risks where they are lost."""
    excess_risk = np.where(lost, np.inf, bias + variance)
    return Trajectory(
        excess_risk=excess_risk[None],
        bias=np.where(lost, np.nan, bias)[None],
        variance=np.where(lost, np.inf, variance)[None],
        kept_share=kept_share[None],
        threshold=lost[None],
        converged=np.full(bias.shape, converged)[None],
    )
