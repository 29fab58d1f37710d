"""Which mixtures are tried? The same 26 designs on every set, from a few rows to far more than the pool."""

from __future__ import annotations

from dataclasses import dataclass

ONE = (1.0, 1.0, 1.0)
DESIGNS: tuple[tuple[float, tuple[float, float, float], tuple[float, float, float]], ...] = (
    # how far from the smallest to the largest total (on a log scale) · shares of the three sources · weights
    *((level, (1.0, 0.0, 0.0), ONE) for level in (0.0, 0.25, 0.5, 0.75, 1.0)),
    *((level, (0.0, 1.0, 0.0), ONE) for level in (0.5, 1.0)),
    (0.75, (0.0, 0.0, 1.0), ONE),
    (0.00, (0.9, 0.1, 0.0), ONE),
    (0.25, (0.5, 0.5, 0.0), ONE),
    (0.25, (0.1, 0.9, 0.0), ONE),
    (0.50, (0.2, 0.8, 0.0), ONE),
    (0.50, (0.9, 0.1, 0.0), ONE),
    (0.75, (0.8, 0.2, 0.0), ONE),
    (0.75, (0.3, 0.7, 0.0), ONE),
    (1.00, (0.5, 0.5, 0.0), ONE),
    (1.00, (0.25, 0.75, 0.0), ONE),
    (0.50, (0.2, 0.8, 0.0), (1.0, 0.2, 1.0)),
    (0.75, (0.25, 0.75, 0.0), (1.0, 0.5, 1.0)),
    (0.75, (0.5, 0.5, 0.0), (1.0, 0.1, 1.0)),
    (1.00, (0.2, 0.8, 0.0), (3.0, 1.0, 1.0)),
    (0.50, (0.25, 0.125, 0.625), ONE),
    (1.00, (0.25, 0.25, 0.5), ONE),
    (0.50, (0.25, 0.125, 0.625), (1.0, 0.2, 0.6)),
    (0.75, (0.06, 0.0, 0.94), (3.0, 1.0, 0.5)),
    (0.75, (0.05, 0.15, 0.8), (1.0, 1.0, 0.3)),
)


@dataclass(frozen=True)
class Mixture:
    """Samples and per-sample weight of the real, the weak and the better synthetic source."""

    n_samples: tuple[int, int, int]
    weights: tuple[float, float, float]

    @property
    def two_sources(self) -> bool:
        """Whether the better synthetic source is absent."""
        return self.n_samples[2] == 0


def mixtures(*, smallest: int, largest: int) -> list[Mixture]:
    """Return the designs with totals between `smallest` and `largest`, spaced evenly on a log scale.

    Examples
    --------
    >>> mixtures(smallest=300, largest=40_000)[15]
    Mixture(n_samples=(20000, 20000, 0), weights=(1.0, 1.0, 1.0))
    """
    chosen = []
    for level, shares, weights in DESIGNS:
        total = float(f"{smallest * (largest / smallest) ** level:.2g}")
        first, second, third = (round(total * share) for share in shares)
        chosen.append(Mixture((first, second, third), weights))
    return chosen
