"""How are the pictures of README and documentation made? `make picture` writes them into docs/images."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from modelcollapse.cli.demo import N_LABELLED, SEED
from modelcollapse.decisions.audit import audit
from modelcollapse.estimation.bundled import TARGET, digits_with_weak_labels
from modelcollapse.figures.chains import chain_data, draw_quantity
from modelcollapse.figures.curves import draw_forecast_curves, forecast_curves_data
from modelcollapse.figures.inline import svg
from modelcollapse.figures.surface import draw_surface, surface_data
from modelcollapse.figures.verification import draw_verification, verification_data
from modelcollapse.problems.laws import Law
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.tokens import TokenChain
from modelcollapse.theory.tokens_engine import solve_tokens

FOLDER = Path(__file__).parent.parent / "docs" / "images"


def main() -> None:
    """Draw every picture."""
    FOLDER.mkdir(exist_ok=True)
    draw_audit()
    draw_classes()
    draw_tokens()


def draw_audit() -> None:
    """Draw the forecast curves and the map of mixtures of the demo's own audit side by side."""
    result = audit(*digits_with_weak_labels(seed=SEED, n_label_train=N_LABELLED), target=TARGET, seed=SEED)
    figure = Figure(figsize=(10.4, 4.4), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2)
    draw_forecast_curves(forecast_curves_data(result), axes=left)
    draw_surface(surface_data(result, result.surfaces[0]), axes=right)
    write(figure, name="audit", description=result.verdict)


def draw_classes() -> None:
    """Draw the accuracy around the breakdown point of a verifier."""
    axes = draw_verification(verification_data(hit=0.8, false_keep=0.3))
    described = "Accuracy against label error: the more samples, the steeper its fall at the breakdown point, 0.727."
    figure = axes.get_figure(root=True)
    assert figure is not None
    write(figure, name="classes", description=described)


def draw_tokens() -> None:
    """Draw exact answers to token chains that replace their samples, inside what bounds leave open."""
    shown = (
        ("vocabulary", Law.zipf_mandelbrot(1000, offset=1, exponent=2.7), 1000),
        ("collapse_probability", Law.uniform(5), 10),
        ("absolute_error", Law.zipf(50, exponent=1), 100),
    )
    figure = Figure(figsize=(10.4, 3.2), layout="constrained", facecolor="white")
    for axes, (name, law, n_samples) in zip(figure.subplots(1, 3), shown, strict=True):
        chain = TokenChain(law, Resampling("replace", generations=49, n_samples=n_samples))
        table = chain_data(solve_tokens(chain))["quantities"]
        draw_quantity(table[table["quantity"] == name], axes=axes)
    described = "Exact vocabulary, collapse probability and absolute error of token chains, and bounds on them."
    write(figure, name="tokens", description=described)


def write(figure: Figure, *, name: str, description: str) -> None:
    """Write a figure as SVG."""
    text = svg(figure, name=name, description=description)
    (FOLDER / f"{name}.svg").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
