"""Does theory agree with simulation? The two side by side, and their difference in standard errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from modelcollapse import __version__
from modelcollapse.checks import integer
from modelcollapse.decisions.agreement import UNKNOWN, Quantity, judge, judge_exact, widening
from modelcollapse.decisions.comparison_cases import Case, case_of
from modelcollapse.decisions.comparison_words import verdict
from modelcollapse.engines import ENGINES, answer, refusal
from modelcollapse.errors import InputError
from modelcollapse.problems.mixture import Mixture
from modelcollapse.result import AnyResult, Status, Writable
from modelcollapse.simulation.scene import NO_VARIANCE

if TYPE_CHECKING:
    from modelcollapse.problems.schema import Problem
    from modelcollapse.simulation.sampler import Reading

LARGE = 64
"""Features from which the error of theory is taken to fall in proportion to 1/size."""
LOOK = 40
"""Replicates of a simulation whose standard error is not worth waiting for, because the risk has no variance."""
SHOWN = 4_000
"""Most replicates at a size that is shown and not judged, when nothing else is asked."""


@dataclass(frozen=True, kw_only=True)
class Comparison(Writable):
    """Theory beside simulation.

    Attributes
    ----------
    verdict : str
        Whether they agree, in a few sentences.
    agree : bool or None
        None: it cannot be judged.
    quantities : dict of str to Quantity
        By name, as ``"excess_risk"``, ``"training_error of NAME"`` or ``"bias of generation 3"``.
    theory : result of an engine
        Of the problem.
    simulations : dict of int to results of the same type
        Of the problem (1), and of problems so many times larger.
    version : str
    """

    verdict: str
    agree: bool | None
    quantities: Mapping[str, Quantity]
    theory: AnyResult
    simulations: Mapping[int, AnyResult]
    version: str = __version__

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped before the end."""
        return _interrupted(self.simulations)


def compare(
    problem: Problem,
    *,
    seed: int = 0,
    n_replicates: int | None = None,
    relative_stderr: float | None = None,
    device: str = "numpy",
    report: Callable[[int, Reading], None] | None = None,
) -> Comparison:
    """Judge theory by simulations of a problem at its own size and at larger ones.

    Theory holds up to errors of the order of 1/size, which a precise simulation resolves. Two sizes tell them apart
    from an error in theory: what is of first order cancels in 2 v(twice the size) − v(size). Theory of chains and of
    Zipf tasks is exact: they are simulated at their own size alone.

    Parameters
    ----------
    problem : Mixture, Recursion, Classes, a chain or a ZipfTask
    seed : int
        Of the first simulation; each further one takes the next, so that they are independent.
    n_replicates, relative_stderr
        As in the simulation of the problem, of each simulation whose risk has a variance. Neither given: a relative
        standard error of 0.002; of the risk of every generation, 0.005, and 0.01 with curation.
    device : str
        As in `simulate`; other problems than mixtures are simulated with ``"numpy"`` only.
    report : callable, optional
        Called with the size, as a multiple of the problem's, and a `Reading` as a simulation proceeds.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        When theory or simulation do not answer the problem, or not at the larger sizes.
    NumericalError
        When theory does not reach its fixed point.

    Notes
    -----
    A problem of less than 64 features is doubled until it has as many before the two sizes are taken. So is one without
    ridge within 3 samples of its interpolation threshold, where the risk has no variance: 40 replicates are a look at
    it, and larger sizes are judged. All quantities must agree; with a dozen of them, chance passes 5 standard errors
    once in a hundred thousand comparisons, with the four thousand of a thousand curated generations once in four
    hundred. Standard errors of few replicates are uncertain themselves: they are widened as Student's distribution
    says, with one degree of freedom less than there are independent units.

    Examples
    --------
    >>> from modelcollapse import RandomTeacher, Source, Spectrum
    >>> real = Source("real", n_samples=200, noise_var=0.5, spectrum=Spectrum.isotropic(50), teacher=RandomTeacher())
    >>> compare(Mixture([real], ridge=0.1), n_replicates=100).agree
    True
    """
    settings = _settings(problem, device)
    expected = answer(problem)
    case = case_of(problem)
    margin = 0.0 if expected.status is Status.INTERPOLATION_THRESHOLD else case.margin
    sizes = {1: problem} if case.exact else _sizes(problem, case, margin)
    if n_replicates is None and relative_stderr is None:
        relative_stderr = case.relative_stderr
    results: dict[int, AnyResult] = {}
    for size, posed in sizes.items():
        settled, judged = size * margin > NO_VARIANCE, size in list(sizes)[-2:]
        most = n_replicates if judged or n_replicates is not None else SHOWN
        results[size] = answer(
            posed,
            engine="simulation",
            seed=seed + len(results),
            n_replicates=most if settled else LOOK,
            relative_stderr=relative_stderr if settled else None,
            report=None if report is None else partial(report, size),
            **settings,
        )
        if results[size].status is Status.INTERRUPTED:
            break
    quantities = _quantities(case, expected, results)
    agree, said = verdict(
        quantities,
        headline=case.headline,
        interrupted=_interrupted(results),
        threshold=len(sizes) == 1 and not case.exact,
        exact=case.exact,
    )
    return Comparison(verdict=said, agree=agree, quantities=quantities, theory=expected, simulations=results)


