"""What does simulation answer to a problem? The one place where problems become arrays, and samples a result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from modelcollapse import __version__
from modelcollapse.checks import Array, integer, number
from modelcollapse.parallel import n_cores
from modelcollapse.problems.mixture import Mixture
from modelcollapse.problems.teacher import TeacherLaw
from modelcollapse.result import PARTS, Result, Status
from modelcollapse.simulation import mixture
from modelcollapse.simulation.backend import Backend, backend_for, batch_for
from modelcollapse.simulation.coordinates import coordinates_for, rank_of_sum, square_root
from modelcollapse.simulation.design import Component, Design
from modelcollapse.simulation.estimates import Estimates, Question, answer, excess_risk
from modelcollapse.simulation.moments import Moments, concatenate, select, stack
from modelcollapse.simulation.networks import Network
from modelcollapse.simulation.networks import draw_unit as draw_network_unit
from modelcollapse.simulation.resolvent import Fit, Way
from modelcollapse.simulation.sampler import MAX_REPLICATES, Goal, Report, Sample, sample

RELATIVE_STDERR = 0.005
"""Standard error of the excess risk, relative to it, at which sampling stops when nothing else is asked."""

ROUNDING = 1e-10
"""Ridges below this times the inputs' variance are lost to rounding in a singular matrix, and need the eigenvalues."""

MAX_FEATURES = 16_384
"""Largest input dimension: each replicate holds several matrices of that size squared."""

MEMORY = 2**30
"""Bytes that the matrices of all replicates at work may take together, before fewer are worked on side by side."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the simulation is run; see `solve`."""

    seed: int
    goal: Goal
    device: str
    plain: bool
    report: Report | None


def solve(
    problem: Mixture,
    *,
    seed: int = 0,
    n_replicates: int | None = None,
    relative_stderr: float | None = None,
    device: str = "numpy",
    plain: bool = False,
    report: Report | None = None,
) -> Result:
    """Answer a mixture by Monte Carlo, exact in law at the problem's own size.

    Linear models and random projections are drawn through their Gram matrices (Bartlett's decomposition), at a cost
    that depends on neither sample counts nor width; networks form their data in blocks. Label noise and random teachers
    are integrated out given the inputs.

    Parameters
    ----------
    problem : Mixture
    seed : int
        Same seed, device and machine: same bits.
    n_replicates : int, optional
        At least 4: how many sets of inputs, rounded up to whole units of 2 (4 with a width); with
        `relative_stderr`, at most so many.
    relative_stderr : float, optional
        In (0, 1]: stop when the standard error of the excess risk is at most this times the excess risk. When
        neither is given, 0.005.
    device : str
        ``"numpy"``; ``"cpu"`` or ``"cuda"`` for PyTorch, which works on batches of replicates.
    plain : bool
        Draw everything, form the data and fit it, as a reference: slow, in proportion to the sample counts, and with
        larger errors.
    report : callable, optional
        Called with a `Reading` as replicates come in.

    Returns
    -------
    Result
        With standard errors. `status` says when it was stopped (Ctrl-C: ``interrupted``), when 100,000 replicates
        did not reach the standard error (``not_converged``), and when no mean exists (``interpolation_threshold``).

    Raises
    ------
    InputError
        When an argument is out of range.
    MissingExtraError
        When the device needs PyTorch and it is not installed.

    Examples
    --------
    >>> from modelcollapse import RandomTeacher, Source, Spectrum
    >>> real = Source("real", n_samples=10**9, noise_var=0.5, spectrum=Spectrum.isotropic(20), teacher=RandomTeacher())
    >>> result = solve(Mixture([real], ridge=0))
    >>> float(round(result.excess_risk * 1e9, 3))  # σ² d/(n − d − 1)
    10.0
    """
    return solve_sweep(
        [problem],
        seed=seed,
        n_replicates=n_replicates,
        relative_stderr=relative_stderr,
        device=device,
        plain=plain,
        report=report,
    )[0]


