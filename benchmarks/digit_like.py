"""What stands in for images of digits? Rows with a similar spectrum, labels that are not linear, and weak labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.estimation.rows import Array, LabelledRows

N_PIXELS, N_CLASSES = 784, 10
DECAY, SCALE = 1.3, 8.0
NOISE = 0.15
N_LABEL_TRAIN, LABEL_RIDGE = 300, 1e-2


@dataclass(frozen=True)
class DigitLike:
    """A world to draw rows from: 784 features with second moments that fall like i^(−1.3), a constant, ten outputs.

    Attributes
    ----------
    basis : ndarray (784, 784)
        Square root of the features' covariance.
    prototypes : ndarray (784, 10)
        The class of a row is its largest product with these.
    weak : ndarray (785, 10)
        Coefficients of the weak labeller, a ridge fit to 300 rows.
    """

    basis: Array
    prototypes: Array
    weak: Array

    @classmethod
    def make(cls, generator: np.random.Generator) -> DigitLike:
        """Draw a world, and train its labeller."""
        rotation = np.linalg.qr(generator.normal(size=(N_PIXELS, N_PIXELS)))[0]
        scales = np.sqrt(SCALE * np.arange(1, N_PIXELS + 1) ** -DECAY)
        prototypes = rotation @ generator.normal(size=(N_PIXELS, N_CLASSES))
        world = cls(scales[:, None] * rotation.T, prototypes, np.zeros((N_PIXELS + 1, N_CLASSES)))
        rows = world.draw(N_LABEL_TRAIN, generator)
        gram = rows.features.T @ rows.features / len(rows) + LABEL_RIDGE * np.eye(N_PIXELS + 1)
        return cls(world.basis, prototypes, np.linalg.solve(gram, rows.features.T @ rows.targets / len(rows)))

    def draw(self, n: int, generator: np.random.Generator, *, weak: bool = False) -> LabelledRows:
        """Draw rows with their class, or with the class that the weak labeller gives, as one-hot targets."""
        pixels = generator.standard_normal((n, N_PIXELS)) @ self.basis
        features = np.column_stack([pixels, np.ones(n)])
        scores = features @ self.weak if weak else pixels @ self.prototypes
        scores += NOISE * scores.std() * generator.standard_normal(scores.shape)
        return LabelledRows(features, np.eye(N_CLASSES)[scores.argmax(axis=1)])
