"""What is the risk after generations that use the same inputs again? A theory in which generations remember.

When a sample takes part in several fits, its residuals ρ = (ρ_0, ..., ρ_T) in all of them must be followed together. By
the cavity argument ρ = E g, where g, the residuals had the sample been left out of every generation, are Gaussian, and
E is lower triangular: the scalar shrinkage e of a mixture becomes a matrix over generations. The same happens to the
resolvent of each direction of the inputs. Both are found entry by entry, for each generation from the latest memory to
the earliest; then so are the second moments of the models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array


@dataclass(frozen=True, kw_only=True)
class Memory:
    """B sets of inputs that take part in the fits of T generations; J roots that label them.

    Attributes
    ----------
    eigenvalues : array of shape (G, d)
        Of the input covariances, along their common eigenvectors.
    group : int array of shape (B,)
        Which covariance a set of inputs has.
    n_samples : array of shape (B,)
    pull : array of shape (B, T)
        Weight of each sample in the loss of each generation, ω/N; 0 where it takes no part.
    shrinkage : array of shape (B, T)
        e of each generation by itself; 1 where it takes no part.
    ridge : array of shape (T,)
    taught : array of shape (B, T, J)
        Labels in the fit of generation t: xᵀ(Σ_a taught_ta z_a + Σ_s copied_ts ŵ_s) + noise.
    copied : array of shape (B, T, T)
        Strictly lower triangular.
    noise : array of shape (B, T, T)
        Covariance between generations of the noise of a sample's label.
    roots : array of shape (J, J, d)
        E z_a z_b along each direction; the first root is the teacher whose risk counts.
    """

    eigenvalues: Array
    group: np.ndarray
    n_samples: Array
    pull: Array
    shrinkage: Array
    ridge: Array
    taught: Array
    copied: Array
    noise: Array
    roots: Array

    @property
    def members(self) -> Array:
        """Return which sets of inputs have which covariance: zeros and ones, shape (G, B)."""
        return np.asarray(np.arange(len(self.eigenvalues))[:, None] == self.group, dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class _Responses:
    """How residuals and models answer to forces on earlier generations.

    Attributes
    ----------
    resolvent : array of shape (d, T, T)
        Of each direction.
    force : array of shape (B, T, T)
        D E: from the residuals had a sample been left out to the force that it exerts.
    returned : array of shape (G, G, T, T)
        Σ_j σ_gj σ_hj R_tt R_ss: what comes back of a change of the memory between two generations, for one force.
    """

    resolvent: Array
    force: Array
    returned: Array


def remembered_risk(memory: Memory, *, covariance: int = 0) -> tuple[Array, Array]:
    """Return bias and variance of the models of all generations.

    Parameters
    ----------
    memory : Memory
    covariance : int
        Inputs on which the risk counts.

    Returns
    -------
    bias, variance : arrays of shape (T,)

    Notes
    -----
    With D = diag(pull), L = copied, U = taught, n the sample counts and for each direction j of variance σ

        E = (1 + (1 − L) K D)⁻¹,   R_j = (diag(ridge) + Σ_b n_b σ_bj D E (1 − L))⁻¹,   K = Σ_j σ_j R_j
        ŵ_j = R_j (Σ_b n_b σ_bj D E U z_j + ξ_j),   Cov ξ_j = Σ_b n_b σ_bj (D E) C_b (D E)ᵀ
        C_b = noise_b + E (U z − (1 − L) ŵ)ᵀ Σ_b (U z − (1 − L) ŵ)

    Proportional limit, Gaussian inputs, linear model. With every set of inputs used once it is the theory of fresh
    inputs (`generations.trajectory`); with one set, and no ridge, residuals and noise of all generations add up.
    """
    responses = _responses(memory)
    mean = _means(memory, responses)
    second = _second_moments(memory, responses, mean)
    weight = memory.eigenvalues[covariance]
    error = mean.copy()
    error[..., 0] -= 1.0
    bias = np.einsum("j,jta,jtb,abj->t", weight, error, error, memory.roots, optimize=True)
    square = np.einsum("j,jta,jtb,abj->t", weight, mean, mean, memory.roots, optimize=True)
    return bias, np.diagonal(second[covariance]) - square


def _responses(memory: Memory) -> _Responses:
    """Solve for resolvents and shrinkages, row by row and within a row from the diagonal to the left.

    At each entry the unknown is one number per covariance, K_ts, on which everything else depends linearly.
    """
    sigma, members, pull, e = memory.eigenvalues, memory.members, memory.pull, memory.shrinkage
    n_sets, n_fits = pull.shape
    d = sigma.shape[1]
    stiffness = memory.ridge + np.einsum("b,bt,bj->jt", memory.n_samples, pull * e, sigma[memory.group])
    diagonal = np.divide(1.0, stiffness, out=np.zeros_like(stiffness), where=stiffness > 0)
    returned = np.einsum("gj,hj,jt,js->ghts", sigma, sigma, diagonal, diagonal, optimize=True)
    resolvent = np.zeros((d, n_fits, n_fits))
    resolvent[:, np.arange(n_fits), np.arange(n_fits)] = diagonal
    response = np.zeros((len(sigma), n_fits, n_fits))  # K
    coupled = np.zeros((n_sets, n_fits, n_fits))  # (1 − L) K
    shrinkage = np.zeros((n_sets, n_fits, n_fits))
    pressed = np.zeros((n_sets, n_fits, n_fits))  # D E (1 − L)
    for t in range(n_fits):
        response[:, t, t] = sigma @ diagonal[:, t]
        coupled[:, t, t] = response[memory.group, t, t]
        shrinkage[:, t, t] = e[:, t]
        pressed[:, t, t] = pull[:, t] * e[:, t]
        for s in range(t - 1, -1, -1):
            between = slice(s + 1, t + 1)
            coupled[:, t, s] = -np.einsum("br,br->b", memory.copied[:, t, s:t], response[memory.group, s:t, s])
            remembered = np.einsum("br,br->b", shrinkage[:, t, between], coupled[:, between, s])
            own = -e[:, s] * pull[:, s] * remembered
            copied = np.einsum("br,br->b", shrinkage[:, t, between], memory.copied[:, between, s])
            force = members @ (memory.n_samples * pull[:, t] * (own - copied))
            earlier = members @ (memory.n_samples[:, None] * pressed[:, t, s + 1 : t])
            kept = np.einsum("jr,jr->j", sigma.T @ earlier, resolvent[:, s + 1 : t, s])
            kept += (sigma.T @ force) * diagonal[:, s]
            strength = members @ (memory.n_samples * pressed[:, t, t] * pressed[:, s, s])
            answer = np.linalg.solve(
                np.eye(len(sigma)) - returned[:, :, t, s] * strength, -sigma @ (diagonal[:, t] * kept)
            )
            response[:, t, s] = answer
            coupled[:, t, s] += answer[memory.group]
            change = e[:, s] * pull[:, s] * e[:, t] * answer[memory.group]
            shrinkage[:, t, s] = own - change
            pressed[:, t, s] = pull[:, t] * (own - copied - change)
            resolvent[:, t, s] = -diagonal[:, t] * (kept - diagonal[:, s] * (sigma.T @ (strength * answer)))
    return _Responses(resolvent=resolvent, force=pull[:, :, None] * shrinkage, returned=returned)


def _means(memory: Memory, responses: _Responses) -> Array:
    """Return the factors of the roots in the mean of each generation's model, shape (d, T, J)."""
    learned = np.einsum("b,bts,bsa->bta", memory.n_samples, responses.force, memory.taught)
    by_group = np.einsum("gb,bta->gta", memory.members, learned)
    return np.asarray(np.einsum("jts,gj,gsa->jta", responses.resolvent, memory.eigenvalues, by_group, optimize=True))


