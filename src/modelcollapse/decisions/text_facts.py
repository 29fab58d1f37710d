"""What do the losses of a text mean? Cuts, floor, generations and safe amount, from the measures and the theory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.distribution_result import Fact, Finding, Loss
from modelcollapse.decisions.real_against_real import Draws
from modelcollapse.digits import HALF_WIDTH_90, rough_text, share_text
from modelcollapse.estimation.near_duplicates import copied_share, near_duplicate_share
from modelcollapse.estimation.next_token_cut import next_token_cut
from modelcollapse.estimation.tail_cut import cut_rank
from modelcollapse.estimation.token_ids import TokenSequence, Vocabulary
from modelcollapse.theory.ancestors import ancestors, surviving_tokens
from modelcollapse.theory.synthetic_amount import conservative_synthetic_amount, largest_synthetic_amount

MOST_GENERATIONS = 100
"""Generations of replacement that a loss is compared with."""
TOLERANCE = 0.5
"""Drift that a safe amount keeps to, in units of the sampling error of the real text itself."""
_PAPER_TOLERANCE = 0.1
_EXAMPLES = 8
_SURELY_SEEN = 10  # times a token is expected in the synthetic text, so that its absence is a loss


def facts(
    real: TokenSequence,
    synthetic: TokenSequence,
    *,
    draws: Draws,
    findings: tuple[Finding, ...],
    noun: str,
) -> tuple[Fact, ...]:
    """Return the numbers without a test, those of a loss only where one is found.

    Parameters
    ----------
    real, synthetic : TokenSequence
    draws : Draws
    findings : tuple of Finding
        What `judge` made of them.
    noun : str
        What the tokens are called.
    """
    spread = {m.name: float(HALF_WIDTH_90 * draws.null[:, k].std(ddof=1)) for k, m in enumerate(draws.measures)}
    value = {finding.name: finding for finding in findings}
    law = _law(real)
    types = value[f"different {noun}"]
    fewer = types.found and types.distance < 0
    relative = spread[types.name] / max(types.synthetic, 1.0)
    ranks = _cut_ranks(law, synthetic, relative)
    parts = [_floor(law, ranks, noun)]
    if fewer:
        parts += [_tail_cut(law, ranks, noun), _generations(law, synthetic, relative, noun)]
    cut = next_token_cut(real.ids[: len(synthetic.ids)], synthetic.ids[: len(real.ids)])
    if cut is not None:
        meaning = f"Common {noun} are followed by about this many different ones, as if the rest were cut off."
        parts.append(Fact(name="next-token cut", value=float(round(cut)), interval=None, meaning=meaning))
    if "Zipf exponent" in value:
        parts.append(_zipf(value["Zipf exponent"], spread["Zipf exponent"]))
    return (*parts, *_duplicates(real, synthetic), *_safe_amounts(law, len(real.ids)))


def _law(text: TokenSequence) -> Array:
    """Return the frequencies of the tokens of a text, descending and positive."""
    counts = np.bincount(text.ids).astype(np.float64)
    return np.asarray(np.sort(counts[counts > 0])[::-1] / len(text.ids))


def _cut_ranks(law: Array, synthetic: TokenSequence, relative: float) -> tuple[int, int, int]:
    """Return the rank whose cut leaves as many types as the synthetic text has, and its 90 % interval."""
    n_types = len(np.unique(synthetic.ids))
    factors = (1, 1 - relative, 1 + relative)
    rank, low, high = (cut_rank(law, n_tokens=len(synthetic.ids), n_types=n_types * factor) for factor in factors)
    return rank, low, high


def _floor(law: Array, ranks: tuple[int, int, int], noun: str) -> Fact:
    """Return the mass of real text beyond the cut."""
    kept = np.cumsum(law)
    floor, high, low = (float(max(0.0, 1 - kept[rank - 1])) for rank in ranks)
    meaning = (
        f"Share of real text in {noun} that this text is without, however long it grows: the error below which a model "
        f"that knows only what it has seen cannot fall. The kept mass is {share_text(1 - floor)}."
    )
    return Fact(name="floor", value=floor, interval=(low, high), meaning=meaning)


def _zipf(finding: Finding, half_width: float) -> Fact:
    interval = (finding.synthetic - half_width, finding.synthetic + half_width)
    meaning = f"Slope of log frequency against log rank; {rough_text(finding.real)} in as much real text."
    return Fact(name="Zipf exponent", value=finding.synthetic, interval=interval, meaning=meaning)


def _tail_cut(law: Array, ranks: tuple[int, int, int], noun: str) -> Fact:
    meaning = (
        f"Real text cut to this many of its commonest {noun}, {share_text(law[: ranks[0]].sum())} of its mass, would "
        "have as few different ones."
    )
    return Fact(name="tail-cut rank", value=float(ranks[0]), interval=(ranks[1], ranks[2]), meaning=meaning)


def _generations(law: Array, synthetic: TokenSequence, relative: float, noun: str) -> Fact:
    """Return after how many resamplings of the real text's law as few types are left."""
    n_tokens = len(synthetic.ids)
    values, times = np.unique(law, return_counts=True)
    laws = ancestors(n_tokens, n_first=n_tokens, generations=MOST_GENERATIONS - 1)
    left = surviving_tokens(values, laws, counts=times.astype(np.float64))
    n_types = len(np.unique(synthetic.ids))
    at = [_crossing(left, n_types * factor) for factor in (1, 1 + relative, 1 - relative)]
    meaning = (
        f"So many times would real text have to be replaced by {n_tokens:,} {noun} drawn from the text before to be "
        f"left with as few different ones{' or more' if at[0] >= MOST_GENERATIONS else ''}."
    )
    return Fact(name="generations of replacement", value=at[0], interval=(at[1], at[2]), meaning=meaning)


