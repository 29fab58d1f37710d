"""Which language models are trained on which text? Students on mixtures, and recursions over generations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelcollapse.checks import choice, fail, integer, number
from modelcollapse.errors import InputError
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.training import Optimisation, Sampling, Transformer
from modelcollapse.problems.workflow import KINDS as WORKFLOWS

TOKENS = ("characters", "bytes", "pairs")
"""What a token is: a character, a byte of UTF-8, or a byte-pair encoding trained on the real training text."""

CURATIONS = ("perplexity", "classifier", "detector")
"""
How written documents are curated; all judges learn once, from generation 0 and real documents.

perplexity: more are written than needed, and those that generation 0 finds likeliest are kept.
classifier: the same, and those that a classifier of n-grams takes most for real are kept.
detector: all documents that a generation might be trained on, real ones too, are drawn anew with weights (1 − c)^power,
c the probability of being written by a model that the classifier gives.
"""


@dataclass(frozen=True, kw_only=True)
class TextCuration:
    """A judge of the documents that models write.

    Parameters
    ----------
    kind : str
        One of `CURATIONS`.
    kept_share : float, optional
        In (0, 1]: share of the written documents that is kept. Needed by perplexity and classifier, and by nothing
        else.
    power : float, optional
        b of the weights (1 − c)^b, above 0. Needed by detector, and by nothing else.

    Raises
    ------
    InputError
        When a value is unknown or out of range, or does not go with the kind.

    References
    ----------
    Drayson, Yilmaz and Lampos (2025), arXiv 2502.15654: detector, with power 10.
    """

    kind: str
    kept_share: float | None = None
    power: float | None = None

    def __post_init__(self) -> None:
        choice("kind", self.kind, CURATIONS)
        needed, other = ("power", "kept_share") if self.kind == "detector" else ("kept_share", "power")
        if getattr(self, other) is not None:
            raise fail(other, getattr(self, other), f"left out with `{self.kind}`")
        high = 1.0 if needed == "kept_share" else 1000.0
        object.__setattr__(self, needed, number(needed, getattr(self, needed), low=0, high=high, open_low=True))


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One recursion: models that are trained, one generation after another, on what those before have written.

    Parameters
    ----------
    workflow : Resampling
        What each generation is trained on; samples are tokens that are learned, rounded to whole documents. Its kind is
        one of the four words of `modelcollapse.problems.workflow`.
    curation : TextCuration, optional
    name : str
        Default: the kind of the workflow, and that of the curation.

    Raises
    ------
    InputError
        When the workflow is of another kind, or the name cannot be that of a folder.
    """

    workflow: Resampling
    curation: TextCuration | None = None
    name: str = ""

    def __post_init__(self) -> None:
        choice("workflow.kind", self.workflow.kind, WORKFLOWS)
        own = self.workflow.kind + ("" if self.curation is None else f"-{self.curation.kind}")
        object.__setattr__(self, "name", self.name or own)
        if not all(each.isalnum() or each in "-_." for each in self.name) or self.name.startswith("."):
            raise fail("name", self.name, "made of letters, digits, `-`, `_` and `.`")


@dataclass(frozen=True, kw_only=True)
class TextMixtures:
    """Students that are trained on real text and on text that generation 0 has written.

    Every student takes its real tokens from the start of the same row of real documents, which begins with those that
    generation 0 was trained on, and its synthetic tokens from the start of the same row of written ones.

    Parameters
    ----------
    synthetic_fractions : sequence of float
        In [0, 1].
    n_tokens : sequence of int
        Learned tokens of the whole training set.
    students : sequence of Transformer
        Default: the size of the generator.

    Raises
    ------
    InputError
        When a list is empty or a value out of range.
    """

    synthetic_fractions: tuple[float, ...]
    n_tokens: tuple[int, ...]
    students: tuple[Transformer, ...] = ()

    def __post_init__(self) -> None:
        for name in ("synthetic_fractions", "n_tokens"):
            if not isinstance(getattr(self, name), tuple) or not getattr(self, name):
                raise fail(name, getattr(self, name), "a list with at least one number")
        fractions = tuple(number("synthetic_fractions", each, low=0, high=1) for each in self.synthetic_fractions)
        object.__setattr__(self, "synthetic_fractions", fractions)
        object.__setattr__(self, "n_tokens", tuple(integer("n_tokens", each, low=1) for each in self.n_tokens))
        for name in ("synthetic_fractions", "n_tokens"):
            known = [f"{each:.6g}" if isinstance(each, float) else each for each in getattr(self, name)]
            if twice := [each for each in known if known.count(each) > 1]:
                raise InputError(f"`{name}` has {twice[0]} twice. Leave one of them out.")


