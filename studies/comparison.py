"""How far are forecasts from trained models? One row per split, mixture and ridge, rivals and controls beside it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from modelcollapse.decisions.forecast import forecast
from modelcollapse.estimation.pool import Pool, stratify
from modelcollapse.streams import stream
from studies.controls import plug_in, shuffled
from studies.mixtures import Mixture, mixtures
from studies.rivals import mixture_law, power_law, train_mixtures, train_real_only
from studies.sets import Study
from studies.splits import Split, split
from studies.training import Measured, measure

N_STRATA = 4
LARGE = 10_000
"""Mixtures of at least so many rows are trained twice only: their models differ little."""


@dataclass
class Costs:
    """Seconds and models by what they were spent on."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    models: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    @contextmanager
    def of(self, purpose: str, *, models: int = 0) -> Iterator[None]:
        """Add the time that a block takes to a purpose."""
        start = time.perf_counter()
        yield
        self.seconds[purpose] += time.perf_counter() - start
        self.models[purpose] += models


def compare(study: Study, *, folder: Path | None, seed: int) -> tuple[pd.DataFrame, Costs, tuple[str, ...]]:
    """Run one study: every split, mixture and ridge.

    Returns
    -------
    rows : DataFrame
        One row per split, ridge and mixture: `measured`, its `runs`, and a column per forecast.
    costs : Costs
    steps : tuple of str
        What preparation did on the first split.
    """
    table = study.load(folder)
    costs = Costs()
    rows: list[dict[str, Any]] = []
    steps: tuple[str, ...] = ()
    for number in range(study.n_splits):
        at_hand = split(study, table, number=number, seed=seed)
        steps = steps or at_hand.steps
        for found in _on_split(study, at_hand, costs, generator=stream(seed, "study", study.name, number)):
            rows.append({"split": number, **found})
    return pd.DataFrame(rows), costs, steps


def _on_split(study: Study, at_hand: Split, costs: Costs, *, generator: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Yield a row for every ridge and mixture of one split."""
    chosen = mixtures(smallest=study.smallest, largest=study.largest)
    measured = [_measure(study, at_hand, mixture, costs, generator=generator) for mixture in chosen]
    with costs.of("power law", models=0):
        curve = train_real_only(at_hand.pool, ridges=study.ridges, generator=generator)
    with costs.of("mixture law", models=0):
        mixed = train_mixtures(at_hand.pool, ridges=study.ridges, generator=generator)
    costs.models["power law"] += curve.n_models
    costs.models["mixture law"] += mixed.n_models
    wrong = shuffled(at_hand.pool, generator=generator)
    for r, ridge in enumerate(study.ridges):
        pools = {
            "forecast": stratify(at_hand.pool, n_strata=N_STRATA, ridge=ridge),
            "one stratum": at_hand.pool,
            "shuffled": stratify(wrong, n_strata=N_STRATA, ridge=ridge),
        }
        with costs.of("power law"):
            extrapolate = power_law(curve, ridge=r)
        with costs.of("mixture law"):
            interpolate = mixture_law(mixed, ridge=r)
        for mixture, runs in zip(chosen, measured, strict=True):
            yield {
                "ridge": ridge,
                **dict(zip(("n_real", "n_synthetic", "n_synthetic2"), mixture.n_samples, strict=True)),
                **dict(zip(("weight_real", "weight_synthetic", "weight_synthetic2"), mixture.weights, strict=True)),
                "beyond": any(n > p for n, p in zip(mixture.n_samples, study.pool, strict=True)),
                **_as_columns(runs[r]),
                **_forecasts(pools, mixture, ridge, costs),
                "power_law_real": extrapolate(mixture.n_samples[0]),
                "power_law_total": extrapolate(sum(mixture.n_samples)),
                "mixture_law": interpolate(mixture),
            }


def _measure(
    study: Study, at_hand: Split, mixture: Mixture, costs: Costs, *, generator: np.random.Generator
) -> list[Measured]:
    """Train a mixture on fresh rows."""
    n_runs = study.n_runs if sum(mixture.n_samples) < LARGE else min(2, study.n_runs)
    with costs.of("training", models=n_runs * len(study.ridges)):
        return measure(
            at_hand,
            n_samples=mixture.n_samples,
            weights=mixture.weights,
            ridges=study.ridges,
            n_runs=n_runs,
            generator=generator,
        )


def _as_columns(measured: Measured) -> dict[str, float]:
    return {
        "measured": float(measured.errors.mean()),
        "measured_sd": float(measured.errors.std(ddof=1)),
        "runs": len(measured.errors),
        "effective_runs": measured.effective_runs,
        "accuracy": float(measured.accuracies.mean()),
    }


def _forecasts(pools: dict[str, Pool], mixture: Mixture, ridge: float, costs: Costs) -> dict[str, float]:
    """Forecast one mixture with every pool, and with the pool taken for the truth."""
    columns: dict[str, float] = {}
    for purpose, pool in pools.items():
        with costs.of(purpose):
            answer = forecast(pool, n_samples=mixture.n_samples, weights=mixture.weights, ridge=ridge)
        name = purpose.replace(" ", "_")
        columns |= {name: answer.test_error, f"{name}_stderr": answer.stderr, f"{name}_spread": answer.run_to_run}
    with costs.of("plug-in"):
        columns["plug_in"] = plug_in(
            pools["one stratum"], n_samples=mixture.n_samples, weights=mixture.weights, ridge=ridge
        )
    return columns
