"""What do the losses of a text mean? Absent mass, cuts, generations and safe amount, from measures and theory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.distribution_result import Fact, Finding, Loss
from modelcollapse.decisions.real_against_real import Draws
from modelcollapse.decisions.text_words import MOST_GENERATIONS, is_narrowing
from modelcollapse.digits import HALF_WIDTH_90, rough_text, share_text
from modelcollapse.estimation.absent_mass import absent_mass
from modelcollapse.estimation.near_duplicates import MOST_TOKENS, copied_share, near_duplicate_share
from modelcollapse.estimation.next_token_cut import next_token_cut
from modelcollapse.estimation.tail_cut import cut_rank
from modelcollapse.estimation.token_ids import TokenSequence, Vocabulary
from modelcollapse.theory.ancestors import Ancestors, surviving_tokens
from modelcollapse.theory.synthetic_amount import conservative_synthetic_amount, largest_synthetic_amount

TOLERANCE = 0.5
"""Drift that a safe amount keeps to, in units of the sampling error of the real text itself."""
_PAPER_TOLERANCE = 0.1
_EXAMPLES = 8
_ABOUT_TYPES = ("vocabulary", "tail", "rare tokens")
_SURELY_SEEN = 10  # times a token is expected in the synthetic text, so that its absence is a loss


def facts(
    real: TokenSequence,
    synthetic: TokenSequence,
    *,
    size: int,
    draws: Draws,
    findings: tuple[Finding, ...],
    noun: str,
) -> tuple[Fact, ...]:
    """Return the numbers without a test, those of a loss only where one is found.

    Parameters
    ----------
    real, synthetic : TokenSequence
    size : int
        Tokens in each part that is compared.
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
    seen = (types.synthetic, types.synthetic - spread[types.name], types.synthetic + spread[types.name])
    lost = any(finding.found and is_narrowing(finding) and finding.topic in _ABOUT_TYPES for finding in findings)
    parts = [_absent(real, synthetic, value["lost mass"], size=size, noun=noun)]
    if lost and types.distance < 0:
        ranks = _cut_ranks(law, synthetic, relative=spread[types.name] / max(types.synthetic, 1.0))
        if ranks[0] < len(law):  # else a sample of the law that is known has no more types than this text
            parts += [_tail_cut(law, ranks, noun), _floor(law, ranks, noun)]
        lines = _lines_of_descent(size, len(synthetic.ids))
        parts.append(_generations(law, lines, (types.real, *seen), noun))
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


def _cut_ranks(law: Array, synthetic: TokenSequence, *, relative: float) -> tuple[int, ...]:
    """Return the rank whose cut leaves as many types as the synthetic text has, and its 90 % interval."""
    n_types = len(np.unique(synthetic.ids))
    factors = (1, 1 - relative, 1 + relative)
    return tuple(cut_rank(law, n_tokens=len(synthetic.ids), n_types=n_types * factor) for factor in factors)


def _absent(real: TokenSequence, synthetic: TokenSequence, lost: Finding, *, size: int, noun: str) -> Fact:
    """Return the share of the real text that a learner who memorises this synthetic text has never seen."""
    mass = absent_mass(real.ids, synthetic.ids)
    this = "what was read of this text" if synthetic.stride > 1 else "this text"
    meaning = (
        f"Share of the real text in {noun} that {this} does not have: the least error on real text of a model that has "
        f"seen only this text and knows only what it has seen; more if the text descends from this real text. With "
        f"{size:,} {noun} on each side it lacks {share_text(lost.synthetic)}, and a second real sample "
        f"{share_text(lost.real)}."
    )
    return Fact(name="absent mass", value=mass.share, interval=(mass.low, mass.high), meaning=meaning)


def _floor(law: Array, ranks: tuple[int, ...], noun: str) -> Fact:
    """Return the mass beyond the cut that costs as much."""
    floor, high, low = (float(law[rank:].sum()) for rank in ranks)
    meaning = (
        f"Share of real text beyond a cut of the rarest {noun} that costs as many different ones. Had a cut made the "
        "loss, a model that knows only what it has seen could not fall below this error, however much such text it saw."
    )
    return Fact(name="floor of an equivalent cut", value=floor, interval=(low, high), meaning=meaning)


def _zipf(finding: Finding, half_width: float) -> Fact:
    interval = (finding.synthetic - half_width, finding.synthetic + half_width)
    meaning = f"Slope of log frequency against log rank; {rough_text(finding.real)} in as much real text."
    return Fact(name="Zipf exponent", value=finding.synthetic, interval=interval, meaning=meaning)


def _tail_cut(law: Array, ranks: tuple[int, ...], noun: str) -> Fact:
    meaning = (
        f"Real text cut to this many of its commonest {noun}, {share_text(law[: ranks[0]].sum())} of its mass, would "
        "have as few different ones."
    )
    return Fact(name="tail-cut rank", value=float(ranks[0]), interval=(ranks[1], ranks[2]), meaning=meaning)


def _lines_of_descent(size: int, n_tokens: int) -> list[Ancestors]:
    """Return how many real draws stand behind a part of a text, by the generation of that text, from 1 on.

    Going back one generation, a tokens are copies of n (1 − (1 − 1/n)^a) different ones of the n tokens before.
    """
    mean, lines = float(size), []
    for _ in range(MOST_GENERATIONS):
        lines.append(Ancestors(mean=mean, variance=0.0))
        mean = -n_tokens * float(np.expm1(mean * np.log1p(-1 / n_tokens)))
    return lines


def _generations(law: Array, lines: list[Ancestors], n_types: tuple[float, ...], noun: str) -> Fact:
    """Return after how many resamplings of the real text's law as few types are left as in a text.

    `n_types` are those of a second real sample, which is generation 0, and of the text, with its interval.
    """
    values, times = np.unique(law, return_counts=True)
    left = surviving_tokens(values, lines, counts=times.astype(np.float64))
    falling = np.concatenate([[max(n_types[0], left[0])], left])
    at, high, low = (_crossing(falling, n) for n in n_types[1:])
    meaning = (
        f"So many times would real text have to be replaced by as many {noun} drawn from the text before to be left "
        f"with as few different ones{' (or more)' if at >= MOST_GENERATIONS else ''}."
    )
    return Fact(name="generations of replacement", value=at, interval=(low, high), meaning=meaning)


def _crossing(left: Array, n_types: float) -> float:
    """Return at which generation, counted from 0, a falling sequence reaches a number; interpolated."""
    return float(np.interp(-n_types, -left, np.arange(float(len(left)))))


def _duplicates(real: TokenSequence, synthetic: TokenSequence) -> Iterator[Fact]:
    """Yield the shares of documents that another document holds most of, where there are documents."""
    within, across = near_duplicate_share(synthetic), copied_share(synthetic, real)
    if np.isnan(within):
        return
    own = near_duplicate_share(real)
    beside = "" if np.isnan(own) else f" In the real text: {share_text(own)}."
    windows = "half of whose stretches of 8 tokens, or more, are also"
    capped = max(len(real.ids), len(synthetic.ids)) > MOST_TOKENS
    looked_at = f", among the first {MOST_TOKENS:,} tokens of each" if capped else ""
    yield Fact(
        name="near-duplicates within",
        value=within,
        interval=None,
        meaning=f"Share of synthetic documents {windows} in another synthetic one{looked_at}.{beside}",
    )
    yield Fact(
        name="near-duplicates across",
        value=across,
        interval=None,
        meaning=f"Share of synthetic documents {windows} in the real text{looked_at}.",
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
