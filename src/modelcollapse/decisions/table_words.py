"""How are the findings on a table put into words? Verdict, details, what is lost, and what gives it away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.distribution_result import Fact, Finding, Loss
from modelcollapse.digits import rough_text, share_text
from modelcollapse.estimation.table_classifier import TwoSample
from modelcollapse.estimation.table_clusters import Clusters
from modelcollapse.estimation.table_columns import Columns
from modelcollapse.estimation.wording import counted, listing

N_HEADLINES = 5
"""Kinds of findings that the verdict names, at most."""
N_DETAILS = 6
"""Sentences of the details, at most."""
N_FACTS = 5
"""Columns whose importance to the classifier is told, at most."""
N_EXAMPLES = 10
"""Lost categories that are named, at most."""
_LOST_CLUSTER = 0.1  # of the real share: a cluster with less counts as lost, one with more has fewer rows only
_STANDS_OUT = 0.5  # real standard deviations from the real mean, from which on a column describes a cluster

Headline: TypeAlias = tuple[tuple[str, ...], int, str, str]
"""Beginnings of names of measures, sign of their distance (0: any), what is said, and what is counted."""

_HEADLINES: tuple[Headline, ...] = (
    (("spread of all",), -1, "spread is smaller on average", ""),
    (("spread of all",), 1, "spread is larger on average", ""),
    (("spread of `", "middle 90 %", "share off"), -1, "spread is smaller in", "column"),
    (("spread of `", "middle 90 %", "share off"), 1, "spread is larger in", "column"),
    (("tails of all",), -1, "tails are thinner on average", ""),
    (("tails of all",), 1, "tails are heavier on average", ""),
    (("lower tail", "upper tail", "depth of the"), -1, "tails are thinner in", "column"),
    (("lower tail", "upper tail", "depth of the"), 1, "tails are heavier in", "column"),
    (("share outside",), 1, "values lie outside of the real range in", "column"),
    (("mean of `", "median"), 0, "values are shifted in", "column"),
    (("lost categories",), 1, "categories are gone in", "column"),
    (("number of categories of all",), -1, "categories are gone on average", ""),
    (("number of categories of `", "kept rare"), -1, "categories are gone in", "column"),
    (("invented categories",), 1, "there are new categories in", "column"),
    (("entropy", "total variation"), 0, "shares of categories differ in", "column"),
    (("missing share",), 0, "shares of missing values differ in", "column"),
    (("repeated values",), 1, "values repeat more often in", "column"),
    (("repeated values",), -1, "values repeat less often in", "column"),
    (("repeated rows",), 1, "rows repeat each other", ""),
    (("mean size of",), -1, "columns go together less", ""),
    (("mean size of",), 1, "columns go together more", ""),
    (("rank correlation", "correlation ratio", "Cramér's V"), 0, "association differs in", "pair of columns"),
    (("share of cluster",), -1, "there are fewer rows in", "cluster"),
    (("share of cluster",), 1, "there are more rows in", "cluster"),
    (("rows equal", "rows close"), 1, "rows copy real rows", ""),
    (("rows far",), 1, "rows lie where no real row is", ""),
    (("rows far",), -1, "rows keep to where real rows are dense", ""),
    (("classifier",), 0, "a classifier tells them apart", ""),
)


def verdict(findings: Sequence[Finding], *, size: int) -> str:
    """Return in two sentences whether the rows are told apart, and by which kinds of measures, the clearest of many."""
    found = [finding for finding in findings if finding.found]
    tested = f"{counted(len(findings), 'measure')}, {size:,} rows against as many real ones"
    if not found:
        return f"Nothing tells the synthetic rows from a second real sample ({tested})."
    headlines = _headlines(found)
    clearest = sorted(headlines, key=lambda said: -headlines[said])[:N_HEADLINES]
    more = len(headlines) - len(clearest)
    said = "; ".join([*(s for s in headlines if s in clearest), *[f"and {counted(more, 'more kind')}"] * (more > 0)])
    return f"The synthetic rows are no second real sample: {said}. {len(found)} of {tested}."


def _headlines(found: Sequence[Finding]) -> dict[str, float]:
    """Return what is found by kind, with the number of columns, pairs or clusters, and its farthest distance."""
    by_kind: dict[tuple[str, str], list[Finding]] = {}
    for starts, sign, said, noun in _HEADLINES:
        held = [f for f in found if f.name.startswith(starts) and (sign == 0 or sign * f.distance > 0)]
        if held:
            by_kind.setdefault((said, noun), []).extend(held)
    by_column = {said.removesuffix(" in") for said, noun in by_kind if noun}
    headlines = {}
    for (said, noun), held in by_kind.items():
        if said.removesuffix(" on average") in by_column and not noun:
            continue  # said of single columns already
        subjects = {f.name.partition("`")[2] or f.name for f in held}
        headlines[f"{said} {_counted(len(subjects), noun)}" if noun else said] = max(abs(f.distance) for f in held)
    return headlines


def _counted(count: int, noun: str) -> str:
    return counted(count, noun) if noun != "pair of columns" else f"{counted(count, 'pair')} of columns"


def details(findings: Sequence[Finding], importance: dict[str, float]) -> str:
    """Return the clearest finding of each topic in a sentence, and which columns the classifier goes by."""
    first: dict[str, Finding] = {}
    for finding in sorted((f for f in findings if f.found), key=lambda f: -abs(f.distance)):
        first.setdefault(finding.topic, finding)
    sentences = [f"{finding.sentence[:1].upper()}{finding.sentence[1:]}." for finding in first.values()][:N_DETAILS]
    if importance:
        sentences.append(f"The classifier goes by {listing(list(importance), limit=3)}.")
    return " ".join(sentences)


def losses(findings: Sequence[Finding], real: Columns, synthetic: Columns, clusters: Clusters) -> tuple[Loss, ...]:
    """Return the categories and clusters that are gone, where that was found to be more than chance."""
    found = {finding.name for finding in findings if finding.found and finding.distance < 0} | {
        finding.name for finding in findings if finding.found and finding.name.startswith("lost categories")
    }
    return (*_lost_categories(found, real, synthetic), *_lost_clusters(findings, real, clusters))


def _lost_categories(found: set[str], real: Columns, synthetic: Columns) -> Iterator[Loss]:
    for k, column in enumerate(real.schema.categorical):
        signs = ("number of categories", "lost categories", "kept rare categories")
        if not any(name.startswith(signs) and name.endswith(f"of `{column}`") for name in found):
            continue
        levels = real.schema.levels[column]
        share = np.bincount(real.codes[:, k], minlength=len(levels)) / len(real)
        gone = np.flatnonzero(~np.isin(np.arange(len(levels)), synthetic.codes[:, k]))
        if gone.size:
            examples = tuple(levels[code] for code in gone[:N_EXAMPLES])
            yield Loss(
                name=f"categories of `{column}`", count=gone.size, share=float(share[gone].sum()), examples=examples
            )


def _lost_clusters(findings: Sequence[Finding], real: Columns, clusters: Clusters) -> Iterator[Loss]:
    """Yield the clusters of which hardly anything is left, largest first; none is a part of another."""
    emptied = {
        int(finding.name.rsplit(" ", 1)[1]) - 1: finding
        for finding in findings
        if finding.found and finding.name.startswith("share of cluster")
        if finding.synthetic < _LOST_CLUSTER * finding.real
    }
    gone: list[int] = []
    for k in sorted(emptied):  # numbered by size; two clusters are apart, or the smaller is a part of the larger
        if not any((clusters.members[k] <= clusters.members[larger]).all() for larger in gone):
            gone.append(k)
    if gone:
        yield Loss(
            name=f"clusters (less than {share_text(_LOST_CLUSTER)} left)",
            count=len(gone),
            share=sum(len(clusters.rows(k)) for k in gone) / len(real),
            examples=tuple(_described(k, emptied[k], real, clusters) for k in gone[:N_EXAMPLES]),
        )


def _described(cluster: int, finding: Finding, real: Columns, clusters: Clusters) -> str:
    """Return where a cluster of real rows lies: its number, its share of both tables and most unusual columns."""
    rows = clusters.rows(cluster)
    center, scale = clusters.space.center, clusters.space.scale
    z: Array = np.array(
        [
            (np.nanmean(column) - center[k]) / scale[k] if (~np.isnan(column)).any() else 0.0
            for k, column in enumerate(real.numbers[rows].T)
        ]
    )
    order = [k for k in np.argsort(-np.abs(z)) if abs(z[k]) >= _STANDS_OUT][:3]
    where = ", ".join(f"`{real.schema.numeric[k]}` about {rough_text(center[k] + z[k] * scale[k], 2)}" for k in order)
    shares = f"{share_text(finding.real)} of the real rows, {share_text(finding.synthetic)} of the synthetic ones"
    return f"cluster {cluster + 1} ({shares}{': ' if where else ''}{where})"


def facts(told: TwoSample) -> tuple[Fact, ...]:
    """Return by which columns the classifier tells the rows apart."""
    return tuple(
        Fact(
            name=f"importance of `{column}`",
            value=fall,
            interval=None,
            meaning="fall of the classifier's area under the curve when the column is shuffled",
        )
        for column, fall in list(told.importance.items())[:N_FACTS]
    )
