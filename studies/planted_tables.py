"""Which collapse is planted in tables? One law of rows, and five ways in which synthetic rows fall short of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studies.plants import NOTHING, Plant, World

Array = NDArray[np.float64]

N_ROWS = 10_000
N_NUMERIC, N_CATEGORICAL = 6, 4
CORRELATION = 0.6
"""Of neighbouring numeric columns; of columns j and l it is this to the power |j − l|."""
N_LEVELS, ZIPF_EXPONENT = 200, 1.1
"""The level of rank r has a probability proportional to r^(−exponent)."""
CLUSTER_SHARE, CLUSTER_DISTANCE = 0.01, 4.0
SHRINK, WEAKEN, CLIP = 0.9, 0.8, 0.99
NUMERIC = [f"x{j}" for j in range(N_NUMERIC)]
CATEGORICAL = [f"c{j}" for j in range(N_CATEGORICAL)]
LEVELS = np.array([f"level {rank}" for rank in range(1, N_LEVELS + 1)], dtype=object)


@dataclass(frozen=True)
class RowLaw:
    """The law of the rows of one trial: Gaussian columns with a small cluster, and categorical columns apart from them.

    Attributes
    ----------
    towards : array, (6,)
        Centre of the cluster, in coordinates in which the other rows are uncorrelated with variance 1.
    n_rows : int
    """

    towards: Array
    n_rows: int

    def draw(
        self, generator: np.random.Generator, *, cluster_share: float = CLUSTER_SHARE, bond: float = 1.0
    ) -> pd.DataFrame:
        """Draw a table, with another share of rows in the cluster, or with correlations multiplied by `bond`."""
        places = np.arange(N_NUMERIC)
        correlations = CORRELATION ** np.abs(places[:, None] - places)
        changed = bond * correlations + (1 - bond) * np.eye(N_NUMERIC)
        numbers = generator.standard_normal((self.n_rows, N_NUMERIC)) @ np.linalg.cholesky(changed).T
        in_cluster = generator.permutation(self.n_rows) < round(cluster_share * self.n_rows)
        numbers[in_cluster] += np.linalg.cholesky(correlations) @ self.towards
        levels = generator.choice(N_LEVELS, size=(self.n_rows, N_CATEGORICAL), p=levels_law())
        return pd.DataFrame(numbers, columns=NUMERIC).join(_named(levels))


def levels_law() -> Array:
    """Return the probabilities of the levels, the commonest first, (200,)."""
    weights = np.arange(1, N_LEVELS + 1) ** -ZIPF_EXPONENT
    return np.asarray(weights / weights.sum())


def start(generator: np.random.Generator, folder: Path | None, *, n_rows: int = N_ROWS) -> tuple[pd.DataFrame, RowLaw]:
    """Return the real table of a trial and its law; the cluster lies in a direction of its own in each trial."""
    towards = generator.standard_normal(N_NUMERIC)
    law = RowLaw(CLUSTER_DISTANCE * towards / np.linalg.norm(towards), n_rows)
    return law.draw(generator), law


def shrunk(law: RowLaw, generator: np.random.Generator) -> pd.DataFrame:
    """Draw rows, and move every numeric value towards its column's mean."""
    rows = law.draw(generator)
    means = rows[NUMERIC].mean()
    return rows.assign(**(means + SHRINK * (rows[NUMERIC] - means)))


def clipped(law: RowLaw, generator: np.random.Generator) -> pd.DataFrame:
    """Draw rows, and set numeric values above their column's 99th percentile to it."""
    rows = law.draw(generator)
    return rows.assign(**rows[NUMERIC].clip(upper=rows[NUMERIC].quantile(CLIP), axis=1))


def without_rare_levels(law: RowLaw, generator: np.random.Generator) -> pd.DataFrame:
    """Draw rows, and replace every second one of the rarer hundred levels by draws from the other levels."""
    rows = law.draw(generator)
    rare = np.arange(N_LEVELS // 2, N_LEVELS, 2)
    kept = levels_law()
    kept[rare] = 0.0
    others = _named(generator.choice(N_LEVELS, size=(len(rows), N_CATEGORICAL), p=kept / kept.sum()))
    gone = rows[CATEGORICAL].isin(set(LEVELS[rare]))
    return rows.assign(**rows[CATEGORICAL].mask(gone, others))


def _named(levels: NDArray[np.intp]) -> pd.DataFrame:
    return pd.DataFrame(LEVELS[levels], columns=CATEGORICAL)


TABLES = World(
    name="tables",
    title=f"Tables of {N_ROWS:,} real and {N_ROWS:,} synthetic rows",
    kind="table",
    start=start,
    plants=(
        Plant(NOTHING, "a second draw", (), RowLaw.draw),
        Plant(
            "spread × 0.9",
            "every numeric value moved a tenth of the way to its column's mean",
            ("spread",),
            shrunk,
        ),
        Plant(
            "half the rare categories deleted",
            "every second one of the 100 rarer levels replaced by draws from the other levels, in all four columns",
            ("categories",),
            without_rare_levels,
        ),
        Plant(
            "1 % cluster removed",
            "no rows in the cluster, and as many more outside it",
            ("clusters",),
            partial(RowLaw.draw, cluster_share=0.0),
        ),
        Plant(
            "tails clipped",
            "numeric values above their column's 99th percentile set to it; lower tails as they are",
            ("tails",),
            clipped,
        ),
        Plant(
            "correlations × 0.8",
            "correlations of numeric columns multiplied by 0.8",
            ("association",),
            partial(RowLaw.draw, bond=WEAKEN),
        ),
    ),
    note=(
        f"Rows: {N_NUMERIC} Gaussian columns with correlations {CORRELATION:g}^|j − l|; {N_CATEGORICAL} independent "
        f"categorical columns of {N_LEVELS} levels with probabilities ∝ rank^(−{ZIPF_EXPONENT:g}); and a cluster of "
        f"{CLUSTER_SHARE:.0%} of the rows, as wide as the others, whose centre is {CLUSTER_DISTANCE:g} standard "
        "deviations from theirs, in a random direction of the coordinates in which they are uncorrelated. Real and "
        "synthetic rows are fresh draws in every trial."
    ),
)
