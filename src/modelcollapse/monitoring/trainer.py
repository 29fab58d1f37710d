"""Is it happening to me now? A callback of transformers' `Trainer` that looks at what the model in training writes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from transformers import TrainerCallback
from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled
from transformers.trainer_callback import ExportableState

from modelcollapse.checks import fail, integer
from modelcollapse.decisions.text_audit import FEWEST
from modelcollapse.errors import InputError
from modelcollapse.estimation.text_files import BLOCK, Source, read_blocks
from modelcollapse.estimation.token_ids import Vocabulary, read_tokens
from modelcollapse.monitoring.gauge import FEWEST_SAMPLES, Gauge
from modelcollapse.monitoring.reading import Reading
from modelcollapse.monitoring.tail import BandLosses, band_losses
from modelcollapse.monitoring.undisturbed import Tokens, continuations, undisturbed
from modelcollapse.problems.training import Sampling
from modelcollapse.streams import stream
from modelcollapse.training.next_token import token_losses

PROMPT = 8
"""Tokens of real text that each text of the model starts with; they are not measured."""
SCORED = 64
"""Pieces of real text on which the model's losses are measured."""
SCORED_AT_ONCE = 8
"""Pieces that go through the model together, beside what training itself keeps in memory."""
MARGIN = 0.75
"""Words that are measured, as a share of those that as many tokens of real text have."""


class CollapseWarning(UserWarning):
    """A signature of collapse has shown in a model in training."""


