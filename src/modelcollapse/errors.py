"""Which errors the package raises: one tree, so that callers can catch one class."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelcollapse.result import ClassesResult, Result


class ModelCollapseError(Exception):
    """Base of every error that the package raises on purpose."""


class InputError(ModelCollapseError, ValueError):
    """The caller's input cannot be used; the message says what, got, allowed and the next step."""


class MissingExtraError(ModelCollapseError, ImportError):
    """An optional dependency is absent; the message holds the command that installs it."""


class NumericalError(ModelCollapseError, ArithmeticError):
    """A computation did not reach its tolerance.

    Attributes
    ----------
    result : Result or ClassesResult or None
        What was computed before the failure, with its status.
    """

    def __init__(self, message: str, *, result: Result | ClassesResult | None = None) -> None:
        super().__init__(message)
        self.result = result
