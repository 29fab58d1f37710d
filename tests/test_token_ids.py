"""Are tokens those that Python finds, with the same numbers in all texts, and evenly chosen from long ones?"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelcollapse import InputError
from modelcollapse.errors import MissingExtraError
from modelcollapse.estimation import text_files, token_ids
from modelcollapse.estimation.token_ids import Vocabulary, read_tokens

SPACES = "".join(chr(code) for code in range(0x110000) if chr(code).isspace())


def names(texts: list[str], *, tokens: str = "words") -> list[str]:
    vocabulary = Vocabulary()
    return vocabulary.names(read_tokens(texts, tokens=tokens, vocabulary=vocabulary).ids)


@given(st.lists(st.text(alphabet=st.sampled_from(list("abé日" + SPACES)), max_size=30), min_size=1, max_size=5))
def test_words_are_those_of_str_split(texts: list[str]) -> None:
    expected = [text.split() for text in texts]
    if not any(expected):
        with pytest.raises(InputError, match="the documents given: the text holds no token"):
            names(texts)
        return
    vocabulary = Vocabulary()
    found = read_tokens(texts, vocabulary=vocabulary)
    assert vocabulary.names(found.ids) == [word for words in expected for word in words]
    assert found.starts.tolist() == np.cumsum([0, *map(len, expected)])[:-1].tolist()
    assert len(vocabulary) == len({word for words in expected for word in words})


@pytest.mark.parametrize("space", SPACES)
def test_every_white_space_of_python_parts_words(space: str) -> None:
    assert names([f"a{space}b"]) == ["a", "b"]


@pytest.mark.parametrize("tokens", ["words", "characters"])
def test_documents_start_where_they_do_over_several_blocks(tokens: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["a b c ", "d e f ", "g "] * 5
    monkeypatch.setattr(text_files, "BLOCK", 8)
    found = read_tokens(texts, tokens=tokens, vocabulary=Vocabulary())
    lengths = [len(text.split()) if tokens == "words" else len(text) for text in texts]
    assert found.starts.tolist() == np.cumsum([0, *lengths])[:-1].tolist()


def test_characters_are_those_of_the_text() -> None:
    texts = ["añb a", "", "日本\n"]
    vocabulary = Vocabulary()
    found = read_tokens(texts, tokens="characters", vocabulary=vocabulary)
    assert "".join(vocabulary.names(found.ids)) == "".join(texts)
    assert found.starts.tolist() == [0, 5, 5]


def test_numbers_are_shared_by_texts() -> None:
    vocabulary = Vocabulary()
    first = read_tokens(["b a b"], vocabulary=vocabulary)
    second = read_tokens(["c b a a"], vocabulary=vocabulary)
    assert first.ids.tolist() == [0, 1, 0]
    assert second.ids.tolist() == [2, 0, 1, 1]
    assert vocabulary.names(np.array([2, 0])) == ["c", "b"]


def test_blocks_give_the_words_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"wört{k % 97}" for k in range(5000)]
    path = tmp_path / "a.txt"
    path.write_text(" ".join(words), encoding="utf-8")
    monkeypatch.setattr(text_files, "BLOCK", 512)
    vocabulary = Vocabulary()
    assert vocabulary.names(read_tokens(path, vocabulary=vocabulary).ids) == words


@pytest.mark.parametrize("most", [300, 999])
def test_long_text_is_thinned_evenly(most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("".join(f"{k:05d} " for k in range(4000)))
    monkeypatch.setattr(text_files, "BLOCK", 120)  # 20 words
    vocabulary = Vocabulary()
    found = read_tokens(path, vocabulary=vocabulary, most=most)
    assert most / 2 - 20 <= len(found.ids) <= most
    blocks = Counter(int(word) // 20 for word in vocabulary.names(found.ids))
    assert list(blocks) == list(range(0, 200, found.stride))
    assert set(blocks.values()) == {20}


def test_tokenizer_file_gives_its_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="the `tokenizers` library is an extra")
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    tokenizer = tokenizers.Tokenizer(WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    monkeypatch.setattr(token_ids, "_PIECE", 8)
    assert names(["b a zebra a " * 9, "a"], tokens=str(tmp_path / "tokenizer.json")) == ["b", "a", "?", "a"] * 9 + ["a"]
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(InputError, match="no file of the `tokenizers` library"):
        names(["a"], tokens=str(tmp_path / "bad.json"))
    with pytest.raises(InputError, match="`tokens` must be words, characters or the file of a tokenizer"):
        names(["a"], tokens="word")


def test_tokenizer_needs_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(InputError, match="there is no file wrods"):
        names(["a"], tokens="wrods")
    (tmp_path / "tokenizer.json").touch()
    with pytest.raises(MissingExtraError, match=r"pip install 'modelcollapse\[tokenizers\]'"):
        names(["a"], tokens=str(tmp_path / "tokenizer.json"))


def test_file_without_tokens_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(" \n ")
    with pytest.raises(InputError, match=r"a\.txt: the text holds no token"):
        read_tokens(tmp_path / "a.txt", vocabulary=Vocabulary())


def test_text_without_white_space_has_no_words(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a" * (3 << 20))
    with pytest.raises(InputError, match=r"a\.txt: a word of more than 1 MB: no white space\. Use characters"):
        read_tokens(tmp_path / "a.txt", vocabulary=Vocabulary())
    assert len(read_tokens(tmp_path / "a.txt", tokens="characters", vocabulary=Vocabulary()).ids) == 3 << 20
