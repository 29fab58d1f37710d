"""How far are forecasts from trained models? One row per split, mixture and ridge, rivals and controls beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from modelcollapse.decisions.forecast import Forecast, forecast
from modelcollapse.decisions.measures import forecast_measures
from modelcollapse.decisions.plug_in import plug_in_error
from modelcollapse.estimation.pool import Pool, stratify
from modelcollapse.streams import stream
from studies.controls import shuffled
from studies.mixtures import Mixture, mixtures
from studies.rivals import mixture_law, power_law, train_mixtures, train_real_only
from studies.sets import Study
from studies.splits import Split, split
from studies.trained import Measured, measure

N_STRATA = 4
LARGE, N_LARGE_RUNS = 10_000, 2
"""Mixtures of at least so many rows are trained twice only: their models differ little."""
COUNTS = ("n_real", "n_synthetic", "n_synthetic2")
WEIGHTS = ("weight_real", "weight_synthetic", "weight_synthetic2")


@dataclass(frozen=True)
class Findings:
    """What a study found.

    Attributes
    ----------
    rows : DataFrame
        One row per split, ridge and mixture: `measured`, its `runs`, and a column per forecast, control and rival.
    seconds : dict
        Processor seconds by what they were spent on.
    models : dict
        Models trained by what for.
    steps : tuple of str
        What preparation did on the first split, in plain sentences.
    """

    rows: pd.DataFrame
    seconds: dict[str, float]
    models: dict[str, int]
    steps: tuple[str, ...]


@dataclass
class Costs:
    """Seconds and models by what they were spent on."""

    seconds: dict[str, float] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def of(self, purpose: str, *, models: int = 0) -> Iterator[None]:
        """Add the processor time that a block takes to a purpose."""
        start = time.process_time()
        yield
        self.seconds[purpose] = self.seconds.get(purpose, 0.0) + time.process_time() - start
        self.models[purpose] = self.models.get(purpose, 0) + models


def compare(study: Study, *, folder: Path | None, seed: int, n_workers: int = 1) -> Findings:
    """Run one study: every split, mixture and ridge; splits side by side in `n_workers` processes of one thread."""
    task = partial(_run_split, study, folder, seed)
    if n_workers == 1:
        parts = [task(number) for number in range(study.n_splits)]
    else:
        with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as workers:
            parts = list(workers.map(task, range(study.n_splits)))
    return Findings(
        rows=pd.concat([part.rows for part in parts], ignore_index=True),
        seconds={purpose: sum(part.seconds[purpose] for part in parts) for purpose in parts[0].seconds},
        models={purpose: sum(part.models[purpose] for part in parts) for purpose in parts[0].models},
        steps=parts[0].steps,
    )


def _run_split(study: Study, folder: Path | None, seed: int, number: int) -> Findings:
    """Run one split of a study."""
    costs = Costs()
    with threadpool_limits(1, user_api="blas"):
        at_hand = split(study, study.load(folder), number=number, seed=seed)
        rows = _on_split(study, at_hand, costs, number=number, generator=stream(seed, "study", study.name, number))
        return Findings(pd.DataFrame(rows), costs.seconds, costs.models, at_hand.steps)


def _on_split(
    study: Study, at_hand: Split, costs: Costs, *, number: int, generator: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """Yield a row for each pair of mixture and ridge that is this split's turn."""
    readers = _readers(study, at_hand, costs, controls=number < study.n_control_splits, generator=generator)
    laws = _laws(study, at_hand, costs, generator=generator)
    for position, mixture in enumerate(mixtures(smallest=study.smallest, largest=study.largest)):
        pairs = [position * len(study.ridges) + r for r in range(len(study.ridges))]
        turn = [r for r, pair in enumerate(pairs) if (pair + number) % study.every == 0]
        if not turn:
            continue
        n_runs = study.n_runs if sum(mixture.n_samples) < LARGE else min(N_LARGE_RUNS, study.n_runs)
        with costs.of("training", models=n_runs * len(turn)):
            runs = measure(
                at_hand,
                n_samples=mixture.n_samples,
                weights=mixture.weights,
                ridges=[study.ridges[r] for r in turn],
                n_runs=n_runs,
                generator=generator,
            )
        for r, measured in zip(turn, runs, strict=True):
            yield {
                "split": number,
                "ridge": study.ridges[r],
                **dict(zip(COUNTS, mixture.n_samples, strict=True)),
                **dict(zip(WEIGHTS, mixture.weights, strict=True)),
                "beyond": any(n > p for n, p in zip(mixture.n_samples, study.pool, strict=True)),
                **_as_columns(measured),
                **readers[r](mixture),
                **laws[r](mixture),
            }


