"""Which text is at hand everywhere, with statistics that are known? Sentences of a grammar with Zipf's words."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array

CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"
JOIN, END = " and ", ".\n"


@dataclass(frozen=True, kw_only=True)
class Grammar:
    r"""A probabilistic context-free grammar whose words follow Zipf's law.

    ::

        sentence → clause ".\n"             with probability 1 − joined
        sentence → clause " and " sentence  with probability joined
        clause   → noun " " verb " " noun
        noun     → the i-th noun            with probability ∝ i^(−zipf_exponent); verbs alike

    Nouns are made of syllables of a consonant and a vowel, verbs end in "s" besides: each text has one derivation, so
    its entropy is that of the rules that were chosen.

    Parameters
    ----------
    n_nouns, n_verbs : int
        At least 1.
    zipf_exponent : float
        At least 0.
    joined : float
        In [0, 1).

    Examples
    --------
    >>> print(Grammar().text(40, random=np.random.default_rng(0)), end="")
    za kus ba.
    bo sus bine.
    ba ges dema and bovo sus ba and budo bos me.
    """

    n_nouns: int = 1000
    n_verbs: int = 300
    zipf_exponent: float = 1.0
    joined: float = 0.3

    @property
    def nouns(self) -> tuple[str, ...]:
        """All nouns, from the commonest on."""
        return spelled(self.n_nouns)

    @property
    def verbs(self) -> tuple[str, ...]:
        """All verbs, from the commonest on."""
        return tuple(f"{word}s" for word in spelled(self.n_verbs))

    def law(self, n_words: int) -> Array:
        """Return the probabilities of the words of a class, (n_words,)."""
        weights = np.arange(1, n_words + 1, dtype=np.float64) ** -self.zipf_exponent
        return np.asarray(weights / weights.sum())

    @property
    def entropy_rate(self) -> float:
        """Entropy of the text in nats a character: of the rules of a clause over its mean length."""
        choices = np.array([self.joined, 1 - self.joined])
        nats = 2 * _entropy(self.law(self.n_nouns)) + _entropy(self.law(self.n_verbs)) + _entropy(choices)
        return nats / self.characters_per_clause

    @property
    def characters_per_clause(self) -> float:
        """Mean number of characters of a clause and of what ends it."""
        noun = float(self.law(self.n_nouns) @ [len(word) for word in self.nouns])
        verb = float(self.law(self.n_verbs) @ [len(word) for word in self.verbs])
        return 2 * noun + verb + 2 + self.joined * len(JOIN) + (1 - self.joined) * len(END)

    def text(self, n_characters: int, *, random: np.random.Generator) -> str:
        """Return whole sentences of at least so many characters together."""
        clauses: list[str] = []
        length = 0
        while length < n_characters or clauses[-1].endswith(JOIN):
            more = self._clauses(1 + int((n_characters - length) / self.characters_per_clause), random)
            for clause in more:
                if length >= n_characters and clauses[-1].endswith(END):
                    break
                clauses.append(clause)
                length += len(clause)
        return "".join(clauses)

    def _clauses(self, n: int, random: np.random.Generator) -> list[str]:
        """Return n clauses, at least one, with what ends each."""
        n = max(n, 1)
        nouns, verbs = np.array(self.nouns), np.array(self.verbs)
        subjects, objects = random.choice(nouns, size=(2, n), p=self.law(self.n_nouns))
        actions = random.choice(verbs, size=n, p=self.law(self.n_verbs))
        joined: NDArray[np.bool_] = random.random(n) < self.joined
        return [
            f"{subject} {action} {thing}{JOIN if more else END}"
            for subject, action, thing, more in zip(subjects, actions, objects, joined, strict=True)
        ]


def spelled(n_words: int) -> tuple[str, ...]:
    """Return different words of syllables, short ones first.

    Examples
    --------
    >>> spelled(3), spelled(71)[-1]
    (('ba', 'be', 'bi'), 'baba')
    """
    syllables = [consonant + vowel for consonant in CONSONANTS for vowel in VOWELS]
    words = list(syllables)
    first = 0
    while len(words) < n_words:
        longer = [word + syllable for word in words[first:] for syllable in syllables]
        first = len(words)
        words += longer[: n_words - len(words)]
    return tuple(words[:n_words])


def _entropy(law: Array) -> float:
    return -sum(float(each) * log(float(each)) for each in law if each > 0)
