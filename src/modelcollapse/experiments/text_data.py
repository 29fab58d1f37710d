"""Which real text is trained on, and which is held out? Documents of tokens, cut so that the two never overlap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from modelcollapse.errors import InputError, MissingExtraError
from modelcollapse.estimation.text_files import read_blocks
from modelcollapse.experiments.text_pools import Documents, in_documents, n_documents, n_real_needed, student_documents
from modelcollapse.problems.text_training import TextTraining
from modelcollapse.streams import stream
from modelcollapse.training.documents import documents_of
from modelcollapse.training.grammar import Grammar
from modelcollapse.training.tokens import Tokeniser, tokeniser_of

N_HELD_OUT_STRETCHES = 5
"""Stretches of the text that are held out; as many times more as the held-out share asks for are trained on."""
MOST_HELD_OUT = 1000
"""Held-out documents that models are measured on."""
FEWEST_HELD_OUT = 8
N_JUDGED = 500
"""Real documents that judges learn from, and no model: as many as there are, up to this number."""
FEWEST_JUDGED = 20
_GRAMMAR_CHARACTERS = {"characters": 1.0, "bytes": 1.0, "pairs": 8.0}
"""Characters in a token of the grammar's text, rather too many."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RealText:
    """The real text of an experiment.

    Attributes
    ----------
    training, held_out : int arrays, (n_documents, context)
    tokeniser : Tokeniser
        Of the training part.
    n_prompt : int
        First tokens of a document, which are given.
    n_compared : int
        Documents on which the width of what is written is told: as many as all have, written and real ones.
    n_parts : int
        Parts of the training documents, one for each replicate, where text can be had without end; one that all
        replicates draw from otherwise.
    entropy_rate : float, optional
        Of the law of the text in nats a character, where it is known.
    """

    training: Documents
    held_out: Documents
    tokeniser: Tokeniser
    n_prompt: int
    n_compared: int
    n_parts: int = 1
    entropy_rate: float | None = None

    @property
    def learned(self) -> int:
        """Tokens of a document that are learned."""
        return int(self.training.shape[1]) - self.n_prompt

    @property
    def compared(self) -> list[str]:
        """Return the held-out documents against which the width of others is told."""
        return self.texts(self.held_out[: self.n_compared])

    def texts(self, documents: Documents) -> list[str]:
        """Return documents for people to read, without their prompts."""
        return [self.tokeniser.decode(ids) for ids in documents[:, self.n_prompt :]]

    def ordered(self, seed: int, replicate: int) -> Documents:
        """Return the training documents of a replicate in the order in which it takes them."""
        own = self.training[replicate % self.n_parts :: self.n_parts]
        return own[stream(seed, "real documents", replicate).permutation(len(own))]


