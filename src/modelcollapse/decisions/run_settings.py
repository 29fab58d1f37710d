"""Which settings did past runs have, and which are asked about? Repeats averaged, settings completed and laid out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_law

from modelcollapse.checks import Array, known_keys, number
from modelcollapse.errors import InputError
from modelcollapse.estimation.runs import Runs
from modelcollapse.estimation.scaling_laws import ROUNDING, Points, distinct

KEYS = ("real", "synthetic", "size", "generation", "generator")
"""What a setting says."""

MOST = 1e30
"""Most of anything."""

BEYOND = 10.0
"""Multiple of the most data of any run up to which synthetic data is weighed beside real data."""

MOST_SHARES = 6
"""Most synthetic shares that get curves of their own."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Settings:
    """The n settings of runs, their repeats averaged.

    Attributes
    ----------
    points : Points
    loss : array of shape (n,)
        Geometric means over the repeats of a setting.
    of_run : int array of shape (number of runs,)
        Each run's setting.
    repeat_var : float
        Variance of the log losses of repeats; 0 without repeats.
    n_repeats : float
        Runs in a setting, on average.
    """

    points: Points
    loss: Array
    of_run: NDArray[np.int64]
    repeat_var: float
    n_repeats: float

    @classmethod
    def of(cls, runs: Runs) -> Settings:
        """Average the repeats of each setting."""
        numbers = runs.settings
        _, first, counts = np.unique(numbers, return_index=True, return_counts=True)
        log_loss = np.log(runs.loss)
        means = np.bincount(numbers, weights=log_loss) / counts
        spare = len(numbers) - len(first)
        spread = float(((log_loss - means[numbers]) ** 2).sum())
        everything = Points(
            real=runs.real,
            synthetic=runs.synthetic,
            size=runs.size,
            generation=runs.generation,
            generator=runs.generator,
        )
        return cls(
            points=everything.select(first),
            loss=np.exp(means),
            of_run=numbers,
            repeat_var=spread / spare if spare else 0.0,
            n_repeats=len(numbers) / len(first),
        )

    def run_noise(self, scale: float) -> float:
        """Return the standard deviation of a run's log loss, from that of the settings' means about the law."""
        return float(np.sqrt(scale**2 + self.repeat_var * (1 - 1 / self.n_repeats)))

    def misfit(self, scale: float, *, n_parameters: int) -> float:
        """Return the chance that settings' means lie so far from the right law, by what their repeats vary; 1 if none.

        Parameters
        ----------
        scale : float
            Standard deviation of the means' log losses about the law.
        n_parameters : int
        """
        spare = len(self.of_run) - len(self.loss)
        if self.repeat_var == 0 or not spare:
            return 1.0
        ratio = scale**2 * self.n_repeats / self.repeat_var
        return float(f_law.sf(ratio, max(len(self.loss) - n_parameters, 1), spare))

    @property
    def largest(self) -> int:
        """Position of the setting with most data times model size; of equals, that with most real data."""
        points = self.points
        scale = points.total * (1.0 if points.size is None else points.size)
        return int(np.lexsort((points.real, scale))[-1])

    @property
    def shares_vary(self) -> bool:
        """Whether the synthetic shares differ."""
        return bool(np.ptp(self.points.fraction) > ROUNDING)

    @property
    def n_amounts(self) -> int:
        """How many amounts of data there are."""
        return distinct(np.log(self.points.total))

    def knows_amount(self, total: float) -> bool:
        """Return whether some run has so much data."""
        return bool(np.abs(np.log(self.points.total / total)).min() <= ROUNDING)

    def addable(self, real: float) -> tuple[float, float]:
        """Return between which amounts of synthetic data beside real data the runs can tell; the last may be less.

        From half the smallest synthetic share of any run, to the largest share, and `BEYOND` times the most data.
        """
        shares = self.points.fraction[self.points.fraction > ROUNDING]
        half, largest = float(shares.min()) / 2, float(shares.max())
        most = BEYOND * float(self.points.total.max()) - real
        within = real * largest / (1 - largest) if largest < 1 else np.inf
        return real * half / (1 - half), min(within, most)

    def completed(self, given: Mapping[str, float]) -> dict[str, float]:
        """Return a setting that somebody asks about, with what it leaves out taken from the runs.

        Raises
        ------
        InputError
            When it has an unknown key, a number that cannot be, no data, or says what the runs do not.
        """
        known_keys("the setting", given, KEYS)
        low = {"real": 0.0, "synthetic": 0.0, "size": 1.0, "generation": 0.0, "generator": 1.0}
        asked = {key: number(key, value, low=low[key], high=MOST) for key, value in given.items()}
        for key in ("size", "generation", "generator"):
            if key in asked and getattr(self.points, key) is None:
                raise InputError(f"`{key}` must be left out of a setting: the runs do not say theirs. Add the column.")
        real, synthetic = asked.get("real", 0.0), asked.get("synthetic", 0.0)
        number("real + synthetic", real + synthetic, low=1.0, high=MOST, hint="Give one of them.")
        if asked.get("generation") == 0 and synthetic > 0:
            raise InputError("`generation` must be at least 1 in a setting with synthetic data; got 0. Count from 1.")
        return {"real": real, "synthetic": synthetic, **self._usual(synthetic > 0), **asked}

    def _usual(self, mixed: bool) -> dict[str, float]:
        """Return size, generation and generator of a setting that does not say them: those of the largest run."""
        points, usual = self.points, {}
        if points.size is not None:
            usual["size"] = float(points.size[self.largest])
        rows = np.flatnonzero(points.synthetic > 0)
        last = rows[np.argmax(points.total[rows])] if len(rows) else None
        if points.generation is not None:
            usual["generation"] = max(1.0, float(points.generation[last]) if last is not None else 1.0) * mixed
        if points.generator is not None and mixed and last is not None:
            usual["generator"] = float(points.generator[last])
        return usual

    def laid_out(self, settings: Sequence[Mapping[str, float]]) -> Points:
        """Return complete settings as arrays."""

        def column(key: str) -> Array | None:
            if key in ("size", "generation", "generator") and getattr(self.points, key) is None:
                return None
            return np.array([setting.get(key, np.nan) for setting in settings])

        return Points(
            real=np.array([setting["real"] for setting in settings]),
            synthetic=np.array([setting["synthetic"] for setting in settings]),
            size=column("size"),
            generation=column("generation"),
            generator=column("generator"),
        )

    def setting(self, row: int) -> dict[str, float]:
        """Return one of the runs' settings."""
        columns = {key: getattr(self.points, key) for key in KEYS}
        found = {key: float(values[row]) for key, values in columns.items() if values is not None}
        return {key: value for key, value in found.items() if not np.isnan(value)}

    def along(self, where: Mapping[str, float], *, real: Array, synthetic: Array) -> Points:
        """Return settings like one of them with other amounts of data, (S,)."""
        rows = [
            self.completed({**_kept(where, mixed=bool(y > 0)), "real": float(x), "synthetic": float(y)})
            for x, y in zip(real, synthetic, strict=True)
        ]
        return self.laid_out(rows)

    def groups(self) -> list[dict[str, float]]:
        """Return the shares, sizes and generations of curves through the runs, as settings."""
        points = self.points
        shares = np.unique(points.fraction.round(3))
        if len(shares) > MOST_SHARES:
            shares = np.unique(np.quantile(shares, np.linspace(0, 1, MOST_SHARES), method="nearest"))
        nearest = np.abs(points.fraction[:, None] - shares).argmin(axis=1)
        found = []
        for k, share in enumerate(shares):
            rows = np.flatnonzero(nearest == k)
            sizes = [None] if points.size is None else _spread(points.size[rows])
            generations = [None] if points.generation is None or share == 0 else _spread(points.generation[rows])
            for size, generation in product(sizes, generations):
                group = {"real": 1e6 * (1 - share), "synthetic": 1e6 * share}
                if size is not None:
                    group["size"] = size
                if generation is not None:
                    group["generation"] = max(1.0, generation)
                found.append(self.completed(group))
        return found


def _kept(where: Mapping[str, float], *, mixed: bool) -> dict[str, float]:
    """Return what stays of a setting when its data changes; real data alone has neither generation nor generator."""
    kept = ("size", "generation", "generator") if mixed and where["synthetic"] > 0 else ("size",)
    return {key: where[key] for key in kept if key in where}


def _spread(values: Array) -> list[float]:
    """Return at most three of the values: the smallest, a middle one, and the largest."""
    distinct = np.unique(values)
    return [float(value) for value in np.unique(np.quantile(distinct, [0, 0.5, 1], method="nearest"))]
