"""How is the audit of a text put into words? A verdict in one sentence, and what stands behind it."""

from __future__ import annotations

from modelcollapse.decisions.distribution_result import Fact, Finding
from modelcollapse.digits import rough_text, share_text

_NARROWER_BELOW = ("different ", "type growth", "entropy", "missing mass", "followers of", "compressed size")
_NARROWER_ABOVE = ("Zipf exponent", "lost mass", "repeated ")
_KEPT = " kept"
MOST_GENERATIONS = 100
"""Generations of replacement that a loss is compared with."""
COPY = "The synthetic text is the real text itself: a copy is no second sample."
_MOST = 2
"""Findings that the verdict names."""


def is_narrowing(finding: Finding) -> bool:
    """Say whether a finding, by its direction, means less variety than in real text."""
    if finding.name.startswith(_NARROWER_ABOVE):
        return finding.distance > 0
    return finding.distance < 0 and (finding.name.startswith(_NARROWER_BELOW) or _KEPT in finding.name)


def verdict(findings: tuple[Finding, ...], *, size: int, noun: str) -> str:
    """Return whether the text is narrower than real text, different, or neither, in one sentence."""
    found = [finding for finding in findings if finding.found]
    if not found:
        return (
            f"No sign of collapse: with {size:,} {noun} on each side, none of {len(findings)} measures tells the "
            "synthetic text from a second real sample."
        )
    narrowing = [finding for finding in found if is_narrowing(finding)]
    if narrowing:
        said = _join(_headline(narrowing, noun))
        return f"The synthetic text is narrower than a second real sample of its size: {said}."
    said = _join([finding.sentence for finding in _by_topic(found)[:_MOST]])
    return f"The synthetic text differs from a second real sample, but is not narrower: {said}."


def _headline(narrowing: list[Finding], noun: str) -> list[str]:
    """Return the sentences that say most: what is lost first, then one from another topic."""
    first = [finding for finding in narrowing if finding.name == f"{noun} kept"]
    chosen = [f"it has lost {share_text(1 - f.synthetic / f.real)} of the {noun} that one keeps" for f in first]
    vocabulary = [finding for finding in narrowing if finding.name == f"different {noun}"]
    rest = [finding for finding in narrowing if finding not in first]
    order = [*vocabulary, *_by_topic(rest)]
    return [*chosen, *dict.fromkeys(finding.sentence for finding in order)][:_MOST]


def _by_topic(findings: list[Finding]) -> list[Finding]:
    """Return the clearest finding of each topic first, then the others."""
    ordered = sorted(findings, key=lambda finding: -abs(finding.distance))
    firsts = list({finding.topic: finding for finding in reversed(ordered)}.values())[::-1]
    firsts.sort(key=lambda finding: -abs(finding.distance))
    return [*firsts, *(finding for finding in ordered if finding not in firsts)]


def _join(sentences: list[str]) -> str:
    return ", and ".join(sentences)


def details(findings: tuple[Finding, ...], facts: tuple[Fact, ...], *, noun: str) -> str:
    """Return what the losses amount to, and what was not seen."""
    by_name = {fact.name: fact for fact in facts}
    found = [finding for finding in findings if finding.found]
    said = []
    if "generations of replacement" in by_name:
        n, absent = by_name["generations of replacement"].value, by_name["absent mass"].value
        times = "one generation" if round(n, 1) == 1 else f"{rough_text(n, 2)} generations" if n > 1 else ""
        without = f"; {share_text(absent)} of the real text is in {noun} that this text does not have" if absent else ""
        lost = "as much vocabulary as " + (times or "less than one generation")
        if n >= MOST_GENERATIONS:
            lost = f"more vocabulary than {MOST_GENERATIONS} generations"
        said.append(f"This is {lost} of replacement would lose{without}.")
    if "next-token cut" in by_name:
        said.append(f"Next {noun} seem to be drawn from {by_name['next-token cut'].value:.0f} candidates only.")
    copied = [finding for finding in found if finding.topic == "copies" and finding.distance > 0]
    said += [f"It repeats real text: {finding.sentence}." for finding in copied]
    if not found:
        low, high = next(finding.band for finding in findings if finding.name == f"different {noun}")
        half = (high - low) / (high + low)
        said.append(f"Chance changes the number of different {noun} by up to {share_text(half)}: less does not show.")
    return " ".join(said)
