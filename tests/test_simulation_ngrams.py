"""Is text written by the n-gram model of a text, and is it counted rightly?"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from scipy import stats

from modelcollapse.problems.ngrams import NgramChain
from modelcollapse.problems.resampling import Resampling
from modelcollapse.simulation.ngrams import context_numbers, text_quantities, written
from modelcollapse.simulation.ngrams_engine import solve_ngrams

THRESHOLD = 5.0
"""Standard errors within which two numbers agree."""
TEXT = np.random.default_rng(0).choice(5, size=60, p=[0.4, 0.3, 0.15, 0.1, 0.05]).astype(np.int32)


def ngrams_of(text: np.ndarray, order: int) -> list[tuple[int, ...]]:
    """Return the n-grams of a circular text that end at each position."""
    circle = [*text[len(text) - order + 1 :].tolist(), *text.tolist()]
    return [tuple(circle[i : i + order]) for i in range(len(text))]


def bits(counts: Counter) -> float:
    return float(stats.entropy(list(counts.values()), base=2))


def counted(text: np.ndarray, order: int) -> dict[str, float]:
    """Return the quantities of a text by counting."""
    grams, contexts = Counter(ngrams_of(text, order)), Counter(ngrams_of(text, order - 1))
    return {
        "vocabulary": float(len(set(text.tolist()))),
        "distinct_ngrams": float(len(grams)),
        "entropy": bits(Counter(text.tolist())),
        "conditional_entropy": bits(grams) - bits(contexts),
    }


def rewritten(text: np.ndarray, *, order: int, n_tokens: int, rng: np.random.Generator) -> np.ndarray:
    """Write a text from lists of what follows each context."""
    following = defaultdict(list)
    for gram in ngrams_of(text, order):
        following[gram[:-1]].append(gram[-1])
    context = ngrams_of(text, order - 1)[rng.integers(len(text))]
    tokens = []
    for _ in range(n_tokens):
        tokens.append(following[context][rng.integers(len(following[context]))])
        context = (*context[1:], tokens[-1])
    return np.array(tokens, dtype=np.int32)


@pytest.mark.parametrize("order", [2, 3, 5])
def test_text_quantities_are_those_that_counting_gives(order: int) -> None:
    assert text_quantities(TEXT, order=order) == pytest.approx(counted(TEXT, order))
    assert text_quantities(TEXT * 1_000_003, order=order) == pytest.approx(counted(TEXT, order))
    assert text_quantities(np.roll(TEXT, 7), order=order) == pytest.approx(counted(TEXT, order))


@pytest.mark.parametrize("length", [1, 2, 4])
def test_context_numbers_are_the_same_for_the_same_tokens(length: int) -> None:
    numbers, grams = context_numbers(TEXT, length=length), ngrams_of(TEXT, length)
    assert len(set(zip(numbers.tolist(), grams, strict=True))) == len(set(numbers.tolist())) == len(set(grams))


@pytest.mark.parametrize("order", [2, 3])
def test_written_text_follows_the_shares_of_its_text(order: int) -> None:
    text = written(np.random.default_rng(1), TEXT, order=order, n_tokens=100_000, tick=lambda n: None)
    assert text.dtype == np.int32
    inner = [tuple(text[i : i + order].tolist()) for i in range(len(text) - order + 1)]
    real, found = Counter(ngrams_of(TEXT, order)), Counter(inner)
    assert set(found) <= set(real)
    for given, agree in ((real, True), (Counter({gram: count + 2 for gram, count in real.items()}), False)):
        statistic = degrees = 0.0
        for context in {gram[:-1] for gram in real}:
            grams = [gram for gram in real if gram[:-1] == context]
            shares = np.array([given[gram] for gram in grams]) / sum(given[gram] for gram in grams)
            seen = np.array([found[gram] for gram in grams])
            expected = shares * seen.sum()
            statistic += ((seen - expected) ** 2 / np.maximum(expected, 1e-9)).sum()
            degrees += len(grams) - 1
        assert (stats.chi2.sf(statistic, degrees) > 1e-6) == agree


@pytest.mark.parametrize(
    ("order", "workflow"),
    [
        (2, Resampling("replace", generations=3, n_samples=60)),
        (3, Resampling("replace", generations=3, n_samples=40, n_first=60)),
        (2, Resampling("accumulate", generations=3, n_samples=30, n_first=60)),
        (2, Resampling("mix", generations=3, n_samples=50, n_real=60, real="reused")),
    ],
)
def test_ngram_chains_have_the_law_of_texts_from_lists_of_followers(order: int, workflow: Resampling) -> None:
    rng, trajectories = np.random.default_rng(2), []
    for _ in range(200):
        data = pool = TEXT
        found = [counted(data, order)]
        for _ in range(workflow.generations):
            new = rewritten(data, order=order, n_tokens=workflow.n_samples, rng=rng)
            pool = np.concatenate([pool, new])
            data = {"replace": new, "accumulate": pool, "mix": np.concatenate([TEXT, new])}[workflow.kind]
            found.append(counted(data, order))
        trajectories.append(found)
    result = solve_ngrams(NgramChain(TEXT, order=order, workflow=workflow), n_replicates=300)
    for shift, agree in ((0, True), (1, False)):  # one generation later is another law
        close = []
        for name, values in result.generations.items():
            drawn = np.array([[found[name] for found in each] for each in trajectories])
            stderr = np.hypot(drawn.std(axis=0) / np.sqrt(len(drawn)), result.stderr["generations"][name])
            gap = np.abs(drawn.mean(axis=0)[shift:] - values[: len(values) - shift])
            close.append((gap <= THRESHOLD * stderr[shift:] + 1e-9).all())
        assert all(close) == agree
