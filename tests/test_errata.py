"""Do the corrected formulas of arXiv 2410.04840v2 follow from ours, and do the printed ones fail?"""

from __future__ import annotations

import numpy as np
import pytest

from modelcollapse import FixedTeacher, Mixture, RandomTeacher, Shift, Source, Spectrum, solve
from modelcollapse.theory.engine import infinite_data_floor, with_optimal_weights

EQUAL = 1e-8  # relative: ours and a corrected formula are the same number, up to rounding
WRONG = 1e-3  # relative: a printed formula must be at least this far from ours


def two_sources(spectrum, *, n, p2, quality=0.0, shape="inverse_covariance", power=1.0, noise=(0.1, 0.1), **fit):
    """Real and synthetic data with equal covariances, w_1 ~ N(0, power/d I)."""
    n2 = round(n * p2)
    weights = fit.pop("weights", (1.0, 1.0))
    real = Source(
        "real", n_samples=n - n2, noise_var=noise[0], weight=weights[0], spectrum=spectrum, teacher=RandomTeacher(power)
    )
    synthetic = Source(
        "synthetic", n_samples=n2, noise_var=noise[1], weight=weights[1], shift=Shift(quality=quality, shape=shape)
    )
    return Mixture([real, synthetic], **fit)


def off(value, reference):
    return abs(value / reference - 1)


def theorem_2(s, *, n, m, ridge, p2, delta, gamma_prior, noise):
    """Corrected Theorem 2 (E1 to E3) by bisection on θ, and the pieces from which printed forms are built."""
    d, p1 = len(s), 1 - p2
    phi, gamma = d / n, m / d

    def balance(log_theta):
        theta = np.exp(log_theta)
        eta = np.mean(s / (s + theta))
        small = min(1 - eta / gamma, 1 - phi * eta)
        return gamma * theta * (1 - eta / gamma) * (1 - phi * eta) - ridge if small > 0 else -ridge

    low, high = -60.0, 20.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if balance(middle) < 0 else (low, middle)
    theta = np.exp(low)
    t2 = (s + theta) ** 2
    i12, i22, eta = np.mean(s / t2), np.mean(s**2 / t2), np.mean(s / (s + theta))
    z = i22 * (gamma - i22) + theta**2 * i12**2
    u = phi * z / (gamma - phi * z - i22)
    w = theta**2 * i12 / (gamma - phi * z - i22)  # ω′
    first, middle, last = (
        (1 + p1 * u) * np.sum(delta * s**3 / t2),
        w * np.sum(delta * s**2 / t2),
        u * np.sum(delta * s * (p1 * s + theta) ** 2 / t2),
    )
    return {
        "theta": theta,
        "u": u,
        "w": w,
        "w printed": theta**2 * i22 / (gamma - phi * z - i22),  # E3
        "bias": (1 + u) * theta**2 * np.sum(gamma_prior * s / t2) + w * np.sum(gamma_prior * s**2 / t2),
        "bias printed": (1 + u) * theta**2 * np.sum(gamma_prior * s / t2)
        + theta**2 * i22 / (gamma - phi * z - i22) * np.sum(gamma_prior * s**2 / t2),
        "variance": noise * u,
        "variance printed": (np.sum(s**2 / t2) + (w - theta * u) * np.sum(s / t2)) * noise / (1 - phi * eta),
        "zeta": p2**2 * first + p2**2 * middle + p2 * last,
        "zeta printed": p2**2 * first + p2 * middle + p2 * last,
    }


