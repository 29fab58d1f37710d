"""What text does a file hold? Documents or pieces of running text, streamed in blocks; every failure is one line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from modelcollapse.checks import fail, nearest
from modelcollapse.errors import InputError, MissingExtraError
from modelcollapse.estimation.readers import json_record

Source = str | Path | Sequence[str]
"""A file, a directory, or documents in memory."""

BLOCK = 4 << 20
"""Bytes of text that are read and passed on at a time."""
LONGEST_LINE = 64 << 20
"""Bytes of the longest JSON line, which must be held as a whole."""
PLAIN = (".txt", ".text", ".md")
LINES = (".jsonl", ".ndjson")
TABLES = (".csv", ".tsv", ".npz", ".npy", ".xlsx")
MARKUP = (".json", ".html", ".htm", ".xml", ".svg")
FORMATS = ".txt, .jsonl, .ndjson (each also .gz), .parquet, a directory of such files or one saved by `datasets`"
_NOT_GZIP = (gzip.BadGzipFile, EOFError, zlib.error)


class Block(NamedTuple):
    """Some text: UTF-8 pieces in order, and for each whether a document starts with it."""

    pieces: list[bytes]
    starts: list[bool]


def read_blocks(source: Source, *, column: str = "text") -> Iterator[Block]:
    """Yield the text of a source in blocks of about 4 MB.

    Parameters
    ----------
    source : str, Path, or sequence of str
        The name of a file or directory, or documents. The ending of a file chooses the format, and any other than those
        of JSON lines and Parquet is read as plain text; ``.gz`` is decompressed on the way.
    column : str
        Where JSON lines and tables hold the text.

    Yields
    ------
    Block
        A plain file is one document. It is cut at white space, and where there is none within 4 MB between characters;
        documents of JSON lines and tables stay whole.

    Raises
    ------
    InputError
        When a file is missing, empty, damaged, binary, not UTF-8 (with the place of the first such byte), or lacks the
        column.
    MissingExtraError
        When a directory needs the `datasets` library and it is absent.
    """
    pieces: list[bytes] = []
    starts: list[bool] = []
    held = 0
    for piece, starts_document in _pieces(source, column):
        pieces.append(piece)
        starts.append(starts_document)
        held += len(piece)
        if held >= BLOCK:
            yield Block(pieces, starts)
            pieces, starts, held = [], [], 0
    if pieces:
        yield Block(pieces, starts)


Pieces = Iterator[tuple[bytes, bool]]


def _pieces(source: Source, column: str) -> Pieces:
    """Yield UTF-8 texts of at most a few MB, and whether a document starts with each."""
    if not isinstance(source, str | Path):
        yield from _given(source)
        return
    path = Path(source)
    if path.is_dir():
        yield from _directory(path, column)
    else:
        yield from _file(path, column)


def _given(documents: Sequence[str]) -> Pieces:
    for number, text in enumerate(documents, start=1):
        if not isinstance(text, str):
            raise fail(f"document {number}", text, "a text")
        yield _encoded(text, f"document {number}"), True


def _encoded(text: str, where: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{where}: holds half a surrogate pair, which is no character. Mend the text.") from None


def _file(path: Path, column: str) -> Pieces:
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty.")
    ending = _ending(path)
    if ending in TABLES:
        raise InputError(f"{path}: a table is no text. Give a file of text ({FORMATS}), or use `modelcollapse audit`.")
    if ending in MARKUP:
        raise InputError(f"{path}: its marks would count as words. Give a file of text ({FORMATS}).")
    try:
        if ending == ".parquet":
            yield from _parquet(path, column)
        elif path.name.lower().endswith(".gz"):
            with gzip.open(path) as file:
                yield from _stream(file, path, column, ending)
        else:
            with path.open("rb") as file:
                yield from _stream(file, path, column, ending)
    except _NOT_GZIP as error:
        raise InputError(f"{path}: truncated, or not a valid gzip file ({error}).") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from None


def _ending(path: Path) -> str:
    """Return the lower-case ending without a trailing ``.gz``."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _stream(file: IO[bytes] | gzip.GzipFile, path: Path, column: str, ending: str) -> Pieces:
    read = _json_lines if ending in LINES else _plain
    return read(file, path, column)


def _plain(file: IO[bytes] | gzip.GzipFile, path: Path, column: str) -> Pieces:
    """Yield a plain text in pieces, cut at white space, each proven to be UTF-8."""
    rest, place, first = b"", 0, True
    while chunk := file.read(BLOCK):
        held = rest + chunk
        if first:
            held = held.removeprefix(b"\xef\xbb\xbf")
            place += len(rest) + len(chunk) - len(held)
        cut = _last_cut(held)
        _require_text(held[:cut], path, place)
        yield held[:cut], first
        rest, place, first = held[cut:], place + cut, False
    if rest:
        _require_text(rest, path, place)
        yield rest, first


