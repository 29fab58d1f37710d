"""What does docs/validation.md say of audits without a target? Its last part, made from the outcomes of the trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
from scipy.stats import binomtest

from studies.audits import TABLE_TOPICS, TEXT_TOPICS
from studies.detection import Row
from studies.distribution_rivals import MOST_ROWS, N_FEATURES, PASSAGE
from studies.judges import AUDIT, JUDGES, MAUVE_TRIALS
from studies.outcomes import Outcomes
from studies.plants import NOTHING, Plant, World
from studies.words import mark

LEVEL = 0.05
FOUND_AIM, ALARMS_AIM = 0.95, 0.05
"""Least share of trials in which a plant is found, and largest share with a false alarm."""
RECOVERED_WITHIN = 0.2
INTERVAL = 0.90
FEWEST_TRIALS = 5
"""Scores of fewer trials have no range to speak of."""
SCORES = ("QualityReport", "DiagnosticReport", "MAUVE")

HEAD = """## Audits of distributions

Is collapse found when it was planted, and how often is there an alarm when there was none? Real and synthetic data are
drawn, the synthetic data are given one defect, and the [audit of a table](distribution-audit.md) or
[of a text](text-audit.md) compares them with its default settings. Rivals score the same data. Written by

```console
$ python -m studies.distributions --data FOLDER
```

where the folder holds `wikitext2` and `human_vs_lm_text`, which are not bundled. Every outcome is a row of
[distributions.json](distributions.json); a study that was interrupted goes on from there, and one without that file
starts afresh. Rivals take part where they are installed: `pip install sdmetrics mauve-text`.
"""

READING = f"""How to read the tables:

- *found*: trials in which any corrected p-value of the audit is at most {LEVEL:g}, with a {INTERVAL:.0%} interval
  (Clopper and Pearson). Aim: at least {FOUND_AIM:.0%} of the trials of a plant, and at most {ALARMS_AIM:.0%} of those
  in which a second real sample is compared.
- *named*: trials in which a finding names what was planted: one of the topics in brackets, which were fixed before
  the trials.
- Below a table, *found by*: trials with a finding, by topic; in no trial by the topics that are not listed. Those of
  tables: {", ".join(TABLE_TOPICS)}. Those of texts: {", ".join(TEXT_TOPICS)}.
- *recovered*: trials in which the audit's number of tokens kept is within {RECOVERED_WITHIN:.0%} of the planted one,
  and its median.
- Rivals: mean score ± standard deviation, and the trials in which a plant is told apart: its score is worse than all
  of the rival's own scores of real against real, of as many trials. A score that is better than these (↑, trials) says
  that the plant is closer to real data than real data is. Rivals run with the settings they come with; MAUVE, which
  needs features, is given the numeric columns of {MOST_ROWS:,} rows in units of the real ones, and of texts
  {N_FEATURES} hashed counts of words and pairs of words in passages of {PASSAGE}; in {MAUVE_TRIALS} trials, as it is
  slow.
