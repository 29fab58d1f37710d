"""How do the risk and its collapse depend on samples, synthetic fraction and model size? One law for three models."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from modelcollapse.checks import Array, choice, fail
from modelcollapse.errors import InputError
from modelcollapse.problems.mixture import Mixture
from modelcollapse.theory.commuting import CommutingCovariances
from modelcollapse.theory.engine import Translation, translate
from modelcollapse.theory.mixture import mixture_risk
from modelcollapse.theory.reductions import Sampling

MODELS = ("linear", "projections", "network")
"""What a size means: leading features seen, width of random projections, width of a random-feature network."""


@dataclass(frozen=True, kw_only=True)
class SizedRisk:
    """Excess risk on real data, which is linear in the quality of the synthetic labels.

    Attributes
    ----------
    clean : array of shape (...)
        Excess risk when the synthetic labels come from the real teacher.
    collapse : array of shape (...)
        What synthetic labels of quality 1 add.
    """

    clean: Array
    collapse: Array

    def excess_risk(self, quality: Array | float) -> Array:
        """Return the excess risk at a quality c² ≥ 0; broadcasts."""
        return np.asarray(self.clean + quality * self.collapse)


@dataclass(frozen=True, kw_only=True)
class SizedModel:
    """A model whose size can be chosen; build one with `sized_model`.

    Attributes
    ----------
    model : str
        One of `MODELS`.
    arrays : Translation
        The problem with synthetic labels of quality 1.
    """

    model: str
    arrays: Translation

    @property
    def n_features(self) -> int:
        """Input dimension d."""
        return self.arrays.covariances.n_features

    def risk(self, *, n_samples: Array, synthetic_fraction: Array, size: Array) -> SizedRisk:
        """Return the risk over a batch; all arguments broadcast.

        Parameters
        ----------
        n_samples : array of shape (...)
            N > 0, real and synthetic together; need not be whole.
        synthetic_fraction : array of shape (...)
            p_2 in [0, 1].
        size : array of shape (...)
            Positive. Linear model: whole, at most `n_features`; otherwise the width m, which need not be whole.

        Returns
        -------
        SizedRisk
            On an interpolation threshold without ridge, infinite and NaN.
        """
        share = np.stack(np.broadcast_arrays(1 - synthetic_fraction, synthetic_fraction), axis=-1)
        sampling = replace(self.arrays.sampling, share=share, n_total=n_samples)
        if self.model == "linear":
            return self._seen(sampling, size.astype(np.intp))
        risk = mixture_risk(
            replace(sampling, width=size), covariances=self.arrays.covariances, teachers=self.arrays.teachers
        )
        return SizedRisk(clean=risk.excess_risk[..., 0] - risk.collapse, collapse=risk.collapse)

    def _seen(self, sampling: Sampling, size: NDArray[np.intp]) -> SizedRisk:
        """Return the risk of the linear model that sees the features of the largest variance only.

        What the labels owe to the others is independent of what is seen: it is label noise, and on real data it is
        lost as well.
        """
        assert isinstance(self.arrays.covariances, CommutingCovariances)
        teachers, group = self.arrays.teachers, list(sampling.group)
        order = np.argsort(-self.arrays.covariances.eigenvalues[group[0]], kind="stable")
        eigenvalues = self.arrays.covariances.eigenvalues[:, order]
        teachers = replace(teachers, fixed=teachers.fixed[:, order], second_moments=teachers.second_moments[:, order])
        signal = teachers.fixed[0] ** 2 + teachers.loadings[0] ** 2 @ teachers.second_moments
        shift = (teachers.loadings[1] - teachers.loadings[0]) ** 2 @ teachers.second_moments
        unseen = _tails(eigenvalues[group] * signal)[:, size]
        unseen_shift = _tails(eigenvalues[group[1]] * shift)[size]
        noise = sampling.noise_var + np.stack([unseen[0], unseen[1] + unseen_shift], axis=-1)
        seen = np.arange(self.n_features) < size[..., None, None]
        covariances = CommutingCovariances(eigenvalues * seen)
        risk = mixture_risk(replace(sampling, noise_var=noise), covariances=covariances, teachers=teachers)
        amplified = np.where(unseen_shift > 0, risk.amplification[..., 1], 0.0) * unseen_shift
        collapse = risk.collapse + amplified
        return SizedRisk(clean=risk.excess_risk[..., 0] + unseen[0] - collapse, collapse=collapse)


def sized_model(problem: Mixture, *, model: str) -> SizedModel:
    """Return a model of a problem whose samples, synthetic fraction, quality and size can be chosen.

    Parameters
    ----------
    problem : Mixture
        A real source, which is the target, and a synthetic one with a random shift. Their counts, the quality of the
        shift and the width are left aside; spectra, teacher, noise, weights, ridge and the shape of the shift count.
    model : str
        ``"linear"``: the features of the largest variance, as many as the size; the other features act as noise.
        ``"projections"``: random projections of all features. ``"network"``: the same with the activation of the
        problem, ReLU when it has none.

    Raises
    ------
    InputError
        When the problem has other sources, or the linear model covariances that do not share eigenvectors.
    """
    choice("model", model, MODELS)
    if len(problem.sources) != 2 or problem.target_index != 0:
        raise InputError(
            f"a phase diagram needs a real source, the target, and a synthetic one; got {len(problem.sources)} sources "
            f"and the target `{problem.target}`. Leave out the others, and put the target first."
        )
    real, synthetic = problem.sources
    if synthetic.shift is None or synthetic.shift.quality is None:
        raise fail("shift", synthetic.shift, "a `quality` with a `shape`", "A phase diagram varies the quality.")
    unit = replace(synthetic, shift=replace(synthetic.shift, quality=1.0))
    width = None if model == "linear" else 1  # any: the size takes its place
    activation = (problem.activation or "relu") if model == "network" else None
    arrays = translate(replace(problem, sources=(real, unit), width=width, activation=activation))
    if model == "linear" and not isinstance(arrays.covariances, CommutingCovariances):
        raise InputError(
            "the linear model needs covariances that share their eigenvectors, to tell its features apart; these do "
            "not. Use `projections` or `network`."
        )
    return SizedModel(model=model, arrays=arrays)


def log_centres(low: float, high: float, *, per_decade: int) -> Array:
    """Return the centres of cells between two ratios, of equal size in the logarithm.

    Risks diverge where ratios are 1: whole decades have such ratios on the edge of a cell.
    """
    edges = np.linspace(np.log10(low), np.log10(high), round(per_decade * np.log10(high / low)) + 1)
    return np.asarray(10 ** ((edges[1:] + edges[:-1]) / 2))


def _tails(values: Array) -> Array:
    """Return sums over the last axis from each position on, (..., d + 1): the last is 0."""
    sums = np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]
    return np.concatenate([sums, np.zeros((*values.shape[:-1], 1))], axis=-1)
