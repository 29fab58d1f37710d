"""Which token numbers does a small text hold? Words or characters, numbered in the order in which they first occur."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import choice, fail
from modelcollapse.errors import InputError

UNITS = ("words", "characters")
"""What a token is: what stands between white space, or one character."""


def read_tokens(name: Any, *, unit: str, folder: Path) -> NDArray[np.int32]:
    """Return a text file as token numbers from 0 on, (n_tokens,).

    Parameters
    ----------
    name : str
        A UTF-8 text file; relative paths start at `folder`.
    unit : str
        One of `UNITS`.

    Raises
    ------
    InputError
        When the file cannot be read or holds fewer than two tokens.
    """
    choice("unit", unit, UNITS)
    if not isinstance(name, str):
        raise fail("text", name, "the name of a text file")
    path = folder / name
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"`text` names the file {path}, which cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"`text` names the file {path}, which is not UTF-8 text (byte {error.start}).") from None
    numbering: dict[str, int] = {}
    tokens = text.split() if unit == "words" else text
    numbers = np.fromiter((numbering.setdefault(token, len(numbering)) for token in tokens), dtype=np.int32)
    if len(numbers) < 2:
        raise InputError(f"`text` names the file {path}, which holds fewer than two {unit}.")
    return numbers
