"""How fast does the simulation run on PyTorch, against NumPy on all cores and against what the device can compute?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from modelcollapse import Mixture, RandomTeacher, Shift, Source, Spectrum
from modelcollapse.parallel import n_cores, side_by_side
from modelcollapse.simulation.backend import NumpyBackend, batch_for
from modelcollapse.simulation.engine import Scene, translate
from modelcollapse.simulation.mixture import draw_unit, n_replicates
from modelcollapse.simulation.torch_backend import TorchBackend

GPU_D, CPU_D = 2000, 500
UNITS_PER_CORE = 2
REPEATS = 3

NO_GPU = (
    "**No GPU was at hand: the speed on one is unmeasured.** Below is PyTorch on the processor, at fewer features.\n"
    "It is not meant to win there: NumPy's LAPACK multiplies triangles at a third of the cost."
)


def run() -> str:
    """Time PyTorch and NumPy on the same problem; return the section."""
    device, d = ("cuda", GPU_D) if torch.cuda.is_available() else ("cpu", CPU_D)
    scene = translate([_problem(d)])
    backend = TorchBackend(device, batch=batch_for(device, n_features=d, n_sources=2))
    seconds, flops = _unit(backend, scene)
    replicates = n_replicates(None) * backend.batch[0]
    rival = _numpy_seconds_per_replicate(scene)
    rate = _device_rate(backend)
    where = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} threads of the processor"
    lines = [
        "## Simulation on PyTorch",
        "",
        *([] if device == "cuda" else [NO_GPU, ""]),
        f"Two sources, d = {d:,}, N = {5 * d:,}, a random teacher and a random shift, float64; best of {REPEATS}.",
        f"PyTorch {torch.__version__} on {where}, {n_replicates(None)} × {backend.batch[0]} replicates at once;",
        f"NumPy on {n_cores()} cores, {n_replicates(None)} on each.",
        "",
        "| | replicates per second | ratio |",
        "|---|---|---|",
        f"| NumPy | {1 / rival:.3g} | 1 |",
        f"| PyTorch, `{device}` | {replicates / seconds:.3g} | **{rival * replicates / seconds:.2f} ×** |",
        "",
        f"The device multiplies large float64 matrices at {rate / 1e9:,.0f} GFLOP/s. Products and Cholesky's factors",
        f"take {flops / replicates / 1e9:.2f} GFLOP a replicate, so that the whole, random numbers and sums included,",
        f"runs at **{flops / seconds / rate:.0%}** of that rate. Single steps, batched alike:",
        "",
        "| step | operations | ms per replicate | of the rate |",
        "|---|---|---|---|",
    ]
    for name, thirds, step in _steps(backend, d):
        each = _best(step, backend) / backend.batch[0]
        lines.append(f"| {name} | {thirds}/3 d³ | {1e3 * each:.3g} | {thirds / 3 * d**3 / each / rate:.0%} |")
    return "\n".join(lines)


def _problem(d: int) -> Mixture:
    """Return two sources with four times as many, and as many samples as features."""
    real = Source(
        "real", n_samples=4 * d, noise_var=0.2, spectrum=Spectrum.power_law(d, exponent=1.2), teacher=RandomTeacher()
    )
    synthetic = Source("synthetic", n_samples=d, noise_var=0.1, shift=Shift(quality=0.3, shape="isotropic"))
    return Mixture([real, synthetic], ridge=1e-3)


def _unit(backend: TorchBackend, scene: Scene) -> tuple[float, float]:
    """Return the seconds that a batch of units takes, and the operations of its products and Cholesky factors."""

    def draw() -> None:
        draw_unit(backend, backend.randomness(0, "benchmark"), scene.design, scene.fits)

    with FlopCounterMode(display=False) as counter:
        draw()
    inversions = n_replicates(None) * backend.batch[0] * scene.design.n_features**3  # d³/3 and 2 d³/3 each
    return _best(draw, backend), counter.get_total_flops() + inversions


def _numpy_seconds_per_replicate(scene: Scene) -> float:
    """Return the seconds per replicate of NumPy on all cores."""
    backend, n_units = NumpyBackend(), UNITS_PER_CORE * n_cores()

    def draw(index: int) -> None:
        draw_unit(backend, backend.randomness(0, "benchmark", index), scene.design, scene.fits)

    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        side_by_side(draw, range(n_units))
        times.append(time.perf_counter() - start)
    return min(times) / n_units / n_replicates(None)


def _device_rate(backend: TorchBackend) -> float:
    """Return the operations per second of a large matrix product."""
    size = 8192 if backend.device == "cuda" else 2048
    matrix = torch.randn(size, size, dtype=torch.float64, device=backend.device)
    return float(2 * size**3 / _best(lambda: matrix @ matrix, backend))


def _steps(backend: TorchBackend, d: int) -> list[tuple[str, int, Callable[[], Any]]]:
    """Return the steps of a replicate by name, with their operations in thirds of d³."""
    square = backend.randomness(0, "steps").normal(d, d)
    upper = torch.triu(square)
    gram = backend.gram(square) + backend.eye(d)
    factor = torch.linalg.cholesky(gram)
    return [
        ("Cholesky factor", 1, lambda: torch.linalg.cholesky(gram)),
        ("inverse from it", 2, lambda: torch.cholesky_inverse(factor)),
        ("product of a triangle with its transpose", 1, lambda: backend.gram_of_triangular(upper)),
        ("product", 6, lambda: gram @ square),
    ]


def _best(function: Callable[[], Any], backend: TorchBackend) -> float:
    """Return the shortest of a few times, the device's queue emptied before and after; the first call warms up."""
    wait = torch.cuda.synchronize if backend.device == "cuda" else (lambda: None)
    function()
    times = []
    for _ in range(REPEATS):
        wait()
        start = time.perf_counter()
        function()
        wait()
        times.append(time.perf_counter() - start)
    return min(times)
