"""Where do the numbers of the page live? In one JSON file with every row of every study."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from modelcollapse.result import plain
from studies.comparison import Findings

DIGITS = 5
"""Significant digits that are kept."""


@dataclass(frozen=True)
class Record:
    """A study as it was run: what was found, from which seed, where and how long."""

    findings: Findings
    seed: int
    machine: str
    elapsed: float


def read(path: Path) -> dict[str, Record]:
    """Return the records by name of the study; none when the file is not there."""
    if not path.exists():
        return {}
    return {name: _from_json(content) for name, content in json.loads(path.read_text()).items()}


def write(path: Path, records: dict[str, Record]) -> None:
    """Write the records, one row of numbers per line."""
    texts = []
    for name in sorted(records):
        content = _to_json(records[name])
        rows = ",\n".join(json.dumps(row) for row in content.pop("rows"))
        texts.append(f'{json.dumps(name)}: {json.dumps(content, ensure_ascii=False)[:-1]}, "rows": [\n{rows}\n]}}')
    path.write_text("{\n" + ",\n".join(texts) + "\n}\n")


def _to_json(record: Record) -> dict[str, Any]:
    found = record.findings
    return {
        "seed": record.seed,
        "machine": record.machine,
        "elapsed": round(record.elapsed),
        "steps": list(found.steps),
        "seconds": {purpose: round(seconds, 2) for purpose, seconds in found.seconds.items()},
        "models": found.models,
        "columns": list(found.rows.columns),
        "rows": [[_rounded(value) for value in row] for row in found.rows.itertuples(index=False)],
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    number = plain(value)
    return number if number is None or number == int(number) else float(f"{number:.{DIGITS}g}")


def _from_json(content: dict[str, Any]) -> Record:
    rows = pd.DataFrame(content["rows"], columns=content["columns"])
    numeric = rows.apply(pd.to_numeric).assign(beyond=rows["beyond"].astype(bool))
    found = Findings(numeric, content["seconds"], content["models"], tuple(content["steps"]))
    return Record(found, content["seed"], content["machine"], content["elapsed"])
