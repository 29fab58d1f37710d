"""How is the picture of the README made? From the demo's own audit: `make picture` writes docs/images/audit.svg."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from modelcollapse.cli.demo import N_LABELLED, SEED
from modelcollapse.decisions.audit import audit
from modelcollapse.estimation.bundled import TARGET, digits_with_weak_labels
from modelcollapse.figures.curves import draw_forecast_curves, forecast_curves_data
from modelcollapse.figures.inline import svg
from modelcollapse.figures.surface import draw_surface, surface_data

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "audit.svg"


def main() -> None:
    """Draw the forecast curves and the map of mixtures side by side."""
    result = audit(*digits_with_weak_labels(seed=SEED, n_label_train=N_LABELLED), target=TARGET, seed=SEED)
    figure = Figure(figsize=(10.4, 4.4), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2)
    draw_forecast_curves(forecast_curves_data(result), axes=left)
    draw_surface(surface_data(result, result.surfaces[0]), axes=right)
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg(figure, name="audit", description=result.verdict) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
