"""Which Zipf tasks are answered by theory and by simulation? At least one of every generator, mix and learner."""

from __future__ import annotations

from typing import Any

from modelcollapse import Generator, Memory, Purchase, ZipfTask

SIZES = [10, 300, 10_000, 100_000]


def task(exponent: float = 1.5, *, sizes: list[int] | None = None, **other: Any) -> ZipfTask:
    """Return a task of some sizes."""
    return ZipfTask(exponent, SIZES if sizes is None else sizes, **other)


BOUGHT = Purchase(0.2, rank=200)

LABELS: dict[str, ZipfTask] = {
    **{f"real data, exponent {exponent}": task(exponent) for exponent in (1.2, 1.5, 2.0, 3.0)},
    "hardly any mass in the head": task(1.03, sizes=[1, 30, 1000]),
    "hardly any mass in the tail": task(10.0, sizes=[3000, 10**6, 10**15]),
    "cut at a rank": task(generator=Generator(rank=100)),
    "cut at the first rank": task(generator=Generator(rank=1)),
    "cut beyond all that is seen": task(generator=Generator(rank=10**9)),
    "cut at a rank, trained on very much": task(3.0, generator=Generator(rank=2000), sizes=[10**6, 10**9, 10**12]),
    "cut by mass": task(generator=Generator(top_p=0.9)),
    "cut by mass, again and again": task(generator=Generator(top_p=0.95, generations=4)),
    "cut by mass, with real data for generators": task(
        generator=Generator(top_p=0.8, generations=4, real_fraction=0.4)
    ),
    "narrowed": task(generator=Generator(temperature=0.7)),
    "narrowed again and again": task(2.0, generator=Generator(temperature=0.8, generations=3)),
    "narrowed and cut": task(generator=Generator(temperature=0.9, rank=30, generations=2)),
    "cut, then half real": task(generator=Generator(rank=20), real_fraction=0.5),
    "cut, then hardly real": task(generator=Generator(rank=20), real_fraction=0.003),
    "tail bought at the cut": task(generator=Generator(rank=199), purchase=BOUGHT),
    "tail bought too far out": task(generator=Generator(rank=30), purchase=BOUGHT),
    "tail bought, and some real data": task(generator=Generator(temperature=0.6), purchase=BOUGHT, real_fraction=0.1),
    "few samples": task(generator=Generator(n_samples=40, generations=3)),
    "one sample": task(generator=Generator(n_samples=1)),
    "many samples": task(generator=Generator(n_samples=10_000, generations=6)),
    "samples of a steep law": task(3.0, generator=Generator(n_samples=1000, generations=6), sizes=[10, 10**4, 10**12]),
    "samples, cut": task(generator=Generator(n_samples=1000, rank=50, generations=3)),
    "samples, some of them real": task(generator=Generator(n_samples=1000, real_fraction=0.2, generations=5)),
    "few samples, some of them real": task(generator=Generator(n_samples=50, real_fraction=0.2, generations=3)),
    "samples, then some real data": task(generator=Generator(n_samples=500, generations=3), real_fraction=0.05),
    "samples, and a bought tail": task(generator=Generator(n_samples=500, generations=3), purchase=BOUGHT),
}
"""Tasks with labels that theory answers, by name."""

BIGRAMS: dict[str, ZipfTask] = {
    "real data": task(output="bigram"),
    "real data of a steep law": task(2.5, output="bigram"),
    "cut at a rank": task(generator=Generator(rank=50), output="bigram"),
    "cut by mass again and again": task(generator=Generator(top_p=0.9, generations=2), output="bigram"),
    "narrowed again and again": task(generator=Generator(temperature=0.8, generations=2), output="bigram"),
    "narrowed, then some real data and a bought tail": task(
        generator=Generator(temperature=0.7), purchase=BOUGHT, real_fraction=0.1, output="bigram"
    ),
    "samples": task(generator=Generator(n_samples=1000), output="bigram"),
}
"""Tasks with probabilities."""

MEMORIES: dict[str, ZipfTask] = {
    "proportional": task(sizes=[100, 10_000], memory=Memory(32), generator=Generator(rank=50)),
    "power": task(sizes=[100, 10_000], memory=Memory(128, update="power", power=0.5)),
    "threshold": task(sizes=[100, 10_000], memory=Memory(64, update="threshold"), generator=Generator(temperature=0.8)),
    "few outputs": task(2.0, sizes=[100, 10_000], memory=Memory(64, n_outputs=3)),
}
"""Tasks with limited memories, of which theory is an approximation."""
