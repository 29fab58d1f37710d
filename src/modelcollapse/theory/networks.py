"""What does a random-feature network see of its inputs? A linear part and noise, by Gaussian equivalence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import quad_vec
from scipy.special import erf

from modelcollapse.checks import Array, describe, number
from modelcollapse.errors import InputError

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "tanh": np.tanh,
    "erf": lambda x: np.asarray(erf(x)),
    "identity": lambda x: x,
}

REACH = 12.0  # standard deviations; the Gaussian weight beyond is below 1e-31
NEGLIGIBLE = 1e-10  # relative to the variance of the features


@dataclass(frozen=True, kw_only=True)
class LinearEquivalent:
    """The Gaussian model z = slope · S x + √feature_noise · ξ with the same second moments as the features z.

    Attributes
    ----------
    slope : float
        μ_1, not zero.
    feature_noise : float
        μ_*², at least 0.
    """

    slope: float
    feature_noise: float


def linear_equivalent(activation: str | Callable[[Array], Array], *, preactivation_var: float) -> LinearEquivalent:
    """Return slope and feature noise of the centred features z = f(S x) − E f(S x).

    μ_1 = E f(s g) g / s and μ_*² = Var f(s g) − s² μ_1² for g ~ N(0, 1), s² the variance of the preactivations,
    by adaptive quadrature that subdivides at kinks.

    Parameters
    ----------
    activation : str or callable
        ``"relu"``, ``"tanh"``, ``"erf"``, ``"identity"``, or a function of an array, entry by entry.
    preactivation_var : float
        s² = tr Σ / d for entries of S ~ N(0, 1/d); positive.

    Returns
    -------
    LinearEquivalent

    Raises
    ------
    InputError
        When the activation is constant, not finite, or has no linear part (an even function), so that the features
        hold nothing of a linear teacher.

    Notes
    -----
    Features are centred source by source. A relative feature noise below 1e-10 counts as none.

    Examples
    --------
    >>> relu = linear_equivalent("relu", preactivation_var=1.0)
    >>> round(relu.slope, 6), round(relu.feature_noise, 6)  # 1/2 and 1/4 − 1/(2π)
    (0.5, 0.090845)
    """
    function = ACTIVATIONS[activation] if isinstance(activation, str) else activation
    spread = np.sqrt(number("preactivation_var", preactivation_var, low=0, open_low=True))
    probes = spread * np.linspace(-REACH, REACH, 25)
    values = np.asarray(function(probes))
    if values.shape != probes.shape or not np.isfinite(values).all() or np.ptp(values) == 0:
        raise InputError(
            "`activation` must map an array to an array of the same shape, finite and not constant; got "
            f"{describe(activation)}. Use relu, tanh, erf or identity."
        )
    mean, slope, square = _moments(function, spread)
    variance = square - mean**2
    if slope**2 <= NEGLIGIBLE * variance:
        raise InputError(
            f"`activation` must have a linear part, E f(g) g ≠ 0; got {describe(activation)}, whose features tell "
            "nothing about a linear teacher. Use relu, tanh, erf or identity."
        )
    noise = variance - slope**2
    return LinearEquivalent(
        slope=float(slope / spread), feature_noise=float(noise) if noise > NEGLIGIBLE * variance else 0.0
    )


def _moments(function: Callable[[Array], Array], spread: float) -> Array:
    """Return E f(s g), E f(s g) g and E f(s g)², shape (3,)."""

    def integrand(point: float) -> Any:
        value = float(np.asarray(function(np.array([spread * point])))[0])
        weight = np.exp(-(point**2) / 2) / np.sqrt(2 * np.pi)
        return weight * np.array([value, value * point, value**2])

    moments, _ = quad_vec(integrand, -REACH, REACH, epsabs=0.0, epsrel=1e-11, limit=2000, points=(0.0,))
    return np.asarray(moments)
