"""Where does a larger model amplify collapse? Maps and thresholds for three models, drawn, as tables or as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelcollapse.cli._output import print_json
from modelcollapse.cli._picture import Out, check_picture_path, write_picture
from modelcollapse.digits import rough_text
from modelcollapse.errors import InputError

if TYPE_CHECKING:
    from modelcollapse.decisions.data_gain import DataGain
    from modelcollapse.decisions.phase_diagram import PhaseDiagram
    from modelcollapse.problems.mixture import Mixture

QUALITIES = (0.1, 1.0)
FRACTIONS = (0.2, 0.9)
"""Of the maps when no file says which; the signal of both settings has variance 1."""
SHOWN = (0.001, 0.01, 0.1, 0.5, 2.0)
"""Features per sample of which the table of thresholds has a column."""


class Model(StrEnum):
    """Which model grows."""

    linear = "linear"
    projections = "projections"
    network = "network"


class Setting(StrEnum):
    """What is drawn without a file."""

    isotropic = "isotropic"
    power_law = "power_law"


def command(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Problem file: its quality and synthetic fraction are drawn."),
    ] = None,
    *,
    setting: Annotated[
        Setting | None, typer.Option(help="What to draw without a file; isotropic when left out.")
    ] = None,
    model: Annotated[
        list[Model] | None, typer.Option(help="Model to draw, may be repeated; all when left out.")
    ] = None,
    gain: Annotated[float, typer.Option(help="What ten times the data should divide the excess risk by.")] = 2.0,
    out: Out = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Map where a larger model amplifies collapse, and how much synthetic data more data can bear."""
    from modelcollapse.cli._progress import ProgressLine
    from modelcollapse.decisions.data_gain import data_gain
    from modelcollapse.decisions.phase_diagram import phase_diagram

    if out is not None:
        check_picture_path(out)
    problem, qualities, fractions = _question(file, setting)
    models = [str(chosen) for chosen in model or Model]

    def gains(features_per_sample: Sequence[float] | None = None) -> list[DataGain]:
        return [
            data_gain(problem, model=name, qualities=qualities, gain=gain, features_per_sample=features_per_sample)
            for name in models
        ]

    diagrams = []
    with ProgressLine() as progress:
        progress("thresholds", 0, 1)
        found = gains(None if json else SHOWN)
        drawn = gains() if out is not None else []
        for done, name in enumerate(models):
            progress(f"maps: {name}", done, len(models))
            diagrams.append(phase_diagram(problem, model=name, synthetic_fractions=fractions))
    if json:
        _print_json(diagrams, found, qualities)
    else:
        _print_tables(diagrams, found, qualities)
    if out is not None:
        _draw(diagrams, drawn, qualities, out)


def _question(file: Path | None, setting: Setting | None) -> tuple[Mixture, list[float], list[float]]:
    """Return the problem, and the qualities and synthetic fractions of the maps."""
    from modelcollapse.decisions.phase_diagram import SETTINGS
    from modelcollapse.problems.files import load_problem
    from modelcollapse.problems.mixture import Mixture

    if file is None:
        return SETTINGS[setting or Setting.isotropic](), list(QUALITIES), list(FRACTIONS)
    if setting is not None:
        raise InputError("--setting belongs to a diagram without a file. Leave out one of the two.")
    problem = load_problem(file)
    if not isinstance(problem, Mixture):
        raise InputError(f"{file}: a phase diagram needs `kind` = mixture without a workflow.")
    synthetic = problem.sources[-1]
    quality = 0.0 if synthetic.shift is None else synthetic.shift.quality or 0.0
    if quality == 0 or synthetic.n_samples == 0:
        raise InputError(
            f"{file}: the synthetic source must come last, with samples and a `shift` of positive `quality`; "
            "without an error there is no collapse."
        )
    return problem, [quality], [synthetic.n_samples / sum(source.n_samples for source in problem.sources)]


def _draw(diagrams: list[PhaseDiagram], gains: list[DataGain], qualities: list[float], out: Path) -> None:
    """Write the picture."""
    from modelcollapse.figures.phase_diagram import draw_phase_diagram, phase_diagram_data

    figure = draw_phase_diagram(phase_diagram_data(diagrams, gains, qualities=qualities))
    write_picture(figure, out, name="phase-diagram", description=_CAPTION)


_CAPTION = "What a larger model does to collapse and to the error, and how much synthetic data more data can bear."


def _print_json(diagrams: list[PhaseDiagram], gains: list[DataGain], qualities: list[float]) -> None:
    """Print slopes, thresholds and shares."""
    from modelcollapse import __version__

    print_json(
        {
            "diagrams": [diagram.to_dict() for diagram in diagrams],
            "gains": [found.to_dict() for found in gains],
            "shares": [row for diagram in diagrams for quality in qualities for row in diagram.shares(quality)],
            "version": __version__,
        }
    )


def _print_tables(diagrams: list[PhaseDiagram], gains: list[DataGain], qualities: list[float]) -> None:
    """Print which share of each map has which effect, and the thresholds at some features per sample."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    rows = [row for diagram in diagrams for quality in qualities for row in diagram.shares(quality)]
    effects = [name for name in list(rows[0])[4:] if any(row[name] > 0 for row in rows)]
    for samples, title in (("< features", "Fewer samples than features"), ("> features", "More samples than features")):
        console.print(f"{title}: what a larger model does, by share of the map", style="bold")
        table = Table("model", "quality", "synthetic", *effects, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        for row in rows:
            if row["samples"] == samples:
                case = (row["model"], f"{row['quality']:g}", f"{row['synthetic_fraction']:.0%}")
                table.add_row(*case, *(f"{row[name]:.0%}" for name in effects))
        console.print(table)
    console.print("amplifies: more collapse and a larger excess risk; outweighed: more collapse and a smaller one;")
    console.print("mitigates: less of both; in vain: less collapse and a larger excess risk\n")
    asked = f"{gains[0].data_growth:g} times the data divide the excess risk by {gains[0].gain:g}"
    console.print(f"Synthetic fraction up to which {asked}", style="bold")
    table = Table("model", "quality", *(f"{value:g}" for value in SHOWN), box=SIMPLE_HEAD, pad_edge=False)
    for found in gains:
        for quality, fractions in zip(found.quality.tolist(), found.synthetic_fraction.tolist(), strict=True):
            table.add_row(found.model, f"{quality:g}", *map(_fraction_text, fractions))
    console.print(table)
    console.print("columns: features per sample before the data grow; –: not even real data alone")


def _fraction_text(fraction: float) -> str:
    return "–" if math.isnan(fraction) else "any" if fraction == 1 else rough_text(fraction, 2)
