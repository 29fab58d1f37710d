"""How fast is a phase diagram, against root finding point by point, and how far is it from the memory's speed?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.brentq_rival import Point, equal_spectra, two_spectra
from modelcollapse.parallel import n_cores
from modelcollapse.result import PARTS
from modelcollapse.theory.commuting import CommutingCovariances
from modelcollapse.theory.mixture import MixtureRisk, mixture_risk
from modelcollapse.theory.reductions import Sampling
from modelcollapse.theory.teachers import Teachers

D, N, SIDE = 1000, 500.0, 100
NOISE = (0.2, 0.1)
FRACTIONS = np.linspace(0.0, 0.99, SIDE)
WIDTHS = np.round(np.linspace(10, 2000, SIDE))
RIDGES = np.geomspace(1e-8, 1.0, SIDE)
FIRST = np.arange(1.0, D + 1) ** -1.2
SECOND = 2 * np.arange(1.0, D + 1) ** -1.5
PRIOR, DELTA = np.full(D, 1 / D), 0.3 / D / FIRST
REPEATS = 5


@dataclass(frozen=True)
class Diagram:
    """One diagram: how it is asked of the package, and point by point of the rival."""

    name: str
    sampling: Sampling
    covariances: CommutingCovariances
    rival: Callable[[Point], np.ndarray]
    point: Callable[[int, int], Point]
    every: int  # the rival computes every so manieth row and column


def run() -> str:
    """Time three diagrams and a single solve; return the section."""
    lines = [
        "## Phase diagrams: bias, variance, projection variance and collapse",
        "",
        f"{SIDE} × {SIDE} points, random projections, power-law spectra of {D:,} eigenvalues, N = {N:.0f}, all parts.",
        "The rival (`benchmarks/brentq_rival.py`) finds the root at each point with SciPy and is vectorised over",
        "eigenvalues; where it computes only part of the points its time is scaled up. Accuracy: largest relative",
        "difference of any part at any point that both compute. Package: best of five, batch axes broadcast.",
        "Only in the first diagram do many points share a fixed point; the others solve 10,000, and gain by fewer",
        f"passes over the eigenvalues, in batches, on {n_cores()} cores. The rival runs on one, and with one",
        "spectrum its point is a single scalar root: there is less to gain.",
        "",
        "| diagram | package | rival | ratio | largest difference | iterations | µs a point |",
        "|---|---|---|---|---|---|---|",
    ]
    details = []
    for diagram in _diagrams():
        seconds, risk = _timed(diagram)
        rival_seconds, difference = _against(diagram, risk)
        solved = risk.effective_ridge.size if "shared" not in diagram.name else SIDE
        lines.append(
            f"| {diagram.name} | {seconds:.3f} s | {rival_seconds:.1f} s | **{rival_seconds / seconds:.0f} ×** | "
            f"{difference:.1e} | {risk.iterations} | {1e6 * seconds / SIDE**2:.1f} |"
        )
        details.append((diagram.name, seconds / solved, risk.iterations, diagram.covariances.n_groups))
    lines += ["", *_bandwidth(details), "", _single()]
    return "\n".join(lines)


def _diagrams() -> list[Diagram]:
    share = np.column_stack([1 - FRACTIONS, FRACTIONS])
    base = Sampling(
        group=(0, 0),
        share=share[:, None],
        n_total=np.array(N),
        noise_var=np.array(NOISE),
        weight=np.ones(2),
        ridge=np.array(1e-6),
        width=WIDTHS,
        feature_noise=np.zeros(1),
    )
    one, two = CommutingCovariances(FIRST[None]), CommutingCovariances(np.stack([FIRST, SECOND]))

    def at(i: int, j: int, **changes: object) -> Point:
        fields = {
            "first": FIRST, "second": FIRST, "prior": PRIOR, "delta": DELTA, "n": N, "noise": NOISE, "ridge": 1e-6,
            "synthetic_fraction": FRACTIONS[i], "width": WIDTHS[j],
        }  # fmt: skip
        return Point(**{**fields, **changes})

    return [
        Diagram("fraction × width, one spectrum (fixed points shared)", base, one, equal_spectra, at, 1),
        Diagram(
            "ridge × width, one spectrum",
            replace(base, share=share[40], ridge=RIDGES[:, None]),
            one,
            equal_spectra,
            lambda i, j: at(i, j, ridge=RIDGES[i], synthetic_fraction=FRACTIONS[40]),
            1,
        ),
        Diagram(
            "fraction × width, two spectra",
            replace(base, group=(0, 1), feature_noise=np.zeros(2)),
            two,
            two_spectra,
            lambda i, j: at(i, j, second=SECOND),
            5,
        ),
    ]


def _solve(diagram: Diagram) -> MixtureRisk:
    teachers = Teachers(
        fixed=np.zeros((2, D)),
        loadings=np.array([[1.0, 0.0], [1.0, 1.0]]),
        second_moments=np.stack([PRIOR, DELTA]),
        scale=np.ones(2),
    )
    return mixture_risk(diagram.sampling, covariances=diagram.covariances, teachers=teachers)


def _timed(diagram: Diagram) -> tuple[float, MixtureRisk]:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        risk = _solve(diagram)
        times.append(time.perf_counter() - start)
    return min(times), risk


def _against(diagram: Diagram, risk: MixtureRisk) -> tuple[float, float]:
    """Return the rival's time for the whole diagram, and the largest relative difference of any part."""
    ours = np.stack([np.broadcast_to(getattr(risk, part), (SIDE, SIDE)) for part in PARTS], axis=-1)
    rows = range(0, SIDE, diagram.every)
    difference, start, lost = 0.0, time.perf_counter(), 0.0
    for i in rows:
        for j in rows:
            theirs = diagram.rival(diagram.point(i, j))
            pause = time.perf_counter()
            scale = np.maximum(np.abs(theirs), 1e-12 * np.abs(theirs).sum())
            difference = max(difference, float((np.abs(ours[i, j] - theirs) / scale).max()))
            lost += time.perf_counter() - pause
    return (time.perf_counter() - start - lost) * diagram.every**2, difference


