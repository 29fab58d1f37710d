"""What does theory answer to a chain of tokens? The one place where such chains become its arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse.checks import Array
from modelcollapse.problems.tokens import TokenChain
from modelcollapse.result import Bounds, ChainResult
from modelcollapse.theory import reuse_bounds, token_bounds, token_errors
from modelcollapse.theory.ancestors import (
    EXACT,
    Ancestors,
    ancestors,
    collapse_probabilities,
    collapse_time,
    surviving_tokens,
)
from modelcollapse.theory.chain_moments import Samples, limiting_mean_variance
from modelcollapse.theory.chains_engine import moments_of, samples_of, written
from modelcollapse.theory.fresh_mix import (
    FreshMix,
    affordable_fresh,
    fresh_ancestors,
    fresh_mix_answers,
    many_ancestors,
)
from modelcollapse.theory.synthetic_amount import limiting_drift_variance

MANY = 20_000
"""Different probabilities beyond which those that differ by less than `ALIKE` are taken together."""

ALIKE = 1e-3
"""Relative difference: expected numbers of tokens change by less than a millionth of them."""

MOMENTS = 10**7
"""Covariances between batches of samples that are kept at once: 80 MB."""

SHARES = {"concentration", "collapse_probability"}
"""Quantities that are at most 1."""

_SEDDIK = "Seddik et al. (2024), arXiv 2404.05090"
_SURESH = "Suresh et al. (2024), arXiv 2412.17646"
_SOURCES = {
    "absolute_error": "root of the exact mean square, token by token (Cauchy-Schwarz)",
    "absolute_drift": "root of the exact mean square, token by token (Cauchy-Schwarz)",
    "published_absolute_drift": f"{_SEDDIK}, Theorem 3",
    "concentration": f"{_SEDDIK}, Theorem 2 with its sign corrected: an equality",
    "collapse_probability": f"{_SEDDIK}, eq. (7)",
    "collapse_time": f"{_SEDDIK}, eq. (8)",
    "vocabulary": f"{_SURESH}, Corollary 1",
}

Sides = tuple[dict[str, Array], dict[str, Array]]


@dataclass(frozen=True, kw_only=True)
class _Context:
    """A context of a chain, as arrays.

    Attributes
    ----------
    frequency : float
    probabilities, counts : arrays of shape (n_tokens,)
        Different positive probabilities, and how many tokens have each.
    rounded : bool
        Whether probabilities that differ a little are taken as one.
    n_first, n_samples, n_real : int
        Its share of the samples; `n_real` is 0 but in a mix.
    mean_variance, drift : arrays of shape (generations + 1,)
        As in `ChainMoments`.
    limit : float or None
        Of `mean_variance`.
    """

    frequency: float
    probabilities: Array
    counts: Array
    rounded: bool
    n_first: int
    n_samples: int
    n_real: int
    mean_variance: Array
    drift: Array
    limit: float | None

    @property
    def diversity(self) -> float:
        """1 − Σ p²."""
        return float(self.counts @ (self.probabilities * (1 - self.probabilities)))

    @property
    def fresh_mix(self) -> FreshMix:
        """Its samples in a mix with fresh real ones."""
        return FreshMix(n_first=self.n_first, n_real=self.n_real, n_samples=self.n_samples)

    def refit(self, kind: str) -> token_errors.Refit:
        """Return its samples in another workflow."""
        return token_errors.Refit(kind=kind, n_first=self.n_first, n_samples=self.n_samples)


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What holds for all contexts: the sort of workflow, and how many contexts share what computations may cost."""

    kind: str
    generations: int
    n_contexts: int

    @property
    def effort(self) -> int:
        """Generations of all contexts."""
        return self.generations * self.n_contexts


