"""Do simulated chains of tokens have the law of samples drawn one by one, in every workflow and at every size?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chains_brute_force import doubled, fitted_on, furthest, replicates
from modelcollapse.problems.laws import Law
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.tokens import Context, TokenChain
from modelcollapse.simulation import chains_engine, tokens_engine
from modelcollapse.simulation.tokens import QUANTITIES
from modelcollapse.simulation.tokens_engine import solve_tokens

THRESHOLD = 5.0
"""Standard errors within which two numbers agree."""
N_PLAIN, N_REPLICATES = 800, 4000
COMMON = {"generations": 4, "n_samples": 8, "n_first": 9}
WORKFLOWS = {
    "replace": Resampling("replace", **COMMON),
    "accumulate": Resampling("accumulate", **COMMON),
    "subsample": Resampling("accumulate-subsample", subsample=12, **COMMON),
    "small subsample": Resampling("accumulate-subsample", subsample=4, **COMMON),
    "fresh": Resampling("mix", generations=4, n_samples=8, n_real=3, real="fresh"),
    "reused": Resampling("mix", generations=4, n_samples=8, n_real=5, real="reused"),
    "recent": Resampling("recent", window=3, **COMMON),
    "random past": Resampling("random-past", **COMMON),
}
LAW = Law.explicit([0.5, 0.0, 0.25, 0.15, 0.1])
LONG = Law.zipf(40, exponent=1.0)


def measure(data: list[np.ndarray], law: np.ndarray) -> dict[str, list[float]]:
    """Return the quantities of each generation's samples, as they are defined."""
    shares = [np.bincount(samples, minlength=len(law)) / len(samples) for samples in data]
    gaps = {"error": [share - law for share in shares], "drift": [share - shares[0] for share in shares]}
    return {
        "concentration": [float(share @ share) for share in shares],
        **{f"squared_{name}": [float(gap @ gap) for gap in each] for name, each in gaps.items()},
        **{f"absolute_{name}": [float(np.abs(gap).sum()) for gap in each] for name, each in gaps.items()},
        "vocabulary": [float((share > 0).sum()) for share in shares],
        "collapse_probability": [float(share.max() == 1) for share in shares],
    }


def plain(law: np.ndarray, workflow: Resampling, *, seed: int, n: int = N_PLAIN) -> dict[str, np.ndarray]:
    def one(rng: np.random.Generator) -> dict[str, list[float]]:
        data = fitted_on(
            workflow,
            real=lambda size: rng.choice(len(law), size=size, p=law),
            fit=lambda samples: lambda size: samples[rng.integers(len(samples), size=size)],
            rng=rng,
        )
        return measure(data, law)

    return replicates(one, n=n, seed=seed)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_token_chains_have_the_law_of_samples_drawn_one_by_one(name: str) -> None:
    workflow = WORKFLOWS[name]
    drawn = plain(LAW.probabilities, workflow, seed=list(WORKFLOWS).index(name))
    assert set(drawn) == set(QUANTITIES)
    assert furthest(drawn, solve_tokens(TokenChain(LAW, workflow), n_replicates=N_REPLICATES)) < THRESHOLD
    assert furthest(drawn, solve_tokens(TokenChain(LAW, doubled(workflow)), n_replicates=N_REPLICATES)) > THRESHOLD


@pytest.mark.parametrize("name", ["replace", "recent", "fresh"])
def test_token_chains_of_many_tokens_have_the_law_of_samples_drawn_one_by_one(name: str) -> None:
    """With segments that are too long for binomials, and more samples than tokens."""
    sizes = {"n_samples": 120} | ({} if name == "fresh" else {"n_first": 90})
    workflow = replace(WORKFLOWS[name], **sizes)
    drawn = plain(LONG.probabilities, workflow, seed=1, n=400)
    assert furthest(drawn, solve_tokens(TokenChain(LONG, workflow), n_replicates=4000)) < THRESHOLD
    fewer = replace(workflow, n_samples=100)
    assert furthest(drawn, solve_tokens(TokenChain(LONG, fewer), n_replicates=4000)) > THRESHOLD


@pytest.mark.parametrize("n_samples", [10**4, 10**12])
def test_token_chains_of_any_size_drift_as_they_should(n_samples: int) -> None:
    """E‖p_t − p‖² = (1 − ‖p‖²)(1 − (1 − 1/n)^(t + 1)); sees errors of a few per cent."""
    chain = TokenChain(LONG, Resampling("replace", generations=10, n_samples=n_samples))
    result = solve_tokens(chain, n_replicates=2000)
    rest = 1 - (LONG.probabilities**2).sum()
    for fits, agree in ((np.arange(1, 12), True), (np.arange(11), False)):
        expected = -rest * np.expm1(fits * np.log1p(-1 / n_samples))
        apart = np.array(result.generations["squared_error"]) - expected
        assert (np.abs(apart / result.stderr["generations"]["squared_error"]).max() < THRESHOLD) == agree
    assert result.generations["squared_drift"][0] == 0


