"""Does theory agree with simulation? The two side by side, and their difference in standard errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from scipy.special import ndtr, stdtrit

from modelcollapse import __version__
from modelcollapse.checks import integer
from modelcollapse.digits import rough_text, share_text
from modelcollapse.problems.doubling import doubled
from modelcollapse.problems.mixture import MAX_SAMPLES, Mixture
from modelcollapse.result import PARTS, Result, Status, plain
from modelcollapse.simulation import engine as simulation
from modelcollapse.simulation import mixture
from modelcollapse.simulation.scene import NO_VARIANCE
from modelcollapse.theory import engine as theory

if TYPE_CHECKING:
    from modelcollapse.simulation.sampler import Reading

AGREEMENT = 5.0
"""Standard errors within which theory and simulation agree."""
RELATIVE_STDERR = 0.002
"""Standard error of each simulated excess risk, relative to it, when nothing else is asked."""
LARGE = 64
"""Features from which the error of theory is taken to fall in proportion to 1/size."""
LOOK = 40
"""Replicates of a simulation whose standard error is not worth waiting for, because the risk has no variance."""
SHOWN = 4_000
"""Most replicates at a size that is shown and not judged, when nothing else is asked."""
VISIBLE = AGREEMENT + 2
"""Standard errors of an error of theory that is seen with a probability of 97 %."""
ROUNDING = 1e-9
"""Differences below this, relative to the excess risk or the quantity itself, are rounding."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One number of a result as theory and simulation see it.

    Attributes
    ----------
    theory : float
    simulation, stderr : float
        At the size of the problem.
    difference : float
        Simulation minus theory.
    difference_in_stderr : float
        The same in standard errors: grows without limit with the number of replicates, as theory is for large sizes.
    finite_size_gap : float
        The difference as a share of theory; NaN where theory is 0, infinite where the simulation has no mean.
    extrapolated, extrapolated_stderr : float
        The simulation's value for large sizes, 2 v(twice the size) − v(size). Its standard error is widened so that
        chance passes 5 of them as rarely with few replicates as with many.
    remainder : float
        Estimate of what the extrapolation leaves, of second order in 1/size: with the first order
        f = 2 |v(size) − v(twice the size)|, f²/|v|, and at most f.
    deviation_in_stderr : float
        Extrapolated minus theory, less the remainder, in standard errors.
    agree : bool or None
        Whether the deviation is within 5 standard errors; None where there is nothing to compare.
    """

    theory: float
    simulation: float
    stderr: float
    difference: float
    difference_in_stderr: float
    finite_size_gap: float
    extrapolated: float
    extrapolated_stderr: float
    remainder: float
    deviation_in_stderr: float
    agree: bool | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Theory beside simulation.

    Attributes
    ----------
    verdict : str
        Whether they agree, in a few sentences.
    agree : bool or None
        None: it cannot be judged.
    quantities : dict of str to Quantity
        By name; training errors as ``"training_error of NAME"``.
    theory : Result
        Of the problem.
    simulations : dict of int to Result
        Of the problem (1), and of problems so many times larger.
    version : str
    """

    verdict: str
    agree: bool | None
    quantities: Mapping[str, Quantity]
    theory: Result
    simulations: Mapping[int, Result]
    version: str = __version__

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped before the end."""
        return any(result.status is Status.INTERRUPTED for result in self.simulations.values())

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings and lists for JSON; a number that is not finite becomes None."""
        content = plain(asdict(self))
        assert isinstance(content, dict)
        return content


