"""Is it happening to me now? Failure signatures in a table of past runs, each with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from modelcollapse.checks import Array, number
from modelcollapse.decisions.diagnosis import (
    CLEAN,
    FOUND,
    NOT_ENOUGH_RUNS,
    NOT_FOUND,
    SIGNATURE,
    Diagnosis,
    Signature,
)
from modelcollapse.decisions.diagnosis_words import not_examined, verdict
from modelcollapse.decisions.examination import Examination, Generators, clean_law, enough_for
from modelcollapse.decisions.excess import examine_departure, examine_generations, examine_share
from modelcollapse.decisions.plateau import examine_plateau
from modelcollapse.decisions.tail_loss import examine_tails
from modelcollapse.digits import rough_text
from modelcollapse.estimation.distinct_settings import Settings, settings_of
from modelcollapse.estimation.law_fits import fit_law
from modelcollapse.estimation.runs import Runs
from modelcollapse.streams import stream

Progress = Callable[[str, int, int], None]

LEVEL = 0.05

DIVERGED = 2.0
"""How many times more, or less, loss than expected a run on real data has that is taken for failed."""

OFF = 20.0
"""How many standard deviations of the others' noise it is off, too."""

FEWEST_REAL = 6
"""Settings with real data alone from which failed ones among them are looked for."""

SIGNATURES: dict[str, tuple[str, Callable[[Settings, Generators], Examination]]] = {
    "plateau": ("Plateau with growing data", examine_plateau),
    "departure": ("Departure from the clean law", examine_departure),
    "share": ("Degradation with the synthetic share", examine_share),
    "generations": ("Degradation over generations", examine_generations),
    "tails": ("Loss of the tail", examine_tails),
}
"""What is looked for, in words, and by which function."""
OF_SYNTHETIC = ("departure", "share", "generations")
"""Signatures of which one must have been looked for before runs with synthetic data are called clean."""


def diagnose(runs: Runs, *, level: float = LEVEL, seed: int = 0, progress: Progress | None = None) -> Diagnosis:
    """Look for signatures of collapse in past runs.

    Parameters
    ----------
    runs : Runs
    level : float
        Chance of any signature when the runs follow a clean law, in [0.01, 0.5].
    seed : int
    progress : callable, optional
        Called with what is looked for, how many signatures are done, and how many there are.

    Returns
    -------
    Diagnosis

    Raises
    ------
    InputError
        When the level is outside its range, or the seed is negative.

    Notes
    -----
    The clean law, to which nothing happens: loss falls as a power of all data, real or synthetic, to an irreducible
    loss, plus a power of the model's size where it varies. Each signature is one more term, with a bootstrapped p-value
    of its own; those of all are corrected by Holm's method. Repeats of a setting count once. What else differs between
    runs (recipe, tokeniser, held-out data) must not go with the synthetic data, or it is taken for their effect.

    References
    ----------
    Dohmatob et al. (2024), arXiv 2402.07043 (loss of scaling, shifted scaling, lost tails) and 2410.04840 (floors that
    no amount of data removes); Holm (1979), Scand. J. Statist. 6, 65.

    Examples
    --------
    >>> import numpy as np
    >>> data = np.tile(np.geomspace(1e6, 1e8, 8), 2)
    >>> share = np.repeat([0.0, 0.5], 8)
    >>> noise = 1 + 0.005 * np.cos(7.0 * np.arange(16) ** 2)
    >>> loss = (1.7 + 3 * (data / 1e6) ** -0.3 + 0.3 * share) * noise
    >>> diagnosis = diagnose(Runs(real=data * (1 - share), synthetic=data * share, loss=loss))
    >>> diagnosis.status, [signature.name for signature in diagnosis.found]
    ('signature', ['plateau', 'departure'])
    """
    number("level", level, low=0.01, high=0.5)
    settings, failed = _without_failed(settings_of(runs))
    examined: dict[str, Examination] = {}
    with threadpool_limits(limits=1):  # matrices of a few rows: more threads are slower
        for name, (title, examine) in SIGNATURES.items():
            if progress is not None:
                progress(f"looking for: {title.lower()}", len(examined), len(SIGNATURES))
            examined[name] = examine(settings, partial(stream, seed, "diagnose", name))
        law = _clean_parameters(settings)
    signatures = _judged(examined, level)
    status = NOT_ENOUGH_RUNS if runs.doubt else _status(signatures, synthetic=bool((runs.synthetic > 0).any()))
    return Diagnosis(
        verdict=f"Cannot be told: {runs.doubt}" if runs.doubt else verdict(status, signatures),
        status=status,
        signatures=signatures,
        not_examined=not_examined(signatures, runs),
        clean_law=law,
        counts={"runs": len(runs), "settings": len(settings), "real_only": int((settings.shares == 0).sum())},
        unit=runs.unit,
        level=level,
        warnings=(*runs.warnings, *failed),
        seed=seed,
    )


