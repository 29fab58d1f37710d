"""What may be asked about chains: defaults, shares of contexts, files there and back, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelcollapse import InputError, Spectrum, load_problem, save_problem
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.laws import Law
from modelcollapse.problems.ngrams import NgramChain
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.schema import problem_from_dict, problem_to_dict
from modelcollapse.problems.text_tokens import read_tokens
from modelcollapse.problems.tokens import Context, TokenChain

REPLACE = Resampling("replace", generations=3, n_samples=100)
WORKFLOWS = [
    REPLACE,
    Resampling("accumulate", generations=2, n_samples=50, n_first=200),
    Resampling("accumulate-subsample", generations=2, n_samples=50, subsample=60),
    Resampling("mix", generations=4, n_samples=80, n_real=20, real="fresh"),
    Resampling("mix", generations=4, n_samples=80, n_real=20, real="reused"),
    Resampling("recent", generations=4, n_samples=80, window=3),
    Resampling("random-past", generations=4, n_samples=80),
]
CHAINS = [
    *(TokenChain(Law.zipf(6, exponent=1.1), workflow) for workflow in WORKFLOWS),
    TokenChain([Context(Law.uniform(3), frequency=3.0), Context(Law.bernoulli(0.2))], REPLACE),
    TokenChain([Context(Law.uniform(3), frequency=3.0)], REPLACE),
    TokenChain(Law.zipf_mandelbrot(9, offset=1.0, exponent=2.7), REPLACE),
    TokenChain(Law.explicit([0.5, 0.5, 0.0]), REPLACE),
    GaussianChain(Spectrum.power_law(4, exponent=1.0), REPLACE, estimator="unbiased"),
    GaussianChain(Spectrum.isotropic(1), REPLACE, threshold=0.1),
    GaussianChain(Spectrum.isotropic(2), REPLACE, bandwidth=0.3),
    PoissonChain(np.array([0.0, 1.0, 10.0]), REPLACE),
    NgramChain(np.array([0, 1, 0, 2]), order=3, workflow=Resampling("replace", generations=2, n_samples=9, n_first=4)),
]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: f"{type(chain).__name__}-{chain.workflow.kind}")
@pytest.mark.parametrize("ending", ["toml", "json"])
def test_chains_come_back_from_their_files(chain: Any, ending: str, tmp_path: Path):
    save_problem(chain, tmp_path / f"problem.{ending}")
    assert load_problem(tmp_path / f"problem.{ending}") == chain
    assert problem_from_dict(problem_to_dict(chain)) == chain


@pytest.mark.parametrize(
    ("given", "n_first"),
    [
        ({"kind": "replace"}, 100),
        ({"kind": "mix", "real": "fresh", "n_real": 20}, 120),
        ({"kind": "mix", "real": "reused", "n_real": 20}, 20),
        ({"kind": "accumulate", "n_first": 7}, 7),
    ],
)
def test_generation_0_is_fitted_on_what_its_workflow_starts_from(given: dict[str, Any], n_first: int):
    assert Resampling(**given, generations=1, n_samples=100).n_first == n_first


def test_samples_are_shared_out_by_largest_remainders():
    contexts = [Context(Law.uniform(2), frequency=f) for f in (0.5, 0.3, 0.2)]
    chain = TokenChain(contexts, Resampling("replace", generations=1, n_samples=11))
    assert chain.shared_out(11).tolist() == [6, 3, 2]
    assert [int(chain.shared_out(n).sum()) for n in (3, 7, 10**12)] == [3, 7, 10**12]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "replce"}, "Did you mean `replace`"),
        ({"kind": "replace", "n_samples": 0}, "`n_samples`"),
        ({"kind": "replace", "n_samples": 10**13}, "`n_samples`"),
        ({"kind": "replace", "generations": 0}, "`generations`"),
        ({"kind": "replace", "real": "fresh"}, "belongs to `mix`"),
        ({"kind": "replace", "window": 3}, "belongs to `recent`"),
        ({"kind": "mix", "n_real": 3, "real": "reused", "n_first": 4}, "n_real = 3"),
        ({"kind": "accumulate-subsample"}, "`subsample` must be given"),
        ({"kind": "recent"}, "`window` must be given with `recent`: how many models"),
        ({"kind": "mix", "n_real": 9}, "`real` must be given with `mix`: one of fresh, reused"),
        ({"kind": "mix", "real": "fresh"}, "`n_real` must be given with `mix`: its real samples"),
        ({"kind": "accumulate-subsample", "subsample": 201}, "no more to draw from"),
        ({"kind": "recent", "window": 101}, "`window`"),
    ],
)
def test_workflows_refuse_what_does_not_go_together(given: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        Resampling(**{"generations": 3, "n_samples": 100, **given})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Law.explicit([0.5, 0.4]), "add up to 1"),
        (lambda: Law.explicit([1.5, -0.5]), "negative"),
        (lambda: Law.explicit([np.nan, 1.0]), "finite"),
        (lambda: Law.explicit([]), "empty"),
        (lambda: Law.from_counts([0, 0]), "not all 0"),
        (lambda: Law.zipf(0, exponent=1.0), "`n_tokens`"),
        (lambda: Law.bernoulli(1.1), "`probability`"),
        (lambda: TokenChain([], REPLACE), "got none"),
        (lambda: TokenChain([Context(Law.uniform(2))] * 101, REPLACE), "leaves 1 of 101 contexts"),
        (lambda: GaussianChain(Spectrum.isotropic(2), REPLACE, threshold=0.1), "n_features = 2"),
        (lambda: GaussianChain(Spectrum.isotropic(2), REPLACE, bandwidth=0.1, estimator="unbiased"), "estimates none"),
        (lambda: GaussianChain(Spectrum.isotropic(2), Resampling("replace", generations=1, n_samples=1)), "at least 2"),
        (lambda: PoissonChain([-1.0], REPLACE), "negative"),
        (lambda: PoissonChain([1.0], WORKFLOWS[2]), "no subsample"),
        (lambda: NgramChain([0, 1], workflow=REPLACE), "text's length"),
        (lambda: NgramChain([0.5, 1.0], workflow=REPLACE), "whole numbers"),
        (lambda: NgramChain([0, 1], workflow=WORKFLOWS[6]), "no workflow"),
    ],
)
def test_chains_refuse_what_cannot_be_answered(build: Any, message: str):
    with pytest.raises(InputError, match=message):
        build()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"kind": "tokens"}, "either `law`"),
        ({"kind": "tokens", "law": [1.0], "contexts": [], "workflow": {}}, "either `law`"),
        ({"kind": "tokens", "law": {"kind": "zpf"}}, "Did you mean `zipf`"),
        ({"kind": "tokens", "law": {"kind": "zipf", "n_tokens": 3}}, "must have the key `exponent`"),
        ({"kind": "tokens", "law": [1.0]}, "must have the key `workflow`"),
        ({"kind": "tokens", "law": [1.0], "workflow": {"kind": "replace", "generation": 3}}, "`generations`"),
        ({"kind": "tokens", "contexts": [{"law": [1.0]}, {"frequency": 0, "law": [1.0]}]}, "context 2 of 2"),
        ({"kind": "gaussian", "workflow": {}}, "`spectrum`"),
        ({"kind": "ngrams"}, "either `text`"),
        ({"kind": "ngrams", "text": "nowhere.txt", "workflow": {}}, "cannot be read"),
        ({"kind": "ngrams", "tokens": [1, 2], "unit": "words"}, "Leave it out"),
    ],
)
def test_files_of_chains_name_the_wrong_key(data: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        problem_from_dict(data)


def test_text_is_read_as_words_or_characters(tmp_path: Path):
    (tmp_path / "text.txt").write_text("b a b\nc", encoding="utf-8")
    assert read_tokens("text.txt", unit="words", folder=tmp_path).tolist() == [0, 1, 0, 2]
    assert read_tokens("text.txt", unit="characters", folder=tmp_path).tolist() == [0, 1, 2, 1, 0, 3, 4]
    (tmp_path / "bad.txt").write_bytes(b"caf\xe9 x")
    with pytest.raises(InputError, match=r"not UTF-8 text \(byte 3\)"):
        read_tokens("bad.txt", unit="words", folder=tmp_path)
    (tmp_path / "short.txt").write_text("one")
    with pytest.raises(InputError, match="fewer than two words"):
        read_tokens("short.txt", unit="words", folder=tmp_path)


def test_ngrams_take_their_sizes_from_the_text(tmp_path: Path):
    (tmp_path / "text.txt").write_text("a b a c " * 5)
    (tmp_path / "chain.toml").write_text(
        'kind = "ngrams"\ntext = "text.txt"\n[workflow]\nkind = "mix"\nreal = "reused"\ngenerations = 2\n'
    )
    chain = load_problem(tmp_path / "chain.toml")
    assert isinstance(chain, NgramChain)
    assert (chain.workflow.n_samples, chain.workflow.n_real, chain.order) == (20, 20, 2)
