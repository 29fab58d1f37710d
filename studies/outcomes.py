"""Where do the outcomes of trials live? In one JSON file that grows with every trial: a study can be resumed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from studies.detection import Row, key


@dataclass(frozen=True)
class Outcomes:
    """What a study has found so far.

    Attributes
    ----------
    judges : dict of str to str
        Versions of those that took part, by name.
    machine : str
        Where the audits ran.
    rows : tuple of Row
        In the order of `key`.
    """

    judges: dict[str, str] = field(default_factory=dict)
    machine: str = ""
    rows: tuple[Row, ...] = ()

    def with_rows(self, rows: list[Row]) -> Outcomes:
        """Return the outcomes with more rows."""
        return replace(self, rows=tuple(sorted([*self.rows, *rows], key=key)))


def read(path: Path) -> Outcomes:
    """Return what there is; nothing when the file is not there."""
    if not path.exists():
        return Outcomes()
    content = json.loads(path.read_text(encoding="utf-8"))
    return Outcomes(content["judges"], content["machine"], tuple(content["rows"]))


def write(path: Path, outcomes: Outcomes) -> None:
    """Write one row per line, all or nothing: a study may be interrupted at any time."""
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in outcomes.rows)
    head = json.dumps({"machine": outcomes.machine, "judges": outcomes.judges}, ensure_ascii=False)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(f'{head[:-1]}, "rows": [\n{rows}\n]}}\n', encoding="utf-8")
    unfinished.replace(path)