@pytest.fixture(scope="module", params=[(250, 100), (250, 600), (900, 200)], ids=["m<n", "m>n", "m<d<n"])
def projections(request):
    n, m = request.param
    d, p2, c2, ridge = 300, 0.4, 1.0, 1e-4
    s = np.arange(1.0, d + 1) ** -1.0
    problem = two_sources(
        Spectrum.explicit(s), n=n, p2=p2, quality=c2, power=2.0, noise=(0.3, 0.1), ridge=ridge, width=m
    )
    paper = theorem_2(
        s, n=n, m=m, ridge=ridge, p2=p2, delta=c2 / d / s, gamma_prior=np.full(d, 2.0 / d), noise=0.6 * 0.3 + 0.4 * 0.1
    )
    clean = two_sources(Spectrum.explicit(s), n=n, p2=p2, power=2.0, noise=(0.0, 0.0), ridge=ridge, width=m)
    return solve(problem), solve(clean), paper


def test_e1_middle_term_of_zeta_has_p2_squared(projections):
    ours, _, paper = projections
    assert off(ours.collapse, paper["zeta"]) < EQUAL
    assert off(paper["zeta printed"], ours.collapse) > WRONG


def test_e2_variance_lacks_one_over_n(projections):
    ours, clean, paper = projections
    variance = ours.bias + ours.variance + ours.projection_variance - clean.excess_risk  # what label noise adds
    assert off(variance, paper["variance"]) < EQUAL
    assert off(paper["variance printed"], variance) > WRONG


def test_e2_printed_variance_over_n_is_noise_times_u():
    s, n = np.arange(1.0, 301) ** -1.0, 250
    paper = theorem_2(s, n=n, m=100, ridge=1e-4, p2=0.4, delta=s, gamma_prior=s, noise=0.7)
    assert off(paper["variance printed"] / n, paper["variance"]) < EQUAL


def test_e3_numerator_of_omega_is_i12(projections):
    _, clean, paper = projections
    assert off(clean.excess_risk, paper["bias"]) < EQUAL
    assert off(paper["bias printed"], clean.excess_risk) > WRONG


@pytest.mark.parametrize(("phi", "p2"), [(1.2, 0.4), (3.0, 0.8), (1.2, 0.8)])
def test_e4_over_parametrised_collapse(phi, p2):
    n, c2 = 500, 1.0
    problem = two_sources(Spectrum.isotropic(round(phi * n)), n=n, p2=p2, quality=c2, ridge=0)
    ours = solve(problem).collapse
    printed = p2 * c2 / phi**2 * (p2 * (phi - p2) / (phi - 1) + (phi - p2) ** 2)
    assert off(ours, p2 * c2 * (phi - p2) / (phi * (phi - 1))) < EQUAL
    assert off(printed, ours) > WRONG


@pytest.mark.parametrize("phi", [1e2, 1e3, 1e4])
def test_e4_collapse_vanishes_as_one_over_phi_when_over_parametrised_without_bound(phi):
    n, p2, c2 = 100, 0.5, 1.0
    ours = solve(two_sources(Spectrum.isotropic(round(phi * n)), n=n, p2=p2, quality=c2, ridge=0)).collapse
    printed = (1 - 2 / phi) * p2 * c2
    assert off(ours, p2 * c2 / phi) < 1 / phi  # the next order
    assert off(printed, ours) > WRONG


def weighted(a, *, n1=4000, n2=1000, d=100, c2=1.0):
    n = n1 + n2
    weights = ((1 - a) * n / n1, a * n / n2)
    return two_sources(Spectrum.isotropic(d), n=n, p2=n2 / n, quality=c2, noise=(1.0, 1.0), weights=weights, ridge=0)


def test_e5_weighted_mixing_risk():
    ours, phi, p1, p2, a = solve(weighted(0.5)).excess_risk, 0.02, 0.8, 0.2, 0.5
    corrected = a**2 + phi * ((1 - a) ** 2 / p1 + a**2 / p2)
    printed = p2**2 * a**2 + ((1 - a) * p1 + a * p2) * phi
    assert off(ours, corrected) < 3 * phi**2 / corrected + phi  # second order in φ is left out
    assert off(printed, ours) > 0.5


