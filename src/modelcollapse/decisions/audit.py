"""Will mixing in synthetic data help or hurt, and how much is best? The whole audit, from data to verdict."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from modelcollapse import __version__
from modelcollapse.checks import fail, integer, known_keys, number
from modelcollapse.decisions.answers import (
    best_mixture,
    curves,
    damages,
    exchange_rate,
    floors,
    input_shifts,
    qualities,
    spectra,
)
from modelcollapse.decisions.audit_result import AuditResult, MixtureForecast
from modelcollapse.decisions.differences import ENDLESS, finest_ridge
from modelcollapse.decisions.evidence import Evidence, gather
from modelcollapse.decisions.on_the_spot import Progress
from modelcollapse.decisions.own_model import OwnModelRequest, audit_own_model
from modelcollapse.decisions.repairs import repairs
from modelcollapse.decisions.verdict import judge
from modelcollapse.errors import InputError
from modelcollapse.estimation.estimators import resolve_estimator
from modelcollapse.estimation.features import parse_features
from modelcollapse.estimation.preparation import PreparedData, prepare
from modelcollapse.estimation.tables import LARGEST
from modelcollapse.parallel import side_by_side

HEAVIEST = 1e6
"""Largest weight of synthetic samples that may be asked for."""


@dataclass(frozen=True)
class MixtureRequest:
    """A mixture to forecast.

    Attributes
    ----------
    counts : dict of str to float
        Samples by source name, whole numbers; sources left out count 0.
    ridge : float or None
        λ per sample; None takes the best for these counts and this weight.
    weight : float
        Per-sample weight of every synthetic source.
    """

    counts: dict[str, float]
    ridge: float | None = None
    weight: float = 1.0


def audit(
    real: object,
    synthetic: object,
    *,
    target: str | int | None = None,
    holdout: object | None = None,
    task: str | None = None,
    features: str = "raw",
    scale: str = "standard",
    ridge: float | Sequence[float] | None = None,
    at: MixtureRequest | Sequence[MixtureRequest] = (),
    own_model: OwnModelRequest | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> AuditResult:
    """Say what training on mixtures of real and synthetic data does, forecast from the data and checked by training.

    Parameters
    ----------
    real, synthetic : path, DataFrame, or (X, y)
        Real examples; one or several synthetic sources.
    target : str or int, optional
        Target column; not needed for arrays.
    holdout : as `real`, optional
        Real rows to measure on; default: a random part of the real rows.
    task : {"regression", "classification"}, optional
        Default: decided from the targets.
    features : str
        ``"raw"``, ``"relu:WIDTH"`` or ``"columns:PREFIX"``.
    scale : {"standard", "none"}
        Whether columns are standardised.
    ridge : float or sequence of float, optional
        Ridges λ > 0 that may be chosen; default: a grid around the features' mean second moment.
    at : MixtureRequest or sequence of MixtureRequest
        Further mixtures to forecast.
    own_model : OwnModelRequest, optional
        A model that is trained on a few mixtures, and for which the same questions are answered.
    seed : int
        For every random choice.
    progress : callable, optional
        Called with (stage, done, total).

    Returns
    -------
    AuditResult

    Raises
    ------
    InputError
        When the data or an argument cannot be used; the message is one line.

    Notes
    -----
    Forecasts are for ridge regression on the given features (one-hot targets in classification). For estimators that
    learn their features they are a proxy.
    """
    started = time.perf_counter()
    report = progress or _silent
    if own_model is not None:
        own_model.check()
    ridges, requests = _ridges(ridge), _requests(at)
    integer("seed", seed, low=0)
    report("reading and encoding", 0, 1)

    def prepared(features: str) -> PreparedData:
        return prepare(
            real, synthetic, target=target, holdout=holdout, task=task, features=features, scale=scale, seed=seed
        )

    data = prepared(features)
    for request in requests:
        _check_request(request, data.names)
    if own_model is not None:
        resolve_estimator(own_model.estimator, classification=data.task == "classification")
    with threadpool_limits(limits=1):
        evidence = gather(data, ridge=ridges, seed=seed, progress=report)
        result = _run(data, evidence, at=requests, seed=seed, report=report)
        if own_model is not None:
            given = prepared("raw") if parse_features(features).kind == "relu" else data
            result = _with_own_model(result, own_model, given, evidence, at=requests, report=report)
    report("done", 1, 1)
    return replace(result, seconds=time.perf_counter() - started)


def _run(
    data: PreparedData,
    evidence: Evidence,
    *,
    at: Sequence[MixtureRequest],
    seed: int,
    report: Progress,
) -> AuditResult:
    """Answer every question of the audit."""
    real_only, at_hand = evidence.forecast(evidence.only_real), evidence.forecast(evidence.counts)
    best = best_mixture(evidence)
    crossover = evidence.together.crossover()
    rule_ridge = finest_ridge(evidence.whole, ridges=evidence.ridges)
    quality = qualities(evidence, rule_ridge=rule_ridge)
    spoken = {"real_only": evidence.answer(real_only), "at_hand": evidence.answer(at_hand)}
    spoken["best"] = evidence.answer(best)
    verdict = judge(
        **spoken,
        gain_stderr=evidence.difference_stderr(real_only, best),
        harm_stderr=evidence.difference_stderr(at_hand, real_only),
        crossover=crossover,
        checked=evidence.checked,
    )
    if not verdict.mix_in:
        spoken["best"] = spoken["real_only"]
    return AuditResult(
        verdict=verdict.sentence,
        details=verdict.details,
        confidence=verdict.confidence,
        confidence_reason=verdict.reason,
        task=data.task,
        at_hand=spoken["at_hand"],
        real_only=spoken["real_only"],
        best=spoken["best"],
        doubled_real=evidence.answer(evidence.forecast(2 * evidence.only_real)),
        floor=floors(evidence),
        crossover=crossover,
        exchange_rate=exchange_rate(evidence, at_hand=at_hand, real_only=real_only),
        quality=quality,
        input_shift=input_shifts(evidence, ridge=at_hand.ridge),
        damage=damages(evidence, rule_ridge=rule_ridge),
        forecasts=tuple(side_by_side(lambda request: _requested(evidence, request), at)),
        validation=evidence.points,
        curves=curves(evidence, real_only=real_only, progress=report),
        surfaces=tuple(where.table() for where in evidence.landscapes),
        spectrum=spectra(evidence),
        repairs=repairs(evidence, quality=quality, rule_ridge=rule_ridge),
        rows={name: int(n) for name, n in zip(data.names, evidence.counts, strict=True)},
        holdout_rows=len(data.holdout),
        n_features=evidence.whole.n_features,
        n_strata=len(evidence.pool.rows) // evidence.pool.n_sources,
        seconds=0.0,
        steps=data.steps,
        warnings=data.warnings,
        version=__version__,
        seed=seed,
    )


def _with_own_model(
    result: AuditResult,
    own_model: OwnModelRequest,
    data: PreparedData,
    evidence: Evidence,
    *,
    at: Sequence[MixtureRequest],
    report: Progress,
) -> AuditResult:
    """Answer for the user's own model too; the verdict is then on that model."""
    own = audit_own_model(
        own_model, data, evidence, at=at, ridge_verdict=result.verdict, seed=result.seed, progress=report
    )
    return replace(
        result,
        own_model=own,
        verdict=own.verdict,
        details=own.details,
        confidence=own.confidence,
        confidence_reason=own.confidence_reason,
    )