def solve_tokens(problem: TokenChain) -> ChainResult:
    """Answer a chain of tokens: second moments of every workflow, and all that can be had exactly beside them.

    Parameters
    ----------
    problem : TokenChain

    Returns
    -------
    ChainResult
        Always `concentration`, `squared_error` and `squared_drift`. `vocabulary` and `collapse_probability` where
        models replace each other or real samples are kept (replace, accumulate, re-used mix), and in mixes with few,
        or with a thousand and more, fresh real samples. `absolute_error` and `absolute_drift` for up to about a
        thousand samples where models replace each other or real samples are re-used, and about a hundred where they
        accumulate; the error alone in small mixes with fresh real samples; bounds on both in every case. The
        `collapse_time` where models replace each other.

    Examples
    --------
    >>> from modelcollapse.problems.laws import Law
    >>> from modelcollapse.problems.resampling import Resampling
    >>> chain = TokenChain(Law.uniform(10), Resampling("replace", generations=30, n_samples=100))
    >>> result = solve_tokens(chain)
    >>> round(result.numbers["collapse_time"], 1), round(result.generations["vocabulary"][30], 2)
    (187.4, 4.85)
    """
    workflow = problem.workflow
    kind = f"mix-{workflow.real}" if workflow.kind == "mix" else workflow.kind
    plan = _Plan(kind=kind, generations=workflow.generations, n_contexts=len(problem.contexts))
    contexts = list(_contexts(problem))
    laws: dict[tuple[int, int], tuple[Ancestors, ...]] = {}
    followed = all(_affordable(context, plan) for context in contexts)
    by_generation = _mean(contexts, [_by_generation(context, plan, laws, followed=followed) for context in contexts])
    for name in by_generation.keys() & SHARES:
        by_generation[name] = np.minimum(by_generation[name], 1.0)  # weights add up to 1 but for rounding
    sides = [_bounds(context, plan) for context in contexts]
    lower, upper = (_mean(contexts, [side[end] for side in sides]) for end in (0, 1))
    visits: dict[tuple[int, int | None], Array] = {}
    times = [_collapse_time(context, visits) for context in contexts] if kind == "replace" else [{} for _ in contexts]
    return written(
        by_generation,
        numbers=_mean(contexts, times),
        limits=_mean(contexts, [_limits(context, plan) for context in contexts]),
        bounds={name: _both_sides(name, lower, upper) for name in _SOURCES if name in lower or name in upper},
        assumptions=_assumptions(contexts, plan),
    )


