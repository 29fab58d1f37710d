"""What does simulation answer to a problem? The one place where problems become arrays, and samples a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from modelcollapse import __version__
from modelcollapse.checks import Array, choice, integer, number
from modelcollapse.problems.mixture import Mixture
from modelcollapse.problems.teacher import TeacherLaw
from modelcollapse.result import PARTS, Result, Status
from modelcollapse.simulation.backend import DEVICES
from modelcollapse.simulation.coordinates import coordinates_for, rank_of_sum, square_root
from modelcollapse.simulation.design import Component, Design
from modelcollapse.simulation.estimates import Question
from modelcollapse.simulation.fits import Fit, cheapest_fit, weights_unlike
from modelcollapse.simulation.sampler import MAX_REPLICATES, Goal, Report
from modelcollapse.simulation.scene import NO_MEAN, NO_VARIANCE, Sampling, Scene, SceneAnswer, sample_scene, unsampled

RELATIVE_STDERR = 0.005
"""Standard error of the excess risk, relative to it, at which sampling stops when nothing else is asked."""

LOST = 1e-9
"""Squares may come out negative by so much, of rounding."""

MAX_FEATURES = 16_384
"""Largest input dimension: each replicate holds several matrices of that size squared."""


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
    teachers of such problems cost one decomposition. So do all ridges of a well-conditioned linear model whose
    covariances commute (from four on: an eigendecomposition) and any common factor of weights and ridge; other weights,
    and ridges of a model with a width or of covariances that do not commute, share the inputs and need a factor each.
    Problems with other inputs are drawn from the same random numbers: their errors are not independent.

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
        goal=goal_of(n_replicates, relative_stderr),
        device=choice("device", device, DEVICES),
        plain=plain,
        report=report,
    )
    alike: dict[object, list[int]] = {}
    for i, problem in enumerate(problems):
        alike.setdefault((i if plain else None, *_inputs_of(problem)), []).append(i)
    results: dict[int, Result] = {}
    interrupted = False
    for members in alike.values():
        asked = [problems[i] for i in members]
        with threadpool_limits(limits=1):  # the same coordinates to the last bit on any number of cores
            scene = translate(asked, plain=plain)
        answered = unsampled(scene) if interrupted else sample_scene(scene, sampling)
        interrupted = answered.interrupted
        results.update(zip(members, _results(asked, scene, answered, sampling), strict=True))
    return [results[i] for i in range(len(problems))]


def goal_of(n_replicates: int | None, relative_stderr: float | None) -> Goal:
    """Return when to stop, by default at the usual standard error."""
    if relative_stderr is not None:
        relative_stderr = number("relative_stderr", relative_stderr, low=0, high=1, open_low=True)
    if n_replicates is None:
        relative_stderr = RELATIVE_STDERR if relative_stderr is None else relative_stderr
        return Goal(n_replicates=MAX_REPLICATES, relative_stderr=relative_stderr)
    hint = "A standard error needs two units of two replicates."
    return Goal(n_replicates=integer("n_replicates", n_replicates, low=4, hint=hint), relative_stderr=relative_stderr)


def _inputs_of(problem: Mixture) -> tuple[object, ...]:
    """Return what decides the law of the inputs and features, to compare problems by."""
    counts = tuple(source.n_samples for source in problem.sources)
    return (counts, problem.spectra, problem.target_index, problem.width, problem.activation)


def translate(problems: Sequence[Mixture], *, plain: bool = False) -> Scene:
    """Write problems with the same inputs as arrays.

    Parameters
    ----------
    problems : sequence of Mixture
        Of the same sample counts, covariances, target, width and activation; their teachers, noise and fits may differ.
    plain : bool
        Leave known vectors as they are, where symmetry would allow another form.
    """
    first = problems[0]
    hint = f"A matrix of it would take {first.n_features**2 * 8 / 2**30:.0f} GiB."
    integer("n_features", first.n_features, low=1, high=MAX_FEATURES, hint=hint)
    given = [s.eigenvalues if s.eigenvalues is not None else s.covariance for s in first.spectra]
    place = coordinates_for([array for array in given if array is not None], target=first.target_index)
    components: list[Component] = []
    asked: list[tuple[Fit, Array, dict[int, float], Mixture]] = []
    roots = tuple(square_root(covariance) for covariance in place.covariances)
    for problem in problems:
        power: dict[int, float] = {}
        for component in components_of(problem.teachers, place.basis, symmetric=place.symmetric and not plain):
            scale = float(np.linalg.norm(component.loadings))
            if scale > 0:
                alike = _position(components, replace(component, loadings=component.loadings / scale))
                power[alike] = power.get(alike, 0.0) + scale**2
        noise = np.array([source.noise_var for source in problem.sources])
        asked.append((_fit(problem, roots), noise, power, problem))
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
            unit=_weight_unit(problem),
            margin=_margin(problem, roots),
        )
        for fit, noise, power, problem in asked
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
    return Scene(
        design=design,
        fits=tuple(fits),
        questions=tuple(zip(which, questions, strict=True)),
        activation=first.activation if _is_network(first) else None,
    )


def components_of(law: TeacherLaw, basis: Array | None, *, symmetric: bool) -> list[Component]:
    """Write the teachers in the coordinates of the design: the known vectors, then the random components.

    Where signs of coordinates do not matter, a known vector has the risks of independent signs, and of a random
    component only the variance along each coordinate counts.
    """
    d = law.fixed.shape[1]
    known = law.fixed if basis is None else law.fixed @ basis
    components = [Component(loadings=known, root=None if symmetric else np.ones((d, 1)))]
    for loadings, variances, directions in zip(law.loadings.T, law.variances, law.directions, strict=True):
        if (basis is None and directions is None) or np.ptp(variances) == 0:  # isotropic in any coordinates
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
        if np.allclose(known.loadings, wanted.loadings, rtol=1e-12, atol=0) and _same_root(known.root, wanted.root):
            return i
    components.append(wanted)
    return len(components) - 1


def _same_root(one: Array | None, other: Array | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-12, atol=0)


def _fit(problem: Mixture, roots: Sequence[Array]) -> Fit:
    """Return how a problem is fitted; the largest weight is 1, so that fits can be alike."""
    unit = _weight_unit(problem)
    return cheapest_fit(
        weight=tuple(source.weight / unit for source in problem.sources),
        ridge=problem.ridge / unit,
        width=problem.width,
        n_samples=[source.n_samples for source in problem.sources],
        roots=roots,
        linear=not _is_network(problem),
    )


def _is_network(problem: Mixture) -> bool:
    """Whether the features are not linear: with the identity they are random projections."""
    return problem.activation not in (None, "identity")


def _n_inner(problem: Mixture) -> int:
    """Return the dimension of what is fitted."""
    if problem.width is None:
        return problem.n_features
    return problem.width if _is_network(problem) else min(problem.width, problem.n_features)


def _margin(problem: Mixture, roots: Sequence[Array]) -> float:
    """Return how many samples a fit without ridge is from the number at which it just interpolates."""
    if problem.ridge > 0:
        return np.inf
    active = [k for k, source in enumerate(problem.sources) if source.weight > 0 and source.n_samples > 0]
    capacity = _n_inner(problem)
    if not _is_network(problem):
        capacity = min(capacity, rank_of_sum([roots[k] for k in active], [problem.n_features] * len(active)))
    return float(abs(sum(problem.sources[k].n_samples for k in active) - capacity))


def _weight_unit(problem: Mixture) -> float:
    """Return the largest weight: a common factor of weights and ridge changes nothing."""
    return max(source.weight for source in problem.sources)


def _results(problems: Sequence[Mixture], scene: Scene, answered: SceneAnswer, sampling: Sampling) -> list[Result]:
    """Turn the estimates of a scene into results."""
    results = []
    for i, (problem, (fit, question)) in enumerate(zip(problems, scene.questions, strict=True)):
        values = {name: value.tolist() for name, (value, _) in answered.estimates[i].items()}
        errors = {name: stderr.tolist() for name, (_, stderr) in answered.estimates[i].items()}
        _without_mean(problem, values, errors, threshold=question.margin <= NO_MEAN)
        interpolated = [] if sampling.plain else _interpolated(problem, scene.fits[fit])
        values["training_error"] = [0.0 if -LOST < v < 0 else v for v in values["training_error"]]
        training, training_stderr = (
            _by_name(problem, given["training_error"], interpolated) for given in (values, errors)
        )
        noise_var = problem.sources[problem.target_index].noise_var
        results.append(
            Result(
                **{name: values[name] for name in ("excess_risk", *PARTS, "effective_ridge")},
                test_error=values["excess_risk"] + noise_var,
                training_error=training,
                stderr={**errors, "test_error": errors["excess_risk"], "training_error": training_stderr},
                status=_status(problem, answered, values, threshold=question.margin <= NO_MEAN),
                engine="simulation",
                seed=sampling.seed,
                n_replicates=answered.n_replicates,
                version=__version__,
                assumptions=_assumptions(problem, question.margin, plain=sampling.plain, erratic=answered.erratic[i]),
            )
        )
    return results


def _without_mean(problem: Mixture, values: dict[str, Any], errors: dict[str, Any], *, threshold: bool) -> None:
    """Write infinities and NaN, as theory does, where the risk or the trace behind the effective ridge has no mean."""
    if threshold:
        values |= {"excess_risk": np.inf, "variance": np.inf, **dict.fromkeys(PARTS[2:], np.nan)}
        errors |= dict.fromkeys(("excess_risk", *PARTS[1:]), np.nan)
    if problem.ridge == 0 and problem.width is not None and not _is_network(problem):
        missing = problem.n_features - problem.width
        if missing in (0, 1):  # E tr Q is infinite: exactly so in the limit only for as many features as inputs
            values["effective_ridge"] = 0.0 if missing == 0 else np.nan
            errors["effective_ridge"] = 0.0 if missing == 0 else np.nan


def _by_name(problem: Mixture, values: Sequence[float], interpolated: Sequence[str]) -> dict[str, float]:
    """Return training errors by source, 0 for those that are met exactly."""
    names = [source.name for source in problem.sources]
    return {name: 0.0 if name in interpolated else value for name, value in zip(names, values, strict=True)}


def _status(problem: Mixture, answered: SceneAnswer, values: dict[str, Any], *, threshold: bool) -> Status:
    """Return how it went; a square that comes out negative, or weights lost to rounding, have not converged."""
    if answered.interrupted:
        return Status.INTERRUPTED
    if threshold:
        return Status.INTERPOLATION_THRESHOLD
    negative = min(values["excess_risk"], *values["training_error"]) < 0
    lost = _loses_light_samples(problem)
    return Status.OK if answered.reached and not negative and not lost else Status.NOT_CONVERGED


def _loses_light_samples(problem: Mixture) -> bool:
    """Whether weights are so unlike that a network's moments lose the light samples to rounding."""
    unit = _weight_unit(problem)
    return _is_network(problem) and weights_unlike([source.weight / unit for source in problem.sources])


def _interpolated(problem: Mixture, fit: Fit) -> list[str]:
    """Return the sources whose samples are met exactly: without ridge, all that are fitted when all are independent."""
    fitted = [source for source in problem.sources if source.weight > 0 and source.n_samples > 0]
    independent = fit.rank == sum(source.n_samples for source in fitted)
    return [source.name for source in fitted] if problem.ridge == 0 and independent else []


def _assumptions(problem: Mixture, margin: float, *, plain: bool, erratic: bool) -> tuple[str, ...]:
    """Say what the numbers rest on."""
    integrated = "everything drawn" if plain else "label noise and random teachers integrated out"
    said = ["Gaussian inputs", f"exact in law at this size, {integrated}"]
    if _is_network(problem):
        said += ["features centred source by source"]
    if _loses_light_samples(problem):
        said += ["weights this unlike are lost to rounding in a network's moments"]
    if margin <= NO_VARIANCE:
        said += ["without ridge this close to interpolation the risk has no variance: standard errors are too small"]
    elif erratic:
        said += ["single replicates decide the standard errors, which may be too small"]
    return tuple(said)
