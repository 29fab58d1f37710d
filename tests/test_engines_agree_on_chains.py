"""Do theory and simulation give the same numbers to every kind of chain, and no wrong theory?

Theory of chains is exact at every size, so each chain is simulated at its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chain_catalogue import CHAINS
from modelcollapse.engines import answer, engines_for
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.tokens import TokenChain
from modelcollapse.result import ChainResult, Status
from modelcollapse.theory import chains_engine, token_errors, tokens_engine

N_REPLICATES = 4000
THRESHOLD = 5.0
"""Standard errors within which two numbers agree."""
ROUNDING = 1e-9
"""Differences below this times the largest value of a quantity are rounding."""
UNSEEN = 10 / N_REPLICATES
"""Share of replicates that chance leaves out less than once in 20,000 times: e^−10."""
PROBABILITIES = ("collapse_probability", "alive")
"""What a replicate changes by 1 or by nothing."""
WRONG = 0.8
"""A theory that takes 20 % of the samples away is seen on every chain."""
Chain = Any


@pytest.fixture(scope="module")
def simulated() -> Callable[[str], ChainResult]:
    """Return what the simulation says about a chain of the catalogue; drawn once for all tests of a worker."""
    known: dict[str, ChainResult] = {}

    def simulate(name: str) -> ChainResult:
        if name not in known:
            seed = list(CHAINS).index(name)
            result = answer(CHAINS[name], engine="simulation", seed=seed, n_replicates=N_REPLICATES)
            assert isinstance(result, ChainResult)
            known[name] = result
        return known[name]

    return simulate


@pytest.mark.parametrize("name", CHAINS)
def test_theory_agrees_with_simulation_of_chains_and_no_wrong_theory_does(
    name: str, simulated: Callable[[str], ChainResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, drawn = CHAINS[name], simulated(name)
    assert engines_for(chain) == ("theory", "simulation")
    assert drawn.status is Status.OK
    assert furthest(solved(chain), drawn) < THRESHOLD
    right = chains_engine.chain_moments
    for wrong in (fewer_samples(right), doubled_variance(right)):
        with monkeypatch.context() as patch:
            patch.setattr(chains_engine, "chain_moments", wrong)
            assert furthest(solved(chain), drawn) > THRESHOLD


@pytest.mark.parametrize("name", [name for name in CHAINS if name in ("tokens replace", "two tokens, one rare")])
def test_simulation_of_tokens_disagrees_with_other_ancestors_and_other_errors(
    name: str, simulated: Callable[[str], ChainResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twins for what does not come from second moments."""
    chain, drawn = CHAINS[name], simulated(name)
    ancestors, errors = tokens_engine.ancestors, token_errors.absolute_errors

    def fewer(n_samples: int, **given: Any) -> Any:
        return ancestors(int(WRONG * n_samples), **given)

    def larger(*given: Any, **others: Any) -> Any:
        return tuple(1.1 * error for error in errors(*given, **others))

    for module, function, wrong in ((tokens_engine, "ancestors", fewer), (token_errors, "absolute_errors", larger)):
        with monkeypatch.context() as patch:
            patch.setattr(module, function, wrong)
            assert furthest(solved(chain), drawn) > THRESHOLD


def fewer_samples(right: Callable[..., Any]) -> Callable[..., Any]:
    """Return moments of chains with 20 % fewer samples."""

    def wrong(kind: str, samples: Any, **given: Any) -> Any:
        return right(kind, type(samples)(*(n if n is None else WRONG * n for n in samples)), **given)

    return wrong


def doubled_variance(right: Callable[..., Any]) -> Callable[..., Any]:
    """Return moments whose mean wanders twice as far."""

    def wrong(*given: Any, **others: Any) -> Any:
        moments = right(*given, **others)
        return replace(moments, mean_variance=2 * moments.mean_variance)

    return wrong


def solved(chain: Chain) -> ChainResult:
    result = answer(chain)
    assert isinstance(result, ChainResult)
    return result


def furthest(expected: ChainResult, drawn: ChainResult) -> float:
    """Return the largest difference of any quantity of theory, in standard errors.

    Where all replicates say the same they have none; theory may then differ by what a few of them could have added.
    """
    worst = 0.0
    for name, values in expected.generations.items():
        scale = 1.0 if name in PROBABILITIES else max(map(abs, values))
        own = zip(values, drawn.generations[name], drawn.stderr["generations"][name], strict=True)
        for value, simulated, stderr in own:
            gap = abs(value - simulated)
            known = stderr > ROUNDING * scale
            if gap > (ROUNDING if known else UNSEEN) * scale:
                worst = max(worst, gap / stderr if known else math.inf)
    for name, value in expected.numbers.items():
        if name in drawn.numbers:
            worst = max(worst, abs(value - drawn.numbers[name]) / drawn.stderr["numbers"][name])
    return worst


def test_catalogue_has_every_workflow_of_every_kind() -> None:
    for kind in (TokenChain, GaussianChain):
        workflows = {(c.workflow.kind, c.workflow.real) for c in CHAINS.values() if isinstance(c, kind)}
        assert len(workflows) == 7
    assert len(CHAINS) >= 30