@dataclass(frozen=True, kw_only=True)
class TextTraining:
    """An experiment with language models: recursions that share generation 0, students on mixtures, or both.

    Documents are stretches of text as long as the model's context. Their first tokens are given and never learned; a
    model continues the first tokens of real documents, and nothing else of these reaches what it writes.

    Parameters
    ----------
    n_real : int
        Tokens that generation 0 learns, rounded to whole documents.
    model : Transformer
        Every generation, each trained from scratch.
    optimisation : Optimisation
        Of every model, also of students: the same steps whatever the amount of data.
    sampling : Sampling
        How models write.
    text : path or sequence of paths
        Files of text. Left out: text of a grammar, see `modelcollapse.training.grammar`.
    dataset, subset : str, optional
        In place of files, the name of a data set that `datasets` can load, and of a part of it.
    column : str
        Where JSON lines, tables and data sets hold the text.
    tokens : str
        One of `TOKENS`.
    vocabulary_size : int, optional
        Needed by pairs, and by nothing else; at least 257.
    n_prompt : int
        First tokens of a document that are given; at least 1, fewer than the context.
    held_out : float
        Share of the real text, in whole stretches, that no model is trained on; in (0, 0.5].
    arms : sequence of Arm
    mixtures : TextMixtures, optional
    n_replicates : int
        Each with its own first weights, batches and written text, and real documents in an order of its own; of the
        grammar, documents of its own. Standard errors know nothing of documents that replicates have in common.
    seed : int

    Raises
    ------
    InputError
        When a value is out of range, or values contradict each other.
    """

    n_real: int
    model: Transformer
    optimisation: Optimisation
    sampling: Sampling
    text: tuple[Path, ...] = ()
    dataset: str | None = None
    subset: str | None = None
    column: str = "text"
    tokens: str = "characters"
    vocabulary_size: int | None = None
    n_prompt: int = 1
    held_out: float = 0.1
    arms: tuple[Arm, ...] = ()
    mixtures: TextMixtures | None = None
    n_replicates: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (("n_real", 1, None), ("n_replicates", 1, 1000), ("seed", 0, None),
                                ("n_prompt", 1, self.model.context - 1)):  # fmt: skip
            object.__setattr__(self, name, integer(name, getattr(self, name), low=low, high=high))
        object.__setattr__(self, "held_out", number("held_out", self.held_out, low=0, high=0.5, open_low=True))
        self._check_text()
        self._check_arms()
        self._check_students()

    def _check_text(self) -> None:
        """Check what the text is and what its tokens are."""
        given: Any = self.text
        paths = (given,) if isinstance(given, str | Path) else given
        if not isinstance(paths, tuple) or not all(isinstance(each, str | Path) for each in paths):
            raise fail("text", self.text, "the name of a file of text, or a list of names")
        object.__setattr__(self, "text", tuple(Path(each) for each in paths))
        if self.text and self.dataset is not None:
            raise InputError("`text` and `dataset` both name the real text. Leave one of them out.")
        choice("tokens", self.tokens, TOKENS)
        if self.tokens == "pairs":
            size = integer("vocabulary_size", self.vocabulary_size, low=257, high=1_000_000)
            object.__setattr__(self, "vocabulary_size", size)
        elif self.vocabulary_size is not None:
            raise fail("vocabulary_size", self.vocabulary_size, f"left out with `{self.tokens}`", "Only pairs ask.")

    def _check_arms(self) -> None:
        """Check that there is something to do, and that all recursions can share generation 0."""
        if not self.arms and self.mixtures is None:
            raise InputError("there is nothing to train: give `arms`, `mixtures` or both.")
        names = [arm.name for arm in self.arms]
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(f"two arms are called {twice[0]}. Give one of them another `name`.")
        for arm in self.arms:
            if arm.workflow.n_first != self.n_real:
                hint = "All arms share generation 0."
                raise fail(f"workflow.n_first of {arm.name}", arm.workflow.n_first, f"n_real = {self.n_real}", hint)

    def _check_students(self) -> None:
        """Check that students read the same documents as the generator, and can be told apart."""
        for student in self.students:
            if student.context != self.model.context:
                raise fail("students.context", student.context, f"that of the generator, {self.model.context}")
        sizes = [(student.n_layers, student.width) for student in self.students]
        if len(set(sizes)) < len(sizes):
            raise InputError("two students have as many layers and the same width. Leave one of them out.")

    @property
    def students(self) -> tuple[Transformer, ...]:
        """The sizes of students on mixtures."""
        return (self.mixtures.students or (self.model,)) if self.mixtures is not None else ()

    def within(self, folder: Path) -> TextTraining:
        """Return the same with files found relative to a folder.

        Raises
        ------
        InputError
            When one is missing.
        """
        found = tuple(folder / path for path in self.text)
        for path in found:
            if not path.is_file():
                raise InputError(f"`text` names {path}, which is no file. Give the name of a file of text.")
        return replace(self, text=found)

    def files(self) -> dict[str, Path]:
        """Return the data files."""
        return {f"text {number}": path for number, path in enumerate(self.text)}


def _recursion(kind: str, *, n_tokens: int, generations: int, **settings: Any) -> dict[str, Any]:
    return {"workflow": {"kind": kind, "generations": generations, "n_samples": n_tokens, **settings}}


PRESETS: dict[str, dict[str, Any]] = {
    "small": {
        "n_real": 200_000,
        "model": {"n_layers": 2, "n_heads": 4, "width": 128, "context": 128},
        "optimisation": {"n_steps": 500, "batch_size": 32, "learning_rate": 2e-3, "warmup_steps": 25},
        "sampling": {},
        "arms": [
            _recursion("replace", n_tokens=200_000, generations=5),
            _recursion("accumulate", n_tokens=200_000, generations=5),
        ],
    },
    "paper": {
        "n_real": 500_000_000,
        "tokens": "pairs",
        "vocabulary_size": 50_257,
        "n_prompt": 16,
        "held_out": 0.01,
        "model": {"n_layers": 12, "n_heads": 12, "width": 768, "context": 512, "dropout": 0.05},
        "optimisation": {
            "n_steps": 80_000,
            "batch_size": 512,
            "learning_rate": 5e-3,
            "warmup_steps": 2000,
            "weight_decay": 0.1,
            "precision": "bfloat16",
        },
        "sampling": {},
        "mixtures": {
            "synthetic_fractions": [0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9, 1],
            "n_tokens": [50_000_000, 150_000_000, 500_000_000],
            "students": [
                {"n_layers": layers, "n_heads": 12, "width": 768, "context": 512, "dropout": 0.05}
                for layers in (12, 18, 24)
            ],
        },
    },
}
"""Tables by name. small: minutes on a CPU. paper: GPT-2 in three sizes, for GPUs and a text of 1e9 tokens or more."""
