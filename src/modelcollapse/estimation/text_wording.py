"""What are the measures of texts called, and how do their values read in a sentence? One list for each kind."""

from __future__ import annotations

import re
from functools import partial
from typing import Literal

import numpy as np

from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.text_comparisons import COPIED, NOVEL
from modelcollapse.estimation.text_measures import COMMON, FEW_REPEATS, Setting
from modelcollapse.estimation.token_bags import SIZES

PASSAGE = 1e-3
"""Share of the n-grams that one passage may bring, a song or a formula: less says nothing about the text."""
PASSAGE_TOKENS = 1e-4
"""The same of the tokens, of which it may bring one that is nowhere else many times."""


def summary_measures(setting: Setting, *, noun: str) -> tuple[Measure, ...]:
    """Return the measures whose values `summaries` gives, in its order; `noun` is what the tokens are called."""
    share = 1 / (setting.bags * setting.length)
    vocabulary = partial(_measure, topic="vocabulary")
    instead = "{synthetic} instead of {real}"
    zipf = vocabulary("Zipf exponent", f"its commonest {noun} are [less|more] dominant: Zipf exponent {instead}")
    return (
        vocabulary(f"different {noun}", f"it has {{change}} [fewer|more] different {noun}", grain=1.0),
        vocabulary("type growth", f"more text brings [fewer|more] new {noun}: growth exponent {instead}", grain=share),
        vocabulary(
            f"different {noun} in a bag",
            f"a stretch of {setting.length:,} {noun} holds {{change}} [fewer|more] different ones",
            grain=1 / setting.bags,
        ),
        vocabulary(
            "entropy", f"its {noun} are [less|more] evenly used: an entropy of {{synthetic}} bits instead of {{real}}"
        ),
        _measure(
            f"missing mass ({noun} seen once)",
            f"{noun} that occur once make up {{synthetic_share}} of the text instead of {{real_share}}",
            topic="tail",
            grain=share,
        ),
        *([zipf] if setting.last_rank else []),
        *(_repeats(size, repeated, setting) for size, repeated in zip(SIZES, setting.repeats, strict=True)),
        _measure(
            f"followers of common {noun}",
            f"its common {noun} are followed by {{change}} [fewer|more] different ones",
            topic="next token",
            grain=1 / COMMON,
        ),
        _measure(
            "compressed size",
            "it compresses to {synthetic_share} of its size instead of {real_share}: [more|less] predictable",
            topic="repetition",
        ),
    )


def comparison_measures(setting: Setting, *, noun: str) -> tuple[Measure, ...]:
    """Return the measures whose values `comparisons` gives, in its order; `noun` is what the tokens are called."""
    compared = partial(_measure, comparison=True)
    tail = partial(compared, topic="tail", grain=max(PASSAGE_TOKENS, 1 / (setting.bags * setting.length)))
    instead = "{synthetic_share} instead of {real_share}"
    frequencies = f"its {noun} have [too real|other] frequencies: divergence {{synthetic}} instead of {{real}}"
    return (
        compared(f"frequencies of {noun}", frequencies, topic="vocabulary"),
        tail("lost mass", f"it lacks {noun} that make up {{synthetic_share}} of real text instead of {{real_share}}"),
        tail("new mass", f"{noun} that real text lacks make up {{synthetic_share}} of it instead of {{real_share}}"),
        compared(
            f"{noun} kept",
            f"of the different {noun} of real text, it has {instead}",
            topic="rare tokens",
            grain=1 / max(1.0, sum(setting.types_in_band)),
        ),
        *(
            compared(
                f"{noun} kept",
                f"of the {noun} that real text has {_times(band)}, it has {instead}",
                subject=f"those seen {_times(band)}",
                topic="rare tokens",
                grain=1 / max(1.0, n_types),
            )
            for band, n_types in zip(setting.bands, setting.types_in_band, strict=True)
        ),
        *(
            compared(
                f"{size}-gram novelty",
                f"{instead} of its different {size}-grams are not in as much real text",
                topic="n-grams",
                grain=PASSAGE,
            )
            for size in NOVEL
        ),
        compared(
            f"{COPIED}-grams found in real text",
            f"{instead} of its different {COPIED}-grams are also in as much real text",
            topic="copies",
            grain=PASSAGE,
        ),
    )


def _repeats(size: int, repeated: float, setting: Setting) -> Measure:
    """Return the measure of n-grams that repeat an earlier one, of which about R are expected.

    A stretch of 2n − 1 tokens that occurs twice makes n repeated n-grams at once. Repeats that come n at a time have
    the standard deviation √(n R): the grain, with at least one such stretch.
    """
    return _measure(
        f"repeated {size}-grams",
        f"{{synthetic_share}} of its {size}-grams repeat an earlier one instead of {{real_share}}",
        topic="repetition",
        scale="log",
        grain=float(np.sqrt(size * max(size, repeated)) / (repeated + FEW_REPEATS)),
        added=FEW_REPEATS / max(1, setting.bags * max(0, setting.length - size + 1)),
    )


def _measure(
    noun: str,
    said: str,
    *,
    topic: str,
    subject: str = "",
    comparison: bool = False,
    scale: Literal["plain", "log"] = "plain",
    grain: float = 0.0,
    added: float = 0.0,
) -> Measure:
    """Return a measure from one sentence, in which "[fewer|more]" stands for the words of the two directions."""
    less, more = (re.sub(r"\[([^|\]]*)\|([^\]]*)\]", side, said) for side in (r"\1", r"\2"))
    return Measure(
        noun=noun,
        subject=subject,
        topic=topic,
        less=less,
        more=more,
        comparison=comparison,
        scale=scale,
        grain=grain,
        added=added,
    )


def _times(band: tuple[int, int]) -> str:
    low, high = band
    return {1: "once", 2: "twice"}.get(low, f"{low} times") if low == high else f"{low} to {high} times"