"""


def write_section(worlds: Iterable[World], outcomes: Outcomes) -> str:
    """Return the part of the page; nothing when there are no outcomes."""
    if not outcomes.rows:
        return ""
    shown = [(world, [row for row in outcomes.rows if row["world"] == world.name]) for world in worlds]
    known = [(world, rows) for world, rows in shown if rows]
    sections = [_section(world, rows) for world, rows in known]
    judges = ", ".join(outcomes.judges.values())
    missing = sorted({judge.name for judge in JUDGES} - set(outcomes.judges))
    last = f"{outcomes.machine} Judges: {judges}." + (f" Not installed: {', '.join(missing)}." if missing else "")
    return "\n".join([HEAD, READING, *_not_met(known), *sections, last, ""])


def _section(world: World, rows: list[Row]) -> str:
    scores = [name for name in SCORES if any(name in row.get("scores", {}) for row in rows)]
    cut = any(plant.kept for plant in world.plants)
    heads = ["planted", "found", "interval", "named", *(["recovered"] if cut else []), *scores]
    lines = [f"### {world.title}", "", world.note, "", _line(heads), "|---" * len(heads) + "|"]
    for plant in world.plants:
        audited = _of(rows, plant, judge=AUDIT)
        recovered = [_recovered(audited, plant)] if cut else []
        theirs = [_scored(rows, plant, score) for score in scores]
        lines.append(_line([plant.name, *_found(audited, plant, aims=world.aims), *recovered, *theirs]))
    meanings = [f"- *{plant.name}*: {plant.does}.{_told_by(_of(rows, plant, judge=AUDIT))}" for plant in world.plants]
    return "\n".join([*lines, "", *meanings, "", _cost(rows), ""])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _of(rows: list[Row], plant: Plant, *, judge: str) -> list[Row]:
    return [row for row in rows if row["plant"] == plant.name and row["judge"] == judge]


def detected(rows: list[Row]) -> int:
    """Return in how many trials an audit found anything."""
    return sum(row["p_value"] <= LEVEL for row in rows)


def named(rows: list[Row], plant: Plant) -> int:
    """Return in how many trials a finding named the plant."""
    return sum(any(topic in row["findings"] for topic in plant.topics) for row in rows)


def recovered(rows: list[Row], plant: Plant) -> int:
    """Return in how many trials the number of tokens kept was recovered."""
    return sum(abs(number - plant.kept[1]) <= RECOVERED_WITHIN * plant.kept[1] for number in _kept(rows, plant))


def _kept(rows: list[Row], plant: Plant) -> list[float]:
    """Return how many tokens the cut has kept, in those trials in which the audit says so."""
    return [row["cuts"][plant.kept[0]] for row in rows if plant.kept and plant.kept[0] in row["cuts"]]


def meets_aim(rows: list[Row], plant: Plant) -> bool:
    """Tell whether a plant was found, or nothing was found where nothing was planted, as often as is aimed for."""
    share = detected(rows) / len(rows)
    return share <= ALARMS_AIM if plant.name == NOTHING else share >= FOUND_AIM


def _found(rows: list[Row], plant: Plant, *, aims: bool) -> list[str]:
    if not rows:
        return ["–"] * 3
    n_found = detected(rows)
    low, high = binomtest(n_found, len(rows)).proportion_ci(INTERVAL, method="exact")
    topics = f"{named(rows, plant)} ({', '.join(plant.topics)})" if plant.topics else "–"
    judged = f"{mark(meets_aim(rows, plant))} " if aims else ""
    return [f"{judged}{n_found} of {len(rows)}", f"{low:.1%} to {high:.1%}", topics]


def _recovered(rows: list[Row], plant: Plant) -> str:
    if not rows or not plant.kept:
        return "–"
    known = _kept(rows, plant)
    n_recovered = recovered(rows, plant)
    median = f"{np.median(known):,.0f}" if known else "–"
    return f"{mark(n_recovered >= FOUND_AIM * len(rows))} {n_recovered} of {len(rows)}, {median}"


def _scored(rows: list[Row], plant: Plant, score: str) -> str:
    """Return mean and deviation of a rival's score, and how often it tells a plant from real data."""
    values = [row["scores"][score] for row in rows if row["plant"] == plant.name and score in row.get("scores", {})]
    honest = [row["scores"][score] for row in rows if row["plant"] == NOTHING and score in row.get("scores", {})]
    if not values:
        return "–"
    spread = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
    text = f"{np.mean(values):.4f}{spread}"
    if plant.name == NOTHING or len(honest) < FEWEST_TRIALS:
        return text
    better = told_apart([-value for value in values], [-value for value in honest])
    return f"{text}; {told_apart(values, honest)} of {len(values)}{f' (↑ {better})' if better else ''}"


def told_apart(values: list[float], honest: list[float]) -> int:
    """Return how many scores are worse, that is smaller, than all of real against real."""
    return sum(value < min(honest) for value in values)


def _told_by(rows: list[Row]) -> str:
    """Return in how many trials each topic had a finding."""
    topics = Counter(topic for row in rows for topic in row["findings"])
    return f" Found by: {', '.join(f'{topic} {n}' for topic, n in topics.most_common())}." if topics else ""


def _cost(rows: list[Row]) -> str:
    """Return what a comparison takes, by judge."""
    told = []
    for judge in dict.fromkeys(row["judge"] for row in rows):
        seconds = [row["seconds"] for row in rows if row["judge"] == judge]
        told.append(f"{judge} {np.mean(seconds):.1f}")
    return f"Processor seconds a comparison, its share of what is done once a trial included: {', '.join(told)}."


def _not_met(known: list[tuple[World, list[Row]]]) -> list[str]:
    """Return what falls short of the aims, as a list."""
    short = []
    for world, rows in known:
        for plant in world.plants if world.aims else ():
            audited = _of(rows, plant, judge=AUDIT)
            if audited and not meets_aim(audited, plant):
                short.append(f"{world.name}, {plant.name}: found in {detected(audited)} of {len(audited)}")
            if audited and plant.kept and recovered(audited, plant) < FOUND_AIM * len(audited):
                n_recovered = recovered(audited, plant)
                short.append(f"{world.name}, {plant.name}: k recovered in {n_recovered} of {len(audited)}")
    return ["Aims that are missed: " + ("; ".join(short) if short else "none") + ".", ""]
