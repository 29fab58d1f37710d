"""Which mixtures does the user ask about? Which prices? Reads `real=9000,synthetic=1000,ridge=1e-3,weight=0.5`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelcollapse.checks import fail, integer, known_keys, number

if TYPE_CHECKING:
    from modelcollapse.decisions.audit import MixtureRequest

_EXAMPLE = "Write it like real=9000,synthetic=1000,ridge=1e-3,weight=0.5."


def read_mixture(text: str, *, sources: Sequence[str]) -> MixtureRequest:
    """Return the mixture that one `--at` option describes.

    Parameters
    ----------
    text : str
        Whole counts by source name, and optionally `ridge` and `weight`, as comma-separated ``name=number``.
    sources : sequence of str
        Names that counts may have; sources left out count 0.

    Raises
    ------
    InputError
        When a part is no ``name=number``, a name is unknown or repeated, a number is out of range,
        a count is not whole, or no count is positive.
    """
    from modelcollapse.decisions.audit import MixtureRequest

    values = read_numbers("--at", text, example=_EXAMPLE)
    known_keys(f"`--at {text}`", values, [*sources, "ridge", "weight"])
    ridge, weight = values.pop("ridge", None), values.pop("weight", 1.0)
    if ridge is not None:
        number(_option("ridge"), ridge, low=0, open_low=True, hint="Use a small positive ridge.")
    number(_option("weight"), weight, low=0)
    counts = {name: float(integer(_option(name), count, low=0)) for name, count in values.items()}
    if not any(count > 0 and (weight > 0 or name == "real") for name, count in counts.items()):
        raise fail("--at", text, "a mixture with a positive count and weight", _EXAMPLE)
    return MixtureRequest(counts=counts, ridge=ridge, weight=weight)


def read_numbers(option: str, text: str, *, example: str = "Write it like real=1,synthetic=0.01.") -> dict[str, float]:
    """Return the numbers by name that an option gives as ``name=number``, separated by commas.

    Raises
    ------
    InputError
        When a part is no ``name=number``, or a name is repeated.
    """
    values: dict[str, float] = {}
    for part in text.split(","):
        name, separator, value = (piece.strip() for piece in part.partition("="))
        if not separator or not name:
            raise fail(option, part.strip(), "name=number, separated by commas", example)
        if name in values:
            raise fail(f"{option} {name}=...", text, "given once")
        try:
            values[name] = float(value)
        except ValueError:
            raise fail(f"{option} {name}=...", value, "a number", example) from None
    return values


def _option(name: str) -> str:
    """Return what an error calls one number of the option."""
    return f"--at {name}=..."
