"""What does theory answer to text that an n-gram model writes anew? Nothing: how often contexts occur is drawn, too."""

from __future__ import annotations

from modelcollapse.problems.ngrams import NgramChain


def unsupported(problem: NgramChain) -> str:
    """Return why theory does not answer such problems, as words that follow its name.

    Parameters
    ----------
    problem : NgramChain
    """
    return "has no answer to n-gram text, where the model itself decides how often each context occurs"
