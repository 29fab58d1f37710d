"""Which tables have a known defect? A law of numbers, categories and a small cluster, and copies that lost some."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

Plant = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]

NUMBERS = ("a", "b", "c", "d")
CATEGORIES = ("e", "f")
LEVELS = 100
CLUSTER = 0.02
"""Share of the rows in a cluster of its own."""


def sample(rng: np.random.Generator, n: int, *, cluster: bool = True) -> pd.DataFrame:
    """Draw rows: four Gaussian columns of correlation 1/2, two Zipf categories, and a cluster 4 deviations away."""
    numbers = rng.multivariate_normal(np.zeros(4), 0.5 + 0.5 * np.eye(4), n)
    if cluster:
        away = rng.random(n) < CLUSTER
        numbers[away] = 0.5 * numbers[away] + 2 * np.array([1, -1, 1, -1])
    table = pd.DataFrame(numbers, columns=list(NUMBERS))
    chance = 1 / np.arange(1, LEVELS + 1)
    for name in CATEGORIES:
        table[name] = [f"{name}{k}" for k in rng.choice(LEVELS, size=n, p=chance / chance.sum())]
    return table


def narrow(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Bring the numbers 15 % closer to their mean."""
    return table.assign(**{name: 0.85 * table[name] for name in NUMBERS})


def without_rare_categories(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Replace every other one of the rarer half of the categories by common ones."""
    gone = {f"{name}{k}" for name in CATEGORIES for k in range(LEVELS // 2, LEVELS, 2)}
    changed = table.copy()
    for name in CATEGORIES:
        lost = changed[name].isin(gone)
        changed.loc[lost, name] = rng.choice(changed.loc[~lost, name], lost.sum())
    return changed


def clipped(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Clip the numbers at their 1st and 99th percentiles."""
    return table.assign(**{name: table[name].clip(*table[name].quantile([0.01, 0.99])) for name in NUMBERS})


def weakened(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Weaken all correlations of numbers by 30 % and leave each column as it is."""
    values = table[list(NUMBERS)].to_numpy()
    blurred = np.sqrt(0.7) * values + np.sqrt(0.3) * rng.standard_normal(values.shape)
    changed = table.copy()
    for k, name in enumerate(NUMBERS):
        changed[name] = np.sort(values[:, k])[blurred[:, k].argsort().argsort()]
    return changed


def invented(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Give one row in fifty a category that real data has not."""
    changed = table.copy()
    changed.loc[rng.random(len(table)) < 0.02, CATEGORIES[0]] = "new"
    return changed


def repeated(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Replace a twentieth of the rows by copies of others."""
    changed = table.copy()
    n = len(table) // 20
    changed.iloc[:n] = changed.iloc[n : 2 * n].to_numpy()
    return changed.infer_objects()


def with_gaps(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Leave out one number in thirty."""
    changed = table.copy()
    changed.loc[rng.random(len(table)) < 1 / 30, NUMBERS[1]] = np.nan
    return changed


def shifted(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Move one column by a sixth of its standard deviation."""
    return table.assign(c=table["c"] + 1 / 6)


PLANTS: dict[str, Plant] = {
    "spread": narrow,
    "categories": without_rare_categories,
    "tails": clipped,
    "association": weakened,
    "invented": invented,
    "repeats": repeated,
    "missing values": with_gaps,
    "location": shifted,
}
