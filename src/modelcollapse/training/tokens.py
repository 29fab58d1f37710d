"""How does text become numbers and numbers text? Characters, bytes, or pairs of bytes that occur together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import choice
from modelcollapse.errors import InputError

Ids = NDArray[np.int64]

UNKNOWN = "\ufffd"
"""Stands for a character that the training text is without, and for bytes that are no text."""
_PIECE = 1 << 16  # characters that byte pairs are found in at a time, on all cores


class Tokeniser(Protocol):
    """Text to token numbers and back."""

    n_tokens: int
    """In the vocabulary."""

    def encode(self, text: str) -> Ids:
        """Return the token numbers of a text."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token numbers."""
        ...


def tokeniser_of(kind: str, texts: Sequence[str], *, vocabulary_size: int | None = None) -> Tokeniser:
    """Return the tokeniser of some training text.

    Parameters
    ----------
    kind : str
        ``"characters"``, ``"bytes"`` or ``"pairs"``.
    texts : sequence of str
        Not empty.
    vocabulary_size : int, optional
        Needed by pairs: most tokens; a short text gives fewer.

    Examples
    --------
    >>> letters = tokeniser_of("characters", ["abba"])
    >>> letters.n_tokens, letters.encode("abc").tolist(), letters.decode([1, 0])
    (3, [0, 1, 2], 'ba')
    """
    choice("tokens", kind, ("characters", "bytes", "pairs"))
    if kind == "bytes":
        return Bytes()
    if kind == "characters":
        return Characters(texts)
    if vocabulary_size is None:
        raise InputError("`vocabulary_size` must be given with pairs: how many tokens there are at most.")
    return BytePairs(texts, vocabulary_size=vocabulary_size)


class Characters:
    """Characters of a text, in the order of Unicode, and a mark for all others.

    Parameters
    ----------
    texts : sequence of str
    """

    def __init__(self, texts: Sequence[str]) -> None:
        codes = [np.unique(_codes(text)) for text in texts]
        self._codes = np.setdiff1d(np.concatenate([np.zeros(0, dtype=np.uint32), *codes]), [ord(UNKNOWN)])
        self.n_tokens = len(self._codes) + 1
        self._symbols = [*map(chr, self._codes), UNKNOWN]  # NumPy's texts would lose a final zero byte

    def encode(self, text: str) -> Ids:
        """Return the token numbers of a text; the last one for characters that are not known."""
        codes = _codes(text)
        place = np.searchsorted(self._codes, codes)
        return np.where(np.isin(codes, self._codes), place, self.n_tokens - 1).astype(np.int64)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token numbers."""
        return "".join(self._symbols[int(each)] for each in ids)


class Bytes:
    """Bytes of UTF-8."""

    n_tokens = 256

    def encode(self, text: str) -> Ids:
        """Return the bytes of a text."""
        return np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of bytes, with marks where they are no text."""
        return bytes(int(each) for each in ids).decode(errors="replace")


class BytePairs:
    """A byte-level byte-pair encoding, trained on a text: no character is unknown to it.

    Parameters
    ----------
    texts : sequence of str
    vocabulary_size : int
        At least 257.

    References
    ----------
    Sennrich, Haddow and Birch (2016), arXiv 1508.07909.
    """

    def __init__(self, texts: Sequence[str], *, vocabulary_size: int) -> None:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        self._pairs: Any = Tokenizer(models.BPE())
        self._pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self._pairs.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary_size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        )
        self._pairs.train_from_iterator((piece for text in texts for piece in _pieces(text)), trainer)
        self.n_tokens = self._pairs.get_vocab_size()

    def encode(self, text: str) -> Ids:
        """Return the token numbers of a text."""
        parts = [np.array(part.ids, dtype=np.int64) for part in self._pairs.encode_batch(_pieces(text))]
        return np.concatenate([np.zeros(0, dtype=np.int64), *parts])

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token numbers."""
        text: str = self._pairs.decode([int(each) for each in ids], skip_special_tokens=False)
        return text


def _pieces(text: str) -> list[str]:
    return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4").astype(np.uint32)
