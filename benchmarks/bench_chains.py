"""How fast are simulated chains, against the field's loops over trajectories and drawn samples?"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from benchmarks import chains_rival as rival
from modelcollapse import Spectrum
from modelcollapse.parallel import n_cores
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.laws import Law
from modelcollapse.problems.ngrams import NgramChain
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.tokens import TokenChain
from modelcollapse.result import ChainResult
from modelcollapse.simulation.gaussian_engine import solve_gaussian
from modelcollapse.simulation.ngrams_engine import solve_ngrams
from modelcollapse.simulation.poisson_engine import solve_poisson
from modelcollapse.simulation.tokens_engine import solve_tokens
from modelcollapse.streams import stream

REPEATS, LOOP_REPEATS = 5, 2
TOKENS, GENERATIONS, REPLICATES = 50_000, 100, 100
TEXT_LENGTH, VOCABULARY, TEXTS = 500_000, 20_000, 5
CHILD = """
import json, sys, time
from pathlib import Path
from modelcollapse.problems.laws import Law
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.tokens import TokenChain
from modelcollapse.simulation.tokens_engine import solve_tokens
tokens, generations, replicates, size = map(int, sys.argv[1:])
chain = TokenChain(Law.zipf(tokens, exponent=1), Resampling("replace", generations=generations, n_samples=size))

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 2**10

before = peak()
start = time.perf_counter()
left = solve_tokens(chain, n_replicates=replicates).generations["vocabulary"][-1]
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "more": peak() - before, "left": left}))
"""

Outcome = TypeVar("Outcome")


def run() -> str:
    """Run every part and return the section."""
    lines = [
        "## Chains of tokens, Gaussians, rates and texts",
        "",
        f"Simulation on {n_cores()} cores, best of {REPEATS}. The alternatives are loops over trajectories and",
        "generations on one core, in the style of the field's scripts (`benchmarks/chains_rival.py`), best of",
        f"{LOOP_REPEATS}. Where a loop runs fewer trajectories than the workload has, its time is extrapolated from",
        "those. The last column is how far apart the two are at the last generation, in standard errors of the",
        "difference.",
        "",
        "| workload | trajectories of the loop | loop, seconds | simulation, seconds | ratio | apart |",
        "|---|---|---|---|---|---|",
        *_rare_events(),
        *_alphabets(),
        *_gaussians(),
        "",
        *_text(),
        "",
        *_large(),
    ]
    return "\n".join(lines)


def _rare_events() -> list[str]:
    """Compare 5,000 trajectories of rare tokens over 50 fits, and of Poisson rates over 500."""
    rows = []
    for share, n in ((0.001, 10**4), (0.01, 100)):
        chain = TokenChain(Law.bernoulli(share), Resampling("replace", generations=49, n_samples=n))
        rows.append(
            _row(
                f"token of probability {share:g}, {n:,} samples, 50 fits, 5,000 trajectories",
                lambda m, share=share, n=n: rival.bernoulli(
                    stream(0, "rival", "bernoulli"), share=share, n=n, fits=50, trajectories=m
                ),
                lambda chain=chain: solve_tokens(chain, n_replicates=5000),
                share=("vocabulary", -1.0),
                trajectories=(500, 5000),
            )
        )
    for rate in (1.0, 10.0):
        chain = PoissonChain([rate], Resampling("replace", generations=499, n_samples=10))
        rows.append(
            _row(
                f"Poisson rate {rate:g}, 10 samples, 500 fits, 5,000 trajectories",
                lambda m, rate=rate: rival.poisson(
                    stream(0, "rival", "poisson"), rate=rate, n=10, fits=500, trajectories=m
                ),
                lambda chain=chain: solve_poisson(chain, n_replicates=5000),
                share=("surviving_rates", 0.0),
                trajectories=(250, 5000),
            )
        )
    return rows


def _alphabets() -> list[str]:
    """Compare 200 trajectories of 1,000 tokens over ten fits."""
    rows = []
    for exponent, offset in ((1.0, 2.7), (2.0, 5.0)):
        law = Law.zipf_mandelbrot(1000, offset=offset, exponent=exponent)
        chain = TokenChain(law, Resampling("replace", generations=9, n_samples=1000))
        for how, loop, m in (
            ("one by one", rival.tokens_one_by_one, 4),
            ("a generation at once", rival.tokens_at_once, 200),
        ):
            rows.append(
                _row(
                    f"1,000 tokens, probabilities (i + {offset:g})^−{exponent:g}, 1,000 samples, 10 fits, "
                    f"200 trajectories; the loop draws {how}",
                    lambda m, law=law, loop=loop: loop(
                        stream(0, "rival", "alphabet"), law.probabilities, n=1000, fits=10, trajectories=m
                    ),
                    lambda chain=chain: solve_tokens(chain, n_replicates=200),
                    share=("vocabulary", 0.0),
                    trajectories=(m, 200),
                )
            )
    return rows


def _gaussians() -> list[str]:
    """Compare 100 trajectories of ten-dimensional Gaussians over 100 fits."""
    rows = []
    for kind, given in (("replace", {}), ("accumulate", {}), ("accumulate-subsample", {"subsample": 100})):
        workflow = Resampling(kind, generations=99, n_samples=100, **given)
        chain = GaussianChain(Spectrum.isotropic(10), workflow)
        rows.append(
            _row(
                f"Gaussian in 10 dimensions, {kind}, 100 samples, 100 fits, 100 trajectories",
                lambda m, kind=kind: rival.gaussian(
                    stream(0, "rival", "gaussian"), workflow=kind, d=10, n=100, fits=100, trajectories=m
                ),
                lambda chain=chain: solve_gaussian(chain, n_replicates=100),
                share=("variance_ratio", 0.0),
                trajectories=(100, 100),
            )
        )
    return rows


def _row(
    name: str,
    loop: Callable[[int], np.ndarray],
    solve: Callable[[], ChainResult],
    *,
    share: tuple[str, float],
    trajectories: tuple[int, int],
) -> str:
    """Return a row of the table: a loop over some of the trajectories against the simulation of all."""
    seconds, result = _best(solve, REPEATS)
    some, every = trajectories
    elapsed, values = _best(lambda: loop(some), LOOP_REPEATS)
    elapsed *= every / some
    quantity, shift = share
    error = np.hypot(result.stderr["generations"][quantity][-1], values.std(ddof=1) / np.sqrt(len(values)))
    apart = abs(result.generations[quantity][-1] + shift - values.mean()) / error
    return f"| {name} | {some:,} | {elapsed:.2f} | {seconds:.3f} | {elapsed / seconds:,.0f} | {apart:.1f} |"


def _text() -> list[str]:
    """Compare writing texts of half a million tokens from bigrams."""
    text = _zipf_text()
    chain = NgramChain(text, workflow=Resampling("replace", generations=TEXTS, n_samples=TEXT_LENGTH))
    seconds, result = _timed(lambda: solve_ngrams(chain, n_replicates=4))
    rate = 4 * TEXTS * TEXT_LENGTH / seconds

    def loop() -> list[int]:
        written = text.tolist()
        for _ in range(TEXTS):
            written = rival.bigram_text(stream(0, "rival", "bigram"), written, n_tokens=TEXT_LENGTH)
        return written

    elapsed, written = _timed(loop)
    found, error = result.generations["vocabulary"], result.stderr["generations"]["vocabulary"]
    return [
        "### Text from bigrams",
        "",
        f"A text of {TEXT_LENGTH:,} tokens ({len(np.unique(text)):,} different ones) is written anew {TEXTS} times,",
        "each time by the bigram model of the text before. The simulation writes four such chains of texts, and counts",
        "tokens and n-grams of every text as well. The loop keeps lists of what follows each token.",
        "",
        "| | tokens a second | vocabulary after the last |",
        "|---|---|---|",
        f"| loop | {TEXTS * TEXT_LENGTH / elapsed:,.0f} | {len(set(written)):,} |",
        f"| simulation | {rate:,.0f} | {found[-1]:,.0f} ± {error[-1]:.0f} |",
    ]


def _zipf_text() -> np.ndarray:
    """Return a text of two kinds of steps: to a token of Zipf's law, or a Zipf number past 7 times the last."""
    generator = stream(0, "benchmark", "text")
    law = Law.zipf(VOCABULARY, exponent=1.1).probabilities
    steps = generator.choice(VOCABULARY, size=TEXT_LENGTH, p=law)
    popular = generator.choice(VOCABULARY, size=TEXT_LENGTH, p=law)
    token, text = 0, np.empty(TEXT_LENGTH, dtype=np.int32)
    for position, (step, other) in enumerate(zip(steps.tolist(), popular.tolist(), strict=True)):
        token = other if step % 2 else (token * 7 + step) % VOCABULARY
        text[position] = token
    return text