def test_e5_optimal_weight_of_synthetic_data():
    phi, p1, p2 = 0.02, 0.8, 0.2
    best = with_optimal_weights(weighted(0.5))
    a = p2 * best.sources[1].weight / (p1 * best.sources[0].weight + p2 * best.sources[1].weight)
    corrected = (phi / p1) / (1.0 + phi / p1 + phi / p2)
    printed = np.clip(1 - (p1 - p2) * phi / 2, 0, 1)
    assert abs(a - corrected) < phi * corrected * 5
    assert printed > 0.9 > a


def test_e6_first_order_term_in_phi():
    phi, p1, p2, c2 = 1e-3, 0.6, 0.4, 1.0
    problem = two_sources(Spectrum.isotropic(100), n=10**5, p2=p2, quality=c2, noise=(0.2, 0.2), ridge=0)
    ours = solve(problem).excess_risk
    printed = 0.2 * phi + p2**2 * c2
    assert abs(ours - printed - p1 * p2 * c2 * phi) < 2 * phi**2
    assert abs(ours - printed) > 100 * phi**2


def test_e7_floor_without_isotropy_is_the_trace_with_the_covariance():
    s, p2 = np.arange(1.0, 51) ** -1.5, 0.3
    delta = np.linspace(0.1, 1.0, 50)
    real = Source("real", n_samples=70, spectrum=Spectrum.explicit(s), teacher=FixedTeacher(np.ones(50)))
    quality = float(s @ delta)
    synthetic = Source("synthetic", n_samples=30, shift=Shift(quality=quality, shape=delta))
    ours = infinite_data_floor(Mixture([real, synthetic], ridge=0))["real"]
    assert off(ours, p2**2 * s @ delta) < EQUAL
    assert off(p2**2 * delta.sum(), ours) > WRONG


def test_e8_quality_is_the_trace_not_the_trace_over_d():
    d, p2, c2 = 50, 0.3, 0.7
    problem = two_sources(Spectrum.power_law(d, exponent=1.0), n=100, p2=p2, quality=c2, ridge=0)
    ours = infinite_data_floor(problem)["real"]
    assert off(ours, p2**2 * c2) < EQUAL
    assert off(p2**2 * c2 / d, ours) > WRONG


def proposition_2(s1, s2, *, n, p2, ridge, delta, gamma_prior, noise, slope_of_b):
    """Bias, variance and ζ of Proposition 2 for diagonal covariances; `slope_of_b` is what multiplies B in L′."""
    s, p = np.array([s1, s2]), np.array([1 - p2, p2])
    e = np.ones(2)
    for _ in range(5000):
        k = (p * e) @ s + ridge
        e = 1 / (1 + (s / k).sum(axis=1) / n)
    k = (p * e) @ s + ridge
    coupling = (e**2)[:, None] * np.einsum("ai,bi,i->ab", s, s, k**-2.0) * p / n
    b = s[0]
    u = np.linalg.solve(np.eye(2) - coupling, e**2 * (s @ (slope_of_b * b / k**2)) / n)
    l_prime = (p * u) @ s + slope_of_b * b
    d1 = e[0] * b - ridge * u[0] + p[1] * (e[0] * u[1] - e[1] * u[0]) * s[1]
    d2 = e[1] * b - ridge * u[1] + p[0] * (e[1] * u[0] - e[0] * u[1]) * s[0]
    c2 = p[1] * e[1] ** 2 * (b + p[0] * u[0] * s[0]) * s[1] + u[1] * (p[0] * e[0] * s[0] + ridge) ** 2
    return {
        "bias": ridge**2 * np.sum(gamma_prior * l_prime / k**2),
        "variance": sum(noise[j] / n * p[j] * np.sum(s[j] * dj / k**2) for j, dj in enumerate((d1, d2))),
        "zeta": p2 * np.sum(delta * s[1] * c2 / k**2),
    }


