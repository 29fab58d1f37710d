"""How fast is a plan for two sources, and against a search that solves one candidate after another?"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from modelcollapse import Mixture, RandomTeacher, Shift, Source, Spectrum, solve
from modelcollapse.decisions.allowance import plan_mixture
from modelcollapse.decisions.budget import plan_budget
from modelcollapse.theory.engine import with_optimal_fit

D, BUDGET = 1000, 1000.0
PRICES = {"real": 1.0, "synthetic": 0.01}
TARGET_ERROR = 0.28
REPEATS = 3
RIVAL_SHARES = 12
"""Shares of the money that the rival tries, of as many as the plan does."""


def run() -> str:
    """Time plans of four kinds and the rival; return the section."""
    linear = _problem(None)
    cases = [
        ("budget, linear model", lambda: plan_budget(linear, prices=PRICES, budget=BUDGET)),
        ("target error, linear model", lambda: plan_budget(linear, prices=PRICES, target_error=TARGET_ERROR)),
        ("budget, width chosen up to 500", lambda: plan_budget(_problem(500), prices=PRICES, budget=BUDGET)),
        ("no prices: how much synthetic data", lambda: plan_mixture(linear)),
    ]
    lines = [
        "## Plans for two sources",
        "",
        f"Power-law spectrum of {D:,} eigenvalues, everything that `modelcollapse plan` prints, in one process, the",
        f"best of {REPEATS}. Aim: below 5 s on two cores.",
        "",
        "| plan | seconds |",
        "|---|---|",
    ]
    lines += [f"| {name} | {_timed(plan):.2f} |" for name, plan in cases]
    lines += ["", _against_one_by_one(linear)]
    return "\n".join(lines)


def _problem(width: int | None) -> Mixture:
    spectrum = Spectrum.power_law(D, exponent=1.2, scale=D / 4)
    real = Source("real", n_samples=900, noise_var=0.2, spectrum=spectrum, teacher=RandomTeacher())
    shift = Shift(quality=0.3, shape="inverse_covariance")
    return Mixture([real, Source("synthetic", n_samples=5000, noise_var=0.1, shift=shift)], ridge=1e-3, width=width)


def _timed(function: object, *, repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()  # type: ignore[operator]
        times.append(time.perf_counter() - start)
    return min(times)


def _against_one_by_one(problem: Mixture) -> str:
    """Compare the search along the budget with one `with_optimal_fit` for each of its mixtures."""
    plan = plan_budget(problem, prices=PRICES, budget=BUDGET)
    real, synthetic = (np.array(plan.profile[source.name]) for source in problem.sources)
    risk = np.array(plan.profile["excess_risk"])
    picked = np.unique(np.linspace(1, len(risk) - 2, RIVAL_SHARES).astype(int))
    differences, start = [], time.perf_counter()
    for k in picked.tolist():
        counts = (round(real[k]), round(synthetic[k]))
        sources = [replace(s, n_samples=n) for s, n in zip(problem.sources, counts, strict=True)]
        best = solve(with_optimal_fit(replace(problem, sources=sources))).excess_risk
        differences.append(abs(risk[k] / best - 1))
    rival = (time.perf_counter() - start) / len(picked) * len(risk)
    seconds = _timed(lambda: _search(problem))
    return (
        f"The search alone, best weight and ridge for {len(risk)} mixtures along the budget: {seconds:.2f} s. The "
        f"rival, one `with_optimal_fit` after another: {rival:.1f} s ({len(picked)} of them measured, scaled up), "
        f"**{rival / seconds:.0f} ×** as long. Largest relative difference of the risks: {max(differences):.1e} (the "
        "rival's counts are whole)."
    )


def _search(problem: Mixture) -> None:
    from modelcollapse.decisions.market import market

    prices = np.array([PRICES[source.name] for source in problem.sources])
    market(problem, prices=prices, limits=np.full(2, np.inf)).profile(BUDGET)
