"""What do the measures give on a second real text, and what on synthetic text of the same size? Draws of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.real_against_real import N_OBSERVED, Draws, synthetic_parts
from modelcollapse.decisions.text_null import real_stretches, widened, without_seams
from modelcollapse.decisions.text_result import RankFrequencies
from modelcollapse.estimation.measure import Measure
from modelcollapse.estimation.text_comparisons import common_ngrams, comparisons
from modelcollapse.estimation.text_compression import compressed_sizes
from modelcollapse.estimation.text_measures import (
    Counts,
    Measured,
    counts_at_ranks,
    measured,
    setting_of,
    summaries,
)
from modelcollapse.estimation.text_wording import comparison_measures, summary_measures
from modelcollapse.estimation.token_bags import MOST_BAGS, BaggedText, Bags, Ids, bag_text
from modelcollapse.estimation.token_ids import Vocabulary
from modelcollapse.parallel import side_by_side

N_BAGS = MOST_BAGS // 2
"""Bags in each part that is compared."""
_RANKS = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Some bags of a text, with their counts and their summaries."""

    bags: Bags
    counts: Counts
    summary: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class RealDraws:
    """A real text measured against itself, ready to be compared with synthetic texts.

    Attributes
    ----------
    text : Measured
        The real text.
    vocabulary : Vocabulary
    separator : str
        What stands between two tokens.
    measures : tuple of Measure
        J of them: summaries first, then comparisons.
    summaries : array, (B, J₁)
        Of the second half of each split.
    comparisons : array, (B, J₂)
        Of the two halves of each split, freed of what their seams add.
    null : array, (B, J)
        Differences of summaries, and comparisons, with the spread that so few stretches make likely.
    parts : tuple of Part
        First halves of the first splits, with which synthetic text is compared.
    """

    text: Measured
    vocabulary: Vocabulary
    separator: str
    measures: tuple[Measure, ...]
    summaries: Array
    comparisons: Array
    null: Array
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Tokens in each part that is compared."""
        return N_BAGS * self.text.setting.length


def draw_real(
    ids: Ids,
    *,
    size: int,
    vocabulary: Vocabulary,
    noun: str,
    separator: str,
    n_splits: int,
    seed: int,
    report: Callable[[int, int], None] | None = None,
) -> RealDraws:
    """Measure a real text against itself.

    Parameters
    ----------
    ids : int32 array, (N,)
        At least twice `size`.
    size : int
        Tokens in each part, a multiple of `N_BAGS` or a little more.
    vocabulary : Vocabulary
    noun, separator : str
        What the tokens are called, and what stands between two of them.
    n_splits, seed : int
    report : callable, optional
        Called with (done, total).

    Returns
    -------
    RealDraws
    """
    bagged = bag_text(ids, length=size // N_BAGS, n_types=len(vocabulary))
    setting = setting_of(bagged, bags=N_BAGS)
    text = measured(
        bagged, setting=setting, compressed=compressed_sizes(bagged.tokens, vocabulary, separator=separator)
    )
    common = common_ngrams(text, text)
    splits = list(real_stretches(bagged.n_bags, n_splits=n_splits, seed=seed))

    def compare(halves: tuple[Bags, Bags, int]) -> tuple[Array, Array, Array]:
        first, second = (part_of(text, bags) for bags in halves[:2])
        compared = comparisons((text, first.bags, first.counts), (text, second.bags, second.counts), common=common)
        return first.summary, second.summary, compared

    drawn = side_by_side(compare, splits, report=report)
    first, second, compared = (np.array(values) for values in zip(*drawn, strict=True))
    compared = without_seams(compared, np.array([seams for _, _, seams in splits]))
    measures = (*summary_measures(setting, noun=noun), *comparison_measures(setting, noun=noun))
    return RealDraws(
        text=text,
        vocabulary=vocabulary,
        separator=separator,
        measures=measures,
        summaries=second,
        comparisons=compared,
        null=widened(np.hstack([second - first, compared]), n_bags=bagged.n_bags, n_measures=len(measures)),
        parts=tuple(part_of(text, bags) for bags, _, _ in splits[:N_OBSERVED]),
    )


def rank_frequencies(reference: RealDraws, synthetic: Measured, *, seed: int) -> RankFrequencies:
    """Return the occurrences of tokens by rank in halves of the real text and in parts of a synthetic one."""
    n_types = max(np.count_nonzero(part.counts) for part in reference.parts)
    ranks = np.unique(np.geomspace(1, n_types, _RANKS).round().astype(np.intp))
    real = np.array([counts_at_ranks(part.counts, ranks) for part in reference.parts])
    parts = synthetic_parts(synthetic.text.n_bags, size=N_BAGS, n_parts=len(reference.parts), seed=seed)
    other = [counts_at_ranks(bag_counts(synthetic.text, bags), ranks) for bags in parts]
    return RankFrequencies(
        ranks=ranks.astype(np.float64),
        real=real.mean(axis=0),
        low=real.min(axis=0),
        high=real.max(axis=0),
        synthetic=np.mean(other, axis=0),
    )


def part_of(text: Measured, bags: Bags) -> Part:
    """Return some bags of a text with their counts and summaries."""
    counts = bag_counts(text.text, bags)
    return Part(bags=bags, counts=counts, summary=summaries(text, bags, counts))


def bag_counts(text: BaggedText, bags: Bags) -> Counts:
    """Return the occurrences of every type in some bags together, (n_types,)."""
    chosen = np.zeros(text.n_bags)
    chosen[bags] = 1.0
    return np.asarray(text.counts @ chosen).astype(np.intp)


def prepare_synthetic(reference: RealDraws, ids: Ids) -> Measured:
    """Cut a synthetic text into bags like those of the real one, (M,) tokens of the same vocabulary."""
    setting = reference.text.setting
    bagged = bag_text(ids, length=setting.length, n_types=len(reference.vocabulary))
    compressed = compressed_sizes(bagged.tokens, reference.vocabulary, separator=reference.separator)
    return measured(bagged, setting=setting, compressed=compressed)


def draw_synthetic(reference: RealDraws, text: Measured, *, seed: int) -> Draws:
    """Measure parts of a synthetic text against the real one.

    Parameters
    ----------
    reference : RealDraws
    text : Measured
        At least as many tokens as the reference compares.
    seed : int

    Returns
    -------
    Draws
        Means over some splits.
    """
    common = common_ngrams(reference.text, text)
    parts = synthetic_parts(text.text.n_bags, size=N_BAGS, n_parts=len(reference.parts), seed=seed)

    def compare(pair: tuple[Part, Bags]) -> Array:
        real, synthetic = pair[0], part_of(text, pair[1])
        counts = np.pad(
            real.counts, (0, len(synthetic.counts) - len(real.counts))
        )  # types that only synthetic text has
        of_real, of_synthetic = (reference.text, real.bags, counts), (text, synthetic.bags, synthetic.counts)
        return np.concatenate([synthetic.summary, comparisons(of_real, of_synthetic, common=common)])

    values = side_by_side(compare, zip(reference.parts, parts, strict=True))
    return Draws(
        measures=reference.measures,
        real=np.concatenate([reference.summaries.mean(axis=0), reference.comparisons.mean(axis=0)]),
        synthetic=np.mean(values, axis=0),
        null=reference.null,
        n_real=reference.text.text.n_bags,
        n_synthetic=text.text.n_bags,
    )
