"""Does the grammar's text follow its law? Entropy, lengths and words against what the grammar says of them."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from modelcollapse.training.grammar import END, JOIN, Grammar, spelled

GRAMMAR = Grammar(n_nouns=90, n_verbs=20)
THRESHOLD = 5


@pytest.fixture(scope="module")
def clauses() -> list[tuple[str, str, str, str]]:
    text = GRAMMAR.text(400_000, random=np.random.default_rng(3))
    found = re.findall(r"(\w+) (\w+) (\w+)( and |\.\n)", text)
    assert "".join(f"{one} {two} {three}{end}" for one, two, three, end in found) == text
    return found


def surprises(clauses: list[tuple[str, str, str, str]], grammar: Grammar) -> np.ndarray:
    """Return −log of the probability of each clause."""
    noun = dict(zip(grammar.nouns, grammar.law(grammar.n_nouns), strict=True))
    verb = dict(zip(grammar.verbs, grammar.law(grammar.n_verbs), strict=True))
    ends = {JOIN: grammar.joined, END: 1 - grammar.joined}
    return np.array([-math.log(noun[a] * verb[b] * noun[c] * ends[end]) for a, b, c, end in clauses])


def distance(values: np.ndarray, expected: float) -> float:
    """Return how many standard errors a mean is from what is expected."""
    return float(abs(values.mean() - expected) / (values.std(ddof=1) / math.sqrt(len(values))))


def test_grammar_has_the_entropy_rate_that_it_says(clauses: list[tuple[str, str, str, str]]) -> None:
    """28,000 clauses see differences of 1 % and more."""
    expected = GRAMMAR.entropy_rate * GRAMMAR.characters_per_clause
    assert distance(surprises(clauses, GRAMMAR), expected) < THRESHOLD
    wrong = replace(GRAMMAR, zipf_exponent=1.05)
    assert distance(surprises(clauses, GRAMMAR), wrong.entropy_rate * wrong.characters_per_clause) > THRESHOLD


def test_grammar_has_the_lengths_that_it_says(clauses: list[tuple[str, str, str, str]]) -> None:
    lengths = np.array([len("".join(clause)) + 2 for clause in clauses])
    assert distance(lengths, GRAMMAR.characters_per_clause) < THRESHOLD
    assert distance(lengths, replace(GRAMMAR, joined=0.25).characters_per_clause) > THRESHOLD


def test_grammar_follows_zipfs_law(clauses: list[tuple[str, str, str, str]]) -> None:
    nouns = [word for one, _, three, _ in clauses for word in (one, three)]
    counts = np.array([nouns.count(word) for word in GRAMMAR.nouns])

    def statistic(law: np.ndarray) -> float:
        expected = len(nouns) * law
        return float(((counts - expected) ** 2 / expected).sum())

    freedom = len(counts) - 1
    limit = freedom + THRESHOLD * math.sqrt(2 * freedom)
    assert statistic(GRAMMAR.law(90)) < limit
    assert statistic(replace(GRAMMAR, zipf_exponent=1.05).law(90)) > limit


def test_grammar_ends_with_a_whole_sentence_soon_after_the_length_asked_for() -> None:
    for n in (1, 50, 5000):
        text = GRAMMAR.text(n, random=np.random.default_rng(0))
        assert text.endswith(END)
        assert n <= len(text) < n + 300


def test_words_differ_and_no_noun_is_a_verb() -> None:
    grammar = Grammar(n_nouns=6000, n_verbs=6000)
    words = (*grammar.nouns, *grammar.verbs, "and")
    assert len(set(words)) == 12_001
    assert (*spelled(70), "baba") == spelled(71)
