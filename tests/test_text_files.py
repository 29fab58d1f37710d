"""Does every format give the same text, in bounded pieces, and every fault one line that says where?"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from modelcollapse import InputError
from modelcollapse.errors import MissingExtraError
from modelcollapse.estimation import text_files
from modelcollapse.estimation.text_files import BLOCK, Source, read_blocks

TEXTS = ["One text,\nof two lines. ", "añother – one", "", "third"]


def pieces(source: Source, **options: str) -> list[tuple[bytes, bool]]:
    return [pair for block in read_blocks(source, **options) for pair in zip(*block, strict=True)]


def whole(source: Source) -> bytes:
    return b"".join(piece for piece, _ in pieces(source))


def write_jsonl(path: Path, texts: list[str], column: str = "text") -> Path:
    path.write_text("".join(json.dumps({"id": k, column: text}) + "\n" for k, text in enumerate(texts)))
    return path


def write_parquet(path: Path, texts: list[str | None], *, dictionary: bool = False) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    column = pa.array(texts, pa.string())
    parquet.write_table(pa.table({"text": column.dictionary_encode() if dictionary else column}), path)
    return path


def test_formats_give_the_same_documents(tmp_path: Path) -> None:
    expected = [(text.encode(), True) for text in TEXTS]
    lines = write_jsonl(tmp_path / "a.jsonl", TEXTS)
    packed = tmp_path / "a.ndjson.gz"
    packed.write_bytes(gzip.compress(lines.read_bytes()))
    for source in (TEXTS, lines, str(lines), packed, write_parquet(tmp_path / "a.parquet", TEXTS)):
        assert pieces(source) == expected
    assert pieces(write_parquet(tmp_path / "b.parquet", [*TEXTS, None], dictionary=True)) == expected
    assert pieces(write_jsonl(tmp_path / "b.jsonl", TEXTS, "body"), column="body") == expected


def test_directory_gives_its_files_by_name(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b.txt").write_text("second")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"first", mtime=0))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0")
    (tmp_path / ".hidden.txt").write_text("not this")
    (tmp_path / "empty.txt").touch()
    write_jsonl(tmp_path / "c.jsonl", ["third", "fourth"])
    assert pieces(tmp_path) == [(text, True) for text in (b"first", b"third", b"fourth", b"second")]


def test_directory_saved_by_datasets_is_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the `datasets` library is an extra")
    datasets.Dataset.from_dict({"text": TEXTS}).save_to_disk(str(tmp_path / "saved"))
    assert pieces(tmp_path / "saved") == [(text.encode(), True) for text in TEXTS]
    with pytest.raises(InputError, match=r"no column `texts`; columns: text\. Did you mean `text`\?"):
        pieces(tmp_path / "saved", column="texts")


def test_directory_saved_by_datasets_needs_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state.json").write_text("{}")
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'modelcollapse\[datasets\]'"):
        pieces(tmp_path)


@pytest.mark.parametrize("block", [7, 64, 1000])
@pytest.mark.parametrize("text", ["wörter und Wörter " * 40, "ü" * 500, "日本語 " * 100, "long" * 200, "a\tb\r\nc"])
def test_plain_text_comes_in_pieces_that_are_whole_characters(
    text: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "BLOCK", block)
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    found = pieces(path)
    assert b"".join(piece for piece, _ in found).decode() == text
    assert [piece.decode() for piece, _ in found]
    assert [starts for _, starts in found] == [True] + [False] * (len(found) - 1)
    if " " in text and block > 20:
        assert all(piece.endswith(b" ") for piece, _ in found[:-1])  # no word is cut


def test_plain_text_holds_no_more_than_two_blocks(tmp_path: Path) -> None:
    path = tmp_path / "line.txt"
    path.write_bytes(b"word " * (3 * BLOCK // 5))  # one line
    found = pieces(path)
    assert len(found) > 2
    assert max(len(piece) for piece, _ in found) <= 2 * BLOCK


def test_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone")
    assert whole(tmp_path / "a.txt") == b"one"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"", "the file is empty"),
        ("a.txt", b"good \xff bad", "not UTF-8 text at byte 5. Save it as UTF-8"),
        ("a.txt", "as UTF-16".encode("utf-16"), "UTF-16 text"),
        ("a.txt", b"abc\0def", r"a binary file (a zero byte at byte 3)"),
        ("a.txt.gz", b"no gzip", "not a valid gzip file"),
        ("a.txt.gz", gzip.compress(b"text " * 1000, mtime=0)[:-20], "truncated, or not a valid gzip file"),
        ("a.csv", b"a,b\n", "a table is no text"),
        ("a.json", b'["a text", "another"]', "its marks would count as words"),
        ("a.html.gz", b"<p>a text", "its marks would count as words"),
        ("a.parquet", b"PAR1", "not a valid Parquet file"),
        ("a.jsonl", b'{"text": "a"}\n{"text": \n', "line 2 is not valid JSON"),
        ("a.jsonl", b'{"text": "\xff"}\n', "line 1 is not valid JSON"),
        ("a.jsonl", b"[1]\n", "line 1 is no JSON object"),
        ("a.jsonl", b'{"txt": "a"}\n', "line 1 has no column `text`; columns: txt. Did you mean `txt`?"),
        ("a.jsonl", b'{"text": 3}\n', "line 1: `text` is no text"),
        ("a.jsonl", rb'{"text": "\ud800"}', "line 1: holds half a surrogate pair"),
    ],
)
def test_fault_is_said_in_one_line_that_names_the_file(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        pieces(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_place_of_a_wrong_byte_counts_from_the_start_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "BLOCK", 100)
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + b"word " * 99 + b"\xc3(")
    with pytest.raises(InputError, match=r"at byte 498\."):
        pieces(tmp_path / "a.txt")


def test_long_json_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "LONGEST_LINE", 1 << 20)
    write_jsonl(tmp_path / "a.jsonl", ["short", "x" * (2 << 20)])
    with pytest.raises(InputError, match="line 2 is longer than 1 MB"):
        pieces(tmp_path / "a.jsonl")


def test_missing_files_and_directories_without_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        pieces(tmp_path / "a.txt")
    with pytest.raises(InputError, match="a directory without text; it may hold"):
        pieces(tmp_path)
    with pytest.raises(InputError, match="`document 2` must be a text; got 3"):
        pieces(["one", 3])  # type: ignore[list-item]


def test_parquet_column_of_numbers_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"text": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="column `text` holds int64, not text"):
        pieces(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="no column `body`; columns: text"):
        pieces(tmp_path / "a.parquet", column="body")
