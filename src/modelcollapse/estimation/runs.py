"""What is known of past training runs? How much data of each kind, how large a model, and the loss it reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from modelcollapse.checks import Array, choice, describe
from modelcollapse.errors import InputError
from modelcollapse.estimation.readers import is_saved_dataset, read_frame
from modelcollapse.estimation.run_columns import UNITS, RunColumns, run_columns
from modelcollapse.estimation.run_events import read_events
from modelcollapse.estimation.run_ranges import checked_column, refusal
from modelcollapse.estimation.run_suspicions import growing_score, other_units
from modelcollapse.estimation.scaling_laws import Points, nearly_equal
from modelcollapse.estimation.wording import counted


@dataclass(frozen=True, eq=False, kw_only=True)
class Runs:
    """Training runs that are over, one entry each.

    Attributes
    ----------
    real, synthetic : array, (n,)
        Amounts of data, in `unit`s: 0 or at least 1, and not both 0.
    loss : array, (n,)
        Above 0: the loss on held-out real data, or an error; of a perplexity, its logarithm.
    size : array, (n,), or None
        Model parameters, at least 1.
    generation : array, (n,), or None
        Whole numbers: 0 is trained on real data alone, t on synthetic data of a model of generation t − 1.
    repetition : array, (n,), or None
        Whole numbers that tell repeats of the same setting apart, such as seeds.
    generator : array, (n,), or None
        Amount of real data that the generator of the synthetic data was trained on; NaN in runs without synthetic data.
    band_losses : mapping of str to array, (n,)
        Losses by the frequency of the token, the most frequent band first.
    unit : str
        ``"tokens"`` or ``"samples"``.
    names : tuple of str
        What messages call the runs.
    warnings : tuple of str
        What is usable, but rarely meant.
    doubt : str
        Why `loss` is most likely no loss, so that no answer should be trusted; empty otherwise.

    Raises
    ------
    InputError
        When an entry is out of its range; one line that names the run.

    Examples
    --------
    >>> runs = Runs(real=[1e6, 1e6], synthetic=[0, 1e6], loss=[3.2, 3.0])
    >>> runs.total.tolist(), runs.fraction.tolist()
    ([1000000.0, 2000000.0], [0.0, 0.5])
    """

    real: Array
    synthetic: Array
    loss: Array
    size: Array | None = None
    generation: Array | None = None
    repetition: Array | None = None
    generator: Array | None = None
    band_losses: Mapping[str, Array] = field(default_factory=dict)
    unit: str = "samples"
    names: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    doubt: str = ""

    def __post_init__(self) -> None:
        names = tuple(self.names) or tuple(f"run {k + 1}" for k in range(np.size(self.loss)))
        choice("unit", self.unit, UNITS)
        object.__setattr__(self, "names", names)
        for name in ("real", "synthetic", "loss"):
            object.__setattr__(self, name, checked_column(name, getattr(self, name), names))
        for name in ("size", "generation", "repetition", "generator"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, checked_column(name, getattr(self, name), names))
        bands = {band: checked_column(f"loss_{band}", values, names) for band, values in self.band_losses.items()}
        object.__setattr__(self, "band_losses", bands)
        self._check_together()

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def total(self) -> Array:
        """Amounts of data, (n,): real plus synthetic."""
        return self.real + self.synthetic

    @property
    def fraction(self) -> Array:
        """Synthetic shares of the data, (n,), in [0, 1]."""
        return self.synthetic / self.total

    @property
    def points(self) -> Points:
        """The settings of the runs, without their losses."""
        return Points(
            real=self.real,
            synthetic=self.synthetic,
            size=self.size,
            generation=self.generation,
            generator=self.generator,
        )

    @property
    def settings(self) -> NDArray[np.int64]:
        """Numbers (n,) that runs share if and only if they repeat the same setting, up to nearly equal amounts."""
        columns = np.column_stack([nearly_equal(column) for column in self._setting_columns().T])
        _, numbers = np.unique(columns, axis=0, return_inverse=True)
        return numbers.reshape(-1).astype(np.int64)

    def select(self, which: NDArray[Any]) -> Runs:
        """Return some of the runs.

        Parameters
        ----------
        which : array
            Truth values (n,), or positions, which may repeat.
        """
        chosen = np.arange(len(self))[which]

        def part(values: Array | None) -> Array | None:
            return None if values is None else values[chosen]

        return Runs(
            real=self.real[chosen],
            synthetic=self.synthetic[chosen],
            loss=self.loss[chosen],
            size=part(self.size),
            generation=part(self.generation),
            repetition=part(self.repetition),
            generator=part(self.generator),
            band_losses={name: values[chosen] for name, values in self.band_losses.items()},
            unit=self.unit,
            names=tuple(self.names[k] for k in chosen),
            warnings=self.warnings,
            doubt=self.doubt,
        )

    def _setting_columns(self) -> Array:
        """Return what two runs must share to be repeats of each other, (n, columns); NaN as -1."""
        given = [self.real, self.synthetic, self.size, self.generation, self.generator]
        return np.nan_to_num(np.column_stack([values for values in given if values is not None]), nan=-1.0)

    def _check_together(self) -> None:
        """Refuse runs whose columns contradict each other."""
        empty = self.total == 0
        if empty.any():
            name = self.names[int(np.argmax(empty))]
            raise InputError(f"{name}: `real` and `synthetic` are both 0. Remove the run.")
        mixed = self.synthetic > 0
        if self.generation is not None and (mixed & (self.generation == 0)).any():
            name = self.names[int(np.argmax(mixed & (self.generation == 0)))]
            raise InputError(
                f"{name}: generation 0 is trained on real data alone, and this run has synthetic data. Count from 1 "
                "where there is synthetic data."
            )
        if self.generator is not None and np.isnan(self.generator[mixed]).any():
            row = int(np.argmax(np.isnan(self.generator) & mixed))
            raise refusal("generator", self.generator, row, self.names)


def read_runs(source: object, *, columns: Mapping[str, str] | None = None, name: str = "the table") -> Runs:
    """Read a table of past runs, one row each.

    Parameters
    ----------
    source : Runs, str, Path, DataFrame or mapping of str to array
        A CSV, TSV (also gzipped), Parquet or JSON lines file, or a directory of TensorBoard event files with a
        directory for each run.
    columns : mapping of str to str, optional
        Which column holds what, for names that are not understood by themselves: ``{"loss": "ce_holdout"}``.
    name : str
        What messages call the table; a file goes by its path.

    Returns
    -------
    Runs
        Runs that are in the table twice are there once.

    Raises
    ------
    InputError
        When the table cannot be read, lacks a column, holds less than two runs or an entry out of its range; one line
        that names the row.
    MissingExtraError
        When event files are to be read and `tensorboard` is absent.

    Notes
    -----
    Understood without being told, in upper or lower case: ``real``, ``synthetic`` (or ``total`` with ``fraction``),
    ``loss``, and where they are there ``size``, ``generation``, ``repetition``, ``generator``, ``name``, and
    ``loss_<band>`` for losses by token frequency, with the synonyms of
    `modelcollapse.estimation.run_columns.SYNONYMS`. Columns by other names are left alone.

    Examples
    --------
    >>> runs = read_runs({"real_tokens": [1e6, 2e6], "synthetic_tokens": [0, 0], "val_loss": [3.2, 3.0]})
    >>> runs.unit, runs.loss.tolist()
    ('tokens', [3.2, 3.0])
    """
    if isinstance(source, Runs):
        return source
    if isinstance(source, str | Path):
        name = str(source)
    frame = _frame(source, name)
    try:
        return _runs(run_columns(frame, columns=columns or {}))
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _frame(source: object, name: str) -> pd.DataFrame:
    """Return a source of runs as a table."""
    if isinstance(source, pd.DataFrame):
        return source
    if isinstance(source, str | Path):
        path = Path(source)
        return read_events(path) if path.is_dir() and not is_saved_dataset(path) else read_frame(path)
    if isinstance(source, Mapping):
        try:
            return pd.DataFrame({str(key): np.asarray(values) for key, values in source.items()})
        except ValueError:
            raise InputError(f"{name}: the columns must be arrays (n,) of one length.") from None
    raise InputError(f"{name} must be a path, a DataFrame, a mapping of arrays or Runs; got {describe(source)}.")


def _runs(found: RunColumns) -> Runs:
    """Check what the columns hold, leave out what is there twice, and say what looks strange."""
    if len(found.names) < 2:
        raise InputError(f"a table of runs needs at least 2 runs; got {len(found.names)}. Add runs.")
    given: dict[str, Any] = {**found.values, "band_losses": found.band_losses}
    runs = Runs(**given, unit=found.unit, names=found.names)
    once, warnings = _without_copies(runs)
    if len(once) < 2:
        raise InputError(f"all {len(runs)} runs are copies of one. Add runs that differ.")
    return replace(
        once,
        warnings=warnings + other_units(once.real, once.synthetic, unit=once.unit),
        doubt=growing_score(once.real, once.synthetic, once.loss),
    )


def _without_copies(runs: Runs) -> tuple[Runs, tuple[str, ...]]:
    """Leave out runs that repeat setting, repetition and all losses of another one, and say so."""
    numbers = [runs.real, runs.synthetic, runs.settings, runs.loss, *runs.band_losses.values()]
    if runs.repetition is not None:
        numbers.append(runs.repetition)
    _, first = np.unique(np.column_stack(numbers), axis=0, return_index=True)
    if len(first) == len(runs):
        return runs, ()
    example = runs.names[int(np.setdiff1d(np.arange(len(runs)), first)[0])]
    left_out = counted(len(runs) - len(first), "run")
    words = f"{left_out} left out: equal to another one in every number, first {example}."
    return runs.select(np.sort(first)), (words,)
