"""How are chains written down? Token, Gaussian, Poisson and n-gram chains as tables of a problem file, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from modelcollapse.checks import choice, fail, known_keys
from modelcollapse.errors import InputError
from modelcollapse.problems.arrays import numbers
from modelcollapse.problems.entries import as_table, build, inlined, located, required, spectrum_to_dict, with_spectrum
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.laws import Law
from modelcollapse.problems.ngrams import NgramChain
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.spectrum import Spectrum
from modelcollapse.problems.text_tokens import read_tokens
from modelcollapse.problems.tokens import Context, TokenChain

LAWS: dict[str, Callable[..., Law]] = {
    "explicit": Law.explicit,
    "uniform": Law.uniform,
    "bernoulli": Law.bernoulli,
    "zipf": Law.zipf,
    "zipf_mandelbrot": Law.zipf_mandelbrot,
    "from_counts": Law.from_counts,
}
GAUSSIAN_KEYS = ("estimator", "bandwidth", "threshold")


def read_token_chain(data: Mapping[str, Any], folder: Path) -> TokenChain:
    """Build a token chain from its tables: one `law`, or several `contexts`."""
    known_keys("the problem", data, ("kind", "law", "contexts", "workflow"))
    if ("law" in data) == ("contexts" in data):
        raise InputError("a problem of kind `tokens` takes either `law`, for one context, or `contexts`.")
    contexts = [Context(_law(data["law"], folder))] if "law" in data else _contexts(data["contexts"], folder)
    return TokenChain(contexts, _workflow(data))


def write_token_chain(chain: TokenChain) -> dict[str, Any]:
    """Return the tables of a token chain, but for its kind."""
    workflow = {"workflow": _workflow_to_dict(chain.workflow)}
    if len(chain.contexts) == 1 and chain.contexts[0].frequency == 1:
        return {"law": _law_to_dict(chain.contexts[0].law), **workflow}
    tables = [{"frequency": item.frequency, "law": _law_to_dict(item.law)} for item in chain.contexts]
    return {"contexts": tables, **workflow}


def read_gaussian_chain(data: Mapping[str, Any], folder: Path) -> GaussianChain:
    """Build a Gaussian chain from its tables."""
    spectrum_keys = ("spectrum", "eigenvalues", "covariance")
    known_keys("the problem", data, ("kind", *spectrum_keys, *GAUSSIAN_KEYS, "workflow"))
    described = with_spectrum({key: data[key] for key in spectrum_keys if key in data}, folder)
    spectrum: Spectrum = required("a problem", described, "spectrum")
    given = {key: data[key] for key in GAUSSIAN_KEYS if key in data}
    return GaussianChain(spectrum, _workflow(data), **given)


def write_gaussian_chain(chain: GaussianChain) -> dict[str, Any]:
    """Return the tables of a Gaussian chain, but for its kind."""
    given = {key: getattr(chain, key) for key in GAUSSIAN_KEYS if getattr(chain, key) is not None}
    return {**spectrum_to_dict(chain.spectrum), **given, "workflow": _workflow_to_dict(chain.workflow)}


def read_poisson_chain(data: Mapping[str, Any], folder: Path) -> PoissonChain:
    """Build a Poisson chain from its tables."""
    known_keys("the problem", data, ("kind", "rates", "workflow"))
    rates = numbers("rates", required("a problem", data, "rates"), folder)
    return PoissonChain(rates, _workflow(data))


def write_poisson_chain(chain: PoissonChain) -> dict[str, Any]:
    """Return the tables of a Poisson chain, but for its kind."""
    return {"rates": inlined(chain.rates), "workflow": _workflow_to_dict(chain.workflow)}


def read_ngram_chain(data: Mapping[str, Any], folder: Path) -> NgramChain:
    """Build an n-gram chain from its tables: `text` names a file, `tokens` are numbers.

    Left out, `n_samples` and the number of real samples are the length of the text.
    """
    known_keys("the problem", data, ("kind", "text", "unit", "tokens", "order", "workflow"))
    if ("text" in data) == ("tokens" in data):
        raise InputError("a problem of kind `ngrams` takes either `text`, the name of a file, or `tokens`.")
    if "text" in data:
        tokens = read_tokens(data["text"], unit=data.get("unit", "words"), folder=folder)
    elif "unit" in data:
        raise InputError("`unit` says how a `text` is read; `tokens` are read already. Leave it out.")
    else:
        tokens = numbers("tokens", data["tokens"], folder)
    workflow = as_table("workflow", required("a problem", data, "workflow"))
    defaults = {"n_samples": len(tokens), "n_first": len(tokens)}
    defaults |= {"n_real": len(tokens)} if workflow.get("kind") == "mix" else {}
    order = {"order": data["order"]} if "order" in data else {}
    return NgramChain(tokens, workflow=_workflow({"workflow": {**defaults, **workflow}}), **order)


def write_ngram_chain(chain: NgramChain) -> dict[str, Any]:
    """Return the tables of an n-gram chain, but for its kind; its text as token numbers."""
    return {"tokens": chain.tokens.tolist(), "order": chain.order, "workflow": _workflow_to_dict(chain.workflow)}


def _contexts(value: Any, folder: Path) -> list[Context]:
    if not isinstance(value, list) or not value:
        raise fail("contexts", value, "a list of at least one table")
    contexts = []
    for position, entry in enumerate(value):
        with located(f"context {position + 1} of {len(value)}"):
            table = as_table("context", entry)
            known_keys("a context", table, ("frequency", "law"))
            law = _law(required("a context", table, "law"), folder)
            contexts.append(Context(law, frequency=table.get("frequency", 1.0)))
    return contexts


def _law(value: Any, folder: Path) -> Law:
    """Build a law from its table, or from its probabilities."""
    with located("`law`"):
        if not isinstance(value, Mapping):
            return Law.explicit(numbers("law", value, folder))
        table = as_table("law", value)
        kind = choice("kind", required("a law", table, "kind"), LAWS)
        given = {name: item for name, item in table.items() if name != "kind"}
        for name in ("probabilities", "counts"):
            if name in given:
                given[name] = numbers(name, given[name], folder)
        return build(f"a law of kind `{kind}`", LAWS[kind], given)


def _law_to_dict(law: Law) -> Any:
    parameters = {name: inlined(value) for name, value in law.parameters}
    return parameters["probabilities"] if law.kind == "explicit" else {"kind": law.kind, **parameters}


def _workflow(data: Mapping[str, Any]) -> Resampling:
    table = as_table("workflow", required("a problem", data, "workflow"))
    with located("`workflow`"):
        return build("a workflow", Resampling, table)


def _workflow_to_dict(workflow: Resampling) -> dict[str, Any]:
    content = {item.name: getattr(workflow, item.name) for item in fields(workflow)}
    return {key: value for key, value in content.items() if value is not None}