class CollapseMonitor(TrainerCallback, ExportableState):  # type: ignore[misc]
    """Looks at a model every so many steps, logs what it sees, and warns of collapse by the name of the signature.

    Each look lets the model write, measures that text against real text (`modelcollapse.monitoring.gauge.Gauge`),
    scores the model on the rarest and commonest tokens of real text, and logs all of it through the Trainer, from where
    it reaches TensorBoard, MLflow or Weights & Biases.

    Parameters
    ----------
    reference : path, or sequence of str
        Real text that the model is not trained on: a file or directory, or documents.
    tokenizer : PreTrainedTokenizerBase
        The model's.
    every : int
        Steps from one look to the next. The model is also looked at before the first step.
    n_samples : int
        Texts that the model writes at each look, at least 16.
    max_new_tokens : int
        Tokens of each of them.
    sampling : Sampling, optional
        How it writes; default: from its plain next-token law. With one that is sharpened or cut, text is narrower than
        real text from the first look on, and only what is lost beyond that is warned of.
    tokens : str
        What is measured of its text: ``"words"``, ``"characters"``, or the file of a tokenizer.
    seed : int

    Attributes
    ----------
    readings : list of Reading
        One for each look.

    Raises
    ------
    InputError
        When the reference cannot be read or is too short, there is no tokenizer, or a number is out of range.

    Notes
    -----
    Training goes on as if nobody had looked: modes of modules, PyTorch's random numbers, gradients and the log of the
    same step are as they would be without. In a run of several processes the first one looks and the others wait at
    their next exchange; models whose weights are spread over processes cannot be looked at so, and are refused. What
    has been seen is part of the Trainer's checkpoints.

    Examples
    --------
    ::

        monitor = CollapseMonitor("held_out.txt", tokenizer=tokenizer, every=500)
        monitor.attach(trainer)
        trainer.train()
    """

    def __init__(
        self,
        reference: Source,
        *,
        tokenizer: Any,
        every: int,
        n_samples: int = 64,
        max_new_tokens: int = 128,
        sampling: Sampling | None = None,
        tokens: str = "words",
        seed: int = 0,
    ) -> None:
        if isinstance(reference, str) and not reference:
            raise fail("reference", reference, "a file or folder of real text, or a list of texts")
        if not callable(getattr(tokenizer, "encode", None)) or not callable(getattr(tokenizer, "decode", None)):
            raise fail("tokenizer", tokenizer, "the model's tokenizer, with `encode` and `decode`")
        self._tokenizer, self._sampling, self._seed = tokenizer, sampling or Sampling(), seed
        self._every = integer("every", every, low=1)
        self._n_samples = integer("n_samples", n_samples, low=FEWEST_SAMPLES)
        self._n_new = integer("max_new_tokens", max_new_tokens, low=1)
        self._ids, share = self._read(reference, tokens)
        n_tokens = int(MARGIN * share * n_samples * max_new_tokens)
        if n_tokens < FEWEST:
            raise InputError(
                f"{n_samples} samples of {max_new_tokens} tokens hold about {n_tokens:,} {tokens}; a look needs "
                f"{FEWEST:,}. Give a larger `n_samples` or `max_new_tokens`."
            )
        self._gauge = Gauge(reference, n_samples=n_samples, n_tokens=n_tokens, tokens=tokens, seed=seed)
        self._trainer: Any = None
        self._warned: set[str] = set()

    @property
    def readings(self) -> list[Reading]:
        """One for each look, in order."""
        return self._gauge.readings

    def attach(self, trainer: Any) -> None:
        """Look at the model of a Trainer while it trains, and log through it.

        A callback is not told which Trainer calls it, and reports to TensorBoard and others go through the Trainer:
        hence this way, and not the Trainer's argument `callbacks`.
        """
        self._trainer = trainer
        if self not in trainer.callback_handler.callbacks:
            trainer.add_callback(self)

    def state(self) -> dict[str, Any]:
        """Return what the Trainer keeps in its checkpoints; see `transformers.trainer_callback.ExportableState`."""
        return {"args": {}, "attributes": {"seen": self._gauge.state()}}

    def on_train_begin(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        """Look at the model before its first step, or go on from a checkpoint."""
        if self._trainer is None:
            raise InputError(
                "the monitor does not know its Trainer, through which it logs. Call `monitor.attach(trainer)` instead "
                "of handing it over as one of `callbacks`."
            )
        if getattr(args, "fsdp", None) or is_deepspeed_zero3_enabled():
            raise InputError(
                "the monitor cannot look at a model whose weights are spread over processes (FSDP, ZeRO stage 3). Look "
                "at its checkpoints with `modelcollapse.monitoring.gauge.Gauge`."
            )
        if not state.is_world_process_zero:
            return
        kept = (state.stateful_callbacks or {}).get(type(self).__name__) if state.global_step else None
        self._gauge.restore(kept["attributes"]["seen"] if kept else {"readings": [], "losses_then": None})
        self._warned = {name for reading in self.readings for name in reading.warnings}
        if not self.readings:
            self._look(objects["model"], state.global_step, control)

    def on_step_end(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        """Look at the model when it is time."""
        if state.is_world_process_zero and state.global_step % self._every == 0:
            self._look(objects["model"], state.global_step, control)

    def on_train_end(self, args: Any, state: Any, control: Any, **objects: Any) -> None:
        """Say so when nothing could be said."""
        if self.readings and not any(reading.distance is not None for reading in self.readings):
            most = max(reading.n_tokens for reading in self.readings)
            warnings.warn(
                f"the model never wrote enough to be measured: {most:,} tokens at most, and a look needs "
                f"{self._gauge.n_tokens:,}. Give a larger `n_samples` or `max_new_tokens`.",
                CollapseWarning,
                stacklevel=2,
            )

    def _look(self, model: Any, step: int, control: Any) -> None:
        """Let the model write, measure, log and warn."""
        random = stream(self._seed, "monitor", step)
        with undisturbed(model, random) as place:
            prompts = self._pieces("prompts", self._n_samples, PROMPT)
            ids = continuations(model, prompts, n_new=self._n_new, sampling=self._sampling, random=random, place=place)
            losses = self._losses(model, place)
        reading = self._gauge.look([self._whole_words(row) for row in ids], step=step, losses=losses)
        should_log = control.should_log  # logging resets what another callback has asked for at this step
        self._trainer.log(reading.numbers)
        control.should_log = should_log
        self._warn(reading)

    def _losses(self, model: Any, place: Any) -> BandLosses:
        """Score the model on real text."""
        length = 1 + min(self._n_new + PROMPT, len(self._ids) // SCORED - 1)
        pieces = self._pieces("scored", SCORED, length)
        losses = [token_losses(model, few, place=place) for few in np.array_split(pieces, SCORED // SCORED_AT_ONCE)]
        return band_losses(np.concatenate(losses), tokens=pieces[:, 1:])

    def _pieces(self, name: str, n: int, length: int) -> Tokens:
        """Return pieces of real text from anywhere, the same whenever asked for."""
        starts = stream(self._seed, name).integers(len(self._ids) - length + 1, size=n)
        return np.asarray(self._ids[starts[:, None] + np.arange(length)])

    def _whole_words(self, ids: Tokens) -> str:
        """Return what the model wrote after its prompt, without the words that the prompt and the end cut through."""
        before, text = (
            str(self._tokenizer.decode(part.tolist(), skip_special_tokens=True, clean_up_tokenization_spaces=False))
            for part in (ids[:PROMPT], ids)
        )
        text = text[len(before) :]
        first, last = _first_space(text), _first_space(text[::-1])
        return text[first : len(text) - last]

    def _warn(self, reading: Reading) -> None:
        """Warn of each signature once."""
        for name, sentence in zip(reading.warnings, reading.sentences, strict=True):
            if name not in self._warned:
                self._warned.add(name)
                warnings.warn(f"step {reading.step:,}: {sentence}.", CollapseWarning, stacklevel=2)

    def _read(self, reference: Source, tokens: str) -> tuple[Tokens, float]:
        """Return real text in the model's tokens, and how many of what is measured stand in one of them."""
        documents = list(_documents(reference))
        found = [self._tokenizer.encode(text, add_special_tokens=False) for text in documents]
        ids = np.concatenate([np.asarray(each, dtype=np.int64) for each in found] or [np.zeros(0, dtype=np.int64)])
        least = SCORED * (PROMPT + 2)
        if len(ids) < least:
            raise InputError(f"too little real text: {len(ids):,} tokens; a monitor needs at least {least:,}.")
        measured = read_tokens(documents, tokens=tokens, vocabulary=Vocabulary()).ids
        return ids, len(measured) / len(ids)


def _documents(reference: Source) -> Iterator[str]:
    """Yield real text until there are 4 MB of it."""
    held = 0
    for block in read_blocks(reference):
        for piece in block.pieces:
            yield piece.decode()
            held += len(piece)
            if held >= BLOCK:
                return


def _first_space(text: str) -> int:
    """Return where the first white space of a text is; its length when there is none."""
    return 0 if not text or text[0].isspace() else len(text.split(maxsplit=1)[0])
