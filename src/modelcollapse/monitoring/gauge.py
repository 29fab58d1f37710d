"""Is what a model writes narrower than real text, and was it closer before? A gauge for any training loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from modelcollapse.checks import fail, integer
from modelcollapse.decisions.distribution_result import Finding
from modelcollapse.decisions.real_against_real import LEVEL, judge
from modelcollapse.decisions.text_audit import FEWEST, RealText, reference
from modelcollapse.decisions.text_draws import draw_synthetic, prepare_synthetic
from modelcollapse.digits import HALF_WIDTH_90, rough_text
from modelcollapse.errors import InputError
from modelcollapse.estimation.text_files import Source
from modelcollapse.estimation.token_ids import TokenSequence, read_tokens
from modelcollapse.monitoring.closeness import frequency_distance
from modelcollapse.monitoring.reading import Measurement, Reading
from modelcollapse.monitoring.tail import BandLosses, standard_error, tail_growth
from modelcollapse.streams import stream

FEWEST_SAMPLES = 16
WATCHED = (
    ("different_{noun}", "diversity", "different {noun}", -1),
    ("entropy", "diversity", "entropy", -1),
    ("repeated_4_grams", "repetition", "repeated 4-grams", 1),
    ("repeated_8_grams", "repetition", "repeated 8-grams", 1),
    ("lost_mass", "missing_mass", "lost mass", 1),
)
"""Name of each measure, its signature, what audits call it, and on which side of real text collapse is."""
N_MEASURES = len(WATCHED) + 1  # and the loss of the tail


class Gauge:
    """Holds what a model writes, look after look, against real text.

    Parameters
    ----------
    real : path, or sequence of str
        Held-out real text: a file or directory, or documents; see `modelcollapse.estimation.text_files.read_blocks`.
        At least twice `n_tokens`.
    n_samples : int
        Texts in each look, at least 16.
    n_tokens : int
        Tokens of all texts of a look that are measured, at least 1,024; what is more is left out.
    tokens : str
        ``"words"`` (between white space), ``"characters"``, or the file of a tokenizer of the `tokenizers` library.
    seed : int

    Attributes
    ----------
    readings : list of Reading
        One for each look, in order.

    Raises
    ------
    InputError
        When the real text cannot be read or is too short, or a number is out of range.

    Notes
    -----
    **Bands.** The real text is cut into pieces as long as the model's texts and these are shuffled, so that a look at
    real text has its words from as many places as a look at the model. Measures and bands are those of
    `modelcollapse.decisions.text_audit`, drawn once from splits of the shuffled real text.

    **Not yet learned, or collapsed.** A model that has learned little is far from real text too. So a signature is a
    departure that has *grown*: the model was closer to real text, at the look at which the frequencies of its tokens
    were nearest to real ones, and has since gone farther on the side of collapse, beyond real text. What is narrow from
    the first look to the last, without ever having been closer, is listed in `Reading.outside` and is not warned of: a
    small model and a collapsed one cannot be told apart by what they write.

    **Looking often.** Look number t may spend a chance of 0.05/(t (t − 1)) on a false alarm, which adds up to 0.05
    however long the run is; it is shared equally by all measures and all earlier looks that might have been the
    closest. Differences between looks are taken to be normal with the spread of the difference between two real
    samples. The chance holds for a model that stays as it is. One that really moves about, at a distance from real
    text, moves more than chance does.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> words = lambda n: " ".join(random.zipf(1.5, size=n).astype(str))
    >>> gauge = Gauge([words(20_000)], n_samples=16, n_tokens=3200)
    >>> gauge.look([words(200) for _ in range(16)], step=0).warnings
    ()
    >>> gauge.look(["so it goes on and on " * 40 for _ in range(16)], step=100).warnings
    ('diversity', 'repetition', 'missing_mass')
    """

    def __init__(self, real: Source, *, n_samples: int, n_tokens: int, tokens: str = "words", seed: int = 0) -> None:
        self.n_samples = integer("n_samples", n_samples, low=FEWEST_SAMPLES)
        self.n_tokens = integer("n_tokens", n_tokens, low=FEWEST, hint="Write more or longer texts at each look.")
        self._real = _shuffled(reference(real, tokens=tokens, seed=seed), self.n_tokens, self.n_tokens // n_samples)
        self._losses_then: BandLosses | None = None  # at the look that was closest to real text
        self.readings: list[Reading] = []

    def look(self, texts: Sequence[str], *, step: int, losses: BandLosses | None = None) -> Reading:
        """Measure what a model has just written, and say what has got worse since it was closest to real text.

        Parameters
        ----------
        texts : sequence of str
            Written independently of each other; `n_samples` of them.
        step : int
        losses : BandLosses, optional
            Of the model on held-out real text, the same at every look; from `band_losses`.

        Returns
        -------
        Reading

        Raises
        ------
        InputError
            When there are not as many texts as agreed.
        """
        if isinstance(texts, str) or len(texts) != self.n_samples:
            raise fail("texts", texts if isinstance(texts, str) else len(texts), f"{self.n_samples} texts")
        written = self._read(texts)
        findings, distance = self._compared(written)
        closest = self._closest(distance)
        threshold = growth_threshold(len(self.readings) + 1)
        measurements = [self._measurement(*watched, findings, closest) for watched in WATCHED if findings]
        if closest is None:
            self._losses_then = losses
        measurements += [] if losses is None else [self._tail_measurement(losses, closest)]
        worse = _by_signature([each for each in measurements if each.growth >= threshold])
        outside = [each for each in measurements if each.name in self._found(findings)]
        reading = Reading(
            step=step,
            n_tokens=len(written),
            measurements=tuple(measurements),
            distance=distance,
            closest_step=closest.step if closest is not None else step if findings else None,
            threshold=threshold,
            outside=tuple(_by_signature(outside)),
            warnings=tuple(worse),
            sentences=tuple(f"{name}: {each.sentence}" for name, each in worse.items()),
        )
        self.readings.append(reading)
        return reading

    def state(self) -> dict[str, Any]:
        """Return what the next look depends on, for a checkpoint in JSON."""
        then = None if self._losses_then is None else {"tail": self._losses_then.tail, "head": self._losses_then.head}
        return {"readings": [reading.to_dict() for reading in self.readings], "losses_then": then}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self.readings = [Reading.from_dict(each) for each in state["readings"]]
        then = state["losses_then"]
        self._losses_then = then and BandLosses(tail=tuple(then["tail"]), head=tuple(then["head"]))

    def _read(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Return the tokens that the model wrote; none when it wrote nothing but white space."""
        if not any(text.strip() for text in texts):
            return np.zeros(0, dtype=np.int32)
        return read_tokens(list(texts), tokens=self._real.unit, vocabulary=self._real.vocabulary).ids

    def _compared(self, written: NDArray[np.int32]) -> tuple[dict[str, Finding], float | None]:
        """Hold what the model wrote against real text, measure by measure and as a whole; nothing of too little."""
        if len(written) < self.n_tokens:
            return {}, None
        draws = self._real.draws(self.n_tokens)
        text = prepare_synthetic(draws, written[: self.n_tokens])
        findings = judge(draw_synthetic(draws, text, seed=self._real.seed))
        distance = frequency_distance(draws.text.text, text.text, seed=self._real.seed)
        return {finding.name: finding for finding in findings}, distance

    def _closest(self, distance: float | None) -> Reading | None:
        """Return the earlier look that was closest to real text; None when it is this one, or there is none."""
        earlier = [(reading.distance, reading) for reading in self.readings if reading.distance is not None]
        least, best = min(earlier, key=lambda pair: pair[0], default=(0.0, None))
        return None if distance is not None and distance <= least else best

    def _measurement(
        self, name: str, signature: str, noun: str, side: int, findings: dict[str, Finding], closest: Reading | None
    ) -> Measurement:
        """Return one measure of what the model wrote, and how far it has gone since the closest look."""
        name = name.format(noun=self._real.noun)
        finding = findings[noun.format(noun=self._real.noun)]
        departure = side * finding.distance
        before = departure if closest is None else closest.measurement(name).departure
        since = "" if closest is None else f"; it was closer to real text at step {closest.step:,}"
        return Measurement(
            name=name,
            signature=signature,
            value=finding.synthetic,
            real=finding.real,
            band=finding.band,
            departure=departure,
            growth=departure - max(0.0, before),
            sentence=f"{finding.sentence}{since}",
        )

    def _tail_measurement(self, losses: BandLosses, closest: Reading | None) -> Measurement:
        """Return the loss of the rarest tokens, held against what it was when the text was closest to real text."""
        then = self._losses_then or losses
        growth, half_width = tail_growth(losses, then), HALF_WIDTH_90 * standard_error(losses, then)
        rise = rough_text(losses.tail_loss / then.tail_loss), rough_text(losses.head_loss / then.head_loss)
        since = "" if closest is None else f"; the model's text was closest to real text at step {closest.step:,}"
        return Measurement(
            name="tail_loss",
            signature="tail_loss",
            value=losses.tail_loss,
            real=then.tail_loss,
            band=(then.tail_loss - half_width, then.tail_loss + half_width),
            departure=growth,
            growth=growth,
            sentence=f"the loss of the rarest tokens of real text is {rise[0]} times what it was, that of the "
            f"commonest {rise[1]} times{since}",
        )

    def _found(self, findings: dict[str, Finding]) -> set[str]:
        """Return the measures that set the text apart from real text, on the side of collapse, corrected for all."""
        noun = self._real.noun
        found = ((name, findings[audited.format(noun=noun)], side) for name, _, audited, side in WATCHED if findings)
        return {
            name.format(noun=noun) for name, finding, side in found if finding.found and side * finding.distance > 0
        }


