"""Does the audit of texts find planted losses, leave a second real sample alone, and say what a loss amounts to?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from modelcollapse import InputError
from modelcollapse.decisions import text_audit, text_draws, text_facts
from modelcollapse.decisions.real_against_real import judge
from modelcollapse.decisions.text_audit import (
    FEWEST,
    LONGEST_DOCUMENT,
    SHORT,
    RealText,
    audit_text,
    compare_with,
    reference,
)
from modelcollapse.decisions.text_null import STRETCHES, real_stretches, widened, without_seams
from modelcollapse.decisions.text_result import TextAudit
from modelcollapse.decisions.text_words import is_narrowing
from modelcollapse.digits import share_text
from modelcollapse.estimation.near_duplicates import MOST_TOKENS as MOST_FOR_DUPLICATES
from modelcollapse.estimation.text_compression import MOST_TOKENS as MOST_COMPRESSED
from modelcollapse.estimation.text_files import LONGEST_LINE
from modelcollapse.estimation.text_measures import MOST_RANKS
from modelcollapse.estimation.token_ids import LONGEST_WORD, read_tokens
from text_worlds import bigram, cut, documents, written

N_DOCUMENTS, LENGTH = 40, 1500


def world(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a real text of 60,000 words and a second sample of 30,000, from other documents."""
    texts = documents(3 * N_DOCUMENTS // 2, length=LENGTH, seed=seed)
    return np.concatenate(texts[:N_DOCUMENTS]), np.concatenate(texts[N_DOCUMENTS:])


@pytest.fixture(scope="module")
def real() -> RealText:
    return reference([written(world(0)[0])])


def fact(audit: TextAudit, name: str) -> float | None:
    return next((found.value for found in audit.facts if found.name == name), None)


def interval(audit: TextAudit, name: str) -> tuple[float, float]:
    found = next(found.interval for found in audit.facts if found.name == name)
    assert found is not None
    return found


def alarms(seeds: Sequence[int]) -> int:
    """Return how many second real samples are told apart."""
    found = 0
    for seed in seeds:
        first, second = world(100 + seed)
        found += bool(audit_text([written(first)], [written(second)], n_splits=99, seed=seed).found)
    return found


def test_audit_leaves_second_real_samples_alone_unless_documents_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    assert alarms(range(8)) <= 1
    monkeypatch.setattr(text_draws, "without_seams", lambda values, seams: values)  # the twin
    monkeypatch.setattr(text_draws, "real_stretches", bag_by_bag)
    assert alarms(range(8)) >= 6


def bag_by_bag(n_bags: int, *, n_splits: int, seed: int) -> list[tuple[np.ndarray, np.ndarray, int]]:
    """Split neighbouring bags as if they shared no document."""
    orders = [np.random.default_rng(seed + k).permutation(n_bags) for k in range(n_splits)]
    return [(order[: n_bags // 2], order[n_bags // 2 :], 0) for order in orders]


@pytest.mark.parametrize("generations", [1, 3, 5])
def test_audit_counts_generations_of_recursion(real: RealText, generations: int) -> None:
    text = world(0)[0]
    for generation in range(generations):
        text = bigram(text, n=60_000, seed=generation)
    found = compare_with(real, [written(text)])
    assert found.found
    counted = fact(found, "generations of replacement")
    if generations > 1:
        assert found.verdict.startswith("The synthetic text is narrower than a second real sample")
        assert counted == pytest.approx(generations, rel=0.2)
    else:
        assert counted is None or counted < 2


@pytest.mark.parametrize("rank", [300, 1000, 3000])
def test_audit_finds_the_rank_of_a_cut(real: RealText, rank: int) -> None:
    found = compare_with(real, [written(cut(world(0)[1], rank=rank))])
    assert any(is_narrowing(finding) for finding in found.found)
    assert fact(found, "tail-cut rank") == pytest.approx(rank, rel=0.2)
    counts = np.sort(np.bincount(world(0)[0]))[::-1]
    lost = counts[rank:].sum() / counts.sum()
    assert fact(found, "floor of an equivalent cut") == pytest.approx(lost, rel=0.25)
    assert found.losses


def cut_at(rank: int) -> tuple[TextAudit, float, float]:
    """Return the audit of a text cut at a rank, the mass beyond it, and the mass of all words that the text lacks."""
    generator = np.random.default_rng(rank)
    law = 1 / np.arange(1, 8001) ** 1.1
    law /= law.sum()
    first, second = generator.choice(8000, size=60_000, p=law), generator.choice(8000, size=30_000, p=law)
    second = second[second < rank]
    found = audit_text([written(first)], [written(second)], n_splits=99)
    return found, law[rank:].sum(), law[np.bincount(second, minlength=8000) == 0].sum()


@pytest.mark.parametrize("rank", [100, 300, 1000])
def test_floor_of_an_equivalent_cut_is_that_of_a_cut_in_the_first_third_of_the_types(rank: int) -> None:
    found, floor, _ = cut_at(rank)
    assert fact(found, "floor of an equivalent cut") == pytest.approx(floor, rel=0.1)


def test_absent_mass_of_a_cut_holds_what_chance_leaves_out_besides() -> None:
    found, floor, missed = cut_at(3000)
    low, high = interval(found, "absent mass")
    width = high - low
    assert low - width < missed < high + width  # three half-widths to either side: about 5 standard errors
    assert not low - width < floor < high + width  # the twin: the floor is another number


def test_audit_says_what_share_of_the_real_text_is_absent_not_an_equivalent(real: RealText) -> None:
    text = bigram(world(0)[0], n=60_000, seed=0)
    for seed in (1, 2):
        text = bigram(text, n=60_000, seed=seed)
    found = compare_with(real, [written(text)])
    known = set(text.tolist())
    absent = sum(word not in known for word in world(0)[0].tolist()) / 60_000
    assert fact(found, "absent mass") == pytest.approx(absent, rel=1e-12)
    assert f"; {share_text(absent)} of the real text is in words that this text does not have." in found.details
    for name in ("absent mass", "tail-cut rank", "floor of an equivalent cut", "generations of replacement"):
        low, high = interval(found, name)
        assert low < (fact(found, name) or 0.0) < high
    equivalent = fact(found, "floor of an equivalent cut")
    assert equivalent is not None
    assert equivalent < 0.75 * absent  # the twin: a cut that costs as many types takes less


def test_losses_are_words_that_a_text_of_this_length_should_have_ten_times(real: RealText) -> None:
    text = cut(world(0)[1], rank=30)[:6000]
    counts = np.bincount(world(0)[0], minlength=8000)
    lost = (np.bincount(text, minlength=8000) == 0) & (counts >= 10 * 60_000 / 6000)
    (loss,) = compare_with(real, [written(text)]).losses
    assert loss.count == lost.sum()
    assert loss.share == pytest.approx(counts[lost].sum() / 60_000)


def test_audit_finds_a_cut_of_the_next_token(real: RealText) -> None:
    found = compare_with(real, [written(bigram(world(0)[0], n=50_000, seed=0, top_k=20))])
    candidates = fact(found, "next-token cut")
    assert candidates == pytest.approx(20, rel=0.2)
    assert f"seem to be drawn from {candidates:.0f} candidates only" in found.details


def test_audit_says_little_of_a_second_real_sample(real: RealText) -> None:
    found = compare_with(real, [written(world(0)[1])])
    assert found.verdict.startswith("No sign of collapse: with 29,984 words on each side, none of ")
    assert "less does not show" in found.details
    assert not found.losses
    assert fact(found, "safe amount") == pytest.approx(30_000, rel=0.01)  # half the error: half as much as real text
    assert fact(found, "tail-cut rank") is None
    assert fact(found, "floor of an equivalent cut") is None
    assert found.counts == {"real": 60_000, "synthetic": 30_000, "compared": 29_984}


def test_audit_tells_copies_and_repetition(real: RealText) -> None:
    text = world(0)[0]
    same = compare_with(real, [written(text)])
    assert same.verdict == "The synthetic text is the real text itself: a copy is no second sample."
    assert "It repeats real text" in same.details
    other = documents(40, length=750, seed=9)
    again = compare_with(real, [written(document) for document in [*other, *other]])
    assert any(finding.topic == "repetition" and is_narrowing(finding) for finding in again.found)
    assert fact(again, "near-duplicates within") == 1
    assert fact(again, "near-duplicates across") == 0


def test_audit_with_the_real_text_at_hand_is_that_from_scratch(real: RealText) -> None:
    text = [written(bigram(world(0)[0], n=30_000, seed=0))]
    compare_with(real, [written(world(0)[1])])
    again = compare_with(real, text)
    fresh = audit_text([written(world(0)[0])], text)
    assert [f.name for f in again.findings] == [f.name for f in fresh.findings]
    assert [f.p_value for f in again.findings] == [f.p_value for f in fresh.findings]
    assert [f.synthetic for f in again.findings] == pytest.approx([f.synthetic for f in fresh.findings], rel=1e-12)
    other = audit_text([written(world(0)[0])], text, seed=1)
    assert [f.band for f in other.findings] != [f.band for f in fresh.findings]


def test_audit_of_characters_sees_a_lost_one() -> None:
    first, second = ([written(text)] for text in world(3))
    kept = audit_text(first, second, tokens="characters")
    assert not kept.found
    assert "characters" in kept.verdict
    lost = audit_text(first, [second[0].replace("7", "1")], tokens="characters")
    assert lost.found
    assert any("7" in loss.examples for loss in lost.losses)


def test_audit_is_plain_json(real: RealText) -> None:
    content = compare_with(real, [written(world(0)[1])]).to_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["noun"] == "words"
    assert len(content["rank_frequencies"]["real"]) == len(content["rank_frequencies"]["ranks"])


def test_audit_says_which_caps_bind(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [written(text) for text in documents(40, length=1500, seed=0)]
    says = ("Compressed size is that of the first 500 words of every bag.", ", among the first 2,000 tokens of each")
    assert not any(said in json.dumps(audit_text(texts, texts[:20], n_splits=19).to_dict()) for said in says)
    monkeypatch.setattr(text_audit, "MOST_COMPRESSED", 500)
    monkeypatch.setattr(text_facts, "MOST_TOKENS", 2000)
    assert all(said in json.dumps(audit_text(texts, texts[:20], n_splits=19).to_dict()) for said in says)


def test_audit_warns_of_real_documents_that_are_too_long() -> None:
    warning = "documents longer than 3.1 % of the real text"
    for n, warned in ((40, False), (16, True)):
        texts = [written(text) for text in documents(n, length=60_000 // n, seed=0)]
        said = audit_text(texts, texts[: n // 2], n_splits=19).warnings
        assert any(warning in text for text in said) == warned


def test_audit_leaves_second_real_samples_alone_unless_documents_are_as_long_as_a_stretch() -> None:
    found = {n: [told_apart(n, seed=seed) for seed in range(4)] for n in (32, 16)}
    assert sum(found[32]) <= 1
    assert sum(found[16]) >= 2  # the twin: why documents must be shorter


def told_apart(n: int, *, seed: int) -> bool:
    """Say whether a second real sample is told apart from a text of n documents."""
    texts = documents(3 * n // 2, length=60_000 // n, seed=1000 * n + seed)
    first, second = np.concatenate(texts[:n]), np.concatenate(texts[n:])
    return bool(audit_text([written(first)], [written(second)], n_splits=99, seed=seed).found)


def test_docs_name_the_limits_of_text_audits() -> None:
    page = " ".join((Path(__file__).parents[1] / "docs" / "text-audit.md").read_text().split())
    for said in (
        f"JSON lines of more than {LONGEST_LINE >> 20} MB",
        f"a word of more than {LONGEST_WORD >> 20} MB",
        f"fewer than {2 * FEWEST:,} real or {FEWEST:,} synthetic tokens",
        f"Below {SHORT:,} tokens",
        f"first {MOST_COMPRESSED:,} tokens of each bag",
        f"first {MOST_FOR_DUPLICATES // 10**6} million tokens",
        f"rank {MOST_RANKS:,} at most",
        f"a 32nd of the real text ({share_text(LONGEST_DOCUMENT)})",
    ):
        assert said in page


def test_audit_gives_no_cut_where_the_known_law_has_fewer_types_than_the_text() -> None:
    generator = np.random.default_rng(0)
    law = 1 / np.arange(1, 200_001) ** 1.0
    law /= law.sum()
    first, second = generator.choice(200_000, size=60_000, p=law), generator.choice(200_000, size=30_000, p=law)
    rare = np.flatnonzero(np.bincount(second, minlength=200_000)[second] == 1)
    second[generator.choice(rare, size=len(rare) // 8, replace=False)] = 0  # a tenth of the types or so
    found = audit_text([written(first)], [written(second)], n_splits=99)
    assert any(finding.name == "different words" for finding in found.found)
    assert fact(found, "tail-cut rank") is None
    assert fact(found, "floor of an equivalent cut") is None
    generations = fact(found, "generations of replacement")
    assert generations is not None
    assert 0 < generations < 1


def test_audit_says_more_where_the_generations_end() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.zipf(1.5, size=20_000), generator.integers(2, size=10_000)
    found = audit_text([written(first)], [written(second)], n_splits=19)
    assert "This is more vocabulary than 100 generations of replacement would lose" in found.details


def test_audit_refuses_texts_that_are_too_short() -> None:
    with pytest.raises(InputError, match="too little text: 3 real and 2 synthetic words"):
        audit_text(["one two three"], ["four five"])
    short = [written(world(0)[0][:4000])]
    assert "small losses do not show" in audit_text(short, short, n_splits=19).warnings[-1]


def test_stretches_are_halves_that_touch_as_often_as_said() -> None:
    for first, second, seams in real_stretches(64, n_splits=40, seed=0):
        assert sorted([*first, *second]) == list(range(64))
        assert len(first) == 32
        side = np.isin(np.arange(64), first)
        assert seams == (side[1:] != side[:-1]).sum() <= 64 / min(STRETCHES)


def test_without_seams_takes_off_what_is_proportional_to_their_number() -> None:
    generator = np.random.default_rng(0)
    seams = generator.integers(2, 16, size=400)
    noise = generator.standard_normal((400, 3))
    freed = without_seams(5.0 + np.outer(seams, [0.0, 0.5, -0.2]) + noise, seams)
    stderr = np.sqrt(1 / 400 + seams.mean() ** 2 / ((seams - seams.mean()) ** 2).sum())
    assert np.abs(freed.mean(axis=0) - 5.0).max() < 5 * stderr
    assert abs((5.0 + 0.5 * seams + noise[:, 1]).mean() - 5.0) > 5 * stderr  # the twin: as they were
    assert without_seams(noise, np.full(400, 7)) == pytest.approx(noise)


def test_widened_null_rejects_as_often_as_said() -> None:
    generator = np.random.default_rng(0)
    factor = widened(np.array([[-1.0], [1.0]]), n_bags=64, n_measures=1)[1, 0]
    assert factor == pytest.approx(stats.t.isf(0.025, 7) / stats.norm.isf(0.025))
    samples = generator.standard_normal((4000, 8))
    distance = np.abs(generator.standard_normal(4000)) / samples.std(axis=1, ddof=1)
    expected, stderr = 0.05, np.sqrt(0.05 * 0.95 / 4000)
    assert abs((distance > factor * stats.norm.isf(0.025)).mean() - expected) < 5 * stderr
    assert abs((distance > stats.norm.isf(0.025)).mean() - expected) > 5 * stderr  # the twin: not widened


def test_new_mass_of_one_passage_that_repeats_a_character_is_no_finding() -> None:
    generator = np.random.default_rng(0)
    first, second = ("".join(generator.choice(list("abcdefgh "), size=n)) for n in (1_000_000, 500_000))
    second = second[:100_000] + "7 " * 40 + second[100_080:]
    held = reference([first], tokens="characters", n_splits=99)
    assert "new mass" not in [finding.name for finding in compare_with(held, [second]).found]
    tokens = read_tokens([second], tokens="characters", vocabulary=held.vocabulary)
    drawn = held.draws(500_000)
    draws = text_draws.draw_synthetic(drawn, text_draws.prepare_synthetic(drawn, tokens.ids), seed=0)
    one = tuple(replace(m, grain=1 / 500_000 if m.name == "new mass" else m.grain) for m in draws.measures)
    assert "new mass" in [finding.name for finding in judge(replace(draws, measures=one)) if finding.found]  # the twin


def test_repeated_ngrams_of_one_stretch_that_occurs_twice_are_no_finding() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.integers(5000, size=20_000), generator.integers(5000, size=10_000)
    second[4000:4012] = second[4020:4032]  # twelve words, which make five repeated 8-grams
    held = reference([written(first)])
    assert "repeated 8-grams" not in [finding.name for finding in compare_with(held, [written(second)]).found]
    drawn = held.draws(10_000)
    tokens = read_tokens([written(second)], vocabulary=held.vocabulary)
    draws = text_draws.draw_synthetic(drawn, text_draws.prepare_synthetic(drawn, tokens.ids), seed=0)
    without = replace(draws, measures=tuple(replace(measure, grain=0.0) for measure in draws.measures))
    assert "repeated 8-grams" in [finding.name for finding in judge(without) if finding.found]  # the twin
