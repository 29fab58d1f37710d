"""Has this text lost its tails? A synthetic text held against a second real sample of the same size."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from modelcollapse.checks import integer
from modelcollapse.decisions.real_against_real import LEVEL, N_SPLITS, judge
from modelcollapse.decisions.text_draws import (
    N_BAGS,
    RealDraws,
    draw_real,
    draw_synthetic,
    prepare_synthetic,
    rank_frequencies,
)
from modelcollapse.decisions.text_facts import facts, losses
from modelcollapse.decisions.text_null import STRETCHES
from modelcollapse.decisions.text_result import TextAudit
from modelcollapse.decisions.text_words import COPY, details, is_narrowing, verdict
from modelcollapse.digits import share_text
from modelcollapse.errors import InputError
from modelcollapse.estimation.text_compression import MOST_TOKENS as MOST_COMPRESSED
from modelcollapse.estimation.text_files import BLOCK, Source
from modelcollapse.estimation.token_bags import MOST_FOR_NGRAMS
from modelcollapse.estimation.token_ids import UNITS, TokenSequence, Vocabulary, read_tokens

Progress = Callable[[str, int, int], None]

FEWEST = 32 * N_BAGS
"""Tokens that must stand on each side."""
SHORT = 20_000
"""Tokens on each side below which only gross losses show."""
LONGEST_DOCUMENT = 1 / 32
"""Share of the real text beyond which documents are too long: half of the shortest stretch that stays together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RealText:
    """Real text, against which any number of synthetic texts are held; see `reference`.

    Attributes
    ----------
    tokens : TokenSequence
    vocabulary : Vocabulary
        Grows with every text that is held against this one.
    unit : str
        ``"words"``, ``"characters"``, or the file of a tokenizer.
    column : str
    n_splits, seed : int
    drawn : dict of int to RealDraws
        Measures of the real text against itself, by tokens in a bag; the last size only.
    """

    tokens: TokenSequence
    vocabulary: Vocabulary
    unit: str
    column: str
    n_splits: int
    seed: int
    drawn: dict[int, RealDraws] = field(default_factory=dict)

    @property
    def noun(self) -> str:
        """What the tokens are called."""
        return self.unit if self.unit in UNITS else "tokens"

    def draws(self, size: int, *, progress: Progress | None = None) -> RealDraws:
        """Return the measures of halves of a size; drawn once."""
        length = size // N_BAGS
        if length not in self.drawn:
            self.drawn.clear()
            self.drawn[length] = draw_real(
                self.tokens.ids,
                size=size,
                vocabulary=self.vocabulary,
                noun=self.noun,
                separator=" " if self.unit == "words" else "",
                n_splits=self.n_splits,
                seed=self.seed,
                report=None if progress is None else lambda done, total: progress("splitting real text", done, total),
            )
        return self.drawn[length]


def audit_text(
    real: Source,
    synthetic: Source,
    *,
    tokens: str | Path = "words",
    column: str = "text",
    n_splits: int = N_SPLITS,
    seed: int = 0,
    progress: Progress | None = None,
) -> TextAudit:
    """Tell whether a synthetic text differs from a second real sample of the same size, in what, and what that means.

    Parameters
    ----------
    real, synthetic : path, or sequence of str
        A file or directory of text, or documents; see `modelcollapse.estimation.text_files.read_blocks`.
    tokens : str or Path
        ``"words"`` (between white space), ``"characters"``, or the file of a tokenizer of the `tokenizers` library.
    column : str
        Where JSON lines and tables hold the text.
    n_splits : int
        Splits of the real text into halves; at least 19.
    seed : int
    progress : callable, optional
        Called with (stage, done, total).

    Returns
    -------
    TextAudit

    Raises
    ------
    InputError
        When a text cannot be read, or is too short: one line that says why.
    MissingExtraError
        When an optional library is needed and absent.

    Notes
    -----
    Both texts are cut into bags of consecutive tokens, 32 on each side of a comparison. Stretches of neighbouring bags
    are taken to be independent of each other. When most real documents are longer than `LONGEST_DOCUMENT` of the real
    text, second real samples are told apart too often; where documents are marked, a warning says so.

    Examples
    --------
    >>> words = np.random.default_rng(0).zipf(1.5, size=30_000).astype(str)
    >>> real, same, cut = " ".join(words[:20_000]), " ".join(words[20_000:]), " ".join(words[words.astype(float) < 50])
    >>> audit_text([real], [same]).found, len(audit_text([real], [cut[:50_000]]).found) > 0
    ((), True)
    """
    held = reference(real, tokens=tokens, column=column, n_splits=n_splits, seed=seed, progress=progress)
    return compare_with(held, synthetic, progress=progress)


