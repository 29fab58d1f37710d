"""What happens to small language models on what they write? Two recursions, one with its tail cut, and students."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelcollapse.cli._progress import Line
from modelcollapse.digits import number_text, share_text
from modelcollapse.experiments.kinds import train
from modelcollapse.experiments.text_measures import N_CONTEXTS
from modelcollapse.figures.inline import svg
from modelcollapse.figures.text_training import DESCRIPTION, draw_text_training, text_training_data
from modelcollapse.problems.text_training import TextTraining
from modelcollapse.problems.training_files import training_from_dict
from modelcollapse.result import TrainedPoint, TrainingResult

IMAGES = Path(__file__).parent.parent / "docs" / "images"
N_TOKENS, GENERATIONS, N_REPLICATES = 150_000, 5, 3
N_CUT, TOP_P = 2, 0.9
FRACTIONS = (0, 0.2, 0.5, 1)
COLUMNS = {
    "validation_loss": "validation loss",
    "head_loss": "head",
    "tail_loss": "tail",
    "entropy": "entropy",
    "distinct_words": "distinct words",
    "absent_mass": "absent mass",
    "deviation_from_0": "deviation from 0",
    "deviation_from_1": "from 1",
}
"""Quantities of the tables, and what they are called there."""


def run(data: Path | None, work: Path) -> str:
    """Train what is not trained yet, draw the picture, and return the section of the page."""
    text = None if data is None else data / "tinyshakespeare" / "input.txt"
    described = _described(text, arms=("replace", "accumulate"), students=True)
    main = _trained(work / "recursions", described)
    cut = _trained(
        work / "tail-cut", _described(text, arms=("replace",), sampling={"top_p": TOP_P}, n_replicates=N_CUT)
    )
    _draw(main)
    return "\n\n".join(
        [
            f"{_setting(described)} And {main.assumptions[-1]}.",
            "![Measures of language models by generation, and of students by synthetic fraction]"
            "(images/training-text.svg)",
            "Recursions that sample from the whole next-token law:",
            _generations(main),
            _real(main),
            f"The same, replace only, with the tail of every next-token law cut (`top_p = {TOP_P}`), {N_CUT} "
            "replicates, too few for changes to be sure:",
            _generations(cut),
            "Students of one size, on as many tokens of which a share is written by generation 0:",
            _students(main),
            "What the command itself says, of the two recursions and of the one with cut tails:",
            "\n".join(f"- {sentence}" for sentence in main.findings),
            "\n".join(f"- {sentence}" for sentence in cut.findings),
        ]
    )


def _described(
    text: Path | None,
    *,
    arms: Sequence[str],
    students: bool = False,
    sampling: dict[str, Any] | None = None,
    n_replicates: int = N_REPLICATES,
) -> TextTraining:
    """Return the description of an experiment."""
    tables: dict[str, Any] = {
        "n_real": N_TOKENS,
        "n_replicates": n_replicates,
        "model": {"width": 64, "context": 64},
        "optimisation": {"n_steps": 600, "learning_rate": 5e-3, "warmup_steps": 30},
        "sampling": sampling or {},
        "arms": [{"workflow": {"kind": kind, "generations": GENERATIONS, "n_samples": N_TOKENS}} for kind in arms],
    }
    if text is not None:
        tables["text"] = str(text.resolve())
    if students:
        tables["mixtures"] = {"synthetic_fractions": list(FRACTIONS), "n_tokens": [N_TOKENS]}
    experiment: TextTraining = training_from_dict("text", tables)
    return experiment


def _trained(folder: Path, experiment: TextTraining) -> TrainingResult:
    """Return the result of an experiment, going on with what its folder holds."""
    with Line() as line:
        return train("text", experiment, out=folder, resume=True, device="cpu", watch=line.show)


def _draw(result: TrainingResult) -> None:
    IMAGES.mkdir(exist_ok=True)
    figure = draw_text_training(text_training_data(result))
    content = svg(figure, name="training-text", description=DESCRIPTION)
    (IMAGES / "training-text.svg").write_text(content + "\n", encoding="utf-8")


def _setting(described: TextTraining) -> str:
    """Say what was trained, and by which command."""
    source, flag = ("tiny Shakespeare", " --data FOLDER") if described.text else ("the grammar's text", "")
    model, optimisation = described.model, described.optimisation
    return (
        f"By `python -m studies.training text{flag}`, on the CPU, {optimisation.precision}. Real text: {source}, "
        f"{share_text(described.held_out)} held out in whole stretches. Models: {model.n_layers} layers, "
        f"{model.n_heads} heads, width {model.width}, context {model.context}, {described.tokens}; each trained from "
        f"scratch for {optimisation.n_steps} steps of {optimisation.batch_size} documents. Generation 0 learns "
        f"{described.n_real:,} real characters, and every model writes as many for the next, from a first character of "
        f"real text. Means of {described.n_replicates} replicates ± standard error. Losses and entropies are in nats a "
        "character, on held-out real text; head and tail are the commonest characters that make up half of the text, "
        "and the rarest that make up a tenth; distinct words are of equally many written words, absent mass is the "
        "share of held-out words that do not occur in as many written documents; deviations are mean L1 distances of "
        f"next-token laws after {N_CONTEXTS} real contexts."
    )


def _real(result: TrainingResult) -> str:
    """Say how wide other real text is."""
    words, absent = (
        number_text(result.numbers[name], result.stderr[name])
        for name in ("distinct_words_of_real_text", "absent_mass_of_real_text")
    )
    return f"As much other real text has {words} distinct words and an absent mass of {absent}."


def _generations(result: TrainingResult) -> str:
    """Return a table with a row for each generation."""
    points = [point for point in result.points if "generation" in point.setting]
    rows = [[point.setting["workflow"], str(point.setting["generation"]), *_cells(point)] for point in points]
    return _table(["workflow", "generation", *COLUMNS.values()], rows)


def _students(result: TrainingResult) -> str:
    """Return a table with a row for each synthetic fraction."""
    points = [point for point in result.points if "student" in point.setting]
    names = ("validation_loss", "head_loss", "tail_loss", "entropy", "deviation_from_0")
    rows = [[f"{point.setting['synthetic_fraction']:g}", *_cells(point, names)] for point in points]
    return _table(["synthetic fraction", *(COLUMNS[name] for name in names)], rows)


def _cells(point: TrainedPoint, names: Sequence[str] = tuple(COLUMNS)) -> list[str]:
    return [_cell(point, name) for name in names]


def _cell(point: TrainedPoint, name: str) -> str:
    """Return a quantity with its standard error; a dash where there is none."""
    if name == "head_loss":
        return number_text(point.values["band_loss"][0], point.stderr["band_loss"][0])
    return number_text(point.values[name], point.stderr[name]) if name in point.values else "–"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (header, *rows)]
    return "\n".join([lines[0], "|" + " --- |" * len(header), *lines[1:]])
