"""Which chains are answered by theory and by simulation? At least one of every workflow, family and size."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelcollapse import Spectrum
from modelcollapse.problems.gaussian import GaussianChain
from modelcollapse.problems.laws import Law
from modelcollapse.problems.poisson import PoissonChain
from modelcollapse.problems.resampling import Resampling
from modelcollapse.problems.tokens import Context, TokenChain


def workflows(n: int, generations: int, **other: Any) -> dict[str, Resampling]:
    """Return one workflow of each sort, with n samples at a time."""
    common = {"generations": generations, "n_samples": n, **other}
    mixed = {"generations": generations, "n_samples": 2 * n, "n_real": n}
    return {
        "replace": Resampling("replace", **common),
        "accumulate": Resampling("accumulate", **common),
        "accumulate-subsample": Resampling("accumulate-subsample", subsample=n, **common),
        "mix-fresh": Resampling("mix", real="fresh", **mixed),
        "mix-reused": Resampling("mix", real="reused", **mixed),
        "recent": Resampling("recent", window=3, **common),
        "random-past": Resampling("random-past", **common),
    }


ZIPF = Law.zipf(30, exponent=1.1)
CONTEXTS = [Context(Law.uniform(4), frequency=3.0), Context(Law.explicit([0.7, 0.25, 0.05, 0.0]), frequency=1.0)]
REPLACE = workflows(20, 12)["replace"]

CHAINS: dict[str, TokenChain | GaussianChain | PoissonChain] = {
    **{f"tokens {name}": TokenChain(ZIPF, workflow) for name, workflow in workflows(20, 12).items()},
    **{f"tokens from 7 samples {name}": TokenChain(Law.uniform(5), workflow)
       for name, workflow in workflows(25, 6, n_first=7).items() if not name.startswith("mix")},
    "tokens of two contexts": TokenChain(CONTEXTS, REPLACE),
    "tokens of two contexts accumulate": TokenChain(CONTEXTS, workflows(20, 12)["accumulate"]),
    "two tokens, one rare": TokenChain(Law.bernoulli(0.01), Resampling("replace", generations=20, n_samples=100)),
    "tokens of a text": TokenChain(Law.zipf_mandelbrot(300, offset=2.7, exponent=1.3),
                                   Resampling("replace", generations=15, n_samples=3000)),
    "many tokens, many samples": TokenChain(ZIPF, Resampling("replace", generations=10, n_samples=10**12)),
    "few samples that all collapse": TokenChain(Law.uniform(3), Resampling("replace", generations=150, n_samples=5)),
    **{f"gaussian {name}": GaussianChain(Spectrum.power_law(3, exponent=1.0), workflow)
       for name, workflow in workflows(12, 8).items()},
    **{f"gaussian unbiased {name}": GaussianChain(Spectrum.isotropic(1), workflow, estimator="unbiased", threshold=0.8)
       for name, workflow in workflows(12, 8).items()},
    **{f"kernel density {name}": GaussianChain(Spectrum.isotropic(2), workflow, bandwidth=0.4)
       for name, workflow in workflows(12, 6).items()},
    **{f"poisson {name}": PoissonChain(np.array([0.3, 5.0]), workflow)
       for name, workflow in workflows(12, 10).items() if name != "accumulate-subsample"},
}  # fmt: skip
"""By name."""
