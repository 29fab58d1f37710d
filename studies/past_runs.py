"""Do past runs foretell larger ones? Simulated tables and real learning curves; writes docs/past-runs-evidence.md."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.machine import describe_machine

from modelcollapse.decisions.run_fit import fit_runs
from modelcollapse.estimation.runs import Runs
from studies.learning_curves import MODELS, learning_curve
from studies.past_runs_page import write_page
from studies.power_laws import RIVALS
from studies.simulated_runs import ANSWERS, LAWS, METHODS, trial

DOCS = Path(__file__).parent.parent / "docs"
N_TABLES = 200
N_WORKERS = 2
SEED = 0
AHEAD = 4
"""Learning curves are fitted up to a quarter of their largest amount."""


def main(words: list[str], *, docs: Path = DOCS) -> int:
    """Run what is not stored yet, store each part as it comes, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m studies.past_runs", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="holds mnist")
    parser.add_argument("--tables", type=int, default=N_TABLES, metavar="N", help="tables of each law (200)")
    options = parser.parse_args(words)
    path = docs / "past-runs-evidence.json"
    found = json.loads(path.read_text()) if path.exists() else {"simulated": {}, "curves": {}}
    for name in LAWS:
        if len(found["simulated"].get(name, {}).get("held", ())) < options.tables:
            found["simulated"][name] = _simulated(name, options.tables)
            _store(path, found)
    for table in ("digits", "mnist"):
        if table == "mnist" and options.data is None:
            print("mnist: skipped, needs --data FOLDER", flush=True)
            continue
        for model in MODELS:
            key = f"{model} on {table}"
            if key not in found["curves"]:
                found["curves"][key] = learning_curve(table, model, folder=options.data, seed=SEED)
                _store(path, found)
    foretold = {key: foretell(rows) for key, rows in found["curves"].items()}
    (docs / "past-runs-evidence.md").write_text(write_page(found["simulated"], foretold), encoding="utf-8")
    return 0


def _simulated(name: str, n_tables: int) -> dict[str, Any]:
    """Return the trials of one law."""
    begin = time.perf_counter()
    trials = _side_by_side(partial(trial, name, seed=SEED), range(n_tables), name)
    return {
        "held": ["".join("01"[one["held"][answer]] for answer in ANSWERS) for one in trials],
        "errors": {method: [one["errors"][method] for one in trials] for method in METHODS},
        "seconds": round(time.perf_counter() - begin),
        "machine": describe_machine(),
    }


def _side_by_side(function: Callable[[int], Any], numbers: Iterable[int], name: str) -> list[Any]:
    """Return a function's outcomes by number; processes have one thread each."""
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(N_WORKERS) as workers:
        futures = {workers.submit(function, number): number for number in numbers}
        outcomes = {}
        for done, future in enumerate(as_completed(futures), start=1):
            outcomes[futures[future]] = future.result()
            print(f"\r{name}: {done} of {len(futures)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return [outcomes[number] for number in sorted(outcomes)]


def foretell(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Fit the smaller runs of a learning curve, and return each method's errors on the means of the larger ones."""
    columns = {key: np.array([float(row[key]) for row in rows]) for key in ("real", "synthetic", "repeat", "loss")}
    runs = Runs(
        real=columns["real"], synthetic=columns["synthetic"], repetition=columns["repeat"], loss=columns["loss"]
    )
    small = runs.total <= runs.total.max() / AHEAD
    larger = runs.select(~small)
    settings, first = np.unique(larger.settings, return_index=True)
    asked = [{"real": float(larger.real[k]), "synthetic": float(larger.synthetic[k])} for k in first]
    measured = np.array([larger.loss[larger.settings == setting].mean() for setting in settings])
    fit = fit_runs(runs.select(small), at=asked)
    told = {"modelcollapse": [forecast.loss for forecast in fit.forecasts]}
    told |= {rival: foretell(runs.select(small), asked) for rival, foretell in RIVALS.items()}
    held = [low <= loss <= high for loss, (low, high) in zip(measured, (f.band for f in fit.forecasts), strict=True)]
    return {
        "law": fit.law,
        "held": [bool(inside) for inside in held],
        "errors": {method: [float(error) for error in np.abs(told[method] / measured - 1)] for method in told},
        "shares": [setting["synthetic"] / (setting["real"] + setting["synthetic"]) for setting in asked],
    }


def _store(path: Path, found: dict[str, Any]) -> None:
    """Write the outcomes, a line for each trial or run."""
    path.write_text(json.dumps(_short(found), ensure_ascii=False).replace('{"law"', '\n{"law"') + "\n")


def _short(value: Any) -> Any:
    """Return a value with three significant digits in its numbers."""
    if isinstance(value, dict):
        return {key: _short(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_short(part) for part in value]
    return (
        float(f"{value:.3g}") if isinstance(value, float) and np.isfinite(value) else None if value != value else value
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
