"""What do many units say together? Estimates with standard errors, by the jackknife over units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.result import PARTS
from modelcollapse.simulation.moments import Moments


@dataclass(frozen=True, kw_only=True)
class Question:
    """What of a fit's moments is asked: the noise of each source and how much there is of each component.

    Attributes
    ----------
    noise_var : array of shape (K,)
    power : array of shape (A,)
        Square of the factor that multiplies each component.
    n_features : int
    ridge : float
    width : int or None
    unit : float
        By what the problem's weights and ridge were divided for the fit.
    margin : float
        Without ridge, how many samples the fit is from the number at which it just interpolates; infinite with one.
        Up to 1 the risk has no mean, up to 3 no variance.
    """

    noise_var: Array
    power: Array
    n_features: int
    ridge: float
    width: int | None
    unit: float
    margin: float


BELOW_ROUNDING = 1e-13
"""Standard errors below this times the value are those of rounding: zero."""

Estimates = dict[str, tuple[Array, Array]]
"""Value and standard error by name: arrays of shape (), or (K,) for the training error."""


def excess_risk(moments: Moments, question: Question) -> Array:
    """Return the excess risk, shape of the leading axes."""
    return np.asarray(moments.noise @ question.noise_var + moments.teacher @ question.power)


def answer(moments: Moments, question: Question) -> Estimates:
    """Return every number of a result from the moments of one fit.

    Parameters
    ----------
    moments : Moments
        Leading axis: units, at least two.
    question : Question

    Returns
    -------
    dict of str to (value, standard error)

    Notes
    -----
    Means over units are unbiased; the projection variance is a sum of products of means, for which the jackknife
    removes the bias exactly; the effective ridge is the inverse of a mean, and biased by the square of its relative
    standard error.
    """
    estimates = jackknife(moments, lambda means: _numbers(means, question))
    return {**estimates, "effective_ridge": _effective_ridge(moments.trace, question)}


def _numbers(means: Moments, question: Question) -> Mapping[str, Array]:
    """Return the numbers of a result from means, over any leading axes."""
    noise = means.noise @ question.noise_var
    risk, clean = noise + means.teacher @ question.power, noise + means.clean @ question.power
    bias, spread = means.bias @ question.power, means.spread @ question.power
    projection = spread[..., 0] + (means.noise * spread[..., 1:]).sum(axis=-1)
    return {
        "excess_risk": risk,
        "bias": bias,
        "variance": clean - bias - projection,
        "projection_variance": projection,
        "collapse": (means.teacher - means.clean) @ question.power,
        "training_error": means.training_noise @ question.noise_var + means.training_teacher @ question.power,
    }


def _effective_ridge(trace: Array, question: Question) -> tuple[Array, Array]:
    """Return κ = d / E tr Q and its standard error; 0 where some features meet neither samples nor ridge."""
    if question.width is None:
        return np.array(question.unit * question.ridge), np.array(0.0)
    mean = trace.mean()
    if not np.isfinite(mean):
        return np.array(0.0), np.array(0.0)
    value = np.array(question.unit * question.n_features / mean)
    stderr = value * trace.std(ddof=1) / np.sqrt(len(trace)) / mean
    return value, np.where(stderr > BELOW_ROUNDING * value, stderr, 0.0)


def jackknife(moments: Moments, function: Callable[[Moments], Mapping[str, Array]]) -> Estimates:
    """Return the values of a smooth function of means and their standard errors, from units that are left out in turn.

    Exactly unbiased for functions that are linear or quadratic in the means.

    Parameters
    ----------
    moments : Moments
        Leading axis: units, at least two.
    function : callable
        From moments with any leading axes to named arrays with the same leading axes.
    """
    n_units = len(moments.noise)
    means = _each(moments, lambda values: values.mean(axis=0))
    with np.errstate(invalid="ignore"):  # a trace may be infinite
        without = _each(moments, lambda values: (values.sum(axis=0) - values) / (n_units - 1))
    estimates = {}
    left_out = function(without)
    for name, value in function(means).items():
        others = np.asarray(left_out[name])
        if (others == value).all():  # the same in every unit: no error, and none from rounding
            estimates[name] = (np.asarray(value), np.zeros_like(value))
            continue
        corrected = n_units * np.asarray(value) - (n_units - 1) * others.mean(axis=0)
        spread = (n_units - 1) / n_units * ((others - others.mean(axis=0)) ** 2).sum(axis=0)
        stderr = np.sqrt(spread)
        estimates[name] = (corrected, np.where(stderr > BELOW_ROUNDING * np.abs(corrected), stderr, 0.0))
    return estimates


def unknown(n_sources: int) -> Estimates:
    """Return NaN for every number."""
    nothing = np.array(np.nan)
    names = ("excess_risk", *PARTS, "effective_ridge")
    each = np.full(n_sources, np.nan)
    return {**dict.fromkeys(names, (nothing, nothing)), "training_error": (each, each)}


def erratic(values: Array) -> bool:
    """Whether single units decide the standard error of a mean: one is 5 standard deviations away, or most of them.

    Parameters
    ----------
    values : array of shape (units,)
    """
    squares = (values - values.mean()) ** 2
    total = squares.sum()
    largest = squares.max(initial=0.0)
    return bool(total > 0 and (largest > 25 * total / len(values) or largest > 0.6 * total) and len(values) > 4)


def _each(moments: Moments, function: Callable[[Array], Array]) -> Moments:
    """Apply a function to every field."""
    return Moments(**{f.name: function(getattr(moments, f.name)) for f in fields(Moments)})
