"""Do the loops that simulated chains are timed against simulate the same chains, and no others?"""

from __future__ import annotations

import importlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelcollapse import Spectrum
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.laws import Law
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.tokens import TokenChain
from modelcollapse.result import ChainResult
from modelcollapse.simulation.gaussian_engine import solve_gaussian
from modelcollapse.simulation.poisson_engine import solve_poisson
from modelcollapse.simulation.tokens_engine import solve_tokens

THRESHOLD = 5.0
LAW = Law.zipf(30, exponent=1.0)
FITS = 6


@pytest.fixture
def rival(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import the loops: they live beside the package, not in it."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent))
    return importlib.import_module("benchmarks.chains_rival")


def apart(result: ChainResult, name: str, values: np.ndarray, *, shift: float = 0.0) -> float:
    """Return how far loops are from the last generation, in standard errors."""
    error = np.hypot(result.stderr["generations"][name][-1], values.std() / np.sqrt(len(values)))
    return float(abs(result.generations[name][-1] + shift - values.mean()) / error)


def replace_on(n: int) -> Resampling:
    return Resampling("replace", generations=FITS - 1, n_samples=n)


@pytest.mark.parametrize("n", [20, 40])
def test_loops_over_tokens_simulate_the_same_chain(rival: Any, n: int) -> None:
    """With 20 samples; with 40 it is another chain."""
    rng = np.random.default_rng(0)
    result = solve_tokens(TokenChain(LAW, replace_on(n)), n_replicates=2000)
    for loop, m in ((rival.tokens_at_once, 1000), (rival.tokens_one_by_one, 100), (rival.multinomial_chain, 1000)):
        values = loop(rng, LAW.probabilities, n=20, fits=FITS, trajectories=m)
        assert (apart(result, "vocabulary", values) < THRESHOLD) == (n == 20)
    rare = solve_tokens(TokenChain(Law.bernoulli(0.05), replace_on(n)), n_replicates=2000)
    values = rival.bernoulli(rng, share=0.05, n=20, fits=FITS, trajectories=2000)
    assert (apart(rare, "vocabulary", values, shift=-1.0) < THRESHOLD) == (n == 20)
    rates = solve_poisson(PoissonChain([0.1], replace_on(n)), n_replicates=2000)
    values = rival.poisson(rng, rate=0.1, n=20, fits=FITS, trajectories=2000)
    assert (apart(rates, "surviving_rates", values) < THRESHOLD) == (n == 20)


@pytest.mark.parametrize("n", [10, 20])
@pytest.mark.parametrize("kind", ["replace", "accumulate", "accumulate-subsample"])
def test_loops_over_gaussians_simulate_the_same_chain(rival: Any, kind: str, n: int) -> None:
    """With ten samples; with 20 it is another chain."""
    given = {"subsample": n} if kind == "accumulate-subsample" else {}
    workflow = Resampling(kind, generations=FITS - 1, n_samples=n, **given)
    result = solve_gaussian(GaussianChain(Spectrum.isotropic(3), workflow), n_replicates=2000)
    values = rival.gaussian(np.random.default_rng(1), workflow=kind, d=3, n=10, fits=FITS, trajectories=800)
    assert (apart(result, "variance_ratio", values) < THRESHOLD) == (n == 10)


def test_loops_over_text_write_what_follows_in_it(rival: Any) -> None:
    rng = np.random.default_rng(2)
    text = rng.integers(9, size=200).tolist()
    written = rival.bigram_text(rng, text, n_tokens=2000)
    follows = set(zip(text, [*text[1:], text[0]], strict=True))
    assert set(pairwise(written)) <= follows
    assert len(written) == 2000
