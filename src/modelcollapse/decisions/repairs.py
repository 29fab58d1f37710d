"""What would mending the synthetic inputs gain? Theory's test error at hand, before and after each defect is mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.decisions.audit_result import Quality, Repair
from modelcollapse.decisions.differences import label_rule
from modelcollapse.decisions.evidence import Evidence
from modelcollapse.digits import HALF_WIDTH_90
from modelcollapse.estimation.mending import near_real_rows, onto_real_correlations, onto_real_margins
from modelcollapse.streams import stream
from modelcollapse.theory.dense import DenseCovariances
from modelcollapse.theory.mixture import mixture_risk
from modelcollapse.theory.reductions import Sampling
from modelcollapse.theory.teachers import Teachers

MOST_FEATURES = 120
MOST_ROWS = 50_000
"""Larger audits leave the question out: mending would take longer than the rest."""
N_DRAWS = 12
"""Draws of the rows with replacement, from which the standard error of a gain comes."""
FEWEST_ROWS = 20
"""Rows that must be left when strange ones are taken out."""


@dataclass(frozen=True, kw_only=True)
class World:
    """The real rows at hand with one synthetic source, as theory sees them.

    Attributes
    ----------
    counts : tuple of int
        Real and synthetic samples.
    noise_var : tuple of float
        Error of each source's own linear rule with endless rows.
    noise_stderr : float
        Relative standard error of these, both together; gains are about in proportion to them.
    rule : array, (d, C)
        Linear rule of the real labels, one column for each output.
    quality : float
        c² of the synthetic labels.
    ridge : float
    """

    counts: tuple[int, int]
    noise_var: tuple[float, float]
    noise_stderr: float
    rule: Array
    quality: float
    ridge: float

    def test_error(self, real: Array, synthetic: Array) -> float:
        """Return theory's test error with the second moments of real and synthetic inputs (n, d) and (m, d)."""
        moments = np.stack([rows.T @ rows / len(rows) for rows in (real, synthetic)])
        wrong = self.quality / float(np.trace(moments[0])) * np.eye(len(self.rule))
        counts = np.array(self.counts, dtype=np.float64)
        sampling = Sampling(
            group=(0, 1),
            share=counts / counts.sum(),
            n_total=np.asarray(counts.sum()),
            noise_var=np.array(self.noise_var),
            weight=np.ones(2),
            ridge=np.asarray(self.ridge),
            width=None,
            feature_noise=np.zeros(2),
        )
        teachers = Teachers(  # a random vector whose second moment is the rule's does for all outputs together
            fixed=np.zeros((2, len(self.rule))),
            loadings=np.array([[1.0, 0.0], [1.0, 1.0]]),
            second_moments=np.stack([self.rule @ self.rule.T, wrong]),
            scale=np.ones(2),
        )
        risk = mixture_risk(sampling, covariances=DenseCovariances(matrices=moments), teachers=teachers)
        return float(risk.excess_risk[0]) + self.noise_var[0]


def repairs(evidence: Evidence, *, quality: Mapping[str, Quality], rule_ridge: float) -> tuple[Repair, ...]:
    """Ask theory what mending each synthetic source's inputs would gain, mixed with the real rows at hand.

    Parameters
    ----------
    evidence : Evidence
    quality : mapping of str to Quality
        c² of the sources whose labels could be judged.
    rule_ridge : float
        λ at which label rules are learned.

    Returns
    -------
    tuple of Repair
        Up to three for each source; none where the audit is too large, or labels cannot be judged.

    Notes
    -----
    Second moments, label noise, the real label rule and the label quality are those of the data; the direction in which
    synthetic labels are wrong is taken to be random. Moved rows have labels as good or bad as before. The forecast
    itself cannot answer: labels of moved rows would have to come from a rule that these rows have taught. Intervals
    come from drawing the rows with replacement, and from the error of the label noise.
    """
    whole = evidence.whole
    if whole.n_features > MOST_FEATURES or whole.total > MOST_ROWS:
        return ()
    found: list[Repair] = []
    for k, name in list(enumerate(whole.names))[1:]:
        world = _world(evidence, k, quality[name].value, rule_ridge=rule_ridge) if name in quality else None
        if world is not None:
            found += _gains(world, name, whole.rows[0].features, whole.rows[k].features, seed=evidence.seed)
    return tuple(found)


def _world(evidence: Evidence, source: int, quality: float, *, rule_ridge: float) -> World | None:
    """Read off the data what theory asks for; None when it cannot be told."""
    whole = evidence.whole
    rules = [rule for k in (0, source) if (rule := label_rule(whole.select([k]), ridge=rule_ridge)) is not None]
    noise = [float(rule.mean_errors[0]) for rule in rules]
    counts = np.where(np.isin(np.arange(whole.n_sources), [0, source]), evidence.counts, 0.0)
    if len(noise) < 2 or not min(noise) > 0:
        return None
    fit = rules[0].fit
    squares = [rule.fit.left_out_squares[0] for rule in rules]
    relative = [np.std(each) / np.mean(each) / np.sqrt(len(each)) for each in squares]
    return World(
        counts=(int(counts[0]), int(counts[source])),
        noise_var=(noise[0], noise[1]),
        noise_stderr=float(np.hypot(*relative)),
        rule=fit.spectrum.vectors @ fit.coefficients,
        quality=quality,
        ridge=evidence.best_ridge(counts),
    )


def _gains(world: World, name: str, real: Array, synthetic: Array, *, seed: int) -> list[Repair]:
    """Return what each way of mending gains, with intervals from drawing the rows anew."""
    before, after = _errors(world, real, synthetic)
    random = stream(seed, "repairs", name)
    draws: dict[str, list[float]] = {what: [] for what in after}
    for _ in range(N_DRAWS):
        drawn = (rows[random.integers(0, len(rows), len(rows))] for rows in (real, synthetic))
        redrawn, mended = _errors(world, *drawn)
        for what in after.keys() & mended.keys():
            draws[what].append(redrawn - mended[what])
    found = []
    for what, error in after.items():
        gain = before - error
        drawing = float(np.std(draws[what], ddof=1)) if len(draws[what]) > 1 else np.nan
        half = HALF_WIDTH_90 * float(np.hypot(drawing, gain * world.noise_stderr))
        interval = (gain - half, gain + half)
        found.append(Repair(source=name, mended=what, before=before, after=error, gain=gain, interval=interval))
    return found


def _errors(world: World, real: Array, synthetic: Array) -> tuple[float, dict[str, float]]:
    """Return theory's test error with the inputs as they are, and with each way of mending."""
    mended = {
        "spread and tails": onto_real_margins(synthetic, real),
        "association": onto_real_correlations(synthetic, real),
    }
    near = near_real_rows(synthetic, real)
    if FEWEST_ROWS <= near.sum() < len(synthetic):
        mended["strange rows"] = synthetic[near]
    return world.test_error(real, synthetic), {what: world.test_error(real, rows) for what, rows in mended.items()}
