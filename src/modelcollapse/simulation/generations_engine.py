"""What does simulation answer to a recursion? The one place where it becomes arrays, and samples a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from modelcollapse import __version__
from modelcollapse.checks import Array, integer
from modelcollapse.errors import InputError, NumericalError
from modelcollapse.parallel import n_cores
from modelcollapse.problems.recursion import Recursion
from modelcollapse.result import GenerationsResult, Status
from modelcollapse.simulation.backend import NumpyRandomness
from modelcollapse.simulation.chain import MOST_COLUMNS, SYNTHETIC, Batch, Chain, Verifier
from modelcollapse.simulation.coordinates import coordinates_for, rank_of_sum, square_root
from modelcollapse.simulation.engine import MAX_FEATURES, components_of, goal_of
from modelcollapse.simulation.estimates import BELOW_ROUNDING, erratic
from modelcollapse.simulation.generations import Unit, draw_unit, needs_rows
from modelcollapse.simulation.meter import Meter
from modelcollapse.simulation.sampler import MAX_REPLICATES, Goal, Report, Sample, sample
from modelcollapse.simulation.scene import ENOUGH_WITHOUT_VARIANCE, MEMORY, NO_MEAN, NO_VARIANCE
from modelcollapse.streams import stream

RELATIVE_STDERR = 0.01
"""Standard error of every generation's excess risk, relative to it, at which sampling stops when nothing is asked."""

PER_UNIT = 2
"""Replicates of a unit."""

MAX_ROWS_MEMORY = 2**32
"""Most bytes that the rows of one replicate may take."""

TINY = 2**17
"""Bytes of a replicate below which cores would only wait for each other: most of its time holds Python's lock."""

ROUNDED = 1e-20
"""Excess risks below this times the teacher's own are rounding errors, which no number of replicates makes smaller."""


LARGEST = 1e100
"""Excess risks from this on are not waited for: their squares would outgrow the numbers."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where means exist, and what counts as zero.

    Attributes
    ----------
    margin : array of shape (generations + 1,)
        How many samples a generation, or one whose labels it sees, is from the number at which it just interpolates
        noise; infinite with a ridge. Up to 1 the risk has no mean, up to 3 no variance.
    smallest : float
        Excess risk below which rounding decides.
    """

    margin: Array
    smallest: float

    @property
    def watched(self) -> Array:
        """Which generations' risks are waited for: those that have a variance, or where none has one, a mean."""
        return np.asarray(self.margin > (NO_VARIANCE if (self.margin > NO_VARIANCE).any() else NO_MEAN))


def unsupported(problem: Recursion) -> str | None:
    """Return why the simulation cannot answer a recursion, in a few words; None when it can."""
    if problem.mixture.activation not in (None, "identity"):
        return "follows linear models and random projections over generations, not networks: leave `activation` out"
    return None


