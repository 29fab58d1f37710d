"""What was found on images? Whether more data stop helping, how labels were, and whether forecasts held."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelcollapse.decisions.curve_bends import Curve, flat_end
from modelcollapse.decisions.forecast import BAND_LEVEL
from modelcollapse.digits import amount_text, interval_text, rough_text, share_text
from modelcollapse.result import TrainedPoint

COUNTS = ("forecast/settings", "forecast/not_enough_data")
"""Numbers of `numbers_of` that are exact."""


def numbers_of(
    measured: Mapping[tuple[Any, ...], list[dict[str, float]]], forecasts: Mapping[tuple[Any, ...], dict[str, float]]
) -> dict[str, float]:
    """Return how forecasts and measurements agree; empty without forecasts.

    ``forecast/within_band`` is the share of single models inside the band of their forecast, ``forecast/median_error``
    the median of |mean measured/forecast − 1| over settings, ``forecast/median_ratio`` that of measured over forecast,
    ``forecast/settings`` how many settings there were, and ``forecast/not_enough_data`` how many had no forecast.
    """
    if not forecasts:
        return {}
    told = {setting: each for setting, each in forecasts.items() if math.isfinite(each["forecast"])}
    numbers = {
        "forecast/settings": float(len(forecasts)),
        "forecast/not_enough_data": float(len(forecasts) - len(told)),
    }
    if not told:
        return numbers
    ratios = [np.mean([model["test_error"] for model in measured[key]]) / told[key]["forecast"] for key in told]
    inside = [
        told[key]["forecast_low"] <= model["test_error"] <= told[key]["forecast_high"]
        for key in told
        for model in measured[key]
    ]
    return {
        **numbers,
        "forecast/within_band": float(np.mean(inside)),
        "forecast/median_error": float(np.median(np.abs(np.array(ratios) - 1.0))),
        "forecast/median_ratio": float(np.median(ratios)),
    }


def findings_of(points: Sequence[TrainedPoint], numbers: Mapping[str, float]) -> tuple[str, ...]:
    """Return sentences on the labellers, on each kind of model, and on the forecasts."""
    return (*_labellers(numbers), *_collapse(points), *_agreement(numbers))


def _labellers(numbers: Mapping[str, float]) -> list[str]:
    """Say how good each labeller is."""
    names = list(dict.fromkeys(key.split("/")[1] for key in numbers if key.startswith("labeller/")))
    sentences = []
    for name in names:
        each = {key.split("/")[2]: value for key, value in numbers.items() if key.startswith(f"labeller/{name}/")}
        quality = interval_text(each["quality"], (each["quality_low"], each["quality_high"]))
        sentences.append(
            f"Labels of {name}: c² = {quality} at ridge {each['quality_ridge']:g}; on the test images, squared error "
            f"{rough_text(each['test_error'])} and accuracy {share_text(each['accuracy'])}."
        )
    return sentences


def _collapse(points: Sequence[TrainedPoint]) -> list[str]:
    """Say of each kind of model with which labels its error surely stops falling, against real labels alone."""
    groups: dict[tuple[Any, ...], dict[tuple[Any, ...], list[TrainedPoint]]] = {}
    for point in points:
        kind = tuple(point.setting.get(key) for key in ("model", "width", "ridge"))
        labels = point.setting.get("labeller"), point.setting["synthetic_fraction"]
        groups.setdefault(kind, {}).setdefault(labels, []).append(point)
    n_tests = sum(labels[0] is not None for curves in groups.values() for labels in curves)
    return [_collapse_of(kind, curves, n_tests=n_tests) for kind, curves in groups.items()]


def _collapse_of(kind: tuple[Any, ...], curves: Mapping[tuple[Any, ...], list[TrainedPoint]], *, n_tests: int) -> str:
    """Say it of one kind of model, as of so many curves in all."""
    model, width, ridge = kind
    name = f"{'Random features' if model == 'random_features' else 'Networks'} of width {width:,}"
    name += "" if ridge is None else f", ridge {ridge:g}"
    real = _curve(curves[None, 0.0])
    mixed = {labels: _curve(each) for labels, each in curves.items() if labels[0] is not None}
    if len(real.sizes) < 2 or not np.isfinite(real.stderr).all():
        return f"{name}: whether more data stop helping takes two sizes and two replicates to tell."
    ends = {labels: flat_end(curve, real, n_tests=n_tests) for labels, curve in mixed.items()}
    flat = [
        f"{fraction:g} from {labeller} (from n = {amount_text(real.sizes[end.start])} on, at "
        f"{rough_text(mixed[labeller, fraction].errors[-1])} against {rough_text(real.errors[-1])})"
        for (labeller, fraction), end in ends.items()
        if end is not None
    ]
    if not flat:
        return (
            f"{name}: at none of the fractions does the error surely fall less than half as fast as with real labels."
        )
    return f"{name}: in the end the error falls less than half as fast as with real labels at {'; '.join(flat)}."


def _curve(points: Sequence[TrainedPoint]) -> Curve:
    """Return the errors of one kind of model along the size of its training set."""
    return Curve(
        sizes=np.array([point.setting["n_samples"] for point in points], dtype=float),
        errors=np.array([point.values["test_error"] for point in points]),
        stderr=np.array([point.stderr["test_error"] for point in points]),
        freedom=max(1.0, points[0].n_replicates - 1.0),
    )


def _agreement(numbers: Mapping[str, float]) -> list[str]:
    """Say how far forecasts held."""
    if "forecast/settings" not in numbers:
        return []
    n_settings, n_blind = (round(numbers[f"forecast/{key}"]) for key in ("settings", "not_enough_data"))
    blind = f" Of {n_settings:,} settings, {n_blind:,} lie beyond what the pool can tell." if n_blind else ""
    if "forecast/median_error" not in numbers:
        return [blind.strip()]
    return [
        f"Forecasts for random features: the median error is {share_text(numbers['forecast/median_error'])}; "
        f"{share_text(numbers['forecast/within_band'])} of the models lie within their band, which is to hold "
        f"{share_text(BAND_LEVEL)}.{blind}"
    ]
