"""How is one model of a text experiment trained, and how does it write? Each as a task that is done once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.experiments.progress import told, writing_words
from modelcollapse.experiments.run_folder import RunFolder
from modelcollapse.experiments.text_data import N_JUDGED, RealText
from modelcollapse.experiments.text_measures import Yardstick, document_losses, measured, written_measures, yardstick
from modelcollapse.experiments.text_pools import Documents, Pool
from modelcollapse.experiments.text_writing import write_documents
from modelcollapse.problems.text_training import TextCuration, TextTraining
from modelcollapse.problems.training import Transformer
from modelcollapse.streams import stream
from modelcollapse.training.checkpoints import read_weights
from modelcollapse.training.curation import NgramClassifier, best, detector_weights, drawn_by_weight
from modelcollapse.training.documents import epochs
from modelcollapse.training.gpt import build_gpt
from modelcollapse.training.loop import train
from modelcollapse.training.next_token import NextToken
from modelcollapse.training.place import Place
from modelcollapse.training.recipes import adamw

if TYPE_CHECKING:
    from modelcollapse.experiments.kinds import Watch

SHOWN_DOCUMENTS = 20
"""Written documents that are kept for people to read."""


class Models:
    """Trains the models of a text experiment, has them write, and measures both.

    Parameters
    ----------
    experiment : TextTraining
    text : RealText
    folder : RunFolder
    place : Place
    watch : callable
    total : int
        Models that the experiment has.
    """

    def __init__(
        self,
        experiment: TextTraining,
        text: RealText,
        *,
        folder: RunFolder,
        place: Place,
        watch: Watch,
        total: int,
    ) -> None:
        self.experiment, self.text = experiment, text
        self._folder, self._place, self._watch, self._total = folder, place, watch, total
        self._on: Yardstick = yardstick(text)
        self._done = 0

    def trained(
        self, task: str, pool: Pool, *, size: Transformer, names: tuple[str | int, ...], writes: bool = True
    ) -> dict[str, Any]:
        """Return what was measured on a model, which is trained now unless it has been.

        Parameters
        ----------
        task : str
        pool : Pool
            Documents that it is trained on.
        size : Transformer
        names : tuple
            Of the streams that its first weights and its batches are drawn from.
        writes : bool
            Whether it is to write later: its weights are kept then.
        """
        outcome = self._folder.outcome(task)
        if outcome is None:
            outcome = self._train(task, pool, size=size, names=names, writes=writes)
        self._done += 1
        values: dict[str, Any] = outcome["values"]
        return values

    def _train(
        self, task: str, pool: Pool, *, size: Transformer, names: tuple[str | int, ...], writes: bool
    ) -> dict[str, Any]:
        experiment, seed = self.experiment, self.experiment.seed
        plan = experiment.optimisation
        model = build_gpt(size, n_tokens=self.text.tokeniser.n_tokens, random=stream(seed, *names, "weights"))
        objective = NextToken(
            epochs(pool.documents, batch_size=plan.batch_size, seed=seed, names=names),
            shape=(plan.batch_size, size.context),
            place=self._place,
            n_given=experiment.n_prompt,
            dropout_seed=int(stream(seed, *names, "dropout").integers(2**31)) if size.dropout else None,
        )
        losses = train(
            model,
            objective,
            recipe=adamw(plan),
            place=self._place,
            checkpoints=self._folder.checkpoints(task),
            report=told(self._watch, task, done=self._done, total=self._total),
        )
        values, laws = measured(model, self._on, place=self._place)
        values |= {"real_share": float(pool.real.mean()), "n_documents": len(pool.documents)}
        outcome = {"values": values, "training_losses": losses}
        weights = model.state_dict() if writes else None
        return self._folder.finish(task, outcome, arrays={"laws": laws.astype(np.float32)}, weights=weights)

    def laws(self, task: str) -> Array:
        """Return the next-token laws of a trained model, (n_contexts, n_tokens)."""
        return np.asarray(self._folder.arrays(task)["laws"], dtype=np.float64)

    def written(
        self,
        task: str,
        *,
        by: str,
        prompts: Documents,
        n: int,
        names: tuple[str | int, ...],
        judge: Judge | None = None,
    ) -> tuple[Documents, dict[str, Any]]:
        """Return documents that a model has written, which it does now unless it has, and how wide they are.

        Parameters
        ----------
        task : str
        by : str
            Task of the model.
        prompts : int array, (n_documents, at least n_prompt)
            Real documents, whose first tokens are continued; taken again from the first where they do not suffice.
        n : int
        names : tuple
            Of the stream.
        judge : Judge, optional
            Keeps n of more.
        """
        outcome = self._folder.outcome(task)
        if outcome is None:
            self._watch(f"{by} writes", share=self._done / self._total)
            n_written = n if judge is None else judge.n_written(n)
            documents = self._write(task, prompts, by=by, n=n_written, names=names)
            if judge is not None:
                documents = judge.kept(documents, n)
            texts = self.text.texts(documents)
            outcome = written_measures(texts[: self.text.n_compared], self.text.compared)
            self._folder.write_text(task, "\n\n".join(texts[:SHOWN_DOCUMENTS]) + "\n")
            outcome = self._folder.finish(task, outcome, arrays={"documents": documents})
        return np.asarray(self._folder.arrays(task)["documents"]), outcome

    def _model(self, task: str) -> Any:
        """Return a trained model of the experiment's size."""
        model = build_gpt(self.experiment.model, n_tokens=self.text.tokeniser.n_tokens, random=stream(0, "overwritten"))
        model.load_state_dict(read_weights(self._folder.weights_file(task)))
        return model.to(self._place.device)

    def _write(self, task: str, prompts: Documents, *, by: str, n: int, names: tuple[str | int, ...]) -> Documents:
        n_prompt = self.experiment.n_prompt
        n_new = self.experiment.model.context - n_prompt

        def report(written: int, rate: float) -> None:
            words = writing_words(by, written=written, total=n, length=n_new, rate=rate)
            self._watch(words, share=self._done / self._total)

        return write_documents(
            self._model(by),
            prompts[np.arange(n) % len(prompts), :n_prompt],
            n_new=n_new,
            sampling=self.experiment.sampling,
            random=stream(self.experiment.seed, *names),
            place=self._place,
            checkpoints=self._folder.checkpoints(task),
            report=report,
        )

    def judge(self, curation: TextCuration, *, replicate: int, generation_0: str, spare: Documents) -> Judge:
        """Return the judge of a curation, which learns from generation 0 and spare real documents.

        Parameters
        ----------
        curation : TextCuration
        replicate : int
        generation_0 : str
            Task of that model.
        spare : int array, (n_documents, context)
            Real documents that no model is trained on; not looked at by perplexity.
        """
        if curation.kind == "perplexity":
            model = self._model(generation_0)

            def likelihood(documents: Documents) -> Array:
                return -document_losses(model, documents, n_prompt=self.text.n_prompt, place=self._place)

            return Judge(curation, likelihood)
        real = spare[:N_JUDGED]
        task = f"{replicate}/written-to-judge"
        written, _ = self.written(
            task, by=generation_0, prompts=real, n=len(real), names=("written to judge", replicate)
        )
        classifier = NgramClassifier(self.text.texts(real), self.text.texts(written))
        return Judge(curation, lambda documents: 1 - classifier.machine(self.text.texts(documents)))


class Judge:
    """What a curation does with documents, given what its judge thinks of them.

    Parameters
    ----------
    curation : TextCuration
    score : callable
        Higher for better documents, (n_documents,); for a detector the probability of being human.
    """

    def __init__(self, curation: TextCuration, score: Callable[[Documents], Array]) -> None:
        self._curation, self._score = curation, score

    @property
    def weighs(self) -> bool:
        """Whether pools are drawn anew, rather than written documents kept."""
        return self._curation.kind == "detector"

    def n_written(self, n: int) -> int:
        """Return how many documents must be written for n to be kept."""
        return n if self.weighs else round(n / float(self._curation.kept_share or 1))

    def kept(self, documents: Documents, n: int) -> Documents:
        """Return n of the written documents: the best ones, or all where it weighs pools."""
        return documents if self.weighs else documents[best(self._score(documents), n)]

    def drawn(self, pool: Pool, *, random: np.random.Generator) -> Pool:
        """Return a pool as large, drawn anew by weight; the same where it keeps written documents."""
        if not self.weighs:
            return pool
        weights = detector_weights(1 - self._score(pool.documents), power=float(self._curation.power or 0))
        return pool[drawn_by_weight(weights, len(weights), random=random)]
