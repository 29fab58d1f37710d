"""How long does a fit of past runs take? 1,000 bootstrap resamples of 200 runs, beside curve_fit for each resample."""

from __future__ import annotations

import time
import warnings

import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

from modelcollapse.decisions.run_fit import fit_runs
from modelcollapse.estimation.law_fits import bootstrap, fit_law
from modelcollapse.estimation.runs import Runs
from modelcollapse.estimation.scaling_laws import Points, ScalingLaw, Units

N_RUNS = 200
N_REPLICATES = 1000
LONGEST = 20.0
NOISE = 0.01
UNITS = Units(data=1e7)
LAW = ScalingLaw(irreducible=True, exchange=True, floor="fraction")
TRUE = np.log([0.8, 0.3, 1.5, 0.5, 0.3, 0.8])


def run() -> str:
    """Time the whole of `fit_runs`, with and without sizes, and SciPy's fits of one law to as many resamples."""
    plain, sized = _runs(sizes=False), _runs(sizes=True)
    rows = []
    rival, interval = _timed(_curve_fit_interval, plain)
    for words, runs in (("12 laws", plain), ("28 laws, with model sizes", sized)):
        seconds, fit = _timed(lambda runs: fit_runs(runs, n_replicates=N_REPLICATES), runs)
        note = " (over 20 s)" if seconds > LONGEST else ""
        held = next(parameter for parameter in fit.parameters if parameter.name == "exponent")
        shown = f"{held.interval[0]:.3f} to {held.interval[1]:.3f}"
        rows.append(f"| `fit_runs`, {words} | {seconds:.1f}{note} | {rival / seconds:.1f} | {shown} |")
    points = Points(real=plain.real, synthetic=plain.synthetic)
    seconds, draws = _timed(lambda: bootstrap(fit_law(LAW, points, plain.loss), N_REPLICATES, np.random.default_rng(0)))
    low, high = np.exp(np.quantile(draws[:, 1], [0.05, 0.95]))
    rows.append(
        f"| `fit_law`, `bootstrap`, the true law | {seconds:.2f} | {rival / seconds:.0f} | {low:.3f} to {high:.3f} |"
    )
    rows.append(f"| `curve_fit`, the true law | {rival:.1f} | 1 | {interval[0]:.3f} to {interval[1]:.3f} |")
    return "\n".join(
        [
            "## Fit of past runs",
            "",
            f"{N_RUNS} runs of {NOISE:.0%} noise, {N_REPLICATES:,} bootstrap resamples. `fit_runs` fits all nested",
            "laws, twice and from 24 starts each, weighs them by what they foretell, resamples, and answers with",
            "curves, shares, prices and the next run. Below, one law of six parameters is fitted and resampled, which",
            "`scipy.optimize.curve_fit` does one resample after the other, from the best start. The true exponent is",
            "0.300.",
            "",
            "| by | seconds | times faster | 90 % interval of the exponent |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _timed(function, *given):  # type: ignore[no-untyped-def]
    start = time.perf_counter()
    result = function(*given)
    return time.perf_counter() - start, result


def _runs(*, sizes: bool) -> Runs:
    """Draw runs over three decades of data and five shares; a size changes nothing unless it is there."""
    generator = np.random.default_rng(0)
    total, share = 10 ** generator.uniform(6, 9, N_RUNS), generator.choice([0.0, 0.25, 0.5, 0.75, 0.9], N_RUNS)
    size = generator.choice([1e7, 1e8, 1e9], N_RUNS) if sizes else None
    points = Points(real=total * (1 - share), synthetic=total * share, size=size)
    loss = np.exp(LAW.log_losses(TRUE, points, UNITS) + NOISE * generator.standard_normal(N_RUNS))
    if size is not None:
        loss = loss + 0.4 * (size / 1e8) ** -0.3
    return Runs(real=points.real, synthetic=points.synthetic, size=size, loss=loss, unit="tokens")


def _curve_fit_interval(runs: Runs) -> tuple[float, float]:
    """Return the bootstrap interval of the exponent by SciPy."""
    generator = np.random.default_rng(0)

    def law(rows: np.ndarray, *vector: float) -> np.ndarray:
        where = Points(real=rows[0], synthetic=rows[1])
        return LAW.log_losses(np.array(vector), where, UNITS)

    rows, log_loss = np.stack([runs.real, runs.synthetic]), np.log(runs.loss)
    start, _ = curve_fit(law, rows, log_loss, p0=TRUE)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)
        for _ in range(N_REPLICATES):
            chosen = generator.integers(N_RUNS, size=N_RUNS)
            found.append(curve_fit(law, rows[:, chosen], log_loss[chosen], p0=start, maxfev=10_000)[0][1])
    low, high = np.exp(np.quantile(found, [0.05, 0.95]))
    return float(low), float(high)
