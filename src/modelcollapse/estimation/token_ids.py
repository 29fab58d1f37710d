"""Which tokens does a text hold? Words, characters or a tokenizer's pieces, as numbers that texts share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modelcollapse.errors import InputError, MissingExtraError
from modelcollapse.estimation.text_files import Block, Source, read_blocks
from modelcollapse.parallel import n_cores

Ids = NDArray[np.int32]

MOST_TOKENS = 20_000_000
"""Tokens of a text that are kept; of longer ones, blocks at even distances."""
UNITS = ("words", "characters")
LONGEST_WORD = 1 << 20
"""Bytes of the longest word."""
_AHEAD = 2  # blocks that are read while others are split, by core
_PIECE = 1 << 14  # bytes of running text that a tokenizer is given at a time
# How the white space that only Unicode knows starts in UTF-8; E2 80 also starts other punctuation.
_WIDE_SPACES = (b"\x1c", b"\x1d", b"\x1e", b"\x1f", b"\xc2\x85", b"\xc2\xa0", b"\xe1\x9a\x80", b"\xe2\x80",
                b"\xe2\x81\x9f", b"\xe3\x80\x80")  # fmt: skip


class Tokens(NamedTuple):
    """Tokens of a block: numbers into names of its own, and where documents start."""

    ids: Ids  # (n,)
    names: Any  # Arrow array of texts
    starts: NDArray[np.int64]  # (number of documents that start here,)


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenSequence:
    """The tokens of one text, in order.

    Attributes
    ----------
    ids : int32 array, (N,)
        Numbers that belong to the `Vocabulary` that they were read with.
    starts : int array, (n_documents,)
        Positions at which documents start.
    stride : int
        1 when the text was read as a whole; s when only every s-th block of some MB was.
    """

    ids: Ids
    starts: NDArray[np.int64]
    stride: int


class Vocabulary:
    """The names of the tokens of several texts, by number; it grows as texts are read."""

    def __init__(self) -> None:
        import pyarrow as pa

        self._names = pa.array([], pa.string())

    def __len__(self) -> int:
        return len(self._names)

    def numbers(self, names: Any) -> Ids:
        """Return the number of each of some different names, an Arrow array; new names take the next numbers."""
        import pyarrow as pa
        from pyarrow import compute

        found = compute.index_in(names, value_set=self._names)
        numbers: Ids = found.fill_null(-1).to_numpy().astype(np.int32)
        new = numbers < 0
        numbers[new] = np.arange(len(self._names), len(self._names) + int(new.sum()))
        self._names = pa.concat_arrays([self._names, names.filter(pa.array(new))])
        return numbers

    def names(self, numbers: NDArray[Any]) -> list[str]:
        """Return the names that belong to some numbers."""
        import pyarrow as pa

        found: list[str] = self._names.take(pa.array(np.asarray(numbers, dtype=np.int64))).to_pylist()
        return found


def read_tokens(
    source: Source, *, tokens: str = "words", column: str = "text", vocabulary: Vocabulary, most: int = MOST_TOKENS
) -> TokenSequence:
    """Read a text as token numbers, in memory that does not grow with the text beyond `most` tokens.

    Parameters
    ----------
    source : str, Path, or sequence of str
        As in `read_blocks`.
    tokens : str
        ``"words"``, what stands between white space, as `str.split` finds it; ``"characters"``; or the name of a file
        that the `tokenizers` library has saved.
    column : str
        Where JSON lines and tables hold the text.
    vocabulary : Vocabulary
        Shared by all texts that are compared; it learns the new names.
    most : int
        When a text holds more tokens, every second block of about 4 MB is dropped, as often as needed.

    Raises
    ------
    InputError
        When the text cannot be read, or holds no token.
    MissingExtraError
        When a tokenizer is named and the library is absent.
    """
    split = _splitter(tokens, called=_called(source))
    kept: dict[int, Tokens] = {}
    stride = 1

    def wanted() -> Iterator[tuple[int, Block]]:
        return ((k, block) for k, block in enumerate(read_blocks(source, column=column)) if k % stride == 0)

    for number, block in _in_order(split, wanted()):
        kept[number] = block
        while sum(len(other.ids) for other in kept.values()) > most and len(kept) > 1:
            stride *= 2
            kept = {k: other for k, other in kept.items() if k % stride == 0}
    return _joined([kept[k] for k in sorted(kept) if k % stride == 0], vocabulary, stride, source)


def _in_order(split: Callable[[Block], Tokens], blocks: Iterable[tuple[int, Block]]) -> Iterator[tuple[int, Tokens]]:
    """Yield the tokens of each block, in order, split on all cores while few blocks are held."""
    with ThreadPoolExecutor(n_cores()) as workers:
        ahead: deque[tuple[int, Future[Tokens]]] = deque()
        for number, block in blocks:
            ahead.append((number, workers.submit(split, block)))
            if len(ahead) > _AHEAD * n_cores():
                first, future = ahead.popleft()
                yield first, future.result()
        for first, future in ahead:
            yield first, future.result()


def _joined(blocks: list[Tokens], vocabulary: Vocabulary, stride: int, source: Source) -> TokenSequence:
    """Return the tokens of all blocks, numbered by the shared vocabulary."""
    import pyarrow as pa

    if not sum(len(block.ids) for block in blocks):
        raise InputError(f"{_called(source)}: the text holds no token. Give a text with something in it.")
    encoded = pa.chunked_array([pa.DictionaryArray.from_arrays(block.ids, block.names) for block in blocks])
    encoded = encoded.unify_dictionaries()
    numbers = vocabulary.numbers(encoded.chunks[-1].dictionary)
    before = np.cumsum([0] + [len(block.ids) for block in blocks])
    return TokenSequence(
        ids=np.concatenate([numbers[chunk.indices.to_numpy()] for chunk in encoded.chunks]),
        starts=np.concatenate([place + block.starts for place, block in zip(before, blocks, strict=False)]),
        stride=stride,
    )


def _called(source: Source) -> str:
    """Return what a text is called in errors."""
    return str(source) if isinstance(source, str | Path) else "the documents given"


def _splitter(tokens: str, *, called: str) -> Callable[[Block], Tokens]:
    """Return what turns a block into tokens."""
    if tokens == "words":
        return partial(_words, called=called)
    if tokens == "characters":
        return _characters
    return _pieces_of(Path(tokens))


def _words(block: Block, *, called: str) -> Tokens:
    """Split at white space, as `str.split` does."""
    import pyarrow as pa
    from pyarrow import compute

    plain = not any(space in piece for piece in block.pieces for space in _WIDE_SPACES)
    # Arrow reads on after the end of a text that ends with white space, so none may.
    stripped = [piece.strip() if plain else piece.decode().strip().encode() for piece in block.pieces]
    texts = pa.array(stripped, pa.binary()).cast(pa.string())
    lists = compute.ascii_split_whitespace(texts) if plain else compute.utf8_split_whitespace(texts)
    words = lists.flatten().dictionary_encode()
    if (compute.max(compute.binary_length(words.dictionary)).as_py() or 0) > LONGEST_WORD:
        raise InputError(
            f"{called}: a word of more than {LONGEST_WORD >> 20} MB: no white space. Use characters as tokens."
        )
    ids, names = words.indices.to_numpy().astype(np.int32, copy=False), words.dictionary
    starts = lists.offsets.to_numpy()[:-1][np.array(block.starts, dtype=bool)].astype(np.int64)
    empty = compute.index(names, "").as_py()
    if empty < 0:
        return Tokens(ids, names, starts)
    real = ids != empty  # all that an empty text holds
    kept_before = np.concatenate([[0], np.cumsum(real)])
    ids = ids[real]
    others = pa.concat_arrays([names[:empty], names[empty + 1 :]])
    return Tokens(ids - (ids > empty).astype(np.int32), others, kept_before[starts])


def _characters(block: Block) -> Tokens:
    import pyarrow as pa

    texts = [piece.decode() for piece in block.pieces]
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4")
    present = np.flatnonzero(np.bincount(codes))
    numbers = np.zeros(int(present[-1]) + 1 if len(present) else 0, dtype=np.int32)
    numbers[present] = np.arange(len(present))
    before = np.cumsum([0] + [len(text) for text in texts])[:-1]
    return Tokens(
        numbers[codes], pa.array([chr(code) for code in present], pa.string()), before[np.array(block.starts)]
    )


def _pieces_of(path: Path) -> Callable[[Block], Tokens]:
    """Return what splits a block with the tokenizer of a file."""
    import pyarrow as pa

    if not path.is_file():
        raise InputError(
            f"`tokens` must be {', '.join(UNITS)} or the file of a tokenizer; there is no file {path}. "
            "Give the tokenizer.json that its library has saved."
        )
    try:
        from tokenizers import Tokenizer
    except ImportError:
        command = "pip install 'modelcollapse[tokenizers]'"
        raise MissingExtraError(f"{path}: reading this tokenizer needs the `tokenizers` library: {command}") from None
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain `Exception`
        raise InputError(
            f"{path}: no file of the `tokenizers` library ({' '.join(str(error).split())[:160]})."
        ) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def split(block: Block) -> Tokens:
        texts, starts = _short_pieces(block)
        found = [np.array(one.ids, dtype=np.int64) for one in tokenizer.encode_batch(texts, add_special_tokens=False)]
        before = np.cumsum([0] + [len(ids) for ids in found])[:-1]
        present, ids = np.unique(np.concatenate(found), return_inverse=True)
        names = pa.array([tokenizer.id_to_token(int(number)) for number in present], pa.string())
        return Tokens(ids.astype(np.int32), names, before[starts])

    return split


def _short_pieces(block: Block) -> tuple[list[str], NDArray[np.bool_]]:
    """Cut texts at white space into pieces of some KB, which a tokenizer takes in one go."""
    pieces: list[str] = []
    starts: list[bool] = []
    for piece, starts_document in zip(block.pieces, block.starts, strict=True):
        text, place = piece.decode(), 0
        while True:
            cut = text.find(" ", place + _PIECE)
            pieces.append(text[place : cut if cut >= 0 else None])
            starts.append(starts_document and place == 0)
            if cut < 0:
                break
            place = cut
    return pieces, np.array(starts, dtype=bool)
