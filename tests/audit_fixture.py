"""What does a whole audit look like? A made-up one, for what shows audits: no data, no fit, every field filled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from modelcollapse.decisions.audit_result import (
    AuditResult,
    Crossover,
    Curve,
    Damage,
    ExchangeRate,
    Floor,
    InputShift,
    MixtureForecast,
    Quality,
    Repair,
    SurfaceTable,
    ValidationPoint,
)
from modelcollapse.result import Status

NAN = float("nan")
DAMAGE_STDERR = {"total": 0.003, "labels": 0.004, "inputs": 0.005}
REAL, SYNTHETIC = 600.0, 800.0
MEASURES = {"accuracy": 0.91, "log_loss": 0.41, "auc": 0.985}
BEYOND = 40_000.0
"""Total rows beyond which the made-up data cannot tell."""


def error(real: Any, synthetic: Any) -> Any:
    """Return a made-up test error: falls with all rows, rises with the share of synthetic ones."""
    total = np.maximum(real + synthetic, 1.0)
    value = 0.25 + 30.0 / (real + 0.7 * synthetic + 20.0) + 0.12 * (synthetic / total) ** 2
    return np.where(total > BEYOND, NAN, value)


def point(real: float, synthetic: float, *, classification: bool = False) -> MixtureForecast:
    """Return the made-up forecast for one mixture."""
    value = float(error(real, synthetic))
    known = np.isfinite(value)
    half = 0.25 / np.sqrt(real + synthetic) if known else NAN
    return MixtureForecast(
        counts={"real": real, "synthetic": synthetic},
        weight=1.0,
        ridge=0.01,
        test_error=value,
        band=(value - 1.64 * half, value + 1.64 * half),
        stderr=half / 2,
        run_to_run=half / 2,
        holdout_stderr=half,
        training_error={"real": 0.8 * value},
        measures=MEASURES if classification and known else {},
        status=Status.OK if known else Status.NOT_ENOUGH_DATA,
    )


def validation_point(real: float, synthetic: float, *, off: float, classification: bool) -> ValidationPoint:
    """Return a made-up check whose forecast is off by a number of joint standard errors."""
    value, stderr = float(error(real, synthetic)), 0.006
    return ValidationPoint(
        counts={"real": real, "synthetic": synthetic},
        weight=1.0,
        ridge=0.01,
        forecast=value,
        forecast_stderr=0.008,
        measured=value - off * 0.01,
        stderr=stderr,
        repeats=8,
        measures=MEASURES if classification else {},
        measured_measures={**MEASURES, "accuracy": 0.905} if classification else {},
    )


def surface(source: str = "synthetic") -> SurfaceTable:
    """Return a made-up surface with a corner that the data cannot tell."""
    real, synthetic = np.geomspace(50, 30_000, 24), np.concatenate([[0.0], np.geomspace(50, 30_000, 23)])
    table = error(real[:, None], synthetic[None, :])
    return SurfaceTable(
        source=source,
        real=real,
        synthetic=synthetic,
        test_error=table,
        weight=np.where(np.isnan(table), NAN, 0.5),
        ridge=np.where(np.isnan(table), NAN, 0.01),
        n_mixtures=table.size * 12,
    )


def curve(name: str, label: str, points: Iterable[MixtureForecast], *, stderr: float) -> Curve:
    """Return a made-up curve whose points differ from the real rows alone by so much, give or take."""
    told = tuple(points)
    return Curve(name=name, label=label, points=told, difference_stderr=(stderr,) * len(told))


def curves(*, stderr: float = 0.002) -> tuple[Curve, ...]:
    """Return made-up curves, the last points of which the data cannot tell."""
    totals = np.geomspace(40, 60_000, 20)
    share = SYNTHETIC / (REAL + SYNTHETIC)
    return (
        curve("real_only", "real rows only", (point(n, 0.0) for n in totals), stderr=stderr),
        curve(
            "at_hand",
            "in the proportions at hand",
            (point((1 - share) * n, share * n) for n in totals),
            stderr=stderr,
        ),
        curve(
            "added_synthetic",
            "synthetic rows added to the real ones at hand",
            (point(REAL, n) for n in totals),
            stderr=stderr,
        ),
    )


def audit_result(*, classification: bool = False, **changes: Any) -> AuditResult:
    """Return a made-up audit of one synthetic source, with some of its fields replaced."""
    counts = np.geomspace(20, 20_000, 16)
    checks = [(100.0, 0.0, 0.4), (450.0, 0.0, -1.0), (200.0, 300.0, 0.2), (450.0, 600.0, 1.1)]
    result = AuditResult(
        verdict="Synthetic rows help a little: with 3,000 of them the error falls from 0.30 to 0.27.",
        details="Beyond about 9,000 rows at full weight they do harm.",
        confidence="high",
        confidence_reason="all 4 checks agree with the forecast",
        task="classification" if classification else "regression",
        at_hand=point(REAL, SYNTHETIC, classification=classification),
        real_only=point(REAL, 0.0, classification=classification),
        best=point(REAL, 3000.0, classification=classification),
        doubled_real=point(2 * REAL, 0.0, classification=classification),
        floor=Floor(
            real_only=0.25,
            mixture=0.291,
            synthetic_only=0.37,
            stderr={"real_only": 0.004, "mixture": 0.003, "synthetic_only": 0.005},
        ),
        crossover=Crossover(best_count=3000.0, harmful_count=9000.0, largest_count=20_000.0),
        exchange_rate=ExchangeRate(
            marginal=0.12,
            interval=(0.05, 0.19),
            equivalent_real=230.0,
            equivalent_interval=(0.5 * 230.0, 2.0 * 230.0),
            counts=counts,
            curve=0.7 - 0.28 * np.log10(counts / 20),
        ),
        quality={
            "synthetic": Quality(value=0.051, interval=(0.043, 0.058), relative=0.057, relative_interval=(0.048, 0.065))
        },
        input_shift={"synthetic": InputShift(auc=0.62, auc_interval=(0.58, 0.66), spread=0.8)},
        damage={"synthetic": Damage(total=0.034, labels=0.041, inputs=-0.007, stderr=DAMAGE_STDERR)},
        forecasts=(point(9000.0, 1000.0, classification=classification), point(90_000.0, 0.0)),
        validation=tuple(validation_point(r, s, off=off, classification=classification) for r, s, off in checks),
        curves=curves(),
        surfaces=(surface(),),
        spectrum={"real": np.arange(1, 65) ** -1.3, "synthetic": np.arange(1, 65) ** -1.6},
        rows={"real": int(REAL), "synthetic": int(SYNTHETIC)},
        holdout_rows=200,
        n_features=65,
        n_strata=2,
        seconds=3.2,
        steps=("Standardised 64 numeric columns with the real rows' mean and spread.", "Held out 200 real rows."),
        warnings=("column `a < b & c` was dropped: constant.",),
        version="0.1.0",
        repairs=tuple(
            Repair(
                source="synthetic", mended=what, before=0.291, after=0.291 - gain, gain=gain, interval=(-0.001, 0.012)
            )
            for what, gain in (("spread and tails", 0.006), ("association", 0.001))
        ),
    )
    return replace(result, **changes)


def two_sources() -> AuditResult:
    """Return a made-up audit of two synthetic sources."""
    first = audit_result()
    return replace(
        first,
        quality={
            **first.quality,
            "synthetic2": Quality(value=0.4, interval=(0.37, 0.44), relative=0.45, relative_interval=(0.42, 0.5)),
        },
        input_shift={**first.input_shift, "synthetic2": InputShift(auc=0.5, auc_interval=(0.47, 0.53), spread=1.0)},
        damage={**first.damage, "synthetic2": Damage(total=0.12, labels=0.1, inputs=0.02, stderr=DAMAGE_STDERR)},
        surfaces=(surface(), surface("synthetic2"), surface("synthetic+synthetic2")),
        spectrum={**first.spectrum, "synthetic2": np.arange(1, 65) ** -1.0},
        rows={**first.rows, "synthetic2": 300},
    )


def unknown() -> AuditResult:
    """Return a made-up audit of data so few that they hardly tell anything."""
    lost = point(2 * BEYOND, 0.0)
    first = audit_result()
    table = surface()
    blank = np.full(table.test_error.shape, NAN)
    return replace(
        first,
        verdict="There is not enough data to tell what the synthetic rows do.",
        details="",
        confidence="low",
        at_hand=lost,
        real_only=lost,
        best=lost,
        doubled_real=lost,
        floor=Floor(
            real_only=NAN,
            mixture=NAN,
            synthetic_only=NAN,
            stderr={"real_only": NAN, "mixture": NAN, "synthetic_only": NAN},
        ),
        crossover=Crossover(best_count=NAN, harmful_count=None, largest_count=NAN),
        exchange_rate=ExchangeRate(
            marginal=NAN,
            interval=(NAN, NAN),
            equivalent_real=NAN,
            equivalent_interval=(NAN, NAN),
            counts=np.array([]),
            curve=np.array([]),
        ),
        quality={"synthetic": Quality(value=NAN, interval=(NAN, NAN), relative=NAN, relative_interval=(NAN, NAN))},
        input_shift={"synthetic": InputShift(auc=NAN, auc_interval=(NAN, NAN), spread=NAN)},
        damage={"synthetic": Damage(total=NAN, labels=NAN, inputs=NAN, stderr=dict.fromkeys(DAMAGE_STDERR, NAN))},
        forecasts=(lost,),
        validation=(),
        curves=(curve("real_only", "real rows only", (lost,), stderr=NAN),),
        surfaces=(replace(table, test_error=blank, weight=blank, ridge=blank),),
        spectrum={"real": np.zeros(3), "synthetic": np.zeros(3)},
    )