def _second_moments(memory: Memory, responses: _Responses, mean: Array) -> Array:
    """Return E ŵ_tᵀ Σ_g ŵ_s, shape (G, T, T), entry by entry: what is unknown is one number per covariance again."""
    sigma, members, group = memory.eigenvalues, memory.members, memory.group
    force, copied = responses.force, memory.copied
    n_fits = len(memory.ridge)
    known = np.einsum("gj,jta,jsb,abj->gts", sigma, mean, mean, memory.roots, optimize=True)
    labels = _taught_moments(memory, mean)
    moments: Array = np.zeros_like(known)
    residual = np.zeros_like(copied)  # C
    noise = np.zeros((len(sigma), n_fits, n_fits))  # Σ_b n_b (D E) C (D E)ᵀ
    own = np.diagonal(force, axis1=1, axis2=2)
    for t in range(n_fits):
        for s in range(t + 1):
            past = moments[group]
            through = np.einsum("br,br->b", copied[:, t, :t], past[:, :t, s])
            back = np.einsum("br,br->b", copied[:, s, :s], past[:, t, :s])
            both = np.einsum("bq,bqr,br->b", copied[:, t, :t], past[:, :t, :s], copied[:, s, :s])
            residual[:, t, s] = residual[:, s, t] = labels[:, t, s] - through - back + both
            entry = np.einsum("bq,bqr,br->b", force[:, t, : t + 1], residual[:, : t + 1, : s + 1], force[:, s, : s + 1])
            noise[:, t, s] = noise[:, s, t] = members @ (memory.n_samples * entry)
            left, right = responses.resolvent[:, t, : t + 1], responses.resolvent[:, s, : s + 1]
            fluctuation = np.stack([((left @ part) * right).sum(axis=1) for part in noise[:, : t + 1, : s + 1]])
            partial = known[:, t, s] + sigma @ (sigma * fluctuation).sum(axis=0)
            strength = members @ (memory.n_samples * own[:, t] * own[:, s])
            answer = np.linalg.solve(np.eye(len(sigma)) - responses.returned[:, :, t, s] * strength, partial)
            moments[:, t, s] = moments[:, s, t] = answer
            residual[:, t, s] += answer[group]
            residual[:, s, t] = residual[:, t, s]
            noise[:, t, s] += strength * answer
            noise[:, s, t] = noise[:, t, s]
    return moments


def _taught_moments(memory: Memory, mean: Array) -> Array:
    """Return what C holds of the roots and the noise: noise + E (U z)(U z)ᵀ − E (U z)((1 − L) ŵ)ᵀ − its transpose."""
    among = np.einsum("gj,abj->gab", memory.eigenvalues, memory.roots)
    across = np.einsum("gj,jtb,abj->gta", memory.eigenvalues, mean, memory.roots, optimize=True)
    kept = np.eye(len(memory.ridge)) - memory.copied
    square = np.einsum("bta,bac,bsc->bts", memory.taught, among[memory.group], memory.taught)
    cross = np.einsum("bta,bra,bsr->bts", memory.taught, across[memory.group], kept)
    return np.asarray(memory.noise + square - cross - np.swapaxes(cross, 1, 2))
