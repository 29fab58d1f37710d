"""What does one look at a model in training say? Measures with bands, and the signatures of collapse they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelcollapse.result import Writable

SIGNATURES = ("diversity", "repetition", "missing_mass", "tail_loss")
"""Ways in which collapse shows while a model is trained."""
PREFIX = "collapse/"
"""What names of logged numbers start with."""


@dataclass(frozen=True, kw_only=True)
class Measurement(Writable):
    """One measure of what a model writes, or of its losses, at one look.

    Attributes
    ----------
    name : str
        E.g. ``"different_words"``.
    signature : str
        One of `SIGNATURES`.
    value : float
    real : float
        What as much real text has; of a loss, what it was when the model's text was closest to real text.
    band : (float, float)
        Between which values 90 of 100 second real samples lie; of a loss, about
        what it was then.
    departure : float
        How far the model is on the side of collapse, in standard deviations of a second real sample; negative where
        it is on the other side.
    growth : float
        By how much the departure has grown since the model was closest to real text; at most the departure itself.
    sentence : str
        What the value says, in plain words.
    """

    name: str
    signature: str
    value: float
    real: float
    band: tuple[float, float]
    departure: float
    growth: float
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Reading(Writable):
    """One look at a model in training.

    Attributes
    ----------
    step : int
    n_tokens : int
        What the model wrote, in tokens of the gauge.
    measurements : tuple of Measurement
        Those of what it wrote are left out when it wrote less than a look needs.
    distance : float or None
        Between the frequencies of its tokens and real ones (`modelcollapse.monitoring.closeness`); it says which look
        was closest. None when it wrote too little.
    closest_step : int or None
        Step of the look with the least distance so far, this one included.
    threshold : float
        What a growth must reach to be a warning: infinite at the first look.
    outside : tuple of str
        Signatures that set what the model wrote apart from a second real sample, whether or not it was ever closer.
    warnings : tuple of str
        Signatures that have grown since the model was closest to real text, beyond chance.
    sentences : tuple of str
        One for each warning.
    """

    step: int
    n_tokens: int
    measurements: tuple[Measurement, ...]
    distance: float | None
    closest_step: int | None
    threshold: float
    outside: tuple[str, ...]
    warnings: tuple[str, ...]
    sentences: tuple[str, ...]

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Reading:
        """Return the reading that `to_dict` wrote down."""
        parts = [Measurement(**{**part, "band": tuple(part["band"])}) for part in content["measurements"]]
        found: dict[str, Any] = {**content, "measurements": tuple(parts)}
        found |= {name: tuple(content[name]) for name in ("outside", "warnings", "sentences")}
        found["threshold"] = float("inf") if content["threshold"] is None else content["threshold"]
        return cls(**found)

    @property
    def numbers(self) -> dict[str, float]:
        """What is logged of it: each value with its band and its growth, by name."""
        found: dict[str, float] = {f"{PREFIX}n_tokens": float(self.n_tokens)}
        for each in self.measurements:
            name = f"{PREFIX}{each.name}"
            found |= {name: each.value, f"{name}_low": each.band[0], f"{name}_high": each.band[1]}
            found[f"{name}_growth"] = each.growth
        if self.distance is not None:
            found[f"{PREFIX}distance"] = self.distance
        return found | {f"{PREFIX}n_warnings": float(len(self.warnings))}

    def measurement(self, name: str) -> Measurement:
        """Return one measurement by its name.

        Raises
        ------
        KeyError
            When there is none of this name.
        """
        return {each.name: each for each in self.measurements}[name]
