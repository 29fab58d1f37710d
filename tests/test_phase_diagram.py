"""Is the phase diagram right: its slopes, what it calls them, and the shares of the map that it counts?"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from modelcollapse import InputError, Mixture, Shift, simulate, solve
from modelcollapse.decisions import phase_diagram as phase_diagram_module
from modelcollapse.decisions.model_size import MODELS, SizedRisk, log_centres
from modelcollapse.decisions.phase_diagram import (
    SETTINGS,
    Effect,
    PhaseDiagram,
    phase_diagram,
    power_law_problem,
)
from phase_diagram_worlds import NOISE, SIGNAL, closed_form, coarse_grids, isotropic


@pytest.fixture(scope="module")
def diagrams() -> dict[tuple[str, str], PhaseDiagram]:
    with coarse_grids():
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


@pytest.mark.parametrize("coarse", [False, True])
def test_no_centre_of_a_cell_has_a_ratio_of_1(coarse: bool) -> None:
    module = phase_diagram_module
    with coarse_grids() if coarse else nullcontext():
        features = log_centres(*module.FEATURES_PER_SAMPLE, per_decade=module.FEATURE_CELLS)
        widths = log_centres(*module.WIDTH_PER_SAMPLE, per_decade=module.WIDTH_CELLS)
    for ratio in (features, widths, widths[:, None] / features):
        assert np.abs(np.log10(ratio)).min() > 0.1 / module.FEATURE_CELLS
    assert (len(features), len(widths)) == ((20, 20) if coarse else (60, 60))
    assert features[[0, -1]] == pytest.approx([0.1, 10.0], rel=0.15)
    assert widths[[0, -1]] == pytest.approx([10**-1.5, 10.0], rel=0.16)


def test_risk_equals_closed_forms_of_isotropic_projections(diagrams: dict[tuple[str, str], PhaseDiagram]) -> None:
    diagram = diagrams["isotropic", "projections"]
    for p, p2 in enumerate(diagram.synthetic_fraction):
        for f, phi in enumerate(diagram.features_per_sample):
            for w, psi in enumerate(diagram.width_per_sample):
                middle = np.array(closed_form(phi, psi * np.exp(-0.5e-3), p2))
                ours = np.array([diagram.risk.clean[p, f, w], diagram.risk.collapse[p, f, w]])
                assert np.abs(ours - middle).max() < 1e-8 * middle.sum(), (p2, phi, psi)


def test_slope_of_projections_is_the_derivative_of_closed_forms(diagrams: dict[tuple[str, str], PhaseDiagram]) -> None:
    diagram, step = diagrams["isotropic", "projections"], 1e-4
    for p, p2 in enumerate(diagram.synthetic_fraction):
        for f, phi in enumerate(diagram.features_per_sample):
            for w, psi in enumerate(diagram.width_per_sample):
                below, above = (np.array(closed_form(phi, psi * np.exp(side * step / 2), p2)) for side in (-1, 1))
                ours = np.array([diagram.slope.clean[p, f, w], diagram.slope.collapse[p, f, w]])
                assert ours == pytest.approx((above - below) / step, rel=1e-4, abs=1e-5 * below.sum()), (p2, phi, psi)


def test_slope_of_the_linear_model_is_that_of_one_more_feature(diagrams: dict[tuple[str, str], PhaseDiagram]) -> None:
    diagram, d = diagrams["isotropic", "linear"], 600
    fewest = d
    for p, p2 in enumerate(diagram.synthetic_fraction):
        for f, phi in enumerate(diagram.features_per_sample):
            for w, psi in enumerate(diagram.width_per_sample):
                n = d / phi
                seen = round(psi * n)
                if seen < 1 or seen + 1 >= min(n, d):  # closed forms of projections hold until they interpolate
                    continue
                fewest = min(fewest, seen)
                few, more = (np.array(closed_form(phi, size / n, p2)) for size in (seen, seen + 1))
                ours = np.array([diagram.slope.clean[p, f, w], diagram.slope.collapse[p, f, w]])
                expected = (more - few) / np.log((seen + 1) / seen)
                assert ours == pytest.approx(expected, rel=1e-6, abs=1e-8 * seen * more.sum()), (p2, phi, psi)
    assert fewest < 5  # where one feature more is far from an infinitesimal step


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
        found, widths = [], np.round(diagram.width_per_sample[w] * n * np.array([0.97, 1.03]))
        for width in widths:
            counts = (n - round(0.2 * n), round(0.2 * n))
            sources = [replace(s, n_samples=count) for s, count in zip(problem.sources, counts, strict=True)]
            activation = "relu" if model == "network" else None
            found.append(solve(replace(problem, sources=sources, width=int(width), activation=activation)))
        for name, slope in (
            ("excess_risk", diagram.slope.excess_risk(1.0)[0, f, w]),
            ("collapse", diagram.slope.collapse[0, f, w]),
        ):
            few, many = (getattr(result, name) for result in found)
            expected = (many - few) / np.log(widths[1] / widths[0])
            # 5 %: whole numbers of samples, and a step that is not small
            assert slope == pytest.approx(expected, rel=0.05, abs=1e-3 * few), (phi, psi, name)


SIDES = [  # of 60 features
    ("projections", 30, (15, 19), 1.0, Effect.AMPLIFIES),  # n < d, m < n
    ("projections", 30, (45, 70), 1.0, Effect.MITIGATES),  # n < d, m > n
    ("projections", 240, (20, 35), 0.2, Effect.OUTWEIGHED),  # n > d, m < d, good labels
    ("projections", 75, (20, 35), 8.0, Effect.AMPLIFIES),  # n > d, m < d, bad labels
    ("network", 100, (30, 50), 8.0, Effect.AMPLIFIES),  # n > d, m < n
    ("network", 100, (150, 225), 1.0, Effect.MITIGATES),  # n > d, m > n
]


@cache
def simulated_effect(model: str, n: int, widths: tuple[int, int], quality: float) -> Effect:
    """Return what a larger model does by simulation; every sign is certain to 5 standard errors."""
    posed = isotropic(n=n, d=60, quality=quality, activation="relu" if model == "network" else None, width=1)
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
    diagram = phase_diagram(isotropic(n=n, d=60), model=model, synthetic_fractions=[0.4])
    f, w = cell(diagram, 60 / n, float(np.sqrt(widths[0] * widths[1])) / n)
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


def planted(*, features_per_sample: list[float], clean: Any, collapse: Any) -> PhaseDiagram:
    """Return a diagram of excess risk 3.5 at quality 3, of which 1.5 is collapse; slopes are of shape (1, F, W)."""
    clean, collapse = np.array(clean, dtype=np.float64), np.array(collapse, dtype=np.float64)
    return PhaseDiagram(
        model="projections",
        features_per_sample=np.array(features_per_sample),
        width_per_sample=np.arange(1.0, clean.shape[2] + 1),
        synthetic_fraction=np.array([0.4]),
        risk=SizedRisk(clean=np.full(clean.shape, 2.0), collapse=np.full(clean.shape, 0.5)),
        slope=SizedRisk(clean=clean, collapse=collapse),
    )


@pytest.mark.parametrize(
    ("more", "worse", "expected"),
    [  # changes of collapse and of the excess risk for twice the size, in thousandths of themselves
        (0.99, 0.99, Effect.NONE),
        (-0.99, -0.99, Effect.NONE),
        (1.01, 0.99, Effect.AMPLIFIES),
        (0.99, 1.01, Effect.AMPLIFIES),
        (1.01, -0.99, Effect.OUTWEIGHED),
        (0.99, -1.01, Effect.OUTWEIGHED),
        (-1.01, -0.99, Effect.MITIGATES),
        (-0.99, 1.01, Effect.IN_VAIN),
        (np.inf, np.inf, Effect.UNDEFINED),
        (np.nan, np.nan, Effect.UNDEFINED),
    ],
)
def test_effects_leave_out_changes_of_less_than_a_thousandth_for_twice_the_size(
    more: float, worse: float, expected: Effect
) -> None:
    collapse = 0.5 * 1e-3 * more / np.log(2)
    clean = 3.5 * 1e-3 * worse / np.log(2) - 3.0 * collapse if np.isfinite(more) else 0.0
    diagram = planted(features_per_sample=[0.5], clean=[[[clean]]], collapse=[[[collapse]]])
    assert diagram.effects(3.0).tolist() == [[[expected]]]


def test_shares_count_the_defined_cells_with_fewer_samples_than_features_and_with_more() -> None:
    up, down, no = 1.0, -1.0, np.nan
    diagram = planted(
        features_per_sample=[0.5, 2.0, 4.0],
        clean=[[[down, down, down, no], [up, up, up, up], [down, down, -9.0, no]]],
        collapse=[[[down, down, up, no], [up, up, up, down], [down, 0.0, 1.0, no]]],
    )
    fewer, more = diagram.shares(3.0)
    assert (fewer["samples"], more["samples"]) == ("< features", "> features")
    assert {name: fewer[name] for name in Effect if fewer.get(name)} == pytest.approx(
        {Effect.AMPLIFIES: 3 / 7, Effect.OUTWEIGHED: 1 / 7, Effect.MITIGATES: 3 / 7}
    )
    assert {name: more[name] for name in Effect if more.get(name)} == pytest.approx(
        {Effect.AMPLIFIES: 1 / 3, Effect.MITIGATES: 2 / 3}
    )
    assert [(row["model"], row["quality"], row["synthetic_fraction"]) for row in (fewer, more)] == (
        [("projections", 3.0, 0.4)] * 2
    )


def test_shares_of_ridgeless_isotropic_projections_are_those_of_the_regions(
    diagrams: dict[tuple[str, str], PhaseDiagram],
) -> None:
    diagram = diagrams["isotropic", "projections"]
    wider_than_inputs = np.mean(
        [psi > phi for phi in diagram.features_per_sample[:10] for psi in diagram.width_per_sample]
    )
    for row in diagram.shares(0.1):
        if row["samples"] == "< features":  # widths from 10^-1.5 to 10 turn at 1
            assert row[Effect.AMPLIFIES] == pytest.approx(0.6)
            assert row[Effect.MITIGATES] == pytest.approx(0.4)
        else:
            assert row[Effect.NONE] == pytest.approx(wider_than_inputs)
            assert row[Effect.AMPLIFIES] + row[Effect.OUTWEIGHED] + row[Effect.MITIGATES] == pytest.approx(
                1 - wider_than_inputs
            )


def test_shares_add_up(diagrams: dict[tuple[str, str], PhaseDiagram]) -> None:
    for diagram in diagrams.values():
        for row in diagram.shares(1.0):
            assert sum(value for name, value in row.items() if name in set(Effect)) == pytest.approx(1)


def test_linear_model_is_undefined_with_all_features_or_none() -> None:
    with coarse_grids():
        diagram = phase_diagram(isotropic(n=10, d=10), model="linear", synthetic_fractions=[0.4])
    seen = np.round(10 / diagram.features_per_sample[:, None] * diagram.width_per_sample)
    assert {0, 1, 9, 10, 11} <= {*seen.ravel()}
    assert ((diagram.effects(1.0)[0] == Effect.UNDEFINED) == ((seen < 1) | (seen > 9))).all()


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


@pytest.mark.parametrize("quality", [0.0, -1.0, float("nan")])
def test_effects_need_a_quality(quality: float, diagrams: dict[tuple[str, str], PhaseDiagram]) -> None:
    with pytest.raises(InputError, match=r"`quality` must be a number in \(0, inf\)"):
        diagrams["isotropic", "linear"].effects(quality)


def test_power_law_setting_is_that_of_the_paper() -> None:
    problem = replace(power_law_problem(), width=1000)
    assert solve(problem).excess_risk == pytest.approx(1.851, abs=5e-4)  # figure 5, quality 1
