"""What does simulation answer to a problem of two classes? The one place where such problems become its arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from modelcollapse import __version__
from modelcollapse.checks import Array, integer
from modelcollapse.parallel import n_cores
from modelcollapse.problems.classes import Classes
from modelcollapse.result import ClassesResult, Status
from modelcollapse.simulation.backend import NumpyBackend
from modelcollapse.simulation.classes import Design, Replicate, draw_replicate
from modelcollapse.simulation.engine import MAX_FEATURES, goal_of
from modelcollapse.simulation.meter import Meter
from modelcollapse.simulation.sampler import Report, Sample, sample
from modelcollapse.simulation.scene import MEMORY, NO_MEAN, NO_VARIANCE
from modelcollapse.streams import stream

SURE = 6
"""Standard deviations that the number of kept samples is taken to stay within."""


def solve_classes(
    problem: Classes,
    *,
    seed: int = 0,
    n_replicates: int | None = None,
    relative_stderr: float | None = None,
    report: Report | None = None,
) -> ClassesResult:
    """Answer a problem of two classes by Monte Carlo, exact in law at the problem's own size.

    Numbers of kept samples are drawn; the samples enter through their sums and Gram matrices, at a cost that does not
    depend on how many they are. New samples are integrated out.

    Parameters
    ----------
    problem : Classes
    seed : int
        Same seed and machine: same bits.
    n_replicates : int, optional
        At least 4: how many fits; with `relative_stderr`, at most so many.
    relative_stderr : float, optional
        In (0, 1]: stop when the standard error of the accuracy is at most this times the accuracy. When neither is
        given, 0.005.
    report : callable, optional
        Called with a `Reading` of the accuracy as replicates come in.

    Returns
    -------
    ClassesResult
        With standard errors. `status` says when it was stopped (Ctrl-C: ``interrupted``), when 100,000 replicates did
        not reach the standard error (``not_converged``), and, without ridge, when the margin has no finite mean or
        variance because as many samples are kept as there are features (``interpolation_threshold``).

    Raises
    ------
    InputError
        When an argument is out of range.

    Examples
    --------
    >>> from modelcollapse import ClassSource, Spectrum
    >>> real = ClassSource("real", n_samples=10**9, mean_norm=1.0, spectrum=Spectrum.isotropic(50))
    >>> round(solve_classes(Classes([real], ridge=0), n_replicates=4).accuracy, 4)  # Φ(1)
    0.8413
    """
    hint = f"A matrix of it would take {problem.n_features**2 * 8 / 2**30:.0f} GiB."
    integer("n_features", problem.n_features, low=1, high=MAX_FEATURES, hint=hint)
    integer("seed", seed, low=0)
    design, meter = _translate(problem), Meter()

    def draw(index: int) -> Replicate:
        randomness = meter.attach(NumpyBackend().randomness(seed, "simulation", "classes", index))
        return draw_replicate(randomness, stream(seed, "simulation", "classes", "kept", index), design)

    each = 8 * problem.n_features**2 * (3 * len(problem.sources) + 2)
    drawn = sample(
        draw,
        watch=lambda replicate: np.array([[replicate.accuracy]]),
        goal=goal_of(n_replicates, relative_stderr),
        replicates_per_unit=1,
        n_workers=max(1, min(n_cores(), MEMORY // each)),
        meter=meter,
        report=report,
    )
    return _result(problem, drawn, seed=seed)


def margin_of(problem: Classes) -> float:
    """Return how many samples the kept ones surely are from as many as there are features; infinite with a ridge."""
    gap, scatter = _distance_from_interpolation(problem)
    return max(0.0, gap - SURE * scatter)


def _translate(problem: Classes) -> Design:
    """Write a problem as arrays."""
    shares = [(s.right_share, s.wrong_share, max(0.0, 1 - s.right_share - s.wrong_share)) for s in problem.sources]
    return Design(
        n_samples=tuple(source.n_samples for source in problem.sources),
        shares=np.array(shares),
        means=problem.means,
        eigenvalues=problem.eigenvalues,
        ridge=problem.ridge,
    )


def _result(problem: Classes, drawn: Sample[Replicate], *, seed: int) -> ClassesResult:
    """Turn the replicates into a result."""
    names, replicates = [source.name for source in problem.sources], drawn.draws
    gap, scatter = _distance_from_interpolation(problem)
    estimates = {
        name: _mean(np.array([getattr(replicate, name) for replicate in replicates]))
        for name in ("accuracy", "margin_mean", "margin_variance")
    }
    if gap <= NO_MEAN:
        estimates |= {"margin_mean": (math.nan, math.nan), "margin_variance": (math.inf, math.nan)}
    kept = np.array([replicate.kept for replicate in replicates]).reshape(len(replicates), len(names), 2)
    n_kept = [_mean(kept[:, k].sum(axis=1)) for k in range(len(names))]
    wrong = [_wrong_share(kept[:, k]) for k in range(len(names))]
    values, errors = ({name: pair[i] for name, pair in estimates.items()} for i in (0, 1))
    said = ["Gaussian classes of equal covariance and size", "exact in law at this size, new samples integrated out"]
    if gap <= NO_VARIANCE + SURE * scatter:
        said += [
            "without ridge this close to interpolation only the accuracy has a standard error that means something"
        ]
    return ClassesResult(
        **values,
        kept_samples=_by_name(names, n_kept, 0),
        kept_label_error=_by_name(names, wrong, 0),
        stderr={**errors, "kept_samples": _by_name(names, n_kept, 1), "kept_label_error": _by_name(names, wrong, 1)},
        status=_status(drawn, threshold=gap <= NO_MEAN),
        engine="simulation",
        seed=seed,
        n_replicates=drawn.n_replicates,
        version=__version__,
        assumptions=tuple(said),
    )


def _status(drawn: Sample[Replicate], *, threshold: bool) -> Status:
    if drawn.interrupted:
        return Status.INTERRUPTED
    if threshold:
        return Status.INTERPOLATION_THRESHOLD
    return Status.OK if drawn.reached else Status.NOT_CONVERGED


def _distance_from_interpolation(problem: Classes) -> tuple[float, float]:
    """Return how far the mean number of kept samples is from the features, infinite with a ridge, and its scatter."""
    if problem.ridge > 0:
        return math.inf, 0.0
    n_kept = [source.n_kept for source in problem.sources]
    variance = sum(n * (1 - n / s.n_samples) for n, s in zip(n_kept, problem.sources, strict=True) if s.n_samples)
    return abs(sum(n_kept) - problem.n_features), math.sqrt(max(0.0, variance))


def _mean(values: Array) -> tuple[float, float]:
    """Return the mean and its standard error; NaN of fewer than two values."""
    if len(values) < 2:
        return math.nan, math.nan
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def _wrong_share(kept: Array) -> tuple[float, float]:
    """Return the share of wrong labels among all samples (replicates, 2) that were kept; NaN where none was."""
    total = kept.sum()
    if len(kept) < 2 or total == 0:
        return math.nan, math.nan
    share = float(kept[:, 1].sum() / total)
    _, stderr = _mean(kept[:, 1] - share * kept.sum(axis=1))
    return share, stderr * len(kept) / float(total)


def _by_name(names: Sequence[str], pairs: Sequence[tuple[float, float]], which: int) -> dict[str, float]:
    """Return the values (0) or standard errors (1) by source name."""
    return {name: pair[which] for name, pair in zip(names, pairs, strict=True)}