def solve_sweep(
    problems: Sequence[Mixture],
    *,
    seed: int = 0,
    n_replicates: int | None = None,
    relative_stderr: float | None = None,
    device: str = "numpy",
    plain: bool = False,
    report: Report | None = None,
) -> list[Result]:
    """Answer several mixtures from the same draws, as far as they allow it.

    Problems that agree in sample counts, covariances, target, width and activation see the same inputs, so that their
    differences are far more certain than each answer; they stop together. All noise levels, all qualities and all
    teachers of such problems cost one decomposition. So do all ridges of a linear model whose covariances commute (from
    four on: an eigendecomposition) and any common factor of weights and ridge; other weights, and ridges of a model
    with a width or of covariances that do not commute, share the inputs and need a Cholesky factor each.

    Parameters
    ----------
    problems : sequence of Mixture
        Any; those that share nothing are sampled one after the other.
    seed, n_replicates, relative_stderr, device, plain, report
        As for `solve`.

    Returns
    -------
    list of Result
        In the order of the problems.

    Raises
    ------
    InputError
        When an argument is out of range.
    MissingExtraError
        When the device needs PyTorch and it is not installed.
    """
    sampling = Sampling(
        seed=integer("seed", seed, low=0),
        goal=_goal(n_replicates, relative_stderr),
        device=device,
        plain=plain,
        report=report,
    )
    alike: dict[object, list[int]] = {}
    for i, problem in enumerate(problems):
        alike.setdefault(_inputs_of(problem), []).append(i)
    results: dict[int, Result] = {}
    for members in alike.values():
        results.update(zip(members, _solve_alike([problems[i] for i in members], sampling), strict=True))
    return [results[i] for i in range(len(problems))]


def _goal(n_replicates: int | None, relative_stderr: float | None) -> Goal:
    """Return when to stop, by default at the usual standard error."""
    if relative_stderr is not None:
        relative_stderr = number("relative_stderr", relative_stderr, low=0, high=1, open_low=True)
    if n_replicates is None:
        relative_stderr = RELATIVE_STDERR if relative_stderr is None else relative_stderr
        return Goal(n_replicates=MAX_REPLICATES, relative_stderr=relative_stderr)
    hint = "A standard error needs two units of two replicates."
    return Goal(n_replicates=integer("n_replicates", n_replicates, low=4, hint=hint), relative_stderr=relative_stderr)


