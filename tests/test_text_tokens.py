"""Do tokenisers give back what they were given, and do documents hold every token once?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelcollapse.errors import InputError
from modelcollapse.training.documents import documents_of, epochs
from modelcollapse.training.tokens import UNKNOWN, BytePairs, Bytes, Characters, tokeniser_of

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60)
CORPUS = ["the cat sat on the mat, and the rat sat on the cat. " * 20, "Ω é 漢 🎲\n" * 5]


@pytest.fixture(scope="module")
def pairs() -> BytePairs:
    pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install 'modelcollapse[train]'")
    return BytePairs(CORPUS, vocabulary_size=280)


@given(TEXTS)
def test_bytes_round_trip(text: str) -> None:
    assert Bytes().decode(Bytes().encode(text)) == text


@given(TEXTS)
def test_characters_round_trip_on_their_own_text(text: str) -> None:
    letters = Characters([text])
    ids = letters.encode(text)
    assert letters.decode(ids) == text
    assert UNKNOWN in text or ids.max(initial=-1) < letters.n_tokens - 1


@given(TEXTS)
def test_pairs_round_trip_on_any_text(pairs: BytePairs, text: str) -> None:
    ids = pairs.encode(text)
    assert pairs.decode(ids) == text
    assert ids.max(initial=0) < pairs.n_tokens


def test_characters_mark_what_they_do_not_know() -> None:
    letters = Characters(["ab", "c"])
    assert letters.decode(letters.encode("axb")) == f"a{UNKNOWN}b"


def test_pairs_are_the_same_each_time_and_shorten_text(pairs: BytePairs) -> None:
    again = BytePairs(CORPUS, vocabulary_size=280)
    assert again.n_tokens == pairs.n_tokens == 280
    np.testing.assert_array_equal(again.encode(CORPUS[0]), pairs.encode(CORPUS[0]))
    assert len(pairs.encode(CORPUS[0])) < 0.6 * len(CORPUS[0])


def test_tokeniser_of_refuses_pairs_without_a_size_and_unknown_kinds() -> None:
    with pytest.raises(InputError, match="vocabulary_size"):
        tokeniser_of("pairs", ["ab"])
    with pytest.raises(InputError, match=r"`tokens` must be one of .*words"):
        tokeniser_of("words", ["ab"])


@given(st.integers(0, 60), st.integers(2, 9), st.data())
def test_documents_learn_every_token_once(n: int, length: int, data: st.DataObject) -> None:
    n_prompt = data.draw(st.integers(1, length - 1))
    documents = documents_of(np.arange(n), length=length, n_prompt=n_prompt)
    learned = documents[:, n_prompt:].ravel()
    np.testing.assert_array_equal(learned, n_prompt + np.arange(len(learned)))
    assert n - n_prompt - len(learned) < length - n_prompt or not len(documents)  # what is left is no whole document


def test_epochs_go_through_all_documents_before_one_comes_again() -> None:
    documents = np.arange(7)[:, None]
    batch = epochs(documents, batch_size=3, seed=1, names=("a",))
    drawn = np.concatenate([batch(step) for step in range(7)]).ravel().reshape(3, 7)
    assert all(sorted(epoch) == list(range(7)) for epoch in drawn.tolist())
    assert (drawn[0] != drawn[1]).any()


def test_epochs_give_a_step_the_same_documents_whatever_was_asked_before() -> None:
    documents = np.arange(50)[:, None]
    in_order = epochs(documents, batch_size=8, seed=1, names=("a",))
    steps = [in_order(step) for step in range(20)]
    np.testing.assert_array_equal(epochs(documents, batch_size=8, seed=1, names=("a",))(19), steps[19])
    np.testing.assert_array_equal(in_order(3), steps[3])
    assert (epochs(documents, batch_size=8, seed=1, names=("b",))(0) != steps[0]).any()