def _as_columns(measured: Measured) -> dict[str, float]:
    return {
        "measured": float(measured.errors.mean()),
        "measured_sd": float(measured.errors.std(ddof=1)),
        "runs": len(measured.errors),
        "effective_runs": measured.effective_runs,
        "accuracy": float(measured.accuracies.mean()),
    }


Columns = Callable[[Mixture], dict[str, float]]


def _readers(
    study: Study, at_hand: Split, costs: Costs, *, controls: bool, generator: np.random.Generator
) -> list[Columns]:
    """Return for each ridge a function that forecasts a mixture: as meant, with one stratum, and the controls."""
    wrong = shuffled(at_hand.pool, generator=generator)

    def reader(ridge: float) -> Columns:
        stratified = stratify(at_hand.pool, n_strata=N_STRATA, ridge=ridge)
        wrong_stratified = stratify(wrong, n_strata=N_STRATA, ridge=ridge)

        def read(mixture: Mixture) -> dict[str, float]:
            def ask(pool: Pool) -> Forecast:
                return forecast(pool, n_samples=mixture.n_samples, weights=mixture.weights, ridge=ridge)

            with costs.of("forecast"):
                answer = ask(stratified)
            columns = {**_answer("forecast", answer), "accuracy_forecast": np.nan}
            if study.task == "classification":
                with costs.of("accuracy"):
                    columns["accuracy_forecast"] = forecast_measures(answer)["accuracy"]
            with costs.of("one_stratum"):
                columns |= _answer("one_stratum", ask(at_hand.pool))
            if controls:
                columns |= _answer("shuffled", ask(wrong_stratified))
                columns["plug_in"] = plug_in_error(
                    at_hand.pool, n_samples=mixture.n_samples, weights=mixture.weights, ridge=ridge
                )
            return columns

        return read

    return [reader(ridge) for ridge in study.ridges]


def _answer(name: str, answer: Forecast) -> dict[str, float]:
    return {name: answer.test_error, f"{name}_stderr": answer.stderr, f"{name}_spread": answer.run_to_run}


def _laws(study: Study, at_hand: Split, costs: Costs, *, generator: np.random.Generator) -> list[Columns]:
    """Return for each ridge a function that extrapolates the rivals' laws to a mixture."""
    with costs.of("power_law"):
        curve = train_real_only(at_hand.pool, ridges=study.ridges, generator=generator)
        curves = [power_law(curve, ridge=r) for r in range(len(study.ridges))]
    with costs.of("mixture_law"):
        trained = train_mixtures(at_hand.pool, ridges=study.ridges, generator=generator)
        laws = [mixture_law(trained, ridge=r) for r in range(len(study.ridges))]
    costs.models["power_law"] += curve.n_models
    costs.models["mixture_law"] += trained.n_models

    def reader(r: int) -> Columns:
        return lambda mixture: {
            "power_law_real": curves[r](mixture.n_samples[0]),
            "power_law_total": curves[r](sum(mixture.n_samples)),
            "mixture_law": laws[r](mixture),
        }

    return [reader(r) for r in range(len(study.ridges))]
