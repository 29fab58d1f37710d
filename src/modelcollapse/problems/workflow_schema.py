"""How is a workflow written down? The `workflow` table of a problem file, in both directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelcollapse.checks import known_keys
from modelcollapse.problems.arrays import numbers
from modelcollapse.problems.entries import as_table, build, located
from modelcollapse.problems.workflow import MODEL_KEYS, SAMPLING_KEYS, Curation, Schedule, Workflow


def read(value: Any, folder: Path) -> Workflow:
    """Build the workflow that a table describes; array files are found in the folder."""
    with located("`workflow`"):
        given = as_table("workflow", value)
        if "curation" in given:
            with located("`curation`"):
                given["curation"] = build("`curation`", Curation, as_table("curation", given["curation"]))
        if "schedule" in given:
            with located("`schedule`"):
                given["schedule"] = _schedule(as_table("schedule", given["schedule"]), folder)
        return build("a workflow", Workflow, given)


def write(workflow: Workflow) -> dict[str, Any]:
    """Return the table of a workflow."""
    keys = ("kind", "generations", "design", "real", "subsample")
    content = {key: getattr(workflow, key) for key in keys if getattr(workflow, key) is not None}
    curation, schedule = workflow.curation, workflow.schedule
    if curation is not None:
        content["curation"] = {key: getattr(curation, key) for key in ("hit", "false_keep", "tolerance")}
    lists = {key: list(getattr(schedule, key)) for key in MODEL_KEYS if getattr(schedule, key) is not None}
    tables = {key: getattr(schedule, key) for key in SAMPLING_KEYS if getattr(schedule, key)}
    by_source = {key: {name: list(values) for name, values in table.items()} for key, table in tables.items()}
    if lists or by_source:
        content["schedule"] = lists | by_source
    return content


def _schedule(table: dict[str, Any], folder: Path) -> Schedule:
    known_keys("the schedule", table, (*MODEL_KEYS, *SAMPLING_KEYS))
    lists: dict[str, Any] = {key: numbers(key, table[key], folder) for key in MODEL_KEYS if key in table}
    by_source: dict[str, Any] = {
        key: {name: numbers(f"{key}.{name}", values, folder) for name, values in as_table(key, table[key]).items()}
        for key in SAMPLING_KEYS
        if key in table
    }
    return Schedule(**lists, **by_source)
