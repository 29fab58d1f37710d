"""What do answers about past runs look like? Examples for tests of what shows them, and a table that has a floor."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from modelcollapse.decisions.diagnosis import Diagnosis, Evidence, Signature
from modelcollapse.decisions.run_fit_result import (
    Candidate,
    HarmlessAmount,
    HarmlessShare,
    LossCurve,
    LossForecast,
    NextRun,
    Observed,
    Parameter,
    PriceCurve,
    RunFit,
    ShareFloor,
    SyntheticPrice,
)

SETTING = {"real": 1e9, "synthetic": 3e9, "size": 1e8}


def runs_table(*, floor: float = 0.5, noise: float = 0.005, seed: int = 0) -> pd.DataFrame:
    """Return 32 runs of loss 1.5 + 12 (tokens / 1e6)^−0.35 + floor · share at eight totals and four shares."""
    total, share = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e7, 1.28e9, 8), [0.0, 0.25, 0.5, 0.75]))
    loss = 1.5 + 12 * (total / 1e6) ** -0.35 + floor * share
    loss *= np.exp(noise * np.random.default_rng(seed).standard_normal(len(loss)))
    return pd.DataFrame({"real_tokens": total * (1 - share), "synthetic_tokens": total * share, "loss": loss})


def curve(fraction: float, *, size: float | None = 1e8, generation: float | None = None, n: int = 5) -> LossCurve:
    """Return a curve whose loss falls from 4 to its floor."""
    total = np.geomspace(1e8, 1e11, n)
    loss = 2.0 + fraction + 2.0 * (total / 1e8) ** -0.3
    return LossCurve(
        fraction=fraction,
        size=size,
        generation=generation,
        total=tuple(total),
        loss=tuple(loss),
        low=tuple(0.95 * loss),
        high=tuple(1.05 * loss),
        floor=2.0 + fraction if fraction else math.nan,
    )


def run_fit(**changes: Any) -> RunFit:
    """Return a fit with one of everything."""
    interval = (1.9, 2.1)
    candidates = (
        Candidate(name="power law", formula="a N^-b", n_parameters=2, reason="", held_out_error=0.04,
                  held_out_stderr=0.01, noise=0.03, weight=0.1, chosen=False),
        Candidate(name="synthetic floor", formula="E + a N^-b + f p", n_parameters=5, reason="", held_out_error=0.01,
                  held_out_stderr=0.002, noise=0.01, weight=0.9, chosen=True),
        Candidate(name="generator's floor", formula="E", n_parameters=6, reason="no column `generator`",
                  held_out_error=math.nan, held_out_stderr=math.nan, noise=math.nan, weight=0.0, chosen=False),
    )  # fmt: skip
    observed = tuple(
        Observed(name=f"data row {k + 1}", setting=SETTING, fraction=0.0, total=1e8 * 10**k, loss=4.0 - 0.4 * k,
                 fitted=4.0 - 0.4 * k, held_out=k == 2, curve=k % 2)
        for k in range(3)
    )  # fmt: skip
    given: dict[str, Any] = {
        "status": "ok",
        "sentences": ("The headline with `<code>`.", "A second sentence."),
        "n_runs": 32,
        "n_settings": 30,
        "n_held_out": 4,
        "unit": "tokens",
        "candidates": candidates,
        "law": "synthetic floor",
        "formula": "E + a N^-b + f p",
        "parameters": (Parameter(name="exponent", value=0.35, interval=(0.3, 0.4), meaning="how fast loss falls"),),
        "noise": 0.005,
        "forecasts": (
            LossForecast(setting=SETTING, loss=2.0, band=interval, run_band=(1.8, 2.2), extrapolation=3.0,
                         warning="three times as much data as the largest run"),
        ),
        "floors": (ShareFloor(fraction=0.5, size=1e8, generation=None, loss=1.75, band=(1.7, 1.8)),),
        "harmless": (
            HarmlessShare(tolerance=0.02, total=4e9, size=1e8, generation=None, share=0.1, interval=(0.05, 0.2)),
        ),
        "amounts": (
            HarmlessAmount(real=1e9, size=None, generation=None, best=2e9, best_interval=(1e9, 3e9), most=math.inf,
                           most_interval=(1e10, math.inf), limit=1e11),
        ),
        "prices": (SyntheticPrice(setting=SETTING, price=-0.25, interval=(-0.5, -0.1)),),
        "price_curves": (
            PriceCurve(real=1e9, size=1e8, generation=None, synthetic=(0.0, 1e8, 1e9), price=(0.5, 0.2, -0.1),
                       low=(0.4, 0.1, -0.3), high=(0.6, 0.3, 0.1), zero_at=7e8, zero_interval=(4e8, 2e9)),
        ),
        "curves": (curve(0.0), curve(0.5)),
        "observed": observed,
        "next_run": NextRun(setting=SETTING, ask="loss", width=0.1, expected_width=0.05, n_candidates=20,
                            sentence="Run this next."),
        "warnings": ("A warning.",),
        "n_replicates": 1000,
        "seed": 0,
        "version": "0.1.0",
    }  # fmt: skip
    return RunFit(**{**given, **changes})


def not_enough() -> RunFit:
    """Return what is said of too few runs."""
    return run_fit(status="not_enough_runs", sentences=("Not enough runs.",), law="", formula="", parameters=(),
                   candidates=(), forecasts=(), floors=(), harmless=(), amounts=(), prices=(), price_curves=(),
                   curves=(), observed=(), next_run=None)  # fmt: skip


def signature(name: str = "plateau", *, status: str = "found", x_name: str = "data") -> Signature:
    """Return a signature with evidence."""
    examined = status != "not_enough_runs"
    evidence = tuple(
        Evidence(run=f"data row {k + 1}", x=10.0**k, measured=2.0 + 0.1 * k, expected=2.0, group=f"share 0.{k % 2}")
        for k in range(1, 5)
    )
    return Signature(
        name=name,
        title=f"The {name} of `loss`",
        status=status,
        p_value=0.001 if examined else None,
        effect=0.05 if examined else None,
        interval=(0.02, 0.08) if examined else None,
        effect_meaning="loss above the clean law",
        sentence=f"What {name} says.",
        runs=("data row 4",),
        x_name=x_name,
        evidence=evidence if examined else (),
    )


def diagnosis(status: str = "signature", **changes: Any) -> Diagnosis:
    """Return a diagnosis."""
    states = {"signature": "found", "clean": "not_found", "not_enough_runs": "not_enough_runs"}
    made = Diagnosis(
        verdict="The verdict with `<code>`.",
        status=status,
        signatures=(
            signature("plateau", status=states[status]),
            signature(
                "share", status="not_enough_runs" if status != "clean" else "not_found", x_name="synthetic_fraction"
            ),
        ),
        not_examined=("Tails: no losses by band.",),
        clean_law={"amplitude": 1.0, "exponent": 0.3},
        counts={"runs": 32, "settings": 30, "real_only": 8},
        unit="tokens",
        level=0.05,
        warnings=("A warning.",),
        seed=0,
        version="0.1.0",
    )
    return replace(made, **changes)