def _ridges(ridge: float | Sequence[float] | None) -> list[float] | None:
    """Return the ridges that may be chosen as a list; a single number is one ridge."""
    if ridge is None:
        return None
    values = np.atleast_1d(np.asarray(ridge, dtype=object))
    if values.size == 0:
        raise fail("ridge", ridge, "a positive number or several of them", "Leave it out for a grid.")
    return [_checked_ridge("ridge", value) for value in values]


def _checked_ridge(what: str, value: object) -> float:
    """Return a ridge that a fit can tell from zero and from infinity."""
    try:
        return number(what, value, low=1 / LARGEST, high=LARGEST)
    except InputError:
        allowed = f"a positive number, from {1 / LARGEST:g} to {LARGEST:g}"
        raise fail(what, value, allowed, "Use a small positive ridge.") from None


def _requests(at: MixtureRequest | Sequence[MixtureRequest]) -> tuple[MixtureRequest, ...]:
    """Return the mixtures asked for; a single one needs no list."""
    items: tuple[object, ...] = tuple(at) if isinstance(at, list | tuple) else (at,)
    requests = tuple(item for item in items if isinstance(item, MixtureRequest) and isinstance(item.counts, Mapping))
    if len(requests) < len(items):
        hint = 'Write at=[MixtureRequest({"real": 1000, "synthetic": 500})].'
        raise fail("at", at, "MixtureRequest objects with counts by source", hint)
    return requests


def _check_request(request: MixtureRequest, names: Sequence[str]) -> None:
    """Refuse unknown sources, negative counts, and requests without a sample."""
    known_keys("`at`", request.counts, names)
    counts = [integer(f"at: {name}", count, low=0, high=int(ENDLESS)) for name, count in request.counts.items()]
    weight = number("at: weight", request.weight, low=0, high=HEAVIEST)
    if request.ridge is not None:
        _checked_ridge("at: ridge", request.ridge)
    real = request.counts.get("real", 0)
    if sum(counts) <= 0 or (weight == 0 and real <= 0):
        raise InputError(
            f"`at` needs a source with a positive count and weight; got {request.counts} with weight {weight:g}."
        )


def _requested(evidence: Evidence, request: MixtureRequest) -> MixtureForecast:
    """Forecast a mixture that the user asked for."""
    counts = np.array([float(request.counts.get(name, 0.0)) for name in evidence.whole.names])
    return evidence.answer(evidence.forecast(counts, weight=float(request.weight), ridge=request.ridge))


def _silent(stage: str, done: int, total: int) -> None:
    """Report progress to nobody."""
