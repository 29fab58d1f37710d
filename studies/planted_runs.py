"""What do tables of past runs look like when something is wrong with them, and when nothing is? Both, drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from modelcollapse import Generator, Mixture, RandomTeacher, Shift, Source, Spectrum, ZipfTask, solve
from modelcollapse.checks import Array
from modelcollapse.engines import answer
from modelcollapse.estimation.runs import Runs

SMALLEST = 1e6
"""Tokens of the smallest run."""
NOISE = 0.01
"""Standard deviation of the log loss in tables with something planted."""
BANDS = {"head": (0.6, 0.5, 0.4), "middle": (1.0, 0.5, 0.3), "tail": (1.6, 0.0, 0.2)}
"""Amplitude, irreducible loss and exponent by token frequency."""


@dataclass(frozen=True)
class CleanKind:
    """Tables of runs to which nothing happens.

    Attributes
    ----------
    name, what : str
    draw : callable
        Of a random generator.
    """

    name: str
    what: str
    draw: Callable[[np.random.Generator], Runs]


@dataclass(frozen=True)
class Plant:
    """A signature with a strength.

    Attributes
    ----------
    signature : str
        That is to be found; ``"any"``: any of them.
    name, what : str
    strengths : sequence of float
        Relative excess of the loss where it is largest, or what else `what` says.
    sizes : sequence of int
        Runs of a table.
    draw : callable
        Of the strength, the number of runs and a random generator.
    """

    signature: str
    name: str
    what: str
    strengths: Sequence[float]
    sizes: Sequence[int]
    draw: Callable[[float, int, np.random.Generator], Runs]


def clean_loss(total: Array, *, irreducible: float = 1.7) -> Array:
    """Return the losses of real data alone."""
    return irreducible + 3.0 * (total / SMALLEST) ** -0.3


def table(total: Array, share: Array, log_loss: Array, **columns: Any) -> Runs:
    """Return runs by their data, synthetic share and log loss."""
    return Runs(real=total * (1 - share), synthetic=total * share, loss=np.exp(log_loss), **columns)


def grid(n: int, shares: Sequence[float], *, decades: float = 2.5) -> tuple[Array, Array]:
    """Return totals and shares (n,) of runs at every share and equally many amounts of data."""
    share = np.resize(np.asarray(shares), n)
    step = np.arange(n) // len(shares)
    return SMALLEST * 10 ** (decades * step / step.max()), share


# Nothing is wrong.


def draw_clean(
    generator: np.random.Generator,
    *,
    n: int,
    noise: float,
    irreducible: float = 1.7,
    confounded: bool = False,
    fixed_real: bool = False,
    falling: bool = False,
    heavy: bool = False,
    sized: bool = False,
    generations: bool = False,
    bands: bool = False,
    repeated: bool = False,
) -> Runs:
    """Return n runs of the clean law; noise is the standard deviation of the log loss, flags are told in `CLEAN`."""
    decades = generator.uniform(1.0, 3.0)
    total = SMALLEST * 10 ** (decades * np.sort(generator.random(n)))
    share = generator.choice([0.0, 0.0, 0.3, 0.6, 0.9], n)
    if confounded:
        share = np.where(np.arange(n) < n // 2, 0.0, np.maximum(share, 0.3))
    if fixed_real:
        share = np.maximum(0.0, 1 - total[n // 2] / total)
    clean = clean_loss(total, irreducible=irreducible)
    columns: dict[str, Any] = {}
    if sized:
        columns["size"] = 1e7 * generator.choice([1.0, 4.0, 16.0], n)
        clean = clean + 0.6 * (columns["size"] / 1e7) ** -0.3
    if generations:
        columns["generation"] = np.where(share > 0, generator.integers(1, 5, n), 0)
    if bands:
        columns["band_losses"] = _bands(total, noise, generator)
    spread = noise * (total / SMALLEST) ** (-0.25 if falling else 0.0)
    error = generator.standard_t(3, n) / np.sqrt(3) if heavy else generator.standard_normal(n)
    log_loss = np.log(clean) + spread * error
    if not repeated:
        return table(total, share, log_loss, **columns)
    again = np.repeat(np.arange(n), 3)
    return table(total[again], share[again], log_loss[again] + 0.2 * noise * generator.standard_normal(3 * n))


def _bands(total: Array, noise: float, generator: np.random.Generator) -> dict[str, Array]:
    """Return clean losses by token frequency, with an error that a run shares and one of each band."""
    shared = generator.standard_normal(len(total))
    return {
        band: (irreducible + 3 * amplitude * (total / SMALLEST) ** -exponent)
        * np.exp(noise * (0.7 * shared + 0.7 * generator.standard_normal(len(total))))
        for band, (amplitude, irreducible, exponent) in BANDS.items()
    }


def _clean(name: str, what: str, **kind: Any) -> CleanKind:
    def draw(generator: np.random.Generator) -> Runs:
        n = int(generator.choice([12, 20, 40]))
        noise = float(np.exp(generator.uniform(np.log(0.003), np.log(0.03))))
        return draw_clean(generator, **{"n": n, "noise": noise, **kind})

    return CleanKind(name, what, draw)


def draw_theory_clean(generator: np.random.Generator) -> Runs:
    """Return runs of ridge regression whose synthetic labels are as good as real ones."""
    return draw_theory(0.0, 24, generator)


CLEAN = (
    _clean("power law", "no irreducible loss", irreducible=0.0),
    _clean("irreducible", "irreducible loss of about half the loss"),
    _clean("confounded", "only the larger half has synthetic data", confounded=True),
    _clean(
        "fixed real", "the smaller half is real; larger runs add synthetic data to the same real data", fixed_real=True
    ),
    _clean("falling noise", "larger runs are less noisy, as total⁻⁰·²⁵", falling=True),
    _clean("heavy tails", "Student noise with 3 degrees of freedom", heavy=True),
    _clean("sizes", "three sizes of models", sized=True),
    _clean("generations", "four generations", generations=True),
    _clean("bands", "losses of three bands of tokens", bands=True),
    _clean("repeats", "three repeats of each setting, which has an error of its own", repeated=True),
    _clean("many runs", "200 runs", n=200),
    CleanKind(
        "ridge", "test errors of ridge regression in theory, synthetic labels as good as real ones", draw_theory_clean
    ),
)


# Something is wrong.


def draw_bend(strength: float, n: int, generator: np.random.Generator) -> Runs:
    """Return real runs of which the largest third lie above the law by a share of the loss, or more."""
    total = SMALLEST * 10 ** np.linspace(0, 3, n)
    clean = np.log(clean_loss(total))
    stopped = np.log(clean_loss(np.minimum(total, total[2 * n // 3])))
    excess = strength * (stopped - clean) / (stopped - clean).max()
    return table(total, np.zeros(n), clean + excess + NOISE * generator.standard_normal(n))


def draw_floor(strength: float, n: int, generator: np.random.Generator) -> Runs:
    """Return runs with a floor in proportion to the synthetic share, relative to the irreducible loss."""
    total, share = grid(n, (0.0, 0.5))
    loss = clean_loss(total) + 1.7 * strength * share / 0.5
    return table(total, share, np.log(loss) + NOISE * generator.standard_normal(n))


def draw_departure(strength: float, n: int, generator: np.random.Generator) -> Runs:
    """Return runs whose loss is larger by a share of it where there is any synthetic data, the larger half."""
    total = SMALLEST * 10 ** np.linspace(0, 2.5, n)
    share = np.where((np.arange(n) >= n // 3) & (np.arange(n) % 2 == 0), 0.5, 0.0)
    return table(
        total, share, np.log(clean_loss(total)) + strength * (share > 0) + NOISE * generator.standard_normal(n)
    )


def draw_share(strength: float, n: int, generator: np.random.Generator) -> Runs:
    """Return runs whose loss grows in proportion to the synthetic share, without any on real data alone."""
    total, share = grid(n, (0.2, 0.5, 0.8))
    return table(
        total, share, np.log(clean_loss(total)) + strength * share / 0.8 + NOISE * generator.standard_normal(n)
    )


def draw_generations(strength: float, n: int, generator: np.random.Generator) -> Runs:
    """Return runs whose loss grows with every generation of pure synthetic data."""
    total, place = grid(n, (0.0, 1.0, 2.0, 3.0))
    log_loss = np.log(clean_loss(total)) + strength * place / 3 + NOISE * generator.standard_normal(n)
    return table(total, (place > 0).astype(np.float64), log_loss, generation=place)


def draw_tails(strength: float, n: int, generator: np.random.Generator) -> Runs:
    """Return runs whose loss of rare tokens alone grows with the synthetic share."""
    total, share = grid(n, (0.0, 0.3, 0.6))
    bands = _bands(total, NOISE, generator)
    bands["tail"] = bands["tail"] * np.exp(strength * share / 0.6)
    return table(total, share, np.log(clean_loss(total)) + NOISE * generator.standard_normal(n), band_losses=bands)


@cache
def theory_errors(quality: float, n_samples: int, share: float) -> float:
    """Return the test error of ridge regression on real and synthetic samples, in theory."""
    n_synthetic = round(n_samples * share)
    sources = [
        Source("real", n_samples=n_samples - n_synthetic, noise_var=0.1, teacher=RandomTeacher(),
               spectrum=Spectrum.power_law(200, exponent=1.2)),
        Source("synthetic", n_samples=n_synthetic, noise_var=0.1,
               shift=Shift(quality=quality, shape="inverse_covariance")),
    ]  # fmt: skip
    answer = solve(Mixture([source for source in sources if source.n_samples], ridge=1e-3))
    return float(answer.test_error)  # type: ignore[union-attr]


def draw_theory(quality: float, n: int, generator: np.random.Generator) -> Runs:
    """Return runs of ridge regression at three shares, with synthetic labels of a quality c² (strong collapse)."""
    total, share = grid(n, (0.0, 0.2, 0.5), decades=1.75)
    n_samples = np.round(total / SMALLEST * 400)
    errors = [theory_errors(quality, int(rows), float(part)) for rows, part in zip(n_samples, share, strict=True)]
    return table(n_samples, share, np.log(errors) + NOISE * generator.standard_normal(n))


@cache
def zipf_errors(rank: int, sizes: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    """Return test errors on a Zipf law in theory: real data, and data of a generator that cuts the law at a rank."""
    return answer(ZipfTask(1.5, sizes, generator=Generator(rank=rank))).test_error  # type: ignore[union-attr]


def draw_zipf(cut: float, n: int, generator: np.random.Generator) -> Runs:
    """Return runs on real data, and on those of a generator without the ranks beyond 1/cut (Tale of Tails)."""
    total, share = grid(n, (0.0, 1.0), decades=3.0)
    sizes = np.unique(np.round(total / SMALLEST * 1e3)).astype(int)
    real, synthetic = zipf_errors(round(1 / cut), tuple(sizes.tolist()))
    errors = np.where(share > 0, np.repeat(synthetic, 2)[:n], np.repeat(real, 2)[:n])
    return table(np.repeat(sizes, 2)[:n].astype(float), share, np.log(errors) + NOISE * generator.standard_normal(n))


SIZES = (16, 48)
STRENGTHS = (0.01, 0.02, 0.04, 0.08)
PLANTS = (
    Plant("plateau", "bend", "of real runs, the third with most data lies above the law by up to the excess",
          (0.02, 0.04, 0.08, 0.16), SIZES, draw_bend),
    Plant("plateau", "floor", "half of the runs have half synthetic data, and a floor: the excess of their limit",
          (0.02, 0.05, 0.1, 0.2), SIZES, draw_floor),
    Plant("departure", "departure", "half of the larger runs have half synthetic data, and the excess",
          STRENGTHS, SIZES, draw_departure),
    Plant("share", "share", "shares of 0.2, 0.5 and 0.8 and none on real data alone; the excess at 0.8, in proportion",
          STRENGTHS, SIZES, draw_share),
    Plant("generations", "generations", "generations 0 to 3; the excess in the last one, in proportion",
          STRENGTHS, SIZES, draw_generations),
    Plant("tails", "tails", "shares of 0, 0.3 and 0.6; the excess of rare tokens alone at 0.6, in proportion",
          STRENGTHS, SIZES, draw_tails),
    Plant("any", "ridge", "test errors of ridge regression in theory at shares of 0, 0.2 and 0.5; quality c² of the "
          "synthetic labels in place of the excess", (0.01, 0.03, 0.1, 0.3), (24,), draw_theory),
    Plant("any", "zipf", "test errors on a Zipf law in theory, real data and those of a generator that knows no ranks "
          "beyond r; 1/r in place of the excess", (1e-5, 1e-4, 1e-3, 1e-2), (24,), draw_zipf),
)  # fmt: skip
