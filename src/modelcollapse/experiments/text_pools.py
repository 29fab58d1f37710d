"""What is each generation of a recursion trained on? Real documents and written ones, by the words of the workflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.problems.resampling import Resampling

Documents = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pool:
    """Documents to train on.

    Attributes
    ----------
    documents : int array, (n_documents, length)
    real : bool array, (n_documents,)
        Which of them are real.
    """

    documents: Documents
    real: NDArray[np.bool_]

    def __getitem__(self, rows: NDArray[np.intp]) -> Pool:
        """Return some of the documents."""
        return Pool(self.documents[rows], self.real[rows])


def n_documents(n_tokens: int, *, learned: int) -> int:
    """Return how many documents hold a number of learned tokens, to the nearest, at least one."""
    return max(1, round(n_tokens / learned))


def student_documents(n_tokens: int, synthetic_fraction: float, *, learned: int) -> tuple[int, int]:
    """Return how many real and how many written documents a student learns: as many together at any fraction.

    Examples
    --------
    >>> student_documents(100, 0.5, learned=20)
    (3, 2)
    """
    n_all = n_documents(n_tokens, learned=learned)
    n_written = round(synthetic_fraction * n_all)
    return n_all - n_written, n_written


def in_documents(workflow: Resampling, *, learned: int) -> Resampling:
    """Return a workflow that counts tokens as one that counts documents of `learned` tokens."""
    counts: dict[str, Any] = {
        name: n_documents(value, learned=learned)
        for name in ("n_samples", "n_first", "n_real", "subsample")
        if (value := getattr(workflow, name)) is not None
    }
    if "subsample" in counts:
        counts["subsample"] = min(counts["subsample"], counts["n_first"] + counts["n_samples"])
    return replace(workflow, **counts)


def n_real_needed(workflow: Resampling) -> int:
    """Return how many real documents all generations of a workflow take, which counts documents."""
    fresh = workflow.generations * (workflow.n_real or 0) if workflow.real == "fresh" else 0
    return int(workflow.n_first or 0) + fresh


def pool_of(
    workflow: Resampling,
    generation: int,
    *,
    real: Documents,
    written: Sequence[Documents],
    random: np.random.Generator,
) -> Pool:
    """Return what a generation is trained on.

    Parameters
    ----------
    workflow : Resampling
        Counts documents.
    generation : int
    real : int array, (n_documents, length)
        At least `n_real_needed`.
    written : sequence of int arrays
        Entry t − 1: what the model of generation t − 1 wrote for generation t; at least up to this generation.
    random : numpy Generator
        Of the subsample.
    """
    first = real[: workflow.n_first]
    if generation == 0:
        return pooled(first, [])
    if workflow.kind == "replace":
        return pooled(real[:0], written[generation - 1 : generation])
    if workflow.kind == "mix":
        n_real = int(workflow.n_real or 0)
        start = 0 if workflow.real == "reused" else int(workflow.n_first or 0) + (generation - 1) * n_real
        return pooled(real[start : start + n_real], written[generation - 1 : generation])
    pool = pooled(first, written[:generation])
    if workflow.kind == "accumulate":
        return pool
    return pool[random.choice(len(pool.documents), size=workflow.subsample, replace=False)]


def pooled(real: Documents, written: Sequence[Documents]) -> Pool:
    """Return real documents, and written ones after them, as one pool."""
    documents = np.concatenate([real, *written]) if written else real
    return Pool(documents, np.arange(len(documents)) < len(real))
