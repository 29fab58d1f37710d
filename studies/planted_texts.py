"""Which collapse is planted in texts? Recursion of bigrams, and cuts at the commonest tokens, of real or made text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from studies.plants import NOTHING, Plant, World

Ids = NDArray[np.int64]

N_TOKENS = 100_000
KEPT_WORDS, KEPT_FOLLOWERS = 2000, 10
GENERATIONS = (1, 3, 5)
N_WORDS, WORDS_EXPONENT = 50_000, 1.05
N_FOLLOWERS, FOLLOWERS_EXPONENT, BOND = 20, 1.0, 0.6
"""Of made text: followers of each word, with a Zipf law of their own, and the share of words drawn from them."""
FILES = ("wikitext2/raw_valid.txt", "wikitext2/raw_test.txt")


@dataclass(frozen=True)
class TextSource:
    """What synthetic text of a trial is made from.

    Attributes
    ----------
    words : sequence of str
        By number.
    real, further : int arrays
        Word numbers of the real text, and of more text of the same kind.
    """

    words: Sequence[str]
    real: Ids
    further: Ids

    def text(self, numbers: Ids) -> list[str]:
        """Return word numbers as a text of one document."""
        return [" ".join(self.words[number] for number in numbers.tolist())]


def start_articles(
    generator: np.random.Generator, folder: Path | None, *, n_tokens: int = N_TOKENS
) -> tuple[list[str], TextSource]:
    """Split the articles of WikiText-2 at random: the first tokens are real, the rest is further text."""
    assert folder is not None
    articles = [article.split() for name in FILES for article in read_articles(folder / name)]
    numbering: dict[str, int] = {}
    order = generator.permutation(len(articles))
    numbers = [numbering.setdefault(word, len(numbering)) for place in order for word in articles[place]]
    return _started(list(numbering), np.array(numbers), n_tokens)


def read_articles(path: Path) -> list[str]:
    """Return the articles of a file of WikiText: each starts with its title between single equals signs."""
    parts = re.split(r"^(?= = [^=])", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [part for part in parts if part.strip()]


def start_made(
    generator: np.random.Generator, folder: Path | None, *, n_tokens: int = N_TOKENS
) -> tuple[list[str], TextSource]:
    """Draw a long text by `made_text`: the first tokens are real, the rest is further text."""
    return _started([f"w{number}" for number in range(N_WORDS)], made_text(3 * n_tokens, generator), n_tokens)


def made_text(n_tokens: int, generator: np.random.Generator) -> Ids:
    """Draw a chain of words: a follower of the word before with probability `BOND`, else any word.

    Any word: word r with probability ∝ (r + 1)^(−1.05). The twenty followers of each word are draws from that same
    law, made once for all trials; the j-th is taken with probability ∝ 1/(j + 1).
    """
    law = _cumulated(N_WORDS, WORDS_EXPONENT)
    followers = np.searchsorted(law, np.random.default_rng(0).random((N_WORDS, N_FOLLOWERS))).tolist()
    fresh = np.searchsorted(law, generator.random(n_tokens)).tolist()
    turn = np.searchsorted(_cumulated(N_FOLLOWERS, FOLLOWERS_EXPONENT), generator.random(n_tokens))
    turn = np.where(generator.random(n_tokens) < BOND, turn, -1).tolist()
    chain = accumulate(
        zip(fresh, turn, strict=True),
        lambda before, drawn: followers[before][drawn[1]] if drawn[1] >= 0 else drawn[0],
        initial=0,
    )
    return np.fromiter(islice(chain, 1, None), dtype=np.int64, count=n_tokens)


def further(source: TextSource, generator: np.random.Generator) -> list[str]:
    """Return further text."""
    return source.text(source.further[: len(source.real)])


def resampled(source: TextSource, generator: np.random.Generator, *, generations: int) -> list[str]:
    """Return text of some generations of bigram models, each fitted on the text before, the first on the real one."""
    numbers = source.real
    for _ in range(generations):
        numbers = bigram_text(numbers, len(numbers), generator)
    return source.text(numbers)


def bigram_text(
    numbers: Ids, n_tokens: int, generator: np.random.Generator, *, most_followers: int | None = None
) -> Ids:
    """Draw a text from the bigrams of another one, its end joined to its start.

    Parameters
    ----------
    numbers : int array
        Word numbers of the text that is learnt from.
    n_tokens : int
        To draw.
    generator : Generator
    most_followers : int, optional
        Keep this many of the commonest followers of each word only ("top-k"); default: all.
    """
    pairs, counts = np.unique(np.stack([numbers, np.roll(numbers, -1)], axis=1), axis=0, return_counts=True)
    pairs, counts = _commonest(pairs, counts, most_followers)
    followers = np.repeat(pairs[:, 1], counts).tolist()
    occurrences = np.bincount(np.repeat(pairs[:, 0], counts))
    begins = (np.cumsum(occurrences) - occurrences).tolist()
    sizes = occurrences.tolist()
    first = int(generator.choice(numbers))
    chain = accumulate(
        generator.random(n_tokens - 1).tolist(),
        lambda before, drawn: followers[begins[before] + int(drawn * sizes[before])],
        initial=first,
    )
    return np.fromiter(chain, dtype=np.int64, count=n_tokens)


def cut_words(source: TextSource, generator: np.random.Generator) -> list[str]:
    """Return further text without the words that are not among the commonest of the real text."""
    commonest = np.argsort(-np.bincount(source.real, minlength=len(source.words)), kind="stable")[:KEPT_WORDS]
    return source.text(source.further[np.isin(source.further, commonest)][: len(source.real)])


def cut_followers(source: TextSource, generator: np.random.Generator) -> list[str]:
    """Return text of a bigram model of the real text that keeps the commonest followers of each word only."""
    return source.text(bigram_text(source.real, len(source.real), generator, most_followers=KEPT_FOLLOWERS))


def _started(words: Sequence[str], numbers: Ids, n_tokens: int) -> tuple[list[str], TextSource]:
    source = TextSource(words, numbers[:n_tokens], numbers[n_tokens:])
    return source.text(source.real), source


def _commonest(pairs: Ids, counts: Ids, most_followers: int | None) -> tuple[Ids, Ids]:
    """Return the pairs with the commonest followers of each first word, ordered by first word."""
    order = np.lexsort((-counts, pairs[:, 0]))
    pairs, counts = pairs[order], counts[order]
    if most_followers is None:
        return pairs, counts
    place = np.arange(len(pairs)) - np.searchsorted(pairs[:, 0], pairs[:, 0])
    return pairs[place < most_followers], counts[place < most_followers]


def _cumulated(n: int, exponent: float) -> NDArray[np.float64]:
    weights = np.arange(1, n + 1) ** -exponent
    return np.asarray(np.cumsum(weights) / weights.sum())


PLANTS = (
    Plant(
        NOTHING,
        f"the next {N_TOKENS:,} tokens of further text",
        (),
        further,
    ),
    *(
        Plant(
            f"{generations} bigram generation{'s' if generations > 1 else ''}",
            f"the real text resampled {generations} time{'s' if generations > 1 else ''} by a bigram model",
            ("vocabulary", "tail", "rare tokens"),
            partial(resampled, generations=generations),
        )
        for generations in GENERATIONS
    ),
    Plant(
        f"vocabulary cut at {KEPT_WORDS:,}",
        f"further text without the words that are not among the {KEPT_WORDS:,} commonest of the real text",
        ("vocabulary", "tail", "rare tokens"),
        cut_words,
        kept=("tail-cut rank", KEPT_WORDS),
    ),
    Plant(
        f"next token cut at {KEPT_FOLLOWERS}",
        f"a bigram model of the real text that keeps the {KEPT_FOLLOWERS} commonest followers of each word",
        ("next token",),
        cut_followers,
        kept=("next-token cut", KEPT_FOLLOWERS),
    ),
)

ARTICLES = World(
    name="articles",
    title=f"Articles of WikiText-2, {N_TOKENS:,} words on each side",
    kind="text",
    start=start_articles,
    plants=PLANTS,
    note=(
        "The 124 articles of the validation and the test part (455,000 words) are put in a random order in every "
        f"trial; the first {N_TOKENS:,} words are the real text, and what follows is further text. Trials overlap: a "
        "word of the real text of one trial belongs to that of another with probability 0.22, so that trials are less "
        "informative than independent ones; intervals take no account of this."
    ),
    files=FILES,
)
MADE = World(
    name="made text",
    title=f"Made text, {N_TOKENS:,} words on each side",
    kind="text",
    start=start_made,
    plants=PLANTS,
    note=(
        f"A chain over {N_WORDS:,} words: with probability {BOND:g} one of the {N_FOLLOWERS} followers of the word "
        f"before (the j-th ∝ 1/j), else any word (that of rank r ∝ r^(−{WORDS_EXPONENT:g}), from which the followers "
        "are drawn too, once for all trials). Every trial is a fresh chain, independent of the others."
    ),
)
