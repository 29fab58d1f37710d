"""Do the two files of a mixture regression become runs, and do files that do not fit each other say so?"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modelcollapse.errors import InputError
from modelcollapse.estimation.run_pairs import read_run_pair
from modelcollapse.estimation.runs import read_runs

WEIGHTS = pd.DataFrame(
    {"index": [1, 2, 3], "web": [0.5, 0.25, 0.0], "books": [0.5, 0.25, 0.5], "phi": [0, 0.25, 0.5], "qa": [0, 0.25, 0]}
)
LOSSES = pd.DataFrame({"index": [3, 1, 2], "metric/web": [3.0, 1.0, 2.0], "metric/books": [6.0, 4.0, 5.0]})


def write(tmp_path: Path, weights: pd.DataFrame = WEIGHTS, losses: pd.DataFrame = LOSSES) -> tuple[Path, Path]:
    """Write a pair of files."""
    weights.to_csv(tmp_path / "weights.csv", index=False)
    losses.to_csv(tmp_path / "losses.csv", index=False)
    return tmp_path / "weights.csv", tmp_path / "losses.csv"


def test_read_run_pair_matches_runs_and_adds_up_synthetic_domains(tmp_path: Path) -> None:
    frame = read_run_pair(*write(tmp_path), synthetic_domains=["phi", "qa"], total=1e9, loss="metric/books")
    runs = read_runs(frame)
    np.testing.assert_allclose(runs.synthetic, [0, 5e8, 5e8])
    np.testing.assert_allclose(runs.total, 1e9)
    assert runs.loss.tolist() == [4.0, 5.0, 6.0]
    assert runs.unit == "tokens"
    assert runs.names[0] == "data row 1 (1)"


def test_read_run_pair_takes_shares_that_were_rounded(tmp_path: Path) -> None:
    rounded = WEIGHTS.assign(web=[0.499, 0.25, 0.0])
    frame = read_run_pair(*write(tmp_path, rounded), synthetic_domains=["phi"], total=1e9, loss="metric/web")
    np.testing.assert_allclose(frame["synthetic_tokens"], [0.0, 2.5e8, 5e8])


def test_read_run_pair_gives_all_runs_the_same_total(tmp_path: Path) -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(4), 200).round(3)
    weights = pd.DataFrame(shares, columns=["web", "books", "phi", "qa"]).rename_axis("index").reset_index()
    losses = pd.DataFrame({"index": weights["index"], "loss": 1.0})
    frame = read_run_pair(*write(tmp_path, weights, losses), synthetic_domains=["phi"], total=1e9)
    assert (frame["real_tokens"] + frame["synthetic_tokens"]).unique().tolist() == [1e9]


def test_read_run_pair_needs_no_name_for_a_single_loss(tmp_path: Path) -> None:
    files = write(tmp_path, losses=LOSSES[["index", "metric/web"]])
    assert read_run_pair(*files, synthetic_domains=["phi"], total=1e9)["loss"].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("weights", "losses", "options", "message"),
    [
        (WEIGHTS, LOSSES, {"loss": None}, "losses.csv: 2 losses. Name one of: metric/web, metric/books."),
        (WEIGHTS, LOSSES, {"loss": "metric/wob"}, "no loss `metric/wob`. Did you mean `metric/web`?"),
        (WEIGHTS, LOSSES, {"synthetic_domains": ["phy"]}, "weights.csv: no domain `phy`. Did you mean `phi`?"),
        (WEIGHTS, LOSSES, {"synthetic_domains": []}, "no domain is said to be synthetic. Domains: web, books"),
        (WEIGHTS, LOSSES, {"total": 0.3}, "`total` must be a number in [1, inf); got 0.3."),
        (WEIGHTS, LOSSES[:2], {}, "losses.csv: the runs of"),
        (WEIGHTS[:2], LOSSES, {}, "here is no `3`."),
        (WEIGHTS.assign(index=[1, 1, 3]), LOSSES, {}, "weights.csv: run `1` is there twice."),
        (WEIGHTS.assign(web=[0.5, 0.5, 0.0]), LOSSES, {}, "those of run `2` add up to 1.25."),
        (WEIGHTS.assign(web=[None, 0.25, 0.0]), LOSSES, {}, "shares must be numbers in [0, 1] that add up to 1"),
        (WEIGHTS[["index"]], LOSSES, {}, "weights.csv: needs a column that says which run a row is"),
    ],
)  # fmt: skip
def test_read_run_pair_refuses_files_that_do_not_fit(
    tmp_path: Path, weights: pd.DataFrame, losses: pd.DataFrame, options: dict[str, object], message: str
) -> None:
    given = {"synthetic_domains": ["phi"], "total": 1e9, "loss": "metric/web", **options}
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_run_pair(*write(tmp_path, weights, losses), **given)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