def _last_cut(held: bytes) -> int:
    """Return after which byte to cut: the last white space, else the last character that is complete."""
    cut = 1 + max(held.rfind(space) for space in (b"\n", b" ", b"\t"))
    if cut:
        return cut
    end = len(held)
    for back in range(1, min(4, end) + 1):
        lead = held[end - back]
        if lead >= 0xC0:  # the first byte of a character, of which two or more bytes must follow
            return end - back if end > back else end
        if lead < 0x80:
            break
    return end


def _require_text(piece: bytes, path: Path, place: int) -> None:
    """Refuse what is not UTF-8 text, and name the place of the first byte at fault."""
    if place == 0 and piece[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path}: UTF-16 text. Save it as UTF-8.")
    zero = piece.find(b"\0")
    if zero >= 0:
        raise InputError(f"{path}: a binary file (a zero byte at byte {place + zero}). Give a file of text: {FORMATS}.")
    try:
        piece.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text at byte {place + error.start}. Save it as UTF-8.") from None


def _json_lines(file: IO[bytes] | gzip.GzipFile, path: Path, column: str) -> Pieces:
    """Yield the texts of JSON objects, one a line; null is passed over."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            raise InputError(f"{path}: line {number} is longer than {LONGEST_LINE >> 20} MB. Split this document.")
        if not line.strip():
            continue
        record = json_record(line, path=path, number=number)
        if column not in record:
            raise _no_column(path, column, list(record), where=f"line {number} has ")
        text = record[column]
        if isinstance(text, str):
            yield _encoded(text, f"{path}: line {number}"), True
        elif text is not None:
            raise InputError(f"{path}: line {number}: `{column}` is no text. Name a column of texts with --column.")


def _no_column(path: Path, column: str, names: list[str], *, where: str = "") -> InputError:
    hint = nearest(column, names)
    known = ", ".join(names[:12]) or "none"
    return InputError(f"{path}: {where}no column `{column}`; columns: {known}. {hint or 'Name one with --column.'}")


def _parquet(path: Path, column: str) -> Pieces:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path)
        _require_text_column(path, column, table.schema_arrow)
        for batch in table.iter_batches(batch_size=4096, columns=[column]):
            yield from _texts(batch.column(0))
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: truncated, or not a valid Parquet file ({reason}).") from None


def _require_text_column(path: Path, column: str, schema: Any) -> None:
    import pyarrow as pa

    if column not in schema.names:
        raise _no_column(path, column, list(schema.names))
    kind = schema.field(column).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()):
        raise InputError(f"{path}: column `{column}` holds {kind}, not text. Name a column of texts with --column.")


def _texts(array: Any) -> Pieces:
    """Yield the texts of an Arrow array; null is passed over."""
    import pyarrow as pa

    for text in array.cast(pa.large_string()).cast(pa.large_binary()).to_pylist():
        if text is not None:
            yield text, True


def _directory(path: Path, column: str) -> Pieces:
    """Yield the texts of a directory's files, by name, or of one that the `datasets` library has saved."""
    if any((path / name).is_file() for name in ("state.json", "dataset_dict.json")):
        yield from _datasets_directory(path, column)
        return
    known = (*PLAIN, *LINES, ".parquet")
    files = sorted(file for file in path.rglob("*") if file.is_file() and _ending(file) in known)
    files = [file for file in files if not any(part.startswith(".") for part in file.relative_to(path).parts)]
    if not files:
        raise InputError(f"{path}: a directory without text; it may hold {FORMATS}.")
    for file in files:
        if file.stat().st_size:
            yield from _file(file, column)


def _datasets_directory(path: Path, column: str) -> Pieces:
    try:
        import datasets
    except ImportError:
        command = "pip install 'modelcollapse[datasets]'"
        raise MissingExtraError(f"{path}: reading this directory needs the `datasets` library: {command}") from None
    try:
        dataset = datasets.load_from_disk(str(path))
    except Exception as error:  # the library raises errors of many unrelated classes for damaged directories
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{path}: truncated, or not a valid `datasets` directory ({reason}).") from None
    if isinstance(dataset, datasets.DatasetDict):
        if "train" not in dataset:
            raise InputError(f"{path}: no split `train`; name the directory of one split: {', '.join(dataset)}.")
        dataset = dataset["train"]
    _require_text_column(path, column, dataset.features.arrow_schema)
    for batch in dataset.select_columns([column]).with_format("arrow").iter(batch_size=4096):
        for chunk in batch.column(column).chunks:
            yield from _texts(chunk)
