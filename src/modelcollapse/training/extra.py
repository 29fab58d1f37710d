"""Is the extra `train` installed? A clear error with the command that installs it, before any work."""

from __future__ import annotations

from importlib.util import find_spec

from modelcollapse.errors import MissingExtraError

PACKAGES = ("torch", "transformers", "accelerate", "tokenizers")


def require_train(what: str = "training networks") -> None:
    """Refuse to go on without the packages that train networks.

    Raises
    ------
    MissingExtraError
        When one of them is not installed.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"{what} needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed. "
            "Run: pip install 'modelcollapse[train]'."
        )