@pytest.mark.parametrize("slope_of_b", [1.0, "ridge"], ids=["corrected", "printed"])
def test_e9_proposition_2_needs_b_not_ridge_times_b(slope_of_b):
    d, n, p2, ridge, noise = 200, 400, 0.3, 0.05, (0.3, 0.1)
    i = np.arange(1.0, d + 1)
    s1, s2 = i**-0.8, np.where(i <= d / 4, 1.0, 0.2)
    delta, prior = 0.3 / d / s1, np.full(d, 1.0 / d)
    real = Source("real", n_samples=280, noise_var=noise[0], spectrum=Spectrum.explicit(s1), teacher=RandomTeacher(1.0))
    synthetic = Source(
        "synthetic",
        n_samples=120,
        noise_var=noise[1],
        spectrum=Spectrum.explicit(s2),
        shift=Shift(quality=0.3, shape="inverse_covariance"),
    )
    ours = solve(Mixture([real, synthetic], ridge=ridge))
    paper = proposition_2(
        s1,
        s2,
        n=n,
        p2=p2,
        ridge=ridge,
        delta=delta,
        gamma_prior=prior,
        noise=noise,
        slope_of_b=ridge if slope_of_b == "ridge" else slope_of_b,
    )
    agree = [
        off(paper["bias"] + paper["variance"], ours.bias + ours.variance) < EQUAL,
        off(paper["zeta"], ours.collapse) < EQUAL,
    ]
    assert agree == ([False, False] if slope_of_b == "ridge" else [True, True])


def test_e10_collapse_of_purely_synthetic_data_has_one_df2():
    d, n, c2, ridge = 200, 300, 0.6, 1e-2
    s = np.arange(1.0, d + 1) ** -1.0
    ours = solve(two_sources(Spectrum.explicit(s), n=n, p2=1.0, quality=c2, ridge=ridge))
    kappa = ridge
    for _ in range(5000):
        kappa = ridge + kappa * np.sum(s / (s + kappa)) / n
    df2, blur = np.sum(s**2 / (s + kappa) ** 2), kappa**2 * np.sum((s + kappa) ** -2.0)
    corrected = c2 / d * df2 * (1 + blur / (n - df2))
    printed = c2 / d * df2 * (1 + df2 * blur / (n - df2))
    assert off(ours.collapse, corrected) < EQUAL
    assert off(printed, ours.collapse) > WRONG


def figure_5(quality, *, m=1000, power=600.0, p2=0.4):
    s = 1 / np.arange(1.0, 601)
    spectrum = Spectrum.explicit(s / s.sum())
    return solve(
        two_sources(spectrum, n=500, p2=p2, quality=quality, power=power, noise=(0.01, 0.01), ridge=1e-8, width=m)
    ).excess_risk


@pytest.mark.parametrize(
    ("quality", "derived", "read"), [(0, 0.165, 0.15), (0.1, 0.333, 0.33), (0.5, 1.008, 1.0), (1, 1.851, 1.85)]
)
def test_e11_figure_5_has_teachers_of_unit_variance(quality, derived, read):
    ours = figure_5(quality)
    assert abs(ours - derived) < 5e-4  # printed to three digits
    assert abs(ours - read) < 0.02  # read off a plot
    printed = figure_5(quality, power=1.0)  # the prior N(0, I/d)
    assert abs(printed - derived) > 5e-4
    assert abs(printed - read) > 0.02


def test_e12_figure_1_is_not_isotropic():
    low, high = 0.13, 0.65  # range of the plotted axis: errors on real data alone
    isotropic = [
        solve(two_sources(Spectrum.isotropic(600), n=500, p2=0.0, noise=(0.01, 0.01), ridge=1e-8, width=m)).excess_risk
        for m in (1000, 300)
    ]
    power_law = [figure_5(0.0, m=m, p2=0.0) for m in (1000, 300)]
    assert np.abs(np.array(isotropic) - [0.39, 1.26]).max() < 0.01
    assert np.abs(np.array(power_law) - [0.165, 0.46]).max() < 0.01
    assert isotropic[1] > high
    assert all(low < value < high for value in power_law)
