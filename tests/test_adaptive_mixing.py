"""Is the best schedule of weights the best? Are generations and real samples of a plan enough, and not too many?"""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelcollapse import (
    Mixture,
    RandomTeacher,
    Recursion,
    Schedule,
    Shift,
    Source,
    Spectrum,
    Workflow,
    simulate_generations,
)
from modelcollapse.decisions.adaptive_mixing import adaptive_mixing, best_of_random_starts
from modelcollapse.decisions.generations_plan import plan_generations
from modelcollapse.errors import InputError
from modelcollapse.figures.adaptive_mixing import draw_adaptive_mixing, mixing_data
from modelcollapse.theory.engine import solve, translate
from modelcollapse.theory.generations_engine import solve_generations
from modelcollapse.theory.mixture import mixture_risk

D = 10


def recursion(
    *,
    n=(100, 400),
    noise=(1.0, 0.0),
    generations=8,
    kind="mix",
    real="fresh",
    design="fresh",
    ridge=0.0,
    first=None,
    power=1e4,
    spectrum=None,
    schedule=None,
    **model,
) -> Recursion:
    """A recursion with a strong signal, so that ridges play no part unless the power is small."""
    shift = None if first is None else Shift(quality=first, shape="isotropic")
    sources = [
        Source("real", n_samples=n[0], noise_var=noise[0], spectrum=spectrum or Spectrum.isotropic(D),
               teacher=RandomTeacher(power)),
        Source("synthetic", n_samples=n[1], noise_var=noise[1], shift=shift),
    ]  # fmt: skip
    workflow = Workflow(kind, generations=generations, design=design, real=real if kind == "mix" else None,
                        schedule=schedule or Schedule())  # fmt: skip
    return Recursion(Mixture(sources, ridge=ridge, **model), workflow)


def copied_without_noise(generations: int, *, transient: bool = True) -> float:
    """Return the last risk of the best fixed share p, in units of generation 0's, when φ → 0 and copies are exact.

    From E_{t+1} = (1 − p)² + p² E_t: (1 − p)/(1 + p) (1 − p^2T) + p^2T; without the transient it has no minimum inside.
    """
    p = np.linspace(0, 0.999, 20_001)
    rest = p ** (2 * generations) if transient else 0
    return float(((1 - p) / (1 + p) * (1 - rest) + rest).min())


@pytest.mark.parametrize("generations", [3, 10])
def test_adaptive_share_averages_and_the_fixed_one_does_not(generations):
    found = adaptive_mixing(recursion(n=(20_000, 80_000), generations=generations))
    unit = found.fixed.excess_risk[0]
    assert found.adaptive.last / unit == pytest.approx(1 / (1 + generations), rel=5e-3)
    assert found.fixed.last / unit == pytest.approx(copied_without_noise(generations), rel=5e-3)
    assert abs(copied_without_noise(generations, transient=False) * unit / found.fixed.last - 1) > 0.5  # would not pass
    shares = np.array(found.adaptive.synthetic_share)
    assert shares == pytest.approx(1 - 1 / np.arange(2, generations + 2), abs=0.02)
    assert found.greedy_gap < 1e-3


def best_by_dynamic_programming(problem: Recursion) -> float:
    """Return the smallest last risk, on a grid of the one number that describes the model: its error.

    A generation is one fit on a mixture whose synthetic labels have that error as their quality, in which its risk is
    linear.
    """
    mixture = problem.mixture
    weights = np.exp(np.linspace(-8, 8, 641))
    risks = []
    for quality in (0.0, 1.0):
        shift = Shift(quality=quality, shape="isotropic")
        arrays = translate(replace(mixture, sources=[mixture.sources[0], replace(mixture.sources[1], shift=shift)]))
        sampling = replace(arrays.sampling, weight=np.stack([np.ones_like(weights), weights], axis=-1))
        risks.append(mixture_risk(sampling, covariances=arrays.covariances, teachers=arrays.teachers).excess_risk[:, 0])
    base, slope = risks[0], risks[1] - risks[0]
    start = mixture.sources[1].shift
    state = solve_generations(problem).excess_risk[0] if start is None else start.quality
    grid = np.geomspace(1e-3, 2, 800) * max(state, float(base.max()))
    value = np.log(grid)  # of the last generation
    for _ in range(problem.workflow.generations):
        after = np.log(base + slope * grid[:, None])
        value = np.interp(after, np.log(grid), value).min(axis=1)
    return float(np.exp(np.interp(np.log(state), np.log(grid), value)))


