"""Is theory of chains found right where it is, wrong where it is not, and left alone where nothing can be said?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from drawn_once import drawn_once
from modelcollapse import InputError, Spectrum
from modelcollapse.decisions import agreement, unseen
from modelcollapse.decisions.agreement import Number, judge_exact
from modelcollapse.decisions.comparison import compare
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.laws import Law
from modelcollapse.problems.ngrams import NgramChain
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.tokens import TokenChain
from modelcollapse.simulation import chains_engine as simulation_of_chains
from modelcollapse.simulation import tokens_engine as simulation
from modelcollapse.simulation.gaussian_engine import told_generations
from modelcollapse.theory import chains_engine

TOKENS = TokenChain(Law.zipf(20, exponent=1.1), Resampling("replace", generations=6, n_samples=30))


def test_compare_agrees_with_theory_of_chains_and_not_with_twice_the_variance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "solve_tokens", drawn_once(simulation.solve_tokens))
    found = compare(TOKENS, n_replicates=1000)
    assert found.agree, found.verdict
    assert list(found.simulations) == [1]
    assert "agree: all " in found.verdict
    assert "large sizes" not in found.verdict
    assert found.quantities["collapse_probability of generation 0"].agree in (True, None)
    json.dumps(found.to_dict(), allow_nan=False)
    right = chains_engine.chain_moments

    def wrong(*given: object, **others: object) -> object:
        moments = right(*given, **others)  # type: ignore[arg-type]
        return replace(moments, mean_variance=2 * moments.mean_variance)

    monkeypatch.setattr(chains_engine, "chain_moments", wrong)
    wrongly = compare(TOKENS, n_replicates=1000)
    assert wrongly.agree is False
    assert "squared_error" in wrongly.verdict


def test_compare_leaves_out_means_that_rest_on_replicates_too_rare_to_be_drawn() -> None:
    workflow = Resampling("replace", generations=60, n_samples=10)
    chain = GaussianChain(Spectrum.isotropic(1), workflow, estimator="unbiased", threshold=0.1)
    found = compare(chain, n_replicates=1000)
    assert found.agree, found.verdict
    assert "variance_ratio of generation 7" in found.quantities
    assert "variance_ratio of generation 60" not in found.quantities  # where the simulated mean is nearly 0
    assert "alive of generation 60" in found.quantities
    assert any("too rare" in assumption for assumption in found.simulations[1].assumptions)


def test_compare_tells_variances_that_real_samples_hold_unless_these_are_too_few() -> None:
    for n_real, estimator, told in ((1, "unbiased", 2), (1, "biased", 31), (30, "unbiased", 31)):
        workflow = Resampling("mix", generations=30, n_samples=1, n_real=n_real, real="fresh")
        chain = GaussianChain(Spectrum.isotropic(1), workflow, estimator=estimator)
        assert told_generations(chain, 10_000) == told


@pytest.mark.parametrize("kind", ["replace", "recent", "random-past"])
@pytest.mark.parametrize("rare", [PoissonChain, lambda rates, workflow: TokenChain(Law.bernoulli(rates[0]), workflow)])
def test_compare_does_not_call_theory_wrong_for_events_that_few_replicates_have_seen(kind, rare, monkeypatch) -> None:
    workflow = Resampling(kind, generations=10, n_samples=20, window=3 if kind == "recent" else None)

    def said() -> list[bool | None]:
        return [compare(rare([share], workflow), seed=seed, n_replicates=1000).agree
                for share in (1e-4, 1e-3, 3e-3) for seed in range(8)]  # fmt: skip

    assert False not in said()
    monkeypatch.setattr(agreement, "widening", lambda n_units: 1.0)
    monkeypatch.setattr(unseen, "RARE", 0)
    assert False in said()


@pytest.mark.parametrize(
    "chain",
    [PoissonChain([1e-6], Resampling("random-past", generations=5, n_samples=10**10, n_first=30)),
     TokenChain(Law.bernoulli(1e-8), Resampling("mix", generations=5, n_samples=20, n_real=10**12, real="reused"))],
    ids=["seldom at first", "seldom later"],
)  # fmt: skip
def test_compare_does_not_call_theory_wrong_for_events_that_no_replicate_has_seen(chain, monkeypatch) -> None:
    """A first generation, or later ones, that see nothing, and real samples by the billion in the others."""
    assert compare(chain, n_replicates=1000).agree is not False
    monkeypatch.setattr(unseen, "RARE", 0)
    assert compare(chain, n_replicates=1000).agree is False


def test_compare_says_so_when_all_replicates_are_alike_and_theory_is_not() -> None:
    chain = TokenChain(Law.bernoulli(1e-9), Resampling("replace", generations=2, n_samples=10))
    assert "no replicate has seen" in compare(chain, n_replicates=100).verdict


def test_compare_says_so_when_it_is_interrupted_before_any_replicate(monkeypatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(simulation_of_chains, "summed_up", interrupted)
    found = compare(TOKENS, n_replicates=100)
    assert (found.agree, found.interrupted) == (None, True)
    assert found.verdict == "Cannot be judged: the simulation was interrupted."
    json.dumps(found.to_dict(), allow_nan=False)


def test_compare_has_nothing_to_say_of_ngrams() -> None:
    chain = NgramChain([0, 1, 0, 2], workflow=Resampling("replace", generations=1, n_samples=4))
    with pytest.raises(InputError, match="nothing to compare"):
        compare(chain)


@pytest.mark.parametrize(
    ("theory", "simulated", "stderr", "agree"),
    [(1.0, 1.0, 0.0, True), (1.0, 0.5, 0.0, None), (1.0, 1.2, 0.1, True), (1.0, 2.0, 0.1, False)],
    ids=["the same", "all replicates alike", "within", "beyond"],
)
def test_exact_theory_is_judged_in_standard_errors_where_there_are_some(
    theory: float, simulated: float, stderr: float, agree: bool | None
) -> None:
    judged = judge_exact(Number(theory, 0.0, 1.0), own=Number(simulated, stderr, 1.0))
    assert judged.agree is agree


def test_compare_shows_a_round_selection_of_generations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from modelcollapse import cli

    file = tmp_path / "chain.toml"
    file.write_text('kind = "poisson"\nrates = [2.0]\n[workflow]\nkind = "replace"\ngenerations = 30\nn_samples = 10\n')
    with pytest.raises(SystemExit) as ended:
        cli.program()(["compare", str(file), "--n-replicates", "400"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "squared_error of generation 20" in printed
    assert "squared_error of generation 19 " not in printed
    assert "which holds at" in printed
