"""Will synthetic data help the model that is really trained? It is trained on a few mixtures, and laws say the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse.checks import Array, integer, number
from modelcollapse.decisions import own_model_answers as answers
from modelcollapse.decisions.evidence import Evidence, whole_number
from modelcollapse.decisions.on_the_spot import Progress
from modelcollapse.decisions.own_model_answers import Forecaster, estimate, forecaster, mixtures_of
from modelcollapse.decisions.own_model_design import Cell, candidates, first_part, fresh, most_telling, repeats
from modelcollapse.decisions.own_model_fits import Budget, FitFile, Workbench, check_fit_file, train_all
from modelcollapse.decisions.own_model_result import (
    LawShare,
    OwnCheck,
    OwnForecast,
    OwnModel,
    RidgeHelp,
    TrainedModel,
)
from modelcollapse.decisions.own_model_words import judge_own_model
from modelcollapse.errors import InputError
from modelcollapse.estimation.estimators import resolve_estimator
from modelcollapse.estimation.mixture_belief import Belief
from modelcollapse.estimation.mixture_law_fits import FEWEST, scatter
from modelcollapse.estimation.preparation import PreparedData
from modelcollapse.estimation.rows import LabelledRows
from modelcollapse.result import Status

if TYPE_CHECKING:
    from modelcollapse.decisions.audit import MixtureRequest

MAX_FITS = 24
"""Models that are trained when nothing else is said."""
MOST_FITS = 1000
"""Most models that may be asked for: laws are fitted anew without each of them."""
ROUND = 4
"""Further mixtures that are chosen at a time."""


@dataclass(frozen=True, eq=False, kw_only=True)
class OwnModelRequest:
    """Which model to train, and what it may cost.

    Attributes
    ----------
    estimator : str or estimator object
        A name, ``module:factory`` or an object, as `resolve_estimator` takes them.
    max_fits : int
        Most models to train, at least 8.
    max_seconds : float, optional
        No model is begun after so many seconds.
    fits : path, optional
        File to which every trained model is appended, and from which those are read that need no second training.
    """

    estimator: object
    max_fits: int = MAX_FITS
    max_seconds: float | None = None
    fits: str | Path | None = None

    def check(self) -> None:
        """Refuse budgets that are none and files that cannot be, before the long work.

        Raises
        ------
        InputError
        """
        hint = "Laws have up to eight parameters."
        integer("max_fits", self.max_fits, low=FEWEST, high=MOST_FITS, hint=hint)
        if self.max_seconds is not None:
            number("max_seconds", self.max_seconds, low=0, open_low=True)
        if self.fits is not None:
            check_fit_file(self.fits)


def audit_own_model(
    request: OwnModelRequest,
    data: PreparedData,
    evidence: Evidence,
    *,
    at: Sequence[MixtureRequest],
    ridge_verdict: str,
    seed: int,
    progress: Progress,
) -> OwnModel:
    """Train the model on a few mixtures inside the rows at hand, and answer the audit's questions for it.

    Parameters
    ----------
    request : OwnModelRequest
    data : PreparedData
        With the features that the model gets; their column of ones is left out.
    evidence : Evidence
        Of the audit: its ridge forecasts are what laws may lean on.
    at : sequence of MixtureRequest
        Mixtures to forecast; those of another weight than 1, or with synthetic sources in other proportions than at
        hand, are answered with "not enough data".
    ridge_verdict : str
        What the audit says of ridge regression.
    seed : int
    progress : callable
        Called with (stage, done, total).

    Raises
    ------
    InputError
        When the estimator cannot be used, or time runs out before the fewest models are trained.

    Notes
    -----
    A band covers the scatter of single models, the choice among laws, their parameters, that the rows at hand are one
    sample, and a bend beyond the rows at hand 1.5 times as large as laws were wrong when they were fitted to small
    mixtures and asked about large ones.
    """
    trainer = resolve_estimator(request.estimator, classification=evidence.classification)
    bench = Workbench(
        names=data.names,
        sources=tuple(_without_ones(rows) for rows in data.pools),
        holdout=_without_ones(data.holdout),
        trainer=trainer,
        seed=seed,
    )
    file = FitFile(request.fits, fingerprint=bench.fingerprint())
    budget = Budget(max_fits=request.max_fits, max_seconds=request.max_seconds or np.inf)
    fits = _train(bench, evidence, file=file, budget=budget, seed=seed, progress=progress)
    progress("fitting laws", 0, 1)
    about = forecaster(evidence, fits, seed=seed)
    n_reused = sum(any(fit is known for known in file.known.values()) for fit in fits)
    return _answers(about, fits, name=trainer.name, n_reused=n_reused, at=at, ridge_verdict=ridge_verdict)


def _without_ones(rows: LabelledRows) -> LabelledRows:
    """Return rows without the last feature, the column of ones, which estimators add themselves."""
    return LabelledRows(rows.features[:, :-1], rows.targets)


def _train(
    bench: Workbench, evidence: Evidence, *, file: FitFile, budget: Budget, seed: int, progress: Progress
) -> list[TrainedModel]:
    """Train the first part of the design, then mixtures that shrink the uncertainty of the verdict most."""
    planned = first_part(bench.available)
    if len(planned) < FEWEST:
        raise InputError(
            f"the rows at hand, {bench.available[0]:,} real and {bench.available[1]:,} synthetic, are too few to train "
            "models on parts of them. Give more rows, or leave the estimator out."
        )
    trained: list[Cell] = []
    fits: list[TrainedModel] = []

    def run(cells: Sequence[Cell]) -> bool:
        numbered = repeats(trained, cells)
        done = train_all(bench, numbered, file=file, budget=budget, n_before=len(fits), progress=progress)
        fits.extend(done)
        trained.extend(cells)
        return len(done) == len(cells)

    going = run(planned[: budget.max_fits])
    if len(fits) < FEWEST:
        kept = "; those are kept in the file of fits" if fits and file.kept else ""
        raise InputError(
            f"`max_seconds` ran out after {len(fits)} of at least {FEWEST} trained models{kept}. Give more time."
        )
    while going and len(fits) < budget.max_fits:
        about = forecaster(evidence, fits, seed=seed)
        open_ = fresh(candidates(bench.available), trained)
        going = run(_most_telling(about, open_, n_chosen=min(ROUND, budget.max_fits - len(fits), len(open_))))
    return fits


def _most_telling(about: Forecaster, cells: Sequence[Cell], *, n_chosen: int) -> list[Cell]:
    """Return the mixtures that shrink the uncertainty of the best mixture against the real rows alone most."""
    counts = np.array(cells, dtype=np.float64)
    asked = answers.savings(about, answers.best_synthetic(about) or about.at_hand[1])
    belief = about.belief(mixtures_of(about.evidence, counts[:, 0], counts[:, 1]))
    noise = belief.scale * scatter(counts.sum(axis=1))
    told = about.log_errors(counts[:, 0], counts[:, 1])
    return [cells[place] for place in most_telling(asked, told, noise=noise, n_chosen=n_chosen)]


def _answers(
    about: Forecaster,
    fits: Sequence[TrainedModel],
    *,
    name: str,
    n_reused: int,
    at: Sequence[MixtureRequest],
    ridge_verdict: str,
) -> OwnModel:
    """Answer every question of the audit."""
    real, synthetic = about.at_hand
    amount = answers.best_synthetic(about)
    saved, lost = answers.savings(about, amount), -answers.savings(about, synthetic)
    gain, harm = estimate(-np.expm1(-saved)), estimate(np.expm1(lost))
    at_hand, real_only = about.forecast(real, synthetic), about.forecast(real, 0.0)
    best_count, harmful_count, largest = answers.crossover(about)
    checks = validation(about, fits)
    verdict = judge_own_model(
        name,
        best_synthetic=amount,
        at_hand=at_hand,
        gain=gain,
        gain_ratio=answers.in_standard_errors(saved),
        harm=harm,
        harm_ratio=answers.in_standard_errors(lost),
        harmful_count=harmful_count,
        deviation=float(np.median([abs(check.ratio - 1) for check in checks])),
        n_fits=len(fits),
        ridge_verdict=ridge_verdict,
    )
    return OwnModel(
        estimator=name,
        fits=tuple(fits),
        n_reused=n_reused,
        laws=_laws(about.main),
        real_only=real_only,
        at_hand=at_hand,
        best=about.forecast(real, amount) if verdict.mix_in else real_only,
        gain=gain,
        harm=harm,
        best_count=best_count,
        harmful_count=harmful_count,
        largest_count=largest,
        floor=answers.floors(about),
        marginal=answers.marginal(about),
        equivalent_real=answers.equivalent_real(about),
        forecasts=tuple(_asked(about, request) for request in at),
        validation=checks,
        ridge=_ridge_help(about),
        curves=answers.curves(about),
        verdict=verdict.sentence,
        details=verdict.details,
        confidence=verdict.confidence,
        confidence_reason=verdict.reason,
    )


def _asked(about: Forecaster, request: MixtureRequest) -> OwnForecast:
    """Forecast a mixture that the user asked for, where the models that were trained can say something."""
    names = about.evidence.whole.names
    rows = np.array([float(request.counts.get(name, 0.0)) for name in names])
    synthetic = float(rows[1:].sum())
    usual = about.evidence.mixed(about.evidence.together, real=float(rows[0]), synthetic=synthetic)
    if request.weight == 1 and np.abs(usual - rows).max() <= 1.0:
        return about.forecast(float(rows[0]), synthetic)
    return OwnForecast(
        counts={name: whole_number(count) for name, count in zip(names, rows.tolist(), strict=True)},
        test_error=np.nan,
        band=(np.nan, np.nan),
        ridge_forecast=np.nan,
        extrapolation=np.nan,
        leans_on_ridge=False,
        status=Status.NOT_ENOUGH_DATA,
    )


def validation(about: Forecaster, fits: Sequence[TrainedModel]) -> tuple[OwnCheck, ...]:
    """Return what the laws, by their weights, say of each model when it is left out."""
    belief = about.main
    missed = belief.weights @ np.array([fit.left_out * fit.spread for fit in belief.fits])
    measured = np.exp(belief.main.log_error)  # above zero
    return tuple(
        OwnCheck(counts=fit.counts, forecast=float(error * np.exp(-gap)), measured=float(error))
        for fit, error, gap in zip(fits, measured, missed, strict=True)
    )


def _laws(belief: Belief) -> tuple[LawShare, ...]:
    """Return how each law fares, the largest weight first."""
    order = np.argsort(-belief.weights, kind="stable")
    return tuple(
        LawShare(
            name=belief.fits[k].law.name,
            leans_on_ridge=belief.fits[k].law.needs_ridge,
            weight=float(belief.weights[k]),
            left_out=_root_mean_square(belief.fits[k].left_out),
            beyond=_root_mean_square(belief.fits[k].beyond),
        )
        for k in order
    )


def _ridge_help(about: Forecaster) -> RidgeHelp:
    """Say whether laws that lean on ridge say better what models of many rows reach than laws in counts alone."""
    if about.leaning is None:
        return RidgeHelp(used=False, helped=False, weight=0.0, beyond=np.nan, beyond_without=np.nan)
    missed, without = (_root_mean_square(belief.beyond) for belief in (about.leaning, about.counting))
    return RidgeHelp(
        used=True,
        helped=missed < without,
        weight=sum(law.weight for law in _laws(about.leaning) if law.leans_on_ridge),
        beyond=missed,
        beyond_without=without,
    )


def _root_mean_square(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else float("nan")