def growth_threshold(look: int) -> float:
    """Return what a growth must reach at a look, in standard deviations, so that all looks together spend 0.05.

    Parameters
    ----------
    look : int
        Its number, from 1 on.

    Returns
    -------
    float
        Infinite at the first look, from which nothing can have grown.

    Notes
    -----
    Look t has 0.05/(t (t − 1)), whose sum over t is 0.05; it is shared by `N_MEASURES` measures and t − 1 earlier looks
    (Bonferroni).

    References
    ----------
    K. K. G. Lan, D. L. DeMets, Discrete sequential boundaries for clinical trials, Biometrika 70, 1983.

    Examples
    --------
    >>> [round(growth_threshold(look), 2) for look in (1, 2, 10, 100)]
    [inf, 2.64, 4.26, 5.64]
    """
    if look < 2:
        return float("inf")
    return float(stats.norm.isf(LEVEL / (look * (look - 1)) / (N_MEASURES * (look - 1))))


def _by_signature(measurements: Sequence[Measurement]) -> dict[str, Measurement]:
    """Return the measurement that has grown most of each signature."""
    ordered = sorted(measurements, key=lambda each: each.growth)
    found = {each.signature: each for each in ordered}
    return {each.signature: found[each.signature] for each in measurements}


def _shuffled(real: RealText, n_tokens: int, length: int) -> RealText:
    """Return twice as many tokens of real text as a look has, in pieces as long as the model's texts, from all over."""
    ids = real.tokens.ids
    if len(ids) < 2 * n_tokens:
        raise InputError(
            f"too little real text: {len(ids):,} {real.noun}; a look at {n_tokens:,} {real.noun} of the model needs "
            f"{2 * n_tokens:,}. Give more real text, or write fewer or shorter samples."
        )
    n_pieces = -(-2 * n_tokens // length)
    spare = len(ids) - n_pieces * length
    generator = stream(real.seed, "pieces of real text")
    if spare >= 0:
        begins = np.arange(n_pieces) * length + np.sort(generator.integers(spare + 1, size=n_pieces))
    else:
        begins = np.linspace(0, len(ids) - length, n_pieces).astype(np.intp)  # the last ones overlap by less than one
    pieces = ids[generator.permutation(begins)[:, None] + np.arange(length)].ravel()[: 2 * n_tokens]
    sequence = TokenSequence(ids=pieces, starts=np.arange(0, len(pieces), length), stride=real.tokens.stride)
    return replace(real, tokens=sequence, drawn={})
