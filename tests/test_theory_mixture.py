"""Is the theory of mixtures right? Against brute force, special cases, symmetries, and itself in other forms."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from brute_force import BruteSource, simulate
from modelcollapse import (
    FixedTeacher,
    Mixture,
    RandomTeacher,
    Shift,
    Source,
    Spectrum,
    load_problem,
    save_problem,
    solve,
)
from modelcollapse.errors import InputError
from modelcollapse.result import PARTS, Status
from modelcollapse.streams import stream
from modelcollapse.theory import mixture
from modelcollapse.theory.dense import DenseCovariances
from modelcollapse.theory.engine import translate
from modelcollapse.theory.mixture import amplification, mixture_risk

ORACLE = Path(__file__).resolve().parents[2] / "shared" / "oracle" / "ridge.json"
CASES = [
    "linear-isotropic-real-only",
    "linear-isotropic-10pct-synthetic",
    "linear-power-law-mixture",
    "linear-overparametrised-ridgeless",
    "linear-weighted",
    "linear-covariate-shift",
    "linear-rotated-three-sources",
    "projection-underparametrised",
    "projection-overparametrised",
    "projection-near-threshold",
    "projection-covariate-shift",
]


def oracle(name):
    if not ORACLE.exists():
        pytest.skip("the brute-force tables beside the checkout are absent")
    return json.loads(ORACLE.read_text())[name]


def oracle_problem(case):
    """Write a case of the table as a problem; rotations become full covariances."""
    d = case["d"]
    i = np.arange(1.0, d + 1)
    sources = []
    for k, item in enumerate(case["sources"]):
        kind = item["spectrum"]
        eigenvalues = {
            "power": lambda k=kind: k["scale"] * i ** -k["a"],
            "flat": lambda k=kind: np.full(d, k["scale"]),
            "two": lambda k=kind: k["scale"] * np.where(i <= d / 4, 1.0, k["a"]),
        }[kind["kind"]]()
        spectrum = Spectrum.explicit(eigenvalues)
        if item["rotation"] is not None:
            h = np.sin(item["rotation"] * i**1.3)
            mirror = np.eye(d) - 2 * np.outer(h, h) / (h @ h)
            spectrum = Spectrum.full(mirror * eigenvalues @ mirror)
        teacher = sum(t["scale"] * np.cos(t["phase"] * i**1.5) * i ** -t["a"] for t in item["teacher"])
        sources.append(
            Source(
                f"source {k}",
                n_samples=item["n"],
                noise_var=item["noise_variance"],
                weight=item["weight"],
                spectrum=spectrum,
                teacher=FixedTeacher(teacher),
            )
        )
    return Mixture(sources, ridge=case["ridge"], width=case.get("width"))


def disagreements(entry, problem):
    """Return which numbers are further from brute force than 5 standard errors and 1 %."""
    wrong = []
    for k, source in enumerate(problem.sources):
        result = solve(replace(problem, target=source.name))
        for key, value in (("excess_risk", result.excess_risk), ("training_error", result.training_error[source.name])):
            mean, stderr = entry[key]["mean"][k], entry[key]["standard_error"][k]
            if abs(value - mean) > max(5 * stderr, 0.01 * mean, 1e-12):
                wrong.append((key, source.name, value, mean))
    return wrong


def half_amplification(*arguments):
    """A wrong formula: what each source's residual adds to the risk is halved."""
    return amplification(*arguments) / 2


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_theory_agrees_with_the_oracle(name):
    entry = oracle(name)
    assert disagreements(entry, oracle_problem(entry["case"])) == []


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_theory_with_half_the_amplification_disagrees_with_the_oracle(name, monkeypatch):
    entry = oracle(name)
    monkeypatch.setattr(mixture, "amplification", half_amplification)
    assert disagreements(entry, oracle_problem(entry["case"])) != []


@pytest.mark.shared
def test_all_cases_of_the_oracle_are_tested():
    oracle(CASES[0])
    assert sorted(json.loads(ORACLE.read_text())) == sorted(CASES)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["linear-weighted", "linear-rotated-three-sources", "projection-covariate-shift"])
def test_problem_file_gives_the_same_answer_as_the_problem(name, tmp_path):
    problem = oracle_problem(oracle(name)["case"])
    save_problem(problem, tmp_path / "problem.json")
    assert solve(load_problem(tmp_path / "problem.json")) == solve(problem)


