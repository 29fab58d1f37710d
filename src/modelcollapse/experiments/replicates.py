"""How sure is a mean over replicates? As their spread says; one replicate says nothing."""

from __future__ import annotations

import math

import numpy as np

from modelcollapse.checks import Array


def stderr_of(values: Array) -> Array:
    """Return standard errors of means over replicates, the first axis; NaN of one."""
    if len(values) < 2:
        return np.full(values.shape[1:], math.nan)
    return np.asarray(values.std(axis=0, ddof=1) / math.sqrt(len(values)))
