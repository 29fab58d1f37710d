"""How far is an experiment? Which model is trained, its loss, its speed, and the time it still takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelcollapse.experiments.kinds import Watch
    from modelcollapse.training.loop import Progress, Report


def told(watch: Watch, model: str, *, done: int, total: int, units: str = "tokens") -> Report:
    """Return what the training loop reports to, so that it is watched in words.

    Parameters
    ----------
    watch : callable
        Told the words, and the share of the experiment that is done: every model counts the same.
    model : str
        Which model is trained, for example ``"replace, generation 3"``.
    done : int
        Models of the experiment that are trained already.
    total : int
        Models that it has.
    units : str
        What the loop counts: ``"tokens"`` or ``"rows"``.

    Returns
    -------
    callable
        `report` of `modelcollapse.training.loop.train`.
    """

    def report(progress: Progress) -> None:
        words = f"{model} (model {done + 1} of {total}): {progress_words(progress, units=units)}"
        watch(words, share=(done + progress.step / progress.n_steps) / total)

    return report


def progress_words(progress: Progress, *, units: str = "tokens") -> str:
    """Say how far the training of one model is.

    Examples
    --------
    >>> from modelcollapse.training.loop import Progress
    >>> progress_words(Progress(step=120, n_steps=1000, loss=2.3456, rate=42123.4, seconds_left=81.2))
    'step 120 of 1,000, loss 2.346, 42,123 tokens/s, 1:21 left'
    """
    steps = f"step {progress.step:,} of {progress.n_steps:,}"
    speed = f"{progress.rate:,.0f} {units}/s"
    return f"{steps}, loss {progress.loss:.4g}, {speed}, {clock(progress.seconds_left)} left"


def writing_words(model: str, *, written: int, total: int, length: int, rate: float) -> str:
    """Say how far a model is with what it writes.

    Parameters
    ----------
    model : str
    written, total : int
        Documents.
    length : int
        Tokens of one.
    rate : float
        Tokens a second.

    Examples
    --------
    >>> writing_words("replace, generation 3", written=256, total=1000, length=100, rate=1234.5)
    'replace, generation 3 writes: document 256 of 1,000, 1,234 tokens/s, 1:00 left'
    """
    left = (total - written) * length / rate
    return f"{model} writes: document {written:,} of {total:,}, {rate:,.0f} tokens/s, {clock(left)} left"


def clock(seconds: float) -> str:
    """Write a time as a clock does.

    Examples
    --------
    >>> clock(7.6), clock(81.2), clock(7322)
    ('0:08', '1:21', '2:02:02')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