def _inputs_of(problem: Mixture) -> object:
    """Return what decides the law of the inputs and features, to compare problems by."""
    counts = tuple(source.n_samples for source in problem.sources)
    return (counts, problem.spectra, problem.target_index, problem.width, problem.activation)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Problems with the same inputs, as arrays.

    Attributes
    ----------
    design : Design
        With the components of all problems.
    fits : tuple of Fits
        The different ones.
    questions : tuple of (int, Question)
        For each problem, the number of its fit and what is asked of its moments.
    """

    design: Design
    fits: tuple[Fit, ...]
    questions: tuple[tuple[int, Question], ...]


def _solve_alike(problems: Sequence[Mixture], sampling: Sampling) -> list[Result]:
    """Answer problems with the same inputs from one sample."""
    scene = translate(problems)
    per_unit = mixture.n_replicates(problems[0].width)
    goal = replace(sampling.goal, n_replicates=max(sampling.goal.n_replicates, 2 * per_unit))
    backend, n_workers = _machinery(scene, goal, sampling.device, per_unit)
    drawer = _drawer(problems[0], scene, backend, sampling.seed)

    def watch(moments: Moments) -> Array:
        risks = [excess_risk(select(moments, fit), question) for fit, question in scene.questions]
        return np.stack(risks, axis=-1)

    drawn = sample(
        drawer, watch=watch, goal=goal, replicates_per_unit=per_unit, n_workers=n_workers, report=sampling.report
    )
    if drawn.n_replicates < 2 * per_unit:
        raise KeyboardInterrupt
    moments = concatenate(drawn.draws)
    answers = [answer(select(moments, fit), question) for fit, question in scene.questions]
    return [
        _result(problem, scene, estimates, drawn, sampling.seed)
        for problem, estimates in zip(problems, answers, strict=True)
    ]


def translate(problems: Sequence[Mixture]) -> Scene:
    """Write problems with the same inputs as arrays.

    Parameters
    ----------
    problems : sequence of Mixture
        Of the same sample counts, covariances, target, width and activation; their teachers, noise and fits may differ.
    """
    first = problems[0]
    hint = f"A matrix of it would take {first.n_features**2 * 8 / 2**30:.0f} GiB."
    integer("n_features", first.n_features, low=1, high=MAX_FEATURES, hint=hint)
    given = [s.eigenvalues if s.eigenvalues is not None else s.covariance for s in first.spectra]
    place = coordinates_for([array for array in given if array is not None], target=first.target_index)
    components: list[Component] = []
    asked: list[tuple[Fit, Array, dict[int, float], float]] = []
    roots = tuple(square_root(covariance) for covariance in place.covariances)
    for problem in problems:
        power: dict[int, float] = {}
        for component in _components(problem.teachers, place.basis, symmetric=place.symmetric):
            scale = float(np.linalg.norm(component.loadings))
            if scale > 0:
                alike = _position(components, replace(component, loadings=component.loadings / scale))
                power[alike] = power.get(alike, 0.0) + scale**2
        noise = np.array([source.noise_var for source in problem.sources])
        asked.append((_fit(problem, roots), noise, power, _weight_unit(problem)))
    if not components:  # nothing to learn: one component of no power
        shape = (len(first.sources), first.n_features)
        components.append(Component(loadings=np.zeros(shape), root=None if place.symmetric else np.ones((shape[1], 1))))
    fits = list(dict.fromkeys(fit for fit, *_ in asked))
    questions = [
        Question(
            noise_var=noise,
            power=np.array([power.get(c, 0.0) for c in range(len(components))]),
            n_features=first.n_features,
            ridge=fit.ridge,
            width=fit.width,
            unit=unit,
        )
        for fit, noise, power, unit in asked
    ]
    design = Design(
        n_samples=tuple(source.n_samples for source in first.sources),
        roots=roots,
        covariances=place.covariances,
        target=first.target_index,
        components=tuple(components),
        symmetric=place.symmetric,
    )
    which = [fits.index(fit) for fit, *_ in asked]
    return Scene(design=design, fits=tuple(fits), questions=tuple(zip(which, questions, strict=True)))


def _components(law: TeacherLaw, basis: Array | None, *, symmetric: bool) -> list[Component]:
    """Write the teachers in the coordinates of the design: the known vectors, then the random components.

    Where signs of coordinates do not matter, a known vector has the risks of independent signs, and of a random
    component only the variance along each coordinate counts.
    """
    d = law.fixed.shape[1]
    known = law.fixed if basis is None else law.fixed @ basis
    components = [Component(loadings=known, root=None if symmetric else np.ones((d, 1)))]
    for loadings, variances, directions in zip(law.loadings.T, law.variances, law.directions, strict=True):
        if basis is None and directions is None:
            components.append(Component(loadings=np.outer(loadings, np.sqrt(variances)), root=None))
            continue
        axes = np.eye(d) if directions is None else directions
        axes = axes if basis is None else basis.T @ axes
        if symmetric:
            components.append(Component(loadings=np.outer(loadings, np.sqrt(axes**2 @ variances)), root=None))
        else:
            components.append(Component(loadings=np.outer(loadings, np.ones(d)), root=axes * np.sqrt(variances)))
    return components


def _position(components: list[Component], wanted: Component) -> int:
    """Return where a component stands in the list, up to rounding; put it there if it is new."""
    for i, known in enumerate(components):
        if np.allclose(known.loadings, wanted.loadings, rtol=1e-12, atol=1e-14) and _same_root(known.root, wanted.root):
            return i
    components.append(wanted)
    return len(components) - 1


def _same_root(one: Array | None, other: Array | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-12, atol=1e-14 * np.abs(one).max())


def _fit(problem: Mixture, roots: Sequence[Array]) -> Fit:
    """Return how a problem is fitted, by the cheapest exact way; the largest weight is 1, so that fits can be alike."""
    unit = _weight_unit(problem)
    weight = tuple(source.weight / unit for source in problem.sources)
    ridge = problem.ridge / unit
    active = [k for k, source in enumerate(problem.sources) if weight[k] > 0 and source.n_samples > 0]
    counts = [problem.sources[k].n_samples for k in active]
    if problem.activation is not None:
        assert problem.width is not None
        rank = min(sum(counts), problem.width)
        way = Way.PRIMAL if rank == problem.width or ridge > 0 else Way.SPECTRAL
        return Fit(weight=weight, ridge=ridge, width=problem.width, rank=rank, way=way)
    n_inner = problem.n_features if problem.width is None else min(problem.width, problem.n_features)
    rank = min(rank_of_sum([roots[k] for k in active], counts), n_inner)
    variance = max(float((roots[k] ** 2).max()) * weight[k] for k in active)
    if rank == sum(min(n, roots[k].shape[-1]) for n, k in zip(counts, active, strict=True)):
        way = Way.DUAL
    elif rank == n_inner or ridge > ROUNDING * variance:
        way = Way.PRIMAL
    else:
        way = Way.SPECTRAL
    return Fit(weight=weight, ridge=ridge, width=problem.width, rank=rank, way=way)


def _weight_unit(problem: Mixture) -> float:
    """Return the largest weight: a common factor of weights and ridge changes nothing."""
    return max(source.weight for source in problem.sources)


def _machinery(scene: Scene, goal: Goal, device: str, per_unit: int) -> tuple[Backend, int]:
    """Return the backend, and how many draws work side by side within the memory."""
    n_features, n_sources = scene.design.n_features, len(scene.design.n_samples)
    if device == "numpy":
        each = 8 * n_features**2 * (4 * n_sources + 6)
        return backend_for(device), max(1, min(n_cores(), MEMORY // each))
    batch = batch_for(device, n_features=n_features, n_sources=n_sources)
    return backend_for(device, batch=min(batch, -(-goal.n_replicates // per_unit))), 1


def _drawer(problem: Mixture, scene: Scene, backend: Backend, seed: int) -> Callable[[int], Moments]:
    """Return the function that makes a number into units of moments."""

    def draw(index: int) -> Moments:
        randomness = backend.randomness(seed, "simulation", index)
        if problem.activation is None:
            moments = mixture.draw_unit(backend, randomness, scene.design, scene.fits)
        else:
            assert problem.width is not None
            network = Network(design=scene.design, width=problem.width, activation=problem.activation)
            moments = draw_network_unit(backend, randomness, network, scene.fits)
        return moments if backend.batch else stack([moments])

    return draw


def _result(problem: Mixture, scene: Scene, estimates: Estimates, drawn: Sample[Moments], seed: int) -> Result:
    """Turn estimates into a result; where no mean exists, into infinities as the theory gives them."""
    names = [source.name for source in problem.sources]
    values = {name: value.tolist() for name, (value, _) in estimates.items()}
    errors = {name: stderr.tolist() for name, (_, stderr) in estimates.items()}
    margin = _margin(problem)
    status = Status.OK if drawn.reached else Status.NOT_CONVERGED
    if drawn.interrupted:
        status = Status.INTERRUPTED
    if margin <= 1:
        status = Status.INTERPOLATION_THRESHOLD
        values |= {"excess_risk": np.inf, "variance": np.inf, **dict.fromkeys(PARTS[2:], np.nan)}
        errors |= dict.fromkeys(("excess_risk", *PARTS[1:]), np.nan)
    noise_var = problem.sources[problem.target_index].noise_var
    training = dict(zip(names, values["training_error"], strict=True))
    training_stderr = dict(zip(names, errors["training_error"], strict=True))
    return Result(
        **{name: values[name] for name in ("excess_risk", *PARTS, "effective_ridge")},
        test_error=values["excess_risk"] + noise_var,
        training_error=training,
        stderr={**errors, "test_error": errors["excess_risk"], "training_error": training_stderr},
        status=status,
        engine="simulation",
        seed=seed,
        n_replicates=drawn.n_replicates,
        version=__version__,
        assumptions=_assumptions(problem, margin),
    )


def _margin(problem: Mixture) -> float:
    """Return how many samples a fit without ridge is from the number at which it just interpolates."""
    if problem.ridge > 0:
        return np.inf
    n_samples = sum(source.n_samples for source in problem.sources if source.weight > 0)
    width = np.inf if problem.width is None else problem.width
    n_inner = width if problem.activation is not None else min(width, problem.n_features)
    return float(abs(n_samples - n_inner))


def _assumptions(problem: Mixture, margin: float) -> tuple[str, ...]:
    """Say what the numbers rest on."""
    said = ["Gaussian inputs", "exact in law at this size, label noise and random teachers integrated out"]
    if problem.activation is not None:
        said += ["features centred source by source"]
    if margin <= 3:
        said += ["without ridge this close to interpolation the risk has no variance: standard errors are too small"]
    return tuple(said)
