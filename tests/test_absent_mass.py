"""Is the absent mass that of the law of real text on what a text lacks, with an interval that holds it?"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from modelcollapse.estimation.absent_mass import absent_mass
from text_worlds import N_TYPES, Ids, bigram, documents

N_WORLDS, LENGTH, TOPICAL = 100, 1500, 0.9
ZIPF = 1 / np.arange(1, N_TYPES + 1) ** 1.1
LAW = (1 - TOPICAL) * ZIPF / ZIPF.sum() + TOPICAL / N_TYPES
"""Of the words of a document that is not known."""


def text(n: int, seed: int) -> Ids:
    return np.concatenate(documents(n, length=LENGTH, seed=seed, topical=TOPICAL))


def true_mass(other: Ids) -> float:
    """Return what a memorising learner of a text misses of real text, by the law that real text is drawn from."""
    return float(LAW[np.bincount(other, minlength=N_TYPES) == 0].sum())


@cache
def worlds() -> list[tuple[Ids, Ids]]:
    """Return real texts of 40 documents, each with a text cut at rank 3000 from other documents."""
    pairs = []
    for seed in range(N_WORLDS):
        other = text(10, seed=1000 + seed)
        pairs.append((text(40, seed=seed), other[other < 3000]))
    return pairs


def test_absent_mass_is_unbiased_for_a_text_that_does_not_descend_from_the_real_one() -> None:
    errors = [absent_mass(real, other).share - true_mass(other) for real, other in worlds()]
    stderr = np.std(errors, ddof=1) / np.sqrt(N_WORLDS)
    assert abs(np.mean(errors)) < 5 * stderr  # sees 0.01
    beyond_the_cut = LAW[3000:].sum()
    wrong = [absent_mass(real, other).share - beyond_the_cut for real, other in worlds()]
    assert abs(np.mean(wrong)) > 5 * stderr  # the twin: what is beyond the cut, without what chance left out


def test_absent_mass_of_a_text_that_descends_from_the_real_one_is_too_small() -> None:
    texts = [text(10, seed=seed) for seed in range(5)]
    for seed, real in enumerate(texts):
        walk = bigram(real, n=len(real), seed=seed)
        assert absent_mass(real, walk).high < true_mass(walk)


def test_absent_mass_interval_holds_the_truth_as_often_as_said() -> None:
    found = [(absent_mass(real, other), true_mass(other)) for real, other in worlds()]
    stderr = np.sqrt(0.9 * 0.1 / N_WORLDS)
    assert abs(np.mean([mass.low < truth < mass.high for mass, truth in found]) - 0.9) < 5 * stderr
    held = []
    for (real, _), (mass, truth) in zip(worlds(), found, strict=True):  # the twin: words drawn one by one
        half_width = 1.645 * np.sqrt(mass.share * (1 - mass.share) / len(real))
        held.append(abs(mass.share - truth) < half_width)
    assert np.mean(held) < 0.9 - 5 * stderr


def test_absent_mass_is_the_plain_count() -> None:
    real, other = text(5, seed=0), text(2, seed=1)
    known = set(other.tolist())
    expected = sum(word not in known for word in real.tolist()) / len(real)
    assert absent_mass(real, other).share == pytest.approx(expected, rel=1e-12)
    assert absent_mass(real, real) == (0.0, 0.0, 0.0)
