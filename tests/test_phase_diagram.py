"""Is the phase diagram right: against closed forms, single solves, the simulation, and brute force?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from modelcollapse import InputError, Mixture, RandomTeacher, Shift, Source, Spectrum, simulate, solve
from modelcollapse.decisions import data_gain as data_gain_module
from modelcollapse.decisions.data_gain import data_gain
from modelcollapse.decisions.model_size import MODELS, sized_model
from modelcollapse.decisions.phase_diagram import (
    SETTINGS,
    Effect,
    PhaseDiagram,
    isotropic_problem,
    phase_diagram,
    power_law_problem,
)
from modelcollapse.streams import stream

SIGNAL, NOISE = 1.0, 0.1  # of the isotropic setting
ROUNDING = 1e-9  # relative: two ways to the same number


def isotropic(*, quality: float = 1.0, p2: float = 0.4, n: int, d: int = 120, **fit: Any) -> Mixture:
    """Return the isotropic setting at a size of its own."""
    n2 = round(n * p2)
    real = Source(
        "real", n_samples=n - n2, noise_var=NOISE, spectrum=Spectrum.isotropic(d), teacher=RandomTeacher(SIGNAL)
    )
    synthetic = Source("synthetic", n_samples=n2, noise_var=NOISE, shift=Shift(quality=quality, shape="isotropic"))
    return Mixture([real, synthetic], **{"ridge": 0.0, **fit})


def closed_form(phi: float, psi: float, p2: float) -> tuple[float, float]:
    """Return clean risk and collapse of ridgeless projections of isotropic inputs at quality 1."""
    gamma, p1 = psi / phi, 1 - p2
    if psi < min(1, phi):
        u, bias = psi / (1 - psi), SIGNAL * (1 - gamma) / (1 - psi)
        collapse = p2**2 * gamma + p2 * (1 - p2 * gamma) * u
    elif phi > 1:
        u, bias = 1 / (phi - 1) + 1 / (psi - 1), SIGNAL * (1 - 1 / phi) * psi / (psi - 1)
        collapse = p2 * (psi + phi - 2) / (psi - 1) * (p2 / phi + p1 / (phi - 1))
    else:
        u, bias = phi / (1 - phi), 0.0
        collapse = p2**2 + p1 * p2 * u
    return bias + NOISE * u, collapse


@pytest.fixture(scope="module")
def diagrams() -> dict[tuple[str, str], PhaseDiagram]:
    return {
        (name, model): phase_diagram(make(), model=model, synthetic_fractions=[0.2, 0.8, 1.0])
        for name, make in SETTINGS.items()
        for model in MODELS
    }


def cell(diagram: PhaseDiagram, phi: float, psi: float) -> tuple[int, int]:
    """Return the cell nearest to two ratios."""
    return (
        int(np.abs(np.log(diagram.features_per_sample / phi)).argmin()),
        int(np.abs(np.log(diagram.width_per_sample / psi)).argmin()),
    )


def test_risk_equals_closed_forms_of_isotropic_projections(diagrams: dict[tuple[str, str], PhaseDiagram]) -> None:
    diagram = diagrams["isotropic", "projections"]
    for p, p2 in enumerate(diagram.synthetic_fraction):
        for f, phi in enumerate(diagram.features_per_sample):
            for w, psi in enumerate(diagram.width_per_sample):
                middle = np.array(closed_form(phi, psi * np.exp(-0.5e-3), p2))
                ours = np.array([diagram.risk.clean[p, f, w], diagram.risk.collapse[p, f, w]])
                assert np.abs(ours - middle).max() < 1e-8 * middle.sum(), (p2, phi, psi)


def test_linear_model_of_isotropic_features_is_one_of_projections_below_interpolation() -> None:
    for n in (240, 90):
        size = np.array([10.0, 40.0, 80.0])
        given = {"n_samples": np.array(float(n)), "synthetic_fraction": np.array(0.4), "size": size}
        linear, projections = (sized_model(isotropic(n=n), model=m).risk(**given) for m in MODELS[:2])
        assert np.allclose(linear.clean, projections.clean, rtol=ROUNDING)
        assert np.allclose(linear.collapse, projections.collapse, rtol=ROUNDING)


def test_endless_data_collapse_grows_with_width_while_the_error_falls() -> None:
    sized = sized_model(isotropic(n=100), model="projections")
    gamma, p2 = np.array([0.2, 0.5, 0.8]), np.array([0.3, 0.9])[:, None]
    risk = sized.risk(n_samples=np.array(1e12), synthetic_fraction=p2, size=gamma * 120)
    assert np.allclose(risk.clean, (1 - gamma) * SIGNAL, rtol=1e-8)
    assert np.allclose(risk.collapse, p2**2 * gamma, rtol=1e-8)
    slope = np.diff(risk.excess_risk(2.0), axis=1)
    assert (slope[0] < 0).all()  # p_2² c² = 0.18 < r²
    assert (slope[1] > 0).all()  # p_2² c² = 1.62 > r²
    assert (np.diff(risk.collapse, axis=1) > 0).all()


@pytest.mark.parametrize("model", ["projections", "network"])
@pytest.mark.parametrize("own_spectrum", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 1e-3])
def test_risk_equals_single_solves(model: str, own_spectrum: bool, ridge: float) -> None:
    problem = isotropic(n=150, ridge=ridge)
    if own_spectrum:
        inputs = replace(problem.sources[1], spectrum=Spectrum.power_law(120, exponent=0.7))
        problem = replace(problem, sources=[problem.sources[0], inputs])
    for n, width, p2, quality in ((150, 60, 0.4, 0.5), (90, 200, 0.1, 2.0), (400, 30, 1.0, 1.0)):
        counts = (n - round(n * p2), round(n * p2))
        sources = [replace(s, n_samples=count) for s, count in zip(problem.sources, counts, strict=True)]
        sources[1] = replace(sources[1], shift=Shift(quality=quality, shape="isotropic"))
        posed = replace(problem, sources=sources, width=width, activation="relu" if model == "network" else None)
        expected = solve(posed)
        risk = sized_model(problem, model=model).risk(
            n_samples=np.array(float(n)), synthetic_fraction=np.array(p2), size=np.array(float(width))
        )
        assert risk.excess_risk(quality) == pytest.approx(expected.excess_risk, rel=ROUNDING)
        assert quality * risk.collapse == pytest.approx(expected.collapse, rel=ROUNDING)


def brute_linear(problem: Mixture, *, seen: int, clean: bool, n_repeats: int) -> np.ndarray[Any, Any]:
    """Return excess risks of least squares on the first features, of drawn data."""
    (spectrum, _), rng = problem.spectra, stream(0, "phase diagram")
    assert spectrum.eigenvalues is not None
    scale, d = np.sqrt(spectrum.eigenvalues), problem.n_features
    counts = [source.n_samples for source in problem.sources]
    risks = []
    for _ in range(n_repeats):
        teacher, delta = (rng.normal(size=d) * np.sqrt(v) for v in problem.teachers.variances)
        X = rng.normal(size=(sum(counts), d)) * scale
        shift = X[counts[0] :] @ delta * (0.0 if clean else 1.0)
        y = X @ teacher + rng.normal(size=len(X)) * np.sqrt(NOISE)
        y[counts[0] :] += shift
        fit = np.zeros(d)
        fit[:seen] = np.linalg.lstsq(X[:, :seen], y, rcond=None)[0]
        risks.append(np.sum((fit - teacher) ** 2 * scale**2))
    return np.array(risks)


@pytest.mark.parametrize(("seen", "n"), [(80, 300), (150, 300), (180, 100)])
def test_linear_model_equals_brute_force_and_not_one_blind_to_what_it_does_not_see(seen: int, n: int) -> None:
    spectrum, d = Spectrum.power_law(200, exponent=0.5), 200
    problem = isotropic(n=n, d=d, p2=0.6)
    problem = replace(problem, sources=[replace(s, spectrum=spectrum) for s in problem.sources])
    risk = sized_model(problem, model="linear").risk(
        n_samples=np.array(float(n)), synthetic_fraction=np.array(0.6), size=np.array(float(seen))
    )
    dirty = brute_linear(problem, seen=seen, clean=False, n_repeats=150)
    clean = brute_linear(problem, seen=seen, clean=True, n_repeats=150)
    stderr = dirty.std() / np.sqrt(len(dirty))
    assert abs(dirty.mean() - risk.excess_risk(1.0)) < 5 * stderr
    assert abs(clean.mean() - risk.clean) < 5 * clean.std() / np.sqrt(len(clean))
    truncated = [replace(s, spectrum=Spectrum.explicit(spectrum.eigenvalues[:seen]), teacher=None, shift=None)
                 for s in problem.sources]  # fmt: skip
    teacher = RandomTeacher(SIGNAL * seen / d)
    reach = float(problem.teachers.variances[1][:seen] @ spectrum.eigenvalues[:seen])
    blind = Mixture(
        [replace(truncated[0], teacher=teacher), replace(truncated[1], shift=Shift(quality=reach, shape="isotropic"))],
        ridge=0.0,
    )
    assert abs(dirty.mean() - solve(blind).excess_risk) > 5 * stderr


POINTS = [  # φ, ψ: inside every region of both settings, away from borders
    (0.2, 0.06),
    (0.5, 0.2),
    (0.5, 3.0),
    (3.0, 0.3),
    (3.0, 2.0),
    (6.0, 0.6),
    (0.2, 0.4),
]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("model", ["projections", "network"])
def test_slopes_are_those_of_single_solves(
    setting: str, model: str, diagrams: dict[tuple[str, str], PhaseDiagram]
) -> None:
    diagram, problem = diagrams[setting, model], SETTINGS[setting]()
    for phi, psi in POINTS:
        f, w = cell(diagram, phi, psi)
        n = round(problem.n_features / diagram.features_per_sample[f])
        found = []
        for width in diagram.width_per_sample[w] * n * np.array([0.97, 1.03]):
            counts = (n - round(0.2 * n), round(0.2 * n))
            sources = [replace(s, n_samples=count) for s, count in zip(problem.sources, counts, strict=True)]
            activation = "relu" if model == "network" else None
            found.append(solve(replace(problem, sources=sources, width=round(width), activation=activation)))
        for name, slope in (
            ("excess_risk", diagram.slope.excess_risk(1.0)[0, f, w]),
            ("collapse", diagram.slope.collapse[0, f, w]),
        ):
            few, many = (getattr(result, name) for result in found)
            if abs(many - few) > 1e-3 * few:
                assert np.sign(many - few) == np.sign(slope), (phi, psi, name)
            else:
                assert abs(slope) < 0.05 * few, (phi, psi, name)


SIDES = [
    ("projections", 60, (30, 38), 1.0, Effect.AMPLIFIES),  # n < d, m < n
    ("projections", 60, (90, 140), 1.0, Effect.MITIGATES),  # n < d, m > n
    ("projections", 480, (40, 70), 0.2, Effect.OUTWEIGHED),  # n > d, m < d, good labels
    ("projections", 150, (40, 70), 8.0, Effect.AMPLIFIES),  # n > d, m < d, bad labels
    ("network", 200, (60, 100), 8.0, Effect.AMPLIFIES),  # n > d, m < n
    ("network", 200, (300, 450), 1.0, Effect.MITIGATES),  # n > d, m > n
]


def simulated_effect(model: str, n: int, widths: tuple[int, int], quality: float) -> Effect:
    """Return what a larger model does by simulation; every sign is certain to 5 standard errors."""
    posed = isotropic(n=n, quality=quality, activation="relu" if model == "network" else None, width=1)
    few, many = (simulate(replace(posed, width=w), seed=w, relative_stderr=0.01) for w in widths)
    grows = []
    for name in ("collapse", "excess_risk"):
        difference = getattr(many, name) - getattr(few, name)
        assert abs(difference) > 5 * np.hypot(few.stderr[name], many.stderr[name])
        grows.append(difference > 0)
    more, worse = grows
    if more:
        return Effect.AMPLIFIES if worse else Effect.OUTWEIGHED
    return Effect.IN_VAIN if worse else Effect.MITIGATES


@pytest.mark.parametrize(("model", "n", "widths", "quality", "expected"), SIDES)
def test_effects_are_those_of_the_simulation(
    model: str, n: int, widths: tuple[int, int], quality: float, expected: Effect
) -> None:
    diagram = phase_diagram(isotropic(n=n), model=model, synthetic_fractions=[0.4])
    f, w = cell(diagram, 120 / n, float(np.sqrt(widths[0] * widths[1])) / n)
    assert diagram.effects(quality)[0, f, w] == expected
    assert simulated_effect(model, n, widths, quality) == expected


def test_simulation_contradicts_that_larger_models_always_amplify() -> None:
    claims = [simulated_effect(*side[:4]) == Effect.AMPLIFIES for side in SIDES[:3]]
    assert claims == [True, False, False]


def test_ridgeless_isotropic_projections_turn_at_as_many_samples_as_width(
    diagrams: dict[tuple[str, str], PhaseDiagram],
) -> None:
    diagram = diagrams["isotropic", "projections"]
    fewer, wide = diagram.features_per_sample > 1, diagram.width_per_sample > 1
    for quality in (1e-3, 0.1, 1.0, 10.0):
        effects = diagram.effects(quality)[:, fewer]
        assert (effects[..., ~wide] == Effect.AMPLIFIES).all()
        assert (effects[..., wide] == Effect.MITIGATES).all()


def test_without_a_peak_projections_wider_than_the_inputs_change_nothing(
    diagrams: dict[tuple[str, str], PhaseDiagram],
) -> None:
    diagram = diagrams["isotropic", "projections"]
    phi, psi = np.meshgrid(diagram.features_per_sample, diagram.width_per_sample, indexing="ij")
    full = (phi < 1) & (psi > phi)
    effects = diagram.effects(1.0)
    assert (effects[:, full] == Effect.NONE).all()
    assert not (effects[:, ~full] == Effect.NONE).any()
    assert not (diagrams["isotropic", "network"].effects(1.0) == Effect.NONE).any()  # a peak with any samples


def test_more_samples_than_features_turn_at_the_critical_quality(
    diagrams: dict[tuple[str, str], PhaseDiagram],
) -> None:
    diagram = diagrams["isotropic", "projections"]
    p2 = diagram.synthetic_fraction[:, None, None]
    phi, psi = diagram.features_per_sample[:, None], diagram.width_per_sample
    critical = (SIGNAL * (1 / phi - 1) - NOISE) / (p2 + p2**2 / phi * (1 - 4 * psi + 2 * psi**2))
    narrow = np.broadcast_to((phi < 1) & (psi < phi), critical.shape)
    for quality in (0.1, 1.0, 4.0):
        worse = diagram.slope.excess_risk(quality) > 0
        certain = narrow & (diagram.slope.collapse > 0) & (np.abs(critical / quality - 1) > 0.01)
        assert 0 < worse[certain].mean() < 1
        assert (worse == (quality > critical))[certain].all()


def test_collapse_falls_before_the_width_reaches_the_inputs_only_where_most_is_synthetic(
    diagrams: dict[tuple[str, str], PhaseDiagram],
) -> None:
    diagram = diagrams["isotropic", "projections"]
    phi, psi = np.meshgrid(diagram.features_per_sample, diagram.width_per_sample, indexing="ij")
    falls = (diagram.slope.collapse < 0) & (phi < 1) & (psi < phi)
    assert falls.any(axis=(1, 2)).tolist() == [False, False, True]  # beyond p_2 = 1/(4 − 2√2) = 0.854
    assert (psi[falls[2]] < 1).all()  # although the width is below the samples


def test_sign_of_collapse_does_not_depend_on_quality(diagrams: dict[tuple[str, str], PhaseDiagram]) -> None:
    growing = {Effect.AMPLIFIES, Effect.OUTWEIGHED}
    for diagram in diagrams.values():
        few, many = diagram.effects(1e-3), diagram.effects(1e3)
        moved = (few != Effect.NONE) & (many != Effect.NONE)
        assert (np.isin(few, list(growing)) == np.isin(many, list(growing)))[moved].all()


def test_shares_add_up(diagrams: dict[tuple[str, str], PhaseDiagram]) -> None:
    for diagram in diagrams.values():
        for row in diagram.shares(1.0):
            assert sum(value for name, value in row.items() if name in set(Effect)) == pytest.approx(1)


def test_linear_model_is_undefined_beyond_its_features(diagrams: dict[tuple[str, str], PhaseDiagram]) -> None:
    diagram = diagrams["power_law", "linear"]
    phi, psi = np.meshgrid(diagram.features_per_sample, diagram.width_per_sample, indexing="ij")
    undefined = diagram.effects(1.0)[0] == Effect.UNDEFINED
    assert undefined[psi > phi].all()
    assert not undefined[psi < 0.97 * phi].any()


def isotropic_risk(phi: Any, p2: Any, quality: float) -> Any:
    """Return the excess risk of ridgeless least squares, Corollary 1."""
    u = phi / (1 - phi)
    return NOISE * u + (p2**2 + p2 * (1 - p2) * u) * quality


@pytest.mark.parametrize(("growth", "gain"), [(10.0, 2.0), (10.0, 5.0), (3.0, 2.0)])
def test_threshold_is_where_more_data_gain_just_as_much(growth: float, gain: float) -> None:
    found = data_gain(
        isotropic_problem(), model="linear", qualities=[0.1, 1.0], features_per_sample=[1e-4, 1e-2, 0.3, 0.7],
        data_growth=growth, gain=gain,
    )  # fmt: skip
    for fractions, quality in zip(found.synthetic_fraction, found.quality, strict=True):
        for p2, phi in zip(fractions, found.features_per_sample, strict=True):
            reached = isotropic_risk(phi, p2, quality) / isotropic_risk(phi / growth, p2, quality)
            if p2 < 1:
                assert reached == pytest.approx(gain, rel=1e-6)
            else:
                assert reached >= gain
    assert not found.regained.any()
    assert (found.synthetic_fraction < 1).any()


def test_threshold_falls_with_the_root_of_features_per_sample() -> None:
    phi = np.array([1e-8, 1e-6])
    found = data_gain(isotropic_problem(), model="linear", qualities=[1.0], features_per_sample=phi.tolist())
    limit = np.sqrt((1 - 0.2) * NOISE * phi)
    assert np.allclose(found.synthetic_fraction[0], limit, rtol=3e-3)
    assert not np.allclose(found.synthetic_fraction[0], np.sqrt(NOISE * phi), rtol=3e-3)


def test_threshold_is_one_where_any_fraction_gains_and_unknown_where_none_does() -> None:
    found = data_gain(isotropic_problem(), model="network", qualities=[0.1], features_per_sample=[1e-3, 0.5])
    assert np.isnan(found.synthetic_fraction[0, 0])
    assert found.clean_gain[0] < 2
    assert found.synthetic_fraction[0, 1] == 1


def test_threshold_takes_the_width_of_the_problem() -> None:
    problem = replace(isotropic_problem(), width=1200)
    given: dict[str, Any] = {"model": "network", "qualities": [1.0], "features_per_sample": [0.5]}
    wide = data_gain(isotropic_problem(), **given).synthetic_fraction
    assert data_gain(replace(problem, width=2400), **given).synthetic_fraction == wide
    assert data_gain(problem, **given).synthetic_fraction != wide


def test_first_root_is_the_first_and_a_return_is_noticed() -> None:
    def surplus(fraction: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        roots = np.array([[0.3, 0.6], [0.4, 2.0], [-1.0, -2.0], [2.0, 3.0]]).T[:, None, :]
        return (roots[0] - fraction) * (roots[1] - fraction)

    root, regained = data_gain_module._first_root(surplus, shape=(1, 4))
    assert np.allclose(root[0], [0.3, 0.4, 1.0, 1.0], atol=1e-9)
    assert regained[0].tolist() == [True, False, False, False]


def shifted(**shift: Any) -> Mixture:
    real, synthetic = isotropic(n=100).sources
    return Mixture([real, replace(synthetic, **shift)], ridge=0.0)


@pytest.mark.parametrize(
    ("problem", "given", "message"),
    [
        (isotropic(n=100), {"model": "transformer"}, r"`model` must be one of linear, .*; got 'transformer'"),
        (isotropic(n=100), {"synthetic_fractions": [0.0]}, r"`synthetic_fraction` .*\(0, 1\]; got 0\.0"),
        (isotropic(n=100), {"synthetic_fractions": [1.5]}, r"`synthetic_fraction` .*\(0, 1\]; got 1\.5"),
        (replace(isotropic(n=100), target="synthetic"), {}, "a real source, the target"),
        (Mixture(isotropic(n=100).sources[:1], ridge=0.0), {}, "got 1 sources"),
        (isotropic(n=100, d=1), {}, "`n_features` must be at least 2; got 1"),
        (shifted(shift=None), {}, "`shift` must be a `quality`"),
        (shifted(shift=Shift(vector=np.ones(120))), {}, "`shift` must be a `quality`"),
    ],
)
def test_phase_diagram_refuses_what_it_cannot_draw(problem: Mixture, given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        phase_diagram(problem, **{"model": "linear", "synthetic_fractions": [0.5], **given})


def test_linear_model_refuses_covariances_without_common_features() -> None:
    rng = stream(1, "dense")
    root = rng.normal(size=(120, 240))
    problem = shifted(spectrum=Spectrum.full(root @ root.T / 240))
    problem = replace(
        problem,
        sources=[replace(problem.sources[0], spectrum=Spectrum.power_law(120, exponent=1.0)), problem.sources[1]],
    )
    with pytest.raises(InputError, match="share their eigenvectors"):
        sized_model(problem, model="linear")


@pytest.mark.parametrize("quality", [0.0, -1.0, float("nan")])
def test_effects_need_a_quality(quality: float, diagrams: dict[tuple[str, str], PhaseDiagram]) -> None:
    with pytest.raises(InputError, match=r"`quality` must be a number in \(0, inf\)"):
        diagrams["isotropic", "linear"].effects(quality)


@pytest.mark.parametrize("given", [{"gain": 1.0}, {"data_growth": 0.5}, {"qualities": [0.0]}])
def test_data_gain_refuses_numbers_out_of_range(given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"must be a number in \("):
        data_gain(isotropic_problem(), **{"model": "linear", "qualities": [1.0], **given})


def test_power_law_setting_is_that_of_the_paper() -> None:
    problem = replace(power_law_problem(), width=1000)
    assert solve(problem).excess_risk == pytest.approx(1.851, abs=5e-4)  # figure 5, quality 1
