"""What do past runs say of the next ones? Laws that foretell the largest runs, and what follows, with honest bands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from modelcollapse.checks import choice, integer, number
from modelcollapse.decisions.run_answers import Answers
from modelcollapse.decisions.run_fit_result import Candidate, Observed, Parameter, RunFit
from modelcollapse.decisions.run_quantities import interval
from modelcollapse.decisions.run_settings import Settings
from modelcollapse.decisions.run_words import FEWEST_AMOUNTS, misfitting, sentences, too_few, unexplained
from modelcollapse.estimation.law_choice import LawChoice, LawDraws, candidate_laws, choose_law, draw_laws
from modelcollapse.estimation.law_words import MEANINGS, TERMS, law_formula, law_name
from modelcollapse.estimation.runs import Runs
from modelcollapse.streams import stream

ASKS = ("loss", "share", "price")
"""What the next run may be chosen for."""

AHEAD = (4.0, 10.0)
"""Multiples of the largest run's data that are forecast when nothing is asked."""

CURVE_AHEAD = 10.0
"""Multiple of the largest run's data up to which curves are drawn."""

Progress = Callable[[int, int], None]


def fit_runs(
    runs: Runs,
    *,
    at: Sequence[Mapping[str, float]] = (),
    tolerance: float = 0.02,
    ask: str = "loss",
    n_replicates: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> RunFit:
    """Fit nested scaling laws to past runs, and answer from those that foretell the largest runs.

    Parameters
    ----------
    runs : Runs
    at : sequence of mapping
        Settings to forecast: ``real``, ``synthetic`` and, where the runs say them, ``size``, ``generation``,
        ``generator``; what is left out is that of the largest run. Default: 4 and 10 times the largest run's data.
    tolerance : float
        Rise of the loss, relative, that is called harmless; above 0.
    ask : str
        What the next run should tell more of: ``"loss"``, ``"share"`` or ``"price"``, at the first of `at`.
    n_replicates : int
        Draws of laws and parameters, at least 100.
    seed : int
    progress : callable, optional
        Called with the parts done and the number of parts.

    Returns
    -------
    RunFit

    Raises
    ------
    InputError
        When a setting cannot be used, or an option is out of its range.

    Notes
    -----
    Repeats of a setting are averaged first, so that what they have in common is not taken for evidence. Bands are
    quantiles of draws of laws, by their weights, and of their parameters, by a bootstrap. They hold as far as one of
    the laws does.

    Examples
    --------
    >>> total = np.geomspace(1e6, 1e8, 8)
    >>> runs = Runs(real=total, synthetic=0 * total, loss=2 + (total / 1e6) ** -0.3)
    >>> fit_runs(runs, at=[{"real": 4e8}], n_replicates=200).law
    'power law + irreducible loss'
    """
    number("tolerance", tolerance, low=0.0, high=10.0, open_low=True)
    integer("n_replicates", n_replicates, low=100)
    choice("ask", ask, ASKS)
    tell = progress or (lambda done, of: None)
    settings = Settings.of(runs)
    asked = [settings.completed(setting) for setting in at or _ahead(settings)]
    n_settings = len(settings.loss)
    empty = RunFit(
        status="not_enough_runs",
        sentences=too_few(n_settings, settings.n_amounts, shares_vary=settings.shares_vary),
        n_runs=len(runs),
        n_settings=n_settings,
        n_held_out=0,
        unit=runs.unit,
        warnings=runs.warnings,
        n_replicates=n_replicates,
        seed=seed,
    )
    if empty.sentences:
        return empty
    tell(0, 3)
    laws, missing = candidate_laws(settings.points)
    chosen = choose_law(settings.points, settings.loss, laws=laws, generator=stream(seed, "law choice"))
    tell(1, 3)
    draws = draw_laws(chosen, n_replicates, stream(seed, "law draws"))
    tell(2, 3)
    fitted = _with_law(empty, settings, chosen, draws, missing)
    luck = fitted.noise * stream(seed, "luck").standard_normal(n_replicates)
    answers = Answers(settings=settings, draws=draws, noise=fitted.noise, luck=luck)
    if settings.n_amounts >= FEWEST_AMOUNTS:
        fit = _answered(answers, fitted, asked=asked, tolerance=tolerance, ask=ask)
        fit = replace(fit, observed=_observed(runs, settings, draws, chosen, fit))
    else:
        fit = _answered_at_few_amounts(answers, fitted, asked=asked, tolerance=tolerance, ask=ask)
    tell(3, 3)
    doubt = (runs.doubt,) if runs.doubt else ()
    return replace(fit, sentences=(*doubt, *sentences(fit)))


def _ahead(settings: Settings) -> list[dict[str, float]]:
    """Return the largest setting with more data; as it is, where runs do not tell of more."""
    largest = settings.setting(settings.largest)
    if settings.n_amounts < FEWEST_AMOUNTS:
        return [largest]
    ahead = []
    for times in AHEAD:
        more = {key: times * largest[key] for key in ("real", "synthetic")}
        ahead.append({**largest, **more})
    return ahead


def _with_law(
    empty: RunFit, settings: Settings, chosen: LawChoice, draws: LawDraws, missing: Mapping[str, str]
) -> RunFit:
    """Return the fit with the laws that were tried, and the chosen one."""
    best = chosen.fits[chosen.best]
    noise = settings.run_noise(best.scale)
    off_any_law = unexplained(noise, float(np.std(np.log(settings.loss))))
    off_this_law = misfitting(settings.misfit(best.scale, n_parameters=len(best.vector)))
    return replace(
        empty,
        status="ok",
        n_held_out=int(chosen.held_out.sum()),
        candidates=_candidates(chosen, missing),
        law=law_name(best.law),
        formula=law_formula(best.law),
        parameters=_parameters(chosen, draws),
        noise=noise,
        deviation=chosen.deviation,
        warnings=(*empty.warnings, *off_any_law, *off_this_law),
    )


def _answered(answers: Answers, fit: RunFit, *, asked: list[dict[str, float]], tolerance: float, ask: str) -> RunFit:
    """Return the fit with everything that follows from the draws."""
    settings = answers.settings
    groups = settings.groups()
    largest = settings.setting(settings.largest)
    most = max(CURVE_AHEAD * float(settings.points.total.max()), *(s["real"] + s["synthetic"] for s in asked))
    told = replace(
        fit,
        forecasts=tuple(answers.forecast(setting) for setting in asked),
        floors=tuple(answers.floor(group) for group in groups),
        curves=tuple(answers.curve(group, most=most) for group in groups),
    )
    if not settings.shares_vary:
        return replace(told, next_run=answers.next_run(asked[0], ask="loss", tolerance=tolerance, unit=fit.unit))
    here = [asked[0], settings.completed(largest)]
    beside = [setting for setting in here if answers.addable(setting)]
    return replace(
        told,
        harmless=tuple(answers.harmless(setting, tolerance) for setting in here),
        amounts=tuple(answers.amount(setting) for setting in beside),
        prices=tuple(answers.price(setting) for setting in [*asked, here[1]]),
        price_curves=tuple(answers.price_curve(setting) for setting in beside),
        next_run=answers.next_run(asked[0], ask=ask, tolerance=tolerance, unit=fit.unit),
    )


def _answered_at_few_amounts(
    answers: Answers, fit: RunFit, *, asked: list[dict[str, float]], tolerance: float, ask: str
) -> RunFit:
    """Return what runs of one or two amounts of data tell: of these alone, and nothing that takes more of it."""
    here = answers.settings.completed(answers.settings.setting(answers.settings.largest))
    ask = "share" if ask == "price" else ask
    return replace(
        fit,
        forecasts=tuple(answers.forecast(setting) for setting in asked),
        harmless=(answers.harmless(here, tolerance),),
        next_run=answers.next_run(here, ask=ask, tolerance=tolerance, unit=fit.unit),
    )


def _candidates(chosen: LawChoice, missing: Mapping[str, str]) -> tuple[Candidate, ...]:
    """Return how each law did, and which terms could not be looked for."""
    relative = np.expm1(chosen.errors)
    squares = relative**2
    error = np.sqrt(squares.mean(axis=1))
    stderr = squares.std(axis=1, ddof=1) / np.sqrt(squares.shape[1]) / (2 * np.maximum(error, 1e-300))
    fitted = [
        Candidate(
            name=law_name(fit.law),
            formula=law_formula(fit.law),
            n_parameters=len(fit.vector),
            reason="",
            held_out_error=float(error[k]),
            held_out_stderr=float(stderr[k]),
            noise=fit.scale,
            weight=float(chosen.weights[k]),
            chosen=k == chosen.best,
        )
        for k, fit in enumerate(chosen.fits)
    ]
    absent = [
        Candidate(
            name=TERMS.get(term, term),
            formula="",
            n_parameters=0,
            reason=reason,
            held_out_error=float("nan"),
            held_out_stderr=float("nan"),
            noise=float("nan"),
            weight=0.0,
            chosen=False,
        )
        for term, reason in missing.items()
    ]
    return tuple(fitted + absent)


def _parameters(chosen: LawChoice, draws: LawDraws) -> tuple[Parameter, ...]:
    """Return the parameters of the chosen law."""
    fit = chosen.fits[chosen.best]
    vectors = next(vectors for law, _, vectors in draws.parts if law == fit.law)
    drawn = fit.law.values(vectors)
    return tuple(
        Parameter(name=name, value=value, interval=interval(drawn[name]), meaning=MEANINGS[name])
        for name, value in fit.parameters.items()
    )


def _observed(runs: Runs, settings: Settings, draws: LawDraws, chosen: LawChoice, fit: RunFit) -> tuple[Observed, ...]:
    """Return the runs beside the law, each with the curve that is nearest to it."""
    fitted = np.median(np.exp(draws.log_losses(settings.points)), axis=0)
    shares = np.array([curve.fraction for curve in fit.curves])
    sizes = np.array([curve.size or 1.0 for curve in fit.curves])
    generations = np.array([curve.generation or 0.0 for curve in fit.curves])
    found = []
    for k, row in enumerate(settings.of_run):
        setting = settings.setting(int(row))
        away = 1e3 * np.abs(shares - runs.fraction[k]) + np.abs(np.log(sizes / setting.get("size", 1.0)))
        away = away + 1e-3 * np.abs(generations - setting.get("generation", 0.0))
        found.append(
            Observed(
                name=runs.names[k],
                setting=setting,
                fraction=float(runs.fraction[k]),
                total=float(runs.total[k]),
                loss=float(runs.loss[k]),
                fitted=float(fitted[row]),
                held_out=bool(chosen.held_out[row]),
                curve=int(np.argmin(away)),
            )
        )
    return tuple(found)