def mixed(*, ridge=1e-2, width=None, activation=None, n=(120, 60, 40), weights=(1.0, 2.0, 0.4), scale=1.0, d=50):
    """Three sources: two spectra, a shared random teacher, a random and a fixed shift."""
    direction = np.cos(np.arange(d)) * 0.2
    return Mixture(
        [
            Source(
                "real",
                n_samples=n[0],
                noise_var=0.3 * scale**2,
                weight=weights[0],
                spectrum=Spectrum.power_law(d, exponent=0.8),
                teacher=RandomTeacher(2.0 * scale**2),
            ),
            Source(
                "labels",
                n_samples=n[1],
                noise_var=0.1 * scale**2,
                weight=weights[1],
                shift=Shift(quality=0.2 * scale**2, shape="isotropic"),
            ),
            Source(
                "inputs",
                n_samples=n[2],
                noise_var=0.2 * scale**2,
                weight=weights[2],
                spectrum=Spectrum.spiked(d, spikes=[3.0, 2.0], bulk=0.2),
                shift=Shift(vector=direction * scale),
            ),
        ],
        ridge=ridge,
        width=width,
        activation=activation,
    )


MODELS = [
    {"ridge": 1e-2},
    {"ridge": 0.0},
    {"ridge": 0.0, "n": (20, 10, 5)},
    {"ridge": 1e-3, "width": 30},
    {"ridge": 0.0, "width": 30},
    {"ridge": 1e-3, "width": 400},
    {"ridge": 0.0, "width": 400},
    {"ridge": 0.0, "width": 400, "n": (20, 10, 5)},
    {"ridge": 1e-3, "width": 80, "activation": "relu"},
    {"ridge": 0.0, "width": 80, "activation": "tanh"},
    {"ridge": 0.0, "width": 400, "activation": "relu"},
]


def risks(problem, target="real"):
    result = solve(replace(problem, target=target))
    return np.array([result.excess_risk, *(getattr(result, part) for part in PARTS), *result.training_error.values()])


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_parts_add_up_and_none_but_collapse_is_negative(model):
    for target in ("real", "labels", "inputs"):
        result = solve(replace(mixed(**model), target=target))
        parts = [getattr(result, part) for part in PARTS]
        assert sum(parts) == pytest.approx(result.excess_risk, rel=1e-13)
        assert min(parts[:3]) >= 0


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_clean_teachers_have_no_collapse_and_the_same_clean_parts(model):
    problem = mixed(**model)
    clean = solve(replace(problem, sources=[replace(source, shift=None) for source in problem.sources]))
    shifted = solve(problem)
    assert clean.collapse == pytest.approx(0, abs=1e-14)
    for part in PARTS[:3]:
        assert getattr(clean, part) == pytest.approx(getattr(shifted, part), rel=1e-10, abs=1e-14)
    assert shifted.collapse > 0


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_dense_path_equals_commuting_path(model):
    problem = mixed(**model)
    d = problem.n_features
    rotation, _ = np.linalg.qr(stream(0, "rotation").standard_normal((d, d)))
    law = problem.teachers
    second_moments = [rotation * variances @ rotation.T for variances in law.variances]
    arrays = translate(problem)
    dense = replace_covariances(arrays, rotation, second_moments)
    left = mixture_risk(arrays.sampling, covariances=arrays.covariances, teachers=arrays.teachers)
    right = mixture_risk(arrays.sampling, covariances=dense[0], teachers=dense[1])
    for name in ("excess_risk", "training_error", "shrinkage", *PARTS):
        np.testing.assert_allclose(getattr(right, name), getattr(left, name), rtol=1e-10, atol=1e-14, err_msg=name)


def replace_covariances(arrays, rotation, second_moments):
    matrices = np.stack([rotation * values @ rotation.T for values in arrays.covariances.eigenvalues])
    teachers = replace(
        arrays.teachers, fixed=arrays.teachers.fixed @ rotation.T, second_moments=np.stack(second_moments)
    )
    return DenseCovariances(matrices), teachers


