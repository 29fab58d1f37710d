"""How is a network trained, and how does it write? What the descriptions of all training experiments share."""

from __future__ import annotations

from dataclasses import dataclass

from modelcollapse.checks import choice, fail, integer, number

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class Transformer:
    """A transformer of the GPT-2 architecture, trained from scratch.

    Parameters
    ----------
    n_layers, n_heads : int
        At least 1.
    width : int
        Of the embedding; a multiple of `n_heads`.
    context : int
        Tokens that it sees at most, at least 2.
    dropout : float
        In [0, 1).

    Raises
    ------
    InputError
        When a value is out of range.
    """

    n_layers: int
    n_heads: int
    width: int
    context: int
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name, low in (("n_layers", 1), ("n_heads", 1), ("width", 1), ("context", 2)):
            object.__setattr__(self, name, integer(name, getattr(self, name), low=low))
        object.__setattr__(self, "dropout", number("dropout", self.dropout, low=0, high=0.9))
        if self.width % self.n_heads:
            raise fail("width", self.width, f"a multiple of `n_heads` = {self.n_heads}")


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """How long and how fast a transformer learns: AdamW, warm-up, then a cosine down to a tenth of the learning rate.

    Parameters
    ----------
    n_steps : int
        At least 1.
    batch_size : int
        Sequences in a step, over all processes together; at least 1.
    learning_rate : float
        At its highest, above 0.
    warmup_steps : int
        From 0 to `n_steps`.
    weight_decay : float
        Of matrices; none of biases and gains. At least 0.
    clip : float
        Largest norm of the gradient, above 0.
    precision : str
        ``"float32"``, or ``"bfloat16"`` for what PyTorch's autocast does in it; weights stay float32.

    Raises
    ------
    InputError
        When a value is out of range.
    """

    n_steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int = 0
    weight_decay: float = 0.1
    clip: float = 1.0
    precision: str = "float32"

    def __post_init__(self) -> None:
        for name in ("n_steps", "batch_size"):
            object.__setattr__(self, name, integer(name, getattr(self, name), low=1))
        warmup_steps = integer("warmup_steps", self.warmup_steps, low=0, high=self.n_steps)
        object.__setattr__(self, "warmup_steps", warmup_steps)
        for name, open_low in (("learning_rate", True), ("weight_decay", False), ("clip", True)):
            value = number(name, getattr(self, name), low=0, open_low=open_low)
            object.__setattr__(self, name, value)
        choice("precision", self.precision, PRECISIONS)


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a model writes: each token drawn from its next-token law, sharpened and cut.

    Parameters
    ----------
    temperature : float
        Above 0; logits are divided by it.
    top_k : int, optional
        Only the most likely tokens may follow.
    top_p : float
        In (0, 1]: only the most likely tokens that together hold this mass may follow. After `top_k`.

    Raises
    ------
    InputError
        When a value is out of range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperature", number("temperature", self.temperature, low=0, open_low=True))
        if self.top_k is not None:
            object.__setattr__(self, "top_k", integer("top_k", self.top_k, low=1))
        object.__setattr__(self, "top_p", number("top_p", self.top_p, low=0, high=1, open_low=True))
