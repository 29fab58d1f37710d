"""Do judges of documents do what they say? Weights, what is drawn by them, and a classifier of n-grams."""

from __future__ import annotations

import math

import numpy as np
import pytest

from modelcollapse.training.curation import (
    COPIES,
    NgramClassifier,
    best,
    detector_weights,
    drawn_by_weight,
    expected_human_share,
)
from modelcollapse.training.grammar import Grammar

THRESHOLD = 5


def test_best_keeps_the_highest_scores_in_order() -> None:
    assert best(np.array([3.0, 1.0, 2.0, 5.0]), 2).tolist() == [0, 3]


def test_detector_weights_are_powers_of_the_probability_to_be_human() -> None:
    np.testing.assert_allclose(detector_weights(np.array([0.0, 0.1, 1.0]), power=10), [1.0, 0.9**10, 0.0])


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_share_of_human_documents_drawn_by_weight_is_as_expected(share: float) -> None:
    """100 draws of 200 see differences of .02 and more."""
    n = 20_000
    human = np.arange(n) < share * n
    weights = detector_weights(np.where(human, 0.05, 0.2), power=10)
    draws = [human[drawn_by_weight(weights, 200, random=np.random.default_rng(seed))].mean() for seed in range(100)]
    stderr = np.std(draws, ddof=1) / math.sqrt(len(draws))
    expected = expected_human_share(share, human=0.95**10, machine=0.8**10)
    assert abs(np.mean(draws) - expected) < THRESHOLD * stderr
    wrong = expected_human_share(share, human=0.95, machine=0.8)  # without the power
    assert abs(np.mean(draws) - wrong) > THRESHOLD * stderr


def test_drawn_by_weight_takes_no_document_too_often_and_those_without_weight_last() -> None:
    weights = np.array([1.0, 0.0, 1.0, 0.0])
    drawn = drawn_by_weight(weights, 8, random=np.random.default_rng(0))
    assert np.bincount(drawn, minlength=4).tolist()[::2] == [COPIES, COPIES]
    assert len(drawn) == 8


def test_classifier_tells_texts_of_two_grammars_apart_and_not_two_of_one() -> None:
    random = np.random.default_rng(0)

    def documents(exponent: float) -> list[str]:
        text = Grammar(zipf_exponent=exponent).text(30_000, random=random)
        return [text[start : start + 150] for start in range(0, 30_000, 150)]

    real, narrow, same = documents(0.5), documents(1.5), documents(0.5)
    judge = NgramClassifier(real[:100], narrow[:100])
    right = (judge.machine(real[100:]) < 0.5).mean() + (judge.machine(narrow[100:]) > 0.5).mean()
    assert right / 2 > 0.9
    blind = NgramClassifier(real[:100], same[:100])
    assert abs((blind.machine(real[100:]) < 0.5).mean() + (blind.machine(same[100:]) > 0.5).mean() - 1) < 0.3
