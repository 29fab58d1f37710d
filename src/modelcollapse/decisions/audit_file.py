"""What does a plan read of an audit? The parts of its JSON that a plan needs, refused where they are damaged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from modelcollapse.checks import Array, integer, number
from modelcollapse.decisions.audit_result import SurfaceTable, ValidationPoint
from modelcollapse.decisions.verdict import Agreement, agreement
from modelcollapse.errors import InputError

NEEDED = ("verdict", "confidence", "confidence_reason", "rows", "best", "surfaces", "curves", "validation")
"""What must be in the JSON of an audit."""
AGAIN = "Make it again: modelcollapse audit ... --json."

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Told:
    """A forecast of the audit.

    Attributes
    ----------
    counts : dict of str to float
        By source.
    weight, test_error : float
    band : (float, float)
        90 % interval for the error of one trained model.
    difference_stderr : float
        Standard error of its difference from the real rows at hand alone.
    """

    counts: dict[str, float]
    weight: float
    test_error: float
    band: tuple[float, float]
    difference_stderr: float

    @property
    def synthetic_fraction(self) -> float:
        """Share of the synthetic rows in all rows, each counted by its weight."""
        real = self.counts.get("real", 0.0)
        synthetic = self.weight * (sum(self.counts.values()) - real)
        return synthetic / max(real + synthetic, 1e-300)


@dataclass(frozen=True, kw_only=True)
class AuditFile:
    """An audit as far as a plan needs it.

    Attributes
    ----------
    verdict, confidence, confidence_reason : str
    mixes_in : bool
        Whether the audit recommends synthetic rows beside the real ones at hand.
    checked : Agreement
        How its forecasts fared against trained models.
    rows : dict of str to int
        At hand, by source.
    surfaces : tuple of SurfaceTable
    told : tuple of Told
        The points of its curves that the data can tell.
    """

    verdict: str
    confidence: str
    confidence_reason: str
    mixes_in: bool
    checked: Agreement
    rows: dict[str, int]
    surfaces: tuple[SurfaceTable, ...]
    told: tuple[Told, ...]


def is_audit(path: str | Path) -> bool:
    """Whether a file is what `modelcollapse audit --json` has printed."""
    if Path(path).suffix != ".json":
        return False
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "verdict" in content and "kind" not in content


def load_audit(path: str | Path) -> AuditFile:
    """Read the JSON file of an audit.

    Raises
    ------
    InputError
        When a part that a plan needs is missing or damaged.
    """
    try:
        return read_audit(json.loads(Path(path).read_text(encoding="utf-8")))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def read_audit(content: Mapping[str, Any]) -> AuditFile:
    """Read what `AuditResult.to_dict` returns and `modelcollapse audit --json` prints.

    Raises
    ------
    InputError
        When a part that a plan needs is missing or damaged.
    """
    missing = [name for name in NEEDED if name not in content]
    if missing:
        raise InputError(f"the audit has no `{missing[0]}`. {AGAIN}")
    words = {name: _part(content, name, _text) for name in NEEDED[:3]}
    rows = _part(content, "rows", _rows)
    return AuditFile(
        **words,
        mixes_in=_part(
            content, "best", lambda best: sum(_counts(best["counts"], rows).values()) > best["counts"]["real"]
        ),
        checked=_part(content, "validation", _checked),
        rows=rows,
        surfaces=_part(content, "surfaces", lambda tables: tuple(_surface(table, rows) for table in _some(tables))),
        told=_part(content, "curves", lambda curves: tuple(t for curve in _some(curves) for t in _curve(curve, rows))),
    )


def _part(content: Mapping[str, Any], name: str, reader: Callable[[Any], T]) -> T:
    """Return what a reader makes of a part; whatever it stumbles over is damage."""
    try:
        return reader(content[name])
    except (InputError, LookupError, TypeError, ValueError, AttributeError, OverflowError):
        raise InputError(f"the audit's `{name}` is damaged, or of another version. {AGAIN}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _some(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise TypeError
    return value


def _rows(value: Any) -> dict[str, int]:
    rows = {name: integer(name, count, low=1) for name, count in value.items()}
    if "real" not in rows:
        raise KeyError("real")
    return rows


def _counts(value: Any, rows: Mapping[str, int]) -> dict[str, float]:
    counts = {name: number(name, count, low=0) for name, count in value.items()}
    if not counts.keys() <= rows.keys() or not sum(counts.values()):
        raise KeyError("counts")
    return counts


def _mixes_in(counts: Any, rows: Mapping[str, int]) -> bool:
    return any(count > 0 for name, count in _counts(counts, rows).items() if name != "real")


def _checked(points: Any) -> Agreement:
    """Judge the check on the spot again, by its points."""
    numbers = ("forecast", "forecast_stderr", "measured", "stderr")
    for point in points:
        for name in numbers:
            number(name, point[name], low=0)
    return agreement([ValidationPoint(**point) for point in points])


def _surface(table: Any, rows: Mapping[str, int]) -> SurfaceTable:
    source = _text(table["source"])
    if not set(source.split("+")) <= rows.keys() - {"real"}:
        raise KeyError(source)
    real, synthetic = _axis(table["real"]), _axis(table["synthetic"])
    grids = {name: _grid(table[name], (len(real), len(synthetic))) for name in ("test_error", "weight", "ridge")}
    if real[0] <= 0 or synthetic[0] != 0:
        raise ValueError("axes")
    return SurfaceTable(source=source, real=real, synthetic=synthetic, n_mixtures=table["n_mixtures"], **grids)


def _axis(value: Any) -> Array:
    axis = np.array(value, dtype=np.float64)
    if axis.ndim != 1 or len(axis) < 2 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
        raise ValueError("axis")
    return axis


def _grid(value: Any, shape: tuple[int, int]) -> Array:
    """Return a table of numbers of at least 0; NaN, null in the file, where the data cannot tell."""
    grid = np.array(value, dtype=np.float64)
    if grid.shape != shape or np.isinf(grid).any() or (grid < 0).any():
        raise ValueError("grid")
    return grid


def _curve(curve: Any, rows: Mapping[str, int]) -> list[Told]:
    """Return the points of a curve that the data can tell."""
    pairs = zip(curve["points"], curve["difference_stderr"], strict=True)
    return [
        Told(
            counts=_counts(point["counts"], rows),
            weight=number("weight", point["weight"], low=0),
            test_error=number("test_error", point["test_error"], low=0, open_low=True),
            band=(number("band", point["band"][0]), number("band", point["band"][1])),
            difference_stderr=number("difference_stderr", stderr, low=0),
        )
        for point, stderr in pairs
        if point["test_error"] is not None and stderr is not None
    ]
