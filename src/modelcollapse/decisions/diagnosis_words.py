"""How is a diagnosis put into words? The verdict, and what was not looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelcollapse.decisions.diagnosis import CLEAN, FOUND, NOT_ENOUGH_RUNS, SIGNATURE, Signature
from modelcollapse.digits import share_text
from modelcollapse.estimation.runs import Runs
from modelcollapse.estimation.wording import counted


def verdict(status: str, signatures: Sequence[Signature], level: float) -> str:
    """Say whether past runs show collapse, in a few sentences."""
    looked = [signature for signature in signatures if signature.status != NOT_ENOUGH_RUNS]
    if status == SIGNATURE:
        found = [signature for signature in looked if signature.status == FOUND]
        first = min(found, key=lambda signature: signature.p_value or 0.0)
        named = ", ".join(signature.title.lower() for signature in found)
        return f"{counted(len(found), 'signature')} of collapse: {named}. {first.sentence}"
    if status == CLEAN:
        return (
            f"No signature of collapse: {counted(len(looked), 'signature')} looked for, and none found. Under a clean "
            f"law there is a false alarm in at most {share_text(level)} of such tables."
        )
    return f"Not enough runs to tell. {_nearest(signatures)}"


def _nearest(signatures: Sequence[Signature]) -> str:
    """Return what would be enough to look for the departure from the clean law."""
    (departure,) = [signature for signature in signatures if signature.name == "departure"]
    return f"{departure.title}: {departure.sentence[0].lower()}{departure.sentence[1:]}"


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
