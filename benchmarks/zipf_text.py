"""What text are speeds measured on? Words drawn by Zipf's law, in lines of twenty, made the same way every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from modelcollapse.streams import stream

N_WORDS = 300_000
EXPONENT = 1.05
_BATCH = 1_000_000
_LINE = 20
_LETTERS = "etaoinshrdlcumwfgypbvkjxqz"


def write_zipf_text(path: Path, *, n_bytes: int, seed: int) -> None:
    """Write a text of at least so many bytes; common words are short, and one in a thousand has an accent."""
    words = np.array([_word(rank) for rank in range(N_WORDS)], dtype=object)
    ends = np.cumsum(np.arange(1, N_WORDS + 1) ** -EXPONENT)
    generator = stream(seed, "zipf text")
    written = 0
    with path.open("w", encoding="utf-8") as file:
        while written < n_bytes:
            drawn = words[np.searchsorted(ends, generator.random(_BATCH) * ends[-1])].tolist()
            text = "".join(" ".join(drawn[k : k + _LINE]) + "\n" for k in range(0, _BATCH, _LINE))
            written += file.write(text)


def _word(rank: int) -> str:
    """Return the word of a rank: its digits to the base 26, as letters."""
    letters, rest = "", rank
    while rest or not letters:
        rest, digit = divmod(rest, len(_LETTERS))
        letters += _LETTERS[digit]
    return letters + "é" if rank % 1000 == 999 else letters
