"""Would a wrong forecast be noticed? One that must fail: synthetic labels shuffled (the other is `plug_in_error`)."""

from __future__ import annotations

import numpy as np

from modelcollapse.estimation.pool import Pool, pool_of
from modelcollapse.estimation.rows import LabelledRows


def shuffled(pool: Pool, *, generator: np.random.Generator) -> Pool:
    """Return the pool with the targets of each synthetic source permuted over its rows."""
    rows = [
        pool.rows[0],
        *(LabelledRows(rows.features, generator.permutation(rows.targets)) for rows in pool.rows[1:]),
    ]
    return pool_of(rows, holdout=pool.holdout, names=pool.names)
