"""What is the risk after generations that use the same inputs again? A theory in which generations remember.

When a sample takes part in several fits, its residuals ρ = (ρ_0, ..., ρ_T) in all of them must be followed together. By
the cavity argument ρ = E g, where g, the residuals had the sample been left out of every generation, are Gaussian, and
E is lower triangular: the scalar shrinkage e of a mixture becomes a matrix over generations. The same happens to the
resolvent of each direction of the inputs. Both are found entry by entry, for each generation from the latest memory to
the earliest; then so are the second moments of the models. Samples that are drawn for each fit from a pool, and random
projections that are drawn anew in each fit, average out in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array


@dataclass(frozen=True, kw_only=True)
class Memory:
    """B sets of inputs that take part in the fits of T generations, whose models have errors u = ŵ − w.

    Leading axes of `force` and `ridge` are a batch: recursions that differ in their weights and ridges.

    Errors are followed instead of models, so that small risks keep their digits. J roots: the teacher w, to which a
    ridge leaves an error of −w, and the error of a given first model.

    Attributes
    ----------
    eigenvalues : array of shape (G, d)
        Of the input covariances, along their common eigenvectors.
    group : int array of shape (B,)
        Which covariance a set of inputs has.
    n_samples : array of shape (B,)
    force : array of shape (..., B, T)
        What a residual, had its sample been left out, exerts on a fit: e ω/N of each fit by itself; 0 where the set
        takes no part.
    presence : array of shape (B, T)
        Probability that a sample of the set is drawn for a fit, independently for each fit.
    ridge : array of shape (..., T)
        Effective ridge κ of each fit by itself; the ridge itself in the linear model.
    width : array of shape (T,) or None
        Of the random projections; None for the linear model.
    taught : array of shape (B, T, J)
        Labels in the fit of generation t: xᵀ(w + Σ_a taught_ta z_a + Σ_s copied_ts u_s) + noise.
    copied : array of shape (B, T, T)
        Strictly lower triangular.
    noise : array of shape (B, T, T)
        Covariance between generations of the noise of a sample's label.
    slanted_taught, slanted_copied : arrays like `taught` and `copied`
        What inputs that were chosen by the errors of their labels teach beside the labels; zeros without curation.
    roots : array of shape (J, J, d)
        E z_a z_b along each direction; the first root is the teacher w.
    """

    eigenvalues: Array
    group: np.ndarray
    n_samples: Array
    force: Array
    presence: Array
    ridge: Array
    width: Array | None
    taught: Array
    copied: Array
    noise: Array
    slanted_taught: Array
    slanted_copied: Array
    roots: Array


@dataclass(frozen=True, kw_only=True)
class _Responses:
    """How residuals and models answer to forces on earlier generations.

    Attributes
    ----------
    sigma : array of shape (G + 1, d)
        The covariances, and the identity, in which random projections scatter.
    members : array of shape (G + 1, B)
        Which sets of inputs have which of these: zeros and ones.
    resolvent : array of shape (..., d, T, T)
        Of each direction.
    lost : array of shape (..., d, T)
        What is added to the stiffness of each direction: the ridge, or 1 where nothing else is, to learn nothing there.
    force : array of shape (..., B, T, T)
        Mean of D E: from the residuals had a sample been left out to the force that it exerts.
    coupled : array of shape (..., B, T, T)
        (1 − L) K: what the residuals of a sample feel of its forces.
    returned : array of shape (..., G + 1, G + 1, T, T)
        Σ_j σ_gj σ_hj R_tt R_ss: what comes back of a change of the memory between two generations, for one force.
    """

    sigma: Array
    members: Array
    resolvent: Array
    lost: Array
    force: Array
    coupled: Array
    returned: Array


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """Second moments of the errors u of the models of all generations.

    Attributes
    ----------
    bias : array of shape (..., T)
        Of the models' means, on the first covariance that was asked for.
    errors : array of shape (..., G, T, T)
        E u_tᵀ Σ_g u_s.
    along_roots : array of shape (..., G, T, J)
        E u_tᵀ Σ_g z_a.
    """

    bias: Array
    errors: Array
    along_roots: Array


def remembered(memory: Memory, *, covariance: int = 0) -> Remembered:
    """Return the errors of the models of all generations.

    Parameters
    ----------
    memory : Memory
    covariance : int
        Inputs on which the bias counts.

    Returns
    -------
    Remembered

    Notes
    -----
    With D = diag(ω/N) of the fits for which a sample is drawn, L = copied, U = taught, L′ and U′ the same with what is
    slanted, n the sample counts, ⟨⟩ the mean over what is drawn, and for each direction j of variance σ

        E = (1 + (1 − L) K D)⁻¹,   R_j = (diag(κ) + Σ_b n_b σ_bj ⟨D E⟩ (1 − L′))⁻¹,   K = Σ_j σ_j R_j
        u_j = R_j (Σ_b n_b σ_bj ⟨D E⟩ U′ z_j − κ w_j + ξ_j),   Cov ξ_j = Σ_b n_b σ_bj ⟨D E C_b (D E)ᵀ⟩ + diag(q)
        C_b = noise_b + E (U z − (1 − L) u)ᵀ Σ_b (U z − (1 − L) u)
        q_t = κ_t² E‖w + u_t‖² / (m_t − d + 2 κ_t Σ_j R_j,tt)

    with q = 0 in the linear model. Proportional limit, Gaussian inputs. With every set of inputs used once it is the
    theory of fresh inputs (`generations.trajectory`); with one set, and no ridge, the noise of all generations adds up.
    """
    responses = _responses(memory)
    mean = _means(memory, responses)
    errors = _second_moments(memory, responses, mean)[..., :-1, :, :]
    sigma = memory.eigenvalues
    along_roots = np.einsum("gj,...jtb,abj->...gta", sigma, mean, memory.roots, optimize=True)
    bias = np.einsum("j,...jta,...jtb,abj->...t", sigma[covariance], mean, mean, memory.roots, optimize=True)
    return Remembered(bias=bias, errors=errors, along_roots=along_roots)


def _responses(memory: Memory) -> _Responses:
    """Solve for resolvents and forces, row by row and within a row from the diagonal to the left.

    At each entry the unknown is one number per covariance, K_ts, on which everything else depends linearly.
    """
    *batch, n_sets, n_fits = memory.force.shape
    d = memory.eigenvalues.shape[1]
    sigma = np.concatenate([memory.eigenvalues, np.ones((1, d))])
    members = np.asarray(np.arange(len(sigma))[:, None] == memory.group, dtype=np.float64)
    own = memory.presence * memory.force
    learned = sigma.T @ (members * memory.n_samples) @ own
    lost = np.where(learned + memory.ridge[..., None, :] > 0, memory.ridge[..., None, :], 1.0)
    diagonal = 1 / (learned + lost)
    returned = np.einsum("gj,hj,...jt,...js->...ghts", sigma, sigma, diagonal, diagonal, optimize=True)
    resolvent = np.zeros((*batch, d, n_fits, n_fits))
    response = np.zeros((*batch, len(sigma), n_fits, n_fits))  # K
    coupled, force, pressed = np.zeros((3, *batch, n_sets, n_fits, n_fits))  # the last is ⟨D E⟩ (1 − L′)
    copied = memory.copied + memory.slanted_copied
    for t in range(n_fits):
        resolvent[..., t, t] = diagonal[..., t]
        response[..., t, t] = diagonal[..., t] @ sigma.T
        force[..., t, t] = pressed[..., t, t] = own[..., t]
        for s in range(t - 1, -1, -1):
            between = slice(s + 1, t + 1)
            coupled[..., t, s] = -_dot(memory.copied[:, t, s:t], response[..., s:t, s][..., memory.group, :])
            held = -own[..., s] * _dot(force[..., t, between], coupled[..., between, s])
            given = _dot(force[..., t, between], copied[:, between, s])
            direct = (memory.n_samples * (held - given)) @ members.T
            earlier = members @ (memory.n_samples[:, None] * pressed[..., t, s + 1 : t])
            felt = _dot(sigma.T @ earlier, resolvent[..., s + 1 : t, s]) + (direct @ sigma) * diagonal[..., s]
            strength = (memory.n_samples * own[..., t] * own[..., s]) @ members.T
            answer = _solved(returned[..., t, s], strength, -(diagonal[..., t] * felt) @ sigma.T)
            response[..., t, s] = answer
            coupled[..., t, s] += answer[..., memory.group]
            force[..., t, s] = held - own[..., s] * own[..., t] * answer[..., memory.group]
            pressed[..., t, s] = force[..., t, s] - given
            back = diagonal[..., s] * ((strength * answer) @ sigma)
            resolvent[..., t, s] = -diagonal[..., t] * (felt - back)
    return _Responses(
        sigma=sigma, members=members, resolvent=resolvent, lost=lost, force=force, coupled=coupled, returned=returned
    )


def _means(memory: Memory, responses: _Responses) -> Array:
    """Return the factors of the roots in the mean error of each generation's model, shape (d, T, J)."""
    taught = memory.taught + memory.slanted_taught
    learned = np.einsum("b,...bts,bsa->...bta", memory.n_samples, responses.force, taught)
    by_group = np.einsum("gb,...bta->...gta", responses.members, learned)
    mean: Array = np.einsum("...jts,gj,...gsa->...jta", responses.resolvent, responses.sigma, by_group, optimize=True)
    mean[..., 0] -= np.einsum("...jts,...js->...jt", responses.resolvent, responses.lost)
    return mean


