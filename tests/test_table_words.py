"""Do the words on a table stay short, and call lost only what is lost?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modelcollapse.decisions.distribution_result import Finding
from modelcollapse.decisions.table_words import N_HEADLINES, losses, verdict
from modelcollapse.estimation.table_clusters import Clusters, fit_clusters
from modelcollapse.estimation.table_columns import Columns, align_frames, as_frame, encode, infer_schema
from modelcollapse.estimation.table_space import fit_space

NAMES = (  # one for each kind of headline
    "spread of `x`", "lower tail of `x`", "share outside the range of `x`", "mean of `x`", "missing share of `x`",
    "repeated rows", "rank correlation of `x` and `y`", "share of cluster 3", "classifier's area under the curve",
)  # fmt: skip


def finding(name: str, *, distance: float = 5.0, real: float = 0.3, synthetic: float = 0.0) -> Finding:
    return Finding(
        name=name,
        topic="topic",
        real=real,
        synthetic=synthetic,
        band=(0.9 * real, 1.1 * real),
        distance=distance,
        p_value=0.005,
        found=True,
        sentence="so it is",
    )


@pytest.mark.parametrize("clearest", NAMES)
def test_verdict_names_the_clearest_kinds_and_counts_the_others(clearest: str) -> None:
    findings = [finding(name, distance=40.0 if name == clearest else 5.0 + k) for k, name in enumerate(NAMES)]
    said = verdict([finding(clearest)], size=100).partition(": ")[2].partition(". 1 of")[0]
    told = verdict(findings, size=100)
    assert said in told
    assert told.count(";") == N_HEADLINES
    assert f"; and {len(NAMES) - N_HEADLINES} more kinds. {len(NAMES)} of" in told


def test_verdict_of_few_kinds_names_all() -> None:
    told = verdict([finding(name) for name in NAMES[:N_HEADLINES]], size=100)
    assert told.count(";") == N_HEADLINES - 1
    assert "more kind" not in told


@pytest.fixture(scope="module")
def blobs() -> tuple[Columns, Clusters]:
    """Return rows in eight places, and their clusters."""
    rng = np.random.default_rng(0)
    center = rng.choice([-4.0, 4.0], size=(1600, 3))
    frame = as_frame(pd.DataFrame(center + rng.normal(size=center.shape), columns=list("abc")), name="real")
    (aligned,), _ = align_frames([frame], None)
    real = encode(aligned, infer_schema(aligned, None))
    return real, fit_clusters(real, fit_space(real), seed=0)


def test_lost_clusters_are_apart_and_their_shares_add_up(blobs: tuple[Columns, Clusters]) -> None:
    real, clusters = blobs
    empty = [finding(f"share of cluster {k + 1}") for k in range(len(clusters.members))]
    (lost,) = losses(empty, real, real, clusters)
    assert lost.count < len(empty)
    assert lost.share == pytest.approx(1.0)
    assert lost.examples[0].startswith("cluster 1 ")


@pytest.mark.parametrize(("left", "n_lost"), [(0.0, 1), (0.02, 1), (0.06, 0), (0.2, 0)])
def test_clusters_that_are_thinner_are_not_called_lost(
    blobs: tuple[Columns, Clusters], left: float, n_lost: int
) -> None:
    real, clusters = blobs
    found = losses([finding("share of cluster 1", real=0.33, synthetic=left)], real, real, clusters)
    assert len(found) == n_lost
    assert "there are fewer rows in 1 cluster" in verdict([finding("share of cluster 1", distance=-5.0)], size=100)
