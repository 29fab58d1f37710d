"""What do trained models say of mixtures that were not trained? Draws of the error from every law that may hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.estimation.mixture_law_fits import MixtureFit, fit_mixture_law, law_weights
from modelcollapse.estimation.mixture_laws import MixtureLaw, Mixtures

N_DRAWS = 800
"""Draws of the parameters, of all laws together."""

DOUBLINGS = 2.0
"""Doublings of the rows at hand beyond which laws are taken to be no farther off: four times the rows."""

BEND = 1.5
"""How much farther off laws may be beyond the rows at hand than they were about the largest mixtures inside."""

SMALLEST = 1e-4
"""Least error, next to the largest one or to this, that a law is asked to follow: laws speak of logarithms."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Belief:
    """Laws by their weights, with draws of their parameters.

    Attributes
    ----------
    fits : tuple of MixtureFit
    weights : array of shape (L,)
    vectors : tuple of arrays of shape (B_l, P_l)
        Draws of each law's parameters, B in all.
    pool_shift : array of shape (B, 2)
        Draws of what the real and the synthetic rows at hand, being one sample, add to log errors.
    bends : array of shape (B, 2)
        Draws of how far off the laws may be, in the log error, when the real and the synthetic rows at hand double; at
        most `DOUBLINGS` times, as nothing is known of more.
    scale : float
        Standard deviation of the log error of a single model about the laws.
    """

    fits: tuple[MixtureFit, ...]
    weights: Array
    vectors: tuple[Array, ...]
    pool_shift: Array
    bends: Array
    scale: float

    @property
    def main(self) -> MixtureFit:
        """The law of the largest weight."""
        return self.fits[int(np.argmax(self.weights))]

    @property
    def beyond(self) -> Array:
        """What all laws together miss of the log errors of models of many rows when fitted to the others, (m,)."""
        return np.asarray(self.weights @ np.array([fit.beyond for fit in self.fits]))

    def log_errors(self, mixtures: Mixtures) -> Array:
        """Return draws of the log of the mean error over models, (B, n)."""
        parts = [
            fit.log_errors(vectors, mixtures)
            for fit, vectors in zip(self.fits, self.vectors, strict=True)
            if len(vectors)
        ]
        trained = self.fits[0].mixtures
        beyond = [
            np.log2(np.clip(asked / seen.max(), 1.0, 2.0**DOUBLINGS))
            for asked, seen in ((mixtures.real, trained.real), (mixtures.synthetic, trained.synthetic))
        ]
        shares = np.sqrt([1.0 - mixtures.fraction, mixtures.fraction])
        return np.asarray(np.concatenate(parts) + self.pool_shift @ shares + self.bends @ np.array(beyond))


def believe(mixtures: Mixtures, error: Array, *, laws: Sequence[MixtureLaw], random: np.random.Generator) -> Belief:
    """Fit laws to the errors, (n,), of models trained on mixtures, and weigh them."""
    positive = np.maximum(error, SMALLEST * max(float(error.max()), SMALLEST))
    fits = tuple(fit_mixture_law(law, mixtures, positive) for law in laws)
    shares = law_weights(fits)
    ends = np.round(np.cumsum(shares) * N_DRAWS).astype(int)
    vectors = tuple(
        fit.draws(int(n), random) if n else np.empty((0, len(fit.vector)))
        for fit, n in zip(fits, np.diff(ends, prepend=0), strict=True)
    )
    scale = float(np.sqrt(shares @ np.array([fit.scale**2 for fit in fits])))
    missed = np.sqrt(shares @ np.array([np.mean(fit.beyond**2) if len(fit.beyond) else fit.scale**2 for fit in fits]))
    return Belief(
        fits=fits,
        weights=shares,
        vectors=vectors,
        pool_shift=scale * np.sqrt(0.5) * random.standard_normal((N_DRAWS, 2)),
        bends=BEND * float(missed) * random.standard_normal((N_DRAWS, 2)),
        scale=scale,
    )