def reference(
    real: Source,
    *,
    tokens: str | Path = "words",
    column: str = "text",
    n_splits: int = N_SPLITS,
    seed: int = 0,
    progress: Progress | None = None,
) -> RealText:
    """Read real text for comparison with several synthetic texts; parameters are those of `audit_text`."""
    integer("seed", seed, low=0)
    if progress is not None:
        progress("reading real text", 0, 1)
    vocabulary = Vocabulary()
    sequence = read_tokens(real, tokens=str(tokens), column=column, vocabulary=vocabulary)
    return RealText(
        tokens=sequence, vocabulary=vocabulary, unit=str(tokens), column=column, n_splits=n_splits, seed=seed
    )


def compare_with(
    real: RealText, synthetic: Source, *, source: str = "synthetic", progress: Progress | None = None
) -> TextAudit:
    """Hold one synthetic text against real text.

    Parameters
    ----------
    real : RealText
    synthetic : path, or sequence of str
    source : str
        What the result calls it.
    progress : callable, optional
        Called with (stage, done, total).
    """
    started = time.monotonic()
    report = progress or _silent
    report("reading synthetic text", 0, 1)
    text = read_tokens(synthetic, tokens=real.unit, column=real.column, vocabulary=real.vocabulary)
    size = _size(real, text)
    reference_draws = real.draws(size, progress=report)
    report("measuring the synthetic text", 0, 1)
    bagged = prepare_synthetic(reference_draws, text.ids)
    draws = draw_synthetic(reference_draws, bagged, seed=real.seed)
    findings = judge(draws)
    found = facts(real.tokens, text, size=reference_draws.size, draws=draws, findings=findings, noun=real.noun)
    narrower = any(finding.found and is_narrowing(finding) for finding in findings)
    compared = reference_draws.size
    same = np.array_equal(real.tokens.ids, text.ids)
    return TextAudit(
        source=source,
        verdict=COPY if same else verdict(findings, size=compared, noun=real.noun),
        details=details(findings, found, noun=real.noun),
        findings=findings,
        losses=losses(real.tokens, text, vocabulary=real.vocabulary, found=narrower, noun=real.noun),
        facts=found,
        unit="token",
        counts={"real": len(real.tokens.ids), "synthetic": len(text.ids), "compared": compared},
        level=LEVEL,
        n_splits=real.n_splits,
        steps=tuple(_steps(real, text, compared)),
        warnings=tuple(_warnings(real, compared)),
        seconds=time.monotonic() - started,
        seed=real.seed,
        noun=real.noun,
        rank_frequencies=rank_frequencies(reference_draws, bagged, seed=real.seed),
    )


def _silent(stage: str, done: int, total: int) -> None:
    """Report to nobody."""


def _size(real: RealText, text: TokenSequence) -> int:
    """Return the tokens on each side of a comparison: as many as two real parts and a synthetic one have."""
    size = min(len(text.ids), len(real.tokens.ids) // 2)
    if size < FEWEST:
        raise InputError(
            f"too little text: {len(real.tokens.ids):,} real and {len(text.ids):,} synthetic {real.noun}; an audit "
            f"needs at least {2 * FEWEST:,} and {FEWEST:,}. Give more text, or smaller tokens (characters)."
        )
    return size


def _steps(real: RealText, text: TokenSequence, compared: int) -> list[str]:
    """Say what was done."""
    length = compared // N_BAGS
    trained = f"those of {real.unit}, which must not have been trained on this real text: it would know its words"
    steps = [f"Tokens are {real.unit if real.unit in UNITS else trained}."]
    for name, sequence in (("real", real.tokens), ("synthetic", text)):
        documents = f"{len(sequence.starts):,} document{'s' if len(sequence.starts) != 1 else ''}"
        skipped = f"; of every {sequence.stride} blocks of {BLOCK >> 20} MB one was read" if sequence.stride > 1 else ""
        steps.append(f"{name}: {len(sequence.ids):,} {real.noun} in {documents}{skipped}.")
    steps.append(
        f"{compared:,} {real.noun} are compared with as many: {N_BAGS} bags of {length:,} on each side, split "
        f"{real.n_splits} times in stretches of {' or '.join(map(str, STRETCHES))} neighbouring bags."
    )
    if 2 * compared > MOST_FOR_NGRAMS:
        steps.append(f"n-grams are counted on {MOST_FOR_NGRAMS // 2:,} {real.noun} of each side.")
    if length > MOST_COMPRESSED:
        steps.append(f"Compressed size is that of the first {MOST_COMPRESSED:,} {real.noun} of every bag.")
    return steps


def _warnings(real: RealText, compared: int) -> list[str]:
    """Say what to look at."""
    warnings = []
    if compared < SHORT:
        warnings.append(f"Only {compared:,} {real.noun} stand on each side: small losses do not show.")
    lengths = np.diff(real.tokens.starts, append=len(real.tokens.ids))
    in_long = lengths[lengths > LONGEST_DOCUMENT * len(real.tokens.ids)].sum()
    if len(lengths) > 1 and in_long > len(real.tokens.ids) / 2:
        warnings.append(
            f"Most real {real.noun} are in documents longer than {share_text(LONGEST_DOCUMENT)} of the real text: a "
            "second real sample may be told apart. Give more documents."
        )
    return warnings