def _second_moments(memory: Memory, responses: _Responses, mean: Array) -> Array:
    """Return E u_tᵀ Σ_g u_s, shape (G + 1, T, T), entry by entry: unknown is one number per covariance again."""
    sigma, members, group, copied = responses.sigma, responses.members, memory.group, memory.copied
    n_fits = memory.ridge.shape[-1]
    moments: Array = np.einsum("gj,...jta,...jsb,abj->...gts", sigma, mean, mean, memory.roots, optimize=True)
    labels = _taught_moments(memory, mean)
    residual = np.zeros_like(labels)  # C
    scatter = np.zeros_like(labels)  # ⟨D E C (D E)ᵀ⟩
    noise = np.zeros_like(moments)  # Σ_b n_b of the same, and q
    projected = _projection_strength(memory, responses)
    offset = np.einsum("...jta,aj->...t", 2 * mean + np.eye(mean.shape[-1])[0], memory.roots[0])  # E‖w + u‖² − E‖u‖²
    through = np.zeros_like(labels)  # L E u uᵀ
    for t in range(n_fits):
        weighted = np.zeros((*moments.shape[:-2], sigma.shape[1], t + 1))  # what row t of R makes of the noise
        for s in range(t + 1):
            through[..., t, s] = _dot(copied[:, t, :t], moments[..., :t, s][..., group, :])
            back = _dot(copied[:, s, :s], moments[..., t, :s][..., group, :])
            both = _dot(through[..., t, :s], copied[:, s, :s])
            _set(residual, t, s, labels[..., t, s] - through[..., t, s] - back + both)
            _set(scatter, t, s, _scatter(memory, responses, residual, scatter, t, s))
            _set(noise, t, s, (memory.n_samples * scatter[..., t, s]) @ members.T)
            if t == s:
                noise[..., -1, t, t] += projected[..., t] * offset[..., t]
            row = np.swapaxes(responses.resolvent[..., t, : t + 1], -1, -2)
            weighted[..., s] = noise[..., : t + 1, s] @ row
            fluctuation = _dot(weighted[..., : s + 1], responses.resolvent[..., None, :, s, : s + 1])
            drawn = memory.presence[:, t] if t != s else 1.0
            grip = memory.presence[:, s] * drawn * memory.force[..., t] * memory.force[..., s]
            strength = (memory.n_samples * grip) @ members.T
            if t == s:
                strength[..., -1] = projected[..., t]
            known = moments[..., t, s] + (sigma * fluctuation).sum(axis=-2) @ sigma.T
            answer = _solved(responses.returned[..., t, s], strength, known)
            _set(moments, t, s, answer)
            _set(residual, t, s, residual[..., t, s] + answer[..., group])
            _set(scatter, t, s, scatter[..., t, s] + grip * answer[..., group])
            _set(noise, t, s, noise[..., t, s] + strength * answer)
            weighted[..., s] += (strength * answer)[..., None] * responses.resolvent[..., None, :, t, t]
    return moments


