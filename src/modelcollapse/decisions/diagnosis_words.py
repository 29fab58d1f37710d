"""How is a diagnosis put into words? The verdict, and what was not looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelcollapse.decisions.diagnosis import CLEAN, FOUND, NOT_ENOUGH_RUNS, SIGNATURE, Signature
from modelcollapse.estimation.runs import Runs
from modelcollapse.estimation.wording import counted


def verdict(status: str, signatures: Sequence[Signature]) -> str:
    """Say whether past runs show collapse, in one sentence."""
    looked = [signature for signature in signatures if signature.status != NOT_ENOUGH_RUNS]
    if status == SIGNATURE:
        found = [signature for signature in looked if signature.status == FOUND]
        named = ", ".join(signature.title.lower() for signature in found)
        return f"{counted(len(found), 'signature')} of collapse: {named}."
    if status == CLEAN:
        return f"No signature of collapse: {counted(len(looked), 'signature')} looked for, none found."
    return "Not enough runs to tell."


def not_examined(signatures: Sequence[Signature], runs: Runs) -> tuple[str, ...]:
    """Say what was not looked at, and why."""
    words = [
        f"{signature.title}: {signature.sentence[0].lower()}{signature.sentence[1:]}"
        for signature in signatures
        if signature.status == NOT_ENOUGH_RUNS
    ]
    if runs.size is None:
        words.append("Model size: it is not given, so that all runs are taken to have models of one size.")
    elif len(np.unique(runs.size)) == 1:
        words.append("Model size: all runs have models of one size.")
    words.append("Recipe, tokeniser, held-out data: what else differs between runs is not known to the table.")
    return tuple(words)
