"""What does a diagnosis of past runs answer? Signatures of collapse, how sure they are, and which runs show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelcollapse import __version__
from modelcollapse.result import Writable

Interval = tuple[float, float]

FOUND, NOT_FOUND, NOT_ENOUGH_RUNS = "found", "not_found", "not_enough_runs"
"""What may be said of a signature."""
CLEAN, SIGNATURE = "clean", "signature"
"""What may be said of a table of runs, beside `NOT_ENOUGH_RUNS`."""


@dataclass(frozen=True, kw_only=True)
class Evidence(Writable):
    """One setting beside what a clean law says of it.

    Attributes
    ----------
    run : str
        What the run is called; of repeats, the first.
    x : float
        Amount of data, synthetic share or generation, as `Signature.x_name` says.
    measured, expected : float
        Loss reached (of repeats, the median), and that of the clean law beside the signature.
    group : str
        Legend entry, e.g. ``"real data only"``.
    """

    run: str
    x: float
    measured: float
    expected: float
    group: str


@dataclass(frozen=True, kw_only=True)
class Signature(Writable):
    """One way in which collapse shows, looked for in past runs.

    Attributes
    ----------
    name : str
        ``"plateau"``, ``"departure"``, ``"share"``, ``"generations"`` or ``"tails"``.
    title : str
        The same in words.
    status : str
        ``"found"``, ``"not_found"`` or ``"not_enough_runs"``.
    p_value : float or None
        Corrected for all signatures that were looked for (Holm). None where there are not enough runs.
    effect : float or None
        Excess over the clean law, relative: 0.05 is 5 % more.
    interval : (float, float) or None
        90 %.
    effect_meaning : str
        Of what the effect is the excess, and where.
    sentence : str
        What was found, or not, or what would be enough.
    runs : tuple of str
        Those that show it most, the worst first.
    x_name : str
        ``"data"``, ``"synthetic_fraction"`` or ``"generation"``.
    evidence : tuple of Evidence
        A setting each.
    """

    name: str
    title: str
    status: str
    p_value: float | None = None
    effect: float | None = None
    interval: Interval | None = None
    effect_meaning: str = ""
    sentence: str
    runs: tuple[str, ...] = ()
    x_name: str = "data"
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Diagnosis(Writable):
    """Whether past runs show signatures of collapse.

    Attributes
    ----------
    verdict : str
        In plain sentences.
    status : str
        ``"clean"``, ``"signature"`` or ``"not_enough_runs"``; the last also where the losses are most likely none.
    signatures : tuple of Signature
        All five.
    not_examined : tuple of str
        What was not looked at, and why.
    clean_law : dict of str to float
        Parameters of the law without signatures, fitted to all settings.
    counts : dict of str to int
        ``runs``, ``settings`` and ``real_only``, the settings without synthetic data.
    unit : str
        What data is counted in.
    level : float
        Chance of any signature under a clean law.
    warnings : tuple of str
    seed : int
    version : str
    """

    verdict: str
    status: str
    signatures: tuple[Signature, ...]
    not_examined: tuple[str, ...]
    clean_law: Mapping[str, float]
    counts: Mapping[str, int]
    unit: str
    level: float
    warnings: tuple[str, ...]
    seed: int
    version: str = __version__

    @property
    def found(self) -> tuple[Signature, ...]:
        """The signatures that are found."""
        return tuple(signature for signature in self.signatures if signature.status == FOUND)
