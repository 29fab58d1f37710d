"""How are recursions on fresh inputs cut short and repeated? Parts and copies of a chain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.theory.generations import Chain


def cut(chain: Chain, n_fits: int) -> Chain:
    """Return the first generations of a chain, `n_fits` with generation 0."""
    return replace(
        chain,
        n_samples=chain.n_samples[:, :n_fits],
        noise_var=chain.noise_var[:, :n_fits],
        weight=chain.weight[:, :n_fits],
        ridge=chain.ridge[:, :n_fits],
        width=None if chain.width is None else chain.width[:, :n_fits],
    )


def tiled(chain: Chain, copies: int) -> Chain:
    """Return so many copies of a chain that is alone."""

    def repeated(array: Array) -> Array:
        return np.repeat(array, copies, axis=0)

    return replace(
        chain,
        n_samples=repeated(chain.n_samples),
        noise_var=repeated(chain.noise_var),
        weight=repeated(chain.weight),
        ridge=repeated(chain.ridge),
        width=None if chain.width is None else repeated(chain.width),
        hit=None if chain.hit is None else repeated(chain.hit),
        false_keep=None if chain.false_keep is None else repeated(chain.false_keep),
        tolerance=None if chain.tolerance is None else repeated(chain.tolerance),
    )