@pytest.mark.parametrize(
    "given", [{}, {"noise": (1.0, 0.1)}, {"first": 3.0, "generations": 4}, {"n": (30, 60), "generations": 12}], ids=str
)
def test_schedule_is_optimal_where_dynamic_programming_is_exact(given):
    """One number describes the model: inputs alike in all directions, no shrinkage. The fixed weight is not optimal."""
    problem = recursion(**given)
    found, optimum = adaptive_mixing(problem), best_by_dynamic_programming(problem)
    assert found.adaptive.last == pytest.approx(optimum, rel=3e-3)
    assert found.greedy.last == pytest.approx(optimum, rel=3e-3)
    assert found.fixed.last > 1.005 * optimum


def test_schedule_looks_ahead_where_the_model_is_more_than_one_number():
    """Few samples, a shrunk model: what is best for one generation is not what is best for the last."""
    found = adaptive_mixing(recursion(n=(5, 20), noise=(0.1, 0.0), first=1.0, power=1.0, generations=6))
    assert found.greedy_gap > 0.01
    assert found.adaptive.last < found.greedy.last
    assert found.adaptive.last <= found.fixed.last


def test_schedule_is_locally_optimal():
    problem = recursion(n=(20, 40), noise=(0.5, 0.2), power=2.0, generations=4,
                        spectrum=Spectrum.power_law(D, exponent=1.0, scale=3.0))  # fmt: skip
    mixing = adaptive_mixing(problem)
    found = mixing.adaptive
    name = problem.mixture.sources[1].name

    def last(weight: Any, ridge: float) -> float:
        ridges = [mixing.first_ridge, *[ridge] * 4]
        schedule = Schedule(weight={name: [0.0, *weight]}, ridge=ridges)
        changed = replace(problem.workflow, schedule=schedule)
        return solve_generations(Recursion(problem.mixture, changed)).excess_risk[-1]

    here = last(found.weight, found.ridge)
    assert here == pytest.approx(found.last, rel=1e-9)
    for t in range(4):
        for factor in (0.8, 1.25):
            moved = np.array(found.weight) * np.where(np.arange(4) == t, factor, 1.0)
            assert last(moved, found.ridge) >= here * (1 - 1e-5)
    assert all(last(found.weight, factor * found.ridge) >= here * (1 - 1e-5) for factor in (0.8, 1.25))


@pytest.mark.parametrize(
    ("n_real", "noise", "schedule", "fixed"),
    [(5, 1.0, 0.7021, 0.7808), (100, 1.0, 0.09062, 0.09903), (100, 0.1, 0.01085, 0.01098), (20, 1.0, 0.3288, 0.41332)],
)
def test_schedule_copies_a_poor_first_model_and_mixes_at_the_end(n_real, noise, schedule, fixed):
    """Noisy labels, the same real samples in all generations: what descends from constant weights stays with them.

    The numbers were found by L-BFGS from schedules that copy first; the first was confirmed by simulation.
    """
    found = adaptive_mixing(recursion(n=(n_real, 4 * n_real), noise=(noise, noise), real="reused", first=1.0,
                                      generations=5, power=1.0))  # fmt: skip
    assert found.adaptive.last < schedule
    assert found.fixed.last < fixed
    assert found.gain > 0.005
    assert found.adaptive.synthetic_share[0] > 0.99 > 0.9 > found.adaptive.synthetic_share[-1]


def test_schedule_is_not_beaten_from_random_starts():
    problem = recursion(n=(5, 20), noise=(1.0, 1.0), real="reused", first=1.0, generations=5, power=1.0)
    assert adaptive_mixing(problem).adaptive.last < 1.001 * best_of_random_starts(problem, n_starts=16)


def test_reused_real_samples_leave_nothing_to_adapt():
    reused = adaptive_mixing(recursion(n=(40, 80), noise=(1.0, 0.3), real="reused", generations=4, power=1.0))
    fresh = adaptive_mixing(recursion(n=(40, 80), noise=(1.0, 0.0), real="fresh", generations=4, power=1.0))
    assert reused.gain < 1e-3
    assert fresh.gain > 0.05


def test_schedule_beats_the_fixed_weight_in_simulation():
    """Sees a difference of a tenth; the schedule in the wrong order must lose to the fixed weight."""
    problem = recursion(n=(40, 160), noise=(0.5, 0.0), generations=4, first=1.0, ridge=1e-3, power=1.0)
    mixing = adaptive_mixing(problem)

    def simulated(weight: Any, ridge: float) -> tuple[float, float]:
        schedule = Schedule(weight={"synthetic": [0.0, *weight]}, ridge=[mixing.first_ridge, *[ridge] * 4])
        changed = Recursion(problem.mixture, replace(problem.workflow, schedule=schedule))
        result = simulate_generations(changed, n_replicates=400)
        return result.excess_risk[-1], result.stderr["excess_risk"][-1]

    fixed = simulated(mixing.fixed.weight, mixing.fixed.ridge)
    best = simulated(mixing.adaptive.weight, mixing.adaptive.ridge)
    turned = simulated(mixing.adaptive.weight[::-1], mixing.adaptive.ridge)
    assert (fixed[0] - best[0]) / np.hypot(fixed[1], best[1]) > 5
    assert (turned[0] - fixed[0]) / np.hypot(fixed[1], turned[1]) > 5


