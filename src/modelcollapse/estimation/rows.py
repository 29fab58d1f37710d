"""What do labelled examples look like to a fit? A design matrix and a target matrix, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array, real_array
from modelcollapse.errors import InputError


@dataclass(frozen=True)
class LabelledRows:
    """Labelled examples as numbers.

    Attributes
    ----------
    features : ndarray (n_samples, n_features)
        Design matrix.
    targets : ndarray (n_samples, n_outputs)
        One column in regression, one 0/1 column per class in classification.

    Raises
    ------
    InputError
        When shapes disagree, a table is empty, or an entry is not finite.
    """

    features: Array
    targets: Array

    def __post_init__(self) -> None:
        real_array("features", self.features, ndim=2)
        real_array("targets", self.targets, ndim=2)
        if len(self.features) != len(self.targets):
            raise InputError(
                f"`targets` must have one row per row of `features`; got {len(self.targets)} and {len(self.features)}."
            )

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.features)

    def take(self, rows: NDArray[np.intp]) -> LabelledRows:
        """Return the examples with the given row numbers."""
        return LabelledRows(self.features[rows], self.targets[rows])
