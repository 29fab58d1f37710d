"""How often are phenomena of scaling laws found where there are none, and where there are? In simulated tasks.

    python -m studies.phenomena

writes docs/phenomena.md, in a few minutes.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from scipy.stats import binomtest

from modelcollapse.decisions.phenomena import phenomena
from modelcollapse.engines import answer
from modelcollapse.problems.tails import Generator, ZipfTask
from modelcollapse.result import TailsResult

DOCS = Path(__file__).parent.parent / "docs"
EXPONENT = 1.5
SIZES = [100, 300, 1000, 3000, 10_000, 30_000, 100_000]
N_CLEAN, N_PLANTED = 200, 20
"""Simulated tasks of a kind."""
N_REPLICATES = 20
"""Of a task in which something is planted."""
NAMES = ("loss_of_scaling", "shifted_scaling", "unlearned_skills", "grokking")
FIRST_SEED = 10_000
"""The detectors were made with others."""

HEAD = f"""# What becomes of scaling laws

`modelcollapse solve` says of every [Zipf task](tails.md) what has become of its scaling law. Generation 0,
which learns from real data alone, is the measure of all others.

| phenomenon | found where |
|---|---|
| `loss_of_scaling` | the curve ends flat: less than half of generation 0's slope, whose error falls by 5 % there |
| `shifted_scaling` | at the largest size the last generation's error is above generation 1's; of one, above 0's |
| `unlearned_skills` | an item that generation 0 knows with 90 % is known to a later one with less than 50 % |
| `grokking` | flat over a factor of 3 in size, then a fall by more than half of generation 0's slope |

Slopes are those of logarithms. What counts is what is sure: a difference must exceed its standard error by a quantile
of Student's distribution at a level of 1 %, divided by the number of generations, sizes or items that are looked at.
The degrees of freedom are those of the standard errors, which a simulation gives with its means. That of what is known
of an item is taken to be at least half a replicate, so that a handful of them never shows that an item is lost. A shift
is found from what 5 % of the data are worth on; where a single size tells no slope, from 5 % of the error on.

The tables are written by

```console
$ python -m studies.phenomena
```

from simulations with β = {EXPONENT:g} and {len(SIZES)} sizes from {SIZES[0]:,} to {SIZES[-1]:,}, with other seeds than
those that the detectors were made with. *Planted*: theory, which has no noise, shows the phenomenon.
"""


def main() -> int:
    """Simulate and write the page."""
    parts = [HEAD, "## False alarms\n", *false_alarms(), "\n## What is found\n", *power()]
    (DOCS / "phenomena.md").write_text("\n".join(parts) + "\n", encoding="utf-8")
    return 0


def false_alarms() -> Iterator[str]:
    """Yield a table of tasks whose generators change nothing."""
    yield f"Of {N_CLEAN} tasks whose generators change nothing; the largest share that such a count allows with 95 %.\n"
    yield f"| generations | replicates | {' | '.join(f'`{name}`' for name in NAMES)} |"
    yield "|---|---|" + "---|" * len(NAMES)
    for generations in (1, 4):
        for n_replicates in (4, 20):
            found = counted(Generator(generations=generations), n_replicates=n_replicates, n_tasks=N_CLEAN)
            cells = [f"{found[name]} (≤ {percent(largest_share(found[name]))})" for name in NAMES]
            yield f"| {generations} | {n_replicates} | {' | '.join(cells)} |"


def power() -> Iterator[str]:
    """Yield a table of tasks with tails that are cut, lost, narrowed, or mixed with real data."""
    yield f"Of {N_PLANTED} tasks with {N_REPLICATES} replicates each, the share in which a phenomenon is found.\n"
    yield f"| generators | {' | '.join(f'`{name}`, planted | found' for name in NAMES)} |"
    yield "|---|" + "---|" * (2 * len(NAMES))
    for label, generator, real_fraction in planted():
        task = ZipfTask(EXPONENT, SIZES, generator=generator, real_fraction=real_fraction)
        expected = {each.name: each.found for each in phenomena(solved(task))}
        found = counted(generator, real_fraction=real_fraction, n_replicates=N_REPLICATES, n_tasks=N_PLANTED)
        cells = [f"{'yes' if expected[name] else 'no'} | {percent(found[name] / N_PLANTED)}" for name in NAMES]
        yield f"| {label} | {' | '.join(cells)} |"


def planted() -> Iterator[tuple[str, Generator, float]]:
    """Yield generators in words, and the share of real data that is mixed in."""
    for rank in (100, 300, 1000):
        yield f"cut at rank {rank:,}", Generator(rank=rank), 0.0
    for n_samples in (1000, 10_000, 100_000):
        yield f"4 generations of {n_samples:,} samples", Generator(n_samples=n_samples, generations=4), 0.0
    for temperature in (0.9, 0.7):
        yield f"temperature {temperature:g}", Generator(temperature=temperature), 0.0
    for share in (0.1, 0.03, 0.01):
        yield f"cut at rank 10, {percent(share)} real data", Generator(rank=10), share


def counted(generator: Generator, *, n_replicates: int, n_tasks: int, real_fraction: float = 0.0) -> Mapping[str, int]:
    """Return in how many simulated tasks each phenomenon is found."""
    task, found = ZipfTask(EXPONENT, SIZES, generator=generator, real_fraction=real_fraction), Counter[str]()
    for seed in range(FIRST_SEED, FIRST_SEED + n_tasks):
        result = solved(task, engine="simulation", seed=seed, n_replicates=n_replicates)
        found.update(each.name for each in phenomena(result) if each.found)
    return found


def solved(task: ZipfTask, **settings: object) -> TailsResult:
    """Return the answer of an engine."""
    result = answer(task, **settings)  # type: ignore[arg-type]
    assert isinstance(result, TailsResult)
    return result


def percent(share: float) -> str:
    """Return a share in percent."""
    return f"{100 * share:.3g} %"


def largest_share(count: int) -> float:
    """Return the end of the one-sided 95 % interval of a share (Clopper and Pearson)."""
    return float(binomtest(count, N_CLEAN, alternative="less").proportion_ci(0.95).high)


if __name__ == "__main__":
    sys.exit(main())
