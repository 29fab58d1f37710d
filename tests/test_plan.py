"""Is what a plan recommends the best, and is what it says about it true?"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from modelcollapse import Mixture, RandomTeacher, Shift, Source, Spectrum, simulate_sweep, solve
from modelcollapse.decisions.allowance import first_above, plan_mixture
from modelcollapse.decisions.budget import plan_budget
from modelcollapse.decisions.first_sample import first_sample_worth
from modelcollapse.decisions.market import best_width, market
from modelcollapse.errors import InputError
from modelcollapse.theory.engine import translate, with_optimal_fit, with_optimal_ridge
from modelcollapse.theory.tuning import tuned_fits

PRICES = {"real": 1.0, "synthetic": 0.1}


def problem(*, quality=0.3, d=40, noise=(0.5, 0.3), n=(90, 60), exponent=1.0, width=None, shape="isotropic", power=1.0):
    spectrum = Spectrum.power_law(d, exponent=exponent, scale=5.0)
    real = Source("real", n_samples=n[0], noise_var=noise[0], spectrum=spectrum, teacher=RandomTeacher(power))
    shift = Shift(quality=quality, shape=shape)
    return Mixture([real, Source("synthetic", n_samples=n[1], noise_var=noise[1], shift=shift)], ridge=0.1, width=width)


def goods(mixture, prices=(1.0, 0.1)):
    return market(mixture, prices=np.array(prices), limits=np.full(2, np.inf))


def counted(mixture, counts, *, weight=1.0, ridge=None, width=None):
    sources = [replace(s, n_samples=int(n)) for s, n in zip(mixture.sources, counts, strict=True)]
    sources[1] = replace(sources[1], weight=weight)
    return replace(mixture, sources=sources, ridge=mixture.ridge if ridge is None else ridge, width=width)


def weight_of_synthetic(*, n, noise, quality):
    """Return the best weight of the synthetic mean, and the corrected and the printed optimum (18), for φ → 0."""
    mixture = Mixture(
        [
            Source(
                "real", n_samples=n[0], noise_var=noise[0], spectrum=Spectrum.isotropic(100), teacher=RandomTeacher()
            ),
            Source("synthetic", n_samples=n[1], noise_var=noise[1], shift=Shift(quality=quality, shape="isotropic")),
        ],
        ridge=0,
    )
    arrays = translate(mixture)
    sampling = replace(arrays.sampling, n_total=np.array([float(sum(n))]))
    fit = tuned_fits(sampling, covariances=arrays.covariances, teachers=arrays.teachers, rounds=14)
    p, phi = arrays.sampling.share, 100 / sum(n)
    real, synthetic = phi * noise[0] / p[0], phi * noise[1] / p[1]
    corrected = real / (quality + real + synthetic)
    printed = np.clip(1 - (p[0] * noise[0] - p[1] * noise[1]) * phi / (2 * quality), 0, 1)
    return float(p[1] * fit.weight[0, 1]), corrected, printed


@pytest.mark.parametrize(
    ("n", "noise", "quality"),
    [((80_000, 20_000), (1.0, 1.0), 1e-3), ((30_000, 300_000), (1.0, 0.2), 3e-3), ((50_000, 50_000), (0.3, 2.0), 0.02)],
)
def test_tuned_weight_is_the_corrected_optimum_of_weighted_mixing(n, noise, quality):
    found, corrected, printed = weight_of_synthetic(n=n, noise=noise, quality=quality)
    assert found == pytest.approx(corrected, rel=0.01)
    assert abs(printed / corrected - 1) > 0.1  # the formula as it was printed would not pass


@pytest.mark.parametrize("width", [None, 30])
def test_tuned_fits_agree_with_the_search_for_one_mixture(width):
    counts = np.array([[90.0, 60.0], [20.0, 500.0], [300.0, 5.0]])
    mixture = problem(width=width)
    found = replace(goods(mixture)).fits(counts, rounds=10)
    for n, risk in zip(counts, found.excess_risk, strict=True):
        best = solve(with_optimal_fit(counted(mixture, n, width=width))).excess_risk
        assert risk == pytest.approx(best, rel=1e-5)
    again = goods(mixture).fits(counts, start=found.point)
    assert again.excess_risk == pytest.approx(found.excess_risk, rel=1e-4)


def test_plan_finds_the_best_whole_counts_by_brute_force():
    mixture, prices, budget = problem(d=10, quality=0.5), {"real": 2.0, "synthetic": 0.7}, 40.0
    plan = plan_budget(mixture, prices=prices, budget=budget)
    risks = {}
    for n_real in range(21):
        n_synthetic = int((budget - 2 * n_real) / 0.7)
        if n_real + n_synthetic:
            counts = np.array([[float(n_real), float(n_synthetic)]])
            risks[n_real, n_synthetic] = float(goods(mixture).fits(counts, rounds=12).excess_risk[0])
    least = min(risks, key=risks.__getitem__)
    assert plan.best.excess_risk == pytest.approx(risks[least], rel=1e-4)
    assert tuple(plan.best.counts.values()) == least
    assert 0 < least[0] < 20  # an interior optimum: always buying one kind would not pass
    assert plan.best.cost <= budget


def test_plan_states_the_risk_that_its_fit_has():
    mixture = problem()
    plan = plan_budget(mixture, prices=PRICES, budget=200)
    for bought in (plan.best, *plan.alternatives.values()):
        fitted = counted(mixture, bought.counts.values(), weight=bought.weight, ridge=bought.ridge)
        assert solve(fitted).excess_risk == pytest.approx(bought.excess_risk, rel=1e-9)
        assert bought.test_error == pytest.approx(bought.excess_risk + 0.5)
    assert set(plan.alternatives) == {"real_only", "synthetic_only", "less"}
    assert all(plan.best.excess_risk < bought.excess_risk for bought in plan.alternatives.values())


def test_plan_spends_where_both_sources_are_worth_their_price():
    plan = plan_budget(problem(), prices={"real": 1.0, "synthetic": 0.02}, budget=100)
    values = plan.marginal_values
    assert 0.05 < plan.share < 0.95
    assert values["synthetic"] / values["real"] == pytest.approx(0.02, rel=0.1)


def test_larger_budget_is_never_worse():
    risks = [plan_budget(problem(), prices=PRICES, budget=b).best.excess_risk for b in (5, 6, 300)]
    assert all(after <= before for before, after in pairwise(risks))


@pytest.mark.parametrize(("price", "kind"), [(0.95, "synthetic"), (1.05, "real")])
def test_perfect_synthetic_samples_are_bought_exactly_while_they_are_cheaper(price, kind):
    mixture = problem(quality=0.0, noise=(0.4, 0.4))
    plan = plan_budget(mixture, prices={"real": 1.0, "synthetic": price}, budget=100)
    assert plan.price_without == pytest.approx(1.0, rel=1e-4)
    other = {"real": "synthetic", "synthetic": "real"}[kind]
    assert plan.best.counts[kind] >= 98
    assert plan.best.counts[other] <= 2


def test_useless_synthetic_samples_are_not_bought():
    plan = plan_budget(problem(quality=1e6), prices={"real": 1.0, "synthetic": 0.5}, budget=400)
    assert plan.best.counts == {"real": 400, "synthetic": 0}
    assert plan.price_without < 0.01
    assert plan.harmful_share is not None


def test_price_without_is_where_the_first_sample_stops_paying():
    mixture = problem()
    limit = plan_budget(mixture, prices=PRICES, budget=150).price_without
    for price, some in ((0.9 * limit, True), (1.1 * limit, False)):
        profile = goods(mixture, (1.0, price)).profile(150.0)
        gained = 1 - profile.excess_risk.min() / profile.excess_risk[0]
        assert (gained > 3e-4) == some


def test_quality_without_is_where_the_first_sample_stops_paying():
    mixture = problem()
    prices = {"real": 1.0, "synthetic": 0.4}
    limit = plan_budget(mixture, prices=prices, budget=150).quality_without
    worth = first_sample_worth(goods(problem(quality=limit)), n_samples=150.0, source=1)
    assert worth == pytest.approx(0.4, rel=1e-3)
    assert first_sample_worth(goods(problem(quality=2 * limit)), n_samples=150.0, source=1) < 0.39


def test_prices_alone_are_where_the_first_real_sample_starts_to_pay():
    mixture = problem(quality=1e-3, noise=(0.5, 0.05))
    limits = plan_budget(mixture, prices=PRICES, budget=60).prices_alone
    assert limits is not None
    low, high = limits
    assert 0 < low < high
    for price, all_synthetic in ((0.1 * low, False), (2 * low, True), (0.8 * high, True), (1.25 * high, False)):
        risk = goods(mixture, (1.0, price)).profile(60.0).excess_risk
        assert (risk.min() >= risk[-1] * (1 - 3e-4)) == all_synthetic


def test_target_error_is_reached_for_as_little_as_possible():
    mixture = problem()
    plan = plan_budget(mixture, prices=PRICES, target_error=0.6)
    assert plan.best.test_error <= 0.6
    assert plan.best.cost == pytest.approx(plan.budget, rel=0.01)
    cheaper = plan_budget(mixture, prices=PRICES, budget=0.97 * plan.best.cost)
    assert cheaper.best.test_error > 0.6
    assert plan_budget(mixture, prices=PRICES, budget=plan.best.cost).best.test_error <= 0.6 + 1e-5


def test_limits_hold_and_cost_something():
    free = plan_budget(problem(), prices=PRICES, budget=200)
    few = free.best.counts["synthetic"] // 4
    plan = plan_budget(problem(), prices=PRICES, budget=200, at_most={"synthetic": few})
    assert plan.best.counts["synthetic"] <= few
    assert plan.best.excess_risk > free.best.excess_risk
    none = plan_budget(problem(), prices=PRICES, budget=200, at_most={"real": 0})
    assert none.best.counts["real"] == 0


def test_money_that_samples_run_out_for_is_not_spent():
    """With few real samples to buy, synthetic ones soon bring nothing more."""
    plan = plan_budget(problem(), prices=PRICES, budget=5000, at_most={"real": 90})
    assert plan.exhausted == ("real",)
    assert plan.best.counts["real"] == 90
    assert plan.best.cost < 0.5 * 5000
    all_spent = goods(problem()).fits(np.array([[90.0, 49_100.0]])).excess_risk[0]
    assert plan.best.excess_risk == pytest.approx(all_spent, rel=1.2e-3)
    tenth_less = np.array([[90.0, 0.9 * plan.best.counts["synthetic"]]])
    assert goods(problem()).fits(tenth_less).excess_risk[0] > 1.001 * all_spent
    said = " ".join((*plan.advice.reasons, *plan.advice.changes))
    assert "The rest of the 5,000 would lower the risk by less than 0.10 %" in said
    assert "takes all 90 real samples that there are: more of them would change it" in said
    assert "90 real samples alone, which cost 90" in said
    assert "same money" not in said


def test_shares_are_shares_of_what_is_spent():
    plan = plan_budget(problem(), prices=PRICES, budget=500, at_most={"real": 90})
    low, high = plan.indifferent
    assert low <= plan.share <= high
    mixtures = zip(plan.profile["share"], plan.profile["real"], plan.profile["synthetic"], strict=True)
    for share, n_real, n_synthetic in mixtures:
        assert share == pytest.approx(0.1 * n_synthetic / (n_real + 0.1 * n_synthetic))
    assert max(plan.profile["real"]) == 90


def test_free_budgets_are_spent_and_printed_to_the_cent():
    plan = plan_budget(problem(), prices=PRICES, budget=1006)
    assert plan.exhausted == ()
    assert 1005.9 < plan.best.cost <= 1006
    assert " for 1,006;" in plan.advice.recommendation or " for 1,005.9" in plan.advice.recommendation


def test_thresholds_of_money_are_left_out_where_samples_run_out():
    plan = plan_budget(problem(), prices=PRICES, budget=200, at_most={"real": 20, "synthetic": 3000})
    assert (plan.price_without, plan.prices_alone, plan.quality_without) == (None, None, None)


def test_perfect_labels_have_no_quality_to_multiply():
    plan = plan_budget(problem(quality=0.0), prices={"real": 1.0, "synthetic": 0.9}, budget=50)
    assert {case.what for case in plan.what_ifs} == {"noise_var"}


def test_width_of_the_problem_is_the_largest_that_is_chosen():
    free = problem(width=35, quality=1.0)
    plan = plan_budget(free, prices=PRICES, budget=60)
    assert plan.best.width is not None
    assert plan.best.width <= 35
    wide, profile = best_width(goods(free), 60.0, max_width=35)
    narrow = replace(wide, width=5.0).profile(60.0)
    assert profile.excess_risk.min() < narrow.excess_risk.min()
    assert float(wide.width) == plan.best.width


def test_what_if_answers_are_those_of_the_other_world():
    plan = plan_budget(problem(quality=0.4), prices=PRICES, budget=150)
    worse = plan_budget(problem(quality=0.6), prices=PRICES, budget=150)
    case = next(c for c in plan.what_ifs if (c.what, c.factor) == ("quality", 1.5))
    assert case.excess_risk == pytest.approx(worse.best.excess_risk, rel=2e-3)
    assert case.share == pytest.approx(worse.share, abs=0.1)
    assert 0 <= case.regret < 0.2
    assert {c.what for c in plan.what_ifs} == {"quality", "noise_var"}


def test_recommended_purchase_beats_its_neighbours_in_simulation():
    """Sees differences of 2 %; a plan made for perfect labels must lose."""
    mixture = problem(d=60, quality=1.0)
    plan = plan_budget(mixture, prices=PRICES, budget=150)
    wrong = plan_budget(problem(d=60, quality=0.0), prices=PRICES, budget=150).best
    best, alone = plan.best, plan.alternatives["real_only"]
    made = [
        counted(mixture, bought.counts.values(), weight=factor * bought.weight, ridge=bought.ridge)
        for bought, factor in ((best, 1), (best, 4), (best, 0.25), (alone, 1), (wrong, 1))
    ]
    results = simulate_sweep(made, n_replicates=400)
    ours = results[0]
    for other in results[1:]:
        stderr = np.hypot(ours.stderr["excess_risk"], other.stderr["excess_risk"])
        assert (other.excess_risk - ours.excess_risk) / stderr > 5
    stderr = np.hypot(results[3].stderr["excess_risk"], results[4].stderr["excess_risk"])
    assert (results[4].excess_risk - results[3].excess_risk) / stderr > 5  # worse than real samples only


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prices": {"real": 1.0}, "budget": 10}, "price of `synthetic` is missing"),
        ({"prices": {"real": 1.0, "synthetic": -1}, "budget": 10}, "price of synthetic"),
        ({"prices": {"real": 1.0, "synthetic": 0}, "budget": 10}, "price of synthetic"),
        ({"prices": {"real": 1.0, "synthetik": 1}, "budget": 10}, "Did you mean `synthetic`"),
        ({"prices": PRICES, "budget": 0.05}, "A single sample costs 0.1"),
        ({"prices": PRICES, "budget": -3}, "`budget`"),
        ({"prices": PRICES, "budget": 1e20}, "samples at most"),
        ({"prices": PRICES}, "one of the two"),
        ({"prices": PRICES, "budget": 3, "target_error": 1}, "one of the two"),
        ({"prices": PRICES, "target_error": 0.4}, "above 0.5, the floor"),
        ({"prices": PRICES, "target_error": 0.6, "at_most": {"real": 5, "synthetic": 5}}, "the floor"),
        ({"prices": PRICES, "budget": 3, "at_most": {"real": 0, "synthetic": 0}}, "no samples"),
        ({"prices": PRICES, "budget": 3, "at_most": {"real": 1.5}}, "whole number"),
    ],
)
def test_plan_refuses_what_it_cannot_use(options, message):
    with pytest.raises(InputError, match=message):
        plan_budget(problem(), **options)


def test_plan_refuses_problems_that_it_cannot_search():
    three = problem()
    three = replace(three, sources=[*three.sources, replace(three.sources[1], name="third")])
    with pytest.raises(InputError, match="two sources"):
        plan_budget(three, prices={"real": 1, "synthetic": 1, "third": 1}, budget=10)
    turned = Spectrum.full([[2.0, 0.5], [0.5, 1.0]])
    real = Source("real", n_samples=9, spectrum=Spectrum.explicit([2.0, 1.0]), teacher=RandomTeacher())
    with pytest.raises(InputError, match="commute"):
        plan_budget(
            Mixture([real, Source("synthetic", n_samples=9, spectrum=turned)], ridge=0), prices=PRICES, budget=9
        )


def test_allowance_is_where_the_risk_passes_the_factor():
    mixture, factor = problem(n=(300, 100), quality=1.5), 1.2
    plan = plan_mixture(mixture, factor=factor)
    allowed = {(a.fixed, a.weights): a.n_synthetic for a in plan.allowances}

    def risk(n_real, n_synthetic, best):
        made = counted(mixture, (round(n_real), round(n_synthetic)))
        return solve((with_optimal_fit if best else with_optimal_ridge)(made)).excess_risk

    for weights in ("given", "best"):
        limit = allowed["total", weights]
        for step, within in ((-2, True), (2, False)):
            n_synthetic = limit + step
            ratio = risk(400 - n_synthetic, n_synthetic, weights == "best") / plan.references["total"]
            assert (ratio <= factor) == within
    limit = allowed["real", "given"]
    assert risk(300, 0.95 * limit, False) <= factor * plan.references["real"] < risk(300, 1.05 * limit, False)
    assert allowed["real", "best"] is None
    assert allowed["total", "given"] < allowed["total", "best"]


def test_allowances_are_whole_samples_and_best_weights_allow_no_fewer():
    plan = plan_mixture(problem(n=(12, 1), quality=500.0), factor=1.0)
    allowed = {(a.fixed, a.weights): a.n_synthetic for a in plan.allowances}
    assert allowed["total", "given"] == 0
    assert allowed["total", "best"] >= allowed["total", "given"]
    assert "none of 13 real samples" in plan.advice.recommendation
    assert "0.0" not in plan.advice.recommendation


def test_perfect_synthetic_samples_may_replace_all():
    plan = plan_mixture(problem(quality=0.0, noise=(0.4, 0.4)))
    assert all(a.synthetic_fraction is None for a in plan.allowances)


def test_first_above_finds_the_first_of_several_crossings():
    points = np.linspace(0, 10, 41)
    found = first_above(lambda x: np.sin(x), points, 0.5)
    assert found == pytest.approx(np.pi / 6, abs=1e-3)
    assert first_above(lambda x: 0 * x, points, 0.5) is None
    assert first_above(lambda x: 0 * x + np.nan, points, 0.5) == 0.0


def test_mixture_plan_refuses_what_it_cannot_use():
    with pytest.raises(InputError, match="factor"):
        plan_mixture(problem(), factor=0.9)
    with pytest.raises(InputError, match="must have samples"):
        plan_mixture(problem(n=(0, 10)))


def test_fractions_are_shares_of_all_samples():
    mixture = problem(n=(120, 80))
    for allowance in plan_mixture(mixture).allowances:
        if allowance.n_synthetic is not None:
            total = 200 if allowance.fixed == "total" else 120 + allowance.n_synthetic
            assert allowance.synthetic_fraction == pytest.approx(allowance.n_synthetic / total, rel=1e-12)
    assert any(a.fixed == "real" and a.n_synthetic for a in plan_mixture(mixture).allowances)
