"""Do the measures of texts agree with counting by hand, and do estimates of cuts find planted ones?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from modelcollapse.checks import Array
from modelcollapse.estimation.near_duplicates import copied_share, near_duplicate_share
from modelcollapse.estimation.next_token_cut import next_token_cut
from modelcollapse.estimation.tail_cut import cut_rank, expected_types
from modelcollapse.estimation.text_comparisons import common_ngrams, comparisons
from modelcollapse.estimation.text_measures import (
    COMMON,
    Measured,
    measured,
    setting_of,
    summaries,
    zipf_exponent,
)
from modelcollapse.estimation.text_wording import comparison_measures, summary_measures
from modelcollapse.estimation.token_bags import SIZES, BaggedText, bag_text
from modelcollapse.estimation.token_ids import TokenSequence
from text_worlds import N_TYPES, bigram, cut, documents

LENGTH, N_BAGS = 300, 16


def ngrams(bags: Sequence[Sequence[int]], size: int) -> set[tuple[int, ...]]:
    return {tuple(bag[k : k + size]) for bag in bags for k in range(len(bag) - size + 1)}


@pytest.fixture(scope="module")
def texts() -> tuple[Measured, Measured]:
    """Return two texts in bags, as measured."""
    bagged = [
        bag_text(np.concatenate(documents(10, length=500, seed=seed)), length=LENGTH, n_types=N_TYPES)
        for seed in (0, 1)
    ]
    setting = setting_of(bagged[0], bags=N_BAGS // 2)
    compressed = np.linspace(0.3, 0.5, N_BAGS)
    return measured(bagged[0], setting=setting, compressed=compressed), measured(
        bagged[1], setting=setting, compressed=compressed
    )


def part(text: Measured, bags: Sequence[int]) -> tuple[Measured, np.ndarray, np.ndarray]:
    """Return a part as `comparisons` takes it."""
    words = text.text.tokens[list(bags)].ravel()
    return text, np.array(bags), np.bincount(words, minlength=N_TYPES)


def test_bags_are_stretches_of_equal_length(texts: tuple[Measured, Measured]) -> None:
    ids = np.concatenate(documents(10, length=500, seed=0))
    text = texts[0].text
    assert text.tokens.shape == (N_BAGS, LENGTH)
    begins = np.linspace(0, len(ids) - LENGTH, N_BAGS).round().astype(int)
    assert all((text.tokens[b] == ids[begin : begin + LENGTH]).all() for b, begin in enumerate(begins))
    assert (text.counts.toarray() == np.array([np.bincount(bag, minlength=N_TYPES) for bag in text.tokens]).T).all()


@pytest.mark.parametrize("size", SIZES)
def test_distinct_ngrams_are_those_counted_by_hand(texts: tuple[Measured, Measured], size: int) -> None:
    text: BaggedText = texts[0].text
    for bags in ([0], [3, 5], list(range(8, 16))):
        assert text.ngrams[size].marks.distinct(np.array(bags)) == len(ngrams(text.tokens[bags].tolist(), size))


def test_summaries_are_those_counted_by_hand(texts: tuple[Measured, Measured]) -> None:
    text, bags, counts = part(texts[0], [1, 4, 5, 7, 8, 9, 12, 15])
    words = text.text.tokens[bags].tolist()
    kinds = Counter(word for bag in words for word in bag)
    n_tokens = 8 * LENGTH
    shares = np.array(list(kinds.values())) / n_tokens
    common = np.argsort(-np.bincount(text.text.tokens.ravel()), kind="stable")[:COMMON].tolist()
    pairs = ngrams(words, 2)
    expected = {
        "different words": len(kinds),
        "type growth": np.log2(len(kinds) / len({word for bag in words[:4] for word in bag})),
        "different words in a bag": np.mean([len(set(bag)) for bag in words]),
        "entropy": -(shares @ np.log2(shares)),
        "missing mass (words seen once)": sum(count == 1 for count in kinds.values()) / n_tokens,
        "followers of common words": np.exp(
            np.mean([np.log1p(len({after for word, after in pairs if word == first})) for first in common])
        ),
        "compressed size": text.compressed[bags].mean(),
    }
    for size in SIZES:
        windows = 8 * (LENGTH - size + 1)
        expected[f"repeated {size}-grams"] = 1 - len(ngrams(words, size)) / windows
    measures = summary_measures(text.setting, noun="words")
    found = {m.name: m.shown(v) for m, v in zip(measures, summaries(text, bags, counts), strict=True)}
    assert "Zipf exponent" in found or not text.setting.last_rank
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-12, abs=1e-15), name


@pytest.mark.parametrize("itself", [False, True])
def test_comparisons_are_those_counted_by_hand(texts: tuple[Measured, Measured], itself: bool) -> None:
    first = part(texts[0], [0, 2, 4, 6, 8, 10, 12, 14])
    second = part(texts[0] if itself else texts[1], [1, 3, 5, 7, 9, 11, 13, 15])
    real, other = (text.text.tokens[bags].tolist() for text, bags, _ in (first, second))
    a, b = (Counter(word for bag in words for word in bag) for words in (real, other))
    n_tokens = 8 * LENGTH
    p, q = (np.array([c[word] for word in {*a, *b}]) / n_tokens for c in (a, b))
    middle = (p + q) / 2
    expected = {
        "frequencies of words": sum((s[s > 0] @ np.log2(s[s > 0] / middle[s > 0])) / 2 for s in (p, q)),
        "lost mass": sum(n for word, n in a.items() if word not in b) / n_tokens,
        "new mass": sum(n for word, n in b.items() if word not in a) / n_tokens,
        "words kept": len({*a} & {*b}) / len(a),
        "8-grams found in real text": len(ngrams(real, 8) & ngrams(other, 8)) / len(ngrams(other, 8)),
    }
    for size in (2, 3, 4):
        new = ngrams(other, size) - ngrams(real, size)
        expected[f"{size}-gram novelty"] = len(new) / len(ngrams(other, size))
    for low, high in first[0].setting.bands:
        seen = [word for word, n in a.items() if low <= n <= high]
        times = {1: "once", 2: "twice"}.get(low, f"{low} to {high} times")
        expected[f"words kept of those seen {times}"] = sum(word in b for word in seen) / len(seen)
    measures = comparison_measures(first[0].setting, noun="words")
    values = comparisons(first, second, common=common_ngrams(first[0], second[0]))
    found = {m.name: m.shown(v) for m, v in zip(measures, values, strict=True)}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name
    swapped = comparisons(second, first, common=common_ngrams(second[0], first[0]))
    assert swapped[1] == pytest.approx(expected["new mass"])  # the twin: the other way round it is another number
    assert abs(swapped[1] - expected["lost mass"]) > 1e-6


def test_zipf_exponent_is_that_of_the_law() -> None:
    counts = np.random.default_rng(0).multinomial(10**7, (law := np.arange(1, 5001.0) ** -1.2) / law.sum())
    assert zipf_exponent(counts, last_rank=2000) == pytest.approx(1.2, abs=0.01)


def zipf_law(n: int = 20_000) -> Array:
    law = np.arange(1, n + 1) ** -1.1
    return np.asarray(law / law.sum())


def test_expected_types_are_those_drawn() -> None:
    law = zipf_law()
    generator = np.random.default_rng(0)
    kept = law[:3000] / law[:3000].sum()
    drawn = [np.count_nonzero(generator.multinomial(20_000, kept)) for _ in range(100)]
    stderr = np.std(drawn, ddof=1) / 10
    assert abs(np.mean(drawn) - expected_types(law, 20_000, 3000)) < 5 * stderr
    assert abs(np.mean(drawn) - expected_types(law, 20_000, 3300)) > 5 * stderr  # the twin: another rank
    assert abs(np.mean(drawn) - expected_types(law * law[:3000].sum(), 20_000, 3000)) < 5 * stderr  # scale is free


@pytest.mark.parametrize("rank", [30, 1000, 5000])
def test_cut_rank_is_found_from_a_sample_of_the_real_text(rank: int) -> None:
    law = zipf_law()
    generator = np.random.default_rng(rank)
    real = generator.multinomial(100_000, law)
    seen = np.sort(real[real > 0])[::-1] / 100_000
    drawn = np.count_nonzero(generator.multinomial(100_000, law[:rank] / law[:rank].sum()))
    assert cut_rank(seen, n_tokens=100_000, n_types=drawn) == pytest.approx(rank, rel=0.1)
    assert cut_rank(seen, n_tokens=100_000, n_types=10**6) == len(seen)


@pytest.mark.parametrize("k", [20, 40, 150])
def test_next_token_cut_is_found(k: int) -> None:
    real = np.concatenate(documents(50, length=2000, seed=0))
    found = next_token_cut(real, bigram(real, n=100_000, seed=1, top_k=k))
    assert found == pytest.approx(k, rel=0.2)


def test_next_token_cut_is_not_found_where_there_is_none() -> None:
    real, other = (np.concatenate(documents(50, length=2000, seed=seed)) for seed in (0, 1))
    assert next_token_cut(real, other) is None
    assert next_token_cut(real, bigram(real, n=100_000, seed=1)) is None
    assert next_token_cut(real, cut(other, rank=300)) is None  # the vocabulary is cut, not the next token


def sequence(texts: Sequence[np.ndarray]) -> TokenSequence:
    starts = np.cumsum([0, *map(len, texts)])[:-1]
    return TokenSequence(ids=np.concatenate(texts).astype(np.int32), starts=starts, stride=1)


def test_near_duplicates_are_found_within_and_across() -> None:
    texts = documents(20, length=100, seed=0)
    others = documents(5, length=100, seed=1)
    half_copied = np.concatenate([texts[3][:70], others[0][:30]])
    barely_copied = np.concatenate([texts[4][:30], others[1][:70]])
    assert near_duplicate_share(sequence(texts)) == 0
    assert near_duplicate_share(sequence([*texts, half_copied, barely_copied])) == pytest.approx(2 / 22)  # both copies
    assert copied_share(sequence([half_copied, barely_copied, *others]), sequence(texts)) == pytest.approx(1 / 7)
    assert np.isnan(near_duplicate_share(sequence(texts[:1])))
    assert np.isnan(copied_share(sequence([text[:5] for text in texts]), sequence(texts)))  # too short to tell
