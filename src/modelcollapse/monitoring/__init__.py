"""Is it happening to me now? Measures of collapse while somebody's own training runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelcollapse.training.extra import require_train

if TYPE_CHECKING:
    from modelcollapse.monitoring.trainer import CollapseMonitor

__all__ = ["CollapseMonitor"]


def __getattr__(name: str) -> Any:
    """Import the callback when it is first asked for: it needs the packages of the extra `train`."""
    if name != "CollapseMonitor":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require_train("CollapseMonitor")
    from modelcollapse.monitoring.trainer import CollapseMonitor

    return CollapseMonitor
