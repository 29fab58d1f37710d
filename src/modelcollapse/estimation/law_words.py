"""What are scaling laws and their parameters called? Names, formulas and meanings."""

from __future__ import annotations

from modelcollapse.estimation.scaling_laws import ScalingLaw

MEANINGS = {
    "amplitude": "loss that data removes, at the typical amount of data",
    "exponent": "power of the amount of data by which that loss falls",
    "irreducible": "loss that no data removes",
    "worth": "real units that a synthetic unit is worth before its floor shows",
    "floor": "loss that synthetic data leave, at a share of 1",
    "floor_power": "power of the synthetic share by which the floor grows",
    "floor_exponent": "power of the generator's real data by which the floor falls",
    "interaction": "power of the model's size by which the floor changes",
    "generation_power": "power of the generation by which the floor grows",
    "size_amplitude": "loss that a larger model removes, at the typical size",
    "size_exponent": "power of the model's size by which that loss falls",
}
"""What each parameter stands for."""


TERMS = {
    "irreducible": "irreducible loss",
    "exchange": "exchange",
    "fraction floor": "floor in the share",
    "generator floor": "double law",
    "size": "model size",
    "interaction": "floor in the share × size",
    "generations": "floor in the share × generation",
}
"""What terms are called that a table may not show."""


def law_name(law: ScalingLaw) -> str:
    """Return what a law is called.

    Examples
    --------
    >>> law_name(ScalingLaw()), law_name(ScalingLaw(irreducible=True, exchange=True))
    ('power law', 'power law + irreducible loss + exchange')
    >>> law_name(ScalingLaw(floor="generator")), law_name(ScalingLaw(floor="fraction", size=True, interaction=True))
    ('double law', 'power law + floor in the share × size + model size')
    """
    terms = ["double law" if law.floor == "generator" else "power law"]
    terms += ["irreducible loss"] * law.irreducible + ["exchange"] * law.exchange
    if law.floor == "fraction":
        terms.append("floor in the share" + " × size" * law.interaction + " × generation" * law.generations)
    terms += ["model size"] * law.size
    return " + ".join(terms)


def law_formula(law: ScalingLaw) -> str:
    """Return a law's formula; N₀ and M₀ are the typical amount of data and size.

    Examples
    --------
    >>> law_formula(ScalingLaw(irreducible=True, exchange=True, floor="fraction"))
    'amplitude·((real + worth·synthetic)/N₀)^−exponent + irreducible + floor·p^floor_power'
    """
    data = "(real + worth·synthetic)" if law.exchange else "(real + synthetic)"
    terms = [f"amplitude·({data}/N₀)^−exponent"] + ["irreducible"] * law.irreducible
    if law.floor == "fraction":
        times = "·(size/M₀)^interaction" * law.interaction + "·generation^generation_power" * law.generations
        terms.append(f"floor·p^floor_power{times}")
    if law.floor == "generator":
        terms.append("floor·p·(T₀/N₀)^−floor_exponent")
    terms += ["size_amplitude·(size/M₀)^−size_exponent"] * law.size
    return " + ".join(terms)
