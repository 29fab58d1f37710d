"""How do chains of token counts go? Multinomials over contexts and replicates, of the tokens that are still there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.simulation.multinomials import Counts, multinomials, subsets
from modelcollapse.simulation.resampling import Refits, fitted_on

QUANTITIES = (
    "concentration",
    "squared_error",
    "squared_drift",
    "absolute_error",
    "absolute_drift",
    "vocabulary",
    "collapse_probability",
)

Tick = Callable[[], None]


def token_chains(
    generator: np.random.Generator,
    laws: Sequence[Array],
    *,
    frequencies: Array,
    refits: Refits,
    n_replicates: int,
    tick: Tick,
) -> dict[str, Array]:
    """Return what each replicate of a chain over several contexts goes through.

    Parameters
    ----------
    generator : numpy.random.Generator
    laws : sequence of n_contexts arrays, (n_tokens,) each
        Probabilities, adding up to 1.
    frequencies : array of shape (n_contexts,)
        Weights of the contexts in the means over them.
    refits : Refits
        Its numbers of samples are those of each context.
    n_replicates : int
    tick : callable
        Called once for each generation.

    Returns
    -------
    dict of str to array
        `QUANTITIES`, (n_replicates, n_generations); and `collapse_time`, (n_replicates,): the number of fits after
        which the model is sure of one token for the first time, NaN where some context never was.
    """
    cells = _Cells(generator, laws, n_replicates=n_replicates)
    shape = (n_replicates, len(laws))
    values = {name: np.empty((refits.generations + 1, n_replicates)) for name in QUANTITIES}
    collapse_time = np.full(shape, np.nan)
    for generation, counts in enumerate(fitted_on(cells, refits)):
        tick()
        measured = cells.measure(counts)
        for name, array in measured.items():
            values[name][generation] = array.reshape(shape) @ frequencies
        collapsed = measured["collapse_probability"].reshape(shape) > 0
        collapse_time[collapsed & np.isnan(collapse_time)] = generation + 1
    return {**{name: array.T for name, array in values.items()}, "collapse_time": collapse_time @ frequencies}


class _Cells:
    """The tokens that can still occur, of all contexts and replicates one after another; samples are their counts.

    A segment is one context of one replicate. Tokens that were dropped count for the distance from the real law and
    from generation 0: what they add is kept as running sums. A segment with one token left has settled: nothing of it
    is drawn any more.
    """

    def __init__(self, generator: np.random.Generator, laws: Sequence[Array], *, n_replicates: int) -> None:
        self.generator = generator
        possible = [law[law > 0] for law in laws]
        self.n_replicates = n_replicates
        self._separate(np.tile(np.array([len(law) for law in possible]), n_replicates))
        self.law: Array = np.tile(np.concatenate(possible), n_replicates)
        self.first: Array | None = None
        self.dropped = {name: np.zeros(len(self.lengths)) for name in QUANTITIES[1:5]}
        self.unsettled: Counts = np.arange(len(self.lengths))
        self.settled = {name: np.ones(len(self.lengths)) for name in QUANTITIES}

    def real(self, n_samples: Counts) -> Counts:
        return self._drawn(self.law, n_samples)

    def synthetic(self, data: Counts, n_samples: Counts) -> Counts:
        return self._drawn(data.astype(np.float64), n_samples)

    def together(self, parts: Sequence[Counts]) -> Counts:
        return np.asarray(np.sum(parts, axis=0))

    def added(self, pool: Counts, data: Counts) -> Counts:
        return pool + data

    def subset(self, data: Counts, n_samples: Counts) -> Counts:
        return subsets(self.generator, data, starts=self.starts, n_drawn=self._sizes(n_samples))

    def beginning(self) -> Array:
        return self.law

    def remembered(self, past: Array, data: Counts) -> Array:
        return past + self._frequencies(data)

    def from_past(self, past: Array, n_samples: Counts) -> Counts:
        return self._drawn(past, n_samples)

    def kept(self, *data: Counts) -> tuple[Counts, ...]:
        """Drop the tokens that none of the samples holds, and the segments of which one token is left."""
        return self._without_settled(self._without_lost(data))

    def measure(self, counts: Counts) -> dict[str, Array]:
        """Return the quantities of each segment, (n_segments,); the first time, generation 0 is remembered."""
        starts, share = self.starts, self._frequencies(counts)
        if self.first is None:
            self.first = share
        vocabulary = np.add.reduceat(counts > 0, starts, dtype=np.float64)
        found = {
            "concentration": np.add.reduceat(share * share, starts),
            "vocabulary": vocabulary,
            "collapse_probability": (vocabulary == 1).astype(np.float64),
        }
        for name, reference in (("error", self.law), ("drift", self.first)):
            gap = share - reference
            found[f"absolute_{name}"] = np.add.reduceat(np.abs(gap), starts) + self.dropped[f"absolute_{name}"]
            np.square(gap, out=gap)
            found[f"squared_{name}"] = np.add.reduceat(gap, starts) + self.dropped[f"squared_{name}"]
        if len(self.unsettled) == len(self.settled["vocabulary"]):
            return found
        whole = {name: array.copy() for name, array in self.settled.items()}
        for name, array in found.items():
            whole[name][self.unsettled] = array
        return whole

    def _without_lost(self, data: tuple[Counts, ...]) -> tuple[Counts, ...]:
        assert self.first is not None
        alive = data[0] > 0
        for counts in data[1:]:
            alive |= counts > 0
        gone = np.flatnonzero(~alive)
        if not gone.size:
            return data
        segment = np.searchsorted(self.starts, gone, side="right") - 1
        for name, reference in (("error", self.law[gone]), ("drift", self.first[gone])):
            for norm, lost in (("squared", reference**2), ("absolute", reference)):
                self.dropped[f"{norm}_{name}"] += np.bincount(segment, weights=lost, minlength=len(self.lengths))
        self._separate(self.lengths - np.bincount(segment, minlength=len(self.lengths)))
        self.law, self.first = self.law[alive], self.first[alive]
        return tuple(counts[alive] for counts in data)

    def _without_settled(self, data: tuple[Counts, ...]) -> tuple[Counts, ...]:
        """Note the distances of segments of one token, whose other quantities are 1."""
        assert self.first is not None
        single = self.lengths == 1
        if not single.any():
            return data
        cells = np.repeat(single, self.lengths)
        for name, reference in (("error", self.law[cells]), ("drift", self.first[cells])):
            for norm, gap in (("squared", (1 - reference) ** 2), ("absolute", 1 - reference)):
                distance = f"{norm}_{name}"
                self.settled[distance][self.unsettled[single]] = gap + self.dropped[distance][single]
                self.dropped[distance] = self.dropped[distance][~single]
        self.unsettled = self.unsettled[~single]
        self._separate(self.lengths[~single])
        self.law, self.first = self.law[~cells], self.first[~cells]
        return tuple(counts[~cells] for counts in data)

    def _separate(self, lengths: Counts) -> None:
        """Take note of how many cells each segment has, and of where it begins."""
        self.lengths = lengths
        self.starts: Counts = np.cumsum(lengths) - lengths

    def _frequencies(self, counts: Counts) -> Array:
        totals = np.add.reduceat(counts, self.starts)
        return np.asarray(counts / np.repeat(totals, self.lengths))

    def _drawn(self, weights: Array, n_samples: Counts) -> Counts:
        return multinomials(self.generator, weights, starts=self.starts, n_samples=self._sizes(n_samples))

    def _sizes(self, n_samples: Counts) -> Counts:
        """Return the samples of each segment, (n_segments,), from those of each context."""
        return np.asarray(np.tile(n_samples, self.n_replicates)[self.unsettled])
