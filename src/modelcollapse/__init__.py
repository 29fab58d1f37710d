"""What will synthetic training data do to a model? Heavy modules are imported when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelcollapse.errors import InputError, MissingExtraError, ModelCollapseError, NumericalError

__version__ = "0.1.0"

_HOME = {
    "InputError": "modelcollapse.errors",
    "MissingExtraError": "modelcollapse.errors",
    "ModelCollapseError": "modelcollapse.errors",
    "NumericalError": "modelcollapse.errors",
}

__all__ = ["InputError", "MissingExtraError", "ModelCollapseError", "NumericalError", "__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name from its home module on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'modelcollapse' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
