"""Theory's answers to chains of tokens, Gaussians and rates: enumeration, published numbers, and large problems."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from modelcollapse import InputError, Spectrum
from modelcollapse.engines import answer, engines_for
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.laws import Law
from modelcollapse.problems.ngrams import NgramChain
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.tokens import Context, TokenChain
from modelcollapse.result import Bounds
from modelcollapse.theory import ancestors, tokens_engine
from modelcollapse.theory.gaussian_engine import solve_gaussian
from modelcollapse.theory.poisson_engine import solve_poisson
from modelcollapse.theory.tokens_engine import solve_tokens
from token_examples import mixed, replaced

LAW = np.array([0.6, 0.3, 0.1])


def token_chain(law: Law, kind: str = "replace", **numbers: object) -> TokenChain:
    return TokenChain(law, Resampling(kind, **{"generations": 3, "n_samples": 4, **numbers}))


def moment(models: dict[tuple[float, ...], float], about: np.ndarray) -> float:
    return sum(p * ((np.array(model) - about) ** 2).sum() for model, p in models.items())


def test_tokens_are_those_of_enumeration() -> None:
    found = solve_tokens(token_chain(Law.explicit(LAW), n_first=3))
    for t, law in enumerate(replaced(LAW, n_samples=4, n_first=3, generations=3)):
        models = {tuple(np.array(counts) / sum(counts)): p for counts, p in law.items()}
        assert found.generations["squared_error"][t] == pytest.approx(moment(models, LAW), rel=1e-12)
        assert found.generations["concentration"][t] == pytest.approx(moment(models, np.zeros(3)), rel=1e-12)
    assert found.stderr["generations"]["vocabulary"] == (0.0,) * 4
    assert set(found.generations) == {"concentration", "squared_error", "squared_drift", "absolute_error",
                                      "absolute_drift", "vocabulary", "collapse_probability"}  # fmt: skip


def test_tokens_of_a_mix_are_those_of_enumeration() -> None:
    found = solve_tokens(token_chain(Law.explicit(LAW), "mix", n_real=3, real="reused"))
    for t, law in enumerate(mixed(LAW, n_real=3, n_samples=4, generations=3)):
        drift = sum(p * ((np.array(model) - np.array(real) / 3) ** 2).sum() for (real, model), p in law.items())
        left = sum(p * np.count_nonzero(model) for (_, model), p in law.items())
        assert found.generations["squared_drift"][t] == pytest.approx(drift, rel=1e-12, abs=1e-15)
        assert found.generations["vocabulary"][t] == pytest.approx(left, rel=1e-12)
    bounds = found.bounds["concentration"]
    assert bounds.lower == pytest.approx(found.generations["concentration"], rel=1e-12)
    assert bounds.lower == bounds.upper


def law_of(concentration: float, size: int) -> Law:
    """Return a law whose Σ p² is given: one token stands out."""
    extra = math.sqrt((concentration - 1 / size) * (1 - 1 / size))
    return Law.explicit(np.r_[1 / size + extra, np.full(size - 1, (1 - 1 / size - extra) / (size - 1))])


def concentrations(law: Law, kind: str = "replace", **numbers: object) -> np.ndarray:
    return np.array(solve_tokens(token_chain(law, kind, **numbers)).generations["concentration"])


@pytest.mark.parametrize(("n", "size", "expected"), [(10, 5, [0.35266, 0.57528, 0.74921, 0.96951]),
                                                     (30, 50, [0.11094, 0.22368, 0.34473, 0.66737])])  # fmt: skip
def test_concentration_of_replacement_is_the_published_one(n: int, size: int, expected: list[float]) -> None:
    known = 1 - (1 - expected[0]) / (1 - 1 / n) ** 2  # that of the law, which is not printed
    found = concentrations(law_of(known, size), n_samples=n, generations=30)
    assert found[[1, 5, 10, 30]] == pytest.approx(expected, abs=2e-5)
    assert abs(concentrations(law_of(known, size), n_samples=n + 1, generations=30)[30] - expected[3]) > 1e-3


def test_concentration_of_accumulation_is_the_published_one() -> None:
    found = 1 - concentrations(Law.zipf(50, exponent=1.0), "accumulate", n_samples=50, generations=99)
    assert found[[0, 1, 9, 99]] == pytest.approx([0.90132, 0.89682, 0.89145, 0.88993], abs=1e-5)


@pytest.mark.parametrize(("n_real", "expected", "inflation"), [(20, [0.00460, 0.02092, 0.02364], 5.26),
                                                               (100, [0.00460, 0.00611, 0.00611], 1.333)])  # fmt: skip
def test_error_of_a_mix_with_fresh_samples_is_the_published_one(
    n_real: int, expected: list[float], inflation: float
) -> None:
    chain = token_chain(
        Law.zipf(50, exponent=1.0), "mix", n_real=n_real, n_samples=200 - n_real, real="fresh", generations=59
    )
    found = solve_tokens(chain)
    errors = np.array(found.generations["squared_error"])
    assert errors[[0, 9, 59]] == pytest.approx(expected, abs=1e-5)
    assert found.limits["squared_error"] == pytest.approx(errors[59], rel=1e-3)
    assert found.limits["squared_error"] / errors[0] == pytest.approx(inflation, rel=0.03)


@pytest.mark.parametrize(("kind", "numbers"), [("replace", {}), ("accumulate", {}),
                                               ("mix", {"n_real": 6, "real": "reused"}),
                                               ("mix", {"n_real": 6, "real": "fresh"})])  # fmt: skip
def test_limits_are_those_of_many_generations(kind: str, numbers: dict[str, object]) -> None:
    found = solve_tokens(token_chain(Law.explicit(LAW), kind, n_samples=5, generations=400, **numbers))
    assert {"concentration", "squared_error"} <= set(found.limits)
    for name, limit in found.limits.items():
        values = found.generations[name]
        assert values[-1] == pytest.approx(limit, rel=1e-2 if kind == "accumulate" else 1e-6), name
        assert values[1] != pytest.approx(limit, rel=1e-4), name


@pytest.mark.parametrize(("kind", "numbers"), [("replace", {}), ("mix", {"n_real": 40, "real": "reused"}),
                                               ("mix", {"n_real": 10, "real": "fresh"})])  # fmt: skip
def test_exact_quantities_are_within_their_bounds(kind: str, numbers: dict[str, object]) -> None:
    found = solve_tokens(token_chain(Law.zipf(30, exponent=1.0), kind, n_samples=40, generations=30, **numbers))
    assert "absolute_error" in found.bounds
    shown = 0
    for name, bounds in found.bounds.items():
        exact = found.generations.get(name.removeprefix("published_")) or found.numbers.get(name)
        if exact is None:
            continue
        assert within(np.asarray(exact), bounds), name
        assert not within(100 * np.asarray(exact), bounds) or name.startswith("published_"), name
        shown += 1
    assert shown >= (2 if kind == "mix" and numbers["real"] == "reused" else 1)


def within(values: np.ndarray, bounds: Bounds) -> bool:
    low = -np.inf if bounds.lower is None else np.asarray(bounds.lower)
    high = np.inf if bounds.upper is None else np.asarray(bounds.upper)
    return bool((values >= low - 1e-9).all() and (values <= high + 1e-9).all())


def test_contexts_are_averaged_by_frequency() -> None:
    workflow = Resampling("replace", generations=6, n_samples=40)
    both = solve_tokens(TokenChain([Context(Law.uniform(4), frequency=3), Context(Law.explicit(LAW))], workflow))
    parts = [solve_tokens(token_chain(law, n_samples=n, generations=6))
             for law, n in ((Law.uniform(4), 30), (Law.explicit(LAW), 10))]  # fmt: skip
    for name, values in both.generations.items():
        alone = [np.array(part.generations[name]) for part in parts]
        np.testing.assert_allclose(values, 0.75 * alone[0] + 0.25 * alone[1], rtol=1e-12, atol=1e-15)
    times = [part.numbers["collapse_time"] for part in parts]
    assert both.numbers["collapse_time"] == pytest.approx(0.75 * times[0] + 0.25 * times[1], rel=1e-12)
    upper = [part.bounds["collapse_time"].upper for part in parts]
    assert both.bounds["collapse_time"].upper == pytest.approx(0.75 * upper[0] + 0.25 * upper[1], rel=1e-12)


def test_shares_of_contexts_are_at_most_1() -> None:
    """Frequencies add up to 1 but for rounding."""
    contexts = [Context(Law.uniform(1), frequency=f) for f in (0.6, 0.3, 0.2)]
    chain = TokenChain(contexts, Resampling("replace", generations=2, n_samples=50))
    assert np.tensordot(chain.frequencies, np.ones((3, 1)), axes=1) > 1
    found = solve_tokens(chain)
    assert max(found.generations["concentration"]) == max(found.generations["collapse_probability"]) == 1


@pytest.mark.parametrize("n_samples", [10, 3000])
def test_contexts_that_share_what_does_not_depend_on_their_laws_have_their_own_collapse_times(n_samples: int) -> None:
    laws = [Law.uniform(4), Law.explicit(LAW), Law.bernoulli(0.01)]
    workflow = Resampling("replace", generations=1, n_samples=3 * n_samples, n_first=3 * 7)
    together = solve_tokens(TokenChain([Context(law) for law in laws], workflow)).numbers["collapse_time"]
    alone = [solve_tokens(token_chain(law, n_samples=n_samples, n_first=7)).numbers["collapse_time"] for law in laws]
    assert together == pytest.approx(np.mean(alone), rel=1e-12)
    assert max(alone) > 1.5 * min(alone)


def test_contexts_of_different_large_sizes_share_the_costly_part_of_collapse_times() -> None:
    rng = np.random.default_rng(0)
    contexts = [Context(Law.uniform(3), frequency=float(share)) for share in rng.uniform(0.1, 1.0, 300)]
    workflow = Resampling("replace", generations=5, n_samples=10**12)
    calls = 0
    right = ancestors.occupancy

    def counted(n_balls: int, *, boxes: int) -> np.ndarray:
        nonlocal calls
        calls += 1
        return right(n_balls, boxes=boxes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ancestors, "occupancy", counted)
        found = solve_tokens(TokenChain(contexts, workflow))
    assert calls == 2
    assert found.numbers["collapse_time"] > 10**9


def test_tokens_that_never_occur_change_nothing() -> None:
    with_nothing = solve_tokens(token_chain(Law.explicit([0.6, 0.0, 0.3, 0.1, 0.0])))
    without = solve_tokens(token_chain(Law.explicit([0.1, 0.6, 0.3])))
    for name, values in without.generations.items():
        np.testing.assert_allclose(with_nothing.generations[name], values, rtol=1e-12)
    assert with_nothing.bounds["vocabulary"].upper == pytest.approx(without.bounds["vocabulary"].upper, rel=1e-12)


def test_one_token_is_collapsed_from_the_start() -> None:
    found = solve_tokens(token_chain(Law.explicit([1.0])))
    assert found.generations["collapse_probability"] == (1.0,) * 4
    assert found.generations["absolute_error"] == (0.0,) * 4
    assert found.numbers["collapse_time"] == 1


def test_nearly_alike_tokens_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = token_chain(Law.zipf(4000, exponent=1.0), n_samples=5000, generations=20)
    exact = solve_tokens(chain)
    monkeypatch.setattr(tokens_engine, "MANY", 1000)
    near = solve_tokens(chain)
    assert any("taken as alike" in assumption for assumption in near.assumptions)
    assert near != exact
    for name, values in exact.generations.items():
        np.testing.assert_allclose(near.generations[name], values, rtol=1e-6)


@pytest.mark.parametrize("kind", ["replace", "accumulate", "recent", "random-past"])
def test_very_many_samples_of_many_tokens_cost_little(kind: str) -> None:
    window = {"window": 3} if kind == "recent" else {}
    started = time.process_time()
    found = solve_tokens(token_chain(Law.zipf(50_000, exponent=1.0), kind, n_samples=10**12, generations=100, **window))
    assert time.process_time() - started < 5
    assert found.generations["concentration"][0] == pytest.approx(found.generations["concentration"][100], rel=1e-6)
    if "vocabulary" in found.generations:
        assert found.generations["vocabulary"][100] == pytest.approx(50_000, rel=1e-6)


@pytest.mark.parametrize(
    ("kind", "drawn", "variance"),
    [
        ("replace", 0.4335, (1 - 1e-4) ** 101 - 0.99**202),
        ("accumulate", 0.986, 0.02 * np.pi**2 / 6),
        ("accumulate-subsample", 0.9715, 0.02 * (np.pi**2 / 2 - 2)),
    ],
)
def test_gaussians_of_published_runs(kind: str, drawn: float, variance: float) -> None:
    """Ratios of traces at n = 100 in 10 dimensions after 100 generations, each the mean of 100 runs.

    A sample variance v has E v² = (1 − 1/n²)^t with replacement; else its own variance is 2/n times its inflation.
    """
    subsample = {"subsample": 100} if kind == "accumulate-subsample" else {}
    workflow = Resampling(kind, generations=100, n_samples=100, **subsample)
    found = solve_gaussian(GaussianChain(Spectrum.isotropic(10), workflow)).generations["variance_ratio"][100]
    stderr = math.sqrt(variance / 10 / 100)
    assert abs(found - drawn) < 5 * stderr
    assert abs(0.99 ** (1 if kind == "replace" else 101) - drawn) > 5 * stderr


def test_gaussians_of_published_formulas() -> None:
    for n, ends in ((10, (0.9, 0.3487)), (32, (0.9688, 0.7280))):
        workflow = Resampling("replace", generations=9, n_samples=n)
        found = solve_gaussian(GaussianChain(Spectrum.power_law(4, exponent=1.0), workflow))
        ratios = found.generations["variance_ratio"]
        assert (ratios[0], ratios[9]) == pytest.approx(ends, abs=5e-5)
        assert found.limits == {"variance_ratio": 0.0, "mean_error": 1.0}
    for n, product in ((10, 0.8439), (32, 0.9495)):
        workflow = Resampling("accumulate", generations=199, n_samples=n)
        found = solve_gaussian(GaussianChain(Spectrum.isotropic(1), workflow))
        assert found.generations["variance_ratio"][199] == pytest.approx(product, abs=1e-4)
        assert found.limits["variance_ratio"] == pytest.approx(np.sinc(n**-0.5), rel=1e-12)  # sin(π/√n)/(π/√n)


def test_gaussians_in_one_dimension_know_their_deviation_and_when_it_is_gone() -> None:
    workflow = Resampling("replace", generations=99, n_samples=10)
    chain = GaussianChain(Spectrum.isotropic(1, scale=4.0), workflow, estimator="unbiased", threshold=0.2)
    found = solve_gaussian(chain)
    assert found.generations["standard_deviation"][49] == pytest.approx(2 * 0.2501, abs=1e-4)
    assert found.generations["alive"][99] == pytest.approx(0.0805, abs=5 * 0.0086)
    assert found.bounds["alive"].upper[99] == pytest.approx(0.770, abs=5e-4)
    without = GaussianChain(Spectrum.isotropic(1), Resampling("accumulate", generations=3, n_samples=9))
    assert set(solve_gaussian(without).generations) == {"variance_ratio", "mean_error"}


def test_a_law_without_variance_has_no_answer() -> None:
    chain = GaussianChain(Spectrum.explicit([0.0]), Resampling("replace", generations=1, n_samples=9))
    with pytest.raises(InputError, match="varies"):
        solve_gaussian(chain)


def test_rates_have_the_known_error_and_limit() -> None:
    for kind, growth in (("replace", 6.0), ("accumulate", np.sum(1 / np.arange(1, 7) ** 2))):
        found = solve_poisson(PoissonChain([1.0, 3.0], Resampling(kind, generations=5, n_samples=8)))
        assert found.generations["squared_error"][5] == pytest.approx(4 / 8 * growth, rel=1e-12)
    assert found.limits["squared_error"] == pytest.approx(4 / 8 * np.pi**2 / 6, rel=1e-12)
    random = solve_poisson(PoissonChain([1.0], Resampling("random-past", generations=5, n_samples=8)))
    assert "surviving_rates" not in random.generations


def test_n_grams_are_left_to_simulation() -> None:
    workflow = Resampling("replace", generations=2, n_samples=6)
    chain = NgramChain(np.array([0, 1, 2, 0, 1, 1]), order=2, workflow=workflow)
    assert engines_for(chain) == ("simulation",)
    with pytest.raises(InputError, match="theory has no answer to n-gram text"):
        answer(chain)