def compare(
    problem: Mixture,
    *,
    seed: int = 0,
    n_replicates: int | None = None,
    relative_stderr: float | None = None,
    device: str = "numpy",
    report: Callable[[int, Reading], None] | None = None,
) -> Comparison:
    """Judge theory by simulations of a problem at its own size and at larger ones.

    Theory holds up to errors of the order of 1/size, which a precise simulation resolves. Two sizes tell them apart
    from an error in theory: what is of first order cancels in 2 v(twice the size) − v(size).

    Parameters
    ----------
    problem : Mixture
    seed : int
        Of the first simulation; each further one takes the next, so that they are independent.
    n_replicates, relative_stderr, device
        As in `simulate`, of each simulation whose risk has a variance; neither number given: a relative standard error
        of 0.002.
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
    once in a hundred thousand comparisons. Standard errors of few replicates are uncertain themselves: they are widened
    as Student's distribution says, with one degree of freedom less than there are independent units.

    Examples
    --------
    >>> from modelcollapse import RandomTeacher, Source, Spectrum
    >>> real = Source("real", n_samples=200, noise_var=0.5, spectrum=Spectrum.isotropic(50), teacher=RandomTeacher())
    >>> compare(Mixture([real], ridge=0.1), n_replicates=100).agree
    True
    """
    expected = theory.solve(problem)
    margin = _margin(problem, expected)
    sizes = _sizes(problem, margin)
    if n_replicates is None and relative_stderr is None:
        relative_stderr = RELATIVE_STDERR
    results: dict[int, Result] = {}
    for size, posed in sizes.items():
        settled, judged = size * margin > NO_VARIANCE, size in list(sizes)[-2:]
        most = n_replicates if judged or n_replicates is not None else SHOWN
        results[size] = simulation.solve(
            posed,
            seed=seed + len(results),
            n_replicates=most if settled else LOOK,
            relative_stderr=relative_stderr if settled else None,
            device=device,
            report=None if report is None else partial(report, size),
        )
        if results[size].status is Status.INTERRUPTED:
            break
    quantities = dict(_quantities(expected, results, widening=_widening(problem, results)))
    agree, verdict = _verdict(quantities, expected.status, {result.status for result in results.values()})
    return Comparison(
        verdict=verdict,
        agree=agree,
        quantities=quantities,
        theory=expected,
        simulations=results,
    )


def _margin(problem: Mixture, expected: Result) -> float:
    """Return how many samples a problem is from its interpolation threshold; infinite with a ridge."""
    if expected.status is Status.INTERPOLATION_THRESHOLD:
        return 0.0
    _, question = simulation.translate([problem]).questions[0]
    return question.margin


def _sizes(problem: Mixture, margin: float) -> dict[int, Mixture]:
    """Return the problem and the two larger ones that are extrapolated, by how many times larger they are.

    The first of the two is the problem itself where it is large, and on the threshold, where no size has a mean, the
    problem is alone.
    """
    if not margin:
        return {1: problem}
    size = 1
    while size * problem.n_features < LARGE or size * margin <= NO_VARIANCE:
        size *= 2
    _check_largest(problem, margin, times=2 * size)
    posed = {1: problem}
    while max(posed) < 2 * size:
        posed[2 * max(posed)] = doubled(posed[max(posed)])
    return {times: posed[times] for times in sorted({1, size, 2 * size})}


