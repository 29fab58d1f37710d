"""Will mixing in synthetic data help or hurt, and how much is best? The whole audit, from data to verdict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from modelcollapse import __version__
from modelcollapse.checks import integer, known_keys, number, real_array
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
from modelcollapse.decisions.verdict import judge
from modelcollapse.errors import InputError
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
        Samples by source name; sources left out count 0.
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
    target: str | None = None,
    holdout: object | None = None,
    task: str | None = None,
    features: str = "raw",
    scale: str = "standard",
    ridge: Sequence[float] | None = None,
    at: Sequence[MixtureRequest] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> AuditResult:
    """Say what training on mixtures of real and synthetic data does, forecast from the data and checked by training.

    Parameters
    ----------
    real, synthetic : path, DataFrame, or (X, y)
        Real examples; one or several synthetic sources.
    target : str, optional
        Target column; not needed for arrays.
    holdout : as `real`, optional
        Real rows to measure on; default: a random part of the real rows.
    task : {"regression", "classification"}, optional
        Default: decided from the targets.
    features : str
        ``"raw"``, ``"relu:WIDTH"`` or ``"columns:PREFIX"``.
    scale : {"standard", "none"}
        Whether columns are standardised.
    ridge : sequence of float, optional
        Ridges λ > 0 that may be chosen; default: a grid around the features' mean second moment.
    at : sequence of MixtureRequest
        Further mixtures to forecast.
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
    for value in real_array("ridge", ridge, ndim=1).tolist() if ridge is not None else ():
        _check_ridge("ridge", value)
    integer("seed", seed, low=0)
    report("reading and encoding", 0, 1)
    data = prepare(
        real, synthetic, target=target, holdout=holdout, task=task, features=features, scale=scale, seed=seed
    )
    for request in at:
        _check_request(request, data.names)
    with threadpool_limits(limits=1):
        return _run(data, ridge=ridge, at=at, seed=seed, report=report, started=started)


def _run(
    data: PreparedData,
    *,
    ridge: Sequence[float] | None,
    at: Sequence[MixtureRequest],
    seed: int,
    report: Progress,
    started: float,
) -> AuditResult:
    """Gather the evidence and answer every question of the audit."""
    evidence = gather(data, ridge=ridge, seed=seed, progress=report)
    real_only, at_hand = evidence.forecast(evidence.only_real), evidence.forecast(evidence.counts)
    best = best_mixture(evidence)
    crossover = evidence.together.crossover()
    rule_ridge = finest_ridge(evidence.whole, ridges=evidence.ridges)
    spoken = {"real_only": evidence.answer(real_only), "at_hand": evidence.answer(at_hand)}
    spoken["best"] = evidence.answer(best)
    verdict = judge(
        **spoken,
        gain_stderr=evidence.difference_stderr(real_only, best),
        harm_stderr=evidence.difference_stderr(at_hand, real_only),
        crossover=crossover,
        checked=evidence.checked,
    )
    result = AuditResult(
        verdict=verdict.sentence,
        details=verdict.details,
        confidence=verdict.confidence,
        confidence_reason=verdict.reason,
        task=data.task,
        **spoken,
        doubled_real=evidence.answer(evidence.forecast(2 * evidence.only_real)),
        floor=floors(evidence),
        crossover=crossover,
        exchange_rate=exchange_rate(evidence, at_hand=at_hand),
        quality=qualities(evidence, rule_ridge=rule_ridge),
        input_shift=input_shifts(evidence, ridge=at_hand.ridge),
        damage=damages(evidence, rule_ridge=rule_ridge),
        forecasts=tuple(side_by_side(lambda request: _requested(evidence, request), at)),
        validation=evidence.points,
        curves=curves(evidence, progress=report),
        surfaces=tuple(where.table() for where in evidence.landscapes),
        spectrum=spectra(evidence),
        rows={name: int(n) for name, n in zip(data.names, evidence.counts, strict=True)},
        holdout_rows=len(data.holdout),
        n_features=evidence.whole.n_features,
        n_strata=len(evidence.pool.rows) // evidence.pool.n_sources,
        seconds=time.perf_counter() - started,
        steps=data.steps,
        warnings=data.warnings,
        version=__version__,
        seed=seed,
    )
    report("done", 1, 1)
    return result


def _check_ridge(what: str, value: object) -> None:
    """Refuse ridges that no fit can tell from zero or from infinity."""
    number(what, value, low=1 / LARGEST, high=LARGEST, hint="Use a small positive ridge.")


def _check_request(request: MixtureRequest, names: Sequence[str]) -> None:
    """Refuse unknown sources, negative counts, and requests without a sample."""
    known_keys("`at`", request.counts, names)
    counts = [number(f"at: {name}", count, low=0, high=ENDLESS) for name, count in request.counts.items()]
    weight = number("at: weight", request.weight, low=0, high=HEAVIEST)
    if request.ridge is not None:
        _check_ridge("at: ridge", request.ridge)
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