def real_text(experiment: TextTraining) -> RealText:
    """Read or write the real text, hold some out, and find the tokens of the rest.

    Raises
    ------
    InputError
        When there is too little of it, or it cannot be read.
    MissingExtraError
        When a data set is named and `datasets` is not installed.
    """
    learned = experiment.model.context - experiment.n_prompt
    needed = documents_needed(experiment, learned=learned)
    endless = not experiment.text and experiment.dataset is None
    n_parts = experiment.n_replicates if endless else 1
    if endless:
        text = _text_of_grammar(experiment, needed)
    else:
        text = _text_of_dataset(experiment) if experiment.dataset is not None else _text_of_files(experiment)
    stretches = split(text, held_out=experiment.held_out, seed=experiment.seed)
    tokeniser = tokeniser_of(experiment.tokens, stretches[0], vocabulary_size=experiment.vocabulary_size)
    parts = [
        np.concatenate(
            [
                documents_of(tokeniser.encode(one), length=experiment.model.context, n_prompt=experiment.n_prompt)
                for one in part
            ]
        )
        for part in stretches
    ]
    held_out = parts[1][stream(experiment.seed, "held-out documents").permutation(len(parts[1]))[:MOST_HELD_OUT]]
    n_written = [n_documents(arm.workflow.n_samples, learned=learned) for arm in experiment.arms]
    found = RealText(
        training=parts[0],
        held_out=held_out,
        n_compared=min(len(parts[0]) // n_parts, len(held_out), *n_written),
        n_parts=n_parts,
        tokeniser=tokeniser,
        n_prompt=experiment.n_prompt,
        entropy_rate=Grammar().entropy_rate if endless else None,
    )
    _require(found, needed)
    return found


def split(text: str, *, held_out: float, seed: int) -> tuple[list[str], list[str]]:
    """Cut a text into equal stretches, and hold some of them out, drawn at random.

    Returns
    -------
    training, held_out : list of str
        In the order of the text.
    """
    n_stretches = math.ceil(N_HELD_OUT_STRETCHES / held_out)
    places = np.linspace(0, len(text), n_stretches + 1).astype(int)
    stretches = [text[start:end] for start, end in pairwise(places)]
    chosen = set(stream(seed, "held out").permutation(n_stretches)[:N_HELD_OUT_STRETCHES].tolist())
    training = [stretch for number, stretch in enumerate(stretches) if number not in chosen]
    return training, [stretch for number, stretch in enumerate(stretches) if number in chosen]


def documents_needed(experiment: TextTraining, *, learned: int) -> int:
    """Return how many real training documents an experiment takes, without those that judges learn from."""
    needed = [n_documents(experiment.n_real, learned=learned)]
    needed += [n_real_needed(in_documents(arm.workflow, learned=learned)) for arm in experiment.arms]
    if experiment.mixtures is not None:
        settings = product(experiment.mixtures.n_tokens, experiment.mixtures.synthetic_fractions)
        needed += [student_documents(*setting, learned=learned)[0] for setting in settings]
    return max(needed)


def _require(text: RealText, needed: int) -> None:
    """Refuse a text that is too short."""
    if len(text.training) // text.n_parts < needed:
        raise InputError(
            f"too little real text: {len(text.training) * text.learned:,} tokens to train on, and the experiment takes "
            f"{needed * text.learned:,}. Give more text, or lower `n_real` and what arms and mixtures take."
        )
    if len(text.held_out) < FEWEST_HELD_OUT:
        raise InputError(
            f"too little real text: only {len(text.held_out)} documents of {text.training.shape[1]} tokens are held "
            f"out, and it takes {FEWEST_HELD_OUT}. Give more text, a larger `held_out` or a shorter `context`."
        )


def _text_of_files(experiment: TextTraining) -> str:
    """Return the documents of all files, one after another."""
    pieces: list[str] = []
    for path in experiment.text:
        for block in read_blocks(path, column=experiment.column):
            for piece, starts in zip(block.pieces, block.starts, strict=True):
                pieces.append(("\n" if starts and pieces else "") + piece.decode())
    return "".join(pieces)


def _text_of_dataset(experiment: TextTraining) -> str:
    """Return the texts of a data set's training part, one after another."""
    try:
        import datasets
    except ImportError:
        command = "pip install 'modelcollapse[datasets]'"
        raise MissingExtraError(f"`dataset` needs the `datasets` library: {command}") from None
    try:
        found = datasets.load_dataset(experiment.dataset, experiment.subset, split="train")
    except Exception as error:  # the library raises errors of many unrelated classes
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"`dataset` = {experiment.dataset} cannot be loaded ({reason}). Give `text` files.") from None
    if experiment.column not in found.column_names:
        raise InputError(f"`dataset` = {experiment.dataset} has no column `{experiment.column}`. Name its `column`.")
    return "\n".join(text for text in found[experiment.column] if text)


def _text_of_grammar(experiment: TextTraining, needed: int) -> str:
    """Return as much text of the grammar as all replicates take, each documents of its own, and what is held out.

    Beside what a replicate trains on there is what its judges learn from, and what the audit holds its texts against.
    """
    learned = experiment.model.context - experiment.n_prompt
    context = experiment.model.context
    judged = N_JUDGED if any(arm.curation is not None for arm in experiment.arms) else 0
    audited = 2 * max((n_documents(arm.workflow.n_samples, learned=learned) for arm in experiment.arms), default=0)
    n_tokens = experiment.n_replicates * (needed + judged + audited + 1) * learned
    n_training = n_tokens * _GRAMMAR_CHARACTERS[experiment.tokens]
    least = 2 * FEWEST_HELD_OUT * context * _GRAMMAR_CHARACTERS[experiment.tokens] / experiment.held_out
    n_stretches = math.ceil(N_HELD_OUT_STRETCHES / experiment.held_out)
    lost_at_ends = n_stretches * context * _GRAMMAR_CHARACTERS[experiment.tokens]
    n_characters = max(n_training / (1 - experiment.held_out), least) + lost_at_ends
    return Grammar().text(math.ceil(n_characters), random=stream(experiment.seed, "grammar"))
