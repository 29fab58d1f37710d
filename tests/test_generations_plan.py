"""Is advice on generations about where they end up? Does it say what would change it, and that a ridge is to blame?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation_examples import recursion as scheduled
from modelcollapse import Schedule, Spectrum
from modelcollapse.decisions.generations_plan import plan_generations
from modelcollapse.decisions.generations_what_if import with_noise_scaled
from modelcollapse.theory.generations_engine import solve_generations
from test_adaptive_mixing import D, recursion
from test_cli import PROBLEM, run


def iterated(real: str, *, generations: int = 8):
    """Iterative mixing: the model is given, with an error as large as the signal, and relabels."""
    return recursion(n=(1000, 1000), noise=(1.0, 0.0), first=1.0, power=1.0, real=real, generations=generations,
                     spectrum=Spectrum.isotropic(100))  # fmt: skip


@pytest.mark.parametrize(
    ("real", "early"), [("fresh", "generation 1 exceeds"), ("reused", "generations 1 to 2 exceed")]
)
def test_given_first_model_that_is_forgotten_is_no_reason_not_to_start(real, early):
    problem = iterated(real)
    plan = plan_generations(problem)
    risk = np.array(solve_generations(problem).excess_risk)
    first = plan.within_from
    assert plan.within == 0
    assert (risk[first:] <= 1.1 * plan.reference).all()
    assert risk[first - 1] > 1.1 * plan.reference
    assert plan.advice.recommendation.startswith(f"Go on: from generation {first} on")
    assert early in plan.advice.recommendation


def test_late_recovery_is_gone_on_to():
    plan = plan_generations(iterated("fresh", generations=1))
    assert plan.advice.recommendation.startswith(f"Go on, at least to generation {plan.within_from}:")


def test_tail_that_exceeds_is_a_reason_not_to_start():
    plan = plan_generations(recursion(kind="replace", noise=(1.0, 1.0)))
    assert (plan.within_from, plan.last_within) == (None, 0)
    assert plan.advice.recommendation.startswith("Do not start")


def test_real_samples_needed_after_a_given_first_model_keep_the_generation_asked_about():
    problem = recursion(first=1.0, n=(10, 400), noise=(1.0, 20.0), generations=5, ridge=0.3, power=1.0)
    plan = plan_generations(problem)
    assert plan.advice.recommendation.startswith("Do not start")

    def last(n_real: int) -> float:
        return solve_generations(recursion(first=1.0, n=(n_real, 400), noise=(1.0, 20.0), generations=5, ridge=0.3,
                                           power=1.0)).excess_risk[-1]  # fmt: skip

    assert last(plan.real_needed) <= 1.1 * plan.reference < last(plan.real_needed - 1)
    assert "that keeps generation 5 within" in plan.advice.recommendation


def test_poor_ridge_comes_first():
    poor = plan_generations(recursion(kind="replace", n=(30, 30), noise=(1.0, 1.0), power=1.0, ridge=0))
    good = plan_generations(recursion(kind="replace", n=(30, 30), noise=(1.0, 1.0), power=1.0, ridge=1 / 3))
    assert poor.best_reference_ridge == pytest.approx(1 / 3, rel=0.05)  # noise / (signal · n), the posterior mean's
    assert poor.best_reference == pytest.approx(good.reference, rel=1e-3)
    assert "set the ridge first" in poor.advice.recommendation
    assert "At their best ridge" in poor.advice.reasons[0]
    assert "ridge first" not in good.advice.recommendation


@pytest.mark.parametrize("kind", ["replace", "accumulate", "mix"])
def test_plan_always_says_what_would_change_it(kind):
    plan = plan_generations(recursion(kind=kind, noise=(1.0, 1.0), n=(100, 100), generations=3, power=1.0))
    assert any("ridge" in change for change in plan.advice.changes)
    assert plan.risk_at_best_ridge <= plan.excess_risk[-1] * 1.5


def test_plan_says_what_another_first_model_would_change():
    plan = plan_generations(iterated("reused"))
    assert plan.within_by_first_error[0.5] > plan.within_by_first_error[1.5]
    assert any("given first model" in change for change in plan.advice.changes)
    assert plan_generations(recursion(generations=2, noise=(1.0, 1.0))).within_by_first_error == {}


def test_plan_says_over_how_many_generations_weights_are_sought():
    longer = plan_generations(recursion(real="reused", generations=6, noise=(1.0, 0.5), power=1.0))
    assert "for the first 4 of 6 generations" in longer.advice.changes[0]
    short = plan_generations(recursion(real="reused", generations=3, noise=(1.0, 0.5), power=1.0))
    assert "for the first" not in short.advice.changes[0]


def test_best_weight_that_leaves_a_source_out_is_named_so():
    useless = plan_generations(recursion(real="reused", generations=2, noise=(1.0, 1.0), ridge=0.01, power=1.0))
    assert useless.advice.changes[0].startswith("The best fixed weight leaves the synthetic samples out")
    perfect = plan_generations(recursion(first=1e-6, n=(D + 5, 4000), noise=(1.0, 1e-6), ridge=1e-6, generations=2,
                                         power=1.0))  # fmt: skip
    assert perfect.advice.changes[0].startswith("The best fixed weight copies the model before")


def test_plan_draws_any_workflow(tmp_path: Path):
    path, picture = tmp_path / "loop.toml", tmp_path / "generations.svg"
    workflow = '\n[workflow]\nkind = "replace"\ngenerations = 3\ndesign = "fresh"\n'
    path.write_text(PROBLEM.replace('shift = { quality = 0.3, shape = "isotropic" }', "") + workflow)
    code, out, _ = run("plan", str(path), "--out", str(picture))
    assert (code, "generation 3" in out) == (0, True)
    assert picture.read_text().startswith("<svg")


@pytest.mark.parametrize("scale", [0.5, 1.5])
def test_another_noise_is_that_of_all_labels(scale):
    """Of both sources, in every generation, the schedule's own included."""
    schedule = Schedule(noise_var={"synthetic": [0.1, 0.2, 0.3]})
    problem = scheduled("mix", real="fresh", generations=2, noise=(0.4, 0.1), schedule=schedule)
    assert with_noise_scaled(problem, scale).noise_var == pytest.approx(scale * problem.noise_var, rel=1e-12)


def test_plan_counts_generations_with_another_noise():
    problem = scheduled("replace", generations=4, n_real=300, n_synthetic=2000)
    plan = plan_generations(problem, factor=1.5)
    for scale, within in plan.within_by_noise.items():
        noisier = with_noise_scaled(problem, scale)
        risk = np.array(solve_generations(noisier).excess_risk)
        stays = risk[1:] <= 1.5 * risk[0] * (1 + 1e-9)
        assert min(within, 4) == (4 if stays.all() else int(np.argmin(stays)))