def solve_generations(
    problem: Recursion,
    *,
    seed: int = 0,
    n_replicates: int | None = None,
    relative_stderr: float | None = None,
    plain: bool = False,
    report: Report | None = None,
) -> GenerationsResult:
    """Answer a recursion by Monte Carlo, exact in law at the problem's own size.

    Samples are drawn through their Gram matrices, at a cost that depends on neither their number nor the width, unless
    curation or a subsample needs the samples themselves.

    Parameters
    ----------
    problem : Recursion
        Linear models or random projections.
    seed : int
        Same seed and machine: same bits.
    n_replicates : int, optional
        At least 4: how many runs through all generations, rounded up to whole units of 2; with `relative_stderr`, at
        most so many.
    relative_stderr : float, optional
        In (0, 1]: stop when the standard error of the excess risk of every generation is at most this times the
        excess risk. When neither is given, 0.01.
    plain : bool
        Draw everything, form the data and fit it, as a reference: slow, and with larger errors.
    report : callable, optional
        Called with a `Reading` as replicates come in.

    Returns
    -------
    GenerationsResult
        With standard errors. `status` says when it was stopped (Ctrl-C: ``interrupted``), when 100,000 replicates did
        not reach the standard error (``not_converged``), and when some generation's risk has no mean
        (``interpolation_threshold``).

    Raises
    ------
    InputError
        When an argument is out of range, the model is a network, or the rows of a replicate do not fit into 4 GiB.
    NumericalError
        When a normal matrix is singular to rounding.

    Examples
    --------
    >>> from modelcollapse import Mixture, RandomTeacher, Source, Spectrum
    >>> from modelcollapse.problems.workflow import Workflow
    >>> real = Source("real", n_samples=10**9, noise_var=0.5, spectrum=Spectrum.isotropic(20), teacher=RandomTeacher())
    >>> mixture = Mixture([real, Source("synthetic", n_samples=10**9, noise_var=0.5)], ridge=0)
    >>> result = solve_generations(Recursion(mixture, Workflow("replace", generations=2, design="fixed")))
    >>> [float(round(risk * 1e9)) for risk in result.excess_risk]  # (t + 1) σ² d/(n − d − 1)
    [10.0, 20.0, 30.0]
    """
    reason = unsupported(problem)
    if reason is not None:
        raise InputError(f"the simulation {reason}. Leave `activation` out.")
    seed = integer("seed", seed, low=0)
    if n_replicates is None and relative_stderr is None:
        relative_stderr = RELATIVE_STDERR
    goal = goal_of(n_replicates, relative_stderr)
    with threadpool_limits(limits=1):  # the same coordinates to the last bit on any number of cores
        chain = translate(problem)
    by_rows, limits = plain or needs_rows(chain), limits_of(chain)
    bytes_each = memory_of(chain, plain=plain)
    meter = Meter()

    def draw(index: int) -> Unit:
        generator = stream(seed, "generations", index)
        try:
            return draw_unit(chain, meter.attach(NumpyRandomness(generator)), generator, plain=plain)
        except np.linalg.LinAlgError as error:
            raise NumericalError(f"{error} to rounding; use a larger ridge.") from error

    tiny = bytes_each < TINY
    with threadpool_limits(limits=1 if tiny else None):
        drawn = sample(
            draw,
            watch=lambda unit: _watched(unit, limits),
            goal=_in_units(goal, limits),
            replicates_per_unit=PER_UNIT,
            n_workers=1 if tiny else max(1, min(n_cores(), MEMORY // bytes_each)),
            meter=meter,
            numbers_per_unit=PER_UNIT * _numbers(chain, by_rows=by_rows),
            report=report,
        )
    return _result(problem, drawn, limits, seed=seed)


def translate(problem: Recursion) -> Chain:
    """Write a recursion as arrays."""
    mixture, workflow = problem.mixture, problem.workflow
    hint = f"A matrix of it would take {mixture.n_features**2 * 8 / 2**30:.0f} GiB."
    integer("n_features", mixture.n_features, low=1, high=MAX_FEATURES, hint=hint)
    given = [s.eigenvalues if s.eigenvalues is not None else s.covariance for s in mixture.spectra]
    place = coordinates_for([array for array in given if array is not None], target=0)
    curation = workflow.curation
    return Chain(
        batches=tuple(Batch(**vars(batch)) for batch in problem.batches),
        roots=tuple(square_root(covariance) for covariance in place.covariances),
        target_var=place.covariances[0],
        weight=problem.weight,
        ridge=problem.ridge,
        width=None if problem.width is None else tuple(int(width) for width in problem.width),
        given=problem.given,
        components=tuple(components_of(mixture.teachers, place.basis, symmetric=False)),
        subsample=workflow.subsample,
        verifier=None if curation is None else Verifier(**vars(curation)),
    )


def memory_of(chain: Chain, *, plain: bool = False) -> int:
    """Return about how many bytes a replicate takes.

    Raises
    ------
    InputError
        When its rows, where they are drawn, do not fit into 4 GiB.
    """
    by_rows = plain or needs_rows(chain)
    n_columns = 1 if plain or not chain.linear else MOST_COLUMNS
    bytes_each = _rows_memory(chain, n_columns) if by_rows else 8 * 10 * chain.n_features**2
    bytes_each += 8 * 2 * chain.n_fits * chain.n_features * n_columns
    if by_rows and bytes_each > MAX_ROWS_MEMORY:
        raise InputError(
            f"the rows of one replicate take {bytes_each / 2**30:.1f} GiB; the simulation holds at most "
            f"{MAX_ROWS_MEMORY / 2**30:.0f} GiB. Use fewer samples, features, random features or generations."
        )
    return bytes_each


def limits_of(chain: Chain) -> Limits:
    """Return where means exist, and the excess risk below which rounding decides."""
    margin = np.full(chain.n_fits, np.inf)
    for t in range(int(chain.given), chain.n_fits):
        seen = [batch for batch in chain.taking_part(t) if batch.n_samples and chain.weight[t, batch.source] > 0]
        labellers = {batch.labelled - 1 for batch in seen if batch.source == SYNTHETIC}
        margin[t] = min([_own_margin(chain, t, seen), *(margin[labeller] for labeller in labellers)])
    size = np.eye(chain.n_features)
    roots = [size if component.root is None else component.root for component in chain.components]
    powers = [c.loadings[0] ** 2 * (root**2).sum(axis=1) for c, root in zip(chain.components, roots, strict=True)]
    return Limits(margin=margin, smallest=ROUNDED * float(chain.target_var @ np.sum(powers, axis=0)))


def _own_margin(chain: Chain, generation: int, seen: Sequence[Batch]) -> float:
    """Return how many rows a fit without ridge is from the number at which it just interpolates noise.

    Where the number of rows is random, by curation or because a subsample meets inputs twice, nothing is said.
    """
    drawn = chain.subsample is not None and generation > 0
    if chain.ridge[generation] > 0 or not chain.linear or (drawn and chain.shared_inputs):
        return np.inf
    labellers = {(batch.source, batch.labelled * batch.source) for batch in seen}
    one_law = len(labellers) == 1 or len({batch.inputs for batch in seen}) == 1
    if chain.width is None and one_law and all(batch.noise_var == 0 for batch in seen):
        return np.inf  # all labels are those of one linear model: nothing contradicts itself
    sources = {batch.source for batch in seen}
    capacity = rank_of_sum(chain.roots, [chain.n_features if source in sources else 0 for source in range(2)])
    n_rows = chain.subsample if drawn and chain.subsample is not None else chain.steps[generation].n_rows
    return float(abs(n_rows - min(capacity, chain.n_inner(generation))))


def _in_units(goal: Goal, limits: Limits) -> Goal:
    """Return the goal in whole units, at least two; none waits long for a standard error that does not exist."""
    most = max(goal.n_replicates, 2 * PER_UNIT)
    if most == MAX_REPLICATES and not (limits.margin > NO_VARIANCE).any():
        most = ENOUGH_WITHOUT_VARIANCE
    return replace(goal, n_replicates=most)


def _watched(unit: Unit, limits: Limits) -> Array:
    """Return the excess risks that are waited for, (1, watched): not those that are rounding, or beyond all bounds."""
    risk = unit.excess_risk
    usable = (risk > limits.smallest) & (risk < LARGEST)
    return np.asarray(np.where(usable, risk, 0.0)[None, limits.watched])


def _numbers(chain: Chain, *, by_rows: bool) -> float:
    """Return about how many random numbers a replicate takes."""
    total = 0.0
    for number, n, q in {(b.inputs, b.n_samples, chain.roots[b.source].shape[-1]) for b in chain.batches}:
        del number  # shared inputs are drawn once
        n_columns = min(n, q)
        total += n * q if by_rows else n_columns * (q - n_columns / 2)
    if chain.width is not None:
        widths = np.array(chain.width, dtype=np.float64)
        n_columns = np.minimum(widths, chain.n_features)
        total += float((widths * chain.n_features if by_rows else n_columns * (chain.n_features - n_columns / 2)).sum())
    return max(total, 1.0)


def _rows_memory(chain: Chain, n_columns: int) -> int:
    """Return about how many bytes the rows of a replicate take at most: the pool, and three copies in the fit."""
    most = 0
    for t in range(chain.n_fits):
        pooled = sum(batch.n_samples for batch in chain.taking_part(t))
        fitted = pooled if chain.subsample is None or t == 0 else chain.subsample
        width = chain.n_features if chain.width is None else chain.width[t]
        rows = 2 * pooled * (chain.n_features + n_columns) + 3 * fitted * (width + n_columns)
        most = max(most, 8 * (rows + 2 * width**2))
    return most


def _result(problem: Recursion, drawn: Sample[Unit], limits: Limits, *, seed: int) -> GenerationsResult:
    """Turn the units into a result."""
    units = drawn.draws[: drawn.n_replicates // PER_UNIT]
    values, errors = {}, {}
    risk, bias, kept = (
        np.array([getattr(unit, name) for unit in units]).reshape(-1, problem.n_fits)
        for name in ("excess_risk", "bias", "kept_share")
    )
    with np.errstate(over="ignore", invalid="ignore"):  # collapse may outgrow the numbers
        for name, sample_of in {"excess_risk": risk, "bias": bias, "variance": risk - bias, "kept_share": kept}.items():
            values[name], errors[name] = _mean(sample_of)
    endless = limits.margin <= NO_MEAN
    for name in ("excess_risk", "variance"):
        values[name], errors[name] = np.where(endless, np.inf, values[name]), np.where(endless, np.nan, errors[name])
    values["test_error"] = values["excess_risk"] + problem.noise_var[:, 0]
    errors["test_error"] = errors["excess_risk"]
    status = Status.OK if drawn.reached else Status.NOT_CONVERGED
    if endless.any():
        status = Status.INTERPOLATION_THRESHOLD
    named: dict[str, Any] = {name: tuple(value.tolist()) for name, value in values.items()}
    return GenerationsResult(
        **named,
        stderr={name: tuple(error.tolist()) for name, error in errors.items()},
        status=Status.INTERRUPTED if drawn.interrupted else status,
        engine="simulation",
        seed=seed,
        n_replicates=drawn.n_replicates,
        version=__version__,
        assumptions=_assumptions(units, limits),
    )


def _mean(values: Array) -> tuple[Array, Array]:
    """Return means over units and their standard errors, (generations + 1,) each; NaN when there are not two units."""
    if len(values) < 2:
        return np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    mean = values.mean(axis=0)
    stderr = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return mean, np.where(stderr <= BELOW_ROUNDING * np.abs(mean), 0.0, stderr)


def _assumptions(units: Sequence[Unit], limits: Limits) -> tuple[str, ...]:
    """Say what the numbers rest on."""
    said = ["Gaussian inputs", "exact in law at this size"]
    if (limits.margin <= NO_VARIANCE).any():
        said += ["without ridge this close to interpolation the risk has no variance: standard errors are too small"]
    elif units and any(erratic(values) for values in np.concatenate([_watched(unit, limits) for unit in units]).T):
        said += ["single replicates decide the standard errors, which may be too small"]
    return tuple(said)