def _set(matrices: Array, t: int, s: int, values: Array) -> None:
    """Set an entry of symmetric matrices."""
    matrices[..., t, s] = matrices[..., s, t] = values


def _dot(left: Array, right: Array) -> Array:
    """Return the sums of products along the last axis."""
    return np.asarray(np.einsum("...r,...r->...", left, right))


def _solved(returned: Array, strength: Array, known: Array) -> Array:
    """Return what one number per covariance is when it comes back to itself, shape (..., G + 1)."""
    system = np.eye(known.shape[-1]) - returned * strength[..., None, :]
    return np.asarray(np.linalg.solve(system, known[..., None])[..., 0])


def _scatter(memory: Memory, responses: _Responses, residual: Array, scatter: Array, t: int, s: int) -> Array:
    """Return entry (t, s ≤ t) of ⟨D E C (D E)ᵀ⟩ from earlier ones, (B,).

    A row of D E is that of its fit alone, less what earlier forces do to the residual: whether the sample is drawn for
    this fit is independent of all that they hold.
    """
    own = memory.presence[:, t] * memory.force[..., t]
    felt = responses.coupled[..., t, :t]
    past = responses.force[..., s, : s + 1]
    if s < t:
        return np.asarray(own * (_dot(past, residual[..., t, : s + 1]) - _dot(felt, scatter[..., :t, s])))
    meets = np.einsum("...br,...brq,...bq->...b", felt, responses.force[..., :t, :t], residual[..., :t, t])
    again = np.einsum("...br,...brq,...bq->...b", felt, scatter[..., :t, :t], felt)
    return np.asarray(own * memory.force[..., t] * (residual[..., t, t] - 2 * meets + again))


