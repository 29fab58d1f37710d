"""How does a model write a whole data set? Some documents at a time, going on where it was stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from modelcollapse.experiments.text_pools import Documents
from modelcollapse.problems.training import Sampling
from modelcollapse.training.checkpoints import Checkpoints
from modelcollapse.training.place import Place
from modelcollapse.training.writing import write

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel

AT_ONCE = 128
"""Documents that are written together."""


def write_documents(
    model: GPT2LMHeadModel,
    starts: Documents,
    *,
    n_new: int,
    sampling: Sampling,
    random: np.random.Generator,
    place: Place,
    checkpoints: Checkpoints,
    report: Callable[[int, float], None],
) -> Documents:
    """Continue the starts of documents; one that was stopped and goes on ends with the same documents.

    Parameters
    ----------
    model : GPT2LMHeadModel
        On the device of `place`.
    starts : int array, (n_documents, n_prompt)
    n_new : int
        Tokens to add to each.
    sampling : Sampling
    random : numpy Generator
    place : Place
    checkpoints : Checkpoints
        Where documents are kept until all are written, and found.
    report : callable
        Called now and then with the number of documents that are written and the tokens a second, by the first process.

    Returns
    -------
    int array, (n_documents, n_prompt + n_new)

    Raises
    ------
    CheckpointError
        When a checkpoint cannot be written or read.
    """
    found = checkpoints.latest()
    place.wait()  # nobody writes the next before everybody has read this one
    n_done, parts = (0, []) if found is None else (found[0], [found[1]["documents"].numpy().astype(np.int64)])
    began = n_done
    started = shown = time.monotonic()
    for first in range(0, len(starts), AT_ONCE):
        if first < began:
            place.generator(random)  # drawn as it was, so that what follows is as it would have been
            continue
        batch = starts[first : first + AT_ONCE]
        parts.append(write(model, batch, n_new=n_new, sampling=sampling, random=random, place=place))
        n_done = first + len(batch)
        now = time.monotonic()
        if place.is_main and (now - shown > 1 or n_done == len(starts)):
            shown = now
            report(n_done, (n_done - began) * n_new / max(now - started, 1e-9))
        if place.is_main and n_done < len(starts) and checkpoints.due:
            checkpoints.save(n_done, {"documents": torch.from_numpy(np.concatenate(parts).astype(np.int32))})
    return np.concatenate(parts)