def _contexts(problem: TokenChain) -> Iterator[_Context]:
    """Yield the contexts; those with the same numbers of samples share their moments."""
    workflow = problem.workflow
    shared = samples_of(workflow, problem.shared_out)
    given = [name for name, numbers in shared._asdict().items() if numbers is not None]
    sizes = np.stack([getattr(shared, name) for name in given])
    different, which = np.unique(sizes, axis=1, return_inverse=True)
    batches = 1 + workflow.generations * (2 if workflow.real == "fresh" else 1)
    block = max(MOMENTS // batches**2, 1)
    groups = [dict(zip(given, different[:, start : start + block], strict=True))
              for start in range(0, different.shape[1], block)]  # fmt: skip
    moments = [moments_of(workflow, Samples(**group)) for group in groups]
    every = Samples(**dict(zip(given, different, strict=True)))
    limits = limiting_mean_variance(workflow.kind, every, reused=workflow.real == "reused")
    variances = np.concatenate([each.mean_variance for each in moments])
    drifts = np.concatenate([each.drift for each in moments])
    for context, frequency, group in zip(problem.contexts, problem.frequencies, which.ravel(), strict=True):
        probabilities, counts, rounded = _distinct(context.law.probabilities)
        numbers = dict(zip(given, different[:, group].astype(int).tolist(), strict=True))
        yield _Context(
            frequency=float(frequency),
            probabilities=probabilities,
            counts=counts,
            rounded=rounded,
            n_first=numbers["first"],
            n_samples=numbers["synthetic"],
            n_real=numbers.get("real", 0),
            mean_variance=variances[group],
            drift=drifts[group],
            limit=None if limits is None else float(limits[group]),
        )


def _distinct(probabilities: Array) -> tuple[Array, Array, bool]:
    """Return the different positive probabilities, how many tokens have each, and whether some are rounded."""
    values, each = np.unique(probabilities[probabilities > 0], return_counts=True)
    counts: Array = each.astype(np.float64)
    if len(values) <= MANY:
        return values, counts, False
    _, which = np.unique(np.floor(np.log(values / values[0]) / ALIKE), return_inverse=True)
    together = np.bincount(which, weights=counts)
    return np.asarray(np.bincount(which, weights=counts * values) / together), np.asarray(together, np.float64), True


def _mean(contexts: Sequence[_Context], answers: Sequence[Mapping[str, Array | float]]) -> dict[str, Array]:
    """Return the frequency-weighted means of what all contexts have."""
    weights = np.array([context.frequency for context in contexts])
    names = [name for name in answers[0] if all(name in answer for answer in answers)]
    return {name: np.tensordot(weights, [answer[name] for answer in answers], axes=1) for name in names}


def _by_generation(
    context: _Context, plan: _Plan, laws: dict[tuple[int, int], tuple[Ancestors, ...]], *, followed: bool
) -> dict[str, Array]:
    """Return the quantities of each generation; `laws` keeps the ancestors for contexts with as many samples.

    `followed`: whether the laws of tokens' counts are followed, which all contexts can afford.
    """
    found = {
        "concentration": 1 - context.diversity * (1 - context.mean_variance),
        "squared_error": context.diversity * context.mean_variance,
        "squared_drift": context.diversity * context.drift,
    }
    if followed and plan.kind in token_errors.REFITS:
        found["absolute_error"], found["absolute_drift"] = token_errors.absolute_errors(
            context.probabilities, counts=context.counts, refit=context.refit(plan.kind), generations=plan.generations
        )
    if followed and plan.kind == "mix-fresh":
        answers = fresh_mix_answers(
            context.probabilities, counts=context.counts, mix=context.fresh_mix, generations=plan.generations
        )
        names = ("absolute_error", "vocabulary", "collapse_probability")
        return found | {name: getattr(answers, name) for name in names}
    return found | _survival(context, plan, laws)


def _affordable(context: _Context, plan: _Plan) -> bool:
    """Return whether the laws of tokens' counts can be followed."""
    if plan.kind == "mix-fresh":
        return affordable_fresh(context.fresh_mix, generations=plan.effort, n_tokens=len(context.counts))
    return plan.kind in token_errors.REFITS and token_errors.affordable(
        context.probabilities, refit=context.refit(plan.kind), generations=plan.effort
    )


def _survival(context: _Context, plan: _Plan, laws: dict[tuple[int, int], tuple[Ancestors, ...]]) -> dict[str, Array]:
    """Return vocabulary and collapse probability, where the ancestors tell them."""
    if plan.kind == "replace":
        sizes = (context.n_first, context.n_samples)
        if sizes not in laws:
            laws[sizes] = ancestors(context.n_samples, n_first=context.n_first, generations=plan.generations)
        known = laws[sizes]
    elif plan.kind == "mix-fresh" and many_ancestors(context.fresh_mix):
        known = fresh_ancestors(context.fresh_mix, generations=plan.generations)
    elif plan.kind in ("accumulate", "mix-reused"):  # what generation 0 has, all have
        known = ancestors(1, n_first=context.n_first, generations=0) * (plan.generations + 1)
    else:
        return {}
    return {
        "vocabulary": surviving_tokens(context.probabilities, known, counts=context.counts),
        "collapse_probability": collapse_probabilities(context.probabilities, known, counts=context.counts),
    }


def _collapse_time(context: _Context, visits: dict[tuple[int, int | None], Array]) -> dict[str, float]:
    time = collapse_time(
        context.probabilities,
        counts=context.counts,
        n_samples=context.n_samples,
        n_first=context.n_first,
        visits=visits,
    )
    return {"collapse_time": time}


def _limits(context: _Context, plan: _Plan) -> dict[str, float]:
    """Return where quantities go after many generations."""
    if context.limit is None:
        return {}
    diversity, first = context.diversity, context.mean_variance[0]
    found = {"concentration": 1 - diversity * (1 - context.limit), "squared_error": diversity * context.limit}
    if plan.kind in ("replace", "accumulate"):  # a martingale
        found["squared_drift"] = diversity * (context.limit - float(first))
    if plan.kind == "mix-reused":
        found["squared_drift"] = diversity * limiting_drift_variance(context.n_samples, n_real=context.n_real)
    if plan.kind == "replace":  # one token is left, token i with probability p_i
        found |= {"absolute_error": 2 * diversity, "vocabulary": 1.0, "collapse_probability": 1.0}
    return found


def _bounds(context: _Context, plan: _Plan) -> Sides:
    """Return what is known of quantities from below and from above, by name."""
    law = {"counts": context.counts}
    lower: dict[str, Array] = {}
    upper = {
        "absolute_error": token_errors.deviation_bound(context.probabilities, variances=context.mean_variance, **law),
        "absolute_drift": token_errors.deviation_bound(context.probabilities, variances=context.drift, **law),
    }
    concentration, support, fits = 1 - context.diversity, int(context.counts.sum()), plan.generations + 1
    if plan.kind == "replace" and context.n_first == context.n_samples and support > 1:
        sizes = {"support": support, "n_samples": context.n_samples}
        lower["collapse_probability"], upper["collapse_probability"] = token_bounds.collapse_probability_bounds(
            concentration, fits=fits, **sizes
        )
        shortest, longest = token_bounds.collapse_time_bounds(concentration, **sizes)
        lower["collapse_time"], upper["collapse_time"] = np.asarray(shortest), np.asarray(longest)
        lower["vocabulary"], upper["vocabulary"] = token_bounds.vocabulary_bounds(
            context.probabilities, n_samples=context.n_samples, fits=fits, **law
        )
    if plan.kind == "mix-reused" and support > 1:
        numbers = {"n_real": context.n_real, "n_samples": context.n_samples}
        lower["concentration"] = reuse_bounds.reused_concentration(concentration, fits=fits, **numbers)
        upper["concentration"] = lower["concentration"]
        upper["published_absolute_drift"] = np.asarray(reuse_bounds.deviation_bound(support, **numbers))
    return lower, upper


def _both_sides(name: str, lower: dict[str, Array], upper: dict[str, Array]) -> Bounds:
    """Return the bounds on a quantity: numbers, or one for each generation."""
    low, high = (side[name].tolist() if name in side else None for side in (lower, upper))
    return Bounds(lower=_frozen(low), upper=_frozen(high), source=_SOURCES[name])


def _frozen(side: list[float] | float | None) -> tuple[float, ...] | float | None:
    return tuple(side) if isinstance(side, list) else side


def _assumptions(contexts: Sequence[_Context], plan: _Plan) -> tuple[str, ...]:
    """Return where numbers are not exact to rounding."""
    found = []
    if plan.kind == "replace" and max(context.n_samples for context in contexts) > EXACT:
        found.append(
            f"above {EXACT} samples the number of real samples behind a generation is normal while it is large: "
            "vocabulary and collapse probability to 1e-6, collapse time to 1e-4"
        )
    if plan.kind == "mix-fresh" and any(many_ancestors(context.fresh_mix) for context in contexts):
        found.append("the number of real samples behind a generation is normal: vocabulary to 1e-6")
    if any(context.rounded for context in contexts):
        found.append(f"tokens whose probabilities differ by less than {ALIKE:g} of them are taken as alike")
    return tuple(found)