def _settings(problem: Problem, device: str) -> dict[str, str]:
    """Return what only one kind of problem takes, after checking that both engines answer the problem."""
    for engine in ENGINES:
        reason = refusal(problem, engine)
        if reason is not None:
            raise InputError(f"{engine} {reason}: there is nothing to compare. Use `solve` where one engine answers.")
    if isinstance(problem, Mixture):
        return {"device": device}
    if device != "numpy":
        raise InputError("this kind of problem is simulated with NumPy only. Leave out `device`.")
    return {}


def _sizes(problem: Problem, case: Case, margin: float) -> dict[int, Problem]:
    """Return the problem and the two larger ones that are extrapolated, by how many times larger they are.

    The first of the two is the problem itself where it is large, and on the threshold, where no size has a mean, the
    problem is alone.
    """
    if not margin:
        return {1: problem}
    size = 1
    while size * case.n_features < LARGE or size * margin <= NO_VARIANCE:
        size *= 2
    _check_largest(case, margin, times=2 * size)
    posed = {1: problem}
    while max(posed) < 2 * size:
        posed[2 * max(posed)] = case.doubled(posed[max(posed)])
    case.check(posed[2 * size])
    return {times: posed[times] for times in sorted({1, size, 2 * size})}


def _check_largest(case: Case, margin: float, *, times: int) -> None:
    """Refuse a problem that cannot be simulated at so many times its size, before anything is drawn."""
    near = f", {margin:g} samples from interpolation," if margin <= NO_VARIANCE else ""
    hint = (
        f"To compare, this problem{near} is simulated at {times} times its size as well: make it smaller, or simulate "
        "it alone (`solve --engine simulation`)."
    )
    for what, (value, most) in case.largest.items():
        integer(what, value, low=0, high=most // times, hint=hint)


def _quantities(case: Case, expected: AnyResult, simulated: Mapping[int, AnyResult]) -> dict[str, Quantity]:
    """Lay the numbers of theory and of the simulations at the problem's size and at the two largest side by side."""
    n_units = min(simulated[size].n_replicates or 0 for size in sorted(simulated)[-2:]) // case.replicates_per_unit
    numbers = {size: case.numbers(result) for size, result in simulated.items()}
    if case.exact:
        own, unseen = numbers[1], case.unseen(expected, simulated[1].n_replicates or 0)
        return {
            name: judge_exact(number, own=own.get(name, UNKNOWN), unseen=unseen.get(name, 0.0))
            for name, number in case.numbers(expected).items()
            if name in own or not own  # nothing: it was stopped before there was a replicate
        }
    last = max(numbers)
    before = numbers.get(last // 2, {})  # empty when a simulation was stopped before there were two sizes to take
    return {
        name: judge(
            number,
            own=numbers[1][name],
            single=before.get(name, UNKNOWN),
            twice=numbers[last][name],
            widening=widening(n_units),
        )
        for name, number in case.numbers(expected).items()
    }


def _interrupted(simulated: Mapping[int, AnyResult]) -> bool:
    return any(result.status is Status.INTERRUPTED for result in simulated.values())