def _projection_strength(memory: Memory, responses: _Responses) -> Array:
    """Return q_t / E‖w + u_t‖², by which random projections scatter every direction; 0 in the linear model; (T,)."""
    if memory.width is None:
        return np.zeros_like(memory.ridge)
    diagonal = np.einsum("...jtt->...t", responses.resolvent)
    spare = memory.width - memory.eigenvalues.shape[1] + 2 * memory.ridge * diagonal
    return np.asarray(np.divide(memory.ridge**2, spare, out=np.zeros_like(spare), where=memory.ridge > 0))


def _taught_moments(memory: Memory, mean: Array) -> Array:
    """Return what C holds of the roots and the noise: noise + E (U z)(U z)ᵀ − E (U z)((1 − L) u)ᵀ − its transpose."""
    among = np.einsum("gj,abj->gab", memory.eigenvalues, memory.roots)
    across = np.einsum("gj,...jtb,abj->...gta", memory.eigenvalues, mean, memory.roots, optimize=True)
    kept = np.eye(memory.ridge.shape[-1]) - memory.copied
    square = np.einsum("bta,bac,bsc->bts", memory.taught, among[memory.group], memory.taught)
    cross = np.einsum("bta,...bra,bsr->...bts", memory.taught, across[..., memory.group, :, :], kept)
    return np.asarray(memory.noise + square - cross - np.swapaxes(cross, -1, -2))