def _large() -> list[str]:
    """Report time and memory of large alphabets, in processes of their own, beside one trajectory of a loop."""
    law = Law.zipf(TOKENS, exponent=1).probabilities
    rows = []
    for size in (10**4, 10**6, 10**12):
        facts = _measure(size)
        elapsed, left = _timed(
            lambda size=size: rival.multinomial_chain(
                stream(0, "rival", "large"), law, n=size, fits=GENERATIONS + 1, trajectories=1
            )
        )
        rows.append(
            f"| {size:,} | {facts['seconds']:.1f} | {facts['more']:.0f} | {facts['left']:,.0f} | "
            f"{elapsed * REPLICATES:.0f} | {left[0]:,} |"
        )
    return [
        f"### {TOKENS:,} tokens",
        "",
        f"Zipf's law with exponent 1, {GENERATIONS} generations, {REPLICATES} replicates; memory beyond what the",
        "process had before (Linux). The loop draws each generation's counts by NumPy's multinomial, one replicate",
        "after another; its time is extrapolated from one.",
        "",
        "| samples a generation | simulation, seconds | memory, MiB | tokens left | loop, seconds | tokens left |",
        "|---|---|---|---|---|---|",
        *rows,
    ]


def _measure(size: int) -> dict[str, float]:
    """Run the simulation of large alphabets in a process of its own."""
    numbers = map(str, (TOKENS, GENERATIONS, REPLICATES, size))
    command = [sys.executable, "-c", CHILD, *numbers]
    facts: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return facts


def _best(work: Callable[[], Outcome], repeats: int) -> tuple[float, Outcome]:
    """Return the shortest of several times, and what came out."""
    return min((_timed(work) for _ in range(repeats)), key=lambda pair: pair[0])


def _timed(work: Callable[[], Outcome]) -> tuple[float, Outcome]:
    start = time.perf_counter()
    outcome = work()
    return time.perf_counter() - start, outcome