def _crossing(left: Array, n_types: float) -> float:
    """Return at which generation, counted from 1, a falling sequence reaches a number; interpolated."""
    generations = np.arange(1.0, len(left) + 1)
    return float(np.interp(-n_types, -left, generations, left=0.0, right=float(len(left))))


def _duplicates(real: TokenSequence, synthetic: TokenSequence) -> Iterator[Fact]:
    """Yield the shares of documents that another document holds most of, where there are documents."""
    within, across = near_duplicate_share(synthetic), copied_share(synthetic, real)
    if np.isnan(within):
        return
    own = near_duplicate_share(real)
    beside = "" if np.isnan(own) else f" In the real text: {share_text(own)}."
    windows = "half of whose stretches of 8 tokens, or more, are also"
    yield Fact(
        name="near-duplicates within",
        value=within,
        interval=None,
        meaning=f"Share of synthetic documents {windows} in another synthetic one.{beside}",
    )
    yield Fact(
        name="near-duplicates across",
        value=across,
        interval=None,
        meaning=f"Share of synthetic documents {windows} in the real text.",
    )


def _safe_amounts(law: Array, n_real: int) -> Iterator[Fact]:
    """Yield how many tokens of its own model may stand beside the real text in every generation."""
    if len(law) < 2:
        return
    error = float(np.sqrt((1 - np.square(law).sum()) / n_real))
    amount = largest_synthetic_amount(law, n_real=n_real, tolerance=TOLERANCE * error)
    yield Fact(
        name="safe amount",
        value=amount.n_samples,
        interval=None,
        meaning=(
            "Tokens drawn from a model of token frequencies that may join the real text in every generation, all of it "
            "used again, so that the model never drifts by more than half of the real text's own sampling error (root "
            "mean square)."
        ),
    )
    yield Fact(
        name="safe amount, proven by a bound",
        value=conservative_synthetic_amount(len(law), n_real=n_real, tolerance=_PAPER_TOLERANCE),
        interval=None,
        meaning=(
            "The same by the published rule, which is far on the safe side: a drift of at most 0.1 in the sum of "
            "absolute differences."
        ),
    )


def losses(
    real: TokenSequence, synthetic: TokenSequence, *, vocabulary: Vocabulary, found: bool, noun: str
) -> tuple[Loss, ...]:
    """Return the tokens that the synthetic text lacks though it should have them ten times, when a loss is found."""
    counts = np.bincount(real.ids, minlength=len(vocabulary))
    absent = np.bincount(synthetic.ids, minlength=len(vocabulary)) == 0
    lost = np.flatnonzero(absent & (counts * (len(synthetic.ids) / len(real.ids)) >= _SURELY_SEEN))
    if not found or not len(lost):
        return ()
    commonest = lost[np.argsort(-counts[lost], kind="stable")]
    examples = vocabulary.names(commonest[:_EXAMPLES])
    share = float(counts[lost].sum() / len(real.ids))
    return (Loss(name=f"common {noun}", count=len(lost), share=share, examples=tuple(examples)),)