def _check_largest(problem: Mixture, margin: float, *, times: int) -> None:
    """Refuse a problem that cannot be simulated at so many times its size, before anything is drawn."""
    largest = {
        "n_features": (problem.n_features, simulation.MAX_FEATURES),
        "n_samples": (max(source.n_samples for source in problem.sources), MAX_SAMPLES),
        "width": (problem.width or 0, MAX_SAMPLES),
    }
    near = f", {margin:g} samples from interpolation," if margin <= NO_VARIANCE else ""
    hint = (
        f"To compare, this problem{near} is simulated at {times} times its size as well: make it smaller, or simulate "
        "it alone (`solve --engine simulation`)."
    )
    for what, (value, most) in largest.items():
        integer(what, value, low=0, high=most // times, hint=hint)


def _widening(problem: Mixture, simulated: Mapping[int, Result]) -> float:
    """Return by how much standard errors of the extrapolation grow so that 5 cover what 5 of endless replicates do."""
    extrapolated = sorted(simulated)[-2:]
    n_units = min(simulated[size].n_replicates or 0 for size in extrapolated) // mixture.n_replicates(problem.width)
    return float(stdtrit(n_units - 1, ndtr(-AGREEMENT))) / -AGREEMENT


def _quantities(
    expected: Result, simulated: Mapping[int, Result], *, widening: float
) -> Iterator[tuple[str, Quantity]]:
    """Lay the numbers of theory and of the simulations at the problem's size and at the two largest side by side."""
    numbers = {size: _numbers(result) for size, result in simulated.items()}
    last = max(numbers)
    before = numbers.get(last // 2, {})  # empty when a simulation was stopped before there were two sizes to take
    for name, (value, _) in _numbers(expected).items():
        unit = abs(value) if name == "effective_ridge" else max(abs(value), expected.excess_risk)
        yield (
            name,
            _quantity(
                value,
                own=numbers[1][name],
                single=before.get(name, (math.nan, math.nan)),
                twice=numbers[last][name],
                rounding=ROUNDING * unit,
                widening=widening,
            ),
        )


def _numbers(result: Result) -> dict[str, tuple[float, float]]:
    """Return every number of a result with its standard error, by name."""
    names = (*PARTS, "excess_risk", "test_error", "effective_ridge")
    training = {
        f"training_error of {source}": (value, result.stderr["training_error"][source])
        for source, value in result.training_error.items()
    }
    return {name: (getattr(result, name), result.stderr[name]) for name in names} | training


def _quantity(
    expected: float,
    *,
    own: tuple[float, float],
    single: tuple[float, float],
    twice: tuple[float, float],
    rounding: float,
    widening: float,
) -> Quantity:
    """Compare one number of theory with values and standard errors of simulations."""
    difference = own[0] - expected
    extrapolated, stderr = 2 * twice[0] - single[0], widening * math.hypot(2 * twice[1], single[1])
    first_order = 2 * abs(single[0] - twice[0])
    remainder = first_order * min(1.0, first_order / abs(twice[0])) if twice[0] else first_order
    deviation = _in_stderr(extrapolated - expected, stderr, slack=rounding + remainder)
    return Quantity(
        theory=expected,
        simulation=own[0],
        stderr=own[1],
        difference=difference,
        difference_in_stderr=_in_stderr(difference, own[1], slack=rounding),
        finite_size_gap=difference / abs(expected) if expected else math.nan,
        extrapolated=extrapolated,
        extrapolated_stderr=stderr,
        remainder=remainder,
        deviation_in_stderr=deviation,
        agree=None if math.isnan(deviation) else abs(deviation) <= AGREEMENT,
    )


def _in_stderr(difference: float, stderr: float, *, slack: float) -> float:
    """Return what a difference exceeds the slack by, in standard errors; infinite where exact numbers differ."""
    if not math.isfinite(difference) or not math.isfinite(stderr):
        return math.nan
    excess = max(0.0, abs(difference) - slack)
    size = excess / stderr if stderr else math.inf if excess else 0.0
    return math.copysign(size, difference)


def _verdict(
    quantities: Mapping[str, Quantity], expected: Status, simulated: Collection[Status]
) -> tuple[bool | None, str]:
    """Return whether theory and simulation agree, and say so."""
    risk = quantities["excess_risk"]
    if Status.INTERRUPTED in simulated:
        return None, f"Cannot be judged: the simulation was interrupted.{_own_size(risk)}"
    if expected is Status.INTERPOLATION_THRESHOLD:
        return None, (
            "Cannot be judged: without ridge and with as many samples as parameters, the interpolation threshold, the "
            "risk has no finite mean. Add a ridge or samples."
        )
    judged = {name: abs(q.deviation_in_stderr) for name, q in quantities.items() if q.agree is not None}
    if "excess_risk" not in judged:
        return None, "Cannot be judged: the simulation gives no finite excess risk."
    furthest = sorted(judged, key=lambda name: -judged[name])
    if judged[furthest[0]] > AGREEMENT:
        wrong = [f"{name} ({_stderr_text(judged[name])})" for name in furthest if judged[name] > AGREEMENT]
        return False, f"Theory and simulation disagree: extrapolated to large sizes, {', '.join(wrong)}."
    return True, (
        f"Theory and simulation agree: extrapolated to large sizes, all quantities are within {AGREEMENT:g} standard "
        f"errors of theory (the furthest, {furthest[0]}: {judged[furthest[0]]:.1f})."
        f"{_own_size(risk)}{_sensitivity(risk)}"
    )


def _own_size(risk: Quantity) -> str:
    """Say how far theory is from the simulation at the problem's own size, where that is known."""
    if math.isinf(risk.simulation):
        return " At the problem's own size, within one of as many samples as parameters, the risk has no finite mean."
    if math.isnan(risk.finite_size_gap):
        return ""
    if abs(risk.finite_size_gap) < ROUNDING:
        return " At the problem's own size the simulated excess risk is that of theory, to rounding."
    side = "below" if risk.difference < 0 else "above"
    return f" At the problem's own size the simulated excess risk is {share_text(risk.finite_size_gap)} {side} theory."


def _sensitivity(risk: Quantity) -> str:
    """Say which error of theory would have been seen, whichever way the remainder of the extrapolation points."""
    if not risk.theory:
        return " The excess risk is 0 on both sides."
    visible = (VISIBLE * risk.extrapolated_stderr + 2 * risk.remainder) / risk.theory
    if visible < ROUNDING:
        return " Any error of theory above rounding would have been seen."
    return f" An error of theory of {share_text(visible)} would have been seen."


def _stderr_text(deviation: float) -> str:
    return f"by {rough_text(deviation, 2)} standard errors" if math.isfinite(deviation) else "an exact number"
