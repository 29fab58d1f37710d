"""What does the audit of texts say of what the last generations write? Its verdict, on the first replicate."""

from __future__ import annotations

import numpy as np

from modelcollapse.decisions.text_audit import compare_with, reference
from modelcollapse.errors import InputError
from modelcollapse.experiments.run_folder import RunFolder
from modelcollapse.experiments.text_data import RealText, documents_needed
from modelcollapse.experiments.text_pools import Documents
from modelcollapse.problems.text_training import TextTraining

N_SPLITS = 39
"""Splits of the real text, fewer than for an audit that stands alone."""


def audits(experiment: TextTraining, text: RealText, *, folder: RunFolder) -> tuple[str, ...]:
    """Return the verdict on what generation 0 has written and on what the last generation of each arm has.

    It is held against real documents that no model of that replicate was trained on, in words; both without what was
    given at their start.
    """
    written = [("generation 0", f"0/{experiment.arms[0].name}/written-by-0")]
    for arm in experiment.arms:
        last = arm.workflow.generations
        written.append((f"generation {last} of {arm.name}", f"0/{arm.name}/written-by-{last}"))
    return tuple(f"audit of what {words} writes: {_verdict(experiment, text, task, folder)}" for words, task in written)


def _verdict(experiment: TextTraining, text: RealText, task: str, folder: RunFolder) -> str:
    """Return the verdict on a written text, found now unless it has been."""
    kept = f"verdicts/{task}"
    outcome = folder.outcome(kept)
    if outcome is None:
        documents = np.asarray(folder.arrays(task)["documents"])
        real = _unseen(experiment, text, 2 * len(documents))
        try:
            held = reference(text.texts(real), n_splits=N_SPLITS, seed=experiment.seed)
            verdict = compare_with(held, text.texts(documents)).verdict
        except InputError as error:  # too little text says nothing against the experiment
            verdict = str(error)
        outcome = folder.finish(kept, {"verdict": verdict})
    return str(outcome["verdict"])


def _unseen(experiment: TextTraining, text: RealText, n: int) -> Documents:
    """Return n real documents that the first replicate trains no model on, or as many as there are.

    Those that judges learn from are taken only where others do not suffice, and held-out ones last.
    """
    spare = text.ordered(experiment.seed, 0)[documents_needed(experiment, learned=text.learned) :]
    return np.concatenate([text.held_out, spare])[-n:]