def holm(p_values: Sequence[float]) -> Array:
    """Return p-values corrected for each other by Holm's method, (k,).

    Examples
    --------
    >>> holm([0.04, 0.01, 0.5]).tolist()
    [0.08, 0.03, 0.5]
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values)
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(1.0, stepped)
    return corrected


def _without_failed(settings: Settings) -> tuple[Settings, tuple[str, ...]]:
    """Leave out runs on real data alone that are far off what the others say: one would hide what all others show.

    At most a tenth of them, or one: more are no accidents.
    """
    words: list[str] = []
    for _ in range(max(1, int((settings.shares == 0).sum()) // 10)):
        real = np.flatnonzero(settings.shares == 0)
        worst, times = _farthest(settings.select(settings.shares == 0))
        if worst is None:
            break
        words.append(
            f"{settings.names[real[worst]]} is left out: its loss is {rough_text(times, 2)} times what the other runs "
            "with real data only lead to expect. Check it."
        )
        settings = settings.select(np.arange(len(settings)) != real[worst])
    return settings, tuple(words)


def _farthest(alone: Settings) -> tuple[int | None, float]:
    """Return which run, if any, failed by what all others lead to expect, and by what factor."""
    law = clean_law(alone)
    if len(alone) < max(FEWEST_REAL, len(law.parameters) + 3):
        return None, 1.0
    worst = int(np.argmax(np.abs(fit_law(law, alone.points, np.exp(alone.log_loss)).residuals)))
    others = alone.select(np.arange(len(alone)) != worst)
    fit = fit_law(law, others.points, np.exp(others.log_loss))
    off = float(alone.log_loss[worst] - np.log(fit.losses(alone.points.select(np.array([worst]))))[0])
    return (worst if abs(off) > max(np.log(DIVERGED), OFF * fit.scale) else None), float(np.exp(off))


def _judged(examined: dict[str, Examination], level: float) -> tuple[Signature, ...]:
    """Correct the p-values for each other, and say what is found."""
    tested = {name: examination.p_value for name, examination in examined.items() if examination.p_value is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return tuple(
        _signature(name, examination, p_value=corrected.get(name), level=level)
        for name, examination in examined.items()
    )


def _signature(name: str, examination: Examination, *, p_value: float | None, level: float) -> Signature:
    found = p_value is not None and p_value <= level
    shown = found or not examination.positive
    return Signature(
        name=name,
        title=SIGNATURES[name][0],
        status=NOT_ENOUGH_RUNS if p_value is None else FOUND if found else NOT_FOUND,
        p_value=None if p_value is None else float(p_value),
        effect=examination.effect if shown else None,
        interval=examination.interval if shown else None,
        effect_meaning=examination.effect_meaning,
        sentence=examination.found if found else examination.not_found,
        runs=examination.runs if found else (),
        x_name=examination.x_name,
        evidence=examination.evidence,
    )


def _status(signatures: Sequence[Signature], *, synthetic: bool) -> str:
    """Return whether anything is found, and if not, whether it could have been."""
    looked = {signature.name for signature in signatures if signature.status != NOT_ENOUGH_RUNS}
    if any(signature.status == FOUND for signature in signatures):
        return SIGNATURE
    if not looked or (synthetic and not looked & set(OF_SYNTHETIC)):
        return NOT_ENOUGH_RUNS
    return CLEAN


def _clean_parameters(settings: Settings) -> dict[str, float]:
    """Return the clean law of all settings; nothing where there are too few."""
    law = clean_law(settings)
    if not enough_for(law, n_settings=len(settings), more=0):
        return {}
    return fit_law(law, settings.points, np.exp(settings.log_loss)).parameters
