"""What do fifty generations cost in theory, over a thousand settings, against simulating them to one per cent?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from modelcollapse import (
    Mixture,
    RandomTeacher,
    Recursion,
    Source,
    Spectrum,
    Workflow,
    simulate_generations,
    solve_generations,
)
from modelcollapse.parallel import n_cores
from modelcollapse.result import GenerationsResult
from modelcollapse.streams import stream
from modelcollapse.theory.generations import Chain, trajectory
from modelcollapse.theory.generations_engine import translate_chain

D, GENERATIONS, SETTINGS = 1000, 50, 1000
SIMULATED = 2
"""Settings that are simulated; the time of all is extrapolated from their mean."""
RELATIVE_STDERR = 0.01
REPEATS = 3
SINGLE = {
    "accumulate, fresh inputs": {"kind": "accumulate", "design": "fresh"},
    "mix, re-used real data": {"kind": "mix", "design": "fresh", "real": "reused"},
    "replace, fixed inputs": {"kind": "replace", "design": "fixed"},
}

Outcome = TypeVar("Outcome")


def run() -> str:
    """Run every part and return the section."""
    lines = [
        "## Generations",
        "",
        f"d = {D}, eigenvalues i^(−1.1), {GENERATIONS} generations after generation 0. The alternative is the",
        "package's own simulation (Gram matrices, no rows), run until the standard error of every generation is",
        f"{RELATIVE_STDERR:.0%} of its excess risk. Both on {n_cores()} cores; theory best of {REPEATS}.",
        "",
        *_many_settings(),
        "",
        *_single_recursions(),
    ]
    return "\n".join(lines)


def _many_settings() -> list[str]:
    """Compare a thousand settings of a mix in one batch with simulating them one by one."""
    problem = _problem(kind="mix", design="fresh", real="fresh")
    chain, covariances = translate_chain(problem)
    settings = _settings(chain)
    seconds, followed = _best(lambda: trajectory(settings, covariances=covariances))
    chosen = np.linspace(0, SETTINGS - 1, SIMULATED).astype(int)
    times, gaps = [], []
    for index in chosen:
        elapsed, simulated = _timed(lambda index=index: _simulate(_setting(problem, settings, int(index))))
        times.append(elapsed)
        gaps.append(np.abs(np.array(simulated.excess_risk) / followed.excess_risk[index] - 1).max())
    total = float(np.mean(times)) * SETTINGS
    return [
        f"### {SETTINGS:,} settings of a mix with fresh real data",
        "",
        "Real and synthetic samples from 500 to 4,000 a generation, ridge from 1e-4 to 1e-1, noise from 0.05 to 1.",
        "",
        "| | seconds |",
        "|---|---|",
        f"| theory, all settings in one batch | {seconds:.2f} |",
        f"| simulation, one setting (mean of {SIMULATED}) | {np.mean(times):.1f} |",
        f"| simulation, all settings (extrapolated) | {total:,.0f} |",
        "",
        f"Ratio: {total / seconds:,.0f}. Largest difference on the simulated settings, any generation: {max(gaps):.1%} "
        "(standard errors of the simulation and O(1/d) of theory).",
    ]


def _single_recursions() -> list[str]:
    """Compare the theory with memory, one recursion at a time."""
    rows = []
    for name, workflow in SINGLE.items():
        problem = _problem(**workflow)
        seconds, solved = _best(lambda problem=problem: solve_generations(problem))
        elapsed, simulated = _timed(lambda problem=problem: _simulate(problem))
        gap = np.abs(np.array(simulated.excess_risk) / np.array(solved.excess_risk) - 1).max()
        rows.append(f"| {name} | {seconds:.2f} | {elapsed:.1f} | {elapsed / seconds:.1f} | {gap:.1%} |")
    return [
        "### One recursion with memory",
        "",
        "2,000 samples of each source, ridge 1e-3.",
        "",
        "| | theory, seconds | simulation, seconds | ratio | largest difference |",
        "|---|---|---|---|---|",
        *rows,
    ]


def _problem(**workflow: str) -> Recursion:
    real = Source(
        "real",
        n_samples=2_000,
        noise_var=0.3,
        spectrum=Spectrum.power_law(D, exponent=1.1, scale=10.0),
        teacher=RandomTeacher(),
    )
    mixture = Mixture([real, Source("synthetic", n_samples=2_000, noise_var=0.3)], ridge=1e-3)
    return Recursion(mixture, Workflow(generations=GENERATIONS, **workflow))


def _settings(chain: Chain) -> Chain:
    """Return a thousand random settings of one chain."""
    generator = stream(0, "benchmark", "generations")
    counts = generator.integers(500, 4_000, size=(SETTINGS, 1, 2)) * np.ones((1, GENERATIONS + 1, 1))
    counts[:, 0, 1] = 0
    every = np.ones((SETTINGS, GENERATIONS + 1))
    return replace(
        chain,
        n_samples=counts,
        noise_var=np.exp(generator.uniform(np.log(0.05), 0, size=(SETTINGS, 1, 2))) * every[..., None],
        weight=every[..., None] * np.ones(2),
        ridge=np.exp(generator.uniform(np.log(1e-4), np.log(1e-1), size=(SETTINGS, 1))) * every,
    )


def _setting(problem: Recursion, settings: Chain, index: int) -> Recursion:
    """Return one of the settings as a problem."""
    sources = [
        replace(source, n_samples=int(settings.n_samples[index, 1, k]), noise_var=settings.noise_var[index, 1, k])
        for k, source in enumerate(problem.mixture.sources)
    ]
    return Recursion(replace(problem.mixture, sources=sources, ridge=settings.ridge[index, 0]), problem.workflow)


def _simulate(problem: Recursion) -> GenerationsResult:
    return simulate_generations(problem, relative_stderr=RELATIVE_STDERR)


def _timed(work: Callable[[], Outcome]) -> tuple[float, Outcome]:
    start = time.perf_counter()
    outcome = work()
    return time.perf_counter() - start, outcome


def _best(work: Callable[[], Outcome]) -> tuple[float, Outcome]:
    """Return the shortest of several times, and what came out."""
    tries = [_timed(work) for _ in range(REPEATS)]
    return min(seconds for seconds, _ in tries), tries[0][1]
