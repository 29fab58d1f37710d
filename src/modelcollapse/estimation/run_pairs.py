"""What do the two files of a mixture regression say about past runs? Shares of domains in one, losses in the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from modelcollapse.checks import Array, nearest, number
from modelcollapse.errors import InputError
from modelcollapse.estimation.readers import read_frame
from modelcollapse.estimation.run_columns import split
from modelcollapse.estimation.wording import listing

TOLERANCE = 0.02
"""How far shares, which are written with three digits, may add up to something else than 1."""


def read_run_pair(
    weights: Path, losses: Path, *, synthetic_domains: Sequence[str], total: float, loss: str | None = None
) -> pd.DataFrame:
    """Read runs that differ in their mixture of domains, as mixture-regression tools write them.

    Parameters
    ----------
    weights : Path
        A table of runs whose first column says which run a row is, the others how large a share each domain has.
    losses : Path
        A table whose first column names the same runs, the others their losses on held-out data.
    synthetic_domains : sequence of str
        Which domains are synthetic; all others are real.
    total : float
        Amount of data of every run, in tokens.
    loss : str, optional
        Which loss to take; may be left out when there is only one.

    Returns
    -------
    DataFrame
        Columns ``run``, ``real_tokens``, ``synthetic_tokens`` and ``loss``, in the order of `weights`.

    Raises
    ------
    InputError
        When a file cannot be read, a domain or loss is not in it, shares do not add up to 1, or a run is in one of the
        two files only, or twice.

    References
    ----------
    Liu et al. (2024), RegMix, arXiv 2407.01492, whose ``train_mixture_1m.csv`` and ``train_pile_loss_1m.csv`` are such
    a pair.
    """
    number("total", total, low=1.0, hint="Give the tokens of one run, such as 1e9.")
    shares, results = _by_run(weights), _by_run(losses)
    for one, other, path in ((shares, results, losses), (results, shares, weights)):
        missing = one.index.difference(other.index)
        if len(missing):
            runs = listing([str(name) for name in missing])
            raise InputError(f"{path}: the runs of {weights} and {losses} must be the same; here is no {runs}.")
    chosen = _loss(results, loss, losses)
    share = _synthetic_share(shares, synthetic_domains, weights)
    real, synthetic = split(np.full(len(share), float(total)), share)
    return pd.DataFrame(
        {
            "run": shares.index.astype(str),
            "real_tokens": real,
            "synthetic_tokens": synthetic,
            "loss": results.loc[shares.index, chosen].to_numpy(),
        }
    )


def _by_run(path: Path) -> pd.DataFrame:
    """Read a table and name its rows by its first column."""
    frame = read_frame(path)
    if frame.shape[1] < 2:
        raise InputError(f"{path}: needs a column that says which run a row is, and a column of numbers.")
    frame = frame.set_index(frame.columns[0])
    twice = frame.index[frame.index.duplicated()]
    if len(twice):
        raise InputError(f"{path}: run `{twice[0]}` is there twice. Keep one of the two.")
    return frame


def _loss(results: pd.DataFrame, loss: str | None, path: Path) -> str:
    """Return which column of losses is meant."""
    names = [str(name) for name in results.columns]
    if loss is None and len(names) == 1:
        return names[0]
    if loss is None or loss not in names:
        problem = f"{len(names)} losses" if loss is None else f"no loss `{loss}`"
        hint = nearest(loss or "", names) or f"Name one of: {', '.join(names[:20])}."
        raise InputError(f"{path}: {problem}. {hint}")
    return loss


def _synthetic_share(shares: pd.DataFrame, domains: Sequence[str], path: Path) -> Array:
    """Return the share of synthetic data, (n,)."""
    names = [str(name) for name in shares.columns]
    unknown = [domain for domain in domains if domain not in names]
    if unknown or not domains:
        problem = f"no domain `{unknown[0]}`" if unknown else "no domain is said to be synthetic"
        hint = nearest(unknown[0], names) if unknown else ""
        raise InputError(f"{path}: {problem}. {hint or 'Domains: ' + ', '.join(names[:20]) + '.'}")
    numbers = shares.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~((numbers >= 0) & (numbers <= 1)).all(axis=1)
    wrong |= ~(np.abs(numbers.sum(axis=1) - 1) <= TOLERANCE)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"{path}: shares must be numbers in [0, 1] that add up to 1; those of run `{shares.index[row]}` add up to "
            f"{numbers[row].sum():g}. Leave out columns that hold no shares."
        )
    synthetic = numbers[:, [names.index(domain) for domain in domains]].sum(axis=1)
    return np.asarray(synthetic / numbers.sum(axis=1))
