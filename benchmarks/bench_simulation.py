"""What does a simulated replicate cost, against drawing the data and against Cholesky; what do four digits cost?"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from benchmarks.drawn_data_rival import World
from benchmarks.drawn_data_rival import replicate as draw_and_solve
from modelcollapse import FixedTeacher, Mixture, RandomTeacher, Shift, Source, Spectrum, simulate, simulate_sweep
from modelcollapse.parallel import n_cores, side_by_side
from modelcollapse.result import Result
from modelcollapse.simulation.backend import NumpyBackend
from modelcollapse.simulation.engine import translate
from modelcollapse.simulation.mixture import draw_factor, draw_unit, n_replicates
from modelcollapse.streams import stream

D, RIDGE, QUALITY = 500, 1e-3, 0.3
NOISE_VAR, SHARE = (0.2, 0.1), (0.8, 0.2)
SIZES = (2_000, 10_000, 20_000, 200_000, 10**9)
FLAT_FROM, DRAWABLE = 10_000, 200_000
N_REPLICATES, REPEATS = 48, 3
PRECISE = {20_000: (60, 10.0), 200_000: (16, 100.0)}
"""By N: replicates of the rival whose variance is measured, and by how much the package must be faster."""
RELATIVE_STDERR = 1e-3
UNITS_PER_CORE = {500: 16, 1000: 6, 2000: 2}
N_RIDGES = 50
FASTER, NEVER_SLOWER, FLAT, NEAR_CHOLESKY, LIMIT_GIB = 100.0, 1.5, 1.5, 3.0, 2.0

MEMORY_PROGRAM = """
import json, resource, time
from modelcollapse import Mixture, RandomTeacher, Shift, Source, Spectrum, simulate
spectrum = Spectrum.power_law(4000, exponent=1.2)
real = Source("real", n_samples=16_000, noise_var=0.2, spectrum=spectrum, teacher=RandomTeacher())
synthetic = Source("synthetic", n_samples=4_000, noise_var=0.1, shift=Shift(quality=0.3, shape="isotropic"))
start = time.perf_counter()
result = simulate(Mixture([real, synthetic], ridge=1e-3), n_replicates=4)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
risk, stderr = result.excess_risk, result.stderr["excess_risk"]
print(json.dumps({"seconds": seconds, "peak": peak, "relative": stderr / risk}))
"""

Outcome = TypeVar("Outcome")


def run() -> str:
    """Run every part and return the section."""
    memory = _memory()  # first: a process's peak starts from the size of the one that starts it
    lines = [
        "## Simulation",
        "",
        f"Ridge regression with d = {D} unless stated, eigenvalues i^(−1.2), ridge {RIDGE:g}, a random teacher; one",
        "source, or two: 80 % of the samples real, 20 % synthetic with a random shift, quality "
        f"{QUALITY:g}. The rival is",
        "the simulation that people write (`benchmarks/drawn_data_rival.py`): draw X, form XᵀX, `numpy.linalg.solve`,",
        f"excess risk and training errors. Both use {n_cores()} cores: the rival's BLAS on all of them, the package by",
        f"replicates side by side. Best of {REPEATS}; s.e. is the standard error of the excess risk, relative to it.",
        "",
        *_time_per_replicate(),
        "",
        *_time_to_precision(),
        "",
        *_against_cholesky(),
        "",
        *_sharing(),
        "",
        *memory,
    ]
    return "\n".join(lines)


def _time_per_replicate() -> list[str]:
    """Time a replicate at each N, one source and two."""
    lines = [
        f"### Time per replicate: `simulate` with {N_REPLICATES} replicates, divided",
        "",
        f"| sources | N | package, ms | s.e. of {N_REPLICATES} | rival, ms | ratio |",
        "|---|---|---|---|---|---|",
    ]
    fastest, slowest, flatness = np.inf, np.inf, 1.0
    for n_sources in (1, 2):
        ours = {}
        for n in SIZES:
            seconds, result = _best(lambda n=n, k=n_sources: simulate(_problem(n, k), n_replicates=N_REPLICATES))
            ours[n] = seconds / N_REPLICATES
            row = f"| {n_sources} | {n:,} | {1e3 * ours[n]:.1f} | {_relative(result):.1e} |"
            if n > DRAWABLE:
                lines.append(f"{row} not drawn | |")
                continue
            world, generator = _world(_problem(n, n_sources)), stream(0, "bench-rival", n)
            rival, _ = _best(lambda world=world, generator=generator: draw_and_solve(world, generator))
            lines.append(f"{row} {1e3 * rival:.0f} | **{rival / ours[n]:.3g} ×** |")
            slowest = min(slowest, rival / ours[n])
            fastest = min(fastest, rival / ours[n]) if n == DRAWABLE else fastest
        times = [ours[n] for n in SIZES if n >= FLAT_FROM]
        flatness = max(flatness, max(times) / min(times))
    return [
        *lines,
        "",
        f"Limits: at N = {DRAWABLE:,} at least {FASTER:g} times faster ({_verdict(fastest >= FASTER)}); nowhere slower",
        f"than {NEVER_SLOWER:g} times ({_verdict(slowest >= 1 / NEVER_SLOWER)}); from N = {FLAT_FROM:,} on flat within",
        f"{FLAT:g} times ({flatness:.2f}: {_verdict(flatness <= FLAT)}).",
    ]


def _time_to_precision() -> list[str]:
    """Time what a relative standard error takes; the rival's time follows from its variance and time per replicate."""
    lines = [
        f"### Time to a standard error of {RELATIVE_STDERR:.1%} of the excess risk: `simulate`, `relative_stderr`",
        "",
        "Two sources, teachers random or fixed (one draw of them). The rival's time is extrapolated: the replicates",
        "that it needs follow from the variance over those that were run (their number n in brackets; the variance is",
        "known within √(2/n) of itself), times the shortest time of one. The package draws at least 40.",
        "",
        "| teachers | N | package: replicates | s.e. | seconds | rival: replicates | hours | ratio | apart, s.e. |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    met = True
    for n, (n_drawn, least) in PRECISE.items():
        for kind in ("random", "fixed"):
            problem = _problem(n, 2, fixed=kind == "fixed")
            seconds, result = _best(lambda problem=problem: simulate(problem, relative_stderr=RELATIVE_STDERR))
            times, risks = _rival_risks(problem, n_drawn)
            mean, variance = risks.mean(), risks.var(ddof=1)
            needed = variance / (RELATIVE_STDERR * result.excess_risk) ** 2
            ratio = needed * times.min() / seconds
            apart = (mean - result.excess_risk) / np.sqrt(variance / n_drawn + result.stderr["excess_risk"] ** 2)
            met &= bool(ratio >= least)
            lines.append(
                f"| {kind} | {n:,} | {result.n_replicates} | {_relative(result):.1e} | {seconds:.2f} | "
                f"{needed:,.0f} ({n_drawn}) | {needed * times.min() / 3600:.2g} | **{ratio:,.0f} ×** | {apart:+.1f} |"
            )
    limits = " and ".join(f"{least:g} times at N = {n:,}" for n, (_, least) in PRECISE.items())
    return [*lines, "", f"Limits: at least {limits} ({_verdict(met)})."]


def _against_cholesky() -> list[str]:
    """Compare replicates per second with Cholesky factors per second, and show where a replicate's time goes."""
    lines = [
        "### Replicates per second, against Cholesky factors of the same size",
        "",
        "LAPACK's `dpotrf`, one factor on each core, in processes side by side. A replicate is more than one factor:",
        "its matrix operations, counted, are those of 4 factors (one source: Gram matrix 1, factor 1, inverse 2) or 14",
        "(two: Gram matrices 2, factor and inverse 3, a product 6, a triangle times a matrix 3). Random numbers and",
        "sums come on top.",
        "",
        "| sources | d | replicates/s | factors/s | factors in the time of a replicate | of those counted |",
        "|---|---|---|---|---|---|",
    ]
    worst = 0.0
    for n_sources, counted in ((1, 4), (2, 14)):
        for d, per_core in UNITS_PER_CORE.items():
            ours = _replicates_per_second(_problem(5 * d, n_sources, d=d), per_core * n_cores())
            factors = _factors_per_second(d, 4 * per_core)
            worst = max(worst, factors / ours / counted)
            lines.append(
                f"| {n_sources} | {d:,} | {ours:.3g} | {factors:.3g} | {factors / ours:.1f} | "
                f"**{factors / ours / counted:.2f} ×** |"
            )
    dims = list(UNITS_PER_CORE)
    shares = [side_by_side(_stages, [d])[0] for d in dims]
    lines += [
        "",
        f"Limit: within {NEAR_CHOLESKY:g} times of the operations counted, the last column "
        f"({_verdict(worst <= NEAR_CHOLESKY)}). Read as one factor a replicate,",
        "the column before, the limit is out of reach: the Gram matrix and the inverse alone are four.",
        "",
        "Where the time of a replicate with two sources goes, each step timed alone on one core:",
        "",
        f"| step | {' | '.join(f'd = {d:,}' for d in dims)} |",
        f"|---|{'---|' * len(dims)}",
        *(f"| {step} | {' | '.join(f'{share[step]:.0%}' for share in shares)} |" for step in shares[0]),
    ]
    return lines


def _sharing() -> list[str]:
    """Time a sweep against its problems one by one."""
    lines = [
        "### Sweeps: `simulate_sweep` against `simulate` for each problem, 8 replicates, N = 20,000",
        "",
        "| problems | together, s | one by one, s | ratio |",
        "|---|---|---|---|",
    ]
    ridges, qualities = np.geomspace(1e-5, 1.0, N_RIDGES), np.linspace(0.0, 1.0, N_RIDGES)
    sweeps = {
        f"{N_RIDGES} ridges, one source": [_problem(20_000, 1, ridge=ridge) for ridge in ridges],
        f"{N_RIDGES} ridges, two sources": [_problem(20_000, 2, ridge=ridge) for ridge in ridges],
        f"{N_RIDGES} qualities, two sources": [_problem(20_000, 2, quality=quality) for quality in qualities],
    }
    for name, problems in sweeps.items():
        together, _ = _best(lambda problems=problems: simulate_sweep(problems, n_replicates=8))
        start = time.perf_counter()
        for problem in problems:
            simulate(problem, n_replicates=8)
        alone = time.perf_counter() - start
        lines.append(f"| {name} | {together:.2f} | {alone:.2f} | **{alone / together:.1f} ×** |")
    return lines


def _memory() -> list[str]:
    """Measure the peak memory of a large problem in a process of its own."""
    command = [sys.executable, "-c", MEMORY_PROGRAM]
    facts = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [
        "### Memory",
        "",
        "Two sources, d = 4,000, N = 20,000, 4 replicates in a process of its own: peak resident memory, imports",
        f"included, **{facts['peak']:.2f} GiB** (under {LIMIT_GIB:g} GiB: {_verdict(facts['peak'] < LIMIT_GIB)}), in "
        f"{facts['seconds']:.0f} s; s.e. {facts['relative']:.1e}.",
    ]


def _problem(
    n: int, n_sources: int, *, d: int = D, ridge: float = RIDGE, quality: float = QUALITY, fixed: bool = False
) -> Mixture:
    """Return the real source alone, or with the synthetic one."""
    generator = stream(0, "bench-teachers")
    known = generator.standard_normal(d) / np.sqrt(d)
    spectrum = Spectrum.power_law(d, exponent=1.2)
    teacher = FixedTeacher(known) if fixed else RandomTeacher()
    n_synthetic = round(SHARE[1] * n) if n_sources == 2 else 0
    sources = [Source("real", n_samples=n - n_synthetic, noise_var=NOISE_VAR[0], spectrum=spectrum, teacher=teacher)]
    if n_sources == 2:
        shift = Shift(quality=quality, shape="isotropic")
        if fixed:
            shift = Shift(vector=np.sqrt(shift.variances(spectrum)) * generator.standard_normal(d))
        sources.append(Source("synthetic", n_samples=n_synthetic, noise_var=NOISE_VAR[1], shift=shift))
    return Mixture(sources, ridge=ridge)


def _world(problem: Mixture) -> World:
    """Return what the rival draws."""
    known = problem.teachers.fixed
    eigenvalues = problem.spectra[0].eigenvalues
    assert eigenvalues is not None
    return World(
        eigenvalues=eigenvalues,
        n_samples=tuple(source.n_samples for source in problem.sources),
        noise_var=tuple(source.noise_var for source in problem.sources),
        teachers=known if known.any() else None,
        quality=QUALITY,
        ridge=problem.ridge,
    )


def _rival_risks(problem: Mixture, n_drawn: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the seconds and the excess risk of each of the rival's replicates."""
    world, generator = _world(problem), stream(0, "bench-rival-risks")
    timed = [_timed(lambda: draw_and_solve(world, generator)[0]) for _ in range(n_drawn)]
    return np.array([seconds for seconds, _ in timed]), np.array([risk for _, risk in timed])


def _replicates_per_second(problem: Mixture, n_units: int) -> float:
    """Return how many replicates a second are drawn and solved on all cores."""
    scene, backend = translate([problem]), NumpyBackend()

    def draw(index: int) -> None:
        draw_unit(backend, backend.randomness(0, "benchmark", index), scene.design, scene.fits)

    seconds, _ = _best(lambda: side_by_side(draw, range(n_units)))
    return n_units * n_replicates(None) / seconds


def _factors_per_second(d: int, per_core: int) -> float:
    """Return how many Cholesky factors a second LAPACK computes, one process with one BLAS thread on each core."""
    with ProcessPoolExecutor(n_cores(), mp_context=get_context("spawn")) as workers:
        list(workers.map(seconds_of_factors, [d] * n_cores(), [1] * n_cores()))  # both are up
        times = [max(workers.map(seconds_of_factors, [d] * n_cores(), [per_core] * n_cores())) for _ in range(REPEATS)]
    return n_cores() * per_core / min(times)


def seconds_of_factors(d: int, n: int) -> float:
    """Return the seconds that n Cholesky factors take in this process, each of a fresh copy."""
    matrix = _positive(d)
    with threadpool_limits(1):
        seconds, _ = _timed(
            lambda: [lapack.dpotrf(matrix.copy(order="F"), lower=1, clean=0, overwrite_a=1) for _ in range(n)]
        )
    return seconds


def _positive(d: int) -> np.ndarray:
    square = stream(0, "bench-matrix").standard_normal((d, d))
    return np.asfortranarray(square @ square.T + d * np.eye(d))


def _stages(d: int) -> dict[str, float]:
    """Return the share of each step in the time of a replicate with two sources, on one core."""
    backend, scene = NumpyBackend(), translate([_problem(5 * d, 2, d=d)])
    design, randomness = scene.design, backend.randomness(0, "stages")
    matrix = _positive(d)

    def draw() -> list[np.ndarray]:
        return [
            draw_factor(backend, randomness, root, n_samples=n, n_total=design.n_total)
            for root, n in zip(design.roots, design.n_samples, strict=True)
        ]

    triangle = draw()[0]
    whole, _ = _best(lambda: draw_unit(backend, randomness, design, scene.fits))
    steps: dict[str, Callable[[], object]] = {
        "random numbers, scaled": draw,
        "Gram matrices": lambda: [backend.gram_of_triangular(triangle) for _ in range(2)],
        "factor and inverse": lambda: backend.inverse(matrix.copy()),
        "product": lambda: matrix @ matrix,
        "triangle times matrix": lambda: backend.transposed_times(triangle, matrix),
    }
    shares = {name: _best(step)[0] * n_replicates(None) / whole for name, step in steps.items()}
    return {**shares, "traces, sums and the rest": 1 - sum(shares.values())}


def _relative(result: Result) -> float:
    """Return the standard error of the excess risk, relative to it."""
    stderr = result.stderr["excess_risk"]
    assert isinstance(stderr, float)
    return stderr / result.excess_risk


def _verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def _timed(function: Callable[[], Outcome]) -> tuple[float, Outcome]:
    """Return the seconds of a call, and what it returned."""
    start = time.perf_counter()
    outcome = function()
    return time.perf_counter() - start, outcome


def _best(function: Callable[[], Outcome]) -> tuple[float, Outcome]:
    """Return the shortest of a few times, and what the last call returned."""
    calls = [_timed(function) for _ in range(REPEATS)]
    return min(seconds for seconds, _ in calls), calls[-1][1]
