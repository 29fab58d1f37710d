"""Does the theory of generations agree with single fits, closed forms of the literature, and itself?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from generation_examples import recursion
from modelcollapse import (
    Curation,
    FixedTeacher,
    InputError,
    Mixture,
    RandomTeacher,
    Recursion,
    Schedule,
    Shift,
    Source,
    Spectrum,
    Workflow,
    solve,
    solve_generations,
)
from modelcollapse.theory import generations_engine, memory_engine
from modelcollapse.theory.curation import kept_errors
from modelcollapse.theory.generations import trajectory

ISOTROPIC = Spectrum.isotropic(100)


def risks(problem):
    return np.array(solve_generations(problem).excess_risk)


# ---------------------------------------------------------------------------------------------------- single fits


@pytest.mark.parametrize("width", [None, 60, 200])
@pytest.mark.parametrize("n_real", [70, 150])
@pytest.mark.parametrize("ridge", [1e-2, 0])
def test_theory_generation_zero_is_a_plain_fit(width, n_real, ridge):
    result = solve_generations(recursion("replace", n_real=n_real, width=width, ridge=ridge))
    problem = recursion("replace", n_real=n_real, width=width).mixture
    plain = solve(Mixture(problem.sources[:1], ridge=ridge, width=width))
    assert result.excess_risk[0] == pytest.approx(plain.excess_risk, rel=1e-12)
    assert result.bias[0] == pytest.approx(plain.bias, rel=1e-12)
    assert result.test_error[0] == pytest.approx(plain.test_error, rel=1e-12)


@pytest.mark.parametrize("width", [None, 60, 200])
@pytest.mark.parametrize("second", [None, Spectrum.power_law(100, exponent=0.3)])
def test_theory_first_generation_after_a_given_model_is_a_mixture_with_a_shift(width, second):
    problem = recursion("mix", real="fresh", shift=0.5, second=second, width=width, weight=0.7)
    result = solve_generations(problem)
    assert result.excess_risk[0] == pytest.approx(0.5, rel=1e-12)
    assert result.excess_risk[1] == pytest.approx(solve(problem.mixture).excess_risk, rel=1e-12)


@pytest.mark.parametrize("given", [{"kind": "accumulate"}, {"kind": "mix", "real": "reused"}])
@pytest.mark.parametrize("width", [None, 60])
def test_theory_after_a_given_model_does_not_depend_on_later_generations(given, width):
    one, four = (solve_generations(recursion(**given, shift=0.5, width=width, generations=g)) for g in (1, 4))
    assert one.excess_risk == pytest.approx(four.excess_risk[:2], rel=1e-9)
    assert one.bias == pytest.approx(four.bias[:2], rel=1e-9)


def test_theory_given_model_may_be_a_known_vector():
    shift = np.cos(np.arange(100)) / 10
    real = Source("real", n_samples=150, spectrum=ISOTROPIC, teacher=FixedTeacher(np.sin(np.arange(100))))
    mixture = Mixture([real, Source("synthetic", n_samples=90, shift=Shift(vector=shift))], ridge=0.05)
    result = solve_generations(Recursion(mixture, Workflow("mix", generations=1, design="fresh", real="fresh")))
    assert result.excess_risk[0] == pytest.approx(shift @ shift, rel=1e-12)
    assert result.excess_risk[1] == pytest.approx(solve(mixture).excess_risk, rel=1e-12)


# --------------------------------------------------------------------------------------- numbers of the literature


def test_theory_chain_matches_the_monte_carlo_of_its_derivation():
    """Trajectories recorded with the derivation (300 features, power law 1.1, w ~ N(0, 1), forty trials)."""
    spectrum = Spectrum.power_law(300, exponent=1.1)
    common = {"spectrum": spectrum, "power": 300.0, "noise": (0.3, 0.3), "ridge": 1e-3, "generations": 5}
    mixed = Schedule(n_samples={"real": [800, 400, 400, 400, 400, 400], "synthetic": [0, 400, 400, 400, 400, 400]})
    own = recursion("mix", real="fresh", schedule=mixed, **common)
    simulated = np.array([0.172, 0.258, 0.297, 0.312, 0.316, 0.314])
    assert np.abs(risks(own) - simulated).max() < 5 * 0.004
    none_real = recursion("replace", n_real=800, n_synthetic=800, **common)
    simulated = np.array([0.174, 0.370, 0.554, 0.721, 0.869, 1.001])
    assert (np.abs(risks(none_real) - simulated) < 5 * np.linspace(0.002, 0.009, 6)).all()


def test_theory_replace_without_ridge_grows_linearly():
    """Model Collapse Demystified (arXiv 2402.07712), Theorem 4.1: σ² φ/(1 − φ) + n σ₀² φ₀/(1 − φ₀)."""
    schedule = Schedule(n_samples={"real": [300, 0, 0, 0], "synthetic": [0, 300, 300, 500]})
    problem = recursion(
        "replace", n_real=300, spectrum=ISOTROPIC, noise=(0.04, 0.04), ridge=0, generations=3, schedule=schedule
    )
    assert risks(problem)[3] == pytest.approx(0.04 * (3 * (1 / 3) / (2 / 3) + 0.2 / 0.8), rel=1e-10)


@pytest.mark.parametrize(("n", "published"), [(0, 0.0217), (1, 0.0529), (3, 0.1152), (10, 0.3334)])
def test_theory_ridge_downstream_of_n_generators_matches_published_numbers(n, published):
    """Demystified, Theorem 4.6 for isotropic inputs: d = 150, T0 = 300, T = 500, σ = 0.1, σ0 = 0.2, λ = 0.1."""
    assert _demystified(Spectrum.isotropic(150), n, power=1.0) == pytest.approx(published, abs=1.1e-4)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_theory_ridge_downstream_of_n_generators_matches_equation_23(n):
    """Demystified, equation 23, on a power-law spectrum; the noise of every generation adds n σ0² ρ."""
    spectrum = Spectrum.power_law(150, exponent=1.5)
    s, samples, generator, ridge = spectrum.eigenvalues, 500, 300, 0.1
    kappa = ridge
    for _ in range(500):
        kappa = ridge / (1 - (s / (s + kappa)).sum() / samples)
    df1 = (s / (s + kappa) ** 2).sum() * kappa
    df2 = ((s / (s + kappa)) ** 2).sum()
    assert df1 > 0
    rho = df2 / (generator - 150) + kappa**2 * (1 / (s + kappa) ** 2).sum() / (generator - 150) * df2 / (samples - df2)
    bias = kappa**2 * (s / (s + kappa) ** 2).sum() / 150 / (1 - df2 / samples)
    expected = bias + 0.01 * df2 / (samples - df2) + n * 0.04 * rho
    assert _demystified(spectrum, n, power=1.0) == pytest.approx(expected, rel=1e-8)


def _demystified(spectrum, n, *, power):
    """Return the risk of a ridge fit on 500 samples labelled by the n-th of a chain of generators without ridge."""
    real = Source("real", n_samples=300, noise_var=0.04, spectrum=spectrum, teacher=RandomTeacher(power))
    if n == 0:
        return solve(Mixture([replace(real, n_samples=500, noise_var=0.01)], ridge=0.1)).excess_risk
    schedule = Schedule(
        ridge=[0.0] * n + [0.1],
        n_samples={"synthetic": [0] + [300] * (n - 1) + [500]},
        noise_var={"synthetic": [0.04] * n + [0.01]},
    )
    mixture = Mixture([real, Source("synthetic", n_samples=300)], ridge=0)
    return risks(Recursion(mixture, Workflow("replace", generations=n, design="fresh", schedule=schedule)))[-1]


def test_theory_noise_free_interpolating_generators_collapse_exponentially_with_fresh_inputs_only():
    """Demystified, Theorems 4.8 and 4.9: 1 − φ₀⁻ⁿ with fresh inputs, 1 − 1/φ₀ in every generation with fixed ones."""
    common = {"n_real": 50, "n_synthetic": 50, "spectrum": ISOTROPIC, "noise": (0, 0), "ridge": 0}
    assert risks(recursion("replace", design="fresh", **common)) == pytest.approx(1 - 0.5 ** np.arange(1, 6), rel=1e-9)
    assert risks(recursion("replace", design="fixed", **common)) == pytest.approx(0.5, rel=1e-9)


def test_theory_fixed_inputs_without_ridge_add_up_noise():
    """Replace: n + 1 times the first risk; accumulate: its noise shrinks as 1/i, capped by π²/6 (arXiv 2404.01413)."""
    common = {"design": "fixed", "n_real": 200, "n_synthetic": 200, "ridge": 0, "noise": (0.3, 0.3), "generations": 30}
    first = 0.3 * 100 / 100
    i = np.arange(1, 32)
    assert risks(recursion("replace", **common)) == pytest.approx(first * i, rel=1e-9)
    accumulated = risks(recursion("accumulate", **common))
    assert accumulated == pytest.approx(first * np.cumsum(1 / i**2), rel=1e-9)
    assert accumulated[-1] < first * np.pi**2 / 6 < accumulated[-1] * 1.03
    assert risks(recursion("accumulate", **{**common, "design": "fresh"}))[-1] < accumulated[-1]


def test_theory_iterative_mixing_beats_the_real_half_with_fresh_and_not_with_reused_real_data():
    """Half real, half synthetic, many samples per feature: limits 1/(1 − p²) and 1/p₁ + p₂/(1 − p₂²), over 1/p₁."""
    n, ratios = 10**6, {}
    common = {"n_real": n // 2, "n_synthetic": n // 2, "spectrum": ISOTROPIC, "noise": (1, 1), "ridge": 0, "shift": 1.0}
    clean = 100 / (n / 2)
    for real in ("fresh", "reused"):
        ratios[real] = risks(recursion("mix", real=real, generations=30, **common))[-1] / clean
    assert ratios["fresh"] == pytest.approx((1 / (1 - 0.25)) / 2, rel=1e-3)
    assert ratios["reused"] == pytest.approx((2 + 0.5 / (1 - 0.25)) / 2, rel=1e-3)


def test_theory_weighted_mixing_has_the_corrected_optimum():
    """Erratum of Strong Model Collapse (arXiv 2410.04840), Corollary 2: a* = (φ s₁²/p₁)/(c² + φ s₁²/p₁ + φ s₂²/p₂)."""
    n, p1, p2, quality = np.array([1e4, 1e5, 1e6]), 0.8, 0.2, 0.05
    for total in n:
        phi = 100 / total
        expected = phi / p1 / (quality + phi / p1 + phi / p2)
        grid = expected * np.geomspace(0.5, 2, 41)

        def risk(a, total=total):
            mixture = recursion(
                "mix",
                real="fresh",
                spectrum=ISOTROPIC,
                noise=(1, 1),
                ridge=0,
                shift=quality,
                n_real=int(p1 * total),
                n_synthetic=int(p2 * total),
            ).mixture
            weighted = [replace(s, weight=w) for s, w in zip(mixture.sources, ((1 - a) / p1, a / p2), strict=True)]
            return solve(replace(mixture, sources=weighted)).excess_risk

        best = grid[np.argmin([risk(a) for a in grid])]
        assert best == pytest.approx(expected, rel=0.04 + 2 * phi)  # a step of the grid, and O(φ)


def test_theory_stronger_ridge_is_better_on_generated_labels_at_the_predicted_rate():
    """Demystified, Corollary 5.3: without noise of its own, ridge T^−ℓ*, ℓ* = (b − a) ℓ_crit, falls as T^−(b − a) c.

    β = 2, source r = 1/2 (w₀ of equal power in every direction would be r = 1/4): ℓ_crit = β/(1 + 2 β r) and
    c = 2 β r/(2 β r + 1); generators with T0 = T^b samples, b = 0.75, one generation (a = 0).
    """
    beta, r, b = 2.0, 0.375, 0.75
    critical, rate = beta / (1 + 2 * beta * r), 2 * beta * r / (2 * beta * r + 1)
    d = 2500
    s = np.arange(1.0, d + 1) ** -beta
    power = d * s ** (2 * r - 1) * np.arange(1.0, d + 1) ** -1.02  # |Σ^{1/2 − r} w₀| is finite, and barely
    sizes = np.geomspace(2e6, 2e9, 4)  # generators with so many samples that 1/(1 − φ₀) no longer changes

    def risk(size, exponent):
        generator = round(size**b)
        real = Source(
            "real", n_samples=generator, noise_var=1.0, spectrum=Spectrum.explicit(s), teacher=RandomTeacher(power)
        )
        schedule = Schedule(
            ridge=[0.0, float(size**-exponent)],
            n_samples={"synthetic": [0, round(size)]},
            noise_var={"synthetic": [0.0, 0.0]},
        )
        mixture = Mixture([real, Source("synthetic", n_samples=round(size))], ridge=0)
        return risks(Recursion(mixture, Workflow("replace", generations=1, design="fresh", schedule=schedule)))[-1]

    adapted = np.array([risk(size, b * critical) for size in sizes])
    clean = np.array([risk(size, critical) for size in sizes])
    slopes = np.diff(np.log(adapted)) / np.diff(np.log(sizes))
    assert slopes == pytest.approx(-b * rate, abs=0.1 * b * rate)
    assert (clean > adapted).all()
    infinite = sizes**-critical > s[-1]  # ridges that do not reach the last of the directions
    assert infinite.sum() >= 3
    assert (np.diff((clean / adapted)[infinite]) > 0).all()


# ------------------------------------------------------------------------------------------------------ symmetries


KINDS = {
    "replace": {"kind": "replace"},
    "fixed": {"kind": "replace", "design": "fixed"},
    "accumulate": {"kind": "accumulate"},
    "accumulate fixed": {"kind": "accumulate", "design": "fixed", "weight": 0.5},
    "mix": {"kind": "mix", "real": "fresh", "n_synthetic": 80},
    "mix reused": {"kind": "mix", "real": "reused", "n_synthetic": 80},
    "mix reused fixed": {"kind": "mix", "real": "reused", "design": "fixed", "n_synthetic": 80, "shift": 0.4},
}


@pytest.mark.parametrize("name", KINDS)
def test_theory_scales_with_teachers_and_noise(name):
    given = KINDS[name]
    shift = {"shift": 0.4 * 9} if "shift" in given else {}
    scaled = recursion(**{**given, **shift}, power=9.0, noise=(2.7, 0.9))
    assert risks(scaled) == pytest.approx(9 * risks(recursion(**given)), rel=1e-9)


@pytest.mark.parametrize("name", KINDS)
def test_theory_does_not_depend_on_the_order_of_directions(name):
    order = np.random.default_rng(0).permutation(100)
    values = np.arange(1.0, 101.0) ** -1.0
    one = recursion(**KINDS[name], spectrum=Spectrum.explicit(values))
    other = recursion(**KINDS[name], spectrum=Spectrum.explicit(values[order]))
    assert risks(other) == pytest.approx(risks(one), rel=1e-9)


@pytest.mark.parametrize("name", KINDS)
def test_theory_parts_are_those_of_labels_with_and_without_noise(name):
    """The bias does not see the noise, and without noise and with many samples nothing but it is left."""
    result = solve_generations(recursion(**KINDS[name]))
    loud = solve_generations(recursion(**KINDS[name], noise=(3.0, 1.0)))
    assert loud.bias == pytest.approx(result.bias, rel=1e-9)
    assert np.add(result.bias, result.variance) == pytest.approx(np.array(result.excess_risk), rel=1e-12)
    assert (np.subtract(loud.variance, result.variance)[1:] > 0).all()
    many = {"n_real": 10**9, "n_synthetic": 10**9, "noise": (0, 0)}
    endless = solve_generations(recursion(**{**KINDS[name], **many}))
    assert max(endless.variance[1:]) < 1e-6 * endless.bias[-1]


@pytest.mark.parametrize("name", ["replace", "mix"])
@pytest.mark.parametrize(
    "changes", [{}, {"n_real": 250, "n_synthetic": 220, "ridge": 0}, {"second": True, "shift": 0.4}]
)
def test_theory_with_memory_contains_the_chain(name, changes):
    """Where no inputs are used twice, the theory with memory must give what the chain gives."""
    changes = {**changes, "second": Spectrum.power_law(100, exponent=0.4)} if "second" in changes else changes
    problem = recursion(**{**KINDS[name], **changes})
    remembered = memory_engine.followed_with_memory(problem)
    assert remembered.excess_risk[0] == pytest.approx(risks(problem), rel=1e-9)
    assert remembered.bias[0] == pytest.approx(np.array(solve_generations(problem).bias), rel=1e-8)


@pytest.mark.parametrize("kind", ["replace", "accumulate"])
def test_theory_with_memory_contains_added_up_noise(kind):
    abundant = recursion(kind, design="fixed", n_real=160, n_synthetic=160, ridge=0)
    assert memory_engine.followed_without_ridge(abundant).excess_risk[0] == pytest.approx(risks(abundant), rel=1e-9)
    scarce = recursion(kind, design="fixed", n_real=60, n_synthetic=60, ridge=0)
    limit = recursion(kind, design="fixed", n_real=60, n_synthetic=60, ridge=1e-9)
    assert risks(limit) == pytest.approx(risks(scarce), rel=1e-5)


def test_theory_subsample_of_everything_is_the_pool():
    whole = recursion("accumulate-subsample", generations=1, n_synthetic=80, subsample=230)
    assert risks(whole) == pytest.approx(risks(recursion("accumulate", generations=1, n_synthetic=80)), rel=1e-12)


@pytest.mark.parametrize(("kind", "limit"), [("accumulate", np.pi**2 / 6), ("accumulate-subsample", np.pi**2 / 2 - 2)])
def test_theory_with_many_samples_per_feature_has_the_universal_inflation(kind, limit):
    """The π²/6 pathway (arXiv 2410.22812): by how much the variance of fit g grows, many samples to a feature.

    Accumulate: Σ_{k≤g} 1/k² → π²/6. Subsamples as large as a generation: 1 − 1/g more, and (1 − 1/(k − 1))/k² for each
    earlier one → π²/2 − 2; 1.75, 2.391 and 2.789 at g = 2, 5 and 20.
    """
    n, g = 10**7, np.arange(1.0, 22.0)
    common = {"spectrum": Spectrum.isotropic(4), "noise": (1, 1), "ridge": 0, "n_real": n, "n_synthetic": n}
    expected = np.cumsum(1 / g**2)
    if kind == "accumulate-subsample":
        earlier = np.where(g > 1, 1 - 1 / np.maximum(g - 1, 1), 0.0)
        expected += np.cumsum(earlier / g**2) + 1 - 1 / g
        assert expected[[1, 4, 19]] == pytest.approx([1.75, 2.391, 2.789], abs=1e-3)
        common["subsample"] = n
    assert risks(recursion(kind, generations=20, **common)) * n / 4 == pytest.approx(expected, rel=1e-5)
    assert expected[-1] < limit < expected[-1] + 3 / 21


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_theory_curation_at_random_only_takes_samples_away(share):
    curation = Curation(hit=share, false_keep=share, tolerance=0.3)
    curated = recursion("mix", real="fresh", n_synthetic=100, curation=curation)
    left = round(100 * share)
    ridge = [1e-2] + [1e-2 * 250 / (150 + left)] * 4  # what is dropped counts in the divisor of the loss
    fewer = recursion("mix", real="fresh", n_synthetic=left, schedule=Schedule(ridge=ridge))
    assert risks(curated) == pytest.approx(risks(fewer), rel=1e-12)
    assert solve_generations(curated).kept_share[1:] == pytest.approx([share] * 4, rel=1e-12)


def test_theory_curation_helps_the_more_the_better_the_verifier():
    def last(false_keep):
        curation = Curation(hit=1.0, false_keep=false_keep, tolerance=0.4)
        return risks(recursion("replace", n_synthetic=600, noise=(0.3, 0.3), curation=curation))[-1]

    values = [last(false_keep) for false_keep in (0.0, 0.2, 0.6, 1.0)]
    assert values == sorted(values)


def test_theory_batch_gives_what_single_recursions_give():
    problems = [
        recursion("mix", real="fresh", n_synthetic=n, ridge=r) for n, r in ((80, 0.01), (160, 0.1), (40, 0.001))
    ]
    chains = [generations_engine.translate_chain(problem) for problem in problems]
    names = ("n_samples", "noise_var", "weight", "ridge")
    batch = replace(chains[0][0], **{n: np.concatenate([getattr(c, n) for c, _ in chains]) for n in names})
    together = trajectory(batch, covariances=chains[0][1]).excess_risk
    assert together == pytest.approx(np.stack([risks(problem) for problem in problems]), rel=1e-12)


# ------------------------------------------------------------------------------------------------- limits and errors


def test_theory_reports_a_threshold_and_what_inherits_it():
    """A fit on its interpolation threshold spoils what it labels, and what is labelled by that."""
    schedule = Schedule(n_samples={"synthetic": [0, 150, 100, 150, 150]})
    result = solve_generations(recursion("replace", ridge=0, schedule=schedule))
    assert result.status == "interpolation_threshold"
    assert np.isfinite(result.excess_risk).tolist() == [True, True, False, False, False]


def test_theory_threshold_is_not_inherited_without_weight():
    schedule = Schedule(
        n_samples={"real": [100, 150, 150, 150, 150], "synthetic": [0, 80, 80, 80, 80]},
        weight={"synthetic": [1, 1, 0, 1, 1]},
    )
    result = solve_generations(recursion("mix", real="fresh", ridge=0, schedule=schedule))
    assert np.isfinite(result.excess_risk).tolist() == [False, False, True, True, True]


def test_theory_verifier_keeps_exact_labels_as_right_ones():
    share, slope = kept_errors(np.zeros(1), hit=np.array(0.7), false_keep=np.array(0.2), tolerance=np.array(0.5))
    assert (share, slope) == (pytest.approx([0.7]), pytest.approx([1.0]))


@pytest.mark.parametrize(("n", "near"), [(97, True), (102, True), (104, False)])
def test_theory_warns_near_interpolation(n, near):
    for problem in (recursion("replace", n_synthetic=n, ridge=0), recursion("accumulate", n_real=n, ridge=0)):
        assert ("within 3 samples of interpolation" in " ".join(solve_generations(problem).assumptions)) == near
    assert "interpolation" not in " ".join(solve_generations(recursion("replace", n_synthetic=n)).assumptions)


def test_theory_with_memory_reports_a_threshold_and_what_inherits_it():
    schedule = Schedule(n_samples={"synthetic": [0, 20, 30, 50, 50]})
    result = solve_generations(recursion("accumulate", n_real=50, ridge=0, schedule=schedule))
    assert result.status == "interpolation_threshold"
    assert np.isfinite(result.excess_risk).tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("name", ["mix reused", "accumulate"])
def test_theory_with_memory_goes_to_its_limit_without_ridge(name):
    """Interpolating fits are answered at a ridge that leaves 1e-8 of a residual: another tiny one gives the same."""
    problem = recursion(**{**KINDS[name], "n_real": 60, "n_synthetic": 15, "ridge": 0})
    tiny = 1e-9 * problem.mixture.spectra[0].eigenvalues.mean()
    near = recursion(**{**KINDS[name], "n_real": 60, "n_synthetic": 15, "ridge": tiny})
    assert risks(near) == pytest.approx(risks(problem), rel=1e-5)
    assert "1e-08 of a residual" in " ".join(solve_generations(problem).assumptions)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "accumulate-subsample", "subsample": 100, "design": "fixed"}, "subsamples"),
        (
            {"kind": "replace", "design": "fixed", "curation": Curation(hit=1, false_keep=0, tolerance=1)},
            "curated anew",
        ),
        ({"kind": "replace", "width": 50, "activation": "relu"}, "networks"),
        ({"kind": "accumulate", "generations": 400}, "fewer generations"),
        ({"kind": "replace", "second": Spectrum.full(np.eye(100) + np.ones((100, 100)) / 9)}, "commute"),
    ],
)
def test_theory_says_what_it_cannot_answer(changes, reason):
    with pytest.raises(InputError, match=reason):
        solve_generations(recursion(**changes))