def test_study_writes_its_page_from_its_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent))
    study = importlib.import_module("studies.adaptive_mixing")
    assert len(study.settings()) == 72
    picked = [
        {"real": real, "horizon": 2, "features_per_sample": 0.5, "noise": 0.1, "labels": labels, "first": "fitted"}
        for real in study.HORIZONS
        for labels in study.LABELS
    ]
    rows = study.measure(picked)
    (tmp_path / "images").mkdir()
    study.write_page(rows, tmp_path)
    page = (tmp_path / "adaptive-mixing.md").read_text()
    assert f"| {100 * rows['gain'][0]:.1f} % |" in page
    assert rows["gain"][0] > 0.01
    assert (tmp_path / "images" / "adaptive-mixing.svg").read_text().startswith("<svg")


def test_mixing_tables_hold_what_is_drawn():
    found = adaptive_mixing(recursion(generations=3))
    table = mixing_data(found)["generations"]
    assert len(table) == 3 * 4
    assert table[table["way"] == "adaptive"]["excess_risk"].tolist() == list(found.adaptive.excess_risk)
    assert len(draw_adaptive_mixing(mixing_data(found)).axes) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "replace"}, "mix"),
        ({"n": (100, 0)}, "real and synthetic"),
        ({"width": 20, "activation": "relu"}, "no formula"),
    ],
)
def test_adaptive_mixing_refuses_what_it_cannot_weigh(given, message):
    with pytest.raises(InputError, match=message):
        adaptive_mixing(recursion(**given))


@pytest.mark.parametrize(("factor", "within"), [(1.0, 0), (2.5, 1), (4.01, 3), (1e6, 1000)])
def test_replacing_adds_the_same_risk_in_every_generation(factor, within):
    """Without ridge generation t has t + 1 times the risk of generation 0 on fixed inputs; hardly more on fresh."""
    plan = plan_generations(recursion(kind="replace", n=(10_000, 10_000), noise=(1.0, 1.0)), factor=factor)
    assert plan.within == within
    assert plan.followed == 1000


def test_real_samples_needed_are_enough_and_one_less_is_not():
    problem = recursion(kind="replace", n=(100, 400), noise=(1.0, 1.0), generations=6)
    plan = plan_generations(problem, factor=1.2)
    assert plan.real_needed is not None
    assert plan.real_needed_long >= plan.real_needed

    def worst(n_real: int) -> float:
        schedule = Schedule(n_samples={"real": [100, *[n_real] * 6]})
        return max(solve_generations(recursion(n=(100, 400), noise=(1.0, 1.0), generations=6,
                                               schedule=schedule)).excess_risk)  # fmt: skip

    assert worst(plan.real_needed) <= 1.2 * plan.reference < worst(plan.real_needed - 1)


def test_reused_real_samples_needed_are_enough_and_one_less_is_not():
    problem = recursion(real="reused", n=(50, 100), noise=(1.0, 1.0), generations=4, ridge=0.01, power=1.0)
    plan = plan_generations(problem, factor=1.1)

    def worst(n_real: int) -> float:
        changed = recursion(real="reused", n=(n_real, 100), noise=(1.0, 1.0), generations=4, ridge=0.01, power=1.0)
        return max(solve_generations(changed).excess_risk)

    assert worst(plan.real_needed) <= 1.1 * plan.reference < worst(plan.real_needed - 1)
    assert plan.real_needed_long is None


def test_given_first_model_is_compared_with_real_samples_only():
    problem = recursion(first=50.0, noise=(1.0, 0.2), generations=5, ridge=0.01, power=1.0)
    plan = plan_generations(problem)
    alone = replace(problem.mixture, sources=problem.mixture.sources[:1])
    assert plan.reference == pytest.approx(solve(alone).excess_risk)
    assert plan.within == 0  # the first model is bad, and so is what learns from it


def test_accumulated_samples_are_followed_as_far_as_asked():
    plan = plan_generations(recursion(kind="accumulate", n=(100, 100), noise=(1.0, 1.0), generations=5), factor=5)
    assert (plan.within, plan.followed, plan.real_needed, plan.mixing) == (5, 5, None, None)
    assert plan.advice.recommendation.startswith("Go on: all 5")


def test_generations_plan_refuses_what_has_no_answer():
    with pytest.raises(InputError, match="factor"):
        plan_generations(recursion(), factor=0.5)
    with pytest.raises(InputError, match="no factor"):
        plan_generations(recursion(noise=(0.0, 0.0)))