def test_rotated_problem_is_solved_on_the_commuting_path():
    problem = mixed()
    rotation, _ = np.linalg.qr(stream(1, "rotation").standard_normal((50, 50)))
    rotated = replace(
        problem,
        sources=[
            replace(
                source,
                spectrum=Spectrum.full(rotation * spectrum.eigenvalues @ rotation.T),
                shift=Shift(vector=rotation @ source.shift.vector)
                if source.shift and source.shift.vector is not None
                else source.shift,
            )
            for source, spectrum in zip(problem.sources, problem.spectra, strict=True)
        ],
    )
    assert type(translate(rotated).covariances) is type(translate(problem).covariances)
    np.testing.assert_allclose(risks(rotated), risks(problem), rtol=1e-9)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_permuting_directions_changes_nothing(model):
    problem = mixed(**model)
    order = stream(2, "order").permutation(50)
    permuted = replace(
        problem,
        sources=[
            replace(
                source,
                spectrum=Spectrum.explicit(spectrum.eigenvalues[order]),
                shift=Shift(vector=source.shift.vector[order])
                if source.shift and source.shift.vector is not None
                else source.shift,
            )
            for source, spectrum in zip(problem.sources, problem.spectra, strict=True)
        ],
    )
    np.testing.assert_allclose(risks(permuted), risks(problem), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_scaling_teachers_and_noise_scales_risks_by_the_square(model):
    np.testing.assert_allclose(risks(mixed(**model, scale=3.0)), 9 * risks(mixed(**model)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_splitting_a_source_in_two_changes_nothing(model):
    problem = mixed(**model)
    halves = [
        replace(source, name=f"{source.name}{half}", n_samples=source.n_samples // 2, shift=None, teacher=None)
        for source in problem.sources[:1]
        for half in ("", " again")
    ]
    halves[0] = replace(halves[0], teacher=problem.sources[0].teacher)
    split = replace(problem, sources=[*halves, *problem.sources[1:]])
    if problem.sources[0].n_samples % 2:
        pytest.skip("an odd number of samples has no half")
    left, right = risks(split), risks(problem)
    np.testing.assert_allclose(np.delete(left, 6), right, rtol=1e-9, atol=1e-14)
    assert left[5] == pytest.approx(left[6], rel=1e-12)


@pytest.mark.parametrize("width", [None, 30, 400])
def test_weight_and_covariance_trade_off(width):
    """(Σ, ω) and (ωΣ, 1) with teacher-preserving noise ωσ² fit alike; only a source's own errors scale."""
    problem = mixed(width=width)
    absorbed = replace(
        problem,
        sources=[
            replace(
                source,
                weight=1.0,
                noise_var=source.noise_var * source.weight,
                spectrum=Spectrum.explicit(spectrum.eigenvalues * source.weight),
            )
            for source, spectrum in zip(problem.sources, problem.spectra, strict=True)
        ],
    )
    left, right = risks(absorbed), risks(problem)
    np.testing.assert_allclose(left[:5], right[:5], rtol=1e-9)
    np.testing.assert_allclose(left[5:], right[5:] * [source.weight for source in problem.sources], rtol=1e-9)


@pytest.mark.parametrize("model", [m for m in MODELS if m["ridge"] == 0.0], ids=str)
def test_ridgeless_limit_is_the_limit_of_small_ridges(model):
    limit = risks(mixed(**model))
    near, nearer = (risks(mixed(**{**model, "ridge": ridge})) for ridge in (1e-7, 1e-9))
    np.testing.assert_allclose(nearer, limit, rtol=1e-4, atol=1e-7)
    assert np.abs(nearer - limit).max() < np.abs(near - limit).max() / 20  # linear in the ridge


@pytest.mark.parametrize(
    "model",
    [
        {"n": (30, 10, 10)},
        {"n": (15, 10, 5), "width": 30},
        {"n": (30, 10, 10), "width": 90},
        {"n": (30, 10, 10), "width": 50, "activation": "relu"},
    ],
    ids=str,
)
def test_threshold_without_ridge_has_infinite_risk_and_says_so(model):
    result = solve(mixed(ridge=0.0, **model))
    assert result.status is Status.INTERPOLATION_THRESHOLD
    assert result.excess_risk == result.variance == np.inf
    near = [solve(mixed(ridge=ridge, **model)).excess_risk for ridge in (1e-4, 1e-8, 1e-12)]
    assert near[0] < near[1] < near[2] < np.inf
    assert near[2] / near[1] == pytest.approx(100, rel=0.2)  # diverges as the inverse root of the ridge


def test_width_of_the_rank_is_no_threshold():
    assert solve(mixed(ridge=0.0, width=50)).excess_risk == pytest.approx(
        solve(mixed(ridge=0.0)).excess_risk, rel=1e-12
    )


@pytest.mark.parametrize("n_samples", [2001, 1999])
def test_risk_one_sample_from_the_threshold_keeps_its_digits(n_samples):
    d = 2000
    source = Source(
        "real", n_samples=n_samples, noise_var=0.5, spectrum=Spectrum.isotropic(d), teacher=RandomTeacher(0.0)
    )
    expected = 0.5 * d / (n_samples - d) if n_samples > d else 0.5 * n_samples / (d - n_samples)
    assert solve(Mixture([source], ridge=0)).excess_risk == pytest.approx(expected, rel=1e-9)


def test_isotropic_ridgeless_closed_form():
    source = Source("real", n_samples=400, noise_var=0.5, spectrum=Spectrum.isotropic(200), teacher=RandomTeacher())
    assert solve(Mixture([source], ridge=0)).excess_risk == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize("ridge", [1e-6, 1e-2, 1.0])
def test_theorem_1(ridge):
    """Two sources with equal covariances, from the κ of arXiv 2410.04840, section 3.1."""
    d, n1, n2 = 80, 90, 60
    s, n = np.arange(1.0, d + 1) ** -1.1, n1 + n2
    p1, p2 = n1 / n, n2 / n
    prior, delta = np.linspace(1, 2, d) / d, 0.4 * np.linspace(2, 1, d) / (s @ np.linspace(2, 1, d))
    problem = Mixture(
        [
            Source("1", n_samples=n1, noise_var=0.3, spectrum=Spectrum.explicit(s), teacher=RandomTeacher(prior * d)),
            Source("2", n_samples=n2, noise_var=0.1, shift=Shift(quality=0.4, shape=np.linspace(2, 1, d))),
        ],
        ridge=ridge,
    )
    kappa = ridge
    for _ in range(20000):
        kappa = ridge + kappa * np.sum(s / (s + kappa)) / n
    df2 = np.sum(s**2 / (s + kappa) ** 2) / n
    u, t2 = df2 / (1 - df2), (s + kappa) ** 2
    clean = kappa**2 * np.sum(prior * s / t2) / (1 - df2) + (p1 * 0.3 + p2 * 0.1) * u
    zeta = p2**2 * (1 + p1 * u) * np.sum(delta * s**3 / t2) + p2 * u * np.sum(delta * s * (p1 * s + kappa) ** 2 / t2)
    result = solve(problem)
    assert result.bias + result.variance == pytest.approx(clean, rel=1e-8)
    assert result.collapse == pytest.approx(zeta, rel=1e-8)
    assert result.projection_variance == 0


def test_isotropic_ridgeless_collapse():
    phi, p1, p2, c2 = 0.25, 0.7, 0.3, 0.6
    real = Source("real", n_samples=280, spectrum=Spectrum.isotropic(100), teacher=RandomTeacher())
    synthetic = Source("synthetic", n_samples=120, shift=Shift(quality=c2, shape="isotropic"))
    zeta = (p2**2 + p1 * p2 * phi / (1 - phi)) * c2
    assert solve(Mixture([real, synthetic], ridge=0)).collapse == pytest.approx(zeta, rel=1e-12)


@pytest.mark.parametrize("n", [(120, 60, 40), (20, 10, 5)])
def test_infinite_width_is_the_linear_model(n):
    ridge, width, d = 1e-2, 10**9, 50
    linear, wide = risks(mixed(ridge=ridge, n=n)), risks(mixed(ridge=ridge * width / d, width=width, n=n))
    np.testing.assert_allclose(wide, linear, rtol=1e-6, atol=1e-8)


def test_identity_network_is_a_random_projection():
    network, projection = mixed(width=40, activation="identity"), mixed(width=40)
    np.testing.assert_allclose(risks(network), risks(projection), rtol=1e-12)


def test_source_without_samples_or_weight_changes_nothing():
    empty = risks(mixed(n=(120, 60, 0)))
    weightless = mixed(weights=(1.0, 2.0, 0.0))
    alone = replace(mixed(), sources=mixed().sources[:2])
    np.testing.assert_allclose(empty[:7], risks(alone), rtol=1e-10)
    renormalised = replace(alone, ridge=alone.ridge * 220 / 180)  # samples without weight count in N
    np.testing.assert_allclose(risks(weightless)[:7], risks(renormalised), rtol=1e-10)


def test_target_beyond_the_reach_of_the_samples_keeps_its_own_signal():
    seen = np.where(np.arange(40) < 30, 1.0, 0.0)
    real = Source("real", n_samples=90, spectrum=Spectrum.explicit(seen), teacher=FixedTeacher(np.ones(40)))
    unseen = Source("unseen", n_samples=0, spectrum=Spectrum.isotropic(40))
    result = solve(Mixture([real, unseen], ridge=0, target="unseen"))
    assert result.excess_risk == pytest.approx(10.0, rel=1e-12)  # ten directions of unit variance and unit weight


@pytest.mark.parametrize("rotated", [False, True])
def test_sources_that_interpolate_beside_sources_that_do_not(rotated):
    """Two blocks of directions, one with too few samples: each source is on its own, and both are answered."""
    basis = np.linalg.qr(stream(5, "basis").standard_normal((60, 60)))[0] if rotated else np.eye(60)
    blocks = [np.where(np.arange(60) < 30, *pair) for pair in ((1.0, 0.0), (0.0, 1.0))]
    left, right = (Spectrum.full(basis * block @ basis.T) if rotated else Spectrum.explicit(block) for block in blocks)
    few = Source("few", n_samples=10, noise_var=0.1, spectrum=left, teacher=RandomTeacher())
    many = Source("many", n_samples=90, noise_var=0.1, spectrum=right)
    result = solve(Mixture([few, many], ridge=0))
    alone = solve(Mixture([replace(few, spectrum=Spectrum.isotropic(30), teacher=RandomTeacher(0.5))], ridge=0))
    assert result.excess_risk == pytest.approx(alone.excess_risk, rel=1e-6)
    assert any("only some sources interpolate" in said for said in result.assumptions)
    assert not any("only some sources interpolate" in said for said in alone.assumptions)
    other = solve(Mixture([few, many], ridge=0, target="many"))
    assert other.excess_risk == pytest.approx(0.1 * 30 / (90 - 30), rel=1e-6)
    balanced = Mixture([replace(few, n_samples=30), many], ridge=0)
    assert solve(balanced).status is Status.INTERPOLATION_THRESHOLD


def test_overlapping_sources_that_interpolate_only_in_part_agree_with_brute_force():
    d, n, noise = 60, (25, 60), (0.2, 0.1)
    spectra = [np.full(d, 1.0), np.where(np.arange(d) < 25, 1.0, 0.0)]
    rng = stream(6, "teachers")
    teachers = [rng.standard_normal(d) / np.sqrt(d) for _ in range(2)]
    rows = list(zip(n, spectra, teachers, noise, strict=True))
    brute = [BruteSource(nk, np.sqrt(s), w, v) for nk, s, w, v in rows]
    excess, excess_se, _, _ = simulate(brute, ridge=1e-9, n_trials=400, seed=7)
    ours = [
        Source(f"{k}", n_samples=nk, noise_var=v, spectrum=Spectrum.explicit(s), teacher=FixedTeacher(w))
        for k, (nk, s, w, v) in enumerate(rows)
    ]
    found = [solve(Mixture(ours, ridge=0, target=name)).excess_risk for name in "01"]
    # finite size: 35 free directions for 25 samples; 3/35 is allowed
    assert (np.abs(found - excess) < np.maximum(5 * excess_se, 3 / 35 * excess)).all()


def test_many_singular_covariances_without_ridge_are_refused():
    sources = [
        Source(
            f"{k}",
            n_samples=20,
            spectrum=Spectrum.explicit(np.where(np.arange(13) == k, 0.0, 1.0)),
            teacher=RandomTeacher(),
        )
        for k in range(13)
    ]
    with pytest.raises(InputError, match="Use a small ridge"):
        solve(Mixture(sources, ridge=0))
    assert solve(Mixture(sources, ridge=1e-3)).status is Status.OK


def test_batch_equals_points_one_by_one():
    arrays = translate(mixed(width=40))
    share = np.array([[1.0, 0.0, 0.0], [0.5, 0.3, 0.2], [0.0, 0.4, 0.6]])
    width, ridge = np.array([10.0, 60.0, 300.0, 220.0]), np.array([0.0, 1e-3])
    batch = replace(arrays.sampling, share=share[:, None, None], width=width, ridge=ridge[:, None])
    whole = mixture_risk(batch, covariances=arrays.covariances, teachers=arrays.teachers, target=2)
    assert whole.excess_risk.shape == (3, 2, 4, 3)
    for i, j, k in np.ndindex(3, 2, 4):
        point = replace(arrays.sampling, share=share[i], width=width[k], ridge=ridge[j])
        one = mixture_risk(point, covariances=arrays.covariances, teachers=arrays.teachers, target=2)
        for name in ("excess_risk", "training_error", "effective_ridge", "threshold", *PARTS):
            np.testing.assert_allclose(
                getattr(whole, name)[i, j, k], getattr(one, name), rtol=1e-11, atol=1e-15, err_msg=name
            )


def test_batch_of_spectra_equals_points_one_by_one():
    arrays = translate(mixed(ridge=0.0))
    factors = np.array([0.5, 1.0, 4.0])
    spectra = replace(arrays.covariances, eigenvalues=arrays.covariances.eigenvalues * factors[:, None, None])
    whole = mixture_risk(arrays.sampling, covariances=spectra, teachers=arrays.teachers)
    for i, factor in enumerate(factors):
        one = mixture_risk(
            arrays.sampling, covariances=arrays.covariances.scaled(np.full(2, factor)), teachers=arrays.teachers
        )
        np.testing.assert_allclose(whole.excess_risk[i], one.excess_risk, rtol=1e-11)


FOUR_SOURCES_TRIALS = 200


def four_rotated_sources():
    """Four sources, four bases, four weights, near the threshold of a projection."""
    rng = stream(3, "four sources")
    d, n, weights, noise = 60, (40, 30, 20, 20), (1.0, 0.5, 2.0, 1.5), (0.3, 0.1, 0.2, 0.4)
    spectra = [np.arange(1.0, d + 1) ** -a for a in (0.5, 1.0, 0.8, 0.2)]
    bases = [np.linalg.qr(rng.standard_normal((d, d)))[0] for _ in range(4)]
    teachers = [rng.standard_normal(d) / np.sqrt(d) * scale for scale in (1.0, 1.2, 0.8, 1.0)]
    return n, weights, noise, spectra, bases, teachers


@pytest.mark.parametrize(("ridge", "width"), [(0.0, None), (1e-2, 100), (1e-3, 150)])
def test_theory_agrees_with_brute_force_on_four_rotated_sources(ridge, width):
    n, weights, noise, spectra, bases, teachers = four_rotated_sources()
    rows = zip(n, weights, noise, spectra, bases, teachers, strict=True)
    brute = [BruteSource(nk, q * np.sqrt(s), w, v, o) for nk, o, v, s, q, w in rows]
    excess, excess_se, training, training_se = simulate(
        brute, ridge=ridge, n_trials=FOUR_SOURCES_TRIALS, seed=4, width=width
    )
    problem = Mixture(
        [
            Source(
                f"{k}",
                n_samples=nk,
                noise_var=v,
                weight=o,
                spectrum=Spectrum.full(q * s @ q.T),
                teacher=FixedTeacher(w),
            )
            for k, (nk, o, v, s, q, w) in enumerate(zip(n, weights, noise, spectra, bases, teachers, strict=True))
        ],
        ridge=ridge,
        width=width,
    )
    arrays = translate(problem)
    ours = mixture_risk(arrays.sampling, covariances=arrays.covariances, teachers=arrays.teachers)
    # finite size: corrections of relative order 1/d to each factor; 3/d is allowed
    assert (np.abs(ours.excess_risk - excess) < np.maximum(5 * excess_se, 3 / 60 * excess)).all()
    assert (np.abs(ours.training_error - training) < np.maximum(5 * training_se, 3 / 60 * training)).all()
