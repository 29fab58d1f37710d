"""How many wrong labels can a verifier cope with? Accuracy falls at its breakdown point, steeply where data abound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from modelcollapse.checks import number
from modelcollapse.figures.style import FONT_SIZE, QUIET, Tables, finish, legend_above, line_styles, new_axes
from modelcollapse.theory.classes import Labels, breakdown_point, class_margin

FEATURES_PER_SAMPLE = (1.0, 0.1, 0.01, 0.001)
"""From few generated samples to many."""


def verification_data(
    *,
    hit: float,
    false_keep: float,
    ridge: float = 1.0,
    mean_norm: float = 1.0,
    features_per_sample: Sequence[float] = FEATURES_PER_SAMPLE,
) -> Tables:
    """Return the accuracy of a classifier trained on synthetic data alone, over the label error of its generator.

    Parameters
    ----------
    hit, false_keep : float
        Probabilities, in [0, 1] and not both 0, of keeping a sample whose label is right and one whose label is wrong.
    ridge : float
        Above 0; per generated sample.
    mean_norm : float
        Length of the class means, above 0; the classes are isotropic of variance 1.
    features_per_sample : sequence of float
        One curve for each, above 0; generated samples.

    Returns
    -------
    dict of DataFrame
        ``curves``: features_per_sample, label_error, accuracy. ``breakdown``: label_error.

    Raises
    ------
    InputError
        When a value is out of range.
    """
    breakdown = pd.DataFrame({"label_error": [breakdown_point(hit=hit, false_keep=false_keep)]})
    ridge = number("ridge", ridge, low=0, open_low=True)
    mean_norm = number("mean_norm", mean_norm, low=0, open_low=True)
    ratios = np.array([number("features_per_sample", r, low=0, open_low=True) for r in features_per_sample])
    label_errors = np.linspace(0.005, 0.995, 199)
    n_samples = np.broadcast_to(1 / ratios[:, None], (len(ratios), len(label_errors)))  # of one feature: ratios decide
    labels = Labels(
        n_right=(n_samples * hit * (1 - label_errors))[..., None],
        n_wrong=(n_samples * false_keep * label_errors)[..., None],
        n_total=n_samples,
        ridge=np.array(ridge),
    )
    accuracy = class_margin(labels, means=np.array([[mean_norm]]), eigenvalues=np.ones((1, 1))).accuracy
    curves = pd.DataFrame(
        {
            "features_per_sample": np.repeat(ratios, len(label_errors)),
            "label_error": np.tile(label_errors, len(ratios)),
            "accuracy": accuracy.ravel(),
        }
    )
    return {"curves": curves, "breakdown": breakdown}


def draw_verification(data: Tables, *, axes: Axes | None = None) -> Axes:
    """Draw accuracy against label error, one line for each ratio, and the breakdown point."""
    axes = new_axes() if axes is None else axes
    curves, point = data["curves"], float(data["breakdown"]["label_error"].iloc[0])
    ratios = list(dict.fromkeys(curves["features_per_sample"]))
    for ratio, (colour, dash) in zip(ratios, line_styles(len(ratios)), strict=True):
        rows = curves[curves["features_per_sample"] == ratio]
        label = f"features per sample: {ratio:g}"
        axes.plot(rows["label_error"], rows["accuracy"], color=colour, linestyle=dash, label=label)
    axes.axvline(point, color=QUIET, linewidth=1)
    axes.axhline(0.5, color=QUIET, linewidth=1)
    left = point < 0.5
    axes.annotate(
        "breakdown point",
        (point, 0.02),
        xycoords=("data", "axes fraction"),
        xytext=(4 if left else -4, 0),
        textcoords="offset points",
        ha="left" if left else "right",
        fontsize=FONT_SIZE - 1,
        color=QUIET,
    )
    axes.set_xlim(0, 1)
    finish(axes, x="label error of the generator", y="accuracy")
    legend_above(axes, columns=2)
    return axes