def _bandwidth(details: list[tuple[str, float, int, int]]) -> list[str]:
    """State the traffic of a solved point, counted from the code, against the measured speed of the memory.

    An iteration writes a row of D numbers (the sum of spectra), reads and writes it three times (shift, reciprocal,
    square) and reads it once (traces); afterwards so does the last resolvent, which every pair of moments reads again.
    """
    rate = _memory_rate()
    lines = [
        f"Bytes moved are counted, not measured: an iteration passes over {D:,} float64 eight times (sum, shift, "
        "reciprocal, square, traces); the moments add a pass per product of spectra. "
        f"Measured: copying large arrays runs at {rate / 1e9:.1f} GB/s in the same process, on one core.",
        "",
        "| diagram | solved points: µs each | iterations, at most | MB each, counted | GB/s | of the memory's rate |",
        "|---|---|---|---|---|---|",
    ]
    for name, seconds, iterations, groups in details:
        pairs = (groups + 1) * (groups + 2) // 2
        passes = 8 * iterations + 9 + (groups + 1) * pairs
        moved = passes * 8.0 * D
        lines.append(
            f"| {name} | {1e6 * seconds:.1f} | {iterations} | {moved / 1e6:.2f} | {moved / seconds / 1e9:.1f} | "
            f"{moved / seconds / rate:.2f} |"
        )
    lines += [
        "",
        "A batch is worked on in pieces that fit the cache, on all cores, so that the last column may exceed 1. Below, "
        "the time goes into divisions and into calls on small arrays; in the first diagram, which solves one fixed "
        "point for each width, into the 10,000 combinations.",
    ]
    return lines


def _memory_rate() -> float:
    """Return bytes per second of copying between arrays larger than the cache, read and write counted."""
    source, target = np.ones(2**24), np.empty(2**24)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        np.copyto(target, source)
        times.append(time.perf_counter() - start)
    return 2 * source.nbytes / min(times)


def _single() -> str:
    """Time a single source with 10,000 features, warm."""
    d = 10_000
    sampling = Sampling(
        group=(0,),
        share=np.ones(1),
        n_total=np.array(3000.0),
        noise_var=np.array([0.1]),
        weight=np.ones(1),
        ridge=np.array(1e-3),
        width=None,
        feature_noise=np.zeros(1),
    )
    covariances = CommutingCovariances((np.arange(1.0, d + 1) ** -1.5)[None])
    teachers = Teachers(
        fixed=np.zeros((1, d)), loadings=np.ones((1, 1)), second_moments=np.full((1, d), 1 / d), scale=np.ones(1)
    )
    times = []
    for _ in range(50):
        start = time.perf_counter()
        mixture_risk(sampling, covariances=covariances, teachers=teachers)
        times.append(time.perf_counter() - start)
    return (
        f"One source, d = {d:,}, linear, all parts: **{1e3 * float(np.median(times)):.2f} ms** warm "
        f"(median of 50; first call {1e3 * times[0]:.1f} ms)."
    )
