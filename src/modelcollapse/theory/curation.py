"""What does a verifier keep of labels with Gaussian errors? A share of them, and how large their errors are."""

from __future__ import annotations

import numpy as np
from scipy.special import erf

from modelcollapse.checks import Array


def kept_errors(square: Array, *, hit: Array, false_keep: Array, tolerance: Array) -> tuple[Array, Array]:
    """Return the share of labels that is kept, and by how much the mean square of their errors changes.

    Parameters
    ----------
    square : array of shape (...)
        Mean square E ε² of the errors of all labels.
    hit, false_keep : arrays of shape (...)
        Probabilities of keeping a label whose error is at most the tolerance, and any other.
    tolerance : array of shape (...)

    Returns
    -------
    kept_share, slope : arrays of shape (...)
        The slope is E[ε² | kept]/E ε².

    Examples
    --------
    >>> share, slope = kept_errors(np.array(1.0), hit=np.array(1.0), false_keep=np.array(0.0), tolerance=np.array(1.0))
    >>> float(share.round(3)), float(slope.round(3))
    (0.683, 0.291)
    """
    bound = np.divide(tolerance, np.sqrt(square), out=np.full_like(square, np.inf), where=square > 0)
    right = erf(bound / np.sqrt(2))
    density = np.where(np.isfinite(bound), bound, 0.0) * np.exp(-(bound**2) / 2) * np.sqrt(2 / np.pi)
    advantage = hit - false_keep
    kept_share = false_keep + advantage * right
    slope = (false_keep + advantage * (right - density)) / np.where(kept_share > 0, kept_share, 1.0)
    return np.asarray(kept_share), np.asarray(slope)
