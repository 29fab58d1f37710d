"""Do bands of past runs hold the truth? Tables of runs with known laws, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelcollapse.decisions.run_fit import fit_runs
from modelcollapse.decisions.run_quantities import harmless_shares, prices
from modelcollapse.estimation.runs import Runs
from modelcollapse.estimation.scaling_laws import Points, ScalingLaw, Units
from modelcollapse.streams import stream
from studies.power_laws import RIVALS

Array = NDArray[np.float64]

LAWS = {
    "power law": ScalingLaw(),
    "with irreducible loss": ScalingLaw(irreducible=True),
    "with exchange": ScalingLaw(irreducible=True, exchange=True),
    "double law": ScalingLaw(floor="generator"),
    "floor in the share": ScalingLaw(irreducible=True, floor="fraction"),
    "floor and generations": ScalingLaw(irreducible=True, floor="fraction", generations=True),
    "floor and model size": ScalingLaw(irreducible=True, floor="fraction", size=True),
    "floor, size, interaction": ScalingLaw(irreducible=True, floor="fraction", size=True, interaction=True),
}
"""Laws that make runs."""

RANGES = {
    "amplitude": (0.5, 2.0),
    "exponent": (0.15, 0.5),
    "irreducible": (0.5, 2.0),
    "worth": (0.1, 0.9),
    "floor": (0.1, 0.5),
    "floor_power": (0.7, 1.5),
    "floor_exponent": (0.1, 0.4),
    "interaction": (-0.3, 0.3),
    "generation_power": (0.2, 1.0),
    "size_amplitude": (0.2, 0.8),
    "size_exponent": (0.2, 0.5),
}
"""Between which values each parameter is drawn; amounts of data in units of 10⁷, sizes of 4·10⁷."""

UNITS = Units(data=1e7, size=4e7)
TOTALS = np.geomspace(1e6, 1e8, 7)
SHARES = (0.0, 0.25, 0.5, 0.75, 0.9)
SIZES = (1e7, 4e7, 1.6e8)
NOISE = (0.005, 0.02)
"""Range of the relative noise of a run, drawn for each table."""

AHEAD = (4.0, 10.0)
ASKED_SHARES = (0.5, 0.0)
TOLERANCE = 0.05
N_REPLICATES = 300
GRID = np.linspace(0.0, 1.0, 2001)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Runs and the law that made them."""

    law: ScalingLaw
    vector: Array
    runs: Runs


def draw_table(law: ScalingLaw, generator: np.random.Generator) -> Table:
    """Draw parameters and runs: seven amounts over two decades, five shares, one run each."""
    total, share = (grid.ravel() for grid in np.meshgrid(TOTALS, SHARES, indexing="ij"))
    size = generator.permutation(np.resize(SIZES, len(total))) if law.size else None
    generation = np.where(share > 0, generator.integers(1, 5, len(total)), 0).astype(float) if law.generations else None
    values = {name: generator.uniform(*RANGES[name]) for name in law.parameters}
    raw = ("interaction", "generation_power")
    vector = np.array([value if name in raw else np.log(value) for name, value in values.items()])
    points = Points(real=total * (1 - share), synthetic=total * share, size=size, generation=generation)
    noise = generator.uniform(*NOISE) * generator.standard_normal(len(total))
    loss = np.exp(law.log_losses(vector, points, UNITS) + noise)
    runs = Runs(real=points.real, synthetic=points.synthetic, size=size, generation=generation, loss=loss)
    return Table(law=law, vector=vector, runs=runs)


def asked(table: Table) -> list[dict[str, float]]:
    """Return the settings that are forecast: 4 and 10 times the largest data, half synthetic and real alone."""
    more = {"size": max(SIZES)} if table.law.size else {}
    settings = []
    for share in ASKED_SHARES:
        generation = {"generation": 2.0} if table.law.generations and share else {}
        for times in AHEAD:
            total = times * TOTALS[-1]
            settings.append({"real": total * (1 - share), "synthetic": total * share, **more, **generation})
    return settings


def true_answers(table: Table) -> dict[str, float]:
    """Return the true losses at the asked settings, and harmless share and price at the first."""
    where = asked(table)

    def losses(points: Points) -> Array:
        return table.law.log_losses(table.vector[None], points, UNITS)

    def laid_out(real: Array, synthetic: Array) -> Points:
        def column(key: str) -> Array | None:
            return np.full(len(real), where[0][key]) if key in where[0] else None

        return Points(real=real, synthetic=synthetic, size=column("size"), generation=column("generation"))

    real, synthetic = (np.array([setting[key] for setting in where]) for key in ("real", "synthetic"))
    total = float(real[0] + synthetic[0])
    along = losses(laid_out(total * (1 - GRID), total * GRID))
    return {
        **dict(zip(NAMES, np.exp(losses(laid_out(real, synthetic))[0]), strict=True)),
        "harmless share": float(harmless_shares(along, GRID, tolerance=TOLERANCE)[0]),
        "price": float(prices(losses, laid_out(real[:1], synthetic[:1]))[0, 0]),
    }


NAMES = [f"loss at {times:g}×, {'half synthetic' if share else 'real'}" for share in ASKED_SHARES for times in AHEAD]
"""Names of the forecasts, in the order of `asked`."""

ANSWERS = [*NAMES, "harmless share", "price"]
"""Names of the answers with a band."""

METHODS = ["modelcollapse", *RIVALS]
"""Who foretells."""


def trial(name: str, number: int, *, seed: int) -> dict[str, Any]:
    """Fit one table, and return for each answer whether its band holds the truth, with the errors of all methods."""
    table = draw_table(LAWS[name], stream(seed, "simulated runs", name, number))
    where, truth = asked(table), true_answers(table)
    fit = fit_runs(table.runs, at=where, tolerance=TOLERANCE, n_replicates=N_REPLICATES, seed=number)
    found = {key: (forecast.loss, forecast.band) for key, forecast in zip(NAMES, fit.forecasts, strict=True)}
    found["harmless share"] = fit.harmless[0].share, fit.harmless[0].interval
    found["price"] = fit.prices[0].price, fit.prices[0].interval
    errors = {"modelcollapse": [abs(found[key][0] / truth[key] - 1) for key in NAMES]}
    for rival, foretell in RIVALS.items():
        told = foretell(table.runs, where)
        errors[rival] = [abs(loss / truth[key] - 1) for key, loss in zip(NAMES, told, strict=True)]
    return {
        "held": {key: bool(low - EDGE <= truth[key] <= high + EDGE) for key, (_, (low, high)) in found.items()},
        "errors": {method: [float(error) for error in values] for method, values in errors.items()},
    }


EDGE = 1e-3
"""Shares and prices that differ by less are equal: both sides are found on grids."""
