"""Where do random numbers come from? Named, independent streams grown from one seed."""

from __future__ import annotations

import zlib

import numpy as np

from modelcollapse.checks import integer


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random generator that belongs to a seed and a path of names.

    The same seed and names give the same bits, whatever else was drawn before; different names give independent
    streams, so adding a consumer never changes the numbers of another.

    Parameters
    ----------
    seed : int
        Non-negative.
    *names : str or int
        What the numbers are for, from the general to the particular, e.g. ``"bootstrap", 3``.

    Raises
    ------
    InputError
        When the seed is not a non-negative whole number.

    Examples
    --------
    >>> a = stream(0, "bootstrap", 1).random()
    >>> b = stream(0, "bootstrap", 1).random()
    >>> a == b, a == stream(0, "bootstrap", 2).random()
    (True, False)
    """
    entropy = integer("seed", seed, low=0)
    path = tuple(zlib.crc32(name.encode()) if isinstance(name, str) else int(name) for name in names)
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=path))