def test_token_chains_count_what_dropped_tokens_add_to_distances() -> None:
    """All but one token are lost: ‖p_t − p‖₁ = 2 (1 − p_i), ‖p_t − p‖² = 1 − 2 p_i + ‖p‖²."""
    chain = TokenChain(Law.uniform(20), Resampling("replace", generations=200, n_samples=4))
    result = solve_tokens(chain, n_replicates=50)
    assert result.generations["collapse_probability"][-1] == 1
    assert result.generations["absolute_error"][-1] == pytest.approx(2 * (1 - 1 / 20))
    assert result.generations["squared_error"][-1] == pytest.approx(1 - 2 / 20 + 1 / 20)
    assert result.generations["concentration"][-1] == 1


def test_token_chains_collapse_when_samples_drawn_one_by_one_do() -> None:
    workflow = Resampling("replace", generations=80, n_samples=5)

    def one(rng: np.random.Generator) -> dict[str, int]:
        samples, fits = rng.integers(3, size=5), 1
        while len(set(samples)) > 1:
            samples, fits = rng.choice(samples, 5), fits + 1
        return {"collapse_time": fits}

    times = replicates(one, n=3000, seed=2)["collapse_time"]
    result = solve_tokens(TokenChain(Law.uniform(3), workflow), n_replicates=3000)
    stderr = np.hypot(times.std() / np.sqrt(len(times)), result.stderr["numbers"]["collapse_time"])
    gap = result.numbers["collapse_time"] - times.mean()
    assert abs(gap) < THRESHOLD * stderr
    assert abs(gap - 1) > THRESHOLD * stderr  # as if generation 0 were no fit
    short = solve_tokens(TokenChain(Law.uniform(3), replace(workflow, generations=5)))
    assert short.numbers == {}


CONTEXTS = [Context(LAW, frequency=3.0), Context(LONG, frequency=1.0), Context(Law.bernoulli(0.1), frequency=2.0)]


@pytest.mark.parametrize("numbers", [None, 400])
def test_token_chains_of_contexts_are_weighted_means_of_their_chains(
    numbers: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where contexts are drawn one after another, for want of room."""
    if numbers is not None:
        monkeypatch.setattr(tokens_engine, "NUMBERS", numbers)
        monkeypatch.setattr(chains_engine, "NUMBERS", numbers)
    n = 500 if numbers else 5000
    chain = TokenChain(CONTEXTS, Resampling("accumulate", generations=3, n_samples=60))
    result = solve_tokens(chain, n_replicates=n)
    alone = [
        solve_tokens(TokenChain(context.law, replace(chain.workflow, n_samples=int(size), n_first=None)), seed=seed,
                     n_replicates=n)
        for seed, (context, size) in enumerate(zip(CONTEXTS, chain.shared_out(60), strict=True), start=1)
    ]  # fmt: skip
    for weights, agree in ((chain.frequencies, True), (chain.frequencies[::-1], False)):
        apart = []
        for name in QUANTITIES:
            expected = sum(w * np.array(r.generations[name]) for w, r in zip(weights, alone, strict=True))
            errors = [w * np.array(r.stderr["generations"][name]) for w, r in zip(weights, alone, strict=True)]
            stderr = np.sqrt(np.square([result.stderr["generations"][name], *errors]).sum(axis=0))
            apart.append(np.abs(np.array(result.generations[name]) - expected) <= THRESHOLD * stderr + 1e-12)
        assert np.all(apart) == agree


def test_token_chains_do_not_mind_the_order_of_tokens_nor_impossible_ones() -> None:
    workflow = WORKFLOWS["replace"]
    first = solve_tokens(TokenChain(LAW, workflow), n_replicates=N_REPLICATES)
    possible = TokenChain(Law.explicit([0.5, 0.25, 0.15, 0.1]), workflow)
    assert solve_tokens(possible, n_replicates=N_REPLICATES) == first
    turned = solve_tokens(TokenChain(Law.explicit([0.1, 0.15, 0.25, 0.5]), workflow), seed=1, n_replicates=N_REPLICATES)
    for name in QUANTITIES:
        stderr = np.hypot(first.stderr["generations"][name], turned.stderr["generations"][name])
        gap = np.abs(np.array(first.generations[name]) - turned.generations[name])
        assert (gap <= THRESHOLD * stderr).all()
